//! Secrets of the user as files and as environment (Spark's `MountSecretsFeatureStep`, `EnvSecretsFeatureStep`).

use super::{draft::Draft, pod::SparkPod};
use crate::{
    hash::hex,
    kubernetes::{append, grammar::volume_name},
    spark::submission::{ConfReader, Refusal},
};
use serde_json::json;

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
pub(super) fn mounts(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    mount_all(
        &mut draft.pod,
        draft.conf,
        "spark.kubernetes.driver.secrets.",
        secret_volume,
    );
    Ok(())
}

/// Mounts each Secret below `prefix` at its path; `name` gives its volume a name.
pub(super) fn mount_all(
    pod: &mut SparkPod,
    conf: ConfReader<'_>,
    prefix: &str,
    name: impl Fn(&str) -> String,
) {
    for (secret, path) in conf.raw().below(prefix) {
        pod.mount(&name(secret), path, json!({"secret": {"secretName": secret}}));
    }
}

/// Spark's `<secret>-volume`.
fn secret_volume(secret: &str) -> String {
    volume_name(secret, "-volume", || {
        let hash = uuid::Uuid::new_v5(&uuid::Uuid::nil(), secret.as_bytes());
        hex(hash.as_bytes(), 4)
    })
}

pub(super) fn environment(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    refer_to_all(
        &mut draft.pod,
        draft.conf,
        "spark.kubernetes.driver.secretKeyRef.",
    )
}

/// An environment variable for each `name:key` below `prefix`.
pub(super) fn refer_to_all(pod: &mut SparkPod, conf: ConfReader<'_>, prefix: &str) -> Result<(), Refusal> {
    for (name, reference) in conf.raw().below(prefix) {
        let parts: Vec<_> = reference.split(':').collect();
        let [secret, key] = parts.as_slice() else {
            return Err(Refusal::new(
                format!("{prefix}{name}"),
                "SecretKeyRef must be in the form name:key, with one colon",
            ));
        };
        append(
            &mut pod.container,
            "env",
            [json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_named_after_its_secret_where_kubernetes_takes_that() {
        assert_eq!(secret_volume("creds"), "creds-volume");
        let dotted = secret_volume("a.b");
        assert!(
            dotted.starts_with("a-b-") && dotted.ends_with("-volume"),
            "{dotted}"
        );
        assert_ne!(dotted, secret_volume("a-b"));
        for long in ["x".repeat(100), "é.".repeat(50)] {
            assert!(secret_volume(&long).len() <= 63);
        }
    }
}
