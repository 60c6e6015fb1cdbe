//! Values with a closed grammar: enums, ports, quantities, names of other objects. Tables, read top to bottom.

use super::{
    Kind, Report,
    grammar::{self, Verdict},
    table::{For, Table},
};
use crate::{
    finding::{Found, Statement, Words, expected, is_name},
    kubernetes::{at::At, quantity::Quantity},
    redaction::shown,
};
use Kind::{NetworkPolicy, PersistentVolumeClaim, Service};
use serde_json::Value;
use std::net::IpAddr;

/// What a value may be. An empty string is for Kubernetes an absent one, and passes everywhere.
enum Grammar {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number from 1 to 65535.
    Port,
    /// A port's number, or its name.
    PortOrName,
    /// A whole number in a range.
    Range(i64, i64),
    /// A quantity that isn't negative.
    Quantity,
    /// A quantity above zero.
    PositiveQuantity,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A text by one of the grammars of names.
    Name(fn(&str) -> Verdict),
    /// A path, which may be anything and so isn't shown.
    Path(fn(&str) -> Verdict),
    /// An image: nothing but that it doesn't begin or end with white space.
    Image,
}

use Grammar::{Image, Ip, Name, Path, Port, PortOrName, PositiveQuantity, Range, Word};

const PROTOCOLS: Grammar = Word(&["TCP", "UDP", "SCTP"]);
const FILE_MODE: Grammar = Range(0, 0o777);
/// Linux's range of user and group ids.
const ID: Grammar = Range(0, i32::MAX as i64);
const SECCOMP: Grammar = Word(&["RuntimeDefault", "Unconfined", "Localhost"]);
const WEIGHT: Grammar = Range(1, 100);
const SCHEMES: Grammar = Word(&["HTTP", "HTTPS"]);

/// Below each container.
const IN_CONTAINER: &[(&str, Grammar)] = &[
    ("name", Name(grammar::dns_label)),
    ("image", Image),
    ("imagePullPolicy", Word(&["Always", "IfNotPresent", "Never"])),
    ("restartPolicy", Word(&["Always", "OnFailure", "Never"])),
    (
        "terminationMessagePolicy",
        Word(&["File", "FallbackToLogsOnError"]),
    ),
    ("env[].name", Name(grammar::env_name)),
    (
        "env[].valueFrom.configMapKeyRef|secretKeyRef.name",
        Name(grammar::dns_subdomain),
    ),
    (
        "env[].valueFrom.configMapKeyRef|secretKeyRef.key",
        Name(grammar::config_key),
    ),
    (
        "envFrom[].configMapRef|secretRef.name",
        Name(grammar::dns_subdomain),
    ),
    ("envFrom[].prefix", Name(grammar::env_name)),
    ("ports[].containerPort", Port),
    ("ports[].hostPort", Range(0, 65535)),
    ("ports[].name", Name(grammar::port_name)),
    ("ports[].protocol", PROTOCOLS),
    ("resources.requests{}|limits{}", Grammar::Quantity),
    ("env[].valueFrom.resourceFieldRef.divisor", Grammar::Quantity),
    (
        "volumeMounts[].mountPropagation",
        Word(&["None", "HostToContainer", "Bidirectional"]),
    ),
    (
        "volumeMounts[].recursiveReadOnly",
        Word(&["Disabled", "IfPossible", "Enabled"]),
    ),
    ("volumeMounts[].subPath|subPathExpr", Path(grammar::path_below)),
    (
        "livenessProbe|readinessProbe|startupProbe.httpGet|tcpSocket.port",
        PortOrName,
    ),
    (
        "livenessProbe|readinessProbe|startupProbe.httpGet.scheme",
        SCHEMES,
    ),
    ("securityContext.runAsUser|runAsGroup", ID),
    ("securityContext.procMount", Word(&["Default", "Unmasked"])),
    ("securityContext.seccompProfile.type", SECCOMP),
];

