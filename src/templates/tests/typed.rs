//! What a template may ask of values whose type is known.

use super::{load, parsed};
use crate::{
    spark::plan::DriverPlan,
    templates::{TemplateError, TemplateErrorKind as Kind, sample},
};
use serde_json::json;

/// A plan with a volume of each sort, and with limits.
fn plan() -> DriverPlan {
    let mut plan = sample::plan();
    plan.pod
        .volumes
        .push(json!({"name": "host", "hostPath": {"path": "/data"}}));
    plan.driver.resources.limits.insert("cpu".into(), json!("1500m"));
    plan.pod
        .other_spec
        .insert("terminationGracePeriodSeconds".into(), json!(30));
    plan
}

/// What `{{ … }}` comes to, or how it fails. A partial holds it, which is compiled without knowing who includes it.
fn outcome(source: &str) -> Result<String, TemplateError> {
    let source = format!("a: |\n  {source}\n");
    let files = [("driver-configmap.yaml.j2", source.as_str())];
    let set = load(&files).map_err(|errors| errors.0[0].clone())?;
    let rendered = set.render(&plan())?;
    let text = &rendered.documents.last().unwrap().text;
    Ok(text.trim_start_matches("a: |\n").trim().to_owned())
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_not_there_is_empty_or_none_and_what_is_there_is_itself() {
    let mut wrong = Vec::new();
    for (source, expected) in [
        // Chains.
        ("{{ pod.other_spec.dnsConfig.options | length }}", "0"),
        ("{{ pod.other_spec.dnsConfig.nameservers | list }}", "[]"),
        ("{{ pod.other_spec.hostPID }}", "null"),
        ("{{ pod.other_spec.dnsConfig }}", "null"),
        ("{{ pod.other_spec.hostAliases }}", "null"),
        (
            "{% for v in pod.volumes %}{{ v.hostPath.path }} {% endfor %}",
            "null null \"/data\"",
        ),
        (
            "{% for a in pod.other_spec.hostAliases %}x{% else %}none{% endfor %}",
            "none",
        ),
        ("{{ pod.other_spec['dnsConfig'].options | length }}", "0"),
        (
            "{{ pod.other_spec | attr('dnsConfig') | attr('options') | length }}",
            "0",
        ),
        // Truth: an object that is there is true, if it is empty or not.
        ("{{ 1 if pod.other_spec.dnsConfig else 2 }}", "2"),
        ("{{ 1 if pod.volumes[0].emptyDir else 2 }}", "1"),
        ("{{ 1 if pod.volumes[0].hostPath else 2 }}", "2"),
        ("{{ pod.other_spec.dnsConfig is defined }}", "false"),
        ("{{ pod.other_spec.dnsConfig is none }}", "true"),
        ("{{ pod.other_spec.hostPID is defined }}", "false"),
        ("{{ pod.other_spec.hostNetwork is defined }}", "true"),
        ("{{ pod.other_spec.dnsConfig | default('x') }}", "\"x\""),
        ("{{ pod.other_spec.hostAliases | default('x') }}", "\"x\""),
        ("{{ pod.other_spec.hostPID | default('x') }}", "\"x\""),
        ("{{ pod.other_spec.hostNetwork | default('x') }}", "false"),
        ("{{ pod.other_spec.hostNetwork | default('x', true) }}", "\"x\""),
        // `in` and comparisons.
        ("{{ 'hostPath' in pod.volumes[0] }}", "false"),
        ("{{ 'emptyDir' in pod.volumes[0] }}", "true"),
        ("{{ pod.volumes[0] == pod.volumes[0] }}", "true"),
        ("{{ pod.volumes[0] in pod.volumes }}", "true"),
        ("{{ pod.volumes[0] == pod.volumes[1] }}", "false"),
        (
            "{{ pod.other_spec.securityContext == {'runAsUser': 185} }}",
            "true",
        ),
        // Filters.
        (
            "{{ pod.volumes | selectattr('hostPath') | map(attribute='name') | list }}",
            "[\"host\"]",
        ),
        ("{{ pod.volumes | rejectattr('hostPath') | list | length }}", "2"),
        (
            "{{ pod.volumes | selectattr('hostPath', 'defined') | list | length }}",
            "1",
        ),
        (
            "{{ pod.volumes | selectattr('hostPath.path', 'eq', '/data') | list | length }}",
            "1",
        ),
        (
            "{{ pod.volumes | map(attribute='hostPath.path') | list }}",
            "[null,null,\"/data\"]",
        ),
        (
            "{{ (pod.volumes | sort(attribute='name') | first).name }}",
            "\"host\"",
        ),
        ("{{ pod.volumes | groupby('hostPath.path') | length }}", "2"),
        (
            "{{ pod.volumes | unique(attribute='hostPath') | list | length }}",
            "2",
        ),
        ("{{ pod.volumes[1:] | map(attribute='name') | last }}", "\"host\""),
        ("{{ (pod.volumes | reverse | first).hostPath.path }}", "\"/data\""),
        ("{{ (pod.volumes + driver.ports)[0].emptyDir }}", "{}"),
        (
            "{{ (pod.volumes | batch(2) | first | last).configMap.name }}",
            "\"spark-drv-1-conf-map\"",
        ),
        (
            "{{ pod.volumes[0] | items | list }}",
            "[[\"emptyDir\",{}],[\"name\",\"v\"]]",
        ),
        (
            "{{ pod.volumes[0] | dictsort }}",
            "[[\"emptyDir\",{}],[\"name\",\"v\"]]",
        ),
        (
            "{{ pod.volumes[0] | tojson }}",
            "{\"emptyDir\":{},\"name\":\"v\"}",
        ),
        (
            "{% for key in pod.volumes[0] %}{{ key }}{{ pod.volumes[0][key] }} {% endfor %}",
            "\"emptyDir\"{} \"name\"\"v\"",
        ),
        // Users' keys are open.
        ("{{ pod.labels.nope is defined }}", "false"),
        ("{{ pod.labels.nope | default('x') }}", "\"x\""),
        ("{{ 'nope' in pod.labels }}", "false"),
        ("{{ executor.metadata.labels.a }}", "\"b\""),
        ("{{ executor.metadata.annotations.a | default('x') }}", "\"x\""),
        // Numbers.
        ("{{ cpu(driver.resources.limits.cpu) }}", "1.5"),
        ("{{ cpu('4') }} {{ cpu(2) }} {{ cpu('250m') }}", "4 2 0.25"),
        ("{{ bytes(driver.resources.limits.memory) }}", "1476395008"),
        ("{{ bytes('1Gi') < bytes('2G') }}", "true"),
        ("{{ cpu(driver.resources.limits.nope, 0) }}", "0"),
        ("{{ bytes(pod.other_spec.hostPID, 7) }}", "7"),
        ("{{ number(pod.other_spec.activeDeadlineSeconds, 60) }}", "60"),
        (
            "{{ number(pod.other_spec.terminationGracePeriodSeconds, 60) > 20 }}",
            "true",
        ),
        ("{{ number('12') + number(' 0.5 ') }}", "12.5"),
        (
            "{{ pod.volumes[0] is typed }} {{ pod.labels is typed }}",
            "true false",
        ),
    ] {
        let outcome = outcome(source).unwrap_or_else(|error| error.to_string());
        if outcome != expected {
            wrong.push(format!("{source}: expected {expected}, found {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each way to read a field that there can't be, with what a template can hide from the check before anything is rendered.
#[test]
fn an_unknown_field_is_an_error_however_it_is_read() {
    for source in [
        "{{ v[h] }}",
        "{{ 1 if v[h] else 2 }}",
        "{{ v[h] | default(1) }}",
        "{{ v[h] is defined }}",
        "{{ h in v }}",
        "{{ h not in v }}",
        "{{ h is in v }}",
        "{{ v | attr(h) is defined }}",
        "{{ vs | selectattr(h) | list | length }}",
        "{{ vs | rejectattr(h) | list | length }}",
        "{{ vs | selectattr(h, 'defined') | list | length }}",
        "{{ vs | selectattr(h, 'eq', 1) | list | length }}",
        "{{ vs | map(attribute=h) | list | length }}",
        "{{ vs | map(attribute=h, default=1) | list | length }}",
        "{{ vs | map('attr', h) | select | list | length }}",
        "{{ vs | groupby(h) | length }}",
        "{{ vs | groupby(h, default=1) | length }}",
        "{{ vs | sort(attribute=h) | length }}",
        "{{ vs | unique(attribute=h) | list | length }}",
        "{{ vs[1:] | selectattr(h) | list | length }}",
        "{{ vs | list | selectattr(h) | list | length }}",
        "{{ (vs + vs) | selectattr(h) | list | length }}",
        "{{ vs | reverse | selectattr(h) | list | length }}",
        "{{ vs | batch(1) | first | selectattr(h) | list | length }}",
        "{{ vs | selectattr('name') | selectattr(h) | list | length }}",
        "{{ {h: 1, 'name': 1} == v }}",
        "{{ [v] | selectattr(h) | list | length }}",
        "{{ {'x': v}['x'][h] is defined }}",
        "{% for each in vs if each[h] %}x{% endfor %}",
        "{% set x = v[h] %}",
        "{% with x = v[h] %}{% endwith %}",
        "{% if v[h] %}x{% endif %}",
        "{% macro m(x) %}{{ 1 if x[h] else 2 }}{% endmacro %}{{ m(v) }}",
        "{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(x) m(v) %}{{ x[h] is defined }}{% endcall %}",
        "{% include '_reads.j2' %}",
        "{% from '_reads.j2' import reads %}{{ reads(v, h) }}",
        "{% import '_reads.j2' as lib %}{{ lib.reads(v, h) }}",
        "{% block own %}{{ v[h] is defined }}{% endblock %}",
    ] {
        let source = format!(
            "{{% set h = 'host' ~ 'path' %}}{{% set v = pod.volumes[2] %}}{{% set vs = pod.volumes %}}{source}"
        );
        let files = [
            ("driver-configmap.yaml.j2", source.as_str()),
            (
                "_reads.j2",
                "{% macro reads(x, y) %}{{ x[y] is defined }}{% endmacro %}{{ (v | default({}))[h | default('x')] is defined }}",
            ),
        ];
        let set = load(&files).unwrap_or_else(|errors| panic!("{source}: {errors}"));
        let Err(error) = set.render(&plan()) else {
            panic!("{source}: no error");
        };
        assert_eq!(error.kind, Kind::Undefined, "{source}: {error}");
        assert!(error.message.starts_with("unknown field"), "{source}: {error}");
        assert!(error.message.contains("of Volume"), "{source}: {error}");
        // The name was made at run time, and could be a user's value.
        assert!(!error.to_string().contains("`hostpath`"), "{source}: {error}");
    }
}

#[test]
fn what_came_of_an_unknown_field_is_not_told() {
    let read = "{% set x = pod.volumes | selectattr('host' ~ 'path') | list %}";
    for then in ["{{ refuse('no') }}", "{{ 1 // 0 }}", ""] {
        let error = outcome(&format!("{read}{then}")).unwrap_err();
        assert_eq!(error.kind, Kind::Undefined, "{error}");
        assert!(error.message.starts_with("unknown field"), "{error}");
    }
}

#[test]
fn numbers_are_made_of_numbers_only() {
    for (source, expected) in [
        ("{{ cpu('x') }}", "cpu(): expected a quantity"),
        ("{{ cpu(driver.args) }}", "cpu(): expected a quantity"),
        ("{{ bytes('1KB') }}", "bytes(): expected a quantity"),
        (
            "{{ cpu(pod.other_spec.hostPID) }}",
            "cpu(): expected a value, found nothing",
        ),
        (
            "{{ cpu(driver.resources.limits.nope) }}",
            "cpu(): expected a value, found nothing",
        ),
        ("{{ number(pod.name) }}", "number(): expected a number"),
        ("{{ number('NaN') }}", "number(): expected a number"),
        (
            "{{ number(pod.other_spec.hostPID) }}",
            "number(): expected a value, found nothing",
        ),
        ("{{ '10' is lt(9) }}", "expected two numbers"),
        (
            "{{ [pod.other_spec.hostPID] | select('gt', 3) | list }}",
            "expected two numbers",
        ),
        (
            "{{ pod.volumes | selectattr('name', '>=', 3) | list }}",
            "expected two numbers",
        ),
    ] {
        let error = outcome(source).unwrap_err();
        assert!(error.message.contains(expected), "{source}: {error}");
        assert!(!error.to_string().contains("spark-pi-driver"), "{error}");
    }
}

/// What a built-in template writes doesn't depend on whether its values have types.
#[test]
fn the_builtin_templates_write_the_same_with_types_and_without() {
    let plain = load(&[]).unwrap();
    let typed = load(&[("_unused.j2", "x")]).unwrap();
    for plan in [sample::plan(), sample::least_plan(), plan()] {
        let (plain, typed) = (plain.render(&plan).unwrap(), typed.render(&plan).unwrap());
        for (plain, typed) in plain.documents.iter().zip(&typed.documents) {
            assert_eq!(plain, typed);
        }
        assert!(parsed(&typed, "pod-driver").is_object());
    }
}
