//! The ten policies of docs/policies.md hold wherever an application's author may write what they forbid: driver and executors,
//! containers, init containers and sidecars, fields, pod templates and conf, with the operator's webhook on and off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{
    bypasses::{changed, refused},
    page::{POLICIES, blocks},
};
use native_submit::{
    operator::Webhook,
    strict::parse_yaml,
    templates::{SetOptions, TemplateSets},
};
use serde_json::Value;
use std::fs;

/// An image that the policies allow.
const IMAGE: &str =
    "registry.example.com/tool@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What is tried for driver and executors: a JSON pointer, what is written there, and what the refusal says. `ROLE` is driver or
/// executor, `MAIN` its own container, `IMAGE` an allowed image.
const FOR_BOTH: [(&str, &str, &str); 49] = [
    // hostPath
    (
        "/spec/ROLE/template/spec",
        "{containers: [], volumes: [{name: v, hostPath: {path: /}}]}",
        "hostPath volumes are not allowed",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.ROLE.volumes.hostPath.v.options.path: /, spark.kubernetes.ROLE.volumes.hostPath.v.mount.path: /h}",
        "hostPath volumes are not allowed",
    ),
    // registries
    (
        "/spec/ROLE/image",
        "evil.example.com/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "container MAIN: images come from",
    ),
    (
        "/spec/ROLE/image",
        "registry.example.com:latest",
        "container MAIN: images come from",
    ),
    (
        "/spec/ROLE/image",
        "registry.example.com@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "container MAIN: images come from",
    ),
    (
        "/spec/ROLE/image",
        "registry.example.com.evil.org/x",
        "container MAIN: images come from",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: busybox}]",
        "container s: images come from",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: evil.example.com/x}]",
        "container i: images come from",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], initContainers: [{name: i, image: evil.example.com/x, restartPolicy: Always}]}",
        "container i: images come from",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: evil.example.com/x}}]}",
        "volume v: images come from",
    ),
    // digests
    (
        "/spec/ROLE/image",
        "registry.example.com/x:1",
        "container MAIN: name the image by its digest",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: registry.example.com/x}]",
        "container s: name the image by its digest",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: 'registry.example.com/x:1'}]",
        "container i: name the image by its digest",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: 'registry.example.com/x:1'}}]}",
        "volume v: name the image by its digest",
    ),
    // ceilings
    (
        "/spec/ROLE/cores",
        "6",
        "at most 4 CPUs for each Pod in this namespace, found 6",
    ),
    (
        "/spec/ROLE/coreLimit",
        "'64'",
        "at most 4 CPUs for each Pod in this namespace, found 64",
    ),
    ("/spec/ROLE/memory", "9g", "at most 8Gi of memory"),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: IMAGE, resources: {limits: {cpu: 64}}}]",
        "at most 4 CPUs",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: IMAGE, resources: {limits: {memory: 512Gi}}}]",
        "at most 8Gi of memory",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: IMAGE, resources: {requests: {cpu: 100m}, limits: {cpu: '64'}}}]",
        "at most 4 CPUs",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: a, image: IMAGE, resources: {requests: {cpu: 1800m}}}, {name: b, image: IMAGE, resources: {requests: {cpu: 1800m}}}]",
        "at most 4 CPUs for each Pod in this namespace, found 4.6",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: a, image: IMAGE, resources: {requests: {memory: 4Gi}}}, {name: b, image: IMAGE, resources: {limits: {memory: 4Gi}}}]",
        "at most 8Gi of memory",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: IMAGE, resources: {requests: {cpu: 64}}}]",
        "at most 4 CPUs",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: IMAGE, resources: {limits: {memory: 512Gi}}}]",
        "at most 8Gi of memory",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], initContainers: [{name: i, image: IMAGE, restartPolicy: Always, resources: {requests: {cpu: 3500m}}}]}",
        "at most 4 CPUs for each Pod in this namespace, found 4.5",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], initContainers: [{name: a, image: IMAGE, restartPolicy: Always, resources: {requests: {cpu: 2}}}, {name: b, image: IMAGE, resources: {requests: {cpu: 3}}}]}",
        "at most 4 CPUs for each Pod in this namespace, found 5",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], resources: {requests: {cpu: 64}}}",
        "at most 4 CPUs",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], resources: {limits: {memory: 512Gi}}}",
        "at most 8Gi of memory",
    ),
    // host network
    ("/spec/ROLE/hostNetwork", "true", "hostNetwork is not allowed"),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], hostNetwork: true}",
        "hostNetwork is not allowed",
    ),
    // non-root
    (
        "/spec/ROLE/podSecurityContext",
        "{fsGroup: 185}",
        "container MAIN: runAsNonRoot must be true",
    ),
    (
        "/spec/ROLE/podSecurityContext",
        "{runAsNonRoot: true, runAsUser: 0}",
        "container MAIN: runAsNonRoot must be true",
    ),
    (
        "/spec/ROLE/securityContext",
        "{runAsUser: 0}",
        "container MAIN: runAsNonRoot must be true",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: IMAGE, securityContext: {runAsNonRoot: false}}]",
        "container s: runAsNonRoot must be true",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: IMAGE, securityContext: {runAsUser: 0, runAsNonRoot: false}}]",
        "container i: runAsNonRoot must be true",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], initContainers: [{name: i, image: IMAGE, restartPolicy: Always, securityContext: {runAsUser: 0}}]}",
        "container i: runAsNonRoot must be true",
    ),
    // service accounts
    (
        "/spec/ROLE/serviceAccount",
        "admin",
        "the service account must be one of",
    ),
    (
        "/spec/ROLE/serviceAccount",
        "''",
        "the service account must be one of",
    ),
    // GPUs
    (
        "/spec/ROLE/gpu",
        "{name: amd.com/gpu, quantity: 1}",
        "container MAIN: amd.com/gpu is for the namespace vision",
    ),
    (
        "/spec/ROLE/sidecars",
        "[{name: s, image: IMAGE, resources: {limits: {nvidia.com/mig-1g.5gb: 1}}}]",
        "container s: nvidia.com/mig-1g.5gb is for the namespace vision",
    ),
    (
        "/spec/ROLE/initContainers",
        "[{name: i, image: IMAGE, resources: {limits: {nvidia.com/gpu: 8}}}]",
        "container i: nvidia.com/gpu is for the namespace vision",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], initContainers: [{name: i, image: IMAGE, restartPolicy: Always, resources: {limits: {nvidia.com/gpu: 8}}}]}",
        "container i: nvidia.com/gpu is for the namespace vision",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], resourceClaims: [{name: g, resourceClaimTemplateName: gpu}]}",
        "resource claims are for the namespace vision",
    ),
    // tolerations
    (
        "/spec/ROLE/tolerations",
        "[]",
        "a toleration with the key spark is needed",
    ),
    (
        "/spec/ROLE/tolerations",
        "[{operator: Exists}, {key: spark, operator: Exists}]",
        "only tolerations with the key spark are allowed",
    ),
    (
        "/spec/ROLE/tolerations",
        "[{key: spark, operator: Exists}, {key: node-role.kubernetes.io/control-plane, operator: Exists}]",
        "found node-role.kubernetes.io/control-plane",
    ),
    (
        "/spec/ROLE/template/spec",
        "{containers: [], nodeName: master-1}",
        "nodeName is not allowed",
    ),
    (
        "/spec/ROLE/nodeSelector",
        "{pool: web}",
        "the nodeSelector pool: spark is needed",
    ),
    (
        "/spec/ROLE/nodeSelector",
        "{}",
        "the nodeSelector pool: spark is needed",
    ),
];

