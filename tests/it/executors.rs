//! What becomes of a submission whose executors could start, and of one whose executors never would.
//!
//! The applications in `tests/executors` are situations that users of Spark on Kubernetes reported.
#![allow(clippy::unwrap_used, clippy::panic)]

use native_submit::{
    manifest::Manifests,
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{self, ExecutorCheck, Request, SubmissionId, SubmitterContext, arguments, resolve},
    submitter,
    templates::TemplateSet,
};
use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

static TEMPLATES: LazyLock<TemplateSet> = LazyLock::new(|| TemplateSet::builtin().unwrap());

/// The warnings of a submission that is accepted, or why it is refused.
fn submitted(text: &str, executor_check: ExecutorCheck) -> Result<String, String> {
    manifests(text, executor_check).map(|manifests| manifests.warnings.join("\n"))
}

fn manifests(text: &str, executor_check: ExecutorCheck) -> Result<Manifests, String> {
    let application = application::parse(text, UnknownFields::Refuse)
        .unwrap()
        .application;
    let origin = Origin {
        webhook: Webhook::Off,
        operator: false,
        unknown_fields: submission::UnknownFields::Refuse,
    };
    let context = SubmitterContext {
        executor_check,
        ..SubmitterContext::golden()
    };
    let id = SubmissionId::new("a").unwrap();
    submitter::intent(application, id, origin, &context)
        .and_then(|submission| submitter::manifests(&submission, &context, &TEMPLATES))
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

/// What the arguments of spark-submit become with these templates.
fn by_arguments(templates: &TemplateSet) -> Manifests {
    let argv = "--master k8s://https://k --deploy-mode cluster --name pi --class a.B --conf \
                spark.kubernetes.container.image=spark:4 --conf spark.kubernetes.driver.pod.name=pi-driver \
                local:///a.jar";
    let argv: Vec<_> = argv.split_whitespace().map(str::to_owned).collect();
    let context = SubmitterContext::golden();
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    let submission = resolve(arguments::parse(&argv).unwrap(), request, &context).unwrap();
    submitter::manifests(&submission, &context, templates).unwrap()
}

#[test]
fn an_admins_executor_patch_applies_where_the_submission_has_no_executor_template() {
    let patch = b"metadata: {labels: {cost-center: '42'}}".to_vec();
    let files = BTreeMap::from([("executor-pod.patch.yaml.j2".to_owned(), patch)]);
    let patched = by_arguments(&TemplateSet::load(&files).unwrap());
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
