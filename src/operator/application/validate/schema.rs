//! The rules of the CRD's schema that the types don't express, and those of Kubernetes for the same fields.

use super::{Findings, Role, given, missing, roles};
use crate::{
    kubernetes::{
        Quantity,
        grammar::{is_decimal, is_dns_1123_label, is_dns_1123_subdomain},
    },
    operator::application::SparkApplication,
    spark::submission::{SparkVersion, units},
};

const JAVA_SIZE: &str = "an integer above 0 with one of the suffixes k, m, g, t, p, such as `512m` or `2g`";
const JAVA_OVERHEAD: &str = "an integer with one of the suffixes k, m, g, t, p, such as `512m` or `2g`";
const QUANTITY: &str = "a Kubernetes quantity such as `500m` or `2`";
const SUBDOMAIN: &str =
    "at most 253 of a-z, 0-9, `-` and `.`, a letter or digit at each end and beside each dot";

pub(super) fn check(application: &SparkApplication, findings: &mut Findings) {
    check_metadata(application, findings);
    check_spec(application, findings);
    check_counts(application, findings);
    check_monitoring(application, findings);
    for role in roles(application) {
        check_sizes(&role, findings);
        check_mounts(&role, findings);
        check_ports(&role, findings);
    }
}

fn check_metadata(application: &SparkApplication, findings: &mut Findings) {
    let namespace = application.namespace();
    findings.unless(
        is_dns_1123_label(namespace),
        "metadata.namespace",
        "at most 63 of a-z, 0-9 and `-`, a letter or digit at each end",
        namespace,
    );
}

fn check_spec(application: &SparkApplication, findings: &mut Findings) {
    let spec = &application.spec;
    if let Some(version) = given(spec.spark_version.as_ref()) {
        findings.unless(
            version.parse::<SparkVersion>().is_ok(),
            "spec.sparkVersion",
            "a version such as `4.0.0` of letters, digits, `-`, `_` and `.` (it is a label of the driver: at most 63, a letter \
             or digit last)",
            version,
        );
    }
    if let Some(policy) = given(spec.image_pull_policy.as_ref()) {
        findings.unless(
            ["Always", "IfNotPresent", "Never"].contains(&policy),
            "spec.imagePullPolicy",
            "one of Always, IfNotPresent, Never",
            policy,
        );
    }
    if let Some(version) = &spec.python_version {
        findings.unless(
            ["2", "3"].contains(&version.as_str()),
            "spec.pythonVersion",
            "`2` or `3`",
            version,
        );
    }
    if let Some(factor) = given(spec.memory_overhead_factor.as_ref()) {
        findings.unless(
            is_decimal(factor) && !factor.starts_with('-'),
            "spec.memoryOverheadFactor",
            "a decimal number such as `0.2`, not below 0",
            factor,
        );
    }
    if let Some(name) = given(spec.driver.pod_name.as_ref()) {
        findings.unless(
            is_dns_1123_subdomain(name),
            "spec.driver.podName",
            SUBDOMAIN,
            name,
        );
    }
}

/// Integers with a least value.
fn check_counts(application: &SparkApplication, findings: &mut Findings) {
    let spec = &application.spec;
    let restart = &spec.restart_policy;
    let allocation = spec.dynamic_allocation.clone().unwrap_or_default();
    let counts: &[(&str, Option<i64>, i64)] = &[
        ("spec.driver.cores", spec.driver.pod.cores.map(i64::from), 1),
        ("spec.executor.cores", spec.executor.pod.cores.map(i64::from), 1),
        (
            "spec.executor.instances",
            spec.executor.instances.map(i64::from),
            1,
        ),
        (
            "spec.restartPolicy.onSubmissionFailureRetries",
            restart.on_submission_failure_retries.map(i64::from),
            0,
        ),
        (
            "spec.restartPolicy.onFailureRetries",
            restart.on_failure_retries.map(i64::from),
            0,
        ),
        (
            "spec.restartPolicy.onSubmissionFailureRetryInterval",
            restart.on_submission_failure_retry_interval,
            1,
        ),
        (
            "spec.restartPolicy.onFailureRetryInterval",
            restart.on_failure_retry_interval,
            1,
        ),
        (
            "spec.dynamicAllocation.initialExecutors",
            allocation.initial_executors.map(i64::from),
            0,
        ),
        (
            "spec.dynamicAllocation.minExecutors",
            allocation.min_executors.map(i64::from),
            0,
        ),
        (
            "spec.dynamicAllocation.shuffleTrackingTimeout",
            allocation.shuffle_tracking_timeout,
            0,
        ),
    ];
    for (path, count, least) in counts {
        if let Some(count) = *count {
            findings.unless_number(count >= *least, *path, &format!("at least {least}"), count);
        }
    }
    // Spark's ExecutorAllocationManager refuses 0 when the driver starts.
    if allocation.enabled
        && let Some(most) = allocation.max_executors
    {
        let least = allocation.min_executors.unwrap_or(0).max(1);
        findings.unless_number(
            most >= least,
            "spec.dynamicAllocation.maxExecutors",
            &format!("at least {least}, the greater of 1 and minExecutors"),
            most,
        );
    }
}

