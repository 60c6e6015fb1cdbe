//! Containers: what must be unique among and within them, their environment, mounts and resources.

use super::{Kind, Report, table::CONTAINERS};
use crate::{
    finding::{Words, expected, rule},
    kubernetes::{at::At, quantity::Quantity},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a mount has to name.
pub(crate) const A_VOLUME: &str = "the name of a volume in spec.volumes";

pub(crate) fn containers(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if !kind.is_pod() {
        return;
    }
    if let Some(Value::Array(containers)) = document.get("spec.ephemeralContainers")
        && !containers.is_empty()
    {
        report.wrong(
            document,
            "spec.ephemeralContainers",
            expected("nothing: Kubernetes takes these for a Pod that exists, and not for a new one"),
        );
    }
    let mut volumes = BTreeSet::new();
    document.each("spec.volumes[].name", &mut |name| {
        volumes.extend(name.value().as_str());
    });
    let mut names = BTreeSet::new();
    let mut host_ports = BTreeSet::new();
    for pattern in CONTAINERS {
        document.each(pattern, &mut |container| {
            if let Some(name) = container.text("name")
                && !names.insert(name)
            {
                report.wrong(&container, "name", rule("is used twice").name(name));
            }
            ports(&container, report);
            environment(&container, report);
            mounts(&volumes, &container, report);
            resources(&container, report);
            resize_policies(document, &container, report);
            privileges(&container, report);
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
            report.wrong(
                &port,
                "hostPort",
                rule("is used twice").shown(&number.to_string()),
            );
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
            report.wrong(&port, "name", rule("is used twice in this container").name(name));
        }
        if let Some(number) = port.get("containerPort").and_then(Value::as_u64)
            && !numbers.insert((number, port.text("protocol").unwrap_or("TCP")))
        {
            report.odd(
                &port,
                "containerPort",
                rule("is declared twice in this container").shown(&number.to_string()),
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
                rule("is set twice and the later value counts").name(name),
            );
        }
        if entry.text("value").is_some() && entry.get("valueFrom").is_some() {
            report.wrong(&entry, "", expected("a value or valueFrom").kind("both"));
        }
    });
}

fn mounts(volumes: &BTreeSet<&str>, container: &At<'_, '_>, report: &mut Report<'_>) {
    let mut paths = BTreeSet::new();
    container.each("volumeMounts[]", &mut |mount| {
        if let Some(path) = mount.text("mountPath") {
            if !paths.insert(path) {
                report.wrong(
                    &mount,
                    "mountPath",
                    rule("is mounted twice in this container").shown(path),
                );
            }
            if path.contains(':') {
                report.wrong(&mount, "mountPath", expected("a path without `:`"));
            }
        }
        if mount.text("subPath").is_some() && mount.text("subPathExpr").is_some() {
            report.wrong(
                &mount,
                "subPathExpr",
                expected("subPath or subPathExpr").kind("both"),
            );
        }
        if let Some(name) = mount.text("name")
            && !volumes.contains(name)
        {
            report.wrong(&mount, "name", expected(A_VOLUME).name(name));
        }
    });
}

/// What has all rights can't be kept from getting more (`ValidateSecurityContext`).
fn privileges(container: &At<'_, '_>, report: &mut Report<'_>) {
    let context = |field: &str| {
        container
            .get("securityContext")
            .and_then(|context| context.get(field))
    };
    if context("allowPrivilegeEscalation") != Some(&Value::Bool(false)) {
        return;
    }
    let added = context("capabilities").and_then(|capabilities| capabilities.get("add")?.as_array());
    let is_admin = added.is_some_and(|added| added.iter().any(|capability| capability == ADMIN));
    let why = if context("privileged") == Some(&Value::Bool(true)) {
        "privileged: true"
    } else if is_admin {
        "the capability CAP_SYS_ADMIN"
    } else {
        return;
    };
    report.wrong(
        container,
        "securityContext.allowPrivilegeEscalation",
        expected(Words::own(format!("true or nothing with {why}"))).kind("false"),
    );
}

/// The capability that stands for all rights.
const ADMIN: &str = "CAP_SYS_ADMIN";

/// One policy for each resource, and no restart where the Pod never restarts (`validateResizePolicy`).
fn resize_policies(document: &At<'_, '_>, container: &At<'_, '_>, report: &mut Report<'_>) {
    let never = document.text("spec.restartPolicy") == Some("Never");
    let mut resources = BTreeSet::new();
    container.each("resizePolicy[]", &mut |policy| {
        if let Some(resource) = policy.text("resourceName")
            && !resources.insert(resource)
        {
            report.wrong(&policy, "resourceName", rule("is used twice").name(resource));
        }
        if never && policy.text("restartPolicy") == Some("RestartContainer") {
            report.wrong(
                &policy,
                "restartPolicy",
                expected("NotRequired, for the Pod's restartPolicy is Never").shown("RestartContainer"),
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
            if let Some(wanted) = resource_verdict(amount.key(), amount.value()) {
                report.wrong(&amount, "", expected(wanted));
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
                report.wrong(
                    &request,
                    "",
                    expected("the same limit, for it can't be overcommitted").nothing(),
                );
            }
            (_, Some(limited)) if fixed && limited != requested => {
                report.wrong(
                    &request,
                    "",
                    expected("an amount equal to its limit, for it can't be overcommitted"),
                );
            }
            (Some(limit), Some(limited)) if requested > limited => report.wrong(
                &request,
                "",
                expected(Words::own("at most the limit ").value(&quantity_text(limit)))
                    .shown(&quantity_text(request.value())),
            ),
            _ => {}
        }
    });
}

fn resource_verdict(name: &str, amount: &Value) -> Option<&'static str> {
    if !is_resource_name(name) {
        Some(
            "a resource as key: cpu, memory, ephemeral-storage, hugepages-<size>, or a name with a domain such as \
             `nvidia.com/gpu`",
        )
    } else if name.contains('/') && Quantity::of(amount).is_some_and(|quantity| !quantity.is_whole()) {
        Some("a whole number, for it counts devices")
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
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
