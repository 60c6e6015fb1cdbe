use crate::{
    kubernetes::Findings,
    limits::{ANSWER_BYTES, FINDINGS},
    manifest::{Manifests, Terms, sample},
    spark::{
        plan::DriverPlan,
        submission::{ExecutorCheck, SparkVersion},
    },
    templates::Rendered,
};
use serde_json::{Value, json};

fn check(rendered: &Rendered, plan: &DriverPlan, passed: &[String]) -> Result<Manifests, Findings> {
    let terms = Terms {
        passed_unknown_fields: passed,
        ..Terms::default()
    };
    super::check(rendered, plan, terms)
}

fn lines(rendered: &Rendered, passed: &[String]) -> Vec<String> {
    match check(rendered, &sample::plan(), passed) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.to_string().lines().map(str::to_owned).collect(),
    }
}

/// What is found after one change to the faithful documents, by role and JSON pointer.
fn after(role: &str, pointer: &str, value: Value) -> Vec<String> {
    lines(&sample::rendered(&sample::changed(role, pointer, value)), &[])
}

#[test]
fn faithful_documents_pass_and_are_stamped() {
    let objects = sample::objects();
    let plan = sample::plan();
    let manifests = check(&sample::rendered(&objects), &plan, &[]).unwrap();
    assert_eq!(*manifests.warnings, [""; 0]);
    assert_eq!(manifests.identity.pod_name, "pi-driver");
    let stamps = json!({
        "native-submit/submission-id": "sub-1",
        "native-submit/plan-hash": manifests.identity.plan_hash,
        "native-submit/template-set": "default@0123456789ab",
    });
    assert_eq!(manifests.driver_pod.value["metadata"]["annotations"], stamps);

    let files: Vec<_> = manifests.for_files().collect();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "pod-driver.yaml",
            "service-driver.yaml",
            "configmap-executor-template.yaml",
            "configmap-driver.yaml"
        ]
    );
    assert!(
        files
            .iter()
            .all(|(_, value)| value["metadata"]["namespace"] == "ns")
    );
}

#[test]
fn a_template_cannot_forge_the_stamps() {
    let annotations =
        json!({"native-submit/submission-id": "other", "native-submit/plan-hash": "0", "mine": "x"});
    let objects = sample::changed("pod-driver", "/metadata/annotations", annotations);
    let manifests = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap();
    let annotations = &manifests.driver_pod.value["metadata"]["annotations"];
    assert_eq!(annotations["native-submit/submission-id"], "sub-1");
    assert_eq!(
        annotations["native-submit/plan-hash"],
        manifests.identity.plan_hash.as_str()
    );
    assert_eq!(annotations["mine"], "x");
}

#[test]
fn a_misspelling_is_named_with_object_path_and_template() {
    assert_eq!(
        after("pod-driver", "/spec/containers/0/imagee", json!("x")),
        [
            "Pod/pi-driver spec.containers[0].imagee: unknown field; did you mean `image`? (pod-driver.yaml.j2)"
        ]
    );
}

#[test]
fn a_field_that_came_with_the_request_passes_with_a_warning() {
    let objects = sample::changed("pod-driver", "/spec/containers/0/futureField", json!({"x": 1}));
    let passed = ["spec.containers[].futureField".to_owned()];
    let manifests = check(&sample::rendered(&objects), &sample::plan(), &passed).unwrap();
    assert_eq!(
        *manifests.warnings,
        [
            "Pod/pi-driver spec.containers[0].futureField: unknown field, passed on: it came with the request \
          (pod-driver.yaml.j2)"
        ]
    );
    assert_eq!(
        manifests.driver_pod.value["spec"]["containers"][0]["futureField"],
        json!({"x": 1})
    );
    let elsewhere = sample::changed("pod-driver", "/spec/futureField", json!(1));
    assert_eq!(lines(&sample::rendered(&elsewhere), &passed).len(), 1);
}

