//! What the operator's webhook would add to a pod, in its order (`sparkpod_defaulter.go`).

use super::{Webhook, local_dirs, monitoring, roles::Role};
use crate::{
    hash::hex,
    kubernetes::grammar::volume_name,
    operator::application::{Port, SparkApplication},
    spark::submission::{PodAdditions, Refusal},
};
use k8s_openapi::api::core::v1::Lifecycle;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The additions to the pods of `role`.
///
/// Of a mount whose volume the application doesn't have, the webhook says nothing and adds nothing.
///
/// # Errors
/// Where there is no webhook: such a mount.
pub(super) fn of(
    application: &SparkApplication,
    role: Role,
    webhook: Webhook,
) -> Result<PodAdditions, Refusal> {
    let pod = role.pod(application);
    let parts = Parts { application, role };
    let mut additions = PodAdditions {
        env: parts.list("env", &pod.env)?,
        env_from: parts.list("envFrom", &pod.env_from)?,
        host_aliases: parts.list("hostAliases", &pod.host_aliases)?,
        tolerations: parts.list("tolerations", &pod.tolerations)?,
        init_containers: parts.list("initContainers", &pod.init_containers)?,
        sidecars: parts.list("sidecars", &pod.sidecars)?,
        node_selector: pod
            .node_selector
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect(),
        ..PodAdditions::default()
    };
    config_maps(&mut additions, application, role);
    volumes(&mut additions, application, role, webhook)?;
    prometheus(&mut additions, application, role);
    replaced(&mut additions, application, role)?;
    limits(&mut additions, application, role);
    if !application.kept.is_empty() {
        additions.list_unknown_fields();
    }
    Ok(additions)
}

/// The parts of an application that are of Kubernetes' own types, as JSON with the fields that these types don't have.
#[derive(Clone, Copy)]
struct Parts<'a> {
    application: &'a SparkApplication,
    role: Role,
}

impl Parts<'_> {
    /// A part of the role.
    fn one<T: Serialize>(self, field: &str, part: Option<&T>) -> Result<Option<Value>, Refusal> {
        let place = format!("spec.{}.{field}", self.role.name());
        part.map(|part| self.at(&place, part)).transpose()
    }

    /// A list of the role's.
    fn list<T: Serialize>(self, field: &str, items: &[T]) -> Result<Vec<Value>, Refusal> {
        let place = |index| format!("spec.{}.{field}[{index}]", self.role.name());
        let items = items.iter().enumerate();
        items.map(|(index, item)| self.at(&place(index), item)).collect()
    }

    /// What stands at `place` in the application.
    fn at<T: Serialize>(self, place: &str, part: &T) -> Result<Value, Refusal> {
        let mut value = serde_json::to_value(part)
            .map_err(|error| Refusal::new(place, format!("can't be written as JSON: {error}")))?;
        self.application.kept.put_back(place, &mut value);
        Ok(value)
    }
}

/// Driver and executor parts that are not in what they have in common.
fn own_parts(application: &SparkApplication, role: Role) -> (Option<&Lifecycle>, Option<&str>, &[Port]) {
    let spec = &application.spec;
    match role {
        Role::Driver => {
            let driver = &spec.driver;
            (
                driver.lifecycle.as_ref(),
                driver.priority_class_name.as_deref(),
                &driver.ports,
            )
        }
        Role::Executor => {
            let executor = &spec.executor;
            (
                executor.lifecycle.as_ref(),
                executor.priority_class_name.as_deref(),
                &executor.ports,
            )
        }
    }
}

impl PodAdditions {
    fn mount_config_map(&mut self, volume: &str, config_map: &str, path: &str) {
        self.volumes
            .push(json!({"name": volume, "configMap": {"name": config_map}}));
        self.volume_mounts
            .push(json!({"name": volume, "mountPath": path, "readOnly": true}));
    }
}

fn config_maps(additions: &mut PodAdditions, application: &SparkApplication, role: Role) {
    let spec = &application.spec;
    for (config_map, volume, path, variable) in [
        (
            &spec.hadoop_config_map,
            "hadoop-configmap-volume",
            "/etc/hadoop/conf",
            "HADOOP_CONF_DIR",
        ),
        (
            &spec.spark_config_map,
            "spark-configmap-volume",
            "/etc/spark/conf",
            "SPARK_CONF_DIR",
        ),
    ] {
        if let Some(name) = config_map {
            additions.mount_config_map(volume, name, path);
            additions.env.push(json!({"name": variable, "value": path}));
        }
    }
    for config_map in &role.pod(application).config_maps {
        additions.mount_config_map(
            &config_map_volume(&config_map.name),
            &config_map.name,
            &config_map.path,
        );
    }
}

/// `<name>-vol`.
fn config_map_volume(name: &str) -> String {
    volume_name(name, "-vol", || hex(&Sha256::digest(name), 4))
}