fn check_monitoring(application: &SparkApplication, findings: &mut Findings) {
    let Some(prometheus) = application
        .spec
        .monitoring
        .as_ref()
        .and_then(|m| m.prometheus.as_ref())
    else {
        return;
    };
    if prometheus.jmx_exporter_jar.is_empty() {
        findings.add("spec.monitoring.prometheus.jmxExporterJar", missing());
    }
    if let Some(port) = prometheus.port {
        findings.unless_number(
            (1024..=49151).contains(&port),
            "spec.monitoring.prometheus.port",
            "a port from 1024 to 49151",
            port,
        );
    }
}

/// A size as any Spark version reads it.
fn java_size(text: &str) -> Option<i64> {
    units::byte_count(text, &SparkVersion::newest()).ok()
}

fn check_sizes(role: &Role<'_>, findings: &mut Findings) {
    let pod = role.pod;
    // Spark refuses a memory of 0, but not an overhead of 0.
    for (field, size, least, expected) in [
        ("memory", &pod.memory, 1, JAVA_SIZE),
        ("memoryOverhead", &pod.memory_overhead, 0, JAVA_OVERHEAD),
    ] {
        if let Some(size) = given(size.as_ref()) {
            let holds = java_size(size).is_some_and(|bytes| bytes >= least);
            findings.unless(holds, role.path(field), expected, size);
        }
    }
    // The operator's webhook converts Java's suffixes and takes all else as it is.
    if let Some(limit) = given(pod.memory_limit.as_ref()) {
        findings.unless(
            java_size(limit).is_some() || Quantity::parse(limit).is_some(),
            role.path("memoryLimit"),
            "a size such as `2g` or a Kubernetes quantity such as `2Gi`",
            limit,
        );
    }
    for (field, cores) in [
        ("coreRequest", role.core_request),
        ("coreLimit", pod.core_limit.as_deref()),
    ] {
        if let Some(cores) = cores.filter(|cores| !cores.is_empty()) {
            findings.unless(
                Quantity::parse(cores).is_some() && !cores.starts_with('-'),
                role.path(field),
                QUANTITY,
                cores,
            );
        }
    }
}

/// Names of what is mounted. Whether they are names of Kubernetes objects is checked with the Pod.
fn check_mounts(role: &Role<'_>, findings: &mut Findings) {
    let config_maps = role
        .pod
        .config_maps
        .iter()
        .map(|mount| (&mount.name, &mount.path));
    let secrets = role.pod.secrets.iter().map(|mount| (&mount.name, &mount.path));
    let lists: [(&str, Vec<_>); 2] = [
        ("configMaps", config_maps.collect()),
        ("secrets", secrets.collect()),
    ];
    for (list, mounts) in lists {
        for (i, (name, path)) in mounts.into_iter().enumerate() {
            for (field, value) in [("name", name), ("path", path)] {
                if value.is_empty() {
                    findings.add(role.path(&format!("{list}[{i}].{field}")), missing());
                }
            }
        }
    }
}

fn check_ports(role: &Role<'_>, findings: &mut Findings) {
    for (i, port) in role.ports.iter().enumerate() {
        let path = |field| role.path(&format!("ports[{i}].{field}"));
        findings.unless_number(
            (1..=65535).contains(&port.container_port),
            path("containerPort"),
            "a port from 1 to 65535",
            port.container_port,
        );
        findings.unless(
            ["", "TCP", "UDP", "SCTP"].contains(&port.protocol.as_str()),
            path("protocol"),
            "one of TCP, UDP, SCTP",
            &port.protocol,
        );
    }
}
