//! The layers: the default set's patches and policies, a named set's, and those of `always/`.

use super::sets::{files, write};
use crate::{
    kubernetes::ObjectKind,
    templates::{
        Fallback, Files, LoadError, Parts, Probe, Rendered, SetOptions, TemplateSet, TemplateSets,
        TemplateStore, TriedSet, sample,
    },
};
use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

static EXTRA_KINDS: LazyLock<[ObjectKind; 1]> =
    LazyLock::new(|| [ObjectKind::known("PodDisruptionBudget").unwrap()]);

fn parts<'p>(name: &'p str, own: &'p Files, default: &'p Files, always: &'p Files) -> Parts<'p> {
    Parts {
        name,
        files: own,
        default,
        always,
        extra_kinds: &EXTRA_KINDS[..],
        newer_fields: crate::templates::NewerFields::Refuse,
    }
}

/// A named set's documents.
fn rendered(own: &Files, default: &Files, always: &Files) -> Rendered {
    let set = TemplateSet::load_parts(parts("gpu", own, default, always)).unwrap();
    set.render(&sample::plan()).unwrap()
}

fn patches(rendered: &Rendered, role: &str) -> Vec<(String, String)> {
    let document = rendered.documents.iter().find(|document| document.role == role);
    let patches = document.unwrap().patches.iter();
    patches
        .map(|patch| (patch.template.clone(), patch.text.trim().to_owned()))
        .collect()
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()
}

#[test]
fn patches_of_every_layer_apply_and_the_strongest_comes_last() {
    let patch = |text: &str| files(&[("driver-pod.patch.yaml.j2", text)]);
    let none = Files::new();
    let (default, own, always) = (patch("a: 1"), patch("b: 2"), patch("c: 3"));
    assert_eq!(
        patches(&rendered(&own, &default, &always), "pod-driver"),
        owned([
            ("driver-pod.patch.yaml.j2", "a: 1"),
            ("gpu/driver-pod.patch.yaml.j2", "b: 2"),
            ("always/driver-pod.patch.yaml.j2", "c: 3"),
        ])
    );
    assert_eq!(
        patches(&rendered(&none, &default, &none), "pod-driver"),
        owned([("driver-pod.patch.yaml.j2", "a: 1")]),
        "once, where the named set has none"
    );
    let set = TemplateSet::load_parts(parts("default", &default, &none, &always)).unwrap();
    assert_eq!(
        patches(&set.render(&sample::plan()).unwrap(), "pod-driver"),
        owned([
            ("driver-pod.patch.yaml.j2", "a: 1"),
            ("always/driver-pod.patch.yaml.j2", "c: 3"),
        ])
    );
}

#[test]
fn no_set_can_put_its_own_partial_into_another_layers_patch() {
    let layer = |word: &str| {
        let patch = "{% include '_label.j2' %}";
        files(&[
            ("driver-pod.patch.yaml.j2", patch),
            ("_label.j2", &format!("a: {word}\n")),
        ])
    };
    let texts: Vec<_> = patches(
        &rendered(&layer("own"), &layer("default"), &layer("always")),
        "pod-driver",
    )
    .into_iter()
    .map(|(_, text)| text)
    .collect();
    assert_eq!(texts, ["a: default", "a: own", "a: always"]);
}

#[test]
fn the_layer_has_objects_of_its_own_and_patches_those_of_sets() {
    let always = files(&[
        ("fence.yaml.j2", "kind: PodDisruptionBudget\n"),
        ("fence.patch.yaml.j2", "a: 1"),
        ("budget.patch.yaml.j2", "b: 2"),
    ]);
    let own = files(&[("budget.yaml.j2", "kind: PodDisruptionBudget\n")]);
    let rendered = rendered(&own, &Files::new(), &always);
    assert_eq!(
        patches(&rendered, "extra-fence"),
        owned([("always/fence.patch.yaml.j2", "a: 1")])
    );
    assert_eq!(
        patches(&rendered, "extra-budget"),
        owned([("always/budget.patch.yaml.j2", "b: 2")])
    );
}

#[test]
fn what_the_layer_may_not_have_is_reported() {
    let refused = |own: &[(&str, &str)], always: &[(&str, &str)]| -> String {
        let (own, always) = (files(own), files(always));
        let LoadError(errors) =
            TemplateSet::load_parts(parts("gpu", &own, &Files::new(), &always)).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].to_string()
    };
    let error = refused(&[], &[("driver-pod.yaml.j2", "a: 1")]);
    assert!(
        error.starts_with("always/driver-pod.yaml.j2: ") && error.contains("driver-pod.patch.yaml.j2"),
        "{error}"
    );
    let error = refused(&[("fence.yaml.j2", "a: 1")], &[("fence.yaml.j2", "a: 1")]);
    assert!(
        error.starts_with("always/fence.yaml.j2: ") && error.contains("only one layer"),
        "{error}"
    );
    let error = refused(&[], &[("driver-pd.patch.yaml.j2", "a: 1")]);
    assert!(
        error.contains("did you mean `driver-pod.patch.yaml.j2`?"),
        "{error}"
    );
    let error = refused(&[], &[("hosts.polcy.j2", "")]);
    assert!(error.starts_with("always/hosts.polcy.j2: "), "{error}");
}

