//! A `SparkApplication` as the operator would submit it: its arguments for `spark-submit`, its pod templates, and
//! what the webhook would add (the operator's `submission.go` and `sparkpod_defaulter.go`).

mod additions;
mod after_webhook;
mod arguments;
mod conf;
mod executor_conf;
mod local_dirs;
mod monitoring;
mod owner;
mod roles;
mod scheduling;

use crate::{
    limits::CONTAINERS,
    operator::{
        application::{SparkApplication, SparkPodSpec},
        labels,
        request::CheckedArguments,
    },
    spark::submission::{
        LeftToWebhook, MAIN_FILE, PodAdditions, PodTemplate, Refusal, Request, SparkVersion, Submission,
        SubmissionId, SubmitterContext, TEMPLATE_SET_ANNOTATION, UnknownFields, UnmountedVolume,
        WebhookAdditions,
    },
};
pub use after_webhook::after_webhook;
use roles::Role;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Who adds what the operator leaves to its mutating webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhook {
    /// The webhook is there and adds it; adding it here too would make the API server refuse the Pod.
    On,
    /// There is no webhook: it is added here.
    Off,
}

/// Where an application comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// Who adds what the operator leaves to its webhook.
    pub webhook: Webhook,
    /// Whether the operator sent it. The operator makes some objects itself, such as the `ConfigMap` with the
    /// metrics' configuration; for others they are made here.
    pub operator: bool,
    /// What becomes of unknown fields in the application's pod templates.
    pub unknown_fields: UnknownFields,
}

