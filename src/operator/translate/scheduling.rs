//! Gang schedulers, as the operator prepares an application for them before it submits (`internal/scheduler`).
//!
//! The operator does it in memory, so it may have done it already, or its message may not have carried it. Doing it
//! twice changes nothing.

use super::roles::Role;
use crate::{
    finding::is_name,
    operator::application::{ApplicationType, SparkApplication, SparkPodSpec},
    redaction,
    spark::submission::{PodGroupTemplate, Refusal, SparkVersion, units, wrong},
    strict,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const VOLCANO: &str = "volcano";
const YUNIKORN: &str = "yunikorn";
/// The scheduler of `scheduler-plugins` under the name that the operator knows it by.
const KUBE_SCHEDULER: &str = "kube-scheduler";

/// Names by which schedulers run.
const SCHEDULERS: [&str; 8] = [
    VOLCANO,
    YUNIKORN,
    KUBE_SCHEDULER,
    "default-scheduler",
    "scheduler-plugins-scheduler",
    "koord-scheduler",
    "kai-scheduler",
    "spark-scheduler",
];

/// Volcano's annotation of a Pod with its `PodGroup`.
const VOLCANO_GROUP: &str = "scheduling.k8s.io/group-name";
/// The label of `scheduler-plugins` for the same.
const PLUGINS_GROUP: &str = "scheduling.x-k8s.io/pod-group";

const TASK_GROUP: &str = "yunikorn.apache.org/task-group-name";
const TASK_GROUPS: &str = "yunikorn.apache.org/task-groups";
const DRIVER_GROUP: &str = "spark-driver";
const EXECUTOR_GROUP: &str = "spark-executor";

/// Spark's least overhead of a pod's memory, 384 MiB in bytes.
const LEAST_OVERHEAD: i64 = 384 << 20;

/// What an application needs beside its pods, so that its scheduler takes them.
#[derive(Default)]
pub(super) struct Gang {
    /// The `PodGroup` that is to be made with the driver Pod.
    pub(super) pod_group: Option<PodGroupTemplate>,
    /// What is left to do for the submitter, and which fields of the application have no effect.
    pub(super) warnings: Vec<String>,
}

/// Marks the pods for the application's batch scheduler.
///
/// Where the operator submits, it has made the `PodGroup`; elsewhere Volcano's is made here.
pub(super) fn configure(application: &mut SparkApplication, operator: bool) -> Result<Gang, Refusal> {
    let scheduler = application.spec.batch_scheduler.clone().unwrap_or_default();
    match scheduler.as_str() {
        VOLCANO if operator => {
            let group = format!("spark-{}-pg", application.name());
            if !application
                .spec
                .driver
                .pod
                .annotations
                .contains_key(VOLCANO_GROUP)
            {
                for pod in pods(application) {
                    pod.annotations.insert(VOLCANO_GROUP.to_owned(), group.clone());
                }
            }
            Ok(Gang::default())
        }
        VOLCANO
            if application
                .spec
                .driver
                .pod
                .annotations
                .contains_key(VOLCANO_GROUP) =>
        {
            Ok(Gang::default())
        }
        VOLCANO => Ok(Gang {
            pod_group: Some(volcano_group(application)?),
            warnings: Vec::new(),
        }),
        YUNIKORN => Ok(Gang {
            pod_group: None,
            warnings: yunikorn(application)?,
        }),
        KUBE_SCHEDULER => {
            let group = format!("{}-pg", application.name());
            let labels = application.metadata.labels.get_or_insert_default();
            let group = labels.entry(PLUGINS_GROUP.to_owned()).or_insert(group).clone();
            Ok(Gang {
                pod_group: None,
                warnings: (!operator)
                    .then(|| {
                        format!(
                            "the scheduler waits for a PodGroup `{group}` (scheduling.x-k8s.io), which is not made here"
                        )
                    })
                    .into_iter()
                    .collect(),
            })
        }
        other => Ok(Gang {
            pod_group: None,
            warnings: unknown(other).into_iter().collect(),
        }),
    }
}

/// What is said of a scheduler that isn't known to be one: each Pod gets its name, and is Pending for as long as no scheduler has it.
fn unknown(name: &str) -> Option<String> {
    if name.is_empty() || SCHEDULERS.contains(&name) {
        return None;
    }
    let advice = if name.eq_ignore_ascii_case("kueue") {
        "Kueue is no scheduler: leave it out, and name the queue by the label kueue.x-k8s.io/queue-name (docs/templates.md)"
            .to_owned()
    } else if let Some(near) = strict::nearest(name, &SCHEDULERS) {
        format!("did you mean `{near}`?")
    } else {
        "the Pods stay Pending unless a scheduler of the cluster has this name".to_owned()
    };
    let found = redaction::shown_if(name, is_name);
    Some(format!(
        "spec.batchScheduler: expected volcano, yunikorn, or the name of another scheduler of the cluster, found {found}; {advice}"
    ))
}

fn pods(application: &mut SparkApplication) -> [&mut SparkPodSpec; 2] {
    let spec = &mut application.spec;
    [&mut spec.driver.pod, &mut spec.executor.pod]
}

/// A group that Volcano runs once there is room for all of the application, and of which the driver comes first.
fn volcano_group(application: &SparkApplication) -> Result<PodGroupTemplate, Refusal> {
    let options = application.spec.batch_scheduler_options.as_ref();
    let mut spec = Map::from_iter([("minMember".to_owned(), json!(1))]);
    let given = options.filter(|options| !options.resources.is_empty());
    let resources = match given {
        Some(options) => json!(options.resources),
        None => total(application)?,
    };
    spec.insert("minResources".to_owned(), resources);
    for (field, value) in [
        ("queue", options.and_then(|options| options.queue.as_ref())),
        (
            "priorityClassName",
            options.and_then(|options| options.priority_class_name.as_ref()),
        ),
    ] {
        spec.extend(value.map(|value| (field.to_owned(), json!(value))));
    }
    Ok(PodGroupTemplate {
        spec,
        marks_executors: true,
        ..PodGroupTemplate::default()
    })
}

/// Driver and executors together. The operator reads Java's memory as a Kubernetes quantity here, and so drops `1g`.
fn total(application: &SparkApplication) -> Result<Value, Refusal> {
    let executors = i64::from(initial_executors(application));
    let mut cores = 0.0;
    let mut memory = 0;
    for (role, count) in [(Role::Driver, 1), (Role::Executor, executors)] {
        cores += millicores(application, role)? * f64::from(i32::try_from(count).unwrap_or(i32::MAX));
        memory += count * memory_bytes(application, role)?;
    }
    Ok(json!({"cpu": format!("{}m", cores.ceil()), "memory": format!("{}Mi", memory >> 20)}))
}

/// Gives each pod its task group, as the operator does, and tells what of the application's own it replaces: groups and names that
/// don't agree leave the pods waiting for ever.
fn yunikorn(application: &mut SparkApplication) -> Result<Vec<String>, Refusal> {
    let mut warnings = Vec::new();
    let mut groups = vec![task_group(application, Role::Driver, DRIVER_GROUP, 1)?];
    let executors = initial_executors(application);
    // Yunikorn takes no group without members.
    if executors > 0 {
        groups.push(task_group(
            application,
            Role::Executor,
            EXECUTOR_GROUP,
            executors,
        )?);
    }
    let options = application.spec.batch_scheduler_options.as_ref();
    let queue = options.and_then(|options| options.queue.clone());
    for (pod, group) in pods(application).into_iter().zip([DRIVER_GROUP, EXECUTOR_GROUP]) {
        let role = group.trim_start_matches("spark-");
        let mut replaced = |field: &str, before: Option<String>, by: &str| {
            if before.is_some_and(|before| before != by) {
                warnings.push(format!(
                    "spec.{role}.{field}: replaced by `{by}`, as by the operator for batchScheduler yunikorn"
                ));
            }
        };
        pod.scheduler_name = Some(YUNIKORN.to_owned());
        let before = pod.annotations.insert(TASK_GROUP.to_owned(), group.to_owned());
        replaced(&format!("annotations[\"{TASK_GROUP}\"]"), before, group);
        if let Some(queue) = &queue {
            let before = pod.labels.insert("queue".to_owned(), queue.clone());
            replaced("labels.queue", before, queue);
        }
    }
    let annotations = &mut application.spec.driver.pod.annotations;
    match annotations.get(TASK_GROUPS) {
        // The operator's own, of an application that it prepared.
        Some(given) if has_group(given, DRIVER_GROUP) => {}
        given => {
            if given.is_some() {
                warnings.push(format!(
                    "spec.driver.annotations[\"{TASK_GROUPS}\"]: replaced, for it has no group `{DRIVER_GROUP}`, which the \
                     operator puts the driver into; leave out batchScheduler to use groups of your own"
                ));
            }
            annotations.insert(TASK_GROUPS.to_owned(), Value::from(groups).to_string());
        }
    }
    Ok(warnings)
}

/// Whether an annotation with task groups has one of this name.
fn has_group(groups: &str, name: &str) -> bool {
    let groups = serde_json::from_str::<Vec<Value>>(groups).unwrap_or_default();
    groups.iter().any(|group| group["name"] == name)
}

fn task_group(
    application: &SparkApplication,
    role: Role,
    name: &str,
    members: i32,
) -> Result<Value, Refusal> {
    let pod = role.pod(application);
    let cpu =
        core_request(application, role).map_or_else(|| pod.cores.unwrap_or(1).to_string(), str::to_owned);
    let memory = memory_bytes(application, role)? >> 20;
    let mut group = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("minMember".to_owned(), json!(members)),
        (
            "minResource".to_owned(),
            json!({"cpu": cpu, "memory": format!("{memory}Mi")}),
        ),
    ]);
    let mut node_selector = application.spec.node_selector.clone();
    node_selector.extend(pod.node_selector.clone());
    for (field, value) in [
        ("nodeSelector", json!(node_selector)),
        ("tolerations", json!(pod.tolerations)),
        ("affinity", json!(pod.affinity)),
        ("labels", json!(pod.labels)),
    ] {
        let absent = match &value {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            other => other.is_null(),
        };
        if !absent {
            group.insert(field.to_owned(), value);
        }
    }
    Ok(group.into())
}

