//! Metrics through Prometheus' JMX exporter, as the operator configures them before it submits
//! (`configPrometheusMonitoring`).

use super::roles::Role;
use crate::{
    operator::application::{MonitoringSpec, PrometheusSpec, SparkApplication},
    spark::submission::OwnConfigMap,
};
use std::collections::BTreeMap;

/// Where the operator's webhook mounts the configuration.
pub(super) const MOUNT: &str = "/etc/metrics/conf";

/// The exporter's port unless the application names one.
pub(super) const DEFAULT_PORT: i32 = 8090;

const METRICS_FILE: &str = "metrics.properties";
const PROMETHEUS_FILE: &str = "prometheus.yaml";

/// Reports Spark's own metrics and the JVM's over JMX, for the exporter to read.
const DEFAULT_METRICS: &str = "\
*.sink.jmx.class=org.apache.spark.metrics.sink.JmxSink
driver.source.jvm.class=org.apache.spark.metrics.source.JvmSource
executor.source.jvm.class=org.apache.spark.metrics.source.JvmSource
";

/// Exports every metric under a lower-case name.
const DEFAULT_PROMETHEUS: &str = "\
lowercaseOutputName: true
attrNameSnakeCase: true
rules:
- pattern: .*
";

/// The monitoring part with its exporter, where there is one.
pub(super) fn of(application: &SparkApplication) -> Option<(&MonitoringSpec, &PrometheusSpec)> {
    let monitoring = application.spec.monitoring.as_ref()?;
    Some((monitoring, monitoring.prometheus.as_ref()?))
}

/// The name of the `ConfigMap` with the metrics' configuration.
pub(super) fn config_map_name(application: &SparkApplication) -> String {
    format!("{}-prom-conf", application.name())
}

/// The name of its volume, the operator's `<config map>-vol`. One that is longer than a volume's name may be is cut, and a hash keeps it
/// apart from others: the name means nothing outside the Pod, and the operator's own is refused by the API server.
pub(super) fn volume_name(config_map: &str) -> String {
    let plain = format!("{config_map}-vol");
    if plain.len() <= LONGEST_VOLUME {
        return plain;
    }
    let hash = uuid::Uuid::new_v5(&uuid::Uuid::nil(), config_map.as_bytes())
        .simple()
        .to_string();
    let end = format!("-{}-vol", &hash[..8]);
    let stem: String = config_map.chars().take(LONGEST_VOLUME - end.len()).collect();
    format!("{}{end}", stem.trim_end_matches('-'))
}

/// The most characters of a volume's name.
const LONGEST_VOLUME: usize = 63;

/// Whether both files come with the image, so that no `ConfigMap` is needed.
pub(super) fn is_in_image(monitoring: &MonitoringSpec, prometheus: &PrometheusSpec) -> bool {
    monitoring.metrics_properties_file.is_some() && prometheus.config_file.is_some()
}

/// Sets conf, annotations and Java options as the operator does in memory. Doing it twice changes nothing, for an
/// operator may have done it before it sent the application.
pub(super) fn configure(application: &mut SparkApplication) {
    let Some((monitoring, prometheus)) = of(application) else {
        return;
    };
    let port = prometheus.port.unwrap_or(DEFAULT_PORT);
    let metrics_file = monitoring.metrics_properties_file.clone();
    let config = prometheus
        .config_file
        .clone()
        .unwrap_or_else(|| format!("{MOUNT}/{PROMETHEUS_FILE}"));
    let agent = format!("-javaagent:{}={port}:{config}", prometheus.jmx_exporter_jar);
    let exposed = [
        (Role::Driver, monitoring.expose_driver_metrics),
        (Role::Executor, monitoring.expose_executor_metrics),
    ];
    let metrics_namespace = format!("{}.{}", application.namespace(), application.name());
    let conf = &mut application.spec.spark_conf;
    conf.insert("spark.metrics.namespace".to_owned(), metrics_namespace);
    conf.insert(
        "spark.metrics.conf".to_owned(),
        metrics_file.unwrap_or_else(|| format!("{MOUNT}/{METRICS_FILE}")),
    );
    for (role, _) in exposed.into_iter().filter(|(_, exposed)| *exposed) {
        let (pod, options) = match role {
            Role::Driver => (
                &mut application.spec.driver.pod,
                &mut application.spec.driver.java_options,
            ),
            Role::Executor => (
                &mut application.spec.executor.pod,
                &mut application.spec.executor.java_options,
            ),
        };
        pod.annotations.extend([
            ("prometheus.io/scrape".to_owned(), "true".to_owned()),
            ("prometheus.io/port".to_owned(), port.to_string()),
            ("prometheus.io/path".to_owned(), "/metrics".to_owned()),
        ]);
        let options = options.get_or_insert_default();
        if !options.contains(&agent) {
            if !options.is_empty() {
                options.push(' ');
            }
            options.push_str(&agent);
        }
    }
}

/// The `ConfigMap` that the operator would make, for where it doesn't.
pub(super) fn config_map(application: &SparkApplication) -> Vec<OwnConfigMap> {
    let Some((monitoring, prometheus)) = of(application) else {
        return Vec::new();
    };
    if is_in_image(monitoring, prometheus) {
        return Vec::new();
    }
    let mut data = BTreeMap::new();
    if monitoring.metrics_properties_file.is_none() {
        let text = monitoring
            .metrics_properties
            .clone()
            .unwrap_or_else(|| DEFAULT_METRICS.to_owned());
        data.insert(METRICS_FILE.to_owned(), text);
    }
    if prometheus.config_file.is_none() {
        let text = prometheus
            .configuration
            .clone()
            .unwrap_or_else(|| DEFAULT_PROMETHEUS.to_owned());
        data.insert(PROMETHEUS_FILE.to_owned(), text);
    }
    vec![OwnConfigMap {
        role: "prometheus".to_owned(),
        name: config_map_name(application),
        data,
    }]
}
