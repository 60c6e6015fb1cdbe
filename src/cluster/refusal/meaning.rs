//! What the API server's refusals mean.
//!
//! Its messages quote values of the objects (`Invalid value: "…"`), and so do those of webhooks. They are read
//! here for what they are, and of their text only pieces of closed grammar go on: names of webhooks, quotas and
//! control checks, and field paths.

use super::Refusal;
use crate::{
    cluster::{error::ApplyError, requests::ApiCall},
    redaction::shown,
};

/// A refusal and the request that met it.
struct Seen<'a> {
    refusal: &'a Refusal,
    call: &'a ApiCall<'a>,
}

/// When a refusal is of a kind, and what is then the error. The first that fits counts.
struct Rule {
    fits: fn(&Refusal) -> bool,
    error: fn(&Seen<'_>) -> ApplyError,
}

#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule { fits: |r| r.has_cause("NamespaceTerminating") || r.says("because it is being terminated"), error: namespace_terminating },
    Rule { fits: |r| r.code == 404 && r.kind() == "namespaces", error: namespace_missing },
    Rule { fits: Refusal::application_unknown, error: application_unknown },
    Rule { fits: Refusal::webhook_unreachable, error: webhook_unreachable },
    Rule { fits: |r| r.says("admission webhook") && r.says("denied the request"), error: webhook_denies },
    Rule { fits: |r| r.says("ValidatingAdmissionPolicy"), error: policy_denies },
    Rule { fits: |r| r.code == 403 && r.says("exceeded quota"), error: quota_exceeded },
    Rule { fits: |r| r.code == 403 && r.says("is forbidden: ") && !r.says("User \""), error: plugin_denies },
    Rule { fits: |r| r.code == 403, error: forbidden },
    Rule { fits: |r| r.code == 401, error: unauthorized },
    Rule { fits: |r| r.too_large() || matches!(r.code, 400 | 422), error: invalid },
    Rule { fits: |r| r.code == 429, error: overloaded },
    Rule { fits: |r| matches!(r.code, 502..=504), error: unavailable },
];

pub(super) fn meaning(refusal: &Refusal, call: &ApiCall<'_>) -> ApplyError {
    let seen = Seen { refusal, call };
    match RULES.iter().find(|rule| (rule.fits)(refusal)) {
        Some(rule) => (rule.error)(&seen),
        // A POST names no object that could be missing, and a missing namespace is said.
        None if refusal.code == 404 && seen.creates_of_a_group() => kind_missing(&seen),
        None => ApplyError::Internal {
            what: format!(
                "the API server answers {} ({}) to {} {}",
                refusal.code,
                word(&refusal.said.reason),
                call.verb(),
                call.target()
            ),
        },
    }
}

/// A reason as Kubernetes writes it, one word; anything else is not shown.
fn word(reason: &str) -> &str {
    let closed = reason.len() <= 64 && reason.chars().all(|c| c.is_ascii_alphanumeric());
    if closed && !reason.is_empty() {
        reason
    } else {
        "no reason given"
    }
}

impl Seen<'_> {
    fn object(&self) -> String {
        self.call.target().to_string()
    }

    /// Whether an object is to be created that is of an API group, and not of Kubernetes' core.
    fn creates_of_a_group(&self) -> bool {
        matches!(self.call, ApiCall::Create(..) | ApiCall::DryRun(..))
            && !self.call.target().resource.group.is_empty()
    }

    fn namespace(&self) -> String {
        self.call.target().namespace.clone()
    }

    fn webhook(&self) -> String {
        let name = self
            .refusal
            .quoted_after("admission webhook")
            .or_else(|| self.refusal.quoted_after("failed calling webhook"));
        name.map_or_else(
            || "an admission webhook".to_owned(),
            |name| format!("admission webhook {}", shown(name)),
        )
    }
}

fn namespace_terminating(seen: &Seen<'_>) -> ApplyError {
    ApplyError::NamespaceTerminating {
        namespace: seen.namespace(),
    }
}

