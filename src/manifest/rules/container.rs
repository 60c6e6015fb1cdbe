//! Containers: what must be unique among and within them, their environment, mounts and resources.

use super::{Kind, Report, table::CONTAINERS};
use crate::{
    manifest::{at::At, quantity::Quantity},
    redaction::shown,
};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn containers(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    if let Some(Value::Array(containers)) = document.get("spec.ephemeralContainers")
        && !containers.is_empty()
    {
        report.wrong(
            document,
            "spec.ephemeralContainers",
            "must be empty: Kubernetes takes these for a Pod that exists, and not for a new one",
        );
    }
    let mut names = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    for pattern in CONTAINERS {
        document.each(pattern, &mut |container| {
            if let Some(name) = container.text("name")
                && !names.insert(name)
            {
                report.wrong(
                    &container,
                    "name",
                    format!("is used twice, found {}", shown(name)),
                );
            }
            ports(&container, report);
            environment(&container, report);
            mounts(document, &container, report);
            resources(&container, report);
            resize_policies(document, &container, report);
        });
    }
    document.each("spec.containers[].ports[]", &mut |port| {
        let Some(number) = port
            .get("hostPort")
            .and_then(Value::as_u64)
            .filter(|port| *port > 0)
        else {
            return;
        };
        let protocol = port.text("protocol").unwrap_or("TCP");
        if !host_ports.insert((number, protocol, port.text("hostIP").unwrap_or_default())) {
            report.wrong(&port, "hostPort", format!("is used twice, found `{number}`"));
        }
    });
}

fn ports(container: &At<'_, '_>, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    container.each("ports[]", &mut |port| {
        if let Some(name) = port.text("name")
            && !names.insert(name)
        {
            report.wrong(
                &port,
                "name",
                format!("is used twice in this container, found {}", shown(name)),
            );
        }
        if let Some(number) = port.get("containerPort").and_then(Value::as_u64)
            && !numbers.insert((number, port.text("protocol").unwrap_or("TCP")))
        {
            report.odd(
                &port,
                "containerPort",
                format!("is declared twice in this container, found `{number}`"),
            );
        }
    });
}

/// Of the same name twice Kubernetes warns, and the last one counts.
fn environment(container: &At<'_, '_>, report: &mut Report<'_>) {
    let mut names = BTreeSet::new();
    container.each("env[]", &mut |entry| {
        if let Some(name) = entry.text("name")
            && !names.insert(name)
        {
            report.odd(
                &entry,
                "name",
                format!("is set before too, and this one counts: {}", shown(name)),
            );
        }
        if entry.text("value").is_some() && entry.get("valueFrom").is_some() {
            report.wrong(&entry, "", "must have either a value or valueFrom, not both");
        }
    });
}

fn mounts(document: &At<'_, '_>, container: &At<'_, '_>, report: &mut Report<'_>) {
    let mut paths = BTreeSet::new();
    container.each("volumeMounts[]", &mut |mount| {
        if let Some(path) = mount.text("mountPath") {
            if !paths.insert(path) {
                report.wrong(&mount, "mountPath", "is mounted twice in this container");
            }
            if path.contains(':') {
                report.wrong(&mount, "mountPath", "must not contain `:`");
            }
        }
        if mount.text("subPath").is_some() && mount.text("subPathExpr").is_some() {
            report.wrong(
                &mount,
                "subPathExpr",
                "excludes subPath: only one of them may be set",
            );
        }
        if let Some(name) = mount.text("name")
            && !has_volume(document, name)
        {
            report.wrong(
                &mount,
                "name",
                format!("there is no such volume in spec.volumes: {}", shown(name)),
            );
        }
    });
}

fn has_volume(document: &At<'_, '_>, name: &str) -> bool {
    document
        .get("spec.volumes")
        .and_then(Value::as_array)
        .is_some_and(|volumes| {
            volumes
                .iter()
                .any(|volume| volume.get("name").and_then(Value::as_str) == Some(name))
        })
}

/// One policy for each resource, and no restart where the Pod never restarts (`validateResizePolicy`).
fn resize_policies(document: &At<'_, '_>, container: &At<'_, '_>, report: &mut Report<'_>) {
    let never = document.text("spec.restartPolicy") == Some("Never");
    let mut resources = BTreeSet::new();
    container.each("resizePolicy[]", &mut |policy| {
        if let Some(resource) = policy.text("resourceName")
            && !resources.insert(resource)
        {
            report.wrong(
                &policy,
                "resourceName",
                format!("is used twice, found {}", shown(resource)),
            );
        }
        if never && policy.text("restartPolicy") == Some("RestartContainer") {
            report.wrong(
                &policy,
                "restartPolicy",
                "must be NotRequired where the Pod's restartPolicy is Never",
            );
        }
    });
}

/// Requests stay below limits; what can't be overcommitted has a limit, and the same request
/// (`ValidateContainerResourceRequirements`).
fn resources(container: &At<'_, '_>, report: &mut Report<'_>) {
    let limits = container.get("resources.limits");
    for list in ["resources.requests{}", "resources.limits{}"] {
        container.each(list, &mut |amount| {
            if let Some(message) = resource_verdict(amount.key(), amount.value()) {
                report.wrong(&amount, "", message);
            }
        });
    }
    container.each("resources.requests{}", &mut |request| {
        let Some(requested) = Quantity::of(request.value()) else {
            return;
        };
        let name = request.key();
        let fixed = name.contains('/') || name.starts_with("hugepages-");
        let limit = limits
            .and_then(|limits| limits.get(name))
            .filter(|limit| !limit.is_null());
        match (limit, limit.and_then(Quantity::of)) {
            (None, _) if fixed => {
                report.wrong(&request, "", "needs the same limit: it can't be overcommitted");
            }
            (_, Some(limited)) if fixed && limited != requested => {
                report.wrong(
                    &request,
                    "",
                    "must be equal to its limit: it can't be overcommitted",
                );
            }
            (Some(limit), Some(limited)) if requested > limited => report.wrong(
                &request,
                "",
                format!(
                    "must not be more than the limit {}, found {}",
                    quantity_text(limit),
                    quantity_text(request.value())
                ),
            ),
            _ => {}
        }
    });
}

fn resource_verdict(name: &str, amount: &Value) -> Option<&'static str> {
    if !is_resource_name(name) {
        Some(
            "is not a resource: cpu, memory, ephemeral-storage, hugepages-<size>, or a name with a domain such \
             as `nvidia.com/gpu`",
        )
    } else if name.contains('/') && Quantity::of(amount).is_some_and(|quantity| !quantity.is_whole()) {
        Some("must be a whole number: it counts devices")
    } else {
        None
    }
}

fn is_resource_name(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || (name.contains('/') && super::grammar::label_key(name).is_none())
}

fn quantity_text(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}