/// Makes a submission out of an application that has its defaults and was found valid.
pub fn submission(
    application: &SparkApplication,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, Refusal> {
    let mut application = application.clone();
    monitoring::configure(&mut application);
    let gang = scheduling::configure(&mut application, origin.operator)?;
    let arguments = arguments::build(&application, &id, context)?;
    let spark_version = match application.spec.spark_version.as_deref() {
        Some(text) if !text.is_empty() => Some(
            text.parse::<SparkVersion>()
                .map_err(|error| Refusal::new("spec.sparkVersion", error.to_string()))?,
        ),
        _ => None,
    };
    for role in [Role::Driver, Role::Executor] {
        let pod = role.pod(&application);
        let path = format!("spec.{}: sidecars and initContainers", role.name());
        CONTAINERS.holds(&path, pod.sidecars.len() + pod.init_containers.len())?;
    }
    let driver_additions = match origin.webhook {
        Webhook::Off => additions::of(&application, Role::Driver, Webhook::Off)?,
        Webhook::On => PodAdditions::default(),
    };
    let driver_template = template(&application, &id, Role::Driver, origin.unknown_fields)?;
    let mut executor_template = template(&application, &id, Role::Executor, origin.unknown_fields)?;
    let executor_additions = match origin.webhook {
        Webhook::Off => Some(add_to_executors(&mut executor_template, &application)?),
        Webhook::On => None,
    };
    let config_maps = if origin.operator {
        Vec::new()
    } else {
        monitoring::config_map(&application)
    };
    let request = Request {
        id: Some(id),
        default_id: None,
        spark_version,
        driver_template: Some(driver_template),
        executor_template: Some(executor_template),
        driver_additions,
        config_maps,
        pod_group: gang.pod_group,
        warnings: gang.warnings.into_iter().collect(),
        budget: application.budget.clone(),
    };
    let checked = CheckedArguments::new(arguments, request, context)?;
    let mut submission =
        checked
            .resolve(None, context)
            .map_err(|refusal| match refusal.subject.as_str() {
                MAIN_FILE => Refusal {
                    subject: "spec.mainApplicationFile".to_owned(),
                    ..refusal
                },
                _ => refusal,
            })?;
    if let Some(additions) = &executor_additions {
        executor_conf::carry(&mut submission, additions);
    }
    add_metadata(&mut submission, &application);
    if origin.webhook == Webhook::On {
        leave_to_webhook(&mut submission, &application)?;
    }
    submission.unmounted_volumes = unmounted_volumes(&application);
    Ok(submission)
}

/// What an application's own metadata says of its submission: the template set that it asks for, and what policies see.
pub fn add_metadata(submission: &mut Submission, application: &SparkApplication) {
    if let Some(set) = template_set_of(application) {
        submission.template_set = Some(set);
    }
    let metadata = &application.metadata;
    submission.application_labels = metadata.labels.clone().unwrap_or_default();
    submission.application_annotations = metadata.annotations.clone().unwrap_or_default();
}

/// The volumes of an application that a role doesn't mount; the operator's webhook gives a Pod only those that it does.
fn unmounted_volumes(application: &SparkApplication) -> Vec<UnmountedVolume> {
    let mut unmounted = Vec::new();
    for role in [Role::Driver, Role::Executor] {
        let mounts = &role.pod(application).volume_mounts;
        let volumes = application.spec.volumes.iter();
        let volumes = volumes.filter(|volume| !mounts.iter().any(|mount| mount.name == volume.name));
        unmounted.extend(volumes.map(|volume| UnmountedVolume {
            name: volume.name.clone(),
            field: format!("spec.{}.volumeMounts", role.name()),
        }));
    }
    unmounted
}

/// The template set that an application's own annotation asks for.
fn template_set_of(application: &SparkApplication) -> Option<String> {
    let annotations = application.metadata.annotations.as_ref()?;
    annotations
        .get(TEMPLATE_SET_ANNOTATION)
        .filter(|name| !name.is_empty())
        .cloned()
}

/// Adds to a submission that was made of arguments what the webhook would add for `application`, which is the live one.
pub fn add_for_webhook(submission: &mut Submission, application: &SparkApplication) -> Result<(), Refusal> {
    submission.driver_additions = additions::of(application, Role::Driver, Webhook::Off)?;
    let template = submission.executor_template.get_or_insert_with(executor_template);
    let additions = add_to_executors(template, application)?;
    executor_conf::carry(submission, &additions);
    submission.unmounted_volumes = unmounted_volumes(application);
    Ok(())
}

/// Notes what the webhook will add to the pods of a submission, whose `SparkApplication` is this one.
pub fn leave_to_webhook(submission: &mut Submission, application: &SparkApplication) -> Result<(), Refusal> {
    let additions = WebhookAdditions {
        driver: additions::of(application, Role::Driver, Webhook::On)?,
        executor: additions::of(application, Role::Executor, Webhook::On)?,
    };
    submission.left_to_webhook = LeftToWebhook::Additions(Box::new(additions));
    Ok(())
}

/// Makes `application`, which is the live one, the owner of the pods that a submission made of arguments is for, where
/// their templates don't say it.
pub fn add_owner(submission: &mut Submission, application: &SparkApplication) -> Result<(), Refusal> {
    let driver = submission.driver_template.get_or_insert_default();
    owner::add(driver, application, Role::Driver)?;
    // Without a template the executors' owner is the driver alone.
    match &mut submission.executor_template {
        Some(executor) => owner::add(executor, application, Role::Executor),
        None => Ok(()),
    }
}

fn add_to_executors(
    template: &mut PodTemplate,
    application: &SparkApplication,
) -> Result<PodAdditions, Refusal> {
    let additions = additions::of(application, Role::Executor, Webhook::Off)?;
    additions.add_to_template(&mut template.spec, Role::Executor.container_names());
    template
        .unknown_fields
        .extend(additions.unknown_fields.iter().cloned());
    Ok(additions)
}

/// The labels of an application's driver Pod by which webhooks select it, but for the submission id.
pub fn operator_labels(application: &SparkApplication) -> BTreeMap<String, String> {
    let from_metadata = application.metadata.labels.iter().flatten();
    let mut labels: BTreeMap<_, _> = from_metadata
        .chain(&application.spec.driver.pod.labels)
        .map(|(label, value)| (label.clone(), value.clone()))
        .collect();
    for (label, value) in [
        (labels::APP_NAME, application.name()),
        (labels::LAUNCHED, "true"),
        ("spark-role", "driver"),
    ] {
        labels.insert(label.to_owned(), value.to_owned());
    }
    labels
}

/// The user's pod template, or one with nothing but the Spark container's name; owned by the application.
fn template(
    application: &SparkApplication,
    id: &SubmissionId,
    role: Role,
    unknown_fields: UnknownFields,
) -> Result<PodTemplate, Refusal> {
    let field = format!("spec.{}.template", role.name());
    let mut template = match &role.pod(application).template {
        Some(value) => PodTemplate::from_value(&field, value.clone(), unknown_fields)?,
        None => PodTemplate {
            spec: default_spec(role),
            ..PodTemplate::default()
        },
    };
    labels::check_template(&field, &template, id, Some(application.name()))?;
    owner::add(&mut template, application, role)?;
    Ok(template)
}

/// A template of executors with nothing in it but the Spark container's name.
pub(crate) fn executor_template() -> PodTemplate {
    PodTemplate {
        spec: default_spec(Role::Executor),
        ..PodTemplate::default()
    }
}

fn default_spec(role: Role) -> Map<String, Value> {
    Map::from_iter([(
        "containers".to_owned(),
        json!([{ "name": role.container_name() }]),
    )])
}

/// The parts of driver or executor that both have.
impl Role {
    pub(crate) fn pod(self, application: &SparkApplication) -> &SparkPodSpec {
        match self {
            Role::Driver => &application.spec.driver.pod,
            Role::Executor => &application.spec.executor.pod,
        }
    }
}
