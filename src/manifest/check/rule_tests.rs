//! One change to faithful documents a row, and what it must lead to. The changes are by role and JSON pointer.
#![allow(clippy::too_many_lines, reason = "tables")]

use crate::{
    kubernetes::Findings,
    manifest::{Manifests, Terms, sample},
    spark::plan::DriverPlan,
    templates::Rendered,
};
use serde_json::{Value, json};

fn check(rendered: &Rendered, plan: &DriverPlan, passed: &[String]) -> Result<Manifests, Findings> {
    let terms = Terms {
        passed_unknown_fields: passed,
        ..Terms::default()
    };
    crate::manifest::check(rendered, plan, terms)
}

/// The findings and the warnings.
fn after(role: &str, pointer: &str, value: &Value) -> (Vec<String>, Vec<String>) {
    let objects = sample::changed(role, pointer, value.clone());
    match check(&sample::rendered(&objects), &sample::plan(), &[]) {
        Ok(manifests) => (Vec::new(), manifests.warnings.to_vec()),
        Err(findings) => (findings.0.iter().map(ToString::to_string).collect(), Vec::new()),
    }
}

/// Each row leads to a finding that begins with the path and contains the text; and to one finding only.
fn refused(role: &str, rows: &[(&str, Value, &str)]) {
    for (pointer, value, expected) in rows {
        let (found, _) = after(role, pointer, value);
        assert!(
            found.len() == 1 && found[0].contains(&format!(" {expected}")),
            "{pointer} = {value}: expected {expected}, found {found:#?}"
        );
    }
}

fn accepted(role: &str, rows: &[(&str, Value)]) {
    for (pointer, value) in rows {
        let (found, warnings) = after(role, pointer, value);
        assert!(
            found.is_empty() && warnings.is_empty(),
            "{pointer} = {value}: {found:#?} {warnings:#?}"
        );
    }
}

fn warned(role: &str, rows: &[(&str, Value, &str)]) {
    for (pointer, value, expected) in rows {
        let (found, warnings) = after(role, pointer, value);
        assert!(
            found.is_empty() && warnings.len() == 1 && warnings[0].contains(expected),
            "{pointer} = {value}: {found:#?} {warnings:#?}"
        );
    }
}

#[test]
fn metadata() {
    let long = "x".repeat(256 << 10);
    refused(
        "pod-driver",
        &[
            (
                "/metadata/labels/a b",
                json!("x"),
                "metadata.labels[\"a b\"]: expected a label key: a name",
            ),
            (
                "/metadata/labels/a.b",
                json!("-"),
                "metadata.labels[\"a.b\"]: expected at most 63",
            ),
            (
                "/metadata/annotations",
                json!({"a b": "x"}),
                "metadata.annotations[\"a b\"]: expected an annotation key: a name",
            ),
            (
                "/metadata/annotations",
                json!({"a": long}),
                "metadata.annotations: expected at most 262144 bytes of keys and values",
            ),
            (
                "/metadata/ownerReferences/0/blockOwnerDeletion",
                json!("x"),
                "metadata.ownerReferences[0].blockOwner",
            ),
            (
                "/metadata/resourceVersion",
                json!("7"),
                "metadata.resourceVersion: expected nothing",
            ),
            (
                "/metadata/name",
                json!(""),
                "metadata.name: expected a value, found nothing",
            ),
            (
                "/spec/nodeSelector",
                json!({"a": "b c"}),
                "spec.nodeSelector.a: expected",
            ),
        ],
    );
    accepted(
        "pod-driver",
        &[
            ("/metadata/annotations", json!({"A.b/C": "anything at all\n"})),
            ("/metadata/resourceVersion", json!("0")),
            ("/metadata/resourceVersion", json!("")),
        ],
    );
    refused(
        "service-driver",
        &[(
            "/metadata/annotations",
            json!({"": ""}),
            "metadata.annotations[\"\"]: expected an annotation key: a name",
        )],
    );
}

