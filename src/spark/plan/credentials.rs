//! The driver's service account or its own credentials (Spark's `DriverKubernetesCredentialsFeatureStep`).

use super::{SecretPlan, draft::Draft};
use crate::spark::submission::Refusal;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

const VOLUME: &str = "kubernetes-credentials";
const MOUNT: &str = "/mnt/secrets/spark-kubernetes-credentials";

/// The keys of the Secret, and the property that tells the driver where each is mounted.
const MOUNTED: [(&str, &str); 4] = [
    (
        "ca-cert",
        "spark.kubernetes.authenticate.driver.mounted.caCertFile",
    ),
    (
        "client-key",
        "spark.kubernetes.authenticate.driver.mounted.clientKeyFile",
    ),
    (
        "client-cert",
        "spark.kubernetes.authenticate.driver.mounted.clientCertFile",
    ),
    (
        "oauth-token",
        "spark.kubernetes.authenticate.driver.mounted.oauthTokenFile",
    ),
];

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let credentials = &draft.submission.files.credentials;
    let account = draft
        .conf
        .text("spark.kubernetes.authenticate.driver.serviceAccountName")?;
    if credentials.is_empty() {
        if let Some(account) = account {
            let spec = &mut draft.pod.spec;
            spec.insert("serviceAccountName".to_owned(), account.clone().into());
            spec.insert("serviceAccount".to_owned(), account.into());
        }
    } else {
        let name = draft.names.object("kubernetes-credentials");
        draft
            .pod
            .mount(VOLUME, MOUNT, json!({"secret": {"secretName": name}}));
        let data = credentials
            .iter()
            .map(|file| (file.name.clone(), BASE64_STANDARD.encode(&file.contents)))
            .collect();
        draft.secrets.push(SecretPlan {
            role: "credentials".to_owned(),
            name,
            data,
        });
    }
    for (key, property) in MOUNTED {
        // Spark reads it as it is, `${…}` and all.
        let given = draft.conf.raw().get(property).map(str::to_owned);
        let submitted = credentials.iter().any(|file| file.name == key);
        let mounted = given.or_else(|| submitted.then(|| format!("{MOUNT}/{key}")));
        if let Some(path) = mounted {
            draft.set_property(property, path);
        }
    }
    // A token must not reach the ConfigMap, whichever key it stands under.
    for (key, value) in &mut draft.properties {
        if key.ends_with("oauthToken") {
            "<present_but_redacted>".clone_into(value);
        }
    }
    Ok(())
}
