//! The driver's Service, by which executors reach it under the name in `spark.driver.host`.

use super::Submitted;
use crate::{
    manifest::{
        finding::{Finding, object_name},
        rules::Kind,
    },
    redaction::shown,
};
use serde_json::Value;

pub(super) fn service(submitted: &Submitted<'_>, findings: &mut Vec<Finding>, warnings: &mut Vec<String>) {
    let plan = submitted.plan;
    // Where the conf excludes the Service, the plan has none and executors reach the driver otherwise.
    let Some(planned) = &plan.service else { return };
    let host = plan.properties.get("spark.driver.host").map(String::as_str);
    let name = host
        .and_then(|host| host.split('.').next())
        .unwrap_or(&planned.name);
    let Some(service) = submitted.find(Kind::Service, name) else {
        findings.push(Finding {
            object: object_name("Service", name),
            path: String::new(),
            message: "no template wrote it, and executors reach the driver by it (spark.driver.host)"
                .to_owned(),
            template: String::new(),
        });
        return;
    };
    let at = service.at();
    let report = &mut service.report(findings, warnings);
    if at.text("spec.clusterIP") != Some("None") {
        report.wrong(
            &at,
            "spec.clusterIP",
            "must be \"None\": executors connect to the driver Pod itself, on ports that it may choose",
        );
    }
    let Some(pod) = submitted
        .documents
        .iter()
        .find(|written| written.kind == Kind::Pod)
    else {
        return;
    };
    let labels = pod.at().get("metadata.labels");
    let mut selects = false;
    at.each("spec.selector{}", &mut |wanted| {
        selects = true;
        let found = labels.and_then(|labels| labels.get(wanted.key()));
        if found != Some(wanted.value()) {
            let found = found.and_then(Value::as_str);
            report.wrong(
                &wanted,
                "",
                found.map_or_else(
                    || "the driver Pod has no such label".to_owned(),
                    |found| format!("must be the driver Pod's label, {}", shown(found)),
                ),
            );
        }
    });
    if !selects {
        report.wrong(&at, "spec.selector", "must select the driver Pod");
    }
}
