use super::*;
use crate::operator::application::{self, API_VERSION, KIND, UnknownFields};

/// Each part of Kubernetes' own types: where it is in the application, where among the additions, and where in the Pod.
const PARTS: &[(&str, &str, &str)] = &[
    ("/spec/volumes/1", "/volumes/0", "spec.volumes[]"),
    (
        "/spec/volumes/1/emptyDir",
        "/volumes/0/emptyDir",
        "spec.volumes[].emptyDir",
    ),
    (
        "/spec/ROLE/volumeMounts/0",
        "/volume_mounts/0",
        "spec.containers[].volumeMounts[]",
    ),
    (
        "/spec/ROLE/env/1/valueFrom",
        "/env/1/valueFrom",
        "spec.containers[].env[].valueFrom",
    ),
    (
        "/spec/ROLE/envFrom/0",
        "/env_from/0",
        "spec.containers[].envFrom[]",
    ),
    (
        "/spec/ROLE/hostAliases/0",
        "/host_aliases/0",
        "spec.hostAliases[]",
    ),
    ("/spec/ROLE/tolerations/0", "/tolerations/0", "spec.tolerations[]"),
    (
        "/spec/ROLE/initContainers/0",
        "/init_containers/0",
        "spec.initContainers[]",
    ),
    ("/spec/ROLE/sidecars/0", "/sidecars/0", "spec.containers[]"),
    (
        "/spec/ROLE/sidecars/0/securityContext",
        "/sidecars/0/securityContext",
        "spec.containers[].securityContext",
    ),
    ("/spec/ROLE/dnsConfig", "/spec/dnsConfig", "spec.dnsConfig"),
    (
        "/spec/ROLE/affinity/podAffinity",
        "/spec/affinity/podAffinity",
        "spec.affinity.podAffinity",
    ),
    (
        "/spec/ROLE/podSecurityContext",
        "/spec/securityContext",
        "spec.securityContext",
    ),
    (
        "/spec/ROLE/securityContext",
        "/container/securityContext",
        "spec.containers[].securityContext",
    ),
    (
        "/spec/ROLE/lifecycle",
        "/container/lifecycle",
        "spec.containers[].lifecycle",
    ),
];

fn application(role: Role) -> Value {
    let mut application = json!({
        "apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "pi"},
        "spec": {
            "volumes": [{"name": "unused"}, {"name": "data", "emptyDir": {}}],
            "driver": {}, "executor": {},
        },
    });
    application["spec"][role.name()] = json!({
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "env": [{"name": "A", "value": "a"}, {"name": "B", "valueFrom": {}}],
        "envFrom": [{"prefix": "p"}],
        "hostAliases": [{"ip": "10.0.0.1"}],
        "tolerations": [{"key": "spot"}],
        "initContainers": [{"name": "init"}],
        "sidecars": [{"name": "side", "securityContext": {}}],
        "dnsConfig": {},
        "affinity": {"podAffinity": {}},
        "podSecurityContext": {},
        "securityContext": {},
        "lifecycle": {},
    });
    application
}

#[test]
fn a_field_that_the_types_do_not_have_stays_in_the_part_that_it_is_in() {
    for role in [Role::Driver, Role::Executor] {
        for (place, added, in_pod) in PARTS {
            let mut document = application(role);
            let place = place.replace("ROLE", role.name());
            document.pointer_mut(&place).unwrap()["future"] = json!({"a": [1]});
            let parsed = application::from_value(document, UnknownFields::Pass).unwrap();
            assert_eq!(parsed.warnings.len(), 1, "{:?}", parsed.warnings);
            let additions = of(&parsed.application, role, Webhook::Off).unwrap();
            assert_eq!(additions.unknown_fields, [format!("{in_pod}.future")], "{place}");
            let additions = serde_json::to_value(additions).unwrap();
            assert_eq!(
                additions.pointer(&format!("{added}/future")),
                Some(&json!({"a": [1]})),
                "{place}"
            );
        }
        let parsed = application::from_value(application(role), UnknownFields::Pass).unwrap();
        assert!(
            of(&parsed.application, role, Webhook::Off)
                .unwrap()
                .unknown_fields
                .is_empty()
        );
    }
}