/// The same for one of both, or for the whole application.
const FOR_ONE: [(&str, &str, &str); 8] = [
    (
        "/spec/image",
        "spark:4.1.1",
        "driver container spark-kubernetes-driver: images come from",
    ),
    (
        "/spec/image",
        "registry.example.com:latest",
        "executors container spark-kubernetes-executor: images come from",
    ),
    (
        "/metadata/labels",
        "{}",
        "metadata.labels.team: every application needs this label",
    ),
    (
        "/metadata/labels",
        "{team: ''}",
        "metadata.labels.team: every application needs this label",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], serviceAccount: admin}",
        "executors: the service account must be one of",
    ),
    ("/spec/executor/coreRequest", "'5'", "executors: at most 4 CPUs"),
    (
        "/spec/executor/memoryOverhead",
        "9g",
        "executors: at most 8Gi of memory",
    ),
    (
        "/spec/sparkConf",
        "{spark.executor.resource.gpu.amount: '1', spark.executor.resource.gpu.vendor: nvidia.com, spark.executor.resource.gpu.discoveryScript: /a}",
        "executors container spark-kubernetes-executor: nvidia.com/gpu",
    ),
];

/// What an application may say.
const FINE: [(&str, &str); 9] = [
    ("", ""),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: IMAGE, resources: {requests: {cpu: 1}, limits: {cpu: 2, memory: 1Gi}}}]",
    ),
    (
        "/spec/driver/initContainers",
        "[{name: i, image: IMAGE, resources: {limits: {cpu: 4, memory: 8Gi}}}]",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], initContainers: [{name: a, image: IMAGE, resources: {requests: {cpu: 3}}}, {name: b, image: IMAGE, restartPolicy: Always, resources: {requests: {cpu: 2}}}]}",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [{name: spark-kubernetes-executor}], resources: {limits: {cpu: 4, memory: 8Gi}}}",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [{name: spark-kubernetes-executor}], volumes: [{name: v, image: {reference: IMAGE}}, {name: e, emptyDir: {}}]}",
    ),
    ("/spec/executor/serviceAccount", "spark-readonly"),
    (
        "/spec/driver/securityContext",
        "{runAsUser: 185, runAsNonRoot: true}",
    ),
    ("/spec/executor/cores", "4"),
];

