//! The driver's Service, by which executors reach it under the name in `spark.driver.host`.

use super::{Submitted, THE_LABEL};
use crate::{
    finding::{Kept, Words, expected, rule},
    kubernetes::{Finding, rules::Kind},
};
use serde_json::Value;

pub(super) fn service(submitted: &Submitted<'_>, findings: &mut Kept<Finding>, warnings: &mut Kept<Finding>) {
    let plan = submitted.plan;
    // Where the conf excludes the Service, the plan has none and executors reach the driver otherwise.
    let Some(planned) = &plan.service else { return };
    let host = plan.properties.get("spark.driver.host").map(String::as_str);
    let name = host
        .and_then(|host| host.split('.').next())
        .unwrap_or(&planned.name);
    let Some(service) = submitted.find(Kind::Service, name) else {
        if !submitted.is_unwritten(Kind::Service, name) {
            return;
        }
        let said = rule("no template wrote it, and executors reach the driver by it (spark.driver.host)");
        findings.push(Finding::unwritten("Service", name, said));
        return;
    };
    let at = service.at();
    let report = &mut service.report(findings, warnings);
    if at.text("spec.clusterIP") != Some("None") {
        report.wrong(
            &at,
            "spec.clusterIP",
            expected("\"None\": executors connect to the driver Pod itself, on ports that it may choose"),
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
                match found {
                    None => expected("a label that the driver Pod has"),
                    Some(found) => expected(Words::own(format!("{THE_LABEL} ")).value(found)),
                },
            );
        }
    });
    if !selects {
        report.wrong(&at, "spec.selector", expected("a selector of the driver Pod"));
    }
}