#[test]
fn names_by_kind() {
    let name = |role: &str, name: &str| after(role, "/metadata/name", &json!(name)).0.join("\n");
    assert!(name("service-driver", "0svc").contains("expected an RFC 1035 label"));
    assert!(name("service-driver", &"a".repeat(64)).contains("expected an RFC 1035 label"));
    assert!(!name("configmap-driver", "0.conf").contains("RFC"));
    assert!(
        name("configmap-driver", "conf_").contains("metadata.name: expected a lowercase RFC 1123 subdomain")
    );
    assert!(name("pod-driver", &"a".repeat(254)).contains("expected a lowercase RFC 1123 subdomain"));
}

#[test]
fn containers() {
    let container = |patch: Value| {
        let mut sidecar = json!({"name": "sidecar", "image": "x"});
        sidecar
            .as_object_mut()
            .unwrap()
            .extend(patch.as_object().unwrap().clone());
        json!([sidecar])
    };
    let refused = |patch: Value, expected: &str| {
        refused(
            "pod-driver",
            &[(
                "/spec/initContainers",
                container(patch),
                &format!("spec.initContainers[0]{expected}"),
            )],
        );
    };
    refused(json!({"name": "A"}), ".name: expected a lowercase RFC 1123 label");
    refused(json!({"name": null}), ".name: expected a value, found nothing");
    refused(json!({"name": "spark-kubernetes-driver"}), ".name: is used twice");
    refused(json!({"image": null}), ".image: expected a value, found nothing");
    refused(
        json!({"image": " x"}),
        ".image: expected no white space at the ends",
    );
    refused(
        json!({"imagePullPolicy": "Sometimes"}),
        ".imagePullPolicy: expected one of Always, IfNotPresent, Never, found `Sometimes`",
    );
    refused(
        json!({"ports": [{}]}),
        ".ports[0].containerPort: expected a value, found nothing",
    );
    refused(
        json!({"ports": [{"containerPort": 65536}]}),
        ".ports[0].containerPort: expected a number from 1 to 65535, found `65536`",
    );
    refused(
        json!({"ports": [{"containerPort": -1}]}),
        ".ports[0].containerPort: expected a number from 1",
    );
    refused(
        json!({"ports": [{"containerPort": 1, "protocol": "tcp"}]}),
        ".ports[0].protocol: expected one of TCP",
    );
    refused(
        json!({"ports": [{"containerPort": 1, "name": "Http"}]}),
        ".ports[0].name: expected an IANA",
    );
    refused(
        json!({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}),
        ".ports[1].name: is used twice",
    );
    refused(
        json!({"env": [{"name": "A=B"}]}),
        ".env[0].name: expected printable ASCII",
    );
    refused(
        json!({"env": [{"value": "x"}]}),
        ".env[0].name: expected a value, found nothing",
    );
    refused(
        json!({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}),
        ".env[0]: expected a value or valueFrom, found both",
    );
    refused(
        json!({"env": [{"name": "A", "valueFrom": {}}]}),
        ".env[0].valueFrom: expected exactly one of its fields, found nothing",
    );
    refused(
        json!({"env": [{"name": "A", "valueFrom": {
            "fieldRef": {"fieldPath": "x"}, "secretKeyRef": {"name": "s", "key": "k"},
        }}]}),
        ".env[0].valueFrom: expected exactly one of its fields, found `fieldRef, secretKeyRef`",
    );
    refused(
        json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}),
        ".env[0].valueFrom.secretKeyRef.key: expected a value, found nothing",
    );
    refused(
        json!({"envFrom": [{"prefix": "A"}]}),
        ".envFrom[0]: expected exactly one of its fields, found nothing",
    );
    refused(
        json!({"livenessProbe": {"periodSeconds": 1}}),
        ".livenessProbe: expected exactly one of its fields, found nothing",
    );
    refused(
        json!({"livenessProbe": {"httpGet": {"port": 0}}}),
        ".livenessProbe.httpGet.port: expected a number from 1",
    );
    refused(
        json!({"volumeMounts": [{"name": "conf"}]}),
        ".volumeMounts[0].mountPath: expected a value, found nothing",
    );
    refused(
        json!({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}),
        ".volumeMounts[0].name: expected the name of a volume",
    );
    refused(
        json!({"volumeMounts": [{"name": "conf", "mountPath": "/a:b"}]}),
        ".volumeMounts[0].mountPath: expected a path without",
    );
    refused(
        json!({"volumeMounts": [{"name": "conf", "mountPath": "/a"}, {"name": "conf", "mountPath": "/a"}]}),
        ".volumeMounts[1].mountPath: is mounted twice",
    );
    refused(
        json!({"volumeMounts": [{"name": "conf", "mountPath": "/a", "subPath": "a/../../b"}]}),
        ".volumeMounts[0].subPath: expected a relative path",
    );
    refused(
        json!({"args": ["a", "b\0"]}),
        ".args[1]: expected text that a container can be started with, found a NUL",
    );
    refused(
        json!({"env": [{"name": "A", "value": "\0"}]}),
        ".env[0].value: expected text that a container can be started with, found a NUL",
    );
    accepted(
        "pod-driver",
        &[
            (
                "/spec/initContainers",
                container(json!({"env": [{"name": "my env.1", "value": ""}]})),
            ),
            (
                "/spec/initContainers",
                container(json!({"volumeMounts": [{"name": "conf", "mountPath": "/a", "subPath": ""}]})),
            ),
            (
                "/spec/initContainers",
                container(json!({"imagePullPolicy": "", "ports": [{"containerPort": 65535}]})),
            ),
            (
                "/spec/initContainers",
                container(json!({"restartPolicy": "Always", "livenessProbe": {"exec": {"command": ["a"]}}})),
            ),
        ],
    );
    warned(
        "pod-driver",
        &[
            (
                "/spec/containers/0/env",
                json!([{"name": "A"}, {"name": "B"}, {"name": "A"}]),
                "env[2].name: is set twice",
            ),
            (
                "/spec/containers/0/ports/1",
                json!({"containerPort": 7078}),
                "ports[1].containerPort: is declared twice",
            ),
        ],
    );
}

