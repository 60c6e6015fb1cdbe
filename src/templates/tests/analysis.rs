//! What is wrong with templates before anything is rendered.

use super::load;
use crate::templates::{TemplateError, TemplateErrorKind as Kind};

const POD: &str = "driver-pod.yaml.j2";

/// What is found in a patch of the driver Pod, beside this partial.
fn found(source: &str) -> Vec<TemplateError> {
    let partial = "{% macro reads(x, y=none) %}\n{{ x.hostpath }}\n{% endmacro %}\n\
                   {% macro uses(volumes) %}{% for each in volumes %}{{ ok(each) }}{% endfor %}{% endmacro %}\n\
                   {% macro ok(x) %}{{ x.hostPath.path }}{% endmacro %}\n";
    let files = [
        ("driver-pod.patch.yaml.j2", source),
        ("_lib.j2", partial),
        ("_each.j2", "{% set seen = v.name %}{{ v.hostPath.pth }}"),
        ("_sets.j2", "{% set shared = pod.volumes %}"),
    ];
    load(&files).map_or_else(|errors| errors.0, |_| Vec::new())
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_can_never_be_there_is_found_at_load() {
    let mut wrong = Vec::new();
    for (source, line, says) in [
        // The ways that a value takes.
        (
            "{% if pod.serviceAccount %}x{% endif %}",
            1,
            "did you mean `service_account`?",
        ),
        (
            "a: 1\n{% if pod.other_spec.hostnetwork %}x{% endif %}",
            2,
            "unknown field of PodSpec; did you mean `hostNetwork`?",
        ),
        (
            "{% for v in pod.volumes %}\n{% if v.hostpath %}x{% endif %}{% endfor %}",
            2,
            "`v.hostpath` is undefined: unknown field of Volume; did you mean `hostPath`?",
        ),
        (
            "{% for v in pod.volumes if v.hostpath %}x{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for c in pod.sidecars %}{% for m in c.volumeMounts %}{{ m.mountpath }}{% endfor %}{% endfor %}",
            1,
            "of VolumeMount; did you mean `mountPath`?",
        ),
        (
            "{% set v = pod.volumes[0] %}{{ v.hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% set v = pod.volumes | first %}{{ v['hostpath'] }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% with v = pod.volumes[-1] %}{{ v.hostPath.pth }}{% endwith %}",
            1,
            "of HostPathVolumeSource; did you mean `path`?",
        ),
        (
            "{% set a, b = pod.volumes %}{{ b.hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% if pod.name %}{% set v = pod.volumes[0] %}{% else %}{% set v = pod.volumes[1] %}{% endif %}{{ v.hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ (pod.volumes[0] if pod.name else pod.volumes[1]).hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ (pod.volumes[0] or pod.volumes[1]).hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for v in pod.volumes[1:] + pod.volumes %}{{ v.hostpath }}{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for v in pod.volumes | sort(attribute='name') | reverse | list %}{{ v.hostpath }}{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for g in pod.volumes | groupby('name') %}{% for v in g[1] %}{{ v.hostpath }}{% endfor %}{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for name, vs in pod.volumes | groupby('name') %}{% for v in vs %}{{ v.hostpath }}{% endfor %}{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for vs in pod.volumes | batch(2) %}{{ vs[0].hostpath }}{% endfor %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% for v in pod.other_spec.tolerations | default([]) %}{{ v.efect }}{% endfor %}",
            1,
            "did you mean `effect`?",
        ),
        (
            "{% for c in [driver.other.securityContext, pod.other_spec.securityContext] %}{{ c }}{% endfor %}{{ [pod.volumes[0]][0].hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% macro m(x) %}\n{{ x.hostpath }}{% endmacro %}{{ m(pod.volumes[0]) }}",
            2,
            "did you mean `hostPath`?",
        ),
        (
            "{% macro m(a, x=none) %}\n{{ x.hostpath }}{% endmacro %}{{ m(1, x=pod.volumes[0]) }}",
            2,
            "did you mean `hostPath`?",
        ),
        (
            "{% macro m(x=pod.volumes[0]) %}\n{{ x.hostpath }}{% endmacro %}{{ m() }}",
            2,
            "did you mean `hostPath`?",
        ),
        (
            "{% macro m(x) %}{{ caller() }}{{ x.hostpath }}{% endmacro %}{% call m(pod.volumes[0]) %}y{% endcall %}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{% call(x) m() %}{{ pod.nam }}{% endcall %}{% macro m() %}{% endmacro %}",
            1,
            "did you mean `name`?",
        ),
        ("{% set t %}{{ pod.nam }}{% endset %}", 1, "did you mean `name`?"),
        (
            "{% filter upper %}{{ pod.nam }}{% endfilter %}",
            1,
            "did you mean `name`?",
        ),
        // By name.
        (
            "{{ pod.volumes | selectattr('hostpath') | list }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ pod.volumes | rejectattr('hostPath.pth') | list }}",
            1,
            "did you mean `path`?",
        ),
        (
            "{{ pod.volumes | map(attribute='hostpath') | list }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ pod.volumes | map(attribute='hostPath') | map(attribute='pth') | list }}",
            1,
            "did you mean `path`?",
        ),
        (
            "{{ pod.volumes | sort(attribute='name,nmae') | list }}",
            1,
            "did you mean `name`?",
        ),
        (
            "{{ pod.volumes | groupby('nmae') | list }}",
            1,
            "did you mean `name`?",
        ),
        (
            "{{ pod.volumes | unique(attribute='nmae') | list }}",
            1,
            "did you mean `name`?",
        ),
        (
            "{{ pod.volumes[0] | attr('hostpath') }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ 'hostpath' in pod.volumes[0] }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ 'hostpath' not in pod.volumes[0] }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ 'hostpath' is in(pod.volumes[0]) }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ pod.volumes[0] == {'hostpath': 1} }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ pod.volumes[0].hostpath is defined }}",
            1,
            "did you mean `hostPath`?",
        ),
        (
            "{{ pod.volumes[0].hostpath | default(1) }}",
            1,
            "did you mean `hostPath`?",
        ),
        // Where else it is.
        (
            "{{ pod.hostNetwork }}",
            1,
            "did you mean `other_spec.hostNetwork`?",
        ),
        ("{{ pod.other_spec.volumes }}", 1, "it is in `pod.volumes`"),
        ("{{ driver.other.resources }}", 1, "it is in `driver.resources`"),
        ("{{ pod.other.spec }}", 1, "it is in `pod.other_spec`"),
        (
            "{{ pod.name.first }}",
            1,
            "`pod.name` is a text, a number or a boolean and has none",
        ),
        (
            "{{ pod.volumes.name }}",
            1,
            "`pod.volumes` is a list and has none",
        ),
        (
            "{% for v in pod.volumes %}{{ loop.frist }}{% endfor %}",
            1,
            "did you mean `first`?",
        ),
        // Variables, functions, filters, tests.
        (
            "{% if nmae %}x{% endif %}",
            1,
            "`nmae` is undefined: unknown variable",
        ),
        (
            "{% if aplication %}x{% endif %}",
            1,
            "did you mean `application`?",
        ),
        ("{% if object %}x{% endif %}", 1, "unknown variable"),
        (
            "{% for v in pod.volumes %}{% endfor %}{{ v }}",
            1,
            "unknown variable",
        ),
        (
            "{% if pod.name == 'x' %}{{ refuze('no') }}{% endif %}",
            1,
            "refuze is unknown; did you mean `refuse`?",
        ),
        (
            "{% if pod.name == 'x' %}{{ pod.name | uper }}{% endif %}",
            1,
            "unknown filter",
        ),
        ("{% if pod.name is defned %}x{% endif %}", 1, "unknown test"),
        (
            "{{ pod.labels.items() }}",
            1,
            "map has no method named items (use the filter: `pod.labels | items`)",
        ),
        (
            "{% if false %}{% include '_nope.j2' %}{% endif %}",
            1,
            "no such template in this set",
        ),
        // Other files.
        (
            "{% from '_lib.j2' import reads %}\n{{ reads(pod.volumes[0]) }}",
            2,
            "did you mean `hostPath`?",
        ),
        (
            "{% import '_lib.j2' as lib %}\n{{ lib.reads(y=1, x=pod.volumes[0]) }}",
            2,
            "did you mean `hostPath`?",
        ),
        ("{% from '_lib.j2' import reeds %}", 1, "did you mean `reads`?"),
        (
            "{% import '_lib.j2' as lib %}{{ lib.reeds(1) }}",
            1,
            "did you mean `reads`?",
        ),
        (
            "{% for v in pod.volumes %}{% include '_each.j2' %}{% endfor %}",
            1,
            "of HostPathVolumeSource; did you mean `path`?",
        ),
        (
            "{% include '_sets.j2' %}{{ shared[0].hostpath }}",
            1,
            "did you mean `hostPath`?",
        ),
        // Comparisons that say nothing.
        (
            "{% if driver.resources.limits.cpu > 4 %}x{% endif %}",
            1,
            "use cpu(x), bytes(x) or number(x, default)",
        ),
        (
            "{% if 4 <= driver.resources.limits['cpu'] %}x{% endif %}",
            1,
            "use cpu(x)",
        ),
        (
            "{% if 1 < pod.other_spec.terminationGracePeriodSeconds < 9 %}x{% endif %}",
            1,
            "use cpu(x)",
        ),
        (
            "{% if properties['spark.executor.instances'] > 4 %}x{% endif %}",
            1,
            "use cpu(x)",
        ),
        (
            "{% set x = driver.resources.limits.cpu | default('1') %}{% if x > 4 %}x{% endif %}",
            1,
            "use cpu(x)",
        ),
        (
            "{% macro m(x) %}{{ x > 4 }}{% endmacro %}{{ m(driver.resources.limits.cpu) }}",
            1,
            "use cpu(x)",
        ),
        (
            "{% if driver.resources.limits.cpu is gt(4) %}x{% endif %}",
            1,
            "use cpu(x)",
        ),
        (
            "{{ driver.ports | selectattr('containerPort', 'lt', 1024) | list }}",
            1,
            "use cpu(x)",
        ),
        (
            "{% if pod.volumes[0].hostPath == none %}x{% endif %}",
            1,
            "never equal to none",
        ),
        ("{% if pod.volumes == '' %}x{% endif %}", 1, "never equal to ''"),
        // A text is never a boolean or a number.
        (
            "{% if pod.other_spec.hostNetwork == 'true' %}x{% endif %}",
            1,
            "is true or false, and never equal to 'true'; ask with `{% if pod.other_spec.hostNetwork %}`",
        ),
        (
            "{% if (pod.volumes | first).name == 4 %}x{% endif %}",
            1,
            "`(pod.volumes | first).name` is a text",
        ),
        (
            "{% if 'true' != pod.other_spec.hostNetwork %}x{% endif %}",
            1,
            "is true or false",
        ),
        (
            "{% if pod.other_spec.hostPID is eq('true') %}x{% endif %}",
            1,
            "is true or false",
        ),
        (
            "{% if driver.other.securityContext.runAsUser == '0' %}x{% endif %}",
            1,
            "is a number, and never equal to '0'; write it without quotes",
        ),
        (
            "{% if driver.other.securityContext.runAsUser in ['0', 'root'] %}x{% endif %}",
            1,
            "is a number",
        ),
        (
            "{% if driver.other.securityContext.runAsUser is in(['0', '1']) %}x{% endif %}",
            1,
            "is a number",
        ),
        (
            "{% for c in [driver.other] %}{% if c.securityContext.privileged == 'true' %}x{% endif %}{% endfor %}",
            1,
            "is true or false",
        ),
        (
            "{{ driver.ports | selectattr('containerPort', 'equalto', '80') | list }}",
            1,
            "is a number",
        ),
        (
            "{% if pod.labels.audited == true %}x{% endif %}",
            1,
            "is a text, and never equal to true; write it in quotes",
        ),
        (
            "{% if pod.labels['cost-centre'] == 42 %}x{% endif %}",
            1,
            "is a text, and never equal to 42",
        ),
        (
            "{% if 'scratch' in pod.volumes %}x{% endif %}",
            1,
            "a text is never in it",
        ),
    ] {
        let errors = found(source);
        let is_said = |error: &TemplateError| {
            error.message.contains(says) && error.line == Some(line) && error.source_line.is_some()
        };
        if !errors.iter().any(is_said) {
            wrong.push(format!("{source}: expected {line}: {says}, found {errors:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_may_be_there_is_not_found() {
    let mut wrong = Vec::new();
    for source in [
        "{% for v in pod.volumes %}{{ v.hostPath.path }}{{ loop.index }}{{ loop.cycle(1, 2) }}{% endfor %}",
        "{{ pod.labels.nope }}{{ pod.labels['a.b/c'] }}{{ properties['spark.a'] }}{{ driver.resources.limits.x }}",
        "{% for k, v in pod.labels | items %}{{ k }}{{ v }}{% endfor %}",
        "{% for k, v in pod.other_spec | items %}{{ k }}{{ v.anything }}{% endfor %}",
        "{% set key = 'x' ~ pod.name %}{{ pod.other_spec[key] }}",
        "{{ pod.volumes | map(attribute='name') | join(',') }}{{ pod.volumes | length > 3 }}",
        "{% if cpu(driver.resources.limits.cpu, 0) > 4 and number(driver.args | length) >= 1 %}x{% endif %}",
        "{% if context_version > 0 %}x{% endif %}{{ require_context(1) }}",
        "{% if pod.volumes[0].hostPath is none or pod.volumes[0].emptyDir is defined %}x{% endif %}",
        "{% if pod.restart_policy == 'Never' and pod.name in ['a'] and 'x' in driver.args and 'a' in pod.labels %}{% endif %}",
        "{% if 'SYS_ADMIN' in driver.other.securityContext.capabilities.add %}x{% endif %}",
        "{% if driver.other.securityContext.runAsUser == 0 %}x{% endif %}",
        "{% if pod.other_spec.hostNetwork == true or pod.other_spec.hostNetwork == none or not pod.other_spec.hostPID %}x{% endif %}",
        "{% if pod.other_spec.hostNetwork | default('no') == 'no' or pod.other_spec.hostNetwork | string == 'true' %}x{% endif %}",
        "{% if driver.resources.limits.cpu == 1 or driver.resources.limits.cpu == '1' %}x{% endif %}",
        "{% if service.ports[0].targetPort == 4040 or service.ports[0].targetPort == 'ui' %}x{% endif %}",
        "{% if pod.labels.audited in ['yes', 'true'] and driver.other.securityContext.runAsUser in [0, 1] %}x{% endif %}",
        "{% macro a(x) %}{% if caller %}{{ caller(x) }}{% endif %}{{ b(x) }}{% endmacro %}{% macro b(x) %}{{ x }}{% endmacro %}{{ a(1) }}",
        "{% macro down(n) %}{% if n > 0 %}{{ down(n - 1) }}{% endif %}{% endmacro %}{{ down(3) }}",
        "{% call(x, y) m(1) %}{{ x }}{% endcall %}{% macro m(n) %}{{ caller(n, n) }}{% endmacro %}",
        "{% from '_lib.j2' import uses, ok as fine %}{{ uses(pod.volumes) }}{{ fine(pod.volumes[0]) }}",
        "{% import '_lib.j2' as lib %}{{ lib.uses(pod.volumes) }}",
        "{% for v in pod.volumes %}{% set seen = v.name %}{% endfor %}",
        "{% include ['_nope.j2', '_sets.j2'] %}{% for v in shared %}{{ v.name }}{% endfor %}",
        "{% include '_nope.j2' ignore missing %}",
        "{% include '_' ~ pod.name ~ '.j2' ignore missing %}{{ set_by_it }}",
        "{% set a, b = driver.args %}{{ a }}{{ b }}{% set c = {'x': pod.volumes} %}{{ c.x[0].name }}{{ c.y }}",
        "{% if pod.name %}{% set x = 1 %}{% endif %}{{ x }}",
        "{% set v = pod.volumes[0] %}{% if pod.name %}{% set v = {'anything': 1} %}{% endif %}{{ v.anything }}",
        "{% for item in tree recursive %}{{ loop(item.children) }}{% endfor %}{% set tree = [] %}",
        "{{ service.ports[0].targetPort }}{{ executor.spec.containers[0].image }}{{ pod_group.spec.minMember }}",
        "{{ network_policy.pod_selector.x }}{{ secrets[0].data.x }}{{ persistent_volume_claims[0].storage }}",
        "{{ pod.owner_references[0].uid }}{{ pod.other.status }}{{ pod.other_metadata.finalizers }}",
        "{{ dict(a=1).a }}{{ range(3) | list }}{{ 'x' if pod.name else pod.labels }}",
        "{% raw %}{{ v.hostpath }}{% endraw %}{# v.hostpath #}",
    ] {
        let errors = found(source);
        if !errors.is_empty() {
            wrong.push(format!("{source}: {errors:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_block_that_the_parent_does_not_have_is_an_error() {
    let extends = |name: &str, rest: &str| format!("{{% extends \"{name}\" %}}\n{rest}\n");
    let block = |name: &str| format!("{{% block {name} %}}\n    a: b\n{{% endblock %}}");
    let own = extends("builtin/driver-pod.yaml.j2", &block("labels"));
    let table = [
        (
            extends("builtin/driver-pod.yaml.j2", &block("lables")),
            Some((2, "did you mean `labels`?")),
        ),
        (
            extends("_own.j2", &block("lables")),
            Some((2, "did you mean `labels`?")),
        ),
        (
            extends("_own.j2", &block("nodeSelector")),
            Some((2, "did you mean `node_selector`?")),
        ),
        (
            extends("builtin/driver-pod.yaml.j2", &block("zzzzzzzzzz")),
            Some((2, "known: metadata, labels, ")),
        ),
        (
            extends("builtin/driver-pod.yaml.j2", "{{ self.lables() }}"),
            Some((2, "did you mean `labels`?")),
        ),
        (
            extends("builtin/driver-pod.yaml.j2", &block("node_selector")),
            None,
        ),
        (extends("_own.j2", &block("labels")), None),
        (
            extends(
                "_own.j2",
                &format!("{{% block labels %}}{}{{% endblock %}}", block("mine")),
            ),
            None,
        ),
        (
            extends(
                "_own.j2",
                "{% block labels %}{{ super() }}{{ self.labels() if false }}{% endblock %}",
            ),
            None,
        ),
        (block("anything"), None),
    ];
    for (source, expected) in table {
        let errors = load(&[(POD, source.as_str()), ("_own.j2", own.as_str())])
            .map(|_| ())
            .err();
        match (errors, expected) {
            (None, None) => {}
            (Some(errors), Some((line, says))) => {
                let error = &errors.0[0];
                assert_eq!(
                    (error.kind, error.line),
                    (Kind::Block, Some(line)),
                    "{source}: {error}"
                );
                assert!(error.message.contains(says), "{source}: {error}");
            }
            (errors, expected) => panic!("{source}: expected {expected:?}, found {errors:?}"),
        }
    }
}

/// However often templates use each other, they are walked a bounded number of times.
#[test]
fn a_set_that_would_be_walked_for_ever_is_not() {
    let mut files: Vec<(String, String)> = (0..8)
        .map(|index| {
            (
                format!("_{index}.j2"),
                format!("{{% include '_{}.j2' %}}", index + 1).repeat(60),
            )
        })
        .collect();
    files.push(("_8.j2".into(), "{{ pod.nam }}".into()));
    files.push((POD.into(), "{% include '_0.j2' %}".into()));
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(load(&files).is_err());
}
