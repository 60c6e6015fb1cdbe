use super::*;
use crate::{
    spark::submission::NamespaceMetadata,
    templates::{Files, LoadError, NoExecutor, Parts, SubmissionFacts, UnknownNamespace, compiled::Compiled},
};
use serde_json::json;

fn files(files: &[(&str, &str)]) -> Files {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec());
    files.iter().map(owned).collect()
}

fn compiled(own: &[(&str, &str)], always: &[(&str, &str)]) -> Result<Compiled, LoadError> {
    let (own, none, always) = (files(own), Files::new(), files(always));
    let parts = Parts {
        name: "default",
        files: &own,
        default: &none,
        always: &always,
        extra_kinds: &[],
        newer_fields: crate::templates::NewerFields::Refuse,
    };
    Compiled::load(parts, &|_| ())
}

fn finished() -> Finished {
    Finished {
        objects: vec![
            (
                "pod-driver".to_owned(),
                json!({"kind": "Pod", "spec": {"hostNetwork": true, "volumes": [{"name": "a"}, {"name": "b"}]}}),
            ),
            (
                "configmap-driver".to_owned(),
                json!({"kind": "ConfigMap", "metadata": {"name": "c"}}),
            ),
        ],
        executor: Ok(json!({"kind": "Pod", "spec": {"nodeName": "n"}})),
        without_webhook: None,
        unknown_of_driver: vec!["spec.newField".to_owned()],
        unknown_of_executor: Vec::new(),
        submission: SubmissionFacts {
            namespace: "jobs".to_owned(),
            kind: "Python".to_owned(),
            labels: [("team".to_owned(), "ml".to_owned())].into(),
            ..SubmissionFacts::default()
        },
        namespace: Ok(NamespaceMetadata {
            labels: [("tier".to_owned(), "gold".to_owned())].into(),
            annotations: [("owner".to_owned(), "ops".to_owned())].into(),
        }),
    }
}

fn judge_with(set: &Compiled, finished: &Finished) -> Judgement {
    set.policies.judge(&set.sources, finished, &|_| ())
}

/// What one policy says.
fn said(policy: &str) -> Judgement {
    judge_with(&compiled(&[("a.policy.j2", policy)], &[]).unwrap(), &finished())
}

fn texts(judgement: &Judgement) -> Vec<(&str, bool)> {
    assert_eq!(judgement.errors, []);
    let verdicts = judgement.verdicts.iter();
    verdicts
        .map(|verdict| (verdict.text.as_str(), verdict.holds()))
        .collect()
}

#[test]
fn a_policy_records_what_it_says_and_goes_on() {
    let policy = "{% if driver.spec.hostNetwork %}{{ refuse('no host network') }}{% endif %}\n\
                  {% for volume in driver.spec.volumes %}{{ refuse('no volume ' ~ volume.name) }}{% endfor %}\n\
                  {{ warn('beware\\nof this') }}{{ refuse('no host network') }}\n";
    assert_eq!(
        texts(&said(policy)),
        [
            ("no host network", true),
            ("no volume a", true),
            ("no volume b", true),
            ("beware of this", false)
        ]
    );
}

#[test]
fn a_policy_sees_the_finished_objects_and_nothing_of_the_plan() {
    let policy = "{{ warn([driver.kind, executor.spec.nodeName, service, config_maps[0].metadata.name, objects | length, \
                  submission.namespace, submission.type, submission.labels.team, namespace.labels.tier, namespace.annotations.owner, \
                  namespace.known, unknown_fields.driver[0]] | tojson | string) }}";
    assert_eq!(
        texts(&said(policy)),
        [(
            r#"["Pod","n",null,"c",2,"jobs","Python","ml","gold","ops",true,"spec.newField"]"#,
            false
        )]
    );
    for name in ["pod", "properties", "application", "exectuor"] {
        let policy = format!("\n{{% if {name} %}}{{{{ refuse('x') }}}}{{% endif %}}");
        let errors = compiled(&[("a.policy.j2", &policy)], &[]).unwrap_err().0;
        assert_eq!(errors[0].line, Some(2));
        assert!(
            errors[0]
                .message
                .starts_with(&format!("`{name}` is undefined: unknown variable")),
            "{errors:?}"
        );
    }
}

