//! What becomes of a submission whose executors could start, and of one whose executors never would.
//!
//! The applications in `tests/executors` are situations that users of Spark on Kubernetes reported.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{golden_case, pods};
use native_submit::{
    manifest::{FinishedPods, Manifests},
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{
        self, ExecutorCheck, Reach, Request, SubmissionId, SubmitterContext, arguments, resolve,
    },
    submitter,
    templates::TemplateSet,
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

static TEMPLATES: LazyLock<TemplateSet> = LazyLock::new(|| TemplateSet::builtin().unwrap());

/// The warnings of a submission that is accepted, or why it is refused.
fn submitted(text: &str, executor_check: ExecutorCheck) -> Result<String, String> {
    manifests(text, executor_check).map(|manifests| manifests.warnings.join("\n"))
}

fn manifests(text: &str, executor_check: ExecutorCheck) -> Result<Manifests, String> {
    manifests_by(text, executor_check, Webhook::Off, &TEMPLATES)
}

fn manifests_by(
    text: &str,
    executor_check: ExecutorCheck,
    webhook: Webhook,
    templates: &TemplateSet,
) -> Result<Manifests, String> {
    let application = application::parse(text, UnknownFields::Refuse)
        .unwrap()
        .application;
    let origin = Origin {
        webhook,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let context = SubmitterContext {
        executor_check,
        ..SubmitterContext::golden()
    };
    let id = SubmissionId::new("a").unwrap();
    submitter::intent(application, id, origin, &context)
        .and_then(|submission| submitter::manifests(&submission, &context, templates))
        .map_err(|error| error.to_string())
}

/// An application with these parts.
fn application(version: &str, conf: &str, executor: &str) -> String {
    format!(
        "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\n\
         metadata: {{name: app, namespace: jobs}}\nspec:\n  type: Scala\n  mode: cluster\n  \
         sparkVersion: {version}\n  image: spark:{version}\n  mainClass: com.example.Main\n  \
         mainApplicationFile: local:///opt/app.jar\n  sparkConf: {{{conf}}}\n  driver: {{memory: 1g}}\n  \
         executor: {{{executor}}}\n"
    )
}

fn reported(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/executors");
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn what_was_reported_is_answered_as_it_must_be() {
    for (file, refused) in [
        ("init-container-on-local-dir.yaml", None),
        ("sidecar-mounts-secret-volume.yaml", None),
        ("template-mounts-sparks-volumes.yaml", None),
        (
            "core-limit-below-request.yaml",
            Some(
                &[
                    "executor Pod spec.containers[0].resources.requests.cpu: expected at most the limit `1200m`, found `4`",
                    "spec.executor.cores",
                ][..],
            ),
        ),
        (
            "label-value.yaml",
            Some(
                &[
                    "executor Pod metadata.labels",
                    "spark.kubernetes.executor.label.team (spec.executor.labels)",
                ][..],
            ),
        ),
        (
            "mounts-where-spark-mounts.yaml",
            Some(
                &[
                    "executor Pod spec.containers[0].volumeMounts",
                    "is mounted twice",
                    "/opt/spark/conf",
                    "spark.local.dir",
                ][..],
            ),
        ),
        (
            "secret-with-dots.yaml",
            Some(
                &[
                    "executor Pod spec.volumes",
                    "spark.kubernetes.executor.secrets.my.key (spec.executor.secrets)",
                ][..],
            ),
        ),
        (
            "volume-name-twice.yaml",
            Some(
                &[
                    "executor Pod spec.volumes",
                    "is used twice, found `data`",
                    "spark.kubernetes.executor.volumes.emptyDir.data",
                    "of the executor pod template (spec.volumes)",
                ][..],
            ),
        ),
    ] {
        let answer = submitted(&reported(file), ExecutorCheck::Refuse);
        match (answer, refused) {
            (Ok(_), None) => {}
            (Err(message), Some(parts)) => {
                for part in parts {
                    assert!(message.contains(part), "{file}: {part} in {message}");
                }
            }
            (answer, _) => panic!("{file}: {answer:?}"),
        }
    }
}

/// Executors that never come, by what is wrong with them.
const BROKEN: [(&str, &str, &str, &str); 18] = [
    (
        "3.5.5",
        "",
        "cores: 4, coreLimit: 1200m",
        "resources.requests.cpu",
    ),
    (
        "4.1.1",
        "",
        "cores: 4, coreLimit: 1200m",
        "spark.kubernetes.executor.limit.cores",
    ),
    (
        "3.5.5",
        "",
        "labels: {team: a team}",
        "spark.kubernetes.executor.label.team",
    ),
    (
        "3.5.5",
        "",
        "labels: {spark-role: x}",
        "spark.kubernetes.executor.label.spark-role: Custom executor labels",
    ),
    (
        "3.5.5",
        "",
        "secrets: [{name: a.b, path: /s, secretType: Generic}]",
        "spark.kubernetes.executor.secrets.a.b",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.volumes.emptyDir.v.mount.path: /opt/spark/conf",
        "",
        "spark.kubernetes.executor.volumes.emptyDir.v",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.volumes.persistentVolumeClaim.v.mount.path: /v, \
         spark.kubernetes.executor.volumes.persistentVolumeClaim.v.options.claimName: OnDemand",
        "",
        "executors would wait for ever",
    ),
    (
        "3.5.5",
        "",
        "serviceAccount: Bad_Name",
        "spec.executor.serviceAccount",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.request.cores: abc",
        "",
        "spark.kubernetes.executor.request.cores",
    ),
    (
        "3.5.5",
        "spark.executor.memoryOverhead: 10x",
        "",
        "spark.executor.memoryOverhead",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.podNamePrefix: UPPER",
        "",
        "spark.kubernetes.executor.podNamePrefix",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.podNamePrefix: a.b",
        "",
        "spark.kubernetes.executor.podNamePrefix",
    ),
    (
        "3.5.5",
        "spark.kubernetes.allocation.batch.size: \"0\"",
        "",
        "spark.kubernetes.allocation.batch.size",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.volumes.emptyDir.v.mount.path: /v, \
         spark.kubernetes.executor.volumes.emptyDir.v.mount.readOnly: \"yes\"",
        "",
        "spark.kubernetes.executor.volumes.emptyDir.v.mount.readOnly",
    ),
    (
        "3.5.5",
        "spark.kubernetes.executor.volumes.emptyDir.v.mount.path: /v, \
         spark.kubernetes.executor.volumes.emptyDir.v.options.sizeLimit: \"\"",
        "",
        "spark.kubernetes.executor.volumes.emptyDir.v",
    ),
    (
        "4.2.0",
        "",
        "template: {spec: {containers: [{name: e, resizePolicy: [{resourceName: cpu, restartPolicy: \
      NotRequired}]}]}}",
        "resizePolicy",
    ),
    (
        "3.5.5",
        "",
        "template: {spec: {containers: [{name: e, ports: [{name: blockmanager, containerPort: 9}]}]}}",
        "ports",
    ),
    (
        "3.5.5",
        "spark.executor.extraJavaOptions: -Xmx1g",
        "",
        "Use spark.executor.memory",
    ),
];

#[test]
fn executors_that_never_come_are_refused_by_what_the_author_wrote() {
    let mut wrong = Vec::new();
    for (version, conf, executor, named) in BROKEN {
        match submitted(&application(version, conf, executor), ExecutorCheck::Refuse) {
            // What spark-submit itself refuses is not about a Pod.
            Err(message)
                if message.starts_with(named)
                    || (message.contains(named) && message.starts_with("executor Pod")) => {}
            answer => wrong.push(format!("{conf} {executor}: {answer:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Settings with which a driver ends before it makes an executor, by the first of the keys. Real Spark does the same.
const ENDS_THE_DRIVER: &[(&str, &[(&str, &str)])] = &[
    (
        "3.5.5",
        &[
            ("spark.kubernetes.executor.deleteOnTermination", "yes"),
            STATEFUL_SET,
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.kubernetes.executor.apiPollingInterval", "0"),
            STATEFUL_SET,
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.executorIdleTimeout", "-1"),
            STATEFUL_SET,
            DYNAMIC,
        ],
    ),
    (
        "4.2.0",
        &[("spark.kubernetes.executor.deleteOnTermination", "yes")],
    ),
    ("3.5.5", &[("spark.executor.heartbeatInterval", "120s")]),
    ("3.5.5", &[("spark.network.timeout", "10s")]),
    ("3.5.5", &[("spark.network.timeout", "10999ms")]),
    (
        "4.3.0",
        &[
            ("spark.executor.heartbeatInterval", "20s"),
            ("spark.network.timeout", "20s"),
        ],
    ),
    ("3.5.5", &[("spark.memory.fraction", "1.5")]),
    ("3.5.5", &[("spark.memory.storageFraction", "half")]),
    ("3.5.5", &[("spark.kubernetes.executor.enableApiPolling", "yes")]),
    ("3.5.5", &[("spark.kubernetes.executor.enableApiWatcher", "1")]),
    (
        "3.5.5",
        &[("spark.kubernetes.driver.service.deleteOnTermination", "yes")],
    ),
    ("3.5.5", &[("spark.dynamicAllocation.executorIdleTimeout", "-1")]),
    ("3.5.5", &[("spark.dynamicAllocation.enabled", "yes")]),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.minExecutors", "5"),
            DYNAMIC,
            ("spark.dynamicAllocation.maxExecutors", "2"),
        ],
    ),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.minExecutors", "-1"), DYNAMIC],
    ),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.minExecutors", "few"), DYNAMIC],
    ),
    ("3.5.5", &[("spark.dynamicAllocation.maxExecutors", "0"), DYNAMIC]),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.maxExecutors", "-1"), DYNAMIC],
    ),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.initialExecutors", "5"),
            DYNAMIC,
            ("spark.dynamicAllocation.maxExecutors", "2"),
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.executor.instances", "5"),
            DYNAMIC,
            ("spark.dynamicAllocation.maxExecutors", "2"),
        ],
    ),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.executorAllocationRatio", "0"), DYNAMIC],
    ),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.executorAllocationRatio", "2"), DYNAMIC],
    ),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.schedulerBacklogTimeout", "500ms"),
            DYNAMIC,
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.sustainedSchedulerBacklogTimeout", "0"),
            DYNAMIC,
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.cachedExecutorIdleTimeout", "-1"),
            DYNAMIC,
        ],
    ),
    (
        "3.5.5",
        &[("spark.dynamicAllocation.shuffleTracking.timeout", "-1"), DYNAMIC],
    ),
    ("3.5.5", &[NO_TRACKING, DYNAMIC]),
    ("3.5.5", &[("spark.task.cpus", "2")]),
    (
        "3.5.5",
        &[("spark.task.cpus", "5"), ("spark.executor.cores", "4")],
    ),
    ("4.2.0", &[("spark.task.cpus", "0.5")]),
    ("4.3.0", &[("spark.task.cpus", "0")]),
    ("3.5.5", &[("spark.task.resource.gpu.amount", "2"), GPU, NVIDIA]),
    ("3.5.5", &[("spark.task.resource.gpu.amount", "0.7"), GPU, NVIDIA]),
    (
        "3.5.5",
        &[("spark.task.resource.gpu.amount", "some"), GPU, NVIDIA],
    ),
    ("3.5.5", &[("spark.executor.resource.gpu.amount", "1.5"), NVIDIA]),
    ("3.5.5", &[("spark.executor.resource.gpu.amount", ""), NVIDIA]),
];

