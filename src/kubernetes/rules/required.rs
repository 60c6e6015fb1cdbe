//! Fields that Kubernetes requires. Its types default a missing field to an empty string, list or 0, so reading
//! alone doesn't notice.
//!
//! The source is the "required" mark in the Kubernetes API reference, for what a submission is made of. Names of
//! objects that may be empty in the API (`envFrom`, `imagePullSecrets`) are left out.

use super::{
    Kind, Report,
    table::{For, Table},
};
use crate::{finding::expected, kubernetes::at::At};
use Kind::{NetworkPolicy, PersistentVolumeClaim, PodGroup, Service};
use serde_json::Value;

/// Below each container.
const IN_CONTAINER: &[(&str, &[&str])] = &[
    ("env[]", &["name"]),
    ("env[].valueFrom.configMapKeyRef|secretKeyRef", &["name", "key"]),
    ("env[].valueFrom.fieldRef", &["fieldPath"]),
    ("env[].valueFrom.resourceFieldRef", &["resource"]),
    ("ports[]", &["containerPort"]),
    ("volumeMounts[]", &["name", "mountPath"]),
    ("volumeDevices[]", &["name", "devicePath"]),
    (
        "livenessProbe|readinessProbe|startupProbe.httpGet|tcpSocket",
        &["port"],
    ),
    ("securityContext.seccompProfile", &["type"]),
];

/// Below the document.
const REQUIRED: &[(For, &str, &[&str])] = &[
    (For::Driver, "", &["metadata", "spec"]),
    (For::Driver, "metadata", &["name"]),
    (For::Driver, "spec", &["containers"]),
    (For::Driver, "spec.containers[]", &["name", "image"]),
    (For::Pods, "spec.initContainers[]", &["name", "image"]),
    (For::Pods, "spec.volumes[]", &["name"]),
    (For::Pods, "spec.volumes[].hostPath", &["path"]),
    (For::Pods, "spec.volumes[].nfs", &["server", "path"]),
    (For::Pods, "spec.volumes[].persistentVolumeClaim", &["claimName"]),
    (For::Pods, "spec.volumes[].configMap", &["name"]),
    (For::Pods, "spec.volumes[].secret", &["secretName"]),
    (For::Pods, "spec.volumes[].csi", &["driver"]),
    (For::Pods, "spec.volumes[].ephemeral", &["volumeClaimTemplate"]),
    (
        For::Pods,
        "spec.volumes[].configMap|secret.items[]",
        &["key", "path"],
    ),
    (For::Pods, "spec.volumes[].downwardAPI.items[]", &["path"]),
    (
        For::Pods,
        "spec.volumes[].projected.sources[].configMap|secret",
        &["name"],
    ),
    (
        For::Pods,
        "spec.volumes[].projected.sources[].configMap|secret.items[]",
        &["key", "path"],
    ),
    (
        For::Pods,
        "spec.volumes[].projected.sources[].serviceAccountToken",
        &["path"],
    ),
    (For::Pods, "spec.hostAliases[]", &["ip"]),
    (
        For::Pods,
        "spec.topologySpreadConstraints[]",
        &["maxSkew", "topologyKey", "whenUnsatisfiable"],
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[]",
        &["topologyKey"],
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm",
        &["topologyKey"],
    ),
    (
        For::Pods,
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        &["nodeSelectorTerms"],
    ),
    (For::Pods, "spec.securityContext.seccompProfile", &["type"]),
    (For::Only(Service), "", &["metadata", "spec"]),
    (For::Only(Service), "metadata", &["name"]),
    (For::Only(Service), "spec", &["ports"]),
    (For::Only(Service), "spec.ports[]", &["port"]),
    (For::Only(Kind::ConfigMap), "", &["metadata"]),
    (For::Only(Kind::ConfigMap), "metadata", &["name"]),
    (For::Only(Kind::Secret), "", &["metadata"]),
    (For::Only(Kind::Secret), "metadata", &["name"]),
    (For::Only(PersistentVolumeClaim), "", &["metadata", "spec"]),
    (For::Only(PersistentVolumeClaim), "metadata", &["name"]),
    (
        For::Only(PersistentVolumeClaim),
        "spec",
        &["accessModes", "resources"],
    ),
    (For::Only(PersistentVolumeClaim), "spec.resources", &["requests"]),
    (
        For::Only(PersistentVolumeClaim),
        "spec.resources.requests",
        &["storage"],
    ),
    (For::Only(NetworkPolicy), "", &["metadata", "spec"]),
    (For::Only(NetworkPolicy), "metadata", &["name"]),
    (For::Only(NetworkPolicy), "spec", &["podSelector"]),
    (For::Only(PodGroup), "", &["metadata", "spec"]),
    (For::Only(PodGroup), "metadata", &["name"]),
    (For::Only(Kind::Ingress), "", &["metadata", "spec"]),
    (For::Only(Kind::Ingress), "metadata", &["name"]),
    (For::Only(Kind::Ingress), "spec.rules[].http", &["paths"]),
    (
        For::Only(Kind::Ingress),
        "spec.rules[].http.paths[]",
        &["pathType", "backend"],
    ),
    (
        For::Only(Kind::Ingress),
        "spec.rules[].http.paths[].backend.service",
        &["name", "port"],
    ),
    (For::Only(Kind::PodDisruptionBudget), "", &["metadata", "spec"]),
    (For::Only(Kind::PodDisruptionBudget), "metadata", &["name"]),
    (For::Only(Kind::Open), "", &["metadata"]),
    (For::Only(Kind::Open), "metadata", &["name"]),
];

static FIELDS: Table<&[&str]> = Table::new(REQUIRED, IN_CONTAINER);

/// Every required field is there and isn't empty.
pub(crate) fn required_fields(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    FIELDS.each(kind, document, &mut |at, fields| {
        for field in fields.iter().filter(|field| is_missing(at, field)) {
            report.wrong(at, field, expected("a value").nothing());
        }
    });
}

/// Absent, null, or empty: an empty mapping is a value (`podSelector: {}`), and 0 is for the rules of ranges.
fn is_missing(at: &At<'_, '_>, field: &str) -> bool {
    match at.value() {
        Value::Object(_) => match at.get(field) {
            None => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
        },
        _ => false,
    }
}
