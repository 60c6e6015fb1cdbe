//! The operator: its CRDs, its version, and whether its webhook is there as the settings say.

use super::{CheckResult, Surroundings, deployment};
use crate::{
    cluster::registered_webhooks,
    settings::{OperatorWebhookSetting, ServeSettings},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client, api::ListParams};

const OPERATOR: &str = "operator";
const WEBHOOK: &str = "webhook";

/// The group and version of the operator's resources.
const CRDS: &str = "sparkoperator.k8s.io/v1beta2";

/// The first minor version 2 of the operator whose gate `RestSubmitter` submits by REST.
const REST_SUBMITTER: u32 = 6;

pub(super) async fn examine(
    client: &Client,
    settings: &ServeSettings,
    surroundings: &Surroundings,
) -> Vec<CheckResult> {
    let mut found = vec![resources(client).await];
    let namespace = &surroundings.operator_namespace;
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    match deployments.list(&ListParams::default()).await {
        Ok(deployments) => {
            found.push(version(&deployments.items, namespace));
            found.extend(deployment::examine(&deployments.items));
        }
        Err(error) => found.push(CheckResult::warn(
            OPERATOR,
            format!(
                "can't read the Deployments in namespace {namespace}: {}",
                crate::finding::root_cause(&error)
            ),
            "run doctor as somebody who may list them: native-submit itself needs no such right",
        )),
    }
    found.push(webhook(client, settings).await);
    found
}

/// Whether the API server serves this group and version; `None` if that is unknown.
pub(super) async fn serves(client: &Client, group_version: &str) -> Option<bool> {
    match client.list_api_group_resources(group_version).await {
        Ok(_) => Some(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Some(false),
        Err(_) => None,
    }
}

async fn resources(client: &Client) -> CheckResult {
    match serves(client, CRDS).await {
        Some(true) => CheckResult::ok(OPERATOR, format!("the API server has {CRDS}")),
        // Airflow and scripts submit by the drop-in alone.
        Some(false) => CheckResult::warn(
            OPERATOR,
            format!("the API server has no {CRDS}"),
            "if you use the operator, install its CRDs; the drop-in and the command line don't need them",
        ),
        None => CheckResult::warn(
            OPERATOR,
            format!("can't see whether the API server has {CRDS}"),
            "let the ServiceAccount read /apis (system:discovery gives it to all)",
        ),
    }
}

/// By the operator's Deployment: the tag of its image, else its label.
fn version(found: &[Deployment], namespace: &str) -> CheckResult {
    let Some(version) = found.iter().find_map(version_of) else {
        return CheckResult::warn(
            OPERATOR,
            format!(
                "namespace {namespace} has no Deployment of the operator's controller that tells its version"
            ),
            "name the operator's namespace: --operator-namespace",
        );
    };
    let entry_points = match version.minor {
        Some(minor) if minor >= REST_SUBMITTER => "REST (gate RestSubmitter) and the drop-in",
        Some(_) => "the drop-in",
        None => "which entry points it has is unknown",
    };
    CheckResult::ok(
        OPERATOR,
        format!("the operator is {}: {entry_points}", version.text),
    )
}

struct Version {
    text: String,
    /// Of version 2.
    minor: Option<u32>,
}

fn version_of(deployment: &Deployment) -> Option<Version> {
    let name = deployment.metadata.name.as_deref()?;
    if !name.contains("spark-operator") || !name.contains("controller") {
        return None;
    }
    let pod = deployment.spec.template.spec.as_ref()?;
    let image = pod
        .containers
        .iter()
        .filter_map(|container| container.image.as_deref())
        .find(|image| image.contains("spark-operator"));
    let tag = image.and_then(|image| {
        let unpinned = image.split('@').next()?;
        let (_, tag) = unpinned.rsplit('/').next()?.split_once(':')?;
        Some(tag.to_owned())
    });
    let labels = deployment.metadata.labels.as_ref();
    let text = tag.or_else(|| labels?.get("app.kubernetes.io/version").cloned())?;
    let minor = text
        .trim_start_matches('v')
        .strip_prefix("2.")
        .and_then(|rest| rest.split('.').next()?.parse().ok());
    Some(Version { text, minor })
}

async fn webhook(client: &Client, settings: &ServeSettings) -> CheckResult {
    let said = settings.cluster_view.operator_webhook;
    let registered = match registered_webhooks(client).await {
        Ok(registered) => registered,
        Err(error) => {
            let message = format!(
                "can't list mutatingwebhookconfigurations: {}",
                crate::finding::root_cause(&error)
            );
            return match said {
                OperatorWebhookSetting::On | OperatorWebhookSetting::Off => CheckResult::warn(
                    WEBHOOK,
                    message,
                    "see for yourself that OPERATOR_WEBHOOK says what is: it is believed",
                ),
                OperatorWebhookSetting::Auto => CheckResult::warn(
                    WEBHOOK,
                    message + ": it counts as on",
                    "apply deploy/rbac/webhook.yaml (kubectl apply -k deploy/rbac), or set OPERATOR_WEBHOOK to on or off",
                ),
            };
        }
    };
    match (said, registered) {
        (OperatorWebhookSetting::On, 0) => CheckResult::fail(
            WEBHOOK,
            "OPERATOR_WEBHOOK is on, and the operator has registered none for pods: volumes, affinity, sidecars and more get lost",
            "set OPERATOR_WEBHOOK=auto or off, or turn the operator's webhook on",
        ),
        (OperatorWebhookSetting::Off, found) if found > 0 => CheckResult::fail(
            WEBHOOK,
            "OPERATOR_WEBHOOK is off, and the operator has registered one for pods: what both add is there twice, and refused",
            "set OPERATOR_WEBHOOK=auto or on, or turn the operator's webhook off",
        ),
        (_, 0) => CheckResult::ok(
            WEBHOOK,
            "the operator has registered none for pods: native-submit adds all",
        ),
        _ => CheckResult::ok(
            WEBHOOK,
            "the operator has registered one for pods: what it adds is left to it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_operators_version_is_its_images_tag_or_its_label() {
        let deployment = |name: &str, image: &str, label: Option<&str>| {
            let mut deployment: Deployment = serde_json::from_value(json!({
                "metadata": {"name": name},
                "spec": {"selector": {}, "template": {"spec": {"containers": [
                    {"name": "native-submit", "image": "native-submit:0.1.0"},
                    {"name": "controller", "image": image},
                ]}}},
            }))
            .unwrap();
            deployment.metadata.labels =
                label.map(|version| [("app.kubernetes.io/version".to_owned(), version.to_owned())].into());
            version_of(&deployment).map(|version| (version.text, version.minor))
        };
        let controller = "spark-operator-controller";
        for (image, label, expected) in [
            (
                "kubeflow/spark-operator/controller:2.5.2",
                None,
                Some(("2.5.2", Some(5))),
            ),
            (
                "host:5000/kubeflow/spark-operator/controller:v2.6.0",
                None,
                Some(("v2.6.0", Some(6))),
            ),
            (
                "host:5000/spark-operator/controller@sha256:00",
                Some("2.4.0"),
                Some(("2.4.0", Some(4))),
            ),
            ("host:5000/spark-operator/controller", None, None),
            ("spark-operator/controller:latest", None, Some(("latest", None))),
        ] {
            let expected = expected.map(|(text, minor)| (text.to_owned(), minor));
            assert_eq!(deployment(controller, image, label), expected, "{image}");
        }
        assert_eq!(
            deployment("spark-operator-webhook", "spark-operator/controller:2.5.2", None),
            None
        );
    }
}
