//! `SparkApplicationSpec`, and what is only in it.

use super::convert::{At, Convert, by_name, named, set, typed};
use crate::{
    finding::expected,
    operator::{
        application::{
            BatchSchedulerConfiguration, Dependencies, DriverIngressConfiguration, DynamicAllocation,
            MonitoringSpec, PrometheusSpec, RestartPolicy, SparkApplicationSpec, SparkUiConfiguration,
        },
        wire,
    },
};
use k8s_openapi::api::networking::v1::IngressTLS;
use std::collections::BTreeMap;

impl Convert for wire::SparkApplicationSpec {
    type To = SparkApplicationSpec;

    fn convert(self, at: &At<'_>) -> SparkApplicationSpec {
        let Self {
            r#type,
            mode,
            image,
            image_pull_policy,
            image_pull_secrets,
            spark_conf,
            hadoop_conf,
            spark_config_map,
            hadoop_config_map,
            arguments,
            main_class,
            main_application_file,
            proxy_user,
            failure_retries,
            retry_interval,
            memory_overhead_factor,
            monitoring,
            batch_scheduler,
            time_to_live_seconds,
            batch_scheduler_configuration,
            driver,
            executor,
            volumes,
            deps,
            dynamic_allocation,
            python_version,
            spark_version,
            restart_policy,
            spark_ui_configuration,
            driver_ingress_configuration,
        } = self;
        SparkApplicationSpec {
            type_: typed::<wire::SparkApplicationType, _>(r#type, &at.field("type")),
            mode: typed::<wire::DeployMode, _>(mode, &at.field("mode")),
            image,
            image_pull_policy,
            image_pull_secrets,
            spark_conf,
            hadoop_conf,
            spark_config_map,
            hadoop_config_map,
            arguments,
            main_class,
            main_application_file,
            proxy_user,
            failure_retries,
            retry_interval,
            memory_overhead_factor,
            monitoring: monitoring.convert(&at.field("monitoring")),
            batch_scheduler,
            time_to_live_seconds,
            batch_scheduler_options: batch_scheduler_configuration
                .convert(&at.field("batch_scheduler_configuration")),
            driver: driver.unwrap_or_default().convert(&at.field("driver")),
            executor: executor.unwrap_or_default().convert(&at.field("executor")),
            volumes: volumes.convert(&at.field("volumes")),
            deps: deps.unwrap_or_default().convert(&at.field("deps")),
            dynamic_allocation: dynamic_allocation.convert(&at.field("dynamic_allocation")),
            python_version: set(python_version),
            spark_version: set(spark_version),
            restart_policy: restart_policy
                .unwrap_or_default()
                .convert(&at.field("restart_policy")),
            spark_ui_options: spark_ui_configuration.convert(&at.field("spark_ui_configuration")),
            driver_ingress_options: driver_ingress_configuration
                .convert(&at.field("driver_ingress_configuration")),
            // The messages don't have these.
            suspend: None,
            node_selector: BTreeMap::new(),
            driver_pod_disruption_budget: None,
        }
    }
}

impl Convert for wire::Dependencies {
    type To = Dependencies;

    fn convert(self, _: &At<'_>) -> Dependencies {
        let Self {
            jars,
            files,
            py_files,
            packages,
            exclude_packages,
            repositories,
            archives,
        } = self;
        Dependencies {
            jars,
            files,
            py_files,
            packages,
            exclude_packages,
            repositories,
            archives,
        }
    }
}

impl Convert for wire::RestartPolicy {
    type To = RestartPolicy;

    fn convert(self, at: &At<'_>) -> RestartPolicy {
        let Self { r#type } = self;
        let type_ = match r#type.as_str() {
            "" => None,
            name => by_name(name).or_else(|| {
                at.field("type")
                    .problem(expected("one of Never, Always, OnFailure").shown(name));
                None
            }),
        };
        RestartPolicy {
            type_,
            ..RestartPolicy::default()
        }
    }
}

impl Convert for wire::DynamicAllocation {
    type To = DynamicAllocation;

    fn convert(self, _: &At<'_>) -> DynamicAllocation {
        let Self {
            enabled,
            initial_executors,
            min_executors,
            max_executors,
            shuffle_tracking_timeout,
        } = self;
        DynamicAllocation {
            enabled,
            initial_executors: set(initial_executors),
            min_executors: set(min_executors),
            max_executors: set(max_executors),
            shuffle_tracking_enabled: None,
            shuffle_tracking_timeout: set(shuffle_tracking_timeout),
        }
    }
}

impl Convert for wire::MonitoringSpec {
    type To = MonitoringSpec;

    fn convert(self, at: &At<'_>) -> MonitoringSpec {
        let Self {
            expose_driver_metrics,
            expose_executor_metrics,
            metrics_properties,
            metrics_properties_file,
            prometheus,
        } = self;
        MonitoringSpec {
            expose_driver_metrics,
            expose_executor_metrics,
            metrics_properties,
            metrics_properties_file,
            prometheus: prometheus.convert(&at.field("prometheus")),
        }
    }
}

impl Convert for wire::PrometheusSpec {
    type To = PrometheusSpec;

    fn convert(self, _: &At<'_>) -> PrometheusSpec {
        let Self {
            jmx_exporter_jar,
            port,
            port_name,
            config_file,
            configuration,
        } = self;
        PrometheusSpec {
            jmx_exporter_jar,
            port,
            port_name,
            config_file,
            configuration,
        }
    }
}

impl Convert for wire::BatchSchedulerConfiguration {
    type To = BatchSchedulerConfiguration;

    fn convert(self, at: &At<'_>) -> BatchSchedulerConfiguration {
        let Self {
            queue,
            priority_class_name,
            resources,
        } = self;
        BatchSchedulerConfiguration {
            queue,
            priority_class_name,
            resources: resources.convert(&at.field("resources")),
        }
    }
}

impl Convert for wire::SparkUiConfiguration {
    type To = SparkUiConfiguration;

    fn convert(self, at: &At<'_>) -> SparkUiConfiguration {
        let Self {
            service_port,
            service_port_name,
            service_type,
            service_annotations,
            service_labels,
            ingress_annotations,
            ingress_tls,
        } = self;
        SparkUiConfiguration {
            service_port,
            service_port_name,
            service_type: named::<wire::ServiceType>(service_type, &at.field("service_type")),
            service_annotations,
            service_labels,
            ingress_annotations,
            ingress_tls: ingress_tls.convert(&at.field("ingress_tls")),
        }
    }
}

impl Convert for wire::DriverIngressConfiguration {
    type To = DriverIngressConfiguration;

    fn convert(self, at: &At<'_>) -> DriverIngressConfiguration {
        let Self {
            service_port,
            service_port_name,
            service_type,
            service_annotations,
            service_labels,
            ingress_url_format,
            ingress_annotations,
            ingress_tls,
        } = self;
        DriverIngressConfiguration {
            service_port,
            service_port_name,
            service_type: named::<wire::ServiceType>(service_type, &at.field("service_type")),
            service_annotations,
            service_labels,
            ingress_url_format: set(ingress_url_format),
            ingress_annotations,
            ingress_tls: ingress_tls.convert(&at.field("ingress_tls")),
        }
    }
}

impl Convert for wire::IngressTls {
    type To = IngressTLS;

    fn convert(self, _: &At<'_>) -> IngressTLS {
        let Self { hosts, secret_name } = self;
        IngressTLS {
            hosts: set(hosts),
            secret_name: set(secret_name),
        }
    }
}
