//! The kinds of object that documents may have, and how each is read.

use super::Object;
use crate::spark::submission::PodGroup;
use crate::{
    finding::{Statement, Words, expected},
    kubernetes::{CustomKind, ExtraKind, at::At, rules::Kind},
    strict::{self, Problem, Reading, UnknownField},
    templates::{Document, EXTRA_ROLE},
};
use k8s_openapi::{
    api::{
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a role begins with, the kind that its document is, and how that is read.
pub(super) struct Row {
    role: &'static str,
    api_version: &'static str,
    name: &'static str,
    kind: Kind,
    read: fn(&Value) -> Reading<Object>,
}

const ROWS: [Row; 9] = [
    row("pod", "v1", "Pod", Kind::Pod, |value| {
        read::<Pod>(value, Object::Pod)
    }),
    row("service", "v1", "Service", Kind::Service, |value| {
        read::<Service>(value, Object::Service)
    }),
    row("configmap", "v1", "ConfigMap", Kind::ConfigMap, |value| {
        read::<ConfigMap>(value, Object::ConfigMap)
    }),
    row("secret", "v1", "Secret", Kind::Secret, |value| {
        read::<Secret>(value, Object::Secret)
    }),
    row(
        "persistentvolumeclaim",
        "v1",
        "PersistentVolumeClaim",
        Kind::PersistentVolumeClaim,
        |value| read::<PersistentVolumeClaim>(value, Object::PersistentVolumeClaim),
    ),
    row(
        "networkpolicy",
        "networking.k8s.io/v1",
        "NetworkPolicy",
        Kind::NetworkPolicy,
        |value| read::<NetworkPolicy>(value, Object::NetworkPolicy),
    ),
    row(
        "podgroup",
        "scheduling.volcano.sh/v1beta1",
        "PodGroup",
        Kind::PodGroup,
        |value| read::<PodGroup>(value, Object::PodGroup),
    ),
    row(
        "ingress",
        "networking.k8s.io/v1",
        "Ingress",
        Kind::Ingress,
        |value| read::<Ingress>(value, Object::Ingress),
    ),
    row(
        "poddisruptionbudget",
        "policy/v1",
        "PodDisruptionBudget",
        Kind::PodDisruptionBudget,
        |value| read::<PodDisruptionBudget>(value, Object::PodDisruptionBudget),
    ),
];

const fn row(
    role: &'static str,
    api_version: &'static str,
    name: &'static str,
    kind: Kind,
    read: fn(&Value) -> Reading<Object>,
) -> Row {
    Row {
        role,
        api_version,
        name,
        kind,
        read,
    }
}

fn read<T: DeserializeOwned>(value: &Value, object: Object) -> Reading<Object> {
    let Reading {
        value,
        errors,
        unknown,
    } = strict::check::<T>(value);
    Reading {
        value: value.map(|()| object),
        errors,
        unknown,
    }
}

/// The kind of one document.
pub(super) enum Known<'k> {
    /// One of Kubernetes' or Volcano's.
    Row(&'static Row),
    /// One that the admin named.
    Custom(&'k CustomKind),
}

impl Known<'_> {
    /// As under `kind`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Row(row) => row.name,
            Self::Custom(custom) => &custom.kind,
        }
    }

    /// Under which rules it stands.
    pub(super) fn rules(&self) -> Kind {
        match self {
            Self::Row(row) => row.kind,
            Self::Custom(_) => Kind::Custom,
        }
    }

    /// Reads a document strictly; of a custom kind only its metadata has a type.
    pub(super) fn read(&self, value: &Value) -> Reading<Object> {
        let custom = match self {
            Self::Row(row) => return (row.read)(value),
            Self::Custom(custom) => *custom,
        };
        let mut metadata = strict::check::<ObjectMeta>(value.get("metadata").unwrap_or(&Value::Null));
        metadata.below("metadata");
        Reading {
            value: metadata.value.map(|()| Object::Custom(custom.clone())),
            errors: metadata.errors,
            unknown: metadata.unknown,
        }
    }
}

/// The kind that a document says it is, if it is one that it may be: the one of its role, or for a further object one of
/// those that the admin allows.
pub(super) fn kind<'k>(
    document: &Document,
    value: &Value,
    extra_kinds: &'k [ExtraKind],
) -> Result<Known<'k>, Problem> {
    if !value.is_object() {
        return Err(Problem::new("", expected("a Kubernetes object, a mapping")));
    }
    let at = At::document(value);
    let found = |said: Statement, field| match at.text(field) {
        Some(text) => said.shown(text),
        None => said.nothing(),
    };
    let known = match at.text("kind") {
        Some(kind) if document.role.starts_with(EXTRA_ROLE) => extra(kind, extra_kinds)?,
        kind => match ROWS.iter().find(|row| kind == Some(row.name)) {
            Some(row) => Known::Row(row),
            None => {
                let kinds: Vec<_> = ROWS.iter().map(|row| row.name).collect();
                let said = expected(Words::own(format!("one of {}", kinds.join(", "))));
                return Err(Problem::new("kind", found(said, "kind")));
            }
        },
    };
    let api_version = match &known {
        Known::Row(row) => row.api_version.to_owned(),
        Known::Custom(custom) => custom.api_version(),
    };
    if at.text("apiVersion") != Some(&api_version) {
        let said = expected(Words::own(format!("{api_version} for a {}", known.name())));
        return Err(Problem::new("apiVersion", found(said, "apiVersion")));
    }
    let role = document.role.split('-').next().unwrap_or_default();
    if let Some(wanted) = ROWS.iter().find(|row| row.role == role)
        && wanted.kind != known.rules()
    {
        let said = expected(Words::own(format!("{} here ({})", wanted.name, document.role)));
        return Err(Problem::new("kind", said.kind(known.name().to_owned())));
    }
    Ok(known)
}

/// The kind of a further object.
fn extra<'k>(kind: &str, allowed: &'k [ExtraKind]) -> Result<Known<'k>, Problem> {
    let custom = |allowed: &'k ExtraKind| match allowed {
        ExtraKind::Custom(custom) => Some(Known::Custom(custom)),
        _ => None,
    };
    let row = || ROWS.iter().find(|row| row.name == kind).map(Known::Row);
    let allowed_kind = allowed.iter().find(|allowed| allowed.name() == kind);
    allowed_kind
        .and_then(|allowed| custom(allowed).or_else(row))
        .ok_or_else(|| {
            let names = ExtraKind::names(allowed);
            let said = expected(Words::own(format!("one of {names} (ALLOWED_EXTRA_KINDS)")));
            Problem::new("kind", said.shown(kind))
        })
}

/// The kinds that have a type here.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// What is wrong with an object of its kind, unknown fields included; nothing where its kind has no type here.
pub(crate) fn field_problems(object: &Value) -> Vec<Problem> {
    let Some(row) = ROWS.iter().find(|row| object["kind"] == row.name) else {
        return Vec::new();
    };
    let reading = (row.read)(object);
    let unknown = reading.unknown.iter().map(UnknownField::problem);
    unknown.chain(reading.errors.iter().cloned()).collect()
}
