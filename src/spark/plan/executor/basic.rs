//! Name, labels, image, port, environment and resources of an executor (Spark's `BasicExecutorFeatureStep` and
//! `KubernetesExecutorConf`).

use super::{
    draft::{CONF_DIR, Draft, ID, IMAGE_OF_CODE},
    environment, resources,
};
use crate::{
    kubernetes::{append, extend},
    spark::{
        plan::{container, placement::Placement},
        submission::{Feature, Refusal, wrong},
    },
};
use serde_json::{Value, json};

/// Labels that Spark sets itself.
const RESERVED_LABELS: [&str; 6] = [
    "spark-version",
    "spark-exec-id",
    "spark-app-selector",
    "spark-app-name",
    "spark-role",
    "spark-exec-resourceprofile-id",
];

/// The container's name where the pod template gives none.
pub(in crate::spark::plan) const DEFAULT_CONTAINER_NAME: &str = "spark-kubernetes-executor";

/// The volume of the executors' `ConfigMap`, mounted at [`CONF_DIR`].
const CONF_VOLUME: &str = "spark-conf-volume-exec";

/// The longest host name.
const LONGEST_HOST_NAME: usize = 63;

const IMAGES: [&str; 2] = [
    "spark.kubernetes.executor.container.image",
    "spark.kubernetes.container.image",
];

const BLOCK_MANAGER_PORT: &str = "spark.blockManager.port";

pub(super) const ALLOCATOR: &str = "spark.kubernetes.allocation.pods.allocator";

/// What the step's constructor refuses.
pub(super) fn check(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if image(draft)?.is_none() {
        draft.missing.push(Refusal::new(
            IMAGES[0],
            "Must specify the executor container image (spec.image or spec.executor.image)",
        ));
    }
    block_manager_port(draft)?;
    resources::total_memory(draft)?;
    Ok(())
}

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    metadata(draft)?;
    spec(draft)?;
    fill_container(draft)?;
    resources::apply(draft)?;
    environment::apply(draft)?;
    after_resources(draft)
}

fn metadata(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    const LABELS: &str = "spark.kubernetes.executor.label.";
    let conf = draft.conf.raw();
    let mut labels = Vec::new();
    for (key, value) in conf.below(LABELS) {
        if RESERVED_LABELS.contains(&key) {
            return Err(Refusal::new(
                format!("{LABELS}{key}"),
                format!("Custom executor labels cannot contain {key} as it is reserved for Spark."),
            ));
        }
        let value = if draft.has(Feature::PlaceholdersInLabels) {
            draft.fill_placeholders(value)
        } else {
            value.to_owned()
        };
        labels.push((key.to_owned(), Value::from(value)));
    }
    labels.extend(
        [
            ("spark-version", draft.source.version.to_string()),
            ("spark-exec-id", ID.to_owned()),
            ("spark-app-selector", draft.application_id.clone()),
            ("spark-app-name", draft.application_label.clone()),
            ("spark-role", "executor".to_owned()),
            ("spark-exec-resourceprofile-id", "0".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value.into())),
    );
    let annotations: Vec<_> = conf
        .below("spark.kubernetes.executor.annotation.")
        .map(|(key, value)| (key.to_owned(), Value::from(draft.fill_placeholders(value))))
        .collect();
    let namespace = draft.namespace()?;
    let metadata = &mut draft.pod.metadata;
    metadata.insert("name".to_owned(), format!("{}-exec-{ID}", draft.prefix).into());
    metadata.remove("namespace");
    metadata.extend(namespace.map(|namespace| ("namespace".to_owned(), namespace.into())));
    extend(metadata, "labels", labels);
    extend(metadata, "annotations", annotations);
    Ok(())
}

/// Who makes the executors.
fn allocator(draft: &Draft<'_>) -> Result<String, Refusal> {
    Ok(draft.conf.text(ALLOCATOR)?.unwrap_or_else(|| "direct".to_owned()))
}

/// The last 63 characters of the Pod's name. A dot becomes `_`, which no host name may have.
fn host_name(name: &str) -> String {
    let start = name.len().saturating_sub(LONGEST_HOST_NAME);
    let tail = name.get(start..).unwrap_or(name);
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut host_name = String::with_capacity(tail.len());
    for character in tail.trim_start_matches(|c| !word(c)).chars() {
        match character {
            c if word(c) || c == '-' => host_name.push(c),
            _ if host_name.ends_with('_') => {}
            _ => host_name.push('_'),
        }
    }
    host_name
}