/// The volumes that the role mounts, but for Spark's scratch space, which is conf.
fn volumes(
    additions: &mut PodAdditions,
    application: &SparkApplication,
    role: Role,
    webhook: Webhook,
) -> Result<(), Refusal> {
    let parts = Parts { application, role };
    let mounts = &role.pod(application).volume_mounts;
    let as_json = parts.list("volumeMounts", mounts)?;
    let volumes = local_dirs::Volumes::of(application);
    let mut there: BTreeSet<String> = additions.volumes.iter().map(Value::to_string).collect();
    for (index, (mount, as_json)) in mounts.iter().zip(as_json).enumerate() {
        if mount.name.starts_with(local_dirs::PREFIX) {
            continue;
        }
        let (volume_index, volume) = match volumes.named(&mount.name, role, index) {
            Err(_) if webhook == Webhook::On => continue,
            named => named?,
        };
        let volume = parts.at(&format!("spec.volumes[{volume_index}]"), volume)?;
        if there.insert(volume.to_string()) {
            additions.volumes.push(volume);
        }
        additions.volume_mounts.push(as_json);
    }
    let (_, _, ports) = own_parts(application, role);
    additions.ports = ports
        .iter()
        .map(|port| json!({"name": port.name, "containerPort": port.container_port, "protocol": port.protocol}))
        .collect();
    Ok(())
}

fn prometheus(additions: &mut PodAdditions, application: &SparkApplication, role: Role) {
    let Some((monitoring, prometheus)) = monitoring::of(application) else {
        return;
    };
    let exposed = match role {
        Role::Driver => monitoring.expose_driver_metrics,
        Role::Executor => monitoring.expose_executor_metrics,
    };
    if !exposed || monitoring::is_in_image(monitoring, prometheus) {
        return;
    }
    let name = monitoring::config_map_name(application);
    additions.mount_config_map(&monitoring::volume_name(&name), &name, monitoring::MOUNT);
    additions.ports.push(json!({
        "name": prometheus.port_name.as_deref().unwrap_or("jmx-exporter"),
        "containerPort": prometheus.port.unwrap_or(monitoring::DEFAULT_PORT),
        "protocol": "TCP",
    }));
}

/// Fields that the webhook assigns, whatever was there.
fn replaced(additions: &mut PodAdditions, application: &SparkApplication, role: Role) -> Result<(), Refusal> {
    let pod = role.pod(application);
    let parts = Parts { application, role };
    let (lifecycle, priority_class, _) = own_parts(application, role);
    let batch_scheduler = application
        .spec
        .batch_scheduler
        .as_deref()
        .filter(|name| !name.is_empty());
    let scheduler = batch_scheduler.or(pod.scheduler_name.as_deref().filter(|name| !name.is_empty()));
    let mut spec = Map::new();
    let mut set =
        |field: &str, value: Option<Value>| spec.extend(value.map(|value| (field.to_owned(), value)));
    if pod.host_network == Some(true) {
        set("hostNetwork", Some(true.into()));
        set("dnsPolicy", Some("ClusterFirstWithHostNet".into()));
    }
    set("dnsConfig", parts.one("dnsConfig", pod.dns_config.as_ref())?);
    set(
        "priorityClassName",
        priority_class.filter(|name| !name.is_empty()).map(Value::from),
    );
    set("schedulerName", scheduler.map(Value::from));
    set("affinity", parts.one("affinity", pod.affinity.as_ref())?);
    set(
        "securityContext",
        parts.one("podSecurityContext", pod.pod_security_context.as_ref())?,
    );
    set(
        "terminationGracePeriodSeconds",
        pod.termination_grace_period_seconds.map(Value::from),
    );
    set(
        "shareProcessNamespace",
        pod.share_process_namespace
            .filter(|share| *share)
            .map(Value::from),
    );
    additions.spec = spec;
    for (field, value) in [
        (
            "securityContext",
            parts.one("securityContext", pod.security_context.as_ref())?,
        ),
        ("lifecycle", parts.one("lifecycle", lifecycle)?),
    ] {
        additions
            .container
            .extend(value.map(|value| (field.to_owned(), value)));
    }
    Ok(())
}

/// Java's units of memory and Kubernetes' for the same.
const UNITS: [(&str, &str); 10] = [
    ("kb", "Ki"),
    ("mb", "Mi"),
    ("gb", "Gi"),
    ("tb", "Ti"),
    ("pb", "Pi"),
    ("k", "Ki"),
    ("m", "Mi"),
    ("g", "Gi"),
    ("t", "Ti"),
    ("p", "Pi"),
];

fn limits(additions: &mut PodAdditions, application: &SparkApplication, role: Role) {
    let pod = role.pod(application);
    if let Some(limit) = &pod.memory_limit {
        let lower = limit.to_lowercase();
        let converted = UNITS.iter().find_map(|(java, kubernetes)| {
            let digits = lower
                .strip_suffix(java)
                .filter(|digits| digits.ends_with(|c: char| c.is_ascii_digit()))?;
            Some(format!("{digits}{kubernetes}"))
        });
        additions.limits.insert(
            "memory".to_owned(),
            converted.unwrap_or_else(|| limit.clone()).into(),
        );
    }
    if let Some(gpu) = pod
        .gpu
        .as_ref()
        .filter(|gpu| !gpu.name.is_empty() && gpu.quantity > 0)
    {
        additions
            .limits
            .insert(gpu.name.clone(), gpu.quantity.to_string().into());
    }
}

#[cfg(test)]
mod tests;