#[test]
fn every_part_of_the_chain_is_in_the_id() {
    let some = files(&[("a.policy.j2", "{{ refuse('x') }}")]);
    let other = files(&[("a.policy.j2", "{{ refuse('y') }}")]);
    let none = Files::new();
    let chains = [
        parts("gpu", &none, &none, &none),
        parts("gpu", &some, &none, &none),
        parts("gpu", &none, &some, &none),
        parts("gpu", &none, &none, &some),
        parts("gpu", &none, &none, &other),
        parts("gpu", &some, &some, &some),
    ];
    let ids: std::collections::BTreeSet<_> = chains.iter().map(|parts| parts.id()).collect();
    assert_eq!(ids.len(), chains.len(), "{ids:?}");
    assert!(chains[0].is_builtin() && chains[1..].iter().all(|parts| !parts.is_builtin()));
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

const PATCH: &str = "always/driver-pod.patch.yaml.j2";

#[test]
fn the_folder_is_no_set_and_swaps_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, PATCH, "metadata: {}\n");
    write(path, "gpu/_a.j2", "x");
    let store = TemplateStore::start(options(path), renders(), Fallback::Refuse);
    let ids = || -> Vec<_> { store.current().iter().map(|set| set.id().to_owned()).collect() };
    let before = ids();
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(!store.current().sets.contains_key("always"));
    assert!("type:R=always".parse::<crate::templates::SetRule>().is_err());

    // A change of it is tried with every set, and a bad one changes nothing.
    write(path, PATCH, "{{ nothing }}");
    store.reload();
    assert_eq!(ids(), before);
    let status = store.status();
    for set in ["default", "gpu"] {
        let error = status.sets[set].error.as_deref().unwrap();
        assert!(
            error.starts_with("always/driver-pod.patch.yaml.j2:1: "),
            "{error}"
        );
    }
    write(path, PATCH, "metadata: {labels: {}}\n");
    store.reload();
    assert!(ids().iter().all(|id| !before.contains(id)));
    assert_eq!(store.status().last_error, None);
    assert_eq!(TemplateSets::load(&options(path)).unwrap().iter().count(), 2);
}

#[test]
fn an_emptied_layer_is_no_wish_to_do_without_it() {
    for folder in ["always", "default", "gpu"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let other = if folder == "gpu" {
            "always/_a.j2"
        } else {
            "gpu/_a.j2"
        };
        write(path, other, "x");
        write(path, &format!("{folder}/_a.j2"), "x");
        let store = TemplateStore::start(options(path), renders(), Fallback::Refuse);
        let live = |store: &TemplateStore| store.status().live;
        let before = live(&store);
        assert!(before.is_some(), "{folder}: {:?}", store.status());

        fs::remove_file(path.join(folder).join("_a.j2")).unwrap();
        store.reload();
        assert_eq!(live(&store), before, "{folder}: the last good one stays");
        let error = store.status().last_error.unwrap();
        assert!(
            error.contains(&format!("the folder `{folder}` has no template")),
            "{error}"
        );
        let fresh = TemplateStore::start(options(path), renders(), Fallback::Refuse);
        let name = if folder == "gpu" { "gpu" } else { "default" };
        assert!(fresh.current().sets[name].is_err(), "{folder}");
    }
}

#[test]
fn a_good_layer_holds_where_the_built_in_templates_serve_instead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, "default/driver-pod.yaml.j2", "{{ nothing }}");
    let label = |value: &str| format!("metadata: {{labels: {{layer: {value}}}}}\n");
    let store = TemplateStore::start(options(path), renders(), Fallback::Builtin);
    let layer = || {
        let sets = store.current();
        let rendered = sets.sets["default"].as_ref().unwrap().render(&sample::plan());
        let patches = rendered.unwrap().documents.swap_remove(0).patches;
        patches.first().map(|patch| patch.text.clone())
    };
    assert_eq!(layer(), None);
    write(path, PATCH, &label("first"));
    store.reload();
    assert_eq!(layer(), Some(label("first")));
    let generation = store.status().generation;
    store.reload();
    assert_eq!(store.status().generation, generation, "the same is tried once");
    write(path, PATCH, "{{ nothing }}");
    store.reload();
    assert_eq!(layer(), Some(label("first")), "the last good one stays");
    write(path, PATCH, &label("second"));
    store.reload();
    assert_eq!(layer(), Some(label("second")));
    assert!(store.status().last_error.is_some());

    write(
        path,
        "default/driver-pod.yaml.j2",
        "{% extends 'builtin/driver-pod.yaml.j2' %}",
    );
    store.reload();
    assert_eq!(
        (layer(), store.status().last_error),
        (Some(label("second")), None)
    );
}

#[test]
fn without_a_good_layer_nothing_serves_unless_the_admin_says_so() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), PATCH, "{{ nothing }}");
    for (fallback, serves) in [(Fallback::Refuse, false), (Fallback::Builtin, true)] {
        let store = TemplateStore::start(options(directory.path()), renders(), fallback);
        assert_eq!(store.status().live.is_some(), serves, "{fallback:?}");
        assert!(store.status().last_error.is_some());
    }
}
