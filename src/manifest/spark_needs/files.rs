//! The files that the driver reads: its `ConfigMap`s and Secrets exist, are mounted, and keep their contents.

use super::{Submitted, THE_DRIVER_CONTAINER};
use crate::{
    finding::{Kept, Words, expected, rule},
    kubernetes::{
        Finding,
        at::At,
        rules::{Kind, Report},
    },
    strict::{Place, Problem},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The file that `--properties-file` names, and so the key of the driver's `ConfigMap`.
const PROPERTIES: &str = "spark.properties";

/// What the Pod's volumes refer to: the kind, the pattern of the volume source, and the name in it.
const REFERENCES: [(Kind, &str, &str); 3] = [
    (Kind::ConfigMap, "spec.volumes[].configMap", "name"),
    (Kind::Secret, "spec.volumes[].secret", "secretName"),
    (
        Kind::PersistentVolumeClaim,
        "spec.volumes[].persistentVolumeClaim",
        "claimName",
    ),
];

/// The driver mounts its properties and, where there is one, the executor pod template; and what volumes refer
/// to and the plan makes is made.
pub(super) fn mounts(submitted: &Submitted<'_>, pod: &At<'_, '_>, report: &mut Report<'_>) {
    let plan = submitted.plan;
    let directory = properties_directory(&plan.driver.args);
    if let Some(directory) = directory {
        let mounted = mounts_of(submitted, pod, &plan.config_map.name, PROPERTIES);
        let is_directory = |path: &str| path.trim_end_matches('/') == directory;
        let mut taken = false;
        if !mounted.iter().any(|path| is_directory(path)) {
            each_mount(submitted, pod, &mut |mount| {
                if let (Some(path), Some(volume)) = (mount.text("mountPath"), mount.text("name"))
                    && is_directory(path)
                    && !taken
                    && is_another(pod, volume, &plan.config_map.name)
                {
                    taken = true;
                    let wanted = Words::own(format!("the volume with {PROPERTIES} of ConfigMap "))
                        .value(&plan.config_map.name)
                        .and(", because --properties-file names this directory");
                    report.wrong(&mount, "name", expected(wanted).name(volume));
                }
            });
        }
        if !taken && !mounted.iter().any(|path| is_directory(path)) {
            report.wrong(
                pod,
                "spec",
                expected(
                    Words::own(format!(
                        "{THE_DRIVER_CONTAINER} to mount {PROPERTIES} of ConfigMap "
                    ))
                    .value(&plan.config_map.name)
                    .and(" at ")
                    .value(directory)
                    .and(", as --properties-file says"),
                ),
            );
        }
    }
    if let Some(executor) = &plan.executor
        && mounts_of(submitted, pod, &executor.config_map_name, &executor.key).is_empty()
    {
        report.wrong(
            pod,
            "spec",
            expected(
                Words::own(format!(
                    "{THE_DRIVER_CONTAINER} to mount the executor pod template, key "
                ))
                .value(&executor.key)
                .and(" of ConfigMap ")
                .value(&executor.config_map_name),
            ),
        );
    }
    let planned = planned_names(submitted);
    for (kind, pattern, field) in REFERENCES {
        pod.each(pattern, &mut |source| {
            if let Some(name) = source.text(field)
                && planned.contains(&(kind, name))
                && submitted.is_unwritten(kind, name)
            {
                report.wrong(
                    &source,
                    field,
                    rule(Words::own(format!(
                        "no template wrote this {kind:?}, which the plan has"
                    )))
                    .name(name),
                );
            }
        });
    }
}

/// The directory of the file that follows `--properties-file`.
fn properties_directory(args: &[String]) -> Option<&str> {
    let option = args.iter().position(|argument| argument == "--properties-file")?;
    let (directory, _) = args.get(option + 1)?.rsplit_once('/')?;
    Some(directory)
}

fn planned_names<'w>(submitted: &Submitted<'w>) -> BTreeSet<(Kind, &'w str)> {
    let plan = submitted.plan;
    let config_maps = std::iter::once(&plan.config_map)
        .chain(&plan.config_maps)
        .map(|config_map| config_map.name.as_str())
        .chain(
            plan.executor
                .iter()
                .map(|executor| executor.config_map_name.as_str()),
        )
        .map(|name| (Kind::ConfigMap, name));
    let secrets = plan
        .secrets
        .iter()
        .map(|secret| (Kind::Secret, secret.name.as_str()));
    let claims = plan
        .persistent_volume_claims
        .iter()
        .map(|claim| (Kind::PersistentVolumeClaim, claim.name.as_str()));
    config_maps.chain(secrets).chain(claims).collect()
}

