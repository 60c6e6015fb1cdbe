//! The operator's validating webhook, which doesn't run where the operator's webhook is off, nor for an application that
//! isn't on the cluster.

use super::{Findings, conf_path, given, missing, roles};
use crate::{
    finding::{Words, expected, rule},
    kubernetes::grammar::is_dns_1035_label,
    operator::application::SparkApplication,
    spark::submission::SparkVersion,
};
use std::collections::BTreeSet;

/// Properties that the application's own fields decide. With what to do instead.
const DECIDED_BY_FIELDS: [(&str, &str); 8] = [
    (
        "spark.kubernetes.driver.master",
        "set spec.driver.kubernetesMaster",
    ),
    ("spark.kubernetes.container.image", "set spec.image"),
    ("spark.kubernetes.driver.container.image", "set spec.driver.image"),
    (
        "spark.kubernetes.executor.container.image",
        "set spec.executor.image",
    ),
    (
        "spark.kubernetes.driver.podTemplateFile",
        "set spec.driver.template",
    ),
    (
        "spark.kubernetes.executor.podTemplateFile",
        "set spec.executor.template",
    ),
    (
        "spark.kubernetes.authenticate.driver.serviceAccountName",
        "set spec.driver.serviceAccount",
    ),
    (
        "spark.kubernetes.authenticate.executor.serviceAccountName",
        "set spec.executor.serviceAccount",
    ),
];

/// Properties that no application has, and that the operator doesn't write to arguments either: the service, or the service
/// account, decides. With what is so instead.
pub(crate) const NEVER_IN_CONF: [(&str, &str); 7] = [
    ("spark.master", "native-submit sets it"),
    ("spark.kubernetes.authenticate.oauthToken", USE_SERVICE_ACCOUNT),
    (
        "spark.kubernetes.authenticate.oauthTokenFile",
        USE_SERVICE_ACCOUNT,
    ),
    (
        "spark.kubernetes.authenticate.driver.oauthToken",
        USE_SERVICE_ACCOUNT,
    ),
    (
        "spark.kubernetes.authenticate.driver.oauthTokenFile",
        USE_SERVICE_ACCOUNT,
    ),
    (
        "spark.kubernetes.authenticate.executor.oauthToken",
        USE_SERVICE_ACCOUNT,
    ),
    (
        "spark.kubernetes.authenticate.executor.oauthTokenFile",
        USE_SERVICE_ACCOUNT,
    ),
];

const USE_SERVICE_ACCOUNT: &str = "the driver authenticates by its service account";

pub(super) fn check(application: &SparkApplication, findings: &mut Findings) {
    check_name(application, findings);
    check_conf(application, findings);
    check_templates(application, findings);
    check_node_selectors(application, findings);
    check_driver_ingresses(application, findings);
}

/// The name becomes a label value, a part of the Service's name and the selector of the application's objects.
fn check_name(application: &SparkApplication, findings: &mut Findings) {
    let name = application.name();
    if name.is_empty() {
        let said = match &application.metadata.generate_name {
            Some(_) => missing().advice("generateName is for the API server, which gives the name"),
            None => missing(),
        };
        findings.add("metadata.name", said);
        return;
    }
    findings.unless(
        is_dns_1035_label(name),
        "metadata.name",
        &format!(
            "at most 63 of a-z, 0-9 and `-`, a letter first and no `-` last (it has {} characters)",
            name.chars().count()
        ),
        name,
    );
}

fn check_conf(application: &SparkApplication, findings: &mut Findings) {
    let conf = &application.spec.spark_conf;
    for (key, instead) in DECIDED_BY_FIELDS.iter().chain(&NEVER_IN_CONF) {
        if conf.contains_key(*key) {
            findings.add(
                conf_path(key),
                rule("not allowed here, as in the operator").advice(*instead),
            );
        }
    }
    let namespace = application.namespace();
    if let Some(other) = conf.get("spark.kubernetes.namespace")
        && other != namespace
    {
        findings.add(
            conf_path("spark.kubernetes.namespace"),
            expected(Words::own("the application's own namespace ").value(namespace)).shown(other),
        );
    }
}

fn check_templates(application: &SparkApplication, findings: &mut Findings) {
    let version = application.spec.spark_version.as_deref();
    let too_old = version
        .and_then(|version| version.parse::<SparkVersion>().ok())
        .is_some_and(|version| version.major() < 3);
    for role in roles(application) {
        if too_old && role.pod.template.is_some() {
            findings.add(
                role.path("template"),
                rule("pod templates need Spark 3.0 or newer, by spec.sparkVersion"),
            );
        }
    }
}

fn check_node_selectors(application: &SparkApplication, findings: &mut Findings) {
    if application.spec.node_selector.is_empty() {
        return;
    }
    for role in roles(application) {
        if !role.pod.node_selector.is_empty() {
            findings.add(
                role.path("nodeSelector"),
                rule("not allowed together with spec.nodeSelector").advice("keep one of them"),
            );
        }
    }
}

fn check_driver_ingresses(application: &SparkApplication, findings: &mut Findings) {
    let mut ports = BTreeSet::new();
    let mut formats = BTreeSet::new();
    for (i, ingress) in application.spec.driver_ingress_options.iter().enumerate() {
        let path = |field| format!("spec.driverIngressOptions[{i}].{field}");
        match ingress.service_port {
            None => findings.add(path("servicePort"), missing()),
            Some(port) if !ports.insert(port) => {
                let said = expected("a port that no earlier entry has");
                findings.add(path("servicePort"), said.kind(port.to_string()));
            }
            Some(_) => {}
        }
        match given(ingress.ingress_url_format.as_ref()) {
            None => findings.add(path("ingressURLFormat"), missing()),
            Some(format) if !formats.insert(format) => {
                findings.add(
                    path("ingressURLFormat"),
                    expected("a format that no earlier entry has"),
                );
            }
            Some(_) => {}
        }
    }
}