#[test]
fn resources() {
    let rows = |requests: Value, limits: Value| json!({"requests": requests, "limits": limits});
    let at = "/spec/containers/0/resources";
    refused(
        "pod-driver",
        &[
            (
                at,
                rows(json!({"memory": "1GB"}), json!({})),
                "spec.containers[0].resources.requests.memory: expected a quantity",
            ),
            (
                at,
                rows(json!({"cpu": "-1"}), json!({})),
                "spec.containers[0].resources.requests.cpu: expected a quantity that is not negative",
            ),
            (
                at,
                rows(json!({"cpu": 2}), json!({"cpu": "1500m"})),
                "spec.containers[0].resources.requests.cpu: expected at most the limit `1500m`, found `2`",
            ),
            (
                at,
                rows(json!({}), json!({"cpus": "1"})),
                "spec.containers[0].resources.limits.cpus: expected a resource as key",
            ),
            (
                at,
                rows(json!({}), json!({"nvidia.com/gpu": "0.5"})),
                "spec.containers[0].resources.limits[\"nvidia.com/gpu\"]: expected a whole number",
            ),
            (
                at,
                rows(json!({"nvidia.com/gpu": "1"}), json!({})),
                "spec.containers[0].resources.requests[\"nvidia.com/gpu\"]: expected the same limit",
            ),
            (
                at,
                rows(json!({"nvidia.com/gpu": "1"}), json!({"nvidia.com/gpu": "2"})),
                "spec.containers[0].resources.requests[\"nvidia.com/gpu\"]: expected an amount equal",
            ),
        ],
    );
    accepted(
        "pod-driver",
        &[
            (
                at,
                rows(
                    json!({"cpu": "1000m", "memory": "1Gi"}),
                    json!({"cpu": 1, "memory": "1024Mi"}),
                ),
            ),
            (
                at,
                rows(
                    json!({"hugepages-2Mi": "4Mi"}),
                    json!({"hugepages-2Mi": "4Mi", "nvidia.com/gpu": 1}),
                ),
            ),
        ],
    );
}

