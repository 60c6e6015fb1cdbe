//! Secrets of the user as files and as environment (Spark's `MountSecretsFeatureStep`, `EnvSecretsFeatureStep`).

use super::{draft::Draft, pod::SparkPod};
use crate::{
    kubernetes::append,
    spark::submission::{ConfReader, Refusal},
};
use serde_json::json;

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
pub(super) fn mounts(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    mount_all(
        &mut draft.pod,
        draft.conf,
        "spark.kubernetes.driver.secrets.",
        volume_name,
    );
    Ok(())
}

/// Mounts each Secret below `prefix` at its path; `volume_name` gives its volume a name.
pub(super) fn mount_all(
    pod: &mut SparkPod,
    conf: ConfReader<'_>,
    prefix: &str,
    volume_name: impl Fn(&str) -> String,
) {
    for (secret, path) in conf.raw().below(prefix) {
        pod.mount(
            &volume_name(secret),
            path,
            json!({"secret": {"secretName": secret}}),
        );
    }
}

/// Spark's `<secret>-volume`; a dot, which a Secret's name may have and a volume's may not, becomes a dash, and
/// a hash keeps two such names apart. The volume's name means nothing outside the Pod.
fn volume_name(secret: &str) -> String {
    let plain = format!("{secret}-volume");
    if !plain.contains('.') && plain.len() <= 63 {
        return plain;
    }
    let hash = uuid::Uuid::new_v5(&uuid::Uuid::nil(), secret.as_bytes())
        .simple()
        .to_string();
    let mut stem: String = secret
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    stem.truncate(63 - "-12345678-volume".len());
    format!("{}-{}-volume", stem.trim_end_matches('-'), &hash[..8])
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
        assert_eq!(volume_name("creds"), "creds-volume");
        let dotted = volume_name("a.b");
        assert!(
            dotted.starts_with("a-b-") && dotted.ends_with("-volume"),
            "{dotted}"
        );
        assert_ne!(dotted, volume_name("a-b"));
        for long in ["x".repeat(100), "é.".repeat(50)] {
            assert!(volume_name(&long).len() <= 63);
        }
    }
}
