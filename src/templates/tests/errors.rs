use super::{load, render};
use crate::templates::{TemplateError, TemplateErrorKind as Kind, sample};

const CANARY: &str = "hunter2-canary";

/// Renders the driver's `ConfigMap` from this template, with a secret in every value.
fn failure(source: &str) -> TemplateError {
    outcome(source).unwrap()
}

fn outcome(source: &str) -> Option<TemplateError> {
    let mut plan = sample::plan();
    plan.application.name = CANARY.into();
    plan.application.spark_version = format!("{CANARY}-4");
    for value in plan.properties.values_mut() {
        *value = CANARY.into();
    }
    plan.properties.insert(CANARY.into(), CANARY.into());
    plan.driver.args = vec![CANARY.into(); 3];
    plan.config_map.data.insert(CANARY.into(), CANARY.into());
    let set = load(&[
        ("driver-configmap.yaml.j2", source),
        ("_included.j2", "a:\n  b: {{ application.nmae }}\n"),
    ]);
    match set {
        Ok(set) => set.render(&plan).err(),
        Err(errors) => errors.0.into_iter().next(),
    }
}

#[test]
fn an_error_shows_template_line_source_and_what_could_be_meant() {
    let error = failure("a: 1\nb: {{ application.nmae }}\n");
    assert_eq!(error.kind, Kind::Undefined);
    assert_eq!(
        error.to_string(),
        "driver-configmap.yaml.j2:2: `application.nmae` is undefined: unknown field; did you mean `name`?\n\
         2 | b: {{ application.nmae }}\n  \
           |       ^^^^^^^^^^^^^^^^"
    );
    assert_eq!(
        error.brief(),
        "driver-configmap.yaml.j2:2: `application.nmae` is undefined: unknown field; did you mean `name`?"
    );
    let error = failure("{{ applicaton.name }}");
    assert!(error.message.ends_with("did you mean `application`?"), "{error}");
}

#[test]
fn an_error_in_an_included_template_shows_the_way() {
    let error = failure("x: 1\n{% include '_included.j2' %}");
    let text = error.to_string();
    assert!(
        text.starts_with("_included.j2:2: `application.nmae` is undefined: unknown field"),
        "{text}"
    );
    let files = [
        ("driver-configmap.yaml.j2", "x: 1\n{% include '_fails.j2' %}"),
        ("_fails.j2", "a:\n  b: {{ pod.labels.nope }}\n"),
    ];
    let text = load(&files)
        .unwrap()
        .render(&sample::plan())
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("_fails.j2:2: `pod.labels.nope` is undefined\n2 |   b:"),
        "{text}"
    );
    assert!(text.contains("used by driver-configmap.yaml.j2:2"), "{text}");
}

#[test]
fn a_question_about_what_is_missing_is_no_error() {
    let rendered = render(&[(
        "driver-configmap.yaml.j2",
        "a: {% if pod.labels.nope %}1{% else %}{{ pod.labels.nope | default(2) }}{% endif %}\n",
    )])
    .unwrap();
    assert_eq!(rendered.documents.last().unwrap().text, "a: 2\n");
}

