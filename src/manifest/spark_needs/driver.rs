//! The driver Pod: its name, labels and owners, and the driver container with its arguments.

use super::{THE_ARGUMENTS, THE_DRIVER_CONTAINER, objects::text, operator_labels};
use crate::{
    finding::{Words, expected},
    kubernetes::{at::At, rules::Report},
    operator::labels,
    spark::plan::DriverPlan,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The driver container's name where no pod template names another.
const DRIVER_CONTAINER: &str = "spark-kubernetes-driver";

/// The labels that Spark selects by (`spark-role`, `spark-app-selector`).
const SPARK_LABELS: [&str; 2] = ["spark-role", "spark-app-selector"];

pub(super) fn pod(plan: &DriverPlan, pod: &At<'_, '_>, report: &mut Report<'_>) {
    if let Some(name) = pod.text("metadata.name")
        && name != plan.pod.name
    {
        report.wrong(
            pod,
            "metadata.name",
            expected(Words::own("the plan's name ").value(&plan.pod.name)).name(name),
        );
    }
    keep_labels(plan, pod, report);
    operator_labels::none_added(pod, |key| plan.pod.labels.contains_key(key), report);
    owners(plan, pod, report);
    container(plan, pod, report);
}

fn keep_labels(plan: &DriverPlan, pod: &At<'_, '_>, report: &mut Report<'_>) {
    let found = pod.get("metadata.labels");
    for (key, value) in &plan.pod.labels {
        let kept = SPARK_LABELS.contains(&key.as_str()) || key.starts_with(labels::PREFIX);
        let label = found.and_then(|labels| text(labels, key));
        if kept && label != Some(value) {
            let label_of = Words::own("the label ");
            let label_of = match SPARK_LABELS.iter().find(|own| *own == key) {
                Some(own) => label_of.and(*own),
                None => label_of.value(key),
            };
            let said = expected(label_of.and(" with the value ").value(value));
            let said = match label {
                Some(label) => said.shown(label),
                None => said.nothing(),
            };
            report.wrong(pod, "metadata.labels", said);
        }
    }
}

fn owners(plan: &DriverPlan, pod: &At<'_, '_>, report: &mut Report<'_>) {
    let identity = |owner: &Value| {
        let texts = ["apiVersion", "kind", "name", "uid"].map(|field| text(owner, field).map(str::to_owned));
        let controller = owner.get("controller").filter(|value| !value.is_null());
        (texts, controller.map(ToString::to_string))
    };
    let mut written = BTreeSet::new();
    pod.each("metadata.ownerReferences[]", &mut |owner| {
        written.insert(identity(owner.value()));
    });
    for owner in &plan.pod.owner_references {
        if !written.contains(&identity(owner)) {
            report.wrong(
                pod,
                "metadata.ownerReferences",
                expected(
                    Words::own("the plan's owner ")
                        .value(text(owner, "kind").unwrap_or("?"))
                        .and(" ")
                        .value(text(owner, "name").unwrap_or_default()),
                ),
            );
        }
    }
}

fn container(plan: &DriverPlan, pod: &At<'_, '_>, report: &mut Report<'_>) {
    let mut found = false;
    pod.each("spec.containers[]", &mut |container| {
        if container.text("name") == Some(&plan.driver.name) {
            found = true;
            arguments(plan, &container, report);
            variables(plan, &container, report);
        }
    });
    if !found {
        report.wrong(
            pod,
            "spec.containers",
            expected(match plan.driver.name.as_str() {
                DRIVER_CONTAINER => Words::own(format!("{THE_DRIVER_CONTAINER} `{DRIVER_CONTAINER}`")),
                name => Words::own(format!("{THE_DRIVER_CONTAINER} ")).value(name),
            }),
        );
    }
}

/// The variables by which the image's entrypoint and Spark find their way: an address to bind to, directories, the user.
const SPARK_VARIABLES: [&str; 5] = [
    "SPARK_DRIVER_BIND_ADDRESS",
    "SPARK_APPLICATION_ID",
    "SPARK_LOCAL_DIRS",
    "SPARK_CONF_DIR",
    "SPARK_USER",
];

/// Whether a template starts something else than the plan does.
fn has_own_command(plan: &DriverPlan, container: &At<'_, '_>) -> bool {
    let planned = plan.driver.other.get("command");
    container.get("command") != planned.filter(|command| !command.is_null())
}

/// A template may give the plan's variables values of its own, but loses none that Spark needs.
fn variables(plan: &DriverPlan, container: &At<'_, '_>, report: &mut Report<'_>) {
    if has_own_command(plan, container) {
        return;
    }
    let mut written = BTreeSet::new();
    container.each("env[]", &mut |variable| {
        written.extend(variable.text("name"));
    });
    let planned: BTreeSet<_> = plan
        .driver
        .env
        .iter()
        .filter_map(|variable| text(variable, "name"))
        .collect();
    let lost: Vec<_> = SPARK_VARIABLES
        .into_iter()
        .filter(|name| planned.contains(name) && !written.contains(name))
        .collect();
    if !lost.is_empty() {
        let wanted = format!("the variables that Spark needs: {}", lost.join(", "));
        report.wrong(container, "env", expected(Words::own(wanted)).nothing());
    }
}

/// The image's entrypoint starts a driver by its first argument, `driver`, and passes the rest to spark-submit.
/// A template may put further arguments among the plan's, but loses none. With a `command` of its own it starts
/// something else, and answers for it.
fn arguments(plan: &DriverPlan, container: &At<'_, '_>, report: &mut Report<'_>) {
    if has_own_command(plan, container) {
        return;
    }
    let arguments = container.get("args").and_then(Value::as_array);
    let mut written = arguments.into_iter().flatten().filter_map(Value::as_str);
    let kept = plan
        .driver
        .args
        .iter()
        .take_while(|planned| written.any(|argument| argument == *planned))
        .count();
    if let Some(lost) = plan.driver.args.get(kept) {
        // The two that are Spark's own words may be shown; the others are the application's.
        let which = match lost.as_str() {
            "driver" | "--properties-file" => lost.clone(),
            _ => format!("number {} of {}", kept + 1, plan.driver.args.len()),
        };
        report.wrong(
            container,
            "args",
            expected(THE_ARGUMENTS).kind(format!("them without {which}")),
        );
    }
}
