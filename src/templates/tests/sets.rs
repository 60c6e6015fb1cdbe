//! Named sets, patches and additional objects.

use super::{load, parsed};
use crate::{
    kubernetes::ObjectKind,
    templates::{
        Fallback, Parts, Probe, SetOptions, SetRules, SetsError, TemplateErrorKind, TemplateSet,
        TemplateSets, TemplateStore, TriedSet, sample,
    },
};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

pub(super) fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    files.iter().map(owned).collect()
}

/// A driver Pod with one annotation more, on top of `parent`.
fn annotated(parent: &str, key: &str) -> String {
    format!(
        "{{% extends \"{parent}\" %}}\n{{% block annotations %}}\n{{{{ super() }}}}\n    {key}: x\n{{% endblock %}}\n"
    )
}

pub(super) fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn annotations(set: &TemplateSet) -> Vec<String> {
    let rendered = set.render(&sample::plan()).unwrap();
    let pod = parsed(&rendered, "pod-driver");
    pod["metadata"]["annotations"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn options(directory: &Path) -> SetOptions {
    SetOptions::from(Some(directory.to_owned()))
}

fn renders() -> Probe {
    Arc::new(|tried: &TriedSet<'_>| match tried.set.render(&sample::plan()) {
        Ok(_) => Ok(()),
        Err(error) => Err(vec![error.brief()]),
    })
}

#[test]
fn a_named_set_has_the_defaults_for_what_it_lacks_and_can_build_on_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(
        path,
        "driver-pod.yaml.j2",
        &annotated("builtin/driver-pod.yaml.j2", "default"),
    );
    write(path, "_part.j2", "y");
    write(path, "empty/README.md", "");
    write(
        path,
        "onto/driver-pod.yaml.j2",
        &annotated("default/driver-pod.yaml.j2", "onto"),
    );
    write(
        path,
        "apart/driver-pod.yaml.j2",
        &annotated("builtin/driver-pod.yaml.j2", "apart"),
    );
    let sets = TemplateSets::load(&options(path)).unwrap();
    let of = |name: &str| annotations(sets.sets[name].as_ref().unwrap());
    assert_eq!(of("default"), ["default", "note"]);
    assert_eq!(of("empty"), ["default", "note"]);
    assert_eq!(of("onto"), ["default", "note", "onto"]);
    assert_eq!(of("apart"), ["apart", "note"]);
    let ids: std::collections::BTreeSet<_> = sets.iter().map(|set| set.id().to_owned()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids.iter().any(|id| id.starts_with("onto@")), "{ids:?}");

    // A change of the default set is a change of every set that has something of it.
    let before = sets.sets["onto"].as_ref().unwrap().id().to_owned();
    write(path, "_part.j2", "z");
    let sets = TemplateSets::load(&options(path)).unwrap();
    assert_ne!(sets.sets["onto"].as_ref().unwrap().id(), before);
}

#[test]
fn the_default_set_is_no_layer_below_itself() {
    let built_on = |parent: &str| load(&[("driver-pod.yaml.j2", &annotated(parent, "a"))]);
    assert_eq!(
        annotations(&built_on("builtin/driver-pod.yaml.j2").unwrap()),
        ["a", "note"]
    );
    let onto_itself = built_on("default/driver-pod.yaml.j2").unwrap();
    let refused = onto_itself.render(&sample::plan()).unwrap_err().to_string();
    assert!(refused.contains("default/driver-pod.yaml.j2"), "{refused}");
}

#[test]
fn errors_name_the_sets_folder() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "gpu/driver-pod.yaml.j2", "a: {{ b\n");
    let error = TemplateSets::load(&options(directory.path())).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("gpu/driver-pod.yaml.j2:1: syntax error"),
        "{error}"
    );

    let missing = SetOptions {
        rules: SetRules {
            rules: vec!["type:R=r".parse().unwrap()],
            ..SetRules::default()
        },
        ..SetOptions::default()
    };
    assert_eq!(
        TemplateSets::load(&missing).unwrap_err(),
        SetsError::Missing("r".to_owned())
    );
}