/// How many executors Spark starts with (its `SchedulerBackendUtils`).
fn initial_executors(application: &SparkApplication) -> i32 {
    let instances = application.spec.executor.instances;
    match &application.spec.dynamic_allocation {
        Some(allocation) if allocation.enabled => {
            [instances, allocation.initial_executors, allocation.min_executors]
                .into_iter()
                .flatten()
                .max()
                .unwrap_or(0)
        }
        _ => instances.unwrap_or(2),
    }
}

fn core_request(application: &SparkApplication, role: Role) -> Option<&str> {
    match role {
        Role::Driver => application.spec.driver.core_request.as_deref(),
        Role::Executor => application.spec.executor.core_request.as_deref(),
    }
}

/// The CPU request in millicores.
fn millicores(application: &SparkApplication, role: Role) -> Result<f64, Refusal> {
    let Some(request) = core_request(application, role) else {
        return Ok(f64::from(role.pod(application).cores.unwrap_or(1)) * 1000.0);
    };
    let (number, factor) = match request.strip_suffix('m') {
        Some(number) => (number, 1.0),
        None => (request, 1000.0),
    };
    let field = format!("spec.{}.coreRequest", role.name());
    let count: f64 = number
        .parse()
        .map_err(|_| wrong(&field, request, "cores such as 2, 0.5 or 500m"))?;
    Ok(count * factor)
}

