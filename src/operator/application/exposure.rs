//! `spec.sparkUIOptions` and `spec.driverIngressOptions`: the Services and Ingresses that the operator makes for
//! a running driver. native-submit carries them, and makes nothing of them.

use super::record::record;
use k8s_openapi::api::networking::v1::IngressTLS;
use std::collections::BTreeMap;

record! {
    /// How the driver's web UI is exposed.
    pub struct SparkUiConfiguration {
        /// The Service's port.
        service_port: Option<i32> = "servicePort",
        /// The name of the Service's port.
        service_port_name: Option<String> = "servicePortName",
        /// A Kubernetes Service type.
        service_type: Option<String> = "serviceType",
        /// Annotations of the Service.
        service_annotations: BTreeMap<String, String> = "serviceAnnotations",
        /// Labels of the Service.
        service_labels: BTreeMap<String, String> = "serviceLabels",
        /// Annotations of the Ingress.
        ingress_annotations: BTreeMap<String, String> = "ingressAnnotations",
        /// TLS of the Ingress.
        ingress_tls: Vec<IngressTLS> = "ingressTLS",
    }

    /// How one further port of the driver is exposed.
    pub struct DriverIngressConfiguration {
        /// The port; each entry has another.
        service_port: Option<i32> = "servicePort",
        /// The name of the Service's port.
        service_port_name: Option<String> = "servicePortName",
        /// A Kubernetes Service type.
        service_type: Option<String> = "serviceType",
        /// Annotations of the Service.
        service_annotations: BTreeMap<String, String> = "serviceAnnotations",
        /// Labels of the Service.
        service_labels: BTreeMap<String, String> = "serviceLabels",
        /// The URL, with `{{$appName}}`, `{{$appNamespace}}` and `{{$appId}}`; each entry has another.
        ingress_url_format: Option<String> = "ingressURLFormat",
        /// Annotations of the Ingress.
        ingress_annotations: BTreeMap<String, String> = "ingressAnnotations",
        /// TLS of the Ingress.
        ingress_tls: Vec<IngressTLS> = "ingressTLS",
    }
}