/// Ways to fail, with a value at hand in most.
const FAILURES: &[(&str, Kind)] = &[
    ("a: {{ nope }}", Kind::Undefined),
    ("a: {{ nope.x }}", Kind::Undefined),
    ("a: {{ pod.nope.x }}", Kind::Undefined),
    ("a: {{ properties[application.name ~ 'x'] }}", Kind::Undefined),
    ("a: {{ properties.nope }}", Kind::Undefined),
    ("a: {{ config_map.data.nope }}", Kind::Undefined),
    ("{% for x in nope %}{% endfor %}", Kind::Undefined),
    ("a: {{ 'x' if false }}", Kind::Undefined),
    ("a: {{ nope | upper }}", Kind::Undefined),
    ("a: {{ application.name ~ nope }}", Kind::Undefined),
    ("a: {{ application.name | int }}", Kind::Render),
    ("a: {{ application.name | float }}", Kind::Render),
    ("a: {{ application.name + 1 }}", Kind::Render),
    ("a: {{ application.name - 1 }}", Kind::Render),
    ("a: {{ application.name / 0 }}", Kind::Render),
    ("a: {{ -application.name }}", Kind::Render),
    ("a: {{ application.name * application.name }}", Kind::Render),
    ("a: {{ 1 // 0 }}", Kind::Render),
    ("a: {{ range(application.name) }}", Kind::Render),
    ("a: {{ range(1, 900000) }}", Kind::Render),
    ("a: {{ application.name.nope() }}", Kind::Render),
    ("a: {{ application.name() }}", Kind::Render),
    ("a: {{ application | round }}", Kind::Render),
    ("a: {{ driver.args | sum }}", Kind::Render),
    (
        "a: {{ driver.args | map(application.name) | list }}",
        Kind::Render,
    ),
    (
        "a: {{ driver.args | select(application.name) | list }}",
        Kind::Render,
    ),
    (
        "a: {{ driver.args | map(attribute=application.name) | list }}",
        Kind::Undefined,
    ),
    ("a: {{ driver.args | batch(application.name) }}", Kind::Render),
    ("a: {{ driver.args | slice(application.name) }}", Kind::Render),
    ("a: {{ driver.args | join(1, 2, 3, 4) }}", Kind::Render),
    ("a: {{ '%s' | format }}", Kind::Render),
    ("a: {{ ('%d' | format(application.name)) }}", Kind::Render),
    (
        "a: {{ application.name | indent(application.name) }}",
        Kind::Render,
    ),
    ("a: {{ application.name | nope }}", Kind::Render),
    ("a: {{ application.name | safe }}", Kind::Render),
    ("a: {{ application.name | escape }}", Kind::Render),
    ("a: {{ application.name is nope }}", Kind::Render),
    ("a: {{ nope(application.name) }}", Kind::Render),
    ("a: {{ debug() }}", Kind::Render),
    ("a: {{ dict(application.name) }}", Kind::Render),
    ("a: {{ namespace(x=application.name) }}", Kind::Render),
    (
        "a: {{ driver.args | sort(attribute=application.name, nope=application.name) }}",
        Kind::Render,
    ),
    ("a: {{ application.name | replace }}", Kind::Render),
    ("a: {{ {application: 1} }}", Kind::Render),
    ("{% set a, b = driver.args %}", Kind::Render),
    ("{% for a, b in driver.args %}{% endfor %}", Kind::Render),
    ("{% set application.name = 1 %}", Kind::Render),
    ("{% include application.name %}", Kind::Render),
    ("{% include [application.name, application.id] %}", Kind::Render),
    ("{% include application %}", Kind::Render),
    ("{% extends application.name %}", Kind::Render),
    ("{% import application.name as x %}", Kind::Render),
    (
        "{% from '_included.j2' import nope %}{{ nope() }}",
        Kind::Undefined,
    ),
    ("{% extends 'driver-configmap.yaml.j2' %}", Kind::Render),
    ("{% include 'driver-configmap.yaml.j2' %}", Kind::Limit),
    (
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(application.name) }}",
        Kind::Limit,
    ),
    (
        "{% macro m(x) %}{% endmacro %}{{ m(application.name, application.name) }}",
        Kind::Render,
    ),
    (
        "{% macro m(x) %}{% endmacro %}{{ m(y=application.name) }}",
        Kind::Render,
    ),
    (
        "{% for x in range(90000) %}{% for x in range(90000) %}{% endfor %}{% endfor %}",
        Kind::Limit,
    ),
    (
        "{% for x in range(90000) %}{% set y = 'x' * 90000 %}{% endfor %}",
        Kind::Limit,
    ),
    ("a: {{ 'x' * 90000000 }}", Kind::Limit),
    (
        "{% for x in range(90) %}{{ 'x' * 90000 }}{% endfor %}",
        Kind::Limit,
    ),
    ("{% block a %}{{ self.a() }}{% endblock %}", Kind::Limit),
    (
        "{% macro m(x) %}{% endmacro %}{{ m(**properties) }}",
        Kind::Render,
    ),
    ("a: {{ dict(**application) | sort(**properties) }}", Kind::Render),
    ("a: {{ (application.name ~ '%') | format(1) }}", Kind::Render),
    (
        "a: {{ (pod.name | length) // (pod.node_selector | length - 1) }}",
        Kind::Render,
    ),
    ("{{ refuse('no') }}", Kind::Refused),
    (
        "{% if application.name %}{{ refuse('no') }}{% endif %}",
        Kind::Refused,
    ),
];

#[test]
fn each_way_to_fail_has_its_kind_and_no_value_in_its_text() {
    let mut wrong = Vec::new();
    for (source, kind) in FAILURES {
        let Some(error) = outcome(source) else {
            wrong.push(format!("{source}\n  is no error"));
            continue;
        };
        let text = format!("{error}\n{error:?}\n{}", error.brief());
        if error.kind != *kind || text.contains("hunter2") || error.message.is_empty() {
            wrong.push(format!(
                "{source}\n  is {:?}, expected {kind:?}: {error}",
                error.kind
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_template_itself_says_may_be_shown() {
    for (source, message) in [
        (
            "a: {{ application.name | nope }}",
            "unknown filter: filter nope is unknown",
        ),
        ("a: {{ nope() }}", "unknown function: nope is unknown"),
        (
            "a: {{ pod.name.nope() }}",
            "unknown method: string has no method named nope",
        ),
        (
            "a: {{ application.name | safe }}",
            "unknown filter: filter safe is unknown \
             (a value is always written as JSON; only a macro or a block writes text)",
        ),
        ("a: {{ 1 // 0 }}", "invalid operation: unable to calculate 1 // 0"),
        ("a: {{ (pod.name | length) // 0 }}", "invalid operation"),
    ] {
        assert_eq!(failure(source).message, message);
    }
}

#[test]
fn a_refusal_is_the_admins_text_cut_and_on_one_line() {
    let error = failure("{{ refuse('use a smaller\\nimage') }}");
    assert_eq!(error.message, "refused: use a smaller image");
    let error = failure("{{ refuse('x' * 900) }}");
    assert_eq!(error.message, format!("refused: {}", "x".repeat(500)));
    let error = failure("x: 1\n{% include '_refuse.j2' ignore missing %}{{ refuse('y') }}");
    assert_eq!((error.line, error.kind), (Some(2), Kind::Refused));
}

#[test]
fn a_document_of_ten_mebibytes_is_refused() {
    let error = failure("a: |\n{% for x in range(1000) %}\n  {{ 'x' * 10000 }}\n{% endfor %}\n");
    assert_eq!(
        error.brief(),
        "driver-configmap.yaml.j2: the document grew over 4194304 bytes"
    );
}