/// The memory that the role's pod will request, in bytes.
fn memory_bytes(application: &SparkApplication, role: Role) -> Result<i64, Refusal> {
    let spec = &application.spec;
    let pod = role.pod(application);
    let size = |field: String, text: Option<&str>| {
        text.map(|text| {
            units::byte_count(text, &SparkVersion::newest())
                .map_err(|error| Refusal::new(field, error.to_string()))
        })
        .transpose()
    };
    let field = |name: &str| format!("spec.{}.{name}", role.name());
    let conf = |key: &str| {
        size(
            format!("spec.sparkConf[{key}]"),
            spec.spark_conf.get(key).map(String::as_str),
        )
    };
    let memory = size(field("memory"), pod.memory.as_deref())?.unwrap_or(0);
    let overhead = match size(field("memoryOverhead"), pod.memory_overhead.as_deref())? {
        Some(overhead) => overhead,
        None => default_overhead(application, memory)?,
    };
    let mut bytes = memory + overhead;
    if role == Role::Executor {
        if spec.type_ == Some(ApplicationType::Python) {
            bytes += pyspark_memory(&spec.spark_conf)?;
        }
        if spec
            .spark_conf
            .get("spark.memory.offHeap.enabled")
            .is_some_and(|on| on != "false")
        {
            bytes += conf("spark.memory.offHeap.size")?.unwrap_or(0);
        }
    }
    Ok(bytes)
}