#[test]
fn all_findings_of_all_documents_come_at_once() {
    let mut objects = sample::objects();
    objects[0].1["spec"]["containers"][0]["imagee"] = json!("x");
    objects[0].1["spec"]["priority"] = json!("high");
    objects[0].1["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("junk!!");
    objects[1].1["spec"]["ports"] = json!([]);
    objects[3].1["metadata"]["name"] = json!("Conf");
    let mut rendered = sample::rendered(&objects);
    rendered.documents[2].text = "a: [".to_owned();
    let found = lines(&rendered, &[]).join("\n");
    for expected in [
        "Pod/pi-driver spec.containers[0].imagee",
        "Pod/pi-driver spec.priority",
        "Pod/pi-driver spec.containers[0].resources.limits.cpu: expected a quantity",
        "Service/svc spec.ports: expected a value, found nothing",
        "configmap-executor-template: expected valid YAML",
        "ConfigMap/Conf metadata.name",
    ] {
        assert!(found.contains(expected), "{expected} in\n{found}");
    }
}

#[test]
fn a_document_is_of_the_kind_of_its_role() {
    for (pointer, value, expected) in [
        (
            "/kind",
            json!("Pod"),
            "service-driver kind: expected Service here (service-driver), found Pod",
        ),
        (
            "/kind",
            json!("Deployment"),
            "service-driver kind: expected one of Pod, Service, ConfigMap",
        ),
        ("/kind", json!(null), "found nothing"),
        (
            "/apiVersion",
            json!("v2"),
            "service-driver apiVersion: expected v1 for a Service, found `v2`",
        ),
    ] {
        let found = after("service-driver", pointer, value).join("\n");
        assert!(found.contains(expected), "{expected} in\n{found}");
    }
    let mut rendered = sample::rendered(&sample::objects());
    rendered.documents[0].text = "[]".to_owned();
    assert_eq!(
        lines(&rendered, &[]),
        ["pod-driver: expected a Kubernetes object, a mapping (pod-driver.yaml.j2)"]
    );
    rendered.documents.remove(0);
    assert_eq!(
        lines(&rendered, &[]),
        ["pod-driver: no template wrote the driver Pod"]
    );
}

#[test]
fn a_second_pod_is_an_error_and_an_empty_document_is_none() {
    let mut objects = sample::objects();
    let mut second = objects[0].clone();
    second.1["metadata"]["name"] = json!("other");
    second.0 = "pod-other".to_owned();
    objects.push(second);
    let found = lines(&sample::rendered(&objects), &[]);
    assert!(
        found[0].starts_with("Pod/other: expected one Pod for a submission, found one of another template"),
        "{found:?}"
    );

    let mut rendered = sample::rendered(&sample::objects());
    let mut empty = rendered.documents[1].clone();
    empty.text = "# nothing to do\n".to_owned();
    rendered.documents.push(empty);
    assert_eq!(lines(&rendered, &[]), [""; 0]);
}

fn group() -> Value {
    json!({
        "apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "PodGroup",
        "metadata": {"name": "spark-0123-podgroup"}, "spec": {"minMember": 1},
    })
}

#[test]
fn a_pod_group_is_read_strictly_and_precedes_the_pod() {
    let objects = sample::changed("podgroup-driver", "", group());
    let manifests = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap();
    let files: Vec<_> = manifests.for_files().map(|(name, _)| name).collect();
    assert_eq!(files[..2], ["podgroup-driver.yaml", "pod-driver.yaml"]);

    for (pointer, value, found) in [
        ("/spec/minMember", json!("many"), "spec.minMember"),
        (
            "/spec/queu",
            json!("q"),
            "spec.queu: unknown field; did you mean `queue`?",
        ),
        (
            "/apiVersion",
            json!("scheduling.k8s.io/v1"),
            "expected scheduling.volcano.sh/v1beta1",
        ),
        ("/spec", Value::Null, "spec: expected a value, found nothing"),
        ("/metadata/name", json!("Not A Name"), "metadata.name"),
    ] {
        let mut changed = group();
        match pointer.rsplit_once('/').unwrap() {
            ("", field) => changed[field] = value,
            (parent, field) => changed.pointer_mut(parent).unwrap()[field] = value,
        }
        let lines = after("podgroup-driver", "", changed);
        assert!(
            lines.iter().any(|line| line.contains(found)),
            "{found}: {lines:?}"
        );
    }
}

#[test]
fn a_planned_pod_group_that_no_template_wrote_is_an_error() {
    let mut plan = sample::plan();
    plan.pod_group = Some(crate::spark::plan::PodGroupPlan {
        name: "spark-0123-podgroup".to_owned(),
        other_metadata: serde_json::Map::new(),
        spec: serde_json::Map::new(),
        other: serde_json::Map::new(),
    });
    let error = check(&sample::rendered(&sample::objects()), &plan, &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("PodGroup/spark-0123-podgroup: no template wrote it"),
        "{error}"
    );
    let objects = sample::changed("podgroup-driver", "", group());
    check(&sample::rendered(&objects), &plan, &[]).unwrap();
}

#[test]
fn the_executor_pod_template_is_checked_as_a_pod_that_spark_completes() {
    let with = |text: &str| after("configmap-executor-template", "/data/podspec-key", json!(text));
    let template = "executor pod template in ConfigMap/podspec";
    for (text, expected) in [
        (
            "spec: {containers: [{imagee: x}]}",
            "spec.containers[0].imagee: unknown field",
        ),
        (
            "apiVersion: v1\nkind: Deployment\n",
            "kind: expected Pod, found `Deployment`",
        ),
        ("a: [", "expected valid YAML"),
        (
            "spec: {volumes: [{name: A}]}",
            "spec.volumes[0].name: expected a lowercase RFC 1123 label",
        ),
        ("- a", "expected"),
        (
            "metadata: {labels: {sparkoperator.k8s.io/app-name: x}}",
            "metadata.labels: expected none of the operator's own labels, found `sparkoperator.k8s.io/app-name`",
        ),
    ] {
        let found = with(text);
        assert!(
            found.len() == 1 && found[0].starts_with(template) && found[0].contains(expected),
            "{expected} in\n{found:?}"
        );
    }
    for text in [
        "metadata: {labels: {a: b}}\nspec: {}",
        "kind: Pod\nspec: {containers: [{}]}\nstatus: {phase: x}",
    ] {
        assert_eq!(with(text), [""; 0], "{text}");
    }
    assert_eq!(
        with("metadata: {labels: {a: b}}"),
        [
            "executor Pod spark.kubernetes.executor.podTemplateFile: Could not load pod from template file: spec is missing"
        ]
    );
}

#[test]
fn where_no_executor_is_to_be_made_what_is_wrong_with_one_is_a_warning() {
    let pointer = "/data/podspec-key";
    let template = json!("spec: {volumes: [{name: A, emptyDir: {}}]}");
    let objects = sample::changed("configmap-executor-template", pointer, template);
    let rendered = sample::rendered(&objects);
    let by = |properties: &[(&str, &str)]| {
        let mut plan = sample::plan();
        let config_map = plan.config_map.data.get_mut("spark.properties").unwrap();
        for (key, value) in properties {
            plan.properties.insert((*key).to_owned(), (*value).to_owned());
            config_map.extend([key, "=", value, "\n"]);
        }
        let mut rendered = rendered.clone();
        for document in &mut rendered.documents {
            if document.role == "configmap-driver" {
                document.text = document.text.replace(
                    "spark.kubernetes.namespace=ns",
                    &properties
                        .iter()
                        .map(|(key, value)| format!("{key}={value}"))
                        .chain(["spark.kubernetes.namespace=ns".to_owned()])
                        .collect::<Vec<_>>()
                        .join("\\n"),
                );
            }
        }
        check(&rendered, &plan, &[])
    };
    let none = ("spark.executor.instances", "0");
    assert!(by(&[]).is_err());
    let manifests = by(&[none]).unwrap();
    assert!(
        manifests.warnings[0].starts_with("executor pod template in ConfigMap/podspec spec.volumes[0].name"),
        "{:?}",
        manifests.warnings
    );
    assert!(by(&[none, ("spark.dynamicAllocation.enabled", "true")]).is_err());
}

#[test]
fn no_value_of_open_grammar_is_ever_shown() {
    let secret = "hunter2\0hunter2";
    for pointer in [
        "/spec/containers/0/args/5",
        "/spec/containers/0/env/0/value",
        "/spec/containers/0/image",
        "/spec/containers/0/command",
        "/metadata/annotations",
        "/spec/volumes",
    ] {
        for value in [
            json!(secret),
            json!([secret]),
            json!({"a": secret}),
            json!({"a": [secret]}),
        ] {
            let found = after("pod-driver", pointer, value.clone());
            assert!(
                !found.is_empty() && !found.concat().contains("hunter2"),
                "{pointer} {value}: {found:?}"
            );
        }
    }
}

#[test]
fn of_many_findings_a_few_are_kept_and_all_are_counted() {
    let containers = json!(vec![json!({}); 21_000]);
    let objects = sample::changed("pod-driver", "/spec/containers", containers);
    let found = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap_err();
    assert_eq!(found.0.len(), FINDINGS);
    assert!(found.0.more() >= 2 * 21_000 - FINDINGS, "{}", found.0.more());
    let text = found.to_string();
    assert!(text.len() <= ANSWER_BYTES, "{}", text.len());
    assert!(text.ends_with(" more"), "{text}");
}

#[test]
fn each_of_many_unknown_fields_is_held_against_those_that_may_pass() {
    let names: Vec<_> = (0..100).map(|index| format!("field{index:03}")).collect();
    let mut objects = sample::objects();
    let (_, pod) = objects.iter_mut().find(|(role, _)| role == "pod-driver").unwrap();
    let fields = pod["spec"].as_object_mut().unwrap();
    fields.extend(names.iter().map(|name| (name.clone(), json!(1))));
    let mut passed: Vec<_> = names.iter().map(|name| format!("spec.{name}")).collect();
    let manifests = check(&sample::rendered(&objects), &sample::plan(), &passed).unwrap();
    assert_eq!(manifests.warnings.lines().count(), FINDINGS + 1);
    assert_eq!(manifests.warnings.lines().last().unwrap(), "and 80 more warnings");
    passed.pop();
    let found = check(&sample::rendered(&objects), &sample::plan(), &passed).unwrap_err();
    assert_eq!(found.0.len(), 1, "{found}");
    assert!(
        found.to_string().contains("spec.field099: unknown field"),
        "{found}"
    );
}

#[test]
fn where_the_conf_has_references_no_value_is_shown() {
    let objects = sample::changed("pod-driver", "/spec/restartPolicy", json!("hunter2"));
    let mut plan = sample::plan();
    let text = |plan: &DriverPlan| {
        check(&sample::rendered(&objects), plan, &[])
            .unwrap_err()
            .to_string()
    };
    assert!(text(&plan).contains("Pod/pi-driver") && text(&plan).contains("found `hunter2`"));
    plan.properties
        .insert("spark.a".to_owned(), "${spark.b}".to_owned());
    let text = text(&plan);
    assert!(
        text.contains(
            "Pod/<redacted> spec.restartPolicy: expected one of Always, OnFailure, Never, found <redacted>"
        ),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_key_that_is_null_counts_as_not_written() {
    let plain = check(&sample::rendered(&sample::objects()), &sample::plan(), &[]).unwrap();
    let mut objects = sample::objects();
    for (role, pointer) in [
        ("pod-driver", "/metadata/annotations"),
        ("pod-driver", "/spec/schedulerName"),
        ("pod-driver", "/spec/tolerations"),
        ("pod-driver", "/spec/initContainers"),
        ("pod-driver", "/spec/containers/0/envFrom"),
        ("pod-driver", "/spec/containers/0/resources/claims"),
        ("service-driver", "/metadata/labels"),
        ("service-driver", "/spec/publishNotReadyAddresses"),
        ("configmap-driver", "/binaryData"),
    ] {
        let object = objects.iter_mut().find(|(known, _)| known == role);
        *sample::place(&mut object.unwrap().1, pointer) = Value::Null;
    }
    let template = "metadata:\nspec:\n  tolerations:\n  containers:\n  - {name: executor, env: null}\n";
    let object = objects
        .iter_mut()
        .find(|(known, _)| known == "configmap-executor-template");
    object.unwrap().1["data"]["podspec-key"] = json!(template);
    let manifests = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap();
    let values = |manifests: &crate::manifest::Manifests| manifests.for_files().collect::<Vec<_>>();
    assert_eq!(values(&manifests), values(&plain));
}

#[test]
fn a_null_where_kubernetes_wants_a_value_is_still_found() {
    for (pointer, expected) in [
        ("/metadata/labels/team", "metadata.labels"),
        ("/spec/containers/0/args/0", "spec.containers[0].args[0]"),
        ("/spec/containers/0/imagee", "unknown field"),
        ("/spec/containers", "spec.containers"),
        ("/metadata/name", "metadata.name"),
    ] {
        let found = after("pod-driver", pointer, Value::Null);
        assert!(found.concat().contains(expected), "{pointer}: {found:?}");
    }
}

#[test]
fn a_null_stays_in_an_object_of_a_kind_without_a_type() {
    let monitor = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "a"}, "spec": {"b": null},
    });
    let objects = sample::changed("extra-monitor", "", monitor.clone());
    let mut rendered = sample::rendered(&objects);
    rendered.extra_kinds = vec![
        "ServiceMonitor=servicemonitors.monitoring.coreos.com/v1"
            .parse()
            .unwrap(),
    ];
    let manifests = check(&rendered, &sample::plan(), &[]).unwrap();
    let found = manifests
        .owned
        .iter()
        .find(|manifest| manifest.role == "extra-monitor");
    assert_eq!(found.unwrap().value, monitor);
}