/// Below the document.
const CLOSED: &[(For, &str, Grammar)] = &[
    (
        For::Pods,
        "spec.restartPolicy",
        Word(&["Always", "OnFailure", "Never"]),
    ),
    (
        For::Pods,
        "spec.dnsPolicy",
        Word(&["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ),
    (
        For::Pods,
        "spec.preemptionPolicy",
        Word(&["Never", "PreemptLowerPriority"]),
    ),
    (For::Pods, "spec.os.name", Word(&["linux", "windows"])),
    (For::Pods, "spec.activeDeadlineSeconds", Range(1, i32::MAX as i64)),
    (For::Pods, "spec.hostname|subdomain", Name(grammar::dns_label)),
    (
        For::Pods,
        "spec.serviceAccountName|nodeName|priorityClassName|runtimeClassName",
        Name(grammar::dns_subdomain),
    ),
    (For::Pods, "spec.overhead{}", Grammar::Quantity),
    (For::Pods, "spec.resources.requests{}|limits{}", Grammar::Quantity),
    (For::Pods, "spec.hostAliases[].ip", Ip),
    (For::Pods, "spec.dnsConfig.nameservers[]", Ip),
    (
        For::Pods,
        "spec.tolerations[].operator",
        Word(&["Exists", "Equal", "Lt", "Gt"]),
    ),
    (
        For::Pods,
        "spec.tolerations[].effect",
        Word(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ),
    (For::Pods, "spec.tolerations[].key", Name(grammar::label_key)),
    (
        For::Pods,
        "spec.topologySpreadConstraints[].maxSkew",
        Range(1, i32::MAX as i64),
    ),
    (
        For::Pods,
        "spec.topologySpreadConstraints[].whenUnsatisfiable",
        Word(&["DoNotSchedule", "ScheduleAnyway"]),
    ),
    (
        For::Pods,
        "spec.topologySpreadConstraints[].minDomains",
        Range(1, i32::MAX as i64),
    ),
    (
        For::Pods,
        "spec.topologySpreadConstraints[].nodeAffinityPolicy|nodeTaintsPolicy",
        Word(&["Honor", "Ignore"]),
    ),
    (
        For::Pods,
        "spec.topologySpreadConstraints[].matchLabelKeys[]",
        Name(grammar::label_key),
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[]\
         .topologyKey|matchLabelKeys[]|mismatchLabelKeys[]",
        Name(grammar::label_key),
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm\
         .topologyKey|matchLabelKeys[]|mismatchLabelKeys[]",
        Name(grammar::label_key),
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].namespaces[]",
        Name(grammar::dns_label),
    ),
    (
        For::Pods,
        "spec.affinity.podAffinity|podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm\
         .namespaces[]",
        Name(grammar::dns_label),
    ),
    (For::Pods, "spec.securityContext.runAsUser|runAsGroup|fsGroup", ID),
    (
        For::Pods,
        "spec.securityContext.fsGroupChangePolicy",
        Word(&["Always", "OnRootMismatch"]),
    ),
    (For::Pods, "spec.securityContext.supplementalGroups[]", ID),
    (For::Pods, "spec.securityContext.seccompProfile.type", SECCOMP),
    (
        For::Pods,
        "spec.affinity.nodeAffinity|podAffinity|podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].weight",
        WEIGHT,
    ),
    (For::Pods, "spec.volumes[].name", Name(grammar::dns_label)),
    (For::Pods, "spec.volumes[].emptyDir.sizeLimit", Grammar::Quantity),
    (
        For::Pods,
        "spec.volumes[].downwardAPI.items[].resourceFieldRef.divisor",
        Grammar::Quantity,
    ),
    (
        For::Pods,
        "spec.volumes[].projected.sources[].downwardAPI.items[].resourceFieldRef.divisor",
        Grammar::Quantity,
    ),
    (
        For::Pods,
        "spec.volumes[].ephemeral.volumeClaimTemplate.spec.resources.requests|limits.storage",
        PositiveQuantity,
    ),
    (
        For::Pods,
        "spec.volumes[].hostPath.path",
        Path(grammar::path_without_backsteps),
    ),
    (For::Pods, "spec.volumes[].nfs.path", Path(grammar::absolute_path)),
    (
        For::Pods,
        "spec.volumes[].hostPath.type",
        Word(&[
            "DirectoryOrCreate",
            "Directory",
            "FileOrCreate",
            "File",
            "Socket",
            "CharDevice",
            "BlockDevice",
        ]),
    ),
    (
        For::Pods,
        "spec.volumes[].configMap|secret|projected|downwardAPI.defaultMode",
        FILE_MODE,
    ),
    (
        For::Pods,
        "spec.volumes[].configMap|secret|downwardAPI.items[].mode",
        FILE_MODE,
    ),
    (
        For::Pods,
        "spec.volumes[].configMap|secret|downwardAPI.items[].path",
        Path(grammar::file_path),
    ),
    (
        For::Only(Service),
        "spec.type",
        Word(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    ),
    (
        For::Only(Service),
        "spec.sessionAffinity",
        Word(&["None", "ClientIP"]),
    ),
    (For::Only(Service), "spec.ipFamilies[]", Word(&["IPv4", "IPv6"])),
    (
        For::Only(Service),
        "spec.ipFamilyPolicy",
        Word(&["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ),
    (For::Only(Service), "spec.ports[].port", Port),
    (For::Only(Service), "spec.ports[].targetPort", PortOrName),
    (For::Only(Service), "spec.ports[].name", Name(grammar::dns_label)),
    (For::Only(Service), "spec.ports[].protocol", PROTOCOLS),
    (
        For::Only(Service),
        "spec.ports[].appProtocol",
        Name(grammar::label_key),
    ),
    (
        For::Only(PersistentVolumeClaim),
        "spec.accessModes[]",
        Word(&[
            "ReadWriteOnce",
            "ReadOnlyMany",
            "ReadWriteMany",
            "ReadWriteOncePod",
        ]),
    ),
    (
        For::Only(PersistentVolumeClaim),
        "spec.resources.requests|limits.storage",
        PositiveQuantity,
    ),
    (
        For::Only(PersistentVolumeClaim),
        "spec.storageClassName",
        Name(grammar::dns_subdomain),
    ),
    (
        For::Only(PersistentVolumeClaim),
        "spec.volumeMode",
        Word(&["Filesystem", "Block"]),
    ),
    (
        For::Only(Kind::PodDisruptionBudget),
        "spec.unhealthyPodEvictionPolicy",
        Word(&["IfHealthyBudget", "AlwaysAllow"]),
    ),
    (
        For::Only(NetworkPolicy),
        "spec.policyTypes[]",
        Word(&["Ingress", "Egress"]),
    ),
    (
        For::Only(NetworkPolicy),
        "spec.ingress[]|egress[].ports[].protocol",
        PROTOCOLS,
    ),
    (
        For::Only(NetworkPolicy),
        "spec.ingress[]|egress[].ports[].port",
        PortOrName,
    ),
];

static VALUES: Table<Grammar> = Table::new(CLOSED, IN_CONTAINER);

/// Every value of closed grammar is one.
pub(crate) fn closed_values(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    VALUES.each(kind, document, &mut |at, grammar| {
        if let Some(said) = grammar.verdict(at.value()) {
            report.wrong(at, "", said);
        } else if let Some(said) = grammar.doubt(at.value()) {
            report.odd(at, "", said);
        }
    });
}

impl Grammar {
    /// What the API server takes and no node can use.
    fn doubt(&self, value: &Value) -> Option<Statement> {
        let text = value.as_str().filter(|_| matches!(self, Image))?;
        text.contains(char::is_whitespace).then(|| {
            expected("an image without white space within")
                .advice("for a node it is no image's name (InvalidImageName), so the Pod never starts")
        })
    }

    /// What is wrong with a value; a value of another JSON type is the reader's business.
    fn verdict(&self, value: &Value) -> Option<Statement> {
        match (self, value) {
            (Grammar::Quantity | PositiveQuantity, Value::String(_) | Value::Number(_)) => {
                quantity_verdict(value, matches!(self, PositiveQuantity))
            }
            (_, Value::String(text)) if text.is_empty() => None,
            (Word(words), Value::String(text)) => {
                let said = || expected(Words::own(format!("one of {}", words.join(", "))));
                (!words.contains(&text.as_str())).then(|| said().shown(text))
            }
            (Name(grammar), Value::String(text)) => {
                grammar(text).map(|wanted| expected(wanted).found(found_name(text)))
            }
            (PortOrName, Value::String(text)) => {
                grammar::port_name(text).map(|wanted| expected(wanted).found(found_name(text)))
            }
            (Path(grammar), Value::String(text)) => grammar(text).map(expected),
            (Ip, Value::String(text)) => (text.parse::<IpAddr>().is_err()).then(|| expected("an IP address")),
            (Image, Value::String(text)) => {
                (text.trim() != text).then(|| expected("no white space at the ends"))
            }
            (Port | PortOrName, Value::Number(number)) => range_verdict(number, 1, 65535),
            (Range(least, most), Value::Number(number)) => range_verdict(number, *least, *most),
            _ => None,
        }
    }
}

fn range_verdict(number: &serde_json::Number, least: i64, most: i64) -> Option<Statement> {
    let is_in = number
        .as_i64()
        .is_some_and(|number| (least..=most).contains(&number));
    let said = || expected(Words::own(format!("a number from {least} to {most}")));
    (!is_in).then(|| said().shown(&number.to_string()))
}

fn quantity_verdict(value: &Value, positive: bool) -> Option<Statement> {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match Quantity::of(value) {
        None => {
            let grammar =
                "a quantity such as `500m`, `1.5` or `2Gi` (suffixes n u m k M G T P E Ki Mi Gi Ti Pi Ei)";
            Some(expected(grammar).shown(&text()))
        }
        Some(quantity) if quantity < Quantity::ZERO => {
            Some(expected("a quantity that is not negative").shown(&text()))
        }
        Some(quantity) if positive && quantity == Quantity::ZERO => {
            Some(expected("a quantity of more than 0"))
        }
        Some(_) => None,
    }
}

/// A text that has not the form of a name is hidden; of an assignment the name is shown.
fn found_name(text: &str) -> Found {
    match text.split_once('=') {
        _ if is_name(text) => Found::Shown(shown(text)),
        Some((name, value)) if is_name(name) => Found::Assignment(shown(name), value.len()),
        _ => Found::Hidden(text.len()),
    }
}
