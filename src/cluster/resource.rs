//! Where each kind of object lives on the API server.

use super::error::ApplyError;
use crate::{
    kubernetes::{KnownKind, ObjectKind, closed_kinds::closed_group, kinds},
    manifest::Manifest,
    redaction,
};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// A resource of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The API group; empty for the core group.
    pub(crate) group: Cow<'static, str>,
    /// The version of the group.
    pub(crate) version: Cow<'static, str>,
    /// The plural name, as in RBAC rules.
    pub(crate) plural: Cow<'static, str>,
}

const fn resource(group: &'static str, version: &'static str, plural: &'static str) -> Resource {
    Resource {
        group: Cow::Borrowed(group),
        version: Cow::Borrowed(version),
        plural: Cow::Borrowed(plural),
    }
}

pub(crate) static PODS: Resource = Resource::known(&kinds::POD);
static POD_GROUPS: Resource = Resource::known(&kinds::POD_GROUP);
/// What is said about an application.
pub(crate) static EVENTS: Resource = resource("", "v1", "events");
/// Read only; its own address has no namespace in it.
static NAMESPACES: Resource = resource("", "v1", "namespaces");
/// The operator's resource, read only.
pub(crate) static SPARK_APPLICATIONS: Resource =
    resource("sparkoperator.k8s.io", "v1beta2", "sparkapplications");

impl Resource {
    const fn known(kind: &KnownKind) -> Self {
        resource(kind.group, kind.version, kind.plural)
    }

    fn of(kind: &ObjectKind) -> Self {
        match kind {
            ObjectKind::Known(known) => Self::known(known),
            ObjectKind::Custom(custom) => Self {
                group: Cow::Owned(custom.group.clone()),
                version: Cow::Owned(custom.version.clone()),
                plural: Cow::Owned(custom.plural.clone()),
            },
        }
    }

    /// Whether only the admin's templates know it: then its version can't be looked up here.
    fn is_custom(&self) -> bool {
        let is_known = || kinds::known().any(|known| Self::known(known) == *self);
        !(self.group.is_empty() || *self == SPARK_APPLICATIONS || is_known())
    }

    /// Reads back what [`Display`](fmt::Display) wrote.
    fn owned(text: &str) -> Option<Self> {
        let mut known = kinds::known().map(Self::known).filter(|known| *known != PODS);
        if let Some(known) = known.find(|known| known.to_string() == text) {
            return Some(known);
        }
        let (plural, rest) = text.split_once('.')?;
        let (version, group) = rest.split_once('.')?;
        let owned = |text: &str| Cow::Owned(text.to_owned());
        let custom = Self {
            group: owned(group),
            version: owned(version),
            plural: owned(plural),
        };
        let is_open = closed_group(group).is_none() && custom.is_custom();
        ([plural, version, group].into_iter().all(is_name) && is_open).then_some(custom)
    }

    /// The path of the collection in a namespace.
    fn path(&self, namespace: &str) -> String {
        let Self {
            group,
            version,
            plural,
        } = self;
        if group.is_empty() {
            format!("/api/{version}/namespaces/{namespace}/{plural}")
        } else {
            format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}")
        }
    }
}