#[test]
fn a_patchs_null_removes_what_the_template_wrote() {
    let mut rendered = sample::rendered(&sample::objects());
    rendered.documents[0].patches.push(crate::templates::Patch {
        template: "driver-pod.patch.yaml.j2".to_owned(),
        text: "spec: {restartPolicy: null, tolerations: [{key: a, value: null}], priorityClassName: null}"
            .to_owned(),
        always: false,
    });
    let manifests = check(&rendered, &sample::plan(), &[]).unwrap();
    let spec = &manifests.driver_pod.value["spec"];
    assert_eq!(spec.get("restartPolicy"), None);
    assert_eq!(spec.get("priorityClassName"), None);
    assert_eq!(spec["tolerations"], json!([{"key": "a"}]));
}

#[test]
fn the_executor_pod_template_is_written_tidily_unless_it_is_long() {
    let carried = |text: &str| {
        let objects = sample::changed("configmap-executor-template", "/data/podspec-key", json!(text));
        let manifests = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap();
        let carrier = manifests
            .owned
            .iter()
            .find(|manifest| manifest.role == "configmap-executor-template");
        carrier.unwrap().value["data"]["podspec-key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let tidy = carried(
        "spec: {containers: [{\"name\": \"executor\", \"env\": [{\"name\": \"A\", \"value\": \"1\"}]}]}",
    );
    assert_eq!(
        tidy,
        "spec:\n  containers:\n  - env:\n    - name: A\n      value: \"1\"\n    name: executor\n"
    );
    assert_eq!(carried(&tidy), tidy);
    let long = format!(
        "metadata: {{annotations: {{a: \"{}\"}}}}\nspec: {{}}\n",
        "x".repeat(1 << 16)
    );
    assert_eq!(carried(&long), long);
    // Nulls go out of a long one too, whatever its form.
    let with_nulls = long.replace(
        "spec: {}",
        "spec: {tolerations: null, containers: [{name: e, env: null}]}",
    );
    let json: Value = serde_json::from_str(&carried(&with_nulls)).unwrap();
    assert_eq!(json["spec"], json!({"containers": [{"name": "e"}]}));
}

#[test]
fn a_warning_about_executors_names_the_patch_that_it_comes_from() {
    let mut rendered = sample::rendered(&sample::objects());
    for document in &mut rendered.documents {
        match document.role.as_str() {
            "configmap-executor-template" => {
                document.carried = Some(crate::templates::Carried {
                    template: "executor-pod.yaml.j2".to_owned(),
                    patches: vec![crate::templates::Patch {
                        template: "executor-pod.patch.yaml.j2".to_owned(),
                        text: "spec: {volumes: [{name: A, emptyDir: {}}]}".to_owned(),
                        always: false,
                    }],
                });
            }
            "configmap-driver" => {
                let none = "spark.executor.instances=0\\nspark.kubernetes.namespace=ns";
                document.text = document.text.replace("spark.kubernetes.namespace=ns", none);
            }
            _ => {}
        }
    }
    let by = |setting| {
        let terms = Terms {
            executor_check: setting,
            ..Terms::default()
        };
        super::check(&rendered, &sample::plan(), terms)
    };
    let refused = by(ExecutorCheck::Refuse).unwrap_err().to_string();
    let warned = by(ExecutorCheck::Warn).unwrap().warnings.join("\n");
    for text in [refused, warned] {
        assert!(
            text.contains("spec.volumes[0].name") && text.contains("(executor-pod.patch.yaml.j2)"),
            "{text}"
        );
    }
}

/// A field that only a newer Kubernetes has, in each object that a template can write.
#[test]
fn a_newer_field_is_refused_or_kept_and_warned_of_in_every_object() {
    let executor = json!({"spec": {"containers": [{"name": "executor"}], "newer": {"a": 1}}}).to_string();
    let route = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "newer": {"a": 1}},
    });
    for (role, pointer, value) in [
        ("pod-driver", "/spec/newer", json!({"a": 1})),
        ("pod-driver", "/spec/containers/0/newer", json!({"a": 1})),
        ("service-driver", "/spec/newer", json!({"a": 1})),
        ("configmap-driver", "/newer", json!({"a": 1})),
        (
            "configmap-executor-template",
            "/data/podspec-key",
            json!(executor),
        ),
        ("extra-route", "", route),
    ] {
        let mut rendered = sample::rendered(&sample::changed(role, pointer, value));
        rendered.extra_kinds = vec!["NetworkPolicy".parse().unwrap()];
        let refused = check(&rendered, &sample::plan(), &[]).unwrap_err().to_string();
        assert!(refused.contains("newer: unknown field"), "{role}: {refused}");

        rendered.newer_fields = crate::templates::NewerFields::Warn;
        let manifests = check(&rendered, &sample::plan(), &[]).unwrap();
        let told = "newer: unknown field, kept and sent (TEMPLATE_UNKNOWN_FIELDS=warn)";
        assert_eq!(manifests.warnings.len(), 1, "{role}");
        assert!(manifests.warnings[0].contains(told), "{}", manifests.warnings[0]);
        let sent = std::iter::once(&manifests.driver_pod).chain(&manifests.owned);
        let sent: String = sent.map(|manifest| manifest.value.to_string()).collect();
        assert!(sent.contains("newer"), "{role}");
    }
}