/// A bare number is MiB here, alone among the operator's sizes.
fn pyspark_memory(conf: &BTreeMap<String, String>) -> Result<i64, Refusal> {
    let key = "spark.executor.pyspark.memory";
    let Some(text) = conf.get(key) else {
        return Ok(0);
    };
    units::mebibytes(text, &SparkVersion::newest())
        .map(|mebibytes| mebibytes << 20)
        .map_err(|error| Refusal::new(format!("spec.sparkConf[{key}]"), error.to_string()))
}

fn default_overhead(application: &SparkApplication, memory: i64) -> Result<i64, Refusal> {
    let spec = &application.spec;
    let factor: f64 = match &spec.memory_overhead_factor {
        Some(text) => text
            .parse()
            .map_err(|_| wrong("spec.memoryOverheadFactor", text, "a number such as 0.1"))?,
        None if matches!(
            spec.type_,
            None | Some(ApplicationType::Java | ApplicationType::Scala)
        ) =>
        {
            0.1
        }
        None => 0.4,
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "as in the operator: bytes as a double, cut; a saturating cast can't go wrong"
    )]
    let overhead = (memory as f64 * factor) as i64;
    Ok(overhead.max(LEAST_OVERHEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(scheduler: &str, more: &Value) -> SparkApplication {
        let mut spec = json!({
            "type": "Python", "batchScheduler": scheduler,
            "batchSchedulerOptions": {"queue": "root.q", "priorityClassName": "high"},
            "driver": {"cores": 1, "memory": "1g"},
            "executor": {"instances": 3, "coreRequest": "500m", "memory": "2g", "memoryOverhead": "512m"},
        });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": crate::operator::application::API_VERSION, "kind": crate::operator::application::KIND,
            "metadata": {"name": "pi"}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn volcano_knows_the_operators_group_or_gets_one() {
        let mut sent = application(VOLCANO, &json!({}));
        let gang = configure(&mut sent, true).unwrap();
        assert!(gang.pod_group.is_none());
        for pod in pods(&mut sent) {
            assert_eq!(pod.annotations[VOLCANO_GROUP], "spark-pi-pg");
        }

        let mut own = application(VOLCANO, &json!({}));
        let group = configure(&mut own, false).unwrap().pod_group.unwrap();
        // Driver 1 GiB and 0.4 of it; three executors of 2.5 GiB and half a core each.
        assert_eq!(
            Value::from(group.spec),
            json!({
                "minMember": 1, "queue": "root.q", "priorityClassName": "high",
                "minResources": {"cpu": "2500m", "memory": "9113Mi"},
            })
        );
        let given = json!({"batchSchedulerOptions": {"resources": {"cpu": "7", "memory": "9Gi"}}});
        let group = configure(&mut application(VOLCANO, &given), false)
            .unwrap()
            .pod_group;
        assert_eq!(
            Value::from(group.unwrap().spec),
            json!({"minMember": 1, "minResources": {"cpu": "7", "memory": "9Gi"}})
        );
    }

    #[test]
    fn yunikorn_reads_the_groups_off_the_driver() {
        let more = json!({
            "sparkConf": {"spark.executor.pyspark.memory": "100", "spark.memory.offHeap.enabled": "true",
                          "spark.memory.offHeap.size": "1g"},
            "nodeSelector": {"pool": "a"},
        });
        let mut sent = application(YUNIKORN, &more);
        configure(&mut sent, true).unwrap();
        let once = sent.clone();
        configure(&mut sent, true).unwrap();
        assert_eq!(sent, once, "a second time changes nothing");
        let driver = &sent.spec.driver.pod;
        assert_eq!(driver.scheduler_name.as_deref(), Some(YUNIKORN));
        assert_eq!(driver.labels["queue"], "root.q");
        let groups: Value = serde_json::from_str(&driver.annotations[TASK_GROUPS]).unwrap();
        assert_eq!(
            groups,
            json!([
                {"name": "spark-driver", "minMember": 1, "minResource": {"cpu": "1", "memory": "1433Mi"},
                 "nodeSelector": {"pool": "a"}},
                {"name": "spark-executor", "minMember": 3, "minResource": {"cpu": "500m", "memory": "3684Mi"},
                 "nodeSelector": {"pool": "a"}},
            ])
        );
        assert_eq!(sent.spec.executor.pod.annotations[TASK_GROUP], EXECUTOR_GROUP);
        assert!(!sent.spec.executor.pod.annotations.contains_key(TASK_GROUPS));
    }

    #[test]
    fn a_scheduler_that_nobody_knows_is_warned_of() {
        let warned = |name: &str| {
            let gang = configure(&mut application(name, &json!({})), false).unwrap();
            gang.warnings.concat()
        };
        for known in ["", "default-scheduler", "volcano", "koord-scheduler"] {
            assert_eq!(warned(known), "", "{known}");
        }
        for (name, advice) in [
            ("Volcano", "found `Volcano`; did you mean `volcano`?"),
            ("yunicorn", "found `yunicorn`; did you mean `yunikorn`?"),
            ("kueue", "found `kueue`; Kueue is no scheduler: leave it out"),
            (
                "our-own",
                "found `our-own`; the Pods stay Pending unless a scheduler",
            ),
        ] {
            let text = warned(name);
            assert!(
                text.starts_with("spec.batchScheduler: expected volcano") && text.contains(advice),
                "{text}"
            );
        }
    }

    #[test]
    fn groups_of_ones_own_are_replaced_and_reported() {
        let own = json!({"driver": {
            "cores": 1, "memory": "1g", "labels": {"queue": "root.c"},
            "annotations": {TASK_GROUP: "mine", TASK_GROUPS: "[]"},
        }});
        let mut sent = application(YUNIKORN, &own);
        let warnings = configure(&mut sent, true).unwrap().warnings;
        let driver = &sent.spec.driver.pod;
        assert_eq!(driver.annotations[TASK_GROUP], DRIVER_GROUP);
        assert!(
            has_group(&driver.annotations[TASK_GROUPS], DRIVER_GROUP),
            "{driver:?}"
        );
        let fields: Vec<_> = warnings
            .iter()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            fields,
            [
                "spec.driver.annotations[\"yunikorn.apache.org/task-group-name\"]",
                "spec.driver.labels.queue",
                "spec.driver.annotations[\"yunikorn.apache.org/task-groups\"]",
            ]
        );
        assert!(configure(&mut sent, true).unwrap().warnings.is_empty());
    }

    #[test]
    fn a_group_without_members_is_left_out() {
        let more = json!({"dynamicAllocation": {"enabled": true}, "executor": {"memory": "1g"}});
        let mut sent = application(YUNIKORN, &more);
        configure(&mut sent, true).unwrap();
        assert!(!sent.spec.driver.pod.annotations[TASK_GROUPS].contains(EXECUTOR_GROUP));
    }

    #[test]
    fn scheduler_plugins_know_the_group_by_a_label() {
        let mut sent = application(KUBE_SCHEDULER, &json!({}));
        assert!(configure(&mut sent, true).unwrap().warnings.is_empty());
        assert_eq!(sent.metadata.labels.as_ref().unwrap()[PLUGINS_GROUP], "pi-pg");
        let warned = configure(&mut sent, false).unwrap().warnings;
        assert!(warned[0].contains("pi-pg"), "{warned:?}");
    }

    #[test]
    fn what_can_not_be_counted_is_refused_by_its_field() {
        for (more, field) in [
            (
                json!({"memoryOverheadFactor": "much"}),
                "spec.memoryOverheadFactor",
            ),
            (json!({"driver": {"memory": "lots"}}), "spec.driver.memory"),
            (
                json!({"driver": {"coreRequest": "one"}}),
                "spec.driver.coreRequest",
            ),
        ] {
            let refused = configure(&mut application(VOLCANO, &more), false);
            let message = refused.err().unwrap().to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }
}
