//! `spec.driver` and `spec.executor`.

use super::{
    pod_spec::SparkPodSpec,
    record::{record, record_with_inlined},
};
use k8s_openapi::api::core::v1::Lifecycle;
use std::collections::BTreeMap;

record_with_inlined! {
    /// The driver.
    pub struct DriverSpec {
        /// The driver Pod's name; else `spark.kubernetes.driver.pod.name`, else `<application>-driver`.
        pod_name: Option<String> = "podName",
        /// A Kubernetes quantity: `spark.kubernetes.driver.request.cores`.
        core_request: Option<String> = "coreRequest",
        /// `spark.driver.extraJavaOptions`.
        java_options: Option<String> = "javaOptions",
        /// Hooks of the driver container.
        lifecycle: Option<Lifecycle> = "lifecycle",
        /// The API server as the driver reaches it: `spark.kubernetes.driver.master`.
        kubernetes_master: Option<String> = "kubernetesMaster",
        /// Annotations of the driver's headless Service.
        service_annotations: BTreeMap<String, String> = "serviceAnnotations",
        /// Labels of the driver's headless Service.
        service_labels: BTreeMap<String, String> = "serviceLabels",
        /// Further ports of the driver container.
        ports: Vec<Port> = "ports",
        /// The `PriorityClass` of the driver Pod.
        priority_class_name: Option<String> = "priorityClassName",
        ..
        /// What driver and executors have in common; inlined in JSON.
        pod: SparkPodSpec,
    }
}

record_with_inlined! {
    /// The executors.
    pub struct ExecutorSpec {
        /// How many: `spark.executor.instances`.
        instances: Option<i32> = "instances",
        /// A Kubernetes quantity: `spark.kubernetes.executor.request.cores`.
        core_request: Option<String> = "coreRequest",
        /// `spark.executor.extraJavaOptions`.
        java_options: Option<String> = "javaOptions",
        /// Hooks of the executor container.
        lifecycle: Option<Lifecycle> = "lifecycle",
        /// `spark.kubernetes.executor.deleteOnTermination`.
        delete_on_termination: Option<bool> = "deleteOnTermination",
        /// Further ports of the executor container.
        ports: Vec<Port> = "ports",
        /// The `PriorityClass` of the executor Pods.
        priority_class_name: Option<String> = "priorityClassName",
        ..
        /// What driver and executors have in common; inlined in JSON.
        pod: SparkPodSpec,
    }
}

record! {
    /// A port of the Spark container.
    pub struct Port {
        /// Its name, unique in the container.
        name: String = "name",
        /// `TCP`, `UDP` or `SCTP`.
        protocol: String = "protocol",
        /// Its number.
        container_port: i32 = "containerPort",
    }
}