#[test]
fn audit_mode_is_said_in_the_first_line_and_nothing_else_there_passes() {
    let refuses = "{{ refuse('x') }}\n";
    assert_eq!(texts(&said(&format!("# mode: audit\n{refuses}"))), [("x", false)]);
    assert_eq!(
        texts(&said(&format!("# mode: enforce\r\n{refuses}"))),
        [("x", true)]
    );
    for first in [
        "# mode: audti",
        "# mode:",
        "# Mode: audit",
        "#mode: audit",
        "\n# mode: audit",
    ] {
        let policy = format!("{first}\n{refuses}");
        let errors = compiled(&[("a.policy.j2", &policy)], &[]).unwrap_err().0;
        assert!(errors[0].line.is_some(), "{first}: {errors:?}");
    }
}

#[test]
fn a_policy_that_writes_is_an_error_at_load_where_it_can_be_seen_and_else_when_it_runs() {
    for (policy, line) in [
        ("metadata: {}\n", 1),
        ("{% if driver %}\n  x\n{% endif %}", 2),
        ("{% set a %}text{% endset %}\n{{ refuse(a) }}\n.", 3),
    ] {
        let errors = compiled(&[("a.policy.j2", policy)], &[]).unwrap_err().0;
        assert_eq!((errors.len(), errors[0].line), (1, Some(line)), "{policy}");
    }
    let silent = "{# why #}\n{% macro said() %}text{% endmacro %}{% set a %}b{% endset %}{{ warn(said()) }}";
    assert_eq!(texts(&said(silent)), [("text", false)]);
    let judgement = said("{{ refuse('x') }}{{ driver.kind }}");
    assert!(judgement.verdicts[0].holds());
    assert!(
        judgement.errors[0]
            .error
            .message
            .starts_with("a policy writes nothing")
    );
}

#[test]
fn an_error_ends_its_policy_and_no_other() {
    let broken = "{{ refuse('first') }}{{ 1 // 0 }}";
    let set = compiled(
        &[("a.policy.j2", broken), ("b.policy.j2", "{{ refuse('second') }}")],
        &[("c.policy.j2", "# mode: audit\n\n{{ nope() }}")],
    )
    .unwrap_err();
    assert!(set.0[0].message.contains("nope is unknown"), "{set}");
    let set = compiled(
        &[("a.policy.j2", broken), ("b.policy.j2", "{{ refuse('second') }}")],
        &[(
            "c.policy.j2",
            "# mode: audit\n\n{{ refuse('third') }}{{ 1 // 0 }}",
        )],
    )
    .unwrap();
    let judgement = judge_with(&set, &finished());
    let verdicts = judgement.verdicts.iter();
    let verdicts: Vec<_> = verdicts
        .map(|verdict| (verdict.policy.as_str(), verdict.holds()))
        .collect();
    let expected = [
        ("a.policy.j2", true),
        ("b.policy.j2", true),
        ("always/c.policy.j2", false),
    ];
    assert_eq!(verdicts, expected);
    let errors = judgement.errors.iter();
    let errors: Vec<_> = errors
        .map(|error| (error.policy.as_str(), error.error.line, error.mode))
        .collect();
    let expected = [
        ("a.policy.j2", Some(1), PolicyMode::Enforce),
        ("always/c.policy.j2", Some(3), PolicyMode::Audit),
    ];
    assert_eq!(errors, expected);
}

#[test]
fn who_reads_an_executor_that_nobody_knows_refuses() {
    let unknown = Finished {
        executor: Err(NoExecutor("its template is in the image".to_owned())),
        ..finished()
    };
    let reads = "{% macro check(pod) %}{% if pod.spec.hostNetwork %}{{ refuse('x') }}{% endif %}{% endmacro %}\
                 {{ check(executor) }}";
    let by_import = "{% from '_check.j2' import check %}{% if 'executor' %}{{ check(executor) }}{% endif %}";
    let partial = "{% macro check(pod) %}{% if pod.spec %}{{ refuse('x') }}{% endif %}{% endmacro %}";
    let of_unknown = "{% if unknown_fields.executor %}{{ refuse('x') }}{% endif %}";
    for (policy, holds) in [
        (reads.to_owned(), true),
        (of_unknown.to_owned(), true),
        (by_import.to_owned(), true),
        (format!("# mode: audit\n{reads}"), false),
    ] {
        let set = compiled(&[("a.policy.j2", &policy), ("_check.j2", partial)], &[]).unwrap();
        let judgement = judge_with(&set, &unknown);
        assert_eq!(judgement.errors, []);
        let verdict = &judgement.verdicts[0];
        assert_eq!(verdict.holds(), holds, "{verdict:?}");
        assert!(
            verdict.text.ends_with("its template is in the image"),
            "{verdict:?}"
        );
    }
    let other = compiled(
        &[(
            "a.policy.j2",
            "{% if driver or unknown_fields.driver %}{{ warn('x') }}{% endif %}",
        )],
        &[],
    )
    .unwrap();
    assert_eq!(texts(&judge_with(&other, &unknown)), [("x", false)]);
}

