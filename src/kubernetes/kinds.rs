//! The kinds of object that a submission is made of, and those that an admin's templates may add: one table.
//!
//! A kind is a row. Rules about its fields are rows of the tables in `rules/`, where there are any.

use super::{PodGroup, closed_kinds::closed};
use crate::strict::{self, Reading};
use k8s_openapi::{
    api::{
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, fmt, str::FromStr};

/// The kinds that have rules. The executor pod template isn't an object: it has no name, and Spark fills in
/// what is missing, the image above all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    ExecutorTemplate,
    Service,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    NetworkPolicy,
    PodGroup,
    Ingress,
    PodDisruptionBudget,
    /// A kind without a type here: of its documents only the metadata is checked. It stays the last here.
    Open,
}

impl Kind {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Open as usize + 1;

    pub(crate) fn is_pod(self) -> bool {
        matches!(self, Kind::Pod | Kind::ExecutorTemplate)
    }
}

/// A kind that is known here.
pub struct KnownKind {
    /// As under `kind`. In lowercase it begins the roles of the documents of this kind: `configmap-driver`.
    pub name: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version of the group.
    pub version: &'static str,
    /// The plural name, as in RBAC rules.
    pub plural: &'static str,
    /// The rules that it stands under.
    kind: Kind,
    /// Reads a document strictly.
    read: fn(&Value) -> Reading<()>,
    maker: Maker,
}

/// Whose templates make objects of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    /// The built-in ones alone.
    BuiltIn,
    /// The built-in ones, and those of an admin whose `ALLOWED_EXTRA_KINDS` names it. The driver Pod owns it, so it has a
    /// namespace.
    Both,
    /// Those of an admin alone.
    Admin,
}

/// The driver Pod's kind.
pub(crate) const POD: KnownKind = row(
    "Pod",
    "",
    "v1",
    "pods",
    Kind::Pod,
    strict::check::<Pod>,
    Maker::BuiltIn,
);

/// Volcano's kind, whose object precedes the Pod.
pub(crate) const POD_GROUP: KnownKind = row(
    "PodGroup",
    "scheduling.volcano.sh",
    "v1beta1",
    "podgroups",
    Kind::PodGroup,
    strict::check::<PodGroup>,
    Maker::BuiltIn,
);

/// Each kind with group, version and plural name, its rules, how it is read, and who makes it.
#[rustfmt::skip]
static KINDS: [KnownKind; 10] = [
    POD,
    row("Service", "", "v1", "services", Kind::Service, strict::check::<Service>, Maker::Both),
    row("ConfigMap", "", "v1", "configmaps", Kind::ConfigMap, strict::check::<ConfigMap>, Maker::Both),
    row("Secret", "", "v1", "secrets", Kind::Secret, strict::check::<Secret>, Maker::Both),
    row("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims",
        Kind::PersistentVolumeClaim, strict::check::<PersistentVolumeClaim>, Maker::Both),
    row("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies",
        Kind::NetworkPolicy, strict::check::<NetworkPolicy>, Maker::Both),
    POD_GROUP,
    row("Ingress", "networking.k8s.io", "v1", "ingresses",
        Kind::Ingress, strict::check::<Ingress>, Maker::Admin),
    row("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets",
        Kind::PodDisruptionBudget, strict::check::<PodDisruptionBudget>, Maker::Admin),
    // Gateway API's types are not in k8s-openapi.
    row("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes", Kind::Open, metadata, Maker::Admin),
];

const fn row(
    name: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: Kind,
    read: fn(&Value) -> Reading<()>,
    maker: Maker,
) -> KnownKind {
    KnownKind {
        name,
        group,
        version,
        plural,
        kind,
        read,
        maker,
    }
}

/// Reads a document of a kind without a type: only its metadata has one.
fn metadata(value: &Value) -> Reading<()> {
    let mut metadata = strict::check::<ObjectMeta>(value.get("metadata").unwrap_or(&Value::Null));
    metadata.below("metadata");
    metadata
}

/// All kinds that are known here.
pub(crate) fn known() -> impl Iterator<Item = &'static KnownKind> {
    KINDS.iter()
}