/// The same keys, with values that work.
const ENDS_NOTHING: &[(&str, &[(&str, &str)])] = &[
    ("3.5.5", &[("spark.executor.heartbeatInterval", "119999ms")]),
    (
        "3.5.5",
        &[
            ("spark.executor.heartbeatInterval", "20"),
            ("spark.network.timeout", "10"),
        ],
    ),
    (
        "3.5.5",
        &[
            ("spark.memory.fraction", "0.5f"),
            ("spark.memory.storageFraction", "1"),
        ],
    ),
    ("3.5.5", &[("spark.kubernetes.executor.enableApiPolling", "TRUE")]),
    (
        "3.5.5",
        &[
            ("spark.dynamicAllocation.enabled", "false"),
            ("spark.dynamicAllocation.minExecutors", "few"),
        ],
    ),
    ("3.5.5", &[DYNAMIC]),
    // Read when the driver stops, or where an error is only logged.
    (
        "4.2.0",
        &[("spark.kubernetes.driver.service.deleteOnTermination", "yes")],
    ),
    (
        "3.5.5",
        &[("spark.kubernetes.executor.missingPodDetectDelta", "0")],
    ),
    (
        "3.5.5",
        &[("spark.kubernetes.executor.enablePollingWithResourceVersion", "no")],
    ),
    // Read by the allocator that makes Pods alone.
    (
        "3.5.5",
        &[STATEFUL_SET, ("spark.kubernetes.allocation.batch.size", "0")],
    ),
    (
        "3.5.5",
        &[
            STATEFUL_SET,
            ("spark.dynamicAllocation.executorIdleTimeout", "-1"),
        ],
    ),
    (
        "4.2.0",
        &[
            STATEFUL_SET,
            ("spark.kubernetes.executor.deleteOnTermination", "yes"),
        ],
    ),
    ("3.5.5", &[DYNAMIC, ("spark.executor.instances", "0")]),
    (
        "3.5.5",
        &[
            DYNAMIC,
            ("spark.dynamicAllocation.minExecutors", "2"),
            ("spark.dynamicAllocation.initialExecutors", "1"),
        ],
    ),
    (
        "3.5.5",
        &[DYNAMIC, NO_TRACKING, ("spark.shuffle.service.enabled", "true")],
    ),
    (
        "3.5.5",
        &[DYNAMIC, NO_TRACKING, ("spark.decommission.enabled", "true")],
    ),
    (
        "3.5.5",
        &[
            DYNAMIC,
            NO_TRACKING,
            ("spark.shuffle.sort.io.plugin.class", "com.example.Remote"),
        ],
    ),
    ("3.5.5", &[NO_TRACKING]),
    (
        "3.5.5",
        &[("spark.task.cpus", "4"), ("spark.executor.cores", "4")],
    ),
    ("4.3.0", &[("spark.task.cpus", "0.5")]),
    (
        "3.5.5",
        &[("spark.task.resource.gpu.amount", "0.25"), GPU, NVIDIA, SCRIPT],
    ),
    ("3.5.5", &[("spark.task.resource.gpu.amount", "-1")]),
    ("3.5.5", &[("spark.executor.resource.gpu.amount", "0")]),
];

