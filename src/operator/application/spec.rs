//! `spec`, and the enums of its own fields.

use super::{
    dynamic_allocation::DynamicAllocation,
    exposure::{DriverIngressConfiguration, SparkUiConfiguration},
    monitoring::MonitoringSpec,
    record::{Absent, never_absent, record},
    restart::RestartPolicy,
    roles::{DriverSpec, ExecutorSpec},
};
use k8s_openapi::{api::core::v1::Volume, apimachinery::pkg::api::resource::Quantity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

record! {
    /// What to run and how. The fields and their order are those of the operator's v1beta2 `SparkApplicationSpec`.
    pub struct SparkApplicationSpec {
        /// Whether the operator holds the application back. It never submits a suspended one.
        suspend: Option<bool> = "suspend",
        /// The language. Spark itself goes by the main file's suffix.
        type_: Option<ApplicationType> = "type",
        /// The Spark version of the image. Required by the CRD; where a request lacks it, the service's setting
        /// is taken.
        spark_version: Option<String> = "sparkVersion",
        /// The deploy mode, `--deploy-mode`.
        mode: Option<DeployMode> = "mode",
        /// The user to impersonate, `--proxy-user`.
        proxy_user: Option<String> = "proxyUser",
        /// The image of driver and executors, where these name none: `spark.kubernetes.container.image`.
        image: Option<String> = "image",
        /// `Always`, `IfNotPresent` or `Never`: `spark.kubernetes.container.image.pullPolicy`.
        image_pull_policy: Option<String> = "imagePullPolicy",
        /// Names of Secrets: `spark.kubernetes.container.image.pullSecrets`.
        image_pull_secrets: Vec<String> = "imagePullSecrets",
        /// The main class, `--class`; for a jar.
        main_class: Option<String> = "mainClass",
        /// The jar, `.py` or `.R` file: spark-submit's primary resource.
        main_application_file: Option<String> = "mainApplicationFile",
        /// The application's arguments.
        arguments: Vec<String> = "arguments",
        /// Spark properties.
        spark_conf: BTreeMap<String, String> = "sparkConf",
        /// Hadoop properties, without the prefix `spark.hadoop.` that they get.
        hadoop_conf: BTreeMap<String, String> = "hadoopConf",
        /// A `ConfigMap` to mount as `SPARK_CONF_DIR`.
        spark_config_map: Option<String> = "sparkConfigMap",
        /// A `ConfigMap` to mount as `HADOOP_CONF_DIR`.
        hadoop_config_map: Option<String> = "hadoopConfigMap",
        /// Volumes for the mounts of driver and executors. Names with the prefix `spark-local-dir-` are scratch space.
        volumes: Vec<Volume> = "volumes",
        /// The driver.
        driver: DriverSpec = "driver",
        /// The executors.
        executor: ExecutorSpec = "executor",
        /// What the application needs besides its main file.
        deps: Dependencies = "deps",
        /// When the operator runs the application again.
        restart_policy: RestartPolicy = "restartPolicy",
        /// Node labels that driver and executors need: `spark.kubernetes.node.selector.*`. Not together with a
        /// `nodeSelector` of driver or executor.
        node_selector: BTreeMap<String, String> = "nodeSelector",
        /// Read by nothing since `restartPolicy` exists.
        failure_retries: Option<i32> = "failureRetries",
        /// Seconds. Read by nothing since `restartPolicy` exists.
        retry_interval: Option<i64> = "retryInterval",
        /// `2` or `3`: `spark.kubernetes.pyspark.pythonVersion`.
        python_version: Option<String> = "pythonVersion",
        /// A decimal number as text: `spark.kubernetes.memoryOverheadFactor`.
        memory_overhead_factor: Option<String> = "memoryOverheadFactor",
        /// Metrics.
        monitoring: Option<MonitoringSpec> = "monitoring",
        /// `volcano`, `yunikorn` or the name of a kube-scheduler with the coscheduling plugin.
        batch_scheduler: Option<String> = "batchScheduler",
        /// Options of the batch scheduler.
        batch_scheduler_options: Option<BatchSchedulerConfiguration> = "batchSchedulerOptions",
        /// Seconds after its end when the operator deletes the application.
        time_to_live_seconds: Option<i64> = "timeToLiveSeconds",
        /// How the operator exposes the driver's web UI.
        spark_ui_options: Option<SparkUiConfiguration> = "sparkUIOptions",
        /// Further ports of the driver that the operator exposes.
        driver_ingress_options: Vec<DriverIngressConfiguration> = "driverIngressOptions",
        /// Dynamic allocation of executors.
        dynamic_allocation: Option<DynamicAllocation> = "dynamicAllocation",
        /// Whether the operator makes a `PodDisruptionBudget` for the driver.
        driver_pod_disruption_budget: Option<bool> = "driverPodDisruptionBudget",
    }
}

/// The language of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ApplicationType {
    Java,
    Scala,
    Python,
    R,
}

/// Where the driver runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeployMode {
    /// In a Pod of its own. The only mode that native-submit submits in.
    Cluster,
    /// In the process that submits.
    Client,
    /// In the process that submits, itself in a Pod. The operator's types know it, its CRD doesn't.
    InClusterClient,
}

impl DeployMode {
    /// The name in JSON, which is also what `--deploy-mode` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Client => "client",
            Self::InClusterClient => "in-cluster-client",
        }
    }
}

record! {
    /// What the application needs besides its main file: lists of URIs or Maven coordinates.
    pub struct Dependencies {
        /// `--jars`.
        jars: Vec<String> = "jars",
        /// `--files`.
        files: Vec<String> = "files",
        /// `--py-files`.
        py_files: Vec<String> = "pyFiles",
        /// `--packages`: `groupId:artifactId:version`.
        packages: Vec<String> = "packages",
        /// `--exclude-packages`: `groupId:artifactId`.
        exclude_packages: Vec<String> = "excludePackages",
        /// `--repositories`.
        repositories: Vec<String> = "repositories",
        /// `--archives`.
        archives: Vec<String> = "archives",
    }
}

impl Absent for Dependencies {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

record! {
    /// Options of the batch scheduler.
    pub struct BatchSchedulerConfiguration {
        /// The queue.
        queue: Option<String> = "queue",
        /// The `PriorityClass` of the pod group.
        priority_class_name: Option<String> = "priorityClassName",
        /// The least resources of the pod group; else the sum of driver and executors.
        resources: BTreeMap<String, Quantity> = "resources",
    }
}

never_absent! { DriverSpec ExecutorSpec }