/// The names of the kinds that the built-in templates make.
pub(crate) fn of_submissions() -> impl Iterator<Item = &'static str> {
    known()
        .filter(|kind| kind.maker != Maker::Admin)
        .map(|kind| kind.name)
}

impl fmt::Debug for KnownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for KnownKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for KnownKind {}

/// The kind of an object. As text it is as `ALLOWED_EXTRA_KINDS` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ObjectKind {
    /// One that is known here.
    Known(&'static KnownKind),
    /// One that only the admin's templates make; of its objects no more than the metadata is checked.
    Custom(CustomKind),
}

/// A kind that is not known here, as its `CustomResourceDefinition` names it, or Kubernetes' own documentation.
///
/// Written `KIND=PLURAL.GROUP/VERSION`: `ServiceMonitor=servicemonitors.monitoring.coreos.com/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomKind {
    /// `spec.names.kind`.
    pub kind: String,
    /// `spec.names.plural`.
    pub plural: String,
    /// `spec.group`.
    pub group: String,
    /// One of `spec.versions`.
    pub version: String,
}

impl ObjectKind {
    /// The kind of this name that is known here.
    pub fn known(name: &str) -> Option<Self> {
        known().find(|kind| kind.name == name).map(Self::Known)
    }

    /// Its name, as under `kind`.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name,
            Self::Custom(custom) => &custom.kind,
        }
    }

    /// Group and version, as under `apiVersion`.
    pub fn api_version(&self) -> Cow<'static, str> {
        match self {
            Self::Known(KnownKind {
                group: "", version, ..
            }) => Cow::Borrowed(version),
            Self::Known(KnownKind { group, version, .. }) => format!("{group}/{version}").into(),
            Self::Custom(CustomKind { group, version, .. }) => format!("{group}/{version}").into(),
        }
    }

    /// The kind that an object says it is, if it is known here: by its name, and by its version where it says one,
    /// for groups share names.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let kind = Self::known(object["kind"].as_str()?)?;
        let said = object["apiVersion"].as_str();
        said.is_none_or(|version| version == kind.api_version())
            .then_some(kind)
    }

    /// The rules that it stands under.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Known(known) => known.kind,
            Self::Custom(_) => Kind::Open,
        }
    }

    /// Reads a document of this kind strictly.
    pub(crate) fn read(&self, value: &Value) -> Reading<()> {
        match self {
            Self::Known(known) => (known.read)(value),
            Self::Custom(_) => metadata(value),
        }
    }

    /// The names of these kinds, as they are listed in messages.
    pub(crate) fn names<'k>(kinds: impl IntoIterator<Item = &'k Self>) -> String {
        let names: Vec<_> = kinds.into_iter().map(Self::name).collect();
        names.join(", ")
    }

    /// The kinds known here that an admin may allow, by name.
    fn for_admins() -> Vec<Self> {
        let mut kinds: Vec<_> = known().filter(|kind| kind.maker != Maker::BuiltIn).collect();
        kinds.sort_by_key(|kind| kind.name);
        kinds.into_iter().map(Self::Known).collect()
    }
}

/// As it is written in the setting.
impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => f.write_str(known.name),
            Self::Custom(custom) => {
                let CustomKind {
                    kind,
                    plural,
                    group,
                    version,
                } = custom;
                write!(f, "{kind}={plural}.{group}/{version}")
            }
        }
    }
}

impl From<ObjectKind> for String {
    fn from(kind: ObjectKind) -> Self {
        kind.to_string()
    }
}

impl TryFrom<String> for ObjectKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Reads one kind of the setting.
impl FromStr for ObjectKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::for_admins();
        if let Some(found) = known.iter().find(|kind| kind.name() == text) {
            return Ok(found.clone());
        }
        let kind = custom(text).ok_or_else(|| {
            format!(
                "expected {}, or any other kind as KIND=PLURAL.GROUP/VERSION, such as \
                 VolumeSnapshot=volumesnapshots.snapshot.storage.k8s.io/v1",
                Self::names(&known)
            )
        })?;
        match closed(&kind.kind, &kind.group) {
            Some(why) => Err(format!("{} of {} can't be allowed: {why}", kind.kind, kind.group)),
            None => Ok(kind.into()),
        }
    }
}

