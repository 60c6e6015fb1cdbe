//! The steps of a plan, in Spark's order (`KubernetesDriverBuilder`).

use super::{
    ApplicationPlan, CONTEXT_VERSION, DriverPlan, basic, command, config_map, credentials, draft::Draft,
    executor_template, hadoop, kerberos, local_dirs, network_policy, secrets, service, volcano, volumes,
};
use crate::{
    kubernetes::within_limits,
    limits::CONFIG_DATA,
    spark::submission::{ExcludedSteps, Refusal, Submission, SubmitterContext},
};

type Step = fn(&mut Draft<'_>) -> Result<(), Refusal>;

/// Reads what an excluded step reads of the conf: Spark makes each step before it leaves some out.
type Excluded = fn(&Draft<'_>) -> Result<(), Refusal>;

/// The steps that refuse something of the conf even if they are excluded. `BasicDriverFeatureStep` isn't here: without it no Pod is
/// valid.
const EXCLUDED: [(&str, Excluded); 5] = [
    ("DriverServiceFeatureStep", |draft| {
        service::settings(draft).map(drop)
    }),
    ("MountVolumesFeatureStep", volumes::check_executors),
    ("KerberosConfDriverFeatureStep", kerberos::check),
    (EXECUTOR_TEMPLATE, executor_template::excluded),
    ("LocalDirsFeatureStep", |draft| {
        local_dirs::is_in_memory(draft.conf).map(drop)
    }),
];

/// Each step with the class that it has in Spark, below `org.apache.spark.deploy.k8s.features`.
const STEPS: [(&str, Step); 13] = [
    ("BasicDriverFeatureStep", basic::apply),
    ("DriverKubernetesCredentialsFeatureStep", credentials::apply),
    ("DriverServiceFeatureStep", service::apply),
    ("NetworkPolicyFeatureStep", network_policy::apply),
    ("MountSecretsFeatureStep", secrets::mounts),
    ("EnvSecretsFeatureStep", secrets::environment),
    ("MountVolumesFeatureStep", volumes::apply),
    ("DriverCommandFeatureStep", command::apply),
    ("HadoopConfDriverFeatureStep", hadoop::apply),
    ("KerberosConfDriverFeatureStep", kerberos::apply),
    (EXECUTOR_TEMPLATE, executor_template::apply),
    ("LocalDirsFeatureStep", local_dirs::apply),
    // Only where the conf asks for it.
    ("VolcanoFeatureStep", volcano::apply),
];

/// The step that carries the executors' pod template to the driver.
const EXECUTOR_TEMPLATE: &str = "PodTemplateConfigMapStep";

/// Decides everything about a submission's objects. Nothing outside `submission` and `context` is looked at, so
/// the same two give the same plan.
pub fn plan(submission: &Submission, context: &SubmitterContext) -> Result<DriverPlan, Refusal> {
    let mut draft = Draft::start(submission, context)?;
    let excluded = ExcludedSteps::read(ExcludedSteps::OF_DRIVER, draft.conf, &submission.spark_version)?;
    for (class, step) in STEPS {
        if !excluded.has(class) {
            step(&mut draft)?;
        } else if let Some((_, check)) = EXCLUDED.iter().find(|(name, _)| *name == class) {
            check(&draft)?;
        }
    }
    let config_map = config_map::apply(&mut draft)?;
    for map in std::iter::once(&config_map).chain(&draft.config_maps) {
        let bytes = map.data.values().map(String::len).sum();
        CONFIG_DATA.holds(&format!("{} ConfigMap: data", map.role), bytes)?;
    }
    for secret in &draft.secrets {
        // Base64: of four characters three bytes.
        let bytes = secret
            .data
            .values()
            .map(|text| text.trim_end_matches('=').len() * 3 / 4);
        CONFIG_DATA.holds(&format!("{} Secret: data", secret.role), bytes.sum())?;
    }
    let Draft { mut pod, names, .. } = draft;
    submission
        .driver_additions
        .add_to(&mut pod.spec, &mut pod.container);
    // One of the lists is without the driver's own container.
    within_limits(&pod.spec, 1, "driver pod: spec")?;
    if let Some(executor) = &draft.executor {
        within_limits(&executor.spec, 0, "executor pod: spec")?;
    }
    let (pod, driver) = pod.into_plans(&names.pod);
    Ok(DriverPlan {
        context_version: CONTEXT_VERSION,
        application: ApplicationPlan {
            labels: submission.application_labels.clone(),
            annotations: submission.application_annotations.clone(),
            id: names.application_id,
            name: names.application_name,
            resource_type: command::resource_type(&submission.resource),
            spark_version: submission.spark_version.to_string(),
            namespace: names.namespace,
            submission_id: submission.id.to_string(),
        },
        pod,
        driver,
        service: draft.service,
        config_map,
        properties: draft.properties,
        executor: draft.executor,
        config_maps: draft.config_maps,
        secrets: draft.secrets,
        persistent_volume_claims: draft.persistent_volume_claims,
        network_policy: draft.network_policy,
        pod_group: draft.pod_group,
        known_by: None,
    })
}
