//! `spec.monitoring`.

use super::record::record;

record! {
    /// Metrics. Without `prometheus` the operator does nothing with it.
    pub struct MonitoringSpec {
        /// Whether the driver's metrics are exposed.
        expose_driver_metrics: bool = "exposeDriverMetrics",
        /// Whether the executors' metrics are exposed.
        expose_executor_metrics: bool = "exposeExecutorMetrics",
        /// The text of `metrics.properties`; the operator has a default.
        metrics_properties: Option<String> = "metricsProperties",
        /// The path of a `metrics.properties` in the image, which is used instead.
        metrics_properties_file: Option<String> = "metricsPropertiesFile",
        /// The JMX exporter.
        prometheus: Option<PrometheusSpec> = "prometheus",
    }

    /// The Prometheus JMX exporter, a Java agent.
    pub struct PrometheusSpec {
        /// The path of its jar in the image.
        jmx_exporter_jar: String = "jmxExporterJar",
        /// Its port, 8090 by default.
        port: Option<i32> = "port",
        /// The port's name, `jmx-exporter` by default.
        port_name: Option<String> = "portName",
        /// The path of its configuration in the image, which is used instead of `configuration`.
        config_file: Option<String> = "configFile",
        /// The text of its configuration; the operator has a default.
        configuration: Option<String> = "configuration",
    }
}