fn namespace_missing(seen: &Seen<'_>) -> ApplyError {
    ApplyError::NamespaceMissing {
        namespace: seen.namespace(),
    }
}

fn application_unknown(seen: &Seen<'_>) -> ApplyError {
    ApplyError::ApplicationUnknown {
        object: seen.object(),
        webhook: seen.webhook(),
    }
}

fn webhook_unreachable(seen: &Seen<'_>) -> ApplyError {
    ApplyError::WebhookUnreachable {
        object: seen.object(),
        webhook: seen.webhook(),
    }
}

fn webhook_denies(seen: &Seen<'_>) -> ApplyError {
    ApplyError::AdmissionDenied {
        object: seen.object(),
        by: seen.webhook(),
        reason: HIDDEN.to_owned(),
    }
}

fn policy_denies(seen: &Seen<'_>) -> ApplyError {
    let message = &seen.refusal.said.message;
    let name = message
        .split_once("ValidatingAdmissionPolicy '")
        .and_then(|(_, rest)| rest.split('\'').next());
    ApplyError::AdmissionDenied {
        object: seen.object(),
        by: name.map_or_else(
            || "a ValidatingAdmissionPolicy".to_owned(),
            |name| format!("ValidatingAdmissionPolicy {}", shown(name)),
        ),
        reason: HIDDEN.to_owned(),
    }
}

/// A denial's own words may quote any field.
const HIDDEN: &str = "its words may quote values and are not repeated here; `kubectl apply --dry-run=server` on \
                      the output of `native-submit render` shows them";

fn quota_exceeded(seen: &Seen<'_>) -> ApplyError {
    let message = &seen.refusal.said.message;
    let quota = message
        .split_once("exceeded quota: ")
        .and_then(|(_, rest)| rest.split(',').next());
    ApplyError::QuotaExceeded {
        object: seen.object(),
        quota: quota.unwrap_or_default().to_owned(),
        namespace: seen.namespace(),
    }
}

/// What the API server's own admission plugins say, and what it means.
const PLUGINS: &[(&str, &str, &str)] = &[
    (
        "error looking up service account",
        "the ServiceAccount admission",
        "the ServiceAccount that the Pod names does not exist",
    ),
    (
        "no PriorityClass with name",
        "the Priority admission",
        "the PriorityClass that the Pod names does not exist",
    ),
    (
        "failed quota",
        "a ResourceQuota of the namespace",
        "each container must have the requests and limits that the quota counts",
    ),
    (
        "RuntimeClass",
        "the RuntimeClass admission",
        "the RuntimeClass that the Pod names cannot be used",
    ),
    (
        "usage per",
        "a LimitRange of the namespace",
        "a request or limit is out of its bounds",
    ),
    (
        "limit to request ratio",
        "a LimitRange of the namespace",
        "limits are too far above requests",
    ),
];

fn plugin_denies(seen: &Seen<'_>) -> ApplyError {
    let object = seen.object();
    if let Some(level) = seen.refusal.quoted_after("violates PodSecurity") {
        return ApplyError::AdmissionDenied {
            object,
            by: format!("Pod Security level {} of the namespace", shown(level)),
            reason: violations(&seen.refusal.said.message),
        };
    }
    let known = PLUGINS.iter().find(|(words, ..)| seen.refusal.says(words));
    let (by, reason) = known.map_or(("an admission plugin", HIDDEN), |(_, by, reason)| (by, reason));
    ApplyError::AdmissionDenied {
        object,
        by: by.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The names of the checks that failed. They are fixed texts of the API server; what follows each in
/// parentheses names containers and values and is left out.
fn violations(message: &str) -> String {
    let Some((_, list)) = message
        .split_once("violates PodSecurity")
        .and_then(|(_, rest)| rest.split_once(": "))
    else {
        return "it says no more".to_owned();
    };
    let mut depth = 0_usize;
    let mut names = String::new();
    for character in list.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => names.push(character),
            _ => {}
        }
    }
    let names: Vec<_> = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    names.join(", ").chars().take(300).collect()
}