fn spec(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let allocator = allocator(draft)?;
    let deployment = allocator == "deployment" && draft.has(Feature::DeploymentAllocator);
    let mut host_name = host_name(&format!("{}-exec-{ID}", draft.prefix));
    if deployment {
        host_name = host_name.to_lowercase();
    }
    let restart_policy = if deployment || allocator == "statefulset" {
        "Always"
    } else {
        "Never"
    };
    let placement = Placement::read(conf, "executor")?;
    let grace_period = if draft.has(Feature::ExecutorGracePeriod) {
        let key = "spark.kubernetes.executor.terminationGracePeriodSeconds";
        Some(conf.milliseconds(key, 1_000)?.unwrap_or(30_000) / 1_000)
    } else {
        None
    };
    let spec = &mut draft.pod.spec;
    spec.insert("hostname".to_owned(), host_name.into());
    spec.insert("restartPolicy".to_owned(), restart_policy.into());
    if let Some(seconds) = grace_period {
        spec.insert("terminationGracePeriodSeconds".to_owned(), seconds.into());
    }
    placement.write_to(spec);
    Ok(())
}

/// The image; where none is named, only the application's code can name one.
fn image(draft: &Draft<'_>) -> Result<Option<String>, Refusal> {
    container::image(draft.conf, &IMAGES, draft.source.version)
}

/// The port, neither expanded nor trimmed (`SparkConf.getInt`); 0 is none.
fn block_manager_port(draft: &Draft<'_>) -> Result<u16, Refusal> {
    let Some(text) = draft.conf.raw().get(BLOCK_MANAGER_PORT) else {
        return Ok(7079);
    };
    text.parse()
        .ok()
        .filter(|port| *port == 0 || *port >= 1024)
        .ok_or_else(|| {
            wrong(
                BLOCK_MANAGER_PORT,
                text,
                "0 or a port from 1024 to 65535 for executors",
            )
        })
}

fn fill_container(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let image = image(draft)?.unwrap_or_else(|| IMAGE_OF_CODE.to_owned());
    let port = block_manager_port(draft)?;
    let with_config_map = !conf.boolean("spark.kubernetes.executor.disableConfigMap", false)?;
    let container = &mut draft.pod.container;
    container::start(container, conf, DEFAULT_CONTAINER_NAME, image)?;
    if port != 0 {
        append(
            container,
            "ports",
            [json!({"name": "blockmanager", "containerPort": port})],
        );
    }
    append(container, "args", ["executor".into()]);
    if with_config_map {
        let mut config_map = json!({ "name": draft.config_map });
        if !draft.source.conf_files.is_empty() {
            let item = |file: &String| json!({"key": file, "mode": 0o644, "path": file});
            config_map["items"] = draft.source.conf_files.iter().map(item).collect();
        }
        draft
            .pod
            .mount(CONF_VOLUME, CONF_DIR, json!({ "configMap": config_map }));
    }
    Ok(())
}

/// What comes after the resources: their resizing, the hook of decommissioning, and the right to become root.
fn after_resources(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    if draft.has(Feature::ResizePolicy) {
        let policies = ["cpu", "memory"]
            .map(|resource| json!({"resourceName": resource, "restartPolicy": "NotRequired"}));
        append(&mut draft.pod.container, "resizePolicy", policies);
    }
    if conf.boolean("spark.decommission.enabled", false)? {
        let script = conf.text("spark.kubernetes.decommission.script")?;
        let script = script.unwrap_or_else(|| "/opt/decom.sh".to_owned());
        draft.pod.container.insert(
            "lifecycle".to_owned(),
            json!({"preStop": {"exec": {"command": [script]}}}),
        );
    }
    if draft.has(Feature::AllowPrivilegeEscalation) {
        container::privilege_escalation(&mut draft.pod.container, conf, "executor")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::host_name;

    #[test]
    fn a_host_name_is_the_end_of_the_pods_name() {
        let long = format!("{}.-bc-exec-1", "a".repeat(70));
        for (name, expected) in [
            ("p-exec-1", "p-exec-1"),
            ("my.app..x-exec-1", "my_app_x-exec-1"),
            (long.as_str(), &format!("{}_-bc-exec-1", "a".repeat(52))),
        ] {
            assert_eq!(host_name(name), expected);
        }
    }
}
