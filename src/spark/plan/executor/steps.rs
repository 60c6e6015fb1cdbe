//! The steps of an executor, in Spark's order (`KubernetesExecutorBuilder`).

use super::{
    NoExecutorPod, basic,
    draft::{Draft, ID},
};
use crate::{
    kubernetes::extend,
    spark::{
        plan::{local_dirs, secrets, volumes},
        submission::{ExcludedSteps, Refusal},
    },
};
use serde_json::{Value, json};

type Step = fn(&mut Draft<'_>) -> Result<(), Refusal>;

/// Each step with the class that it has in Spark, below [`PACKAGE`].
const STEPS: [(&str, Step); 7] = [
    ("BasicExecutorFeatureStep", basic::apply),
    ("ExecutorKubernetesCredentialsFeatureStep", service_account),
    ("MountSecretsFeatureStep", mounted_secrets),
    ("EnvSecretsFeatureStep", secrets_in_environment),
    ("MountVolumesFeatureStep", mounted_volumes),
    ("HadoopConfExecutorFeatureStep", hadoop),
    ("LocalDirsFeatureStep", local_directories),
];

/// The one of Spark's own steps that a conf can add.
const VOLCANO: &str = "VolcanoFeatureStep";

const PACKAGE: &str = "org.apache.spark.deploy.k8s.features.";

/// The conf key of further steps.
const FURTHER: &str = "spark.kubernetes.executor.pod.featureSteps";

/// Applies all steps but the excluded ones.
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), NoExecutorPod> {
    let excluded = ExcludedSteps::read(ExcludedSteps::OF_EXECUTOR, draft.conf, draft.source.version)?;
    let further = further(draft)?;
    // An excluded step was constructed all the same, so what its constructor refuses is refused.
    basic::check(draft)?;
    for (class, step) in STEPS.into_iter().chain(further) {
        if !excluded.has(class) {
            step(draft)?;
        }
    }
    Ok(())
}

/// The steps that the conf adds. Of a class that isn't Spark's nobody but the driver knows what it does.
fn further(draft: &Draft<'_>) -> Result<Vec<(&'static str, Step)>, NoExecutorPod> {
    let mut steps: Vec<(&'static str, Step)> = Vec::new();
    for class in draft.conf.list(FURTHER)? {
        match class.strip_prefix(PACKAGE) {
            Some(VOLCANO) => steps.push((VOLCANO, volcano)),
            Some(own) if STEPS.iter().any(|(known, _)| *known == own) => {
                return Err(NoExecutorPod::Thrown(Refusal::new(
                    FURTHER,
                    format!(
                        "{class} can't be added: Spark applies it anyway, and it has no constructor without arguments"
                    ),
                )));
            }
            _ => {
                return Err(NoExecutorPod::Unknown(Refusal::new(
                    FURTHER,
                    "adds a step of a class that isn't Spark's, which may change every executor",
                )));
            }
        }
    }
    Ok(steps)
}

/// `ExecutorKubernetesCredentialsFeatureStep`: it looks at the deprecated field of the template alone.
fn service_account(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let given = draft.conf.first(&[
        "spark.kubernetes.authenticate.executor.serviceAccountName",
        "spark.kubernetes.authenticate.driver.serviceAccountName",
    ])?;
    if let Some((_, account)) = given
        && !draft.pod.spec.contains_key("serviceAccount")
    {
        let spec = &mut draft.pod.spec;
        spec.insert("serviceAccountName".to_owned(), account.clone().into());
        spec.insert("serviceAccount".to_owned(), account.into());
    }
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
fn mounted_secrets(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    // This name is Spark's own, also where Kubernetes doesn't take it.
    let volume = |secret: &str| format!("{secret}-volume");
    secrets::mount_all(
        &mut draft.pod,
        draft.conf,
        "spark.kubernetes.executor.secrets.",
        volume,
    );
    Ok(())
}

fn secrets_in_environment(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    secrets::refer_to_all(
        &mut draft.pod,
        draft.conf,
        "spark.kubernetes.executor.secretKeyRef.",
    )
}

fn mounted_volumes(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let role = volumes::VolumeRole {
        prefix: volumes::EXECUTOR,
        conf: draft.conf,
        version: draft.source.version,
        application_id: &draft.application_id,
        claim: format!("{}-exec-{ID}-pvc", draft.prefix),
        executor_id: Some(ID),
    };
    let claims = volumes::add(&mut draft.pod, &role)?;
    draft.claims.extend(claims.made);
    draft.never.extend(claims.awaited);
    Ok(())
}

fn hadoop(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    const MOUNT: &str = "/opt/hadoop/conf";
    let Some(name) = draft.conf.text("spark.kubernetes.executor.hadoopConfigMapName")? else {
        return Ok(());
    };
    draft
        .pod
        .mount("hadoop-properties", MOUNT, json!({"configMap": {"name": name}}));
    draft.pod.add_env("HADOOP_CONF_DIR", MOUNT);
    Ok(())
}

fn local_directories(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::nil(), draft.application_id.as_bytes());
    let of_driver = draft.source.driver_environment.get("SPARK_LOCAL_DIRS");
    local_dirs::add(
        &mut draft.pod,
        draft.conf,
        of_driver.map(String::as_str),
        &format!("/var/data/spark-{id}"),
    )
}

#[allow(clippy::unnecessary_wraps, reason = "every step has one signature")]
fn volcano(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let group = format!("{}-podgroup", draft.application_id);
    extend(
        &mut draft.pod.metadata,
        "annotations",
        [("scheduling.k8s.io/group-name".to_owned(), Value::from(group))],
    );
    Ok(())
}