fn forbidden(seen: &Seen<'_>) -> ApplyError {
    let resource = seen.call.target().resource.clone().into_owned();
    let advice = if resource.plural == "networkpolicies" {
        "; Spark makes this object from version 4.2 on: check the Spark version that is set (spec.sparkVersion, \
         --spark-version, SPARK_VERSION)"
    } else {
        ""
    };
    ApplyError::Forbidden {
        verb: seen.call.verb(),
        resource: resource.to_string(),
        group: resource.group.into_owned(),
        plural: resource.plural.into_owned(),
        namespace: seen.namespace(),
        advice,
    }
}

fn kind_missing(seen: &Seen<'_>) -> ApplyError {
    let resource = seen.call.target().resource.clone().into_owned();
    let advice = if resource.plural == "podgroups" {
        ": install Volcano with its CRD podgroups.scheduling.volcano.sh, or submit without its VolcanoFeatureStep \
         and scheduler"
    } else {
        ": see whether its CustomResourceDefinition or API is installed and served (`kubectl api-resources`)"
    };
    ApplyError::KindMissing {
        resource: resource.to_string(),
        group: resource.group.into_owned(),
        version: resource.version.into_owned(),
        advice,
    }
}

fn unauthorized(_: &Seen<'_>) -> ApplyError {
    ApplyError::Unauthorized {
        reason: "401; its token or certificate has expired or belongs to another cluster".to_owned(),
    }
}

fn overloaded(seen: &Seen<'_>) -> ApplyError {
    ApplyError::Overloaded {
        verb: seen.call.verb(),
        object: seen.object(),
        retry_after: seen.refusal.retry_after,
    }
}

fn unavailable(seen: &Seen<'_>) -> ApplyError {
    ApplyError::Unreachable {
        verb: seen.call.verb(),
        object: seen.object(),
        reason: format!("{} ({})", seen.refusal.code, word(&seen.refusal.said.reason)),
    }
}

/// Field paths and reasons; without causes (400: the body was not understood) what can be said safely.
fn invalid(seen: &Seen<'_>) -> ApplyError {
    let details = seen.refusal.said.details.as_ref();
    let mut problems: Vec<String> = details
        .into_iter()
        .flat_map(|details| &details.causes)
        .map(|cause| {
            let field: String = cause
                .field
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect();
            let field = if field.is_empty() {
                "object".to_owned()
            } else {
                field
            };
            format!("{field}: {}", reason_in_words(&cause.reason))
        })
        .collect();
    problems.dedup();
    if problems.is_empty() {
        problems.push(not_understood(seen.refusal));
    }
    ApplyError::Invalid {
        object: seen.object(),
        problems,
    }
}

/// `metav1.CauseType`, in words.
fn reason_in_words(reason: &str) -> &str {
    match reason {
        "FieldValueInvalid" => "the value is not valid",
        "FieldValueRequired" => "a value is required",
        "FieldValueDuplicate" => "the value is there twice",
        "FieldValueNotFound" => "what the value refers to is not there",
        "FieldValueNotSupported" => "the value is not one of those allowed",
        "FieldValueForbidden" => "the field may not be set here",
        "FieldValueTooLong" => "the value is too long",
        "FieldValueTooMany" => "there are too many",
        "FieldValueTypeInvalid" => "the value has the wrong type",
        other => word(other),
    }
}

fn not_understood(refusal: &Refusal) -> String {
    if refusal.too_large() {
        return "the object is too large".to_owned();
    }
    if refusal.says("quantities must match") || refusal.says("unable to parse quantity") {
        return "a quantity cannot be read".to_owned();
    }
    let field = refusal
        .said
        .message
        .split_once("Go struct field ")
        .and_then(|(_, rest)| rest.split(' ').next());
    match field {
        Some(field)
            if field
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_') =>
        {
            format!(
                "{}: the value has the wrong type",
                field.chars().take(200).collect::<String>()
            )
        }
        _ => format!(
            "{} ({}), without a field path",
            refusal.code,
            word(&refusal.said.reason)
        ),
    }
}