const STATEFUL_SET: (&str, &str) = ("spark.kubernetes.allocation.pods.allocator", "statefulset");
const DYNAMIC: (&str, &str) = ("spark.dynamicAllocation.enabled", "true");
const NO_TRACKING: (&str, &str) = ("spark.dynamicAllocation.shuffleTracking.enabled", "false");
const GPU: (&str, &str) = ("spark.executor.resource.gpu.amount", "1");
const SCRIPT: (&str, &str) = ("spark.executor.resource.gpu.discoveryScript", "/opt/gpus.sh");
const NVIDIA: (&str, &str) = ("spark.executor.resource.gpu.vendor", "nvidia.com");

fn with_conf(version: &str, conf: &[(&str, &str)]) -> Result<String, String> {
    let conf: Vec<_> = conf
        .iter()
        .map(|(key, value)| format!("{key}: \"{value}\""))
        .collect();
    submitted(&application(version, &conf.join(", "), ""), ExecutorCheck::Refuse)
}

#[test]
fn settings_that_end_the_driver_before_it_makes_an_executor_are_refused() {
    let mut wrong = Vec::new();
    for (version, conf) in ENDS_THE_DRIVER {
        let key = conf[0].0;
        match with_conf(version, conf) {
            Err(message) if message.starts_with(&format!("executor Pod {key}: ")) => {}
            answer => wrong.push(format!("{conf:?}: {answer:?}")),
        }
    }
    for (version, conf) in ENDS_NOTHING {
        if with_conf(version, conf).as_deref() != Ok("") {
            wrong.push(format!("{conf:?}: {:?}", with_conf(version, conf)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What only the application's code can add.
    let missing = with_conf("3.5.5", &[GPU, NVIDIA]).unwrap();
    assert!(
        missing
            .contains("spark.executor.resource.gpu.discoveryScript: User is expecting to use resource: gpu"),
        "{missing}"
    );
    let plugin = ("spark.resources.discoveryPlugin", "com.example.Finds");
    assert_eq!(with_conf("3.5.5", &[GPU, NVIDIA, plugin]).as_deref(), Ok(""));
    let missing = with_conf("3.5.5", &[("spark.task.resource.gpu.amount", "1")]).unwrap();
    assert!(
        missing.contains("spark.executor.resource.gpu.amount: No executor resource"),
        "{missing}"
    );
}

/// Executors that come, whatever is unusual about them; and the nearest ones that don't.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_works_is_never_refused_and_its_neighbour_is() {
    let volume = |rest: &str| format!("spark.kubernetes.executor.volumes.{rest}");
    let on = |kind: &str, options: &str| {
        let mount = volume(&format!("{kind}.v.mount.path: /v"));
        options.split_whitespace().fold(mount, |conf, option| {
            let (key, value) = option.split_once('=').unwrap();
            format!("{conf}, {}", volume(&format!("{kind}.v.{key}: \"{value}\"")))
        })
    };
    let privileged = "template: {spec: {containers: [{name: spark-kubernetes-executor, securityContext: {privileged: true}}]}}";
    let mut wrong = Vec::new();
    for (version, conf, executor, works) in [
        ("3.5.5", on("hostPath", "options.path=/a..b"), "", true),
        ("3.5.5", on("hostPath", "options.path=/a/../b"), "", false),
        (
            "3.5.5",
            on("hostPath", "options.path=/a options.type=Nope"),
            "",
            true,
        ),
        (
            "4.0.0",
            on("hostPath", "options.path=/a options.type=Nope"),
            "",
            false,
        ),
        ("3.5.5", on("nfs", "options.path=/a options.server=s"), "", true),
        ("3.5.5", on("nfs", "options.path=a options.server=s"), "", false),
        ("3.5.5", on("emptyDir", "mount.subPath=a/b"), "", true),
        ("3.5.5", on("emptyDir", "mount.subPath=/a"), "", false),
        (
            "4.0.0",
            on("emptyDir", "mount.subPathExpr=$(SPARK_EXECUTOR_ID)"),
            "",
            true,
        ),
        ("4.0.0", on("emptyDir", "mount.subPathExpr=../a"), "", false),
        ("3.5.5", on("emptyDir", "options.sizeLimit=10"), "", true),
        ("4.0.0", on("emptyDir", "options.sizeLimit=10"), "", false),
        (
            "3.5.5",
            on(
                "persistentVolumeClaim",
                "options.claimName=data-SPARK_EXECUTOR_ID",
            ),
            "",
            true,
        ),
        (
            "3.5.5",
            on(
                "persistentVolumeClaim",
                "options.claimName=OnDemand options.storageClass=s options.sizeLimit=1Gi",
            ),
            "",
            true,
        ),
        (
            "3.5.5",
            on(
                "persistentVolumeClaim",
                "options.claimName=OnDemand options.storageClass=s options.sizeLimit=0",
            ),
            "",
            false,
        ),
        (
            "4.0.0",
            on(
                "persistentVolumeClaim",
                "options.claimName=OnDemand options.storageClass=s options.sizeLimit=1Gi label.a=b_",
            ),
            "",
            false,
        ),
        (
            "3.5.5",
            volume(
                "emptyDir.v.mount.path: /opt/spark/conf, spark.kubernetes.executor.disableConfigMap: \"true\"",
            ),
            "",
            true,
        ),
        (
            "3.5.5",
            volume("emptyDir.spark-local-dir-1.mount.path: /s, spark.local.dir: /s"),
            "",
            true,
        ),
        (
            "3.5.5",
            volume("emptyDir.v.mount.path: /s, spark.local.dir: /s"),
            "",
            false,
        ),
        (
            "3.5.5",
            String::new(),
            "secrets: [{name: a, path: /s, secretType: Generic}]",
            true,
        ),
        (
            "3.5.5",
            String::new(),
            "secrets: [{name: a, path: /s, secretType: Generic}, {name: b, path: /s, secretType: Generic}]",
            false,
        ),
        (
            "3.5.5",
            "spark.executorEnv.1A: x, spark.executorEnv.A B: x".to_owned(),
            "",
            true,
        ),
        (
            "3.5.5",
            "spark.kubernetes.executor.secretKeyRef.A: \"s:k:l\"".to_owned(),
            "",
            false,
        ),
        (
            "3.5.5",
            "spark.kubernetes.executor.annotation.A/b: any ä".to_owned(),
            "",
            true,
        ),
        (
            "3.5.5",
            "spark.kubernetes.executor.annotation.a b: c".to_owned(),
            "",
            false,
        ),
        (
            "3.5.5",
            "spark.kubernetes.executor.label.t: \"{{APP_ID}}\"".to_owned(),
            "",
            false,
        ),
        (
            "4.0.0",
            "spark.kubernetes.executor.label.t: \"{{APP_ID}}\"".to_owned(),
            "",
            true,
        ),
        (
            "3.5.5",
            "spark.kubernetes.executor.node.selector.a: b c".to_owned(),
            "",
            false,
        ),
        ("3.5.5", String::new(), "nodeSelector: {a b: c}", false),
        (
            "3.5.5",
            "spark.kubernetes.allocation.pods.allocator: statefulset".to_owned(),
            "",
            true,
        ),
        (
            "3.5.5",
            "spark.kubernetes.allocation.pods.allocator: deployment".to_owned(),
            "",
            false,
        ),
        (
            "4.2.0",
            "spark.kubernetes.allocation.pods.allocator: deployment".to_owned(),
            "",
            true,
        ),
        (
            "3.5.5",
            String::new(),
            "gpu: {name: nvidia.com/gpu, quantity: 1}",
            true,
        ),
        ("3.5.5", String::new(), "gpu: {name: gpu, quantity: 1}", false),
        ("4.2.0", String::new(), privileged, true),
        // Spark writes `allowPrivilegeEscalation: false`.
        ("4.3.0", String::new(), privileged, false),
        (
            "4.3.0",
            String::new(),
            "securityContext: {privileged: true}",
            true,
        ),
        (
            "4.3.0",
            String::new(),
            "securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}",
            true,
        ),
        (
            "3.5.5",
            String::new(),
            "template: {spec: {containers: [{name: spark-kubernetes-executor}], dnsPolicy: None}}",
            false,
        ),
        (
            "3.5.5",
            String::new(),
            "template: {spec: {containers: [{name: spark-kubernetes-executor}], dnsPolicy: None, dnsConfig: {nameservers: [1.1.1.1]}}}",
            true,
        ),
        (
            "3.5.5",
            String::new(),
            "sidecars: [{name: spark-kubernetes-executor, image: x}]",
            false,
        ),
        (
            "3.5.5",
            String::new(),
            "configMaps: [{name: a, path: /opt/spark/conf}]",
            false,
        ),
    ] {
        let answer = submitted(&application(version, &conf, executor), ExecutorCheck::Refuse);
        let right = match &answer {
            Ok(warnings) => works && warnings.is_empty(),
            Err(_) => !works,
        };
        if !right {
            wrong.push(format!("{version} {conf} {executor}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn they_are_warned_of_where_the_setting_says_so() {
    let by = |check| submitted(&application("3.5.5", "", "labels: {team: a team}"), check);
    assert!(
        by(ExecutorCheck::Warn)
            .unwrap()
            .contains("executor Pod metadata.labels")
    );
    assert!(by(ExecutorCheck::Refuse).is_err());
}

#[test]
fn what_the_applications_code_may_set_is_a_warning() {
    let conf = "spark.executor.resource.gpu.amount: \"1\"";
    let warnings = submitted(&application("4.0.1", conf, ""), ExecutorCheck::Refuse).unwrap();
    assert!(
        warnings.contains("spark.executor.resource.gpu.vendor"),
        "{warnings}"
    );
    let conf = "spark.kubernetes.executor.pod.featureSteps: com.example.Step";
    let warnings = submitted(
        &application("4.0.1", conf, "labels: {a: b}"),
        ExecutorCheck::Refuse,
    )
    .unwrap();
    assert!(warnings.contains("the executor Pod isn't checked"), "{warnings}");
}

#[test]
fn what_only_the_drivers_process_can_complete_is_a_warning() {
    const ACCOUNT: &str = "spark.kubernetes.authenticate.executor.serviceAccountName=${env:SA}";
    const CPU: &str = "spark.kubernetes.executor.request.cores=${spark.q}";
    const LIMIT: &str = "spark.kubernetes.executor.limit.cores=${env:CORES}";
    const OF_DRIVER: &str = "spark.kubernetes.driverEnv";
    let context = SubmitterContext {
        reach: Reach::Process,
        ..SubmitterContext::golden()
    };
    for (conf, path) in [
        (ACCOUNT.to_owned(), "spec.serviceAccountName"),
        (LIMIT.to_owned(), "resources.limits.cpu"),
        (
            format!("{CPU} --conf spark.q=${{env:CORES}}"),
            "resources.requests.cpu",
        ),
    ] {
        let warned = by_arguments_from(&format!("--conf {conf}"), &TEMPLATES, &context);
        let warnings = warned.unwrap().warnings.join("\n");
        assert!(warnings.contains(path), "{conf}: {warnings}");
        assert!(
            warnings.contains("unless the driver's own environment"),
            "{conf}: {warnings}"
        );
    }
    for (conf, path) in [
        // Spark doesn't expand it.
        (
            "spark.kubernetes.executor.label.team=${env:TEAM}".to_owned(),
            "metadata.labels.team",
        ),
        (
            format!("{ACCOUNT} --conf {OF_DRIVER}.SA=Not_One"),
            "spec.serviceAccountName",
        ),
        (format!("{LIMIT} --conf {OF_DRIVER}.CORES=many"), "limit"),
    ] {
        let refused = by_arguments_from(&format!("--conf {conf}"), &TEMPLATES, &context);
        let refused = refused.unwrap_err();
        assert!(refused.contains(path), "{conf}: {refused}");
    }
    let known = format!("--conf {ACCOUNT} --conf {OF_DRIVER}.SA=one");
    let known = by_arguments_from(&known, &TEMPLATES, &context).unwrap();
    let warnings = known.warnings.join("\n");
    assert!(!warnings.contains("serviceAccountName"), "{warnings}");
}

/// Working applications: what stands in the template is changed by Spark.
#[test]
fn nothing_is_said_of_the_template_that_spark_changes() {
    for executor in [
        "template: {spec: {initContainers: [{name: i, image: b, volumeMounts: [{name: spark-local-dir-1, mountPath: \
         /d}]}], containers: [{name: spark-kubernetes-executor}]}}",
        "secrets: [{name: s, path: /s, secretType: Generic}], sidecars: [{name: x, image: b, volumeMounts: [{name: \
         s-volume, mountPath: /s}]}]",
        "template: {spec: {containers: [{name: spark-kubernetes-executor, resources: {requests: {cpu: 4, memory: 9Gi}, limits: {memory: 1Gi, \
         cpu: 5}}}]}}",
        "template: {spec: {restartPolicy: Sometimes, containers: [{name: spark-kubernetes-executor}]}}",
    ] {
        let warnings = submitted(&application("3.5.5", "", executor), ExecutorCheck::Refuse);
        assert_eq!(warnings.as_deref(), Ok(""), "{executor}");
    }
}

/// What Spark leaves as it is, is still named by the template's own line, once.
#[test]
fn what_is_wrong_in_the_template_is_named_by_the_template() {
    let executor = "template: {spec: {hostAliases: [{ip: nonsense}], containers: [{name: e}, {name: s, image: x, \
                    imagePullPolicy: Perhaps}]}}";
    let message = submitted(&application("3.5.5", "", executor), ExecutorCheck::Refuse).unwrap_err();
    assert_eq!(message.matches("imagePullPolicy").count(), 1, "{message}");
    assert!(
        message.contains("executor pod template in ConfigMap/"),
        "{message}"
    );
    assert!(message.contains("executor-pod.yaml.j2"), "{message}");
}

#[test]
fn what_spark_would_overwrite_is_carried_by_conf_or_told() {
    let made = manifests(&reported("lost-without-webhook.yaml"), ExecutorCheck::Refuse).unwrap();
    let pod = &made.executor.as_ref().unwrap().pod;
    let container = &pod["spec"]["containers"][0];
    let env = |name: &str| {
        let entries = container["env"].as_array().unwrap();
        let last = entries.iter().rev().find(|entry| entry["name"] == name);
        last.unwrap()["value"].clone()
    };
    assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], 100);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], true);
    assert_eq!(env("X"), "env");
    assert_eq!(env("SPARK_CONF_DIR"), "/etc/spark/conf");
    for field in ["spec.executor.memoryLimit", "spec.executor.lifecycle"] {
        let told = made.warnings.iter().filter(|warning| warning.starts_with(field));
        assert_eq!(told.count(), 1, "{field} in {:?}", made.warnings);
    }
}

/// The rows of "Executors without the webhook" in docs/spark-application.md, by version: what the executor has, and the warning.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_field_of_executors_without_the_webhook_goes_as_the_page_says() {
    let context = "/spec/containers/0/securityContext/allowPrivilegeEscalation";
    let grace = "/spec/terminationGracePeriodSeconds";
    let hook = "/spec/containers/0/lifecycle/preStop/exec/command/0";
    let limit = "/spec/containers/0/resources/limits/memory";
    let decommissions = "spark.decommission.enabled: \"true\"";
    let lifecycle = "lifecycle: {preStop: {exec: {command: [/save.sh]}}}";
    for (version, conf, executor, pointer, value, told) in [
        (
            "3.5.5",
            "",
            "terminationGracePeriodSeconds: 100",
            grace,
            json!(100),
            None,
        ),
        (
            "4.0.1",
            "",
            "terminationGracePeriodSeconds: 100",
            grace,
            json!(100),
            None,
        ),
        (
            "4.1.0",
            "",
            "terminationGracePeriodSeconds: 100",
            grace,
            json!(100),
            None,
        ),
        ("4.3.0", "", "cores: 1", grace, json!(30), None),
        (
            "4.2.0",
            "",
            "securityContext: {allowPrivilegeEscalation: true}",
            context,
            json!(true),
            None,
        ),
        (
            "4.3.0",
            "",
            "securityContext: {allowPrivilegeEscalation: true}",
            context,
            json!(true),
            None,
        ),
        (
            "4.3.0",
            "",
            "securityContext: {allowPrivilegeEscalation: false}",
            context,
            json!(false),
            None,
        ),
        (
            "4.3.0",
            "",
            "securityContext: {privileged: true}",
            context,
            json!(true),
            None,
        ),
        (
            "4.3.0",
            "",
            "securityContext: {runAsUser: 5}",
            context,
            json!(false),
            None,
        ),
        (
            "4.2.0",
            "",
            "securityContext: {privileged: true}",
            context,
            json!(null),
            None,
        ),
        ("3.5.5", "", lifecycle, hook, json!("/save.sh"), None),
        (
            "3.5.5",
            decommissions,
            lifecycle,
            hook,
            json!("/opt/decom.sh"),
            Some("spec.executor.lifecycle"),
        ),
        (
            "3.5.5",
            "",
            "memory: 1g, memoryLimit: 6g",
            limit,
            json!("1408Mi"),
            Some("spec.executor.memoryLimit"),
        ),
    ] {
        let made = manifests(&application(version, conf, executor), ExecutorCheck::Refuse).unwrap();
        let pod = &made.executor.as_ref().unwrap().pod;
        let found = pod.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(found, value, "{version} {conf} {executor}");
        let warnings: Vec<_> = made
            .warnings
            .iter()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(warnings, Vec::from_iter(told), "{version} {conf} {executor}");
    }
}

/// Variables of `spec.executor.env`, beside those of conf and of Spark.
#[test]
fn each_variable_of_executors_without_the_webhook_goes_as_the_page_says() {
    let field = "{name: X, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}";
    let secret = "{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}";
    for (executor, name, last, told) in [
        (
            "env: [{name: X, value: env}]",
            "X",
            json!({"name": "X", "value": "env"}),
            false,
        ),
        (
            "envVars: {X: conf}, env: [{name: X, value: env}]",
            "X",
            json!({"name": "X", "value": "env"}),
            false,
        ),
        (
            &*format!("envVars: {{X: conf}}, env: [{secret}]"),
            "X",
            json!({"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
            false,
        ),
        (
            &*format!("envVars: {{X: conf}}, env: [{field}]"),
            "X",
            json!({"name": "X", "value": "conf"}),
            true,
        ),
        (
            &*format!("env: [{field}]"),
            "X",
            json!({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}),
            false,
        ),
        (
            "env: [{name: SPARK_USER, value: me}]",
            "SPARK_USER",
            json!({"name": "SPARK_USER", "value": "me"}),
            false,
        ),
    ] {
        let made = manifests(&application("3.5.5", "", executor), ExecutorCheck::Refuse).unwrap();
        let pod = &made.executor.as_ref().unwrap().pod;
        let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
        let found = env.iter().rev().find(|entry| entry["name"] == name).unwrap();
        assert_eq!(*found, last, "{executor}");
        let warned = made
            .warnings
            .iter()
            .any(|line| line.starts_with("spec.executor.env: "));
        assert_eq!(warned, told, "{executor}: {:?}", made.warnings);
    }
}

/// What the arguments of spark-submit become with these templates.
fn by_arguments(templates: &TemplateSet) -> Manifests {
    by_arguments_with("", templates).unwrap()
}

fn by_arguments_with(conf: &str, templates: &TemplateSet) -> Result<Manifests, String> {
    by_arguments_from(conf, templates, &SubmitterContext::golden())
}

fn by_arguments_from(
    conf: &str,
    templates: &TemplateSet,
    context: &SubmitterContext,
) -> Result<Manifests, String> {
    let argv = "--master k8s://https://k --deploy-mode cluster --name pi --class a.B --conf \
                spark.kubernetes.container.image=spark:4 --conf spark.kubernetes.driver.pod.name=pi-driver";
    let argv = argv.split_whitespace().chain(conf.split_whitespace());
    let argv: Vec<_> = argv.chain(["local:///a.jar"]).map(str::to_owned).collect();
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    let submission = resolve(arguments::parse(&argv).unwrap(), request, context).unwrap();
    submitter::manifests(&submission, context, templates).map_err(|error| error.to_string())
}

/// A set with one file of an admin's.
fn with_file(name: &str, text: &str) -> TemplateSet {
    TemplateSet::load(&BTreeMap::from([(name.to_owned(), text.as_bytes().to_vec())])).unwrap()
}

/// A patch of the executors' template.
const COST_CENTER: &str = "metadata: {labels: {cost-center: '42'}}";

#[test]
fn an_admins_executor_patch_applies_where_the_submission_has_no_executor_template() {
    let patched = by_arguments(&with_file("executor-pod.patch.yaml.j2", COST_CENTER));
    let has_template = |manifests: &Manifests| {
        let roles = manifests.owned.iter().map(|manifest| manifest.role.clone());
        roles
            .into_iter()
            .any(|role| role == "configmap-executor-template")
    };
    assert!(has_template(&patched));
    let executor = patched.executor.as_ref().unwrap();
    assert_eq!(executor.pod["metadata"]["labels"]["cost-center"], "42");
    // Without it nothing is made, as with spark-submit; and both are the same submission.
    let plain = by_arguments(&TEMPLATES);
    assert!(!has_template(&plain));
    assert_eq!(plain.identity.plan_hash, patched.identity.plan_hash);
}

/// What an admin has for executors reaches them, or nothing is submitted.
#[test]
fn a_conf_that_would_keep_an_admins_template_from_executors_is_refused() {
    const CLASS: &str = "org.apache.spark.deploy.k8s.features.PodTemplateConfigMapStep";
    let exclude = format!("--conf spark.kubernetes.driver.pod.excludedFeatureSteps={CLASS}");
    let set = with_file("executor-pod.patch.yaml.j2", COST_CENTER);
    let refused = by_arguments_with(&exclude, &set).unwrap_err();
    assert!(
        refused.starts_with(
            "spark.kubernetes.driver.pod.excludedFeatureSteps: excludes PodTemplateConfigMapStep"
        ) && refused.contains("of the template set"),
        "{refused}"
    );
    by_arguments_with(&exclude, &TEMPLATES).unwrap();
    let conf = format!("spark.kubernetes.driver.pod.excludedFeatureSteps: {CLASS}");
    for (version, executor, set, refused) in [
        ("4.1.0", "labels: {a: b}", &set, true),
        // Spark didn't know the key.
        ("4.0.1", "labels: {a: b}", &set, false),
        // An application's own part of the template would be lost as well.
        ("4.1.0", "tolerations: [{operator: Exists}]", &*TEMPLATES, true),
        ("4.1.0", "labels: {a: b}", &*TEMPLATES, false),
    ] {
        let text = application(version, &conf, executor);
        let answer = manifests_by(&text, ExecutorCheck::Refuse, Webhook::Off, set);
        assert_eq!(
            answer.is_err(),
            refused,
            "{version} {executor}: {:?}",
            answer.err()
        );
    }
}

/// The Pods of an application with the operator's webhook on.
fn with_webhook(text: &str) -> Result<Manifests, String> {
    manifests_by(text, ExecutorCheck::Refuse, Webhook::On, &TEMPLATES)
}

/// What a template needs of the webhook's is there when the API server validates the Pod.
#[test]
fn with_the_webhook_on_pods_are_checked_as_it_will_leave_them() {
    let roles = "{volumeMounts: [{name: data, mountPath: /data}], env: [{name: A, value: b}], \
                 template: {spec: {containers: [{name: spark-kubernetes-ROLE}, {name: side, image: x, \
                 volumeMounts: [{name: data, mountPath: /d}]}]}}}";
    let text = application("3.5.5", "", "")
        .replace(
            "driver: {memory: 1g}",
            &format!("driver: {}", roles.replace("ROLE", "driver")),
        )
        .replace(
            "executor: {}",
            &format!("executor: {}", roles.replace("ROLE", "executor")),
        )
        .replace("  driver:", "  volumes: [{name: data, emptyDir: {}}]\n  driver:");
    let made = with_webhook(&text).unwrap();
    let finished = made.finished_pods();
    assert_eq!(finished.without_webhook, None);
    let sent = made.driver_pod.value.to_string();
    assert!(
        !sent.contains("emptyDir\":{}},{\"emptyDir") && !sent.contains("/data\""),
        "{sent}"
    );
    let template = made
        .owned
        .iter()
        .find(|manifest| manifest.role == "configmap-executor-template");
    assert!(!template.unwrap().value.to_string().contains("emptyDir"));
    let executor = &finished.executor.unwrap().pod;
    assert_eq!(executor, &made.executor.as_ref().unwrap().pod);
    for (pod, name) in [
        (&*finished.driver, "spark-kubernetes-driver"),
        (executor, "spark-kubernetes-executor"),
    ] {
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        assert!(volumes.iter().any(|volume| volume["name"] == "data"), "{pod}");
        let containers = pod["spec"]["containers"].as_array().unwrap();
        let spark = containers
            .iter()
            .find(|container| container["name"] == name)
            .unwrap();
        let mounts = spark["volumeMounts"].as_array().unwrap();
        assert_eq!(mounts.last().unwrap()["mountPath"], "/data", "{name}");
        let env = spark["env"].as_array().unwrap();
        assert_eq!(env.last().unwrap()["value"], "b", "{name}");
    }
}

#[test]
fn what_the_webhook_would_spoil_is_refused_and_said_to_come_from_it() {
    for (executor, driver, parts) in [
        (
            "volumeMounts: [{name: data, mountPath: /opt/spark/conf}]",
            "memory: 1g",
            &["executor Pod spec.containers[0].volumeMounts", "is mounted twice"][..],
        ),
        (
            "memory: 8g, memoryLimit: 1g",
            "memory: 1g",
            &["executor Pod", "resources.requests.memory"],
        ),
        (
            "memory: 1g",
            "memory: 8g, memoryLimit: 1g",
            &["Pod/app-driver", "resources.requests.memory"],
        ),
        (
            "memory: 1g",
            "memory: 1g, ports: [{name: driver-rpc-port, containerPort: 9, protocol: TCP}]",
            &["Pod/app-driver", "driver-rpc-port"],
        ),
    ] {
        let text = application("3.5.5", "", executor)
            .replace("driver: {memory: 1g}", &format!("driver: {{{driver}}}"))
            .replace("  driver:", "  volumes: [{name: data, emptyDir: {}}]\n  driver:");
        let message = with_webhook(&text).unwrap_err();
        assert!(
            message.contains("with what the operator's webhook adds"),
            "{message}"
        );
        for part in parts {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
    // A mount without a volume is nothing to the webhook.
    let mount = "volumeMounts: [{name: nowhere, mountPath: /x}]";
    with_webhook(&application("3.5.5", "", mount)).unwrap();
    submitted(&application("3.5.5", "", mount), ExecutorCheck::Refuse).unwrap_err();
}

/// Finished Pods are the same whether the webhook or native-submit adds to them; but for what Spark's conf can't carry, of which there is a warning.
#[test]
fn finished_pods_are_the_same_with_the_webhook_and_without() {
    let mut compared = 0;
    for folder in golden_case::folders() {
        let text = golden_case::application(&folder, "jobs").to_string();
        let by = |webhook| manifests_by(&text, ExecutorCheck::Warn, webhook, &TEMPLATES).unwrap();
        let (on, off) = (by(Webhook::On), by(Webhook::Off));
        let (on, off) = (on.finished_pods(), off.finished_pods());
        let executor = |finished: &FinishedPods<'_>| finished.executor.unwrap().pod.clone();
        let mut differences = Vec::new();
        for (on, off) in [
            (executor(&on), executor(&off)),
            (on.driver.into_owned(), off.driver.into_owned()),
        ] {
            let (on, off) = (pods::normal(on), pods::normal(off));
            differences.extend(pods::differing("", &on, &off));
        }
        // Without the webhook the limit is Spark's, and so is a field of the security context that nobody has set.
        differences.retain(|(path, on, _)| {
            let is_limit = path.ends_with("executor.resources.limits.memory");
            let is_unset =
                path.ends_with("executor.securityContext.allowPrivilegeEscalation") && on.is_null();
            !is_limit && !is_unset
        });
        assert!(differences.is_empty(), "{}: {differences:#?}", folder.display());
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}