#[test]
fn what_is_wrong_beside_a_newer_field_is_still_refused() {
    let mut rendered = sample::rendered(&sample::changed("pod-driver", "/spec/newer", json!(1)));
    rendered.newer_fields = crate::templates::NewerFields::Warn;
    rendered.documents[0].text = rendered.documents[0]
        .text
        .replace("\"newer\":1", "\"newer\":1,\"priority\":\"high\"");
    let refused = check(&rendered, &sample::plan(), &[]).unwrap_err().to_string();
    assert!(refused.contains("spec.priority: expected"), "{refused}");
    assert!(!refused.contains("newer"), "{refused}");
}

#[test]
fn of_two_kinds_with_one_name_each_is_reported_by_its_version() {
    let policy = |version: &str, spec: Value| json!({"apiVersion": version, "kind": "NetworkPolicy", "metadata": {"name": "a"}, "spec": spec});
    let kinds: Vec<crate::kubernetes::ObjectKind> = vec![
        "NetworkPolicy".parse().unwrap(),
        "NetworkPolicy=networkpolicies.projectcalico.org/v3"
            .parse()
            .unwrap(),
    ];
    let found = |version: &str| {
        let objects = sample::changed("extra-a", "", policy(version, json!({"types": ["Egress"]})));
        let mut rendered = sample::rendered(&objects);
        rendered.extra_kinds.clone_from(&kinds);
        match check(&rendered, &sample::plan(), &[]) {
            Ok(manifests) => manifests.owned.last().unwrap().kind.to_string(),
            Err(findings) => findings.to_string(),
        }
    };
    assert_eq!(found("projectcalico.org/v3"), kinds[1].to_string());
    assert!(found("networking.k8s.io/v1").contains("spec.types: unknown field"));
    assert!(found("networking.k8s.io/v2").contains("apiVersion: expected networking.k8s.io/v1"));
}

/// Another finding says it first: here only the executor Pod's own reason is read.
#[test]
fn an_executor_pod_whose_properties_are_not_there_is_unknown() {
    let error = crate::manifest::executor_pod(&sample::plan(), &SparkVersion::newest(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spark.properties: isn't where the driver looks for it"
    );
}