/// As `kubectl` names it: `configmaps`, `networkpolicies.networking.k8s.io`; a custom one with its version, which can't be
/// looked up here: `servicemonitors.v1.monitoring.coreos.com`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plural)?;
        if self.is_custom() {
            write!(f, ".{}", self.version)?;
        }
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// One object by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) resource: Cow<'static, Resource>,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Target {
    /// The address of an object; an error where a name cannot be part of a path.
    pub(crate) fn new(resource: &'static Resource, namespace: &str, name: &str) -> Result<Self, ApplyError> {
        Self::at(Cow::Borrowed(resource), namespace, name)
    }

    fn at(resource: Cow<'static, Resource>, namespace: &str, name: &str) -> Result<Self, ApplyError> {
        for (path, text) in [("metadata.namespace", namespace), ("metadata.name", name)] {
            if !is_name(text) {
                return Err(ApplyError::Invalid {
                    object: resource.to_string(),
                    problems: vec![format!(
                        "{path}: found {}, but a name has lowercase letters, digits, `-` and `.` only, and \
                         begins with a letter or digit",
                        redaction::shown(text)
                    )],
                });
            }
        }
        Ok(Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The address of a namespace itself.
    pub(crate) fn namespace(name: &str) -> Result<Self, ApplyError> {
        Self::new(&NAMESPACES, name, name)
    }

    /// The address of another object beside this one.
    pub(crate) fn beside(&self, name: &str) -> Result<Self, ApplyError> {
        Self::at(self.resource.clone(), &self.namespace, name)
    }

    /// The address of a manifest.
    pub(crate) fn of(manifest: &Manifest, namespace: &str) -> Result<Self, ApplyError> {
        let name = manifest.value.pointer("/metadata/name").and_then(Value::as_str);
        Self::at(
            Cow::Owned(Resource::of(&manifest.kind)),
            namespace,
            name.unwrap_or_default(),
        )
    }

    /// The address beside it that has this name.
    pub(crate) fn named(self, name: &str) -> Result<Self, ApplyError> {
        Self::at(self.resource, &self.namespace, name)
    }

    /// Whether it is created before the Pod that will own it.
    pub(crate) fn precedes_pod(&self) -> bool {
        *self.resource == POD_GROUPS
    }

    /// Reads back what [`Display`](fmt::Display) wrote, for what a driver Pod can own.
    pub(crate) fn owned(text: &str, namespace: &str) -> Option<Self> {
        let (resource, name) = text.split_once('/')?;
        Self::at(Cow::Owned(Resource::owned(resource)?), namespace, name).ok()
    }

    /// The path of the collection, for POST.
    pub(crate) fn collection(&self) -> String {
        self.resource.path(&self.namespace)
    }

    /// The path of the object itself.
    pub(crate) fn path(&self) -> String {
        if *self.resource == NAMESPACES {
            return format!("/api/v1/namespaces/{}", self.name);
        }
        format!("{}/{}", self.collection(), self.name)
    }
}

/// `configmaps/spark-drv-conf-map`, as `kubectl` takes it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.name)
    }
}

/// Whether `text` can stand in a path as one segment: the alphabet of RFC 1123 subdomains, nothing hidden.
/// Lengths and the finer rules are the manifest stage's to check.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_and_read_back() {
        for (text, path) in [
            (
                "configmaps/a-conf-map",
                "/api/v1/namespaces/ns/configmaps/a-conf-map",
            ),
            (
                "networkpolicies.networking.k8s.io/a",
                "/apis/networking.k8s.io/v1/namespaces/ns/networkpolicies/a",
            ),
            (
                "poddisruptionbudgets.policy/a",
                "/apis/policy/v1/namespaces/ns/poddisruptionbudgets/a",
            ),
            (
                "servicemonitors.v1.monitoring.coreos.com/a",
                "/apis/monitoring.coreos.com/v1/namespaces/ns/servicemonitors/a",
            ),
            (
                "volumesnapshots.v1.snapshot.storage.k8s.io/a",
                "/apis/snapshot.storage.k8s.io/v1/namespaces/ns/volumesnapshots/a",
            ),
            (
                "httproutes.v1beta1.gateway.networking.k8s.io/a",
                "/apis/gateway.networking.k8s.io/v1beta1/namespaces/ns/httproutes/a",
            ),
            (
                "podgroups.v1beta1.scheduling.k8s.io/a",
                "/apis/scheduling.k8s.io/v1beta1/namespaces/ns/podgroups/a",
            ),
            (
                "networkpolicies.v3.projectcalico.org/a",
                "/apis/projectcalico.org/v3/namespaces/ns/networkpolicies/a",
            ),
            (
                "horizontalpodautoscalers.v2.autoscaling/a",
                "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers/a",
            ),
        ] {
            let target = Target::owned(text, "ns").unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(target.path(), path);
        }
        for text in [
            "pods/a",
            "configmaps",
            "configmaps/../x",
            "roles/a",
            "configmaps/",
            "rolebindings.v1.rbac.authorization.k8s.io/a",
            "jobs.v1.batch/a",
            "a.v1.b?c.d/a",
        ] {
            assert_eq!(Target::owned(text, "ns"), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_would_leave_its_path_segment_is_refused() {
        for name in ["", "a/b", "..", "a?b", "A", "a%2fb", ".a"] {
            let error = Target::new(&PODS, "ns", name).unwrap_err().to_string();
            assert!(error.contains("metadata.name"), "{error}");
        }
        assert!(Target::new(&PODS, "../kube-system", "a").is_err());
    }
}
