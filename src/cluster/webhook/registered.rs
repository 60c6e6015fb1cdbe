//! One registered webhook, and which Pods it says that it wants.

use k8s_openapi::{
    api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeMap;

/// By this ending of its name a webhook is the operator's (`mutate-pod.sparkoperator.k8s.io` in its
/// `config/webhook` and Helm chart). Other webhooks change Pods too, and are no concern of ours.
const OPERATORS: &str = "sparkoperator.k8s.io";

/// The label that each namespace has.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// One of the operator's webhooks for Pods.
#[derive(Debug, Clone)]
pub(super) struct Registered {
    /// `None` where it can't be read: then it counts as wanting everything.
    pods: Option<Selector>,
    namespaces: Option<Selector>,
    namespace_keys: Vec<String>,
    ignores_failures: bool,
}

impl Registered {
    /// The operator's webhooks for the creation of Pods in a configuration.
    pub(super) fn of(configuration: &MutatingWebhookConfiguration) -> Vec<Self> {
        let webhooks = configuration.webhooks.iter().flatten();
        let operators = webhooks.filter(|webhook| {
            webhook.name.ends_with(OPERATORS) && webhook.rules.iter().flatten().any(wants_new_pods)
        });
        operators.map(Self::new).collect()
    }

    fn new(webhook: &MutatingWebhook) -> Self {
        let selector =
            |given: &Option<LabelSelector>| Selector::try_from(given.clone().unwrap_or_default()).ok();
        Self {
            pods: selector(&webhook.object_selector),
            namespaces: selector(&webhook.namespace_selector),
            namespace_keys: webhook.namespace_selector.iter().flat_map(keys).collect(),
            ignores_failures: webhook.failure_policy.as_deref() == Some("Ignore"),
        }
    }

    /// Whether it wants Pods with these labels. Its `matchConditions` are not evaluated, so that it may turn out to want
    /// fewer.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.pods.as_ref().is_none_or(|pods| pods.matches(labels))
    }

    /// Whether it selects namespaces by more than their names.
    pub(super) fn needs_namespace(&self) -> bool {
        self.namespace_keys.iter().any(|key| key != NAMESPACE_NAME)
    }

    /// Whether it wants Pods in a namespace. Where labels are needed that can't be read, it does.
    pub(super) fn selects_namespace(&self, name: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
        let Some(namespaces) = &self.namespaces else {
            return true;
        };
        if self.needs_namespace() && labels.is_none() {
            return true;
        }
        let mut labels = labels.cloned().unwrap_or_default();
        labels.insert(NAMESPACE_NAME.to_owned(), name.to_owned());
        namespaces.matches(&labels)
    }

    /// Whether Pods are made without it when it doesn't answer (`failurePolicy: Ignore`).
    pub(super) fn may_be_left_out(&self) -> bool {
        self.ignores_failures
    }
}

fn wants_new_pods(rule: &RuleWithOperations) -> bool {
    let has = |list: &Option<Vec<String>>, wanted: &[&str]| {
        list.iter().flatten().any(|item| wanted.contains(&item.as_str()))
    };
    has(&rule.operations, &["CREATE", "*"])
        && has(&rule.api_groups, &["", "*"])
        && has(&rule.api_versions, &["v1", "*"])
        && has(&rule.resources, &["pods", "*", "*/*"])
        && rule.scope.as_deref() != Some("Cluster")
}

fn keys(selector: &LabelSelector) -> Vec<String> {
    let expressions = selector.match_expressions.iter().flatten();
    let labels = selector.match_labels.iter().flatten().map(|(key, _)| key.clone());
    labels
        .chain(expressions.map(|expression| expression.key.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The operator's own configuration with some fields replaced.
    fn registered(changes: &Value) -> Vec<Registered> {
        let mut webhook = json!({
            "name": "mutate-pod.sparkoperator.k8s.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {},
            "failurePolicy": "Fail",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "objectSelector": {"matchLabels": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}},
            "namespaceSelector": {"matchExpressions": [
                {"key": NAMESPACE_NAME, "operator": "In", "values": ["jobs"]},
            ]},
        });
        for (field, value) in changes.as_object().unwrap() {
            webhook[field] = value.clone();
        }
        let configuration = json!({"metadata": {"name": "c"}, "webhooks": [webhook]});
        Registered::of(&serde_json::from_value(configuration).unwrap())
    }

    #[test]
    fn only_the_operators_webhooks_for_new_pods_count() {
        assert_eq!(registered(&json!({})).len(), 1);
        let rule = |field: &str, value: &str| {
            let mut rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]});
            rule[field] = json!([value]);
            json!({"rules": [rule]})
        };
        for other in [
            json!({"name": "sidecar-injector.istio.io"}),
            rule("operations", "UPDATE"),
            rule("resources", "sparkapplications"),
            rule("apiGroups", "sparkoperator.k8s.io"),
        ] {
            assert_eq!(registered(&other).len(), 0, "{other}");
        }
        for wide in ["*", "*/*"] {
            assert_eq!(registered(&rule("resources", wide)).len(), 1, "{wide}");
        }
    }

    #[test]
    fn it_selects_by_the_pods_labels_and_its_namespace() {
        let operators = labels(&[("sparkoperator.k8s.io/launched-by-spark-operator", "true")]);
        let webhook = &registered(&json!({}))[0];
        assert!(webhook.selects(&operators));
        assert!(!webhook.selects(&labels(&[("a", "b")])));
        assert!(!webhook.needs_namespace());
        assert!(webhook.selects_namespace("jobs", None));
        assert!(!webhook.selects_namespace("other", None));

        let by_label = &registered(&json!({"namespaceSelector": {"matchLabels": {"team": "a"}}}))[0];
        assert!(by_label.needs_namespace());
        assert!(
            by_label.selects_namespace("jobs", None),
            "can't be read, so it does"
        );
        assert!(by_label.selects_namespace("jobs", Some(&labels(&[("team", "a")]))));
        assert!(!by_label.selects_namespace("jobs", Some(&labels(&[("team", "b")]))));

        let everything = &registered(&json!({"objectSelector": null, "namespaceSelector": null}))[0];
        assert!(everything.selects(&labels(&[])) && everything.selects_namespace("x", None));
        assert!(registered(&json!({"failurePolicy": "Ignore"}))[0].may_be_left_out());
        assert!(!webhook.may_be_left_out());
    }
}
