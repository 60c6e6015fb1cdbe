//! What the Spark containers of driver and executors have alike (Spark's `BasicDriverFeatureStep` and
//! `BasicExecutorFeatureStep`).

use crate::{
    kubernetes::extend,
    spark::submission::{ConfReader, Feature, Refusal, SparkVersion},
};
use serde_json::{Map, Value};

/// The image that the first of `keys` with a value names.
pub(super) fn image(
    conf: ConfReader<'_>,
    keys: &[&str],
    version: &SparkVersion,
) -> Result<Option<String>, Refusal> {
    let image = conf.first(keys)?.map(|(_, image)| image);
    Ok(image.map(|image| {
        if version.has(Feature::VersionInImage) {
            image.replace("{{SPARK_VERSION}}", &version.to_string())
        } else {
            image
        }
    }))
}

/// Gives the container its image and pull policy, and a name where the pod template has none.
pub(super) fn start(
    container: &mut Map<String, Value>,
    conf: ConfReader<'_>,
    default_name: &str,
    image: String,
) -> Result<(), Refusal> {
    let pull_policy = conf.one_of(
        "spark.kubernetes.container.image.pullPolicy",
        &["Always", "Never", "IfNotPresent"],
        "IfNotPresent",
    )?;
    container.entry("name").or_insert_with(|| default_name.into());
    container.insert("image".to_owned(), image.into());
    container.insert("imagePullPolicy".to_owned(), pull_policy.into());
    Ok(())
}

/// Says whether the container of `driver` or `executor` may gain rights that its parent doesn't have.
pub(super) fn privilege_escalation(
    container: &mut Map<String, Value>,
    conf: ConfReader<'_>,
    role: &str,
) -> Result<(), Refusal> {
    let of_role = format!("spark.kubernetes.{role}.securityContext.allowPrivilegeEscalation");
    let of_all = "spark.kubernetes.securityContext.allowPrivilegeEscalation";
    let allowed = conf.boolean_of(&[&of_role, of_all])?.unwrap_or(false);
    let field = ("allowPrivilegeEscalation".to_owned(), allowed.into());
    extend(container, "securityContext", [field]);
    Ok(())
}