#[test]
fn a_macro_of_a_partial_refuses_for_its_user_and_each_layer_has_its_own_partials() {
    let partial = |text: &str| format!("{{% macro check() %}}{{{{ refuse('{text}') }}}}{{% endmacro %}}");
    let policy = "{% from '_check.j2' import check %}{{ check() }}";
    let set = compiled(
        &[("a.policy.j2", policy), ("_check.j2", &partial("set"))],
        &[("a.policy.j2", policy), ("_check.j2", &partial("always"))],
    )
    .unwrap();
    let judgement = judge_with(&set, &finished());
    assert_eq!(texts(&judgement), [("set", true), ("always", true)]);
    assert_eq!(judgement.verdicts[1].policy, "always/a.policy.j2");
}

#[test]
fn policies_have_a_time_together_and_a_number_of_words_each() {
    let many = said("{% for i in range(100) %}{{ refuse('no ' ~ i) }}{% endfor %}");
    assert_eq!(many.verdicts.len(), MOST_VERDICTS);
    // Warnings don't use up the number of refusals, nor refusals that of warnings.
    let both = said(
        "{% for i in range(100) %}{{ warn('w ' ~ i) }}{% endfor %}{% for i in range(100) %}{{ refuse('no ' ~ i) }}{% endfor %}\
         {{ warn('too late') }}",
    );
    let refusals = both.verdicts.iter().filter(|verdict| verdict.refuses).count();
    assert_eq!(
        (refusals, both.verdicts.len()),
        (MOST_VERDICTS, 2 * MOST_VERDICTS)
    );
    let long = said("{{ refuse('x' * 9000) }}{{ refuse(driver | string) }}");
    assert!(
        long.verdicts
            .iter()
            .all(|verdict| verdict.text.chars().count() <= 500)
    );
    let set = compiled(&[("a.policy.j2", "{{ refuse('x') }}")], &[]).unwrap();
    let late = set
        .policies
        .judge_within(&set.sources, &finished(), &|_| (), Duration::ZERO);
    assert_eq!(late.errors[0].error.kind, TemplateErrorKind::Limit);
}

#[test]
fn a_policy_reads_typed_values_and_what_can_never_be_there_is_found_at_load() {
    for (policy, says) in [
        (
            "{% for v in driver.spec.volumes %}\n{% if v.hostpath %}{% endif %}{% endfor %}",
            "did you mean `hostPath`?",
        ),
        (
            "\n{{ warn(executor.spec.serviceAcountName) }}",
            "did you mean `serviceAccountName`?",
        ),
        (
            "\n{% if service.spec.prots %}{% endif %}",
            "did you mean `ports`?",
        ),
        (
            "\n{% for c in config_maps %}{% if c.dta %}{% endif %}{% endfor %}",
            "did you mean `data`?",
        ),
        (
            "\n{% for o in objects %}{% if o.metadata.nmae %}{% endif %}{% endfor %}",
            "did you mean `name`?",
        ),
        (
            "\n{% if submission.lables %}{% endif %}",
            "did you mean `labels`?",
        ),
        ("\n{% if namespace.lables %}{% endif %}", "did you mean `labels`?"),
        (
            "\n{% if unknown_fields.drivr %}{% endif %}",
            "did you mean `driver`?",
        ),
        (
            "\n{% if driver.spec.containers[0].resources.limits.cpu > 4 %}{% endif %}",
            "use cpu(x)",
        ),
        (
            "# mode: audit\n{% if driver.spec.hostnetwork %}{% endif %}",
            "did you mean `hostNetwork`?",
        ),
        (
            "\n{% from '_all.j2' import check %}{{ check(driver) }}",
            "did you mean `hostNetwork`?",
        ),
    ] {
        let partial = (
            "_all.j2",
            "{% macro check(pod) %}\n{% if pod.spec.hostnetwork %}{% endif %}{% endmacro %}",
        );
        for (own, always) in [
            (&[("a.policy.j2", policy), partial][..], &[][..]),
            (&[], &[("a.policy.j2", policy), partial]),
        ] {
            let errors = compiled(own, always).map(|_| ()).unwrap_err().0;
            let error = &errors[0];
            assert!(
                error.message.contains(says) && error.line == Some(2),
                "{policy}: {errors:?}"
            );
        }
    }
    let reads = "{% set h = 'host' ~ 'path' %}{% if driver.spec.volumes | selectattr(h) | list %}{{ refuse('x') }}{% endif %}";
    let judgement = said(reads);
    assert_eq!(
        judgement.errors[0].error.kind,
        TemplateErrorKind::Undefined,
        "{judgement:?}"
    );
    assert!(
        judgement.errors[0].error.message.contains("of Volume"),
        "{judgement:?}"
    );
    let absent = "{% for c in driver.spec.initContainers %}{{ refuse('x') }}{% endfor %}\
                  {% if service.spec.ports or executor.spec.affinity.nodeAffinity or driver.spec.volumes[0].hostPath %}{{ refuse('y') }}{% endif %}";
    assert_eq!(texts(&said(absent)), []);
}

