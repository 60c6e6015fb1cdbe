//! Services (`ValidateService`): ports that differ, and address families that agree with their policy.

use super::{Kind, Report};
use crate::{
    finding::{expected, rule},
    kubernetes::at::At,
};
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) fn service(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind != Kind::Service {
        return;
    }
    ports(document, report);
    families(document, report);
}

fn ports(document: &At<'_, '_>, report: &mut Report<'_>) {
    let several = document
        .get("spec.ports")
        .and_then(Value::as_array)
        .is_some_and(|ports| ports.len() > 1);
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    document.each("spec.ports[]", &mut |port| {
        match port.text("name") {
            Some(name) if !names.insert(name) => {
                report.wrong(&port, "name", rule("is used twice").name(name));
            }
            None if several => report.wrong(
                &port,
                "name",
                expected("a name where there are several ports").nothing(),
            ),
            _ => {}
        }
        let protocol = port.text("protocol").unwrap_or("TCP");
        if let Some(number) = port.get("port").and_then(Value::as_u64)
            && !numbers.insert((number, protocol))
        {
            report.wrong(&port, "port", rule("is used twice").shown(&number.to_string()));
        }
    });
}

fn families(document: &At<'_, '_>, report: &mut Report<'_>) {
    let Some(Value::Array(families)) = document.get("spec.ipFamilies") else {
        return;
    };
    let distinct: BTreeSet<_> = families.iter().filter_map(Value::as_str).collect();
    if distinct.len() < families.len() {
        report.wrong(document, "spec.ipFamilies", expected("each family once"));
    }
    if families.len() > 1 && document.text("spec.ipFamilyPolicy") == Some("SingleStack") {
        report.wrong(
            document,
            "spec.ipFamilyPolicy",
            expected("PreferDualStack or RequireDualStack for two families").kind("SingleStack"),
        );
    }
}