/// Where the driver container mounts a volume of this `ConfigMap` that has the file in it.
fn mounts_of<'v>(submitted: &Submitted<'_>, pod: &At<'v, '_>, config_map: &str, key: &str) -> Vec<&'v str> {
    let mut volumes = BTreeSet::new();
    pod.each("spec.volumes[]", &mut |volume| {
        let mut has_file = |source: At<'v, '_>| {
            let items = source.get("items").and_then(Value::as_array);
            let has_key = items.is_none_or(|items| {
                items
                    .iter()
                    .any(|item| item.get("key").and_then(Value::as_str) == Some(key))
            });
            if source.text("name") == Some(config_map) && has_key {
                volumes.extend(volume.text("name"));
            }
        };
        volume.each("configMap", &mut has_file);
        volume.each("projected.sources[].configMap", &mut has_file);
    });
    let mut paths = Vec::new();
    each_mount(submitted, pod, &mut |mount| {
        if mount.text("name").is_some_and(|name| volumes.contains(&name)) {
            paths.extend(mount.text("mountPath"));
        }
    });
    paths
}

/// Whether there is a volume of this name, and it is not of this `ConfigMap`.
fn is_another(pod: &At<'_, '_>, name: &str, config_map: &str) -> bool {
    let mut found = false;
    pod.each("spec.volumes[]", &mut |volume| {
        found |= volume.text("name") == Some(name) && volume.text("configMap.name") != Some(config_map);
    });
    found
}

/// Every mount of the driver container.
fn each_mount<'v>(submitted: &Submitted<'_>, pod: &At<'v, '_>, take: &mut dyn FnMut(At<'v, '_>)) {
    pod.each("spec.containers[]", &mut |container| {
        if container.text("name") == Some(&submitted.plan.driver.name) {
            container.each("volumeMounts[]", &mut *take);
        }
    });
}

/// The driver's `ConfigMap` holds its properties, none of the plan's lines lost, and the executor's its template.
pub(super) fn contents(submitted: &Submitted<'_>, findings: &mut Kept<Finding>) {
    let plan = submitted.plan;
    let planned = plan.config_map.data.get(PROPERTIES).map(String::as_str);
    let files = [
        Some((plan.config_map.name.as_str(), PROPERTIES, planned)),
        plan.executor
            .as_ref()
            .map(|executor| (executor.config_map_name.as_str(), executor.key.as_str(), None)),
    ];
    for (name, key, planned) in files.into_iter().flatten() {
        let written = submitted.find(Kind::ConfigMap, name);
        let text = written.and_then(|written| written.value.get("data")?.get(key)?.as_str());
        let Some(written) = written else {
            if !submitted.is_unwritten(Kind::ConfigMap, name) {
                continue;
            }
            let said = rule("no template wrote it, and the driver needs it");
            findings.push(Finding::unwritten("ConfigMap", name, said));
            continue;
        };
        let said = match text {
            None | Some("") => expected(Words::own("the file ").value(key)).nothing(),
            Some(text) => match lost_property(planned.unwrap_or_default(), text) {
                Some(property) => expected(Words::own("the plan's property ").value(property)).nothing(),
                None => continue,
            },
        };
        let problem = Problem::new(
            Place::Field(&Place::Field(&Place::Document, "data"), key).to_string(),
            said,
        );
        findings.push(Finding::of(&written.subject, written.template, problem));
    }
}

/// The key of the first line of the plan's properties that isn't among the written ones.
fn lost_property<'p>(planned: &'p str, written: &str) -> Option<&'p str> {
    if planned == written {
        return None;
    }
    let lines: BTreeSet<&str> = written.lines().collect();
    let lost = planned
        .lines()
        .find(|line| !line.starts_with('#') && !lines.contains(line))?;
    // The key ends at the first `=` that isn't escaped.
    let end = lost
        .match_indices('=')
        .map(|(index, _)| index)
        .find(|index| !lost[..*index].ends_with('\\'));
    Some(&lost[..end.unwrap_or(0)])
}