#[test]
fn a_broken_set_holds_up_no_other_and_keeps_its_last_good_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let pod = |key: &str| annotated("builtin/driver-pod.yaml.j2", key);
    write(path, "driver-pod.yaml.j2", &pod("one"));
    write(path, "gpu/driver-pod.yaml.j2", &pod("gpu-one"));
    let store = TemplateStore::start(options(path), renders(), Fallback::Builtin);
    let of = |name: &str| {
        store.current().sets[name]
            .clone()
            .map(|set| annotations(&set)[..1].join(""))
    };
    assert_eq!(
        (of("default").unwrap(), of("gpu").unwrap()),
        ("note".to_owned(), "gpu-one".to_owned())
    );

    write(path, "driver-pod.yaml.j2", &pod("another"));
    write(path, "gpu/driver-pod.yaml.j2", "{{ nothing }}");
    store.reload();
    assert_eq!(
        (of("default").unwrap(), of("gpu").unwrap()),
        ("another".to_owned(), "gpu-one".to_owned())
    );
    let status = store.status();
    let error = status.last_error.clone().unwrap();
    assert!(
        error.starts_with("set `gpu`: gpu/driver-pod.yaml.j2:1: "),
        "{error}"
    );
    assert!(
        status.sets["gpu"].live.is_some() && status.sets["default"].error.is_none(),
        "{status:?}"
    );
    store.reload();
    assert_eq!(store.status(), status, "unchanged files do nothing");

    // One that never was good is refused; nothing stands in for it.
    write(path, "team/driver-pod.yaml.j2", "{{ nothing }}");
    store.reload();
    assert!(of("team").unwrap_err().starts_with("team/driver-pod.yaml.j2:1: "));

    // A broken default leaves the others what they were.
    write(path, "driver-pod.yaml.j2", "{{ nothing }}");
    write(path, "gpu/driver-pod.yaml.j2", &pod("gpu-two"));
    store.reload();
    assert_eq!(
        (of("default").unwrap(), of("gpu").unwrap()),
        ("another".to_owned(), "gpu-two".to_owned())
    );

    fs::remove_dir_all(path.join("gpu")).unwrap();
    store.reload();
    assert!(!store.current().sets.contains_key("gpu"));
}

#[test]
fn a_bad_default_set_at_the_start_stops_named_ones_only_where_nothing_stands_in() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "secret.yaml.j2", "");
    write(directory.path(), "gpu/_a.j2", "x");
    for (fallback, serves) in [(Fallback::Builtin, true), (Fallback::Refuse, false)] {
        let store = TemplateStore::start(options(directory.path()), renders(), fallback);
        assert_eq!(store.current().sets["gpu"].is_ok(), serves, "{fallback:?}");
    }
}

#[test]
fn patches_and_further_objects_are_rendered_beside_their_document() {
    let all = files(&[
        (
            "driver-pod.patch.yaml.j2",
            "spec: {priorityClassName: {{ application.namespace }}}\n",
        ),
        ("executor-pod.patch.yaml.j2", "spec: {priorityClassName: low}\n"),
        ("budget.yaml.j2", "kind: PodDisruptionBudget\n"),
        ("budget.patch.yaml.j2", "spec: {}\n"),
    ]);
    let none = BTreeMap::new();
    let parts = Parts {
        name: "default",
        files: &all,
        default: &none,
        always: &none,
        extra_kinds: &[ObjectKind::known("PodDisruptionBudget").unwrap()],
        newer_fields: crate::templates::NewerFields::Refuse,
    };
    let rendered = TemplateSet::load_parts(parts)
        .unwrap()
        .render(&sample::plan())
        .unwrap();
    let document = |role: &str| {
        rendered
            .documents
            .iter()
            .find(|document| document.role == role)
            .unwrap()
    };
    let patch = document("pod-driver").patches.first().unwrap();
    assert_eq!(
        (patch.template.as_str(), patch.text.as_str()),
        (
            "driver-pod.patch.yaml.j2",
            "spec: {priorityClassName: \"team-a\"}\n"
        )
    );
    assert!(
        document("configmap-executor-template")
            .carried
            .as_ref()
            .is_some_and(|carried| carried.patches.len() == 1)
    );
    assert_eq!(document("extra-budget").patches.len(), 1);
    assert!(document("service-driver").patches.is_empty());

    let refused = |files: &[(&str, &str)]| load(files).unwrap_err().0.remove(0);
    let error = refused(&[("budget.yaml.j2", "a: 1\n")]);
    assert_eq!(error.kind, TemplateErrorKind::File);
    assert!(error.message.contains("ALLOWED_EXTRA_KINDS"), "{error}");
    let error = refused(&[("driver-pd.patch.yaml.j2", "a: 1\n")]);
    assert!(
        error.message.contains("did you mean `driver-pod.patch.yaml.j2`?"),
        "{error}"
    );
}