#[test]
fn volumes_and_scheduling() {
    let more = "/spec/volumes/2";
    refused(
        "pod-driver",
        &[
            (
                more,
                json!({"name": "a.b", "emptyDir": {}}),
                "spec.volumes[2].name: expected a lowercase RFC 1123 label",
            ),
            (
                more,
                json!({"emptyDir": {}}),
                "spec.volumes[2].name: expected a value, found nothing",
            ),
            (
                "/spec/ephemeralContainers",
                json!([{"name": "debug", "image": "x"}]),
                "spec.ephemeralContainers: expected nothing",
            ),
            (
                more,
                json!({"name": "conf", "emptyDir": {}}),
                "spec.volumes[2].name: is used twice",
            ),
            (
                more,
                json!({"name": "x", "emptyDir": {}, "hostPath": {"path": "/"}}),
                "spec.volumes[2]: expected exactly one source, found `emptyDir, hostPath`",
            ),
            (
                more,
                json!({"name": "x", "emptyDir": {"sizeLimit": "10gb"}}),
                "spec.volumes[2].emptyDir.sizeLimit: expected a quantity",
            ),
            (
                more,
                json!({"name": "x", "downwardAPI": {"items": [{"path": "p", "resourceFieldRef": {"resource": "limits.cpu", "divisor": "a"}}]}}),
                "spec.volumes[2].downwardAPI.items[0].resourceFieldRef.divisor: expected a quantity",
            ),
            (
                more,
                json!({"name": "x", "projected": {"sources": [{"downwardAPI": {"items": [{"path": "p", "resourceFieldRef": {"resource": "limits.cpu", "divisor": ""}}]}}]}}),
                "spec.volumes[2].projected.sources[0].downwardAPI.items[0].resourceFieldRef.divisor: expected a quantity",
            ),
            (
                more,
                json!({"name": "x", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1GB"}}}}}}),
                "spec.volumes[2].ephemeral.volumeClaimTemplate.spec.resources.requests.storage: expected a quantity",
            ),
            (
                "/spec/resources",
                json!({"limits": {"cpu": "two"}}),
                "spec.resources.limits.cpu: expected a quantity",
            ),
            (
                "/spec/containers/0/env",
                json!([{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": ""}}}]),
                "spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: expected a quantity",
            ),
            (
                more,
                json!({"name": "x", "hostPath": {"path": "/", "type": "Dir"}}),
                "spec.volumes[2].hostPath.type: expected one of",
            ),
            (
                more,
                json!({"name": "x", "hostPath": {}}),
                "spec.volumes[2].hostPath.path: expected a value, found nothing",
            ),
            (
                more,
                json!({"name": "x", "hostPath": {"path": "/a/../b"}}),
                "spec.volumes[2].hostPath.path: expected a path without `..`",
            ),
            (
                more,
                json!({"name": "x", "nfs": {"path": "a", "server": "s"}}),
                "spec.volumes[2].nfs.path: expected a path that begins with `/`",
            ),
            (
                "/spec/dnsPolicy",
                json!("None"),
                "spec.dnsConfig.nameservers: expected a name server",
            ),
            (
                "/spec/containers/0/securityContext",
                json!({"privileged": true, "allowPrivilegeEscalation": false}),
                "spec.containers[0].securityContext.allowPrivilegeEscalation: expected true or nothing with privileged: true",
            ),
            (
                "/spec/containers/0/securityContext",
                json!({"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": false}),
                "spec.containers[0].securityContext.allowPrivilegeEscalation: expected true or nothing with the capability",
            ),
            (
                more,
                json!({"name": "x", "nfs": {"path": "/"}}),
                "spec.volumes[2].nfs.server: expected a value, found nothing",
            ),
            (
                more,
                json!({"name": "x", "secret": {}}),
                "spec.volumes[2].secret.secretName: expected a value, found nothing",
            ),
            (
                more,
                json!({"name": "x", "persistentVolumeClaim": {}}),
                "spec.volumes[2].persistentVolumeClaim.claimName: expected a value",
            ),
            (
                more,
                json!({"name": "x", "configMap": {"name": "c", "defaultMode": 512}}),
                "spec.volumes[2].configMap.defaultMode: expected a number from 0 to 511",
            ),
            (
                more,
                json!({"name": "x", "configMap": {"name": "c", "items": [{"key": "a", "path": "../a"}]}}),
                "spec.volumes[2].configMap.items[0].path: expected",
            ),
            (
                more,
                json!({"name": "x", "configMap": {"name": "c", "items": [{"key": "a"}]}}),
                "spec.volumes[2].configMap.items[0].path: expected a value, found nothing",
            ),
            (
                more,
                json!({"name": "x", "configMap": {"name": "c", "items": [{"key": "a", "path": "a", "mode": -1}]}}),
                "spec.volumes[2].configMap.items[0].mode: expected a number from 0",
            ),
            (
                "/spec/restartPolicy",
                json!("never"),
                "spec.restartPolicy: expected one of Always, OnFailure, Never, found `never`",
            ),
            ("/spec/dnsPolicy", json!("x"), "spec.dnsPolicy: expected one of"),
            (
                "/spec/hostAliases",
                json!([{"ip": "host"}]),
                "spec.hostAliases[0].ip: expected an IP address",
            ),
            (
                "/spec/hostAliases",
                json!([{"hostnames": ["host"]}]),
                "spec.hostAliases[0].ip: expected a value, found nothing",
            ),
            (
                "/spec/tolerations",
                json!([{"key": "a", "operator": "Is"}]),
                "spec.tolerations[0].operator: expected one of",
            ),
            (
                "/spec/tolerations",
                json!([{"key": "a", "effect": "No"}]),
                "spec.tolerations[0].effect: expected one of",
            ),
            (
                "/spec/tolerations",
                json!([{"value": "a"}]),
                "spec.tolerations[0].operator: expected Exists",
            ),
            (
                "/spec/tolerations",
                json!([{"operator": "Exists", "value": "a"}]),
                "spec.tolerations[0].value: expected no value",
            ),
            (
                "/spec/tolerations",
                json!([{"key": "a", "tolerationSeconds": 1}]),
                "spec.tolerations[0].effect: expected NoExecute",
            ),
        ],
    );
    accepted(
        "pod-driver",
        &[
            (more, json!({"name": "x", "hostPath": {"path": "/", "type": ""}})),
            (more, json!({"name": "x", "hostPath": {"path": "/a..b"}})),
            (
                "/spec/containers/0/securityContext",
                json!({"privileged": true, "allowPrivilegeEscalation": true}),
            ),
            (
                "/spec/containers/0/securityContext",
                json!({"capabilities": {"add": ["SYS_ADMIN"]}, "allowPrivilegeEscalation": false}),
            ),
            (
                more,
                json!({"name": "x", "emptyDir": {"medium": "", "sizeLimit": "1Gi"}}),
            ),
            (
                more,
                json!({"name": "x", "downwardAPI": {"items": [{"path": "p", "resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}]}}),
            ),
            (
                more,
                json!({"name": "x", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}),
            ),
            (
                "/spec/tolerations",
                json!([{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]),
            ),
            ("/spec/hostAliases", json!([{"ip": "::1", "hostnames": ["a"]}])),
        ],
    );
    warned(
        "pod-driver",
        &[
            (
                more,
                json!({"name": "x"}),
                "spec.volumes[2]: expected a source, found nothing",
            ),
            (
                more,
                json!({"name": "x", "persistentVolumeClaim": {"claimName": "OnDemand"}}),
                "spec.volumes[2].persistentVolumeClaim.claimName: no object can have this name, found `OnDemand`",
            ),
        ],
    );
}

#[test]
fn a_pod_with_gates_has_no_node() {
    let mut objects = sample::changed(
        "pod-driver",
        "/spec/schedulingGates",
        json!([{"name": "example.com/quota"}]),
    );
    assert!(check(&sample::rendered(&objects), &sample::plan(), &[]).is_ok());
    for (role, object) in &mut objects {
        if role == "pod-driver" {
            object["spec"]["nodeName"] = json!("node-1");
        }
    }
    let findings = check(&sample::rendered(&objects), &sample::plan(), &[]).unwrap_err();
    assert!(
        findings.to_string().contains("spec.nodeName: expected no node"),
        "{findings}"
    );
}

#[test]
fn config_maps_secrets_and_claims() {
    refused(
        "configmap-driver",
        &[
            (
                "/data/a b",
                json!("x"),
                "data[\"a b\"]: expected a key of at most 253",
            ),
            (
                "/data/big",
                json!("x".repeat(1 << 20)),
                "data: expected at most 1048576 bytes",
            ),
            (
                "/binaryData",
                json!({"a": "!"}),
                "binaryData.a: expected a string of this field's form",
            ),
            (
                "/binaryData",
                json!({"spark.properties": ""}),
                "binaryData[\"spark.properties\"]: expected a key of data or of binaryData, found both",
            ),
        ],
    );
    refused(
        "configmap-driver",
        &[(
            "/metadata/annotations",
            json!({"a": "\0"}),
            "metadata.annotations.a: expected text that a container can be started with, found a NUL",
        )],
    );
    accepted(
        "configmap-driver",
        &[("/data/a", json!("NUL is a byte like any other in a file: \0"))],
    );

    let secret =
        |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data});
    let claim = |spec: Value| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": spec});
    let spec = |modes: &[&str], storage: &str| {
        claim(json!({"accessModes": modes, "resources": {"requests": {"storage": storage}}}))
    };
    refused(
        "secret-credentials",
        &[(
            "",
            secret(json!({"a": "not base64"})),
            "data.a: expected a string of this field's form",
        )],
    );
    refused(
        "persistentvolumeclaim-0",
        &[
            (
                "",
                spec(&[], "1Gi"),
                "spec.accessModes: expected a value, found nothing",
            ),
            (
                "",
                spec(&["RWO"], "1Gi"),
                "spec.accessModes[0]: expected one of ReadWriteOnce",
            ),
            (
                "",
                spec(&["ReadWriteOncePod", "ReadWriteMany"], "1Gi"),
                "spec.accessModes: expected no other mode beside",
            ),
            (
                "",
                spec(&["ReadWriteOnce"], "10gb"),
                "spec.resources.requests.storage: expected a quantity",
            ),
            (
                "",
                spec(&["ReadWriteOnce"], "0"),
                "spec.resources.requests.storage: expected a quantity of more than 0",
            ),
            (
                "",
                claim(json!({"accessModes": ["ReadWriteOnce"]})),
                "spec.resources: expected a value, found nothing",
            ),
        ],
    );
    accepted(
        "secret-credentials",
        &[("", secret(json!({"a": "aGk=", "b": ""})))],
    );
    accepted(
        "persistentvolumeclaim-0",
        &[("", spec(&["ReadWriteOnce", "ReadOnlyMany"], "1Gi"))],
    );
}

#[test]
fn services() {
    refused(
        "service-driver",
        &[
            (
                "/spec/ports",
                json!([]),
                "spec.ports: expected a value, found nothing",
            ),
            (
                "/spec/ports/0/port",
                json!(0),
                "spec.ports[0].port: expected a number from 1",
            ),
            (
                "/spec/ports/0/targetPort",
                json!(70000),
                "spec.ports[0].targetPort: expected a number from 1",
            ),
            (
                "/spec/ports/1",
                json!({"port": 2}),
                "spec.ports[1].name: expected a name",
            ),
            (
                "/spec/ports/1",
                json!({"port": 2, "name": "driver-rpc-port"}),
                "spec.ports[1].name: is used twice",
            ),
            (
                "/spec/ports/1",
                json!({"port": 7078, "name": "b"}),
                "spec.ports[1].port: is used twice",
            ),
            (
                "/spec/ports/1",
                json!({"port": 2, "name": "b", "protocol": "HTTP"}),
                "spec.ports[1].protocol: expected one",
            ),
            (
                "/spec/ipFamilies",
                json!(["IPv5"]),
                "spec.ipFamilies[0]: expected one of IPv4, IPv6",
            ),
            (
                "/spec/ipFamilies",
                json!(["IPv6", "IPv4"]),
                "spec.ipFamilyPolicy: expected PreferDualStack",
            ),
            (
                "/spec/ipFamilyPolicy",
                json!("Dual"),
                "spec.ipFamilyPolicy: expected one of",
            ),
        ],
    );
    accepted(
        "service-driver",
        &[
            (
                "/spec/ports/1",
                json!({"port": 7078, "name": "b", "protocol": "UDP"}),
            ),
            ("/spec/ports/0/targetPort", json!("driver-rpc-port")),
        ],
    );
}

#[test]
fn what_spark_needs_of_the_pod() {
    let owner = json!({"apiVersion": "v1", "kind": "X", "name": "x", "uid": "made-up"});
    refused(
        "pod-driver",
        &[
            (
                "/metadata/name",
                json!("other"),
                "metadata.name: expected the plan's name `pi-driver`, found `other`",
            ),
            (
                "/metadata/namespace",
                json!("other"),
                "metadata.namespace: expected the submission's namespace `ns`, found `other`",
            ),
            (
                "/metadata/ownerReferences",
                json!([]),
                "metadata.ownerReferences: expected the plan's owner `SparkApplication` `pi`",
            ),
            (
                "/metadata/ownerReferences/0/controller",
                json!(false),
                "metadata.ownerReferences: expected the plan's owner",
            ),
            (
                "/metadata/ownerReferences/1",
                owner,
                "metadata.ownerReferences[1].uid: expected an owner",
            ),
            (
                "/spec/containers/0/args/0",
                json!("executor"),
                "spec.containers[0].args: expected the arguments of the plan, in the same order, found them without driver",
            ),
            (
                "/spec/containers/0/args/6",
                json!("other"),
                "spec.containers[0].args: expected the arguments of the plan, in the same order, found them without number 7 of 7",
            ),
            (
                "/spec/containers/0/args",
                json!([]),
                "spec.containers[0].args: expected the arguments of the plan",
            ),
            (
                "/spec/containers/0/volumeMounts/0/mountPath",
                json!("/opt/conf"),
                "spec: expected the driver container to mount spark.properties of ConfigMap `conf` at `/opt/spark/conf`",
            ),
            (
                "/spec/volumes/0/configMap/items/0/key",
                json!("other"),
                "spec: expected the driver container to mount spark.properties",
            ),
            (
                "/spec/containers/0/volumeMounts",
                json!([{"name": "conf", "mountPath": "/opt/spark/conf"}]),
                "spec: expected the driver container to mount the executor pod template",
            ),
        ],
    );
    let (found, _) = after("pod-driver", "/spec/containers/0/name", &json!("main"));
    assert!(
        found[0].contains("spec.containers: expected the driver container `spark-kubernetes-driver`"),
        "{found:?}"
    );
    for label in [
        "spark-role",
        "spark-app-selector",
        "sparkoperator.k8s.io~1app-name",
    ] {
        let (found, _) = after("pod-driver", &format!("/metadata/labels/{label}"), &json!("x"));
        assert!(
            found
                .iter()
                .any(|line| line.contains(" metadata.labels: expected the label ")),
            "{label}: {found:?}"
        );
    }
    let added = "/metadata/labels/sparkoperator.k8s.io~1mutated-by-spark-operator";
    let (found, _) = after("pod-driver", added, &json!("true"));
    assert!(
        found[0].contains("metadata.labels: expected none of the operator's own labels, found `sparkoperator.k8s.io/mutated-by-spark-operator`"),
        "{found:?}"
    );
    let shell = json!({"name": "spark-kubernetes-driver", "image": "x", "command": ["sh"], "volumeMounts": [
        {"name": "conf", "mountPath": "/opt/spark/conf/"}, {"name": "podspec", "mountPath": "/p"}]});
    accepted(
        "pod-driver",
        &[
            ("/spec/containers/1", json!({"name": "sidecar", "image": "x"})),
            (
                "/spec/containers/0/args",
                json!([
                    "driver",
                    "--properties-file",
                    "/opt/spark/conf/spark.properties",
                    "--verbose",
                    "--class",
                    "a.B",
                    "local:///x.jar",
                    "hunter2",
                    "more"
                ]),
            ),
        ],
    );
    let only_the_driver = "command and args of the driver: isn't what Spark writes";
    warned("pod-driver", &[("/spec/containers/0", shell, only_the_driver)]);
}

#[test]
fn what_spark_needs_of_the_other_objects() {
    refused(
        "service-driver",
        &[
            (
                "/spec/clusterIP",
                json!(null),
                "spec.clusterIP: expected \"None\"",
            ),
            (
                "/spec/selector",
                json!({}),
                "spec.selector: expected a selector of the driver Pod",
            ),
            (
                "/spec/selector/spark-role",
                json!("executor"),
                "spec.selector.spark-role: expected the driver Pod's label `driver`",
            ),
            (
                "/spec/selector/x",
                json!("y"),
                "spec.selector.x: expected a label that the driver Pod has",
            ),
            (
                "/metadata/namespace",
                json!("other"),
                "metadata.namespace: expected the submission's namespace",
            ),
        ],
    );
    refused(
        "configmap-driver",
        &[
            (
                "/data/spark.properties",
                json!("spark.app.name=pi\nspark.driver.host=svc.ns.svc\n"),
                "data[\"spark.properties\"]: expected the plan's property `spark.app.id`, found nothing",
            ),
            (
                "/data/spark.properties",
                json!(""),
                "data[\"spark.properties\"]: expected the file",
            ),
            (
                "/metadata/ownerReferences",
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "0"}]),
                "metadata.ownerReferences[0].uid: expected an owner",
            ),
        ],
    );
    refused(
        "configmap-executor-template",
        &[(
            "/data",
            json!({}),
            "data.podspec-key: expected the file `podspec-key`, found nothing",
        )],
    );
    accepted(
        "configmap-driver",
        &[(
            "/data/spark.properties",
            json!(
                "#mine\nspark.a=b\nspark.driver.host=svc.ns.svc\nspark.app.submitTime=1\nspark.app.name=pi\n\
                 spark.app.id=spark-0123\nspark.kubernetes.container.image=spark:4\nspark.kubernetes.namespace=ns\n\
                 spark.kubernetes.executor.podTemplateFile=/opt/spark/pod-template/pod-spec-template.yml\n"
            ),
        )],
    );
    let (found, _) = after("service-driver", "/metadata/name", &json!("other"));
    assert_eq!(
        found,
        ["Service/svc: no template wrote it, and executors reach the driver by it (spark.driver.host)"]
    );
    let (found, _) = after("configmap-driver", "/metadata/name", &json!("podspec"));
    assert!(
        found
            .iter()
            .any(|line| line.contains("found `podspec`; configmap-executor-template.yaml.j2 writes it too")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|line| line.contains("no template wrote this ConfigMap, which the plan has, found `conf`")),
        "{found:?}"
    );
}
