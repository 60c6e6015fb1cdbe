use super::{load, parsed, render};
use crate::templates::TemplateErrorKind;
use serde_json::json;

#[test]
fn a_toleration_takes_three_lines() {
    let pod = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n\
               {% block tolerations %}\n\
               {{ super() }}\n    - {key: gpu, operator: Exists}\n\
               {% endblock %}\n";
    let rendered = render(&[("driver-pod.yaml.j2", pod)]).unwrap();
    assert_eq!(rendered.documents[0].template, "driver-pod.yaml.j2");
    assert_eq!(
        parsed(&rendered, "pod-driver")["spec"]["tolerations"],
        json!([{"operator": "Exists"}, {"key": "gpu", "operator": "Exists"}])
    );

    let set = load(&[("driver-pod.yaml.j2", pod)]).unwrap();
    let rendered = set.render(&crate::templates::sample::least_plan()).unwrap();
    assert_eq!(
        parsed(&rendered, "pod-driver")["spec"]["tolerations"],
        json!([{"key": "gpu", "operator": "Exists"}])
    );
}

#[test]
fn every_block_of_the_pod_can_call_what_it_overrides() {
    let source = crate::templates::builtin::source("driver-pod.yaml.j2").unwrap();
    let expected = parsed(&render(&[]).unwrap(), "pod-driver");
    let blocks: Vec<_> = source
        .split("{% block ")
        .skip(1)
        .filter_map(|rest| rest.split_once(' ').map(|(name, _)| name))
        .collect();
    assert!(blocks.len() > 20);
    for block in blocks {
        let pod = format!(
            "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n\
             {{% block {block} %}}\n{{{{ super() }}}}\n{{% endblock %}}\n"
        );
        let rendered = render(&[("driver-pod.yaml.j2", &pod)]).unwrap();
        assert_eq!(parsed(&rendered, "pod-driver"), expected, "{block}");
    }
}

#[test]
fn partials_macros_and_the_builtin_templates_can_be_included() {
    let partial = "{% macro label(name) %}\n    {{ name }}: {{ application.namespace }}\n{% endmacro %}\n";
    let included = "{% include \"builtin/driver-service.yaml.j2\" %}\n";
    let pod = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n\
               {% from \"_labels.j2\" import label %}\n\
               {% block labels %}\n{{ super() }}\n\
               {% for name in [\"team\", \"cost\"] %}\n    {{ name }}: {{ application.namespace }}\n{% endfor %}\n\
               {% endblock %}\n";
    let files = [
        ("_labels.j2", partial),
        ("driver-service.yaml.j2", included),
        ("driver-pod.yaml.j2", pod),
        ("README.md", "hello"),
    ];
    let set = load(&files).unwrap();
    assert_eq!(set.warnings().len(), 1, "{:?}", set.warnings());
    let rendered = render(&files).unwrap();
    let labels = parsed(&rendered, "pod-driver")["metadata"]["labels"].clone();
    assert_eq!(labels["cost"], "team-a");
    assert_eq!(
        parsed(&rendered, "service-driver"),
        parsed(&render(&[]).unwrap(), "service-driver")
    );
}

#[test]
fn an_override_of_the_executor_pod_reaches_its_config_map() {
    let rendered = render(&[("executor-pod.yaml.j2", "spec: {a: {{ application.name }}}\n")]).unwrap();
    let config_map = parsed(&rendered, "configmap-executor-template");
    assert_eq!(
        config_map["data"]["podspec-configmap-key"],
        "spec: {a: \"Spark Pi\"}\n"
    );
}

#[test]
fn a_sets_id_follows_from_its_templates() {
    let id = |files: &[(&str, &str)]| load(files).unwrap().id().to_owned();
    let plain = id(&[]);
    assert_eq!(id(&[]), plain);
    assert_eq!(id(&[("README.md", "x")]), plain);
    assert_ne!(id(&[("_a.j2", "x")]), plain);
    assert_ne!(id(&[("_a.j2", "xy")]), id(&[("_ax.j2", "y")]));
}

#[test]
fn a_misspelled_question_is_an_error() {
    let set = load(&[
        ("_p.j2", "{% if x %}{% endif %}"),
        ("secret.yaml.j2", "{% if objct %}{% endif %}a: 1"),
    ]);
    assert_eq!(
        set.unwrap_err().brief(),
        "secret.yaml.j2:1: `objct` is undefined: unknown variable; did you mean `object`?"
    );
}

#[test]
fn every_error_of_all_files_is_reported_at_once() {
    let mut files: std::collections::BTreeMap<String, Vec<u8>> = [
        ("driver-pd.yaml.j2", "a: 1"),
        ("driver-pod.yaml.j2", " \n"),
        ("driver-service.yaml.j2", "a: 1\nb: {{ x + }}\n"),
        ("secret.yaml.j2", "a: 1\nb: \"{{ x }}\"\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
    .into();
    files.insert("configmap.yaml.j2".into(), vec![b'a', 0xff]);
    let error = crate::templates::TemplateSet::load(&files).unwrap_err();
    let kinds: Vec<_> = error
        .0
        .iter()
        .map(|error| (error.template.as_str(), error.kind, error.line))
        .collect();
    assert_eq!(
        kinds,
        [
            ("configmap.yaml.j2", TemplateErrorKind::File, Some(1)),
            ("driver-pd.yaml.j2", TemplateErrorKind::File, None),
            ("driver-pod.yaml.j2", TemplateErrorKind::File, None),
            ("driver-service.yaml.j2", TemplateErrorKind::Syntax, Some(2)),
            ("secret.yaml.j2", TemplateErrorKind::Syntax, Some(2)),
        ]
    );
    let text = error.to_string();
    assert!(text.contains("did you mean `driver-pod.yaml.j2`?"), "{text}");
    assert!(text.contains("2 | b: {{ x + }}"), "{text}");
    assert!(!error.brief().contains("b: {{"), "{}", error.brief());
}