/// The page's policies, with one of them changed, and its first application.
fn page(change: impl Fn(&str) -> String) -> (TemplateSets, Value) {
    let folder = tempfile::tempdir().unwrap();
    let always = folder.path().join("always");
    fs::create_dir(&always).unwrap();
    let mut first = None;
    for block in blocks(POLICIES) {
        let Some(name) = block.more else { continue };
        if let Some(file) = name.strip_prefix("templates/always/") {
            fs::write(always.join(file), change(&block.text)).unwrap();
        } else if name == "pi.yaml" {
            first = Some(parse_yaml(&block.text).unwrap());
        }
    }
    assert_eq!(fs::read_dir(&always).unwrap().count(), 10);
    let options = SetOptions {
        directory: Some(folder.path().to_owned()),
        ..SetOptions::default()
    };
    (TemplateSets::load(&options).unwrap(), first.unwrap())
}

/// Each attempt, written out.
fn attempts() -> Vec<[String; 3]> {
    let roles = [
        ("driver", "driver", "spark-kubernetes-driver"),
        ("executor", "executors", "spark-kubernetes-executor"),
    ];
    let mut attempts = Vec::new();
    for (role, whose, main) in roles {
        for (pointer, written, says) in FOR_BOTH {
            let of_role = |text: &str| text.replace("ROLE", role);
            let between = if says.starts_with("container ") || says.starts_with("volume ") {
                " "
            } else {
                ": "
            };
            let says = if says.starts_with("found ") {
                says.to_owned()
            } else {
                format!("{whose}{between}{says}")
            };
            attempts.push([of_role(pointer), of_role(written), says.replace("MAIN", main)]);
        }
    }
    attempts.extend(FOR_ONE.map(|(pointer, written, says)| [pointer, written, says].map(str::to_owned)));
    attempts
}

#[test]
fn each_attempt_is_refused_with_the_policies_and_accepted_without_them() {
    let (sets, first) = page(str::to_owned);
    let mut wrong = Vec::new();
    for [pointer, written, says] in attempts() {
        let application = changed(first.clone(), &pointer, &written.replace("IMAGE", IMAGE));
        for webhook in [Webhook::Off, Webhook::On] {
            let with = refused(&application, webhook, Some(&sets));
            let without = refused(&application, webhook, None);
            if !with.contains(&says) || !without.is_empty() {
                wrong.push(format!(
                    "{webhook:?} {pointer}: {written}: expected {says:?}, with the policies {with:?}, without {without:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_fine_passes_all_ten() {
    let (sets, first) = page(str::to_owned);
    for (pointer, written) in FINE {
        let application = changed(first.clone(), pointer, &written.replace("IMAGE", IMAGE));
        for webhook in [Webhook::Off, Webhook::On] {
            let said = refused(&application, webhook, Some(&sets));
            assert_eq!(said, "", "{webhook:?} {pointer}: {written}");
        }
    }
}

#[test]
fn the_namespace_decides_who_has_gpus_and_no_label() {
    let (sets, first) = page(str::to_owned);
    let gpu = changed(first, "/spec/executor/gpu", "{name: nvidia.com/gpu, quantity: 1}");
    let labelled = changed(gpu.clone(), "/metadata/labels", "{team: vision}");
    let there = changed(gpu, "/metadata/namespace", "vision");
    for webhook in [Webhook::Off, Webhook::On] {
        let said = refused(&labelled, webhook, Some(&sets));
        assert!(
            said.contains("nvidia.com/gpu is for the namespace vision"),
            "{said}"
        );
        assert_eq!(refused(&there, webhook, Some(&sets)), "");
    }
}

#[test]
fn a_ceiling_is_the_same_number_with_quotes_and_without() {
    for ceiling in ["\"4\"", "4.0", "\"4000m\""] {
        let (sets, first) = page(|policy| policy.replace("\"cpu\": 4,", &format!("\"cpu\": {ceiling},")));
        for (cores, says) in [("4", ""), ("5", "for each Pod in this namespace, found 5")] {
            let application = changed(first.clone(), "/spec/driver/cores", cores);
            let said = refused(&application, Webhook::Off, Some(&sets));
            assert!(
                said.contains(says) && said.is_empty() == says.is_empty(),
                "{ceiling}: {said:?}"
            );
        }
    }
}
