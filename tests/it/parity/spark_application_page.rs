//! docs/spark-application.md has each field of the application's types, and none that they don't have.
#![allow(clippy::unwrap_used)]

use native_submit::operator::application::{
    BatchSchedulerConfiguration, Dependencies, DriverIngressConfiguration, DriverSpec, DynamicAllocation,
    ExecutorSpec, GpuSpec, MonitoringSpec, NameKey, NamePath, Port, PrometheusSpec, RestartPolicy,
    SecretInfo, SparkApplicationSpec, SparkUiConfiguration,
};
use std::collections::BTreeSet;

/// The fields of a type below a path.
fn below(path: &str, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| format!("{path}.{field}")).collect()
}

/// Every field of the types, by path.
fn fields() -> BTreeSet<String> {
    let mut all = below("metadata", &["name", "namespace", "uid", "labels", "annotations"]);
    all.extend(below("spec", SparkApplicationSpec::FIELDS));
    for (part, fields) in [
        ("deps", Dependencies::FIELDS),
        ("restartPolicy", RestartPolicy::FIELDS),
        ("dynamicAllocation", DynamicAllocation::FIELDS),
        ("monitoring", MonitoringSpec::FIELDS),
        ("monitoring.prometheus", PrometheusSpec::FIELDS),
        ("batchSchedulerOptions", BatchSchedulerConfiguration::FIELDS),
        ("sparkUIOptions", SparkUiConfiguration::FIELDS),
        ("driverIngressOptions[]", DriverIngressConfiguration::FIELDS),
        ("driver", DriverSpec::FIELDS),
        ("executor", ExecutorSpec::FIELDS),
    ] {
        all.extend(below(&format!("spec.{part}"), fields));
    }
    for role in ["driver", "executor"] {
        for (part, fields) in [
            ("gpu", GpuSpec::FIELDS),
            ("configMaps[]", NamePath::FIELDS),
            ("secrets[]", SecretInfo::FIELDS),
            ("envSecretKeyRefs{}", NameKey::FIELDS),
            ("ports[]", Port::FIELDS),
        ] {
            all.extend(below(&format!("spec.{role}.{part}"), fields));
        }
    }
    all.into_iter().collect()
}

/// The first cell of each row of the page, with what stands for several written out.
fn rows() -> BTreeSet<String> {
    let page = include_str!("../../../docs/spark-application.md");
    let first_cells = page.lines().filter_map(|line| {
        let (cell, _) = line.strip_prefix("| `")?.split_once("` |")?;
        (cell.starts_with("spec") || cell.starts_with("metadata") || cell.starts_with('<')).then_some(cell)
    });
    first_cells
        .flat_map(|cell| {
            let several: &[(&str, &str)] = &[
                ("<role>", "driver"),
                ("<role>", "executor"),
                ("<ui>", "spec.sparkUIOptions"),
                ("<ui>", "spec.driverIngressOptions[]"),
            ];
            let written: Vec<_> = several
                .iter()
                .filter(|(stands, _)| cell.contains(stands))
                .map(|(stands, one)| cell.replace(stands, one))
                .collect();
            if written.is_empty() {
                vec![cell.to_owned()]
            } else {
                written
            }
        })
        .collect()
}

#[test]
fn the_page_has_every_field_and_no_other() {
    let (fields, rows) = (fields(), rows());
    let missing: Vec<_> = fields.difference(&rows).collect();
    let invented: Vec<_> = rows.difference(&fields).collect();
    assert!(missing.is_empty(), "not on the page: {missing:#?}");
    assert!(invented.is_empty(), "not in the types: {invented:#?}");
}