/// One that is known here is that one, however it is written.
impl From<CustomKind> for ObjectKind {
    fn from(kind: CustomKind) -> Self {
        let same = |known: &&KnownKind| {
            (known.name, known.plural, known.group, known.version)
                == (&*kind.kind, &*kind.plural, &*kind.group, &*kind.version)
        };
        match known().find(same) {
            Some(known) => Self::Known(known),
            None => Self::Custom(kind),
        }
    }
}

fn custom(text: &str) -> Option<CustomKind> {
    let (kind, resource) = text.split_once('=')?;
    let (name, version) = resource.split_once('/')?;
    let (plural, group) = name.split_once('.')?;
    let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase())
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut parts = group.split('.').chain([plural, version]);
    (is_kind && parts.all(is_label)).then(|| CustomKind {
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
    })
}

/// Whether it is a DNS label, and so a segment of a path that means only itself.
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().next_back().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_of_kubernetes_or_written_out() {
        let monitor = "ServiceMonitor=servicemonitors.monitoring.coreos.com/v1";
        for text in [
            "NetworkPolicy",
            "PodDisruptionBudget",
            "HTTPRoute",
            monitor,
            "HTTPRoute=httproutes.gateway.networking.k8s.io/v1beta1",
            "Workload=workloads.kueue.x-k8s.io/v1beta1",
            "VolumeSnapshot=volumesnapshots.snapshot.storage.k8s.io/v1",
            "PodGroup=podgroups.scheduling.k8s.io/v1beta1",
            "PodGroup=podgroups.scheduling.x-k8s.io/v1alpha1",
            "HorizontalPodAutoscaler=horizontalpodautoscalers.autoscaling/v2",
            "NetworkPolicy=networkpolicies.projectcalico.org/v3",
        ] {
            assert_eq!(text.parse::<ObjectKind>().unwrap().to_string(), text);
        }
        let written_out = "HTTPRoute=httproutes.gateway.networking.k8s.io/v1";
        assert_eq!(
            written_out.parse::<ObjectKind>().unwrap().to_string(),
            "HTTPRoute"
        );
        let kind: ObjectKind = monitor.parse().unwrap();
        assert_eq!(kind.api_version(), "monitoring.coreos.com/v1");
        for text in [
            "",
            "networkpolicy",
            "Pod",
            "RoleBinding",
            "RoleBinding=rolebindings.rbac.authorization.k8s.io/v1",
            "Job=jobs.batch/v1",
            "Deployment=deployments.apps/v1",
            "SparkApplication=sparkapplications.sparkoperator.k8s.io/v1beta2",
            "Secret=secrets/v1",
            "ServiceMonitor=servicemonitors.Monitoring.coreos.com/v1",
            "ServiceMonitor=servicemonitors",
            "ServiceMonitor=service/monitors.example.com/v1",
            "ServiceMonitor=servicemonitors.example.com/../v1",
            "ServiceMonitor=servicemonitors..example.com/v1",
        ] {
            assert!(text.parse::<ObjectKind>().is_err(), "{text}");
        }
        let refused = "Job=jobs.batch/v1".parse::<ObjectKind>().unwrap_err();
        assert_eq!(
            refused,
            "Job of batch can't be allowed: it makes Pods, which no policy would see"
        );
    }

    #[test]
    fn an_object_is_of_a_known_kind_only_by_its_version_too() {
        let of = |version: &str, kind: &str| {
            ObjectKind::of(&serde_json::json!({"apiVersion": version, "kind": kind})).is_some()
        };
        assert!(of("v1", "ConfigMap"));
        assert!(of("networking.k8s.io/v1", "NetworkPolicy"));
        assert!(!of("projectcalico.org/v3", "NetworkPolicy"));
        assert!(!of("scheduling.k8s.io/v1beta1", "PodGroup"));
    }
}