#[test]
fn who_reads_of_a_namespace_what_nobody_knows_fails_and_who_asks_first_does_not() {
    let unknown = Finished {
        namespace: Err(UnknownNamespace("no right".to_owned())),
        ..finished()
    };
    let partial =
        "{% macro tier() %}{% if namespace.labels.tier %}{{ refuse('x') }}{% endif %}{% endmacro %}";
    for (policy, reads, fails) in [
        ("{% if namespace.labels.tier == 'gold' %}{% endif %}", true, true),
        ("{% if 'tier' in namespace.annotations %}{% endif %}", true, true),
        ("{% for key in namespace %}{% endfor %}", true, true),
        ("{{ warn(namespace | tojson | string) }}", true, true),
        (
            "{% set all = namespace %}{% if all['la' ~ 'bels'] | length > 3 %}{% endif %}",
            true,
            true,
        ),
        ("{% from '_tier.j2' import tier %}{{ tier() }}", true, true),
        (
            "{% if namespace.known and namespace.labels.tier %}{% endif %}",
            true,
            false,
        ),
        (
            "{% if not namespace.known %}{{ warn('unknown') }}{% endif %}",
            true,
            false,
        ),
        ("{% if submission.namespace == 'jobs' %}{% endif %}", false, false),
    ] {
        let files: &[_] = if policy.contains("_tier") {
            &[("a.policy.j2", policy), ("_tier.j2", partial)]
        } else {
            &[("a.policy.j2", policy)]
        };
        let set = compiled(files, &[]).unwrap();
        assert_eq!(set.policies.reads_namespace(), reads, "{policy}");
        let judgement = judge_with(&set, &unknown);
        assert_eq!(!judgement.errors.is_empty(), fails, "{policy}: {judgement:?}");
        assert!(
            !fails || judgement.verdicts.is_empty(),
            "said without knowing: {judgement:?}"
        );
        for error in &judgement.errors {
            assert!(
                error
                    .error
                    .message
                    .contains("; no right; a policy may ask namespace.known"),
                "{error}"
            );
        }
        assert_eq!(judge_with(&set, &finished()).errors, [], "{policy}");
    }
    // Misspelled at the time of the render, too.
    let odd = said("{% set key = 'lab' ~ 'els2' %}{% if namespace[key] %}{% endif %}");
    assert_eq!(odd.errors[0].error.kind, TemplateErrorKind::Undefined, "{odd:?}");
}

#[test]
fn a_verdict_has_its_line() {
    let policy =
        "# mode: enforce\n{# why #}\n{{ warn('a') }}\n{% if driver %}\n  {{ refuse('b') }}{% endif %}\n";
    let verdicts = said(policy).verdicts;
    let lines: Vec<_> = verdicts.iter().map(|verdict| verdict.line).collect();
    assert_eq!(lines, [Some(3), Some(5)]);
}

#[test]
fn what_a_macro_returns_is_compared_as_text() {
    let policy = "\
{% macro plain(text) %}{{- text -}}{% endmacro %}
{% set kept %}{{- driver.kind -}}{% endset %}
{% if plain(driver.kind) == 'Pod' and plain('x') in ['x'] and kept == 'Pod' %}{{ refuse('as text') }}{% endif %}
";
    assert_eq!(texts(&said(policy)), [("as text", true)]);
}
