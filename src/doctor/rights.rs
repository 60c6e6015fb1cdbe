//! Whether this account has the rights that `deploy/rbac` gives: the API server answers for each verb, as
//! `kubectl auth can-i` does it.

mod parts;

use super::{CheckResult, operator::serves};
use crate::settings::{OperatorWebhookSetting, ServeSettings};
use futures::{StreamExt, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    rbac::v1::ClusterRole,
};
use kube::{Api, Client, api::PostParams};
use parts::{Need, PARTS, Part};
use std::collections::BTreeMap;

const CHECK: &str = "rights";

/// How many questions are under way at once.
const AT_ONCE: usize = 8;

/// One question.
#[derive(Debug, Clone)]
struct Right {
    group: String,
    /// With its subresource, as a rule has it.
    resource: String,
    verb: String,
}

impl Right {
    /// Rights that aren't in a namespace are checked once, for the whole cluster.
    fn is_of_cluster(&self) -> bool {
        matches!(
            self.resource.as_str(),
            "namespaces" | "mutatingwebhookconfigurations"
        )
    }
}

pub(super) async fn examine(client: &Client, settings: &ServeSettings) -> Vec<CheckResult> {
    let named: Vec<&str> = settings
        .allowed_namespaces
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let namespaces = if named.is_empty() { vec![""] } else { named };
    let mut findings = Vec::new();
    for part in PARTS.iter().filter(|part| part.is_asked_for(settings)) {
        match part.rights() {
            Err(error) => findings.push(CheckResult::fail(
                CHECK,
                format!("{}: {error}", part.file),
                "report this defect",
            )),
            Ok(rights) => findings.extend(part.examine(client, rights, &namespaces).await),
        }
    }
    findings
}

impl Part {
    fn is_asked_for(&self, settings: &ServeSettings) -> bool {
        let auto = matches!(
            settings.cluster_view.operator_webhook,
            OperatorWebhookSetting::Auto
        );
        match self.file {
            "deploy/rbac/events.yaml" => settings.events,
            "deploy/rbac/webhook.yaml" => auto,
            // The built-in templates have no policy.
            "deploy/rbac/namespaces/namespaces.yaml" => settings.templates.template_dir.is_some(),
            _ => true,
        }
    }

    fn rights(&self) -> Result<Vec<Right>, String> {
        let role = self.text.split("\n---\n").next().unwrap_or_default();
        let role: ClusterRole = serde_yaml::from_str(role).map_err(|error| error.to_string())?;
        let mut rights = Vec::new();
        for rule in role.rules.into_iter().flatten() {
            for group in rule.api_groups.iter().flatten() {
                for resource in rule.resources.iter().flatten() {
                    rights.extend(rule.verbs.iter().map(|verb| Right {
                        group: group.clone(),
                        resource: resource.clone(),
                        verb: verb.clone(),
                    }));
                }
            }
        }
        Ok(rights)
    }

    async fn examine(&self, client: &Client, rights: Vec<Right>, namespaces: &[&str]) -> Vec<CheckResult> {
        if let Need::SomeWhere(_, served) = &self.need
            && serves(client, served.group_version).await == Some(false)
        {
            return vec![CheckResult::ok(
                CHECK,
                format!("{}: {} is not needed", served.otherwise, self.file),
            )];
        }
        let (cluster, namespaced): (Vec<_>, Vec<_>) = rights.into_iter().partition(Right::is_of_cluster);
        let mut findings = Vec::new();
        if !cluster.is_empty() {
            findings.push(self.verdict("the cluster", denied(client, &cluster, "").await));
        }
        if !namespaced.is_empty() {
            for namespace in namespaces {
                let place = if namespace.is_empty() {
                    "all namespaces".to_owned()
                } else {
                    format!("namespace {namespace}")
                };
                findings.push(self.verdict(&place, denied(client, &namespaced, namespace).await));
            }
        }
        findings
    }

    fn verdict(&self, place: &str, denied: Result<Vec<Right>, String>) -> CheckResult {
        let denied = match denied {
            Ok(denied) => denied,
            Err(error) => {
                return CheckResult::warn(
                    CHECK,
                    format!(
                        "{} in {place}: expected an answer of the API server, found none: {error}",
                        self.file
                    ),
                    "let the account create selfsubjectaccessreviews (system:basic-user gives it to all)",
                );
            }
        };
        if denied.is_empty() {
            return CheckResult::ok(CHECK, format!("{} holds in {place}", self.file));
        }
        let missing = in_words(&denied);
        let bind = if place.starts_with("namespace ") {
            format!(
                "bind the role of {} in {place} (deploy/one-namespace shows how), or in all: kubectl apply -k {}",
                self.file, self.folder
            )
        } else {
            format!(
                "kubectl apply -k {}, which has {}{}",
                self.folder,
                self.file,
                if place == "all namespaces" {
                    "; or set ALLOWED_NAMESPACES to where it is bound"
                } else {
                    ""
                }
            )
        };
        match self.need {
            Need::Everyone => CheckResult::fail(CHECK, format!("may not in {place}: {missing}"), bind),
            Need::Some(who) | Need::SomeWhere(who, _) => CheckResult::warn(
                CHECK,
                format!("may not in {place}: {missing}; needed only for {who}"),
                bind,
            ),
        }
    }
}

/// `pods: create, delete; services: get`.
fn in_words(rights: &[Right]) -> String {
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for Right {
        group,
        resource,
        verb,
    } in rights
    {
        let name = if group.is_empty() {
            resource.clone()
        } else {
            format!("{resource}.{group}")
        };
        by_resource.entry(name).or_default().push(verb);
    }
    let parts: Vec<_> = by_resource
        .into_iter()
        .map(|(resource, verbs)| format!("{resource}: {}", verbs.join(", ")))
        .collect();
    parts.join("; ")
}

/// Those that this account does not have; all namespaces where `namespace` is empty.
async fn denied(client: &Client, rights: &[Right], namespace: &str) -> Result<Vec<Right>, String> {
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    let answers: Vec<_> = stream::iter(rights.iter().cloned())
        .map(|right| ask(&reviews, right, namespace))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut denied = Vec::new();
    for answer in answers {
        denied.extend(answer?);
    }
    Ok(denied)
}

/// The right, where the account does not have it.
async fn ask(
    reviews: &Api<SelfSubjectAccessReview>,
    right: Right,
    namespace: &str,
) -> Result<Option<Right>, String> {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (right.resource.as_str(), None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(right.group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(right.verb.clone()),
                namespace: Some(namespace.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = reviews
        .create(&PostParams::default(), &review)
        .await
        .map_err(|error| crate::finding::root_cause(&error))?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    Ok((!allowed).then_some(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn every_part_of_deploy_rbac_is_asked_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in &PARTS {
            assert!(!part.rights().unwrap().is_empty(), "{}", part.file);
            let kustomization = root.join(part.folder).join("kustomization.yaml");
            let (_, name) = part.file.rsplit_once('/').unwrap();
            let text = fs::read_to_string(kustomization).unwrap();
            assert!(text.contains(name), "{} has no {name}", part.folder);
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(root.join("deploy/rbac")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                files.push(path);
            }
        }
        for file in files {
            let asked = PARTS.iter().any(|part| root.join(part.file) == file);
            assert_eq!(asked, !file.ends_with("kustomization.yaml"), "{}", file.display());
        }
    }
}
