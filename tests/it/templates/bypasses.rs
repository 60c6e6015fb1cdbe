//! Ways in which an application's author may try to get around the shipped set `restricted`: each is accepted without the set and
//! refused with it, whichever entry point it comes through, with the operator's webhook on and off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use native_submit::{
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{self, Reach, Request, SubmissionId, SubmitterContext, arguments, resolve},
    submitter,
    templates::{SetAnnotation, SetOptions, SetRules, TemplateSet, TemplateSets},
};
use serde_json::{Value, json};
use std::path::Path;

/// Attempts in an application: a JSON pointer, what is written there, and what the refusal says.
pub(super) const IN_APPLICATIONS: [(&str, &str, &str); 75] = [
    (
        "/spec/sparkConf",
        "{spark.driver.extraJavaOptions: \"'-D'spark.kubernetes.executor.volumes.hostPath.v.mount.path=/h\"}",
        "spark.driver.extraJavaOptions: gives the driver Spark properties",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.driverEnv.JAVA_TOOL_OPTIONS: -Dspark.kubernetes.executor.volumes.hostPath.v.mount.path=/h}",
        "JAVA_TOOL_OPTIONS of the driver: gives the driver Spark properties",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [{name: spark-kubernetes-driver, args: [driver, --conf, spark.executor.memory=9g]}]}",
        "command and args of the driver: isn't what Spark writes",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [{name: spark-kubernetes-driver, volumeMounts: [{name: v, mountPath: /opt/spark/conf/spark.properties}]}], volumes: [{name: v, configMap: {name: c}}]}",
        "a volume mount of the driver: hides a file",
    ),
    ("/spec/driver/hostNetwork", "true", "driver: hostNetwork"),
    ("/spec/executor/hostNetwork", "true", "executors: hostNetwork"),
    (
        "/spec/driver/template/spec",
        "{containers: [], hostPID: true}",
        "driver: hostPID",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], hostPID: true}",
        "executors: hostPID",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], hostIPC: true}",
        "driver: hostIPC",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], hostIPC: true}",
        "executors: hostIPC",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], volumes: [{name: v, hostPath: {path: /}}]}",
        "driver: a volume of type hostPath",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], volumes: [{name: v, hostPath: {path: /}}]}",
        "executors: a volume of type hostPath",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], volumes: [{name: v, nfs: {server: s, path: /}}]}",
        "executors: a volume of type nfs",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.driver.volumes.hostPath.v.options.path: /, spark.kubernetes.driver.volumes.hostPath.v.mount.path: /h}",
        "driver: a volume of type hostPath",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.volumes.hostPath.v.options.path: /, spark.kubernetes.executor.volumes.hostPath.v.mount.path: /h}",
        "executors: a volume of type hostPath",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.volumes.nfs.v.options.path: /, spark.kubernetes.executor.volumes.nfs.v.options.server: s, \
         spark.kubernetes.executor.volumes.nfs.v.mount.path: /h}",
        "executors: a volume of type nfs",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.volumes.hostPath.spark-local-dir-1.options.path: /, \
         spark.kubernetes.executor.volumes.hostPath.spark-local-dir-1.mount.path: /h}",
        "executors: a volume of type hostPath",
    ),
    (
        "/spec/driver/securityContext",
        "{privileged: true}",
        "privileged is not allowed",
    ),
    (
        "/spec/executor/securityContext",
        "{privileged: true}",
        "privileged is not allowed",
    ),
    (
        "/spec/driver/securityContext",
        "{capabilities: {add: [SYS_ADMIN]}}",
        "the capability SYS_ADMIN is not allowed",
    ),
    (
        "/spec/executor/securityContext",
        "{capabilities: {add: [NET_RAW]}}",
        "the capability NET_RAW is not allowed",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: spark:4.1.1, securityContext: {privileged: true}}]",
        "driver container s: privileged",
    ),
    (
        "/spec/executor/sidecars",
        "[{name: s, image: spark:4.1.1, securityContext: {capabilities: {add: [SYS_PTRACE]}}}]",
        "executors container s: the capability SYS_PTRACE",
    ),
    (
        "/spec/driver/initContainers",
        "[{name: i, image: spark:4.1.1, ports: [{containerPort: 80, hostPort: 80}]}]",
        "driver container i: hostPort",
    ),
    (
        "/spec/executor/sidecars",
        "[{name: s, image: spark:4.1.1, ports: [{containerPort: 80, hostPort: 80}]}]",
        "executors container s: hostPort",
    ),
    ("/spec/image", "evil.example.com/spark:4.1.1", "images come from"),
    (
        "/spec/driver/image",
        "evil.example.com/spark:4.1.1",
        "driver container",
    ),
    (
        "/spec/executor/image",
        "evil.example.com/spark:4.1.1",
        "executors container",
    ),
    ("/spec/image", "spark:5000/evil", "images come from"),
    (
        "/spec/image",
        "registry.example.com.evil.org/spark",
        "images come from",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: busybox@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]",
        "driver container s: images come from",
    ),
    (
        "/spec/driver/podSecurityContext",
        "{runAsUser: 0}",
        "driver: running as root",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{runAsUser: 0}",
        "executors: running as root",
    ),
    (
        "/spec/driver/securityContext",
        "{runAsNonRoot: false}",
        "running as root is not allowed",
    ),
    (
        "/spec/executor/template/spec/containers",
        "[{name: spark-kubernetes-executor, securityContext: {runAsUser: 0}}]",
        "running as root is not allowed",
    ),
    (
        "/spec/driver/securityContext",
        "{seccompProfile: {type: Unconfined}}",
        "seccompProfile must be RuntimeDefault or Localhost",
    ),
    (
        "/spec/executor/template/spec/containers",
        "[{name: spark-kubernetes-executor, securityContext: {appArmorProfile: {type: Unconfined}}}]",
        "appArmorProfile must be RuntimeDefault or Localhost",
    ),
    (
        "/spec/driver/securityContext",
        "{procMount: Unmasked}",
        "procMount",
    ),
    (
        "/spec/driver/podSecurityContext",
        "{sysctls: [{name: kernel.msgmax, value: '1'}]}",
        "the sysctl kernel.msgmax",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{seLinuxOptions: {type: spc_t}}",
        "seLinuxOptions",
    ),
    (
        "/spec/executor/securityContext",
        "{seLinuxOptions: {user: system_u}}",
        "seLinuxOptions",
    ),
    (
        "/spec/driver/securityContext",
        "{windowsOptions: {hostProcess: true}}",
        "a host process",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: spark:4.1.1, livenessProbe: {httpGet: {host: 169.254.169.254, port: 80}}}]",
        "a probe of another host",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: spark:4.1.1, lifecycle: {preStop: {httpGet: {host: 10.0.0.1, port: 80}}}}]",
        "a probe of another host",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.pod.featureSteps: com.example.Step}",
        "executor Pod: expected one that can be known",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.allocation.pods.allocator: com.example.Allocator}",
        "executor Pod: expected one that can be known",
    ),
    (
        "/spec/driver/annotations",
        "{container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver: unconfined}",
        "driver: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver",
    ),
    (
        "/spec/driver/template",
        "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver: unconfined}}, spec: {containers: []}}",
        "driver: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.driver.annotation.container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver: unconfined}",
        "driver: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver",
    ),
    (
        "/spec/driver/template",
        "{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: []}}",
        "driver: the annotation seccomp.security.alpha.kubernetes.io/pod",
    ),
    (
        "/spec/driver/podSecurityContext",
        "{appArmorProfile: {type: Unconfined}}",
        "driver: appArmorProfile must be",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: spark:4.1.1, securityContext: {appArmorProfile: {type: Unconfined}}}]",
        "driver container s: appArmorProfile must be",
    ),
    (
        "/spec/driver/initContainers",
        "[{name: i, image: spark:4.1.1, securityContext: {seccompProfile: {type: Unconfined}}}]",
        "driver container i: seccompProfile must be",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], initContainers: [{name: i, image: spark:4.1.1, restartPolicy: Always, securityContext: {runAsUser: 0}}]}",
        "driver container i: running as root",
    ),
    (
        "/spec/driver/image",
        "registry.example.com:latest",
        "driver container spark-kubernetes-driver: images come from",
    ),
    (
        "/spec/driver/sidecars",
        "[{name: s, image: registry.example.com}]",
        "driver container s: images come from",
    ),
    (
        "/spec/driver/initContainers",
        "[{name: i, image: 'registry.example.com:4.1.1'}]",
        "driver container i: images come from",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: evil.example.com/x}}]}",
        "driver volume v: images come from",
    ),
    (
        "/spec/driver/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: spark}}]}",
        "driver: a volume of type image",
    ),
    (
        "/spec/executor/annotations",
        "{container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor: unconfined}",
        "executors: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor",
    ),
    (
        "/spec/executor/template",
        "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor: unconfined}}, spec: {containers: []}}",
        "executors: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.annotation.container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor: unconfined}",
        "executors: the annotation container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor",
    ),
    (
        "/spec/executor/template",
        "{metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}, spec: {containers: []}}",
        "executors: the annotation seccomp.security.alpha.kubernetes.io/pod",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{appArmorProfile: {type: Unconfined}}",
        "executors: appArmorProfile must be",
    ),
    (
        "/spec/executor/sidecars",
        "[{name: s, image: spark:4.1.1, securityContext: {appArmorProfile: {type: Unconfined}}}]",
        "executors container s: appArmorProfile must be",
    ),
    (
        "/spec/executor/initContainers",
        "[{name: i, image: spark:4.1.1, securityContext: {seccompProfile: {type: Unconfined}}}]",
        "executors container i: seccompProfile must be",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], initContainers: [{name: i, image: spark:4.1.1, restartPolicy: Always, securityContext: {runAsUser: 0}}]}",
        "executors container i: running as root",
    ),
    (
        "/spec/executor/image",
        "registry.example.com:latest",
        "executors container spark-kubernetes-executor: images come from",
    ),
    (
        "/spec/executor/sidecars",
        "[{name: s, image: registry.example.com}]",
        "executors container s: images come from",
    ),
    (
        "/spec/executor/initContainers",
        "[{name: i, image: 'registry.example.com:4.1.1'}]",
        "executors container i: images come from",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: evil.example.com/x}}]}",
        "executors volume v: images come from",
    ),
    (
        "/spec/executor/template/spec",
        "{containers: [], volumes: [{name: v, image: {reference: spark}}]}",
        "executors: a volume of type image",
    ),
    (
        "/spec/image",
        "registry.example.com@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "images come from",
    ),
    (
        "/spec/image",
        "registry.example.com:443/spark",
        "images come from",
    ),
    (
        "/metadata/annotations",
        "{native-submit/template-set: default}",
        "template set",
    ),
];

/// Attempts that the operator's webhook alone makes dangerous: it replaces a security context of the set. Where it is off, the set adds
/// what is missing, and the application is accepted.
pub(super) const WITH_THE_WEBHOOK: [(&str, &str, &str); 6] = [
    (
        "/spec/driver/podSecurityContext",
        "{runAsNonRoot: true}",
        "driver container spark-kubernetes-driver: seccompProfile must be",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{runAsNonRoot: true, fsGroup: 185}",
        "executors container spark-kubernetes-executor: seccompProfile must be",
    ),
    (
        "/spec/driver/podSecurityContext",
        "{fsGroup: 185}",
        "driver: runAsNonRoot must be true",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{fsGroup: 185}",
        "executors: runAsNonRoot must be true",
    ),
    (
        "/spec/driver/securityContext",
        "{runAsUser: 185}",
        "driver container spark-kubernetes-driver: allowPrivilegeEscalation",
    ),
    (
        "/spec/executor/securityContext",
        "{allowPrivilegeEscalation: false}",
        "executors container spark-kubernetes-executor: capabilities.drop",
    ),
];

/// The same by arguments, as REST and the drop-in have them: conf of one attempt, and what the refusal says.
pub(super) const IN_ARGUMENTS: [(&[&str], &str); 12] = [
    (
        &[
            "spark.kubernetes.driver.volumes.hostPath.v.options.path=/",
            "spark.kubernetes.driver.volumes.hostPath.v.mount.path=/h",
        ],
        "driver: a volume of type hostPath",
    ),
    (
        &[
            "spark.kubernetes.executor.volumes.hostPath.v.options.path=/",
            "spark.kubernetes.executor.volumes.hostPath.v.mount.path=/h",
        ],
        "executors: a volume of type hostPath",
    ),
    (
        &[
            "spark.kubernetes.executor.volumes.hostPath.spark-local-dir-1.options.path=/",
            "spark.kubernetes.executor.volumes.hostPath.spark-local-dir-1.mount.path=/h",
        ],
        "executors: a volume of type hostPath",
    ),
    (
        &["spark.kubernetes.container.image=evil.example.com/x"],
        "images come from",
    ),
    // The application's code would choose the executors' image.
    (
        &["spark.kubernetes.driver.container.image=spark:4.1.1"],
        "executors container spark-kubernetes-executor: images come from",
    ),
    (
        &["spark.kubernetes.container.image=registry.example.com:latest"],
        "images come from",
    ),
    (
        &[
            "spark.kubernetes.driver.annotation.container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver=unconfined",
        ],
        "driver: the annotation container.apparmor",
    ),
    (
        &[
            "spark.kubernetes.executor.annotation.container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor=unconfined",
        ],
        "executors: the annotation container.apparmor",
    ),
    (
        &["spark.kubernetes.executor.container.image=spark:5000/evil"],
        "executors container",
    ),
    (
        &["spark.kubernetes.executor.pod.featureSteps=com.example.Step"],
        "executor Pod: expected one that can be known",
    ),
    (
        &["spark.kubernetes.allocation.pods.allocator=com.example.Allocator"],
        "executor Pod: expected one that can be known",
    ),
    (
        &[
            "x=/",
            "spark.kubernetes.driver.volumes.hostPath.v.options.path=${x}",
            "spark.kubernetes.driver.volumes.hostPath.v.mount.path=/h",
        ],
        "driver: a volume of type hostPath",
    ),
];

/// What an application may well say, and the set lets through.
const FINE: [(&str, &str); 9] = [
    (
        "/spec/driver/podSecurityContext",
        "{runAsNonRoot: true, seccompProfile: {type: Localhost, localhostProfile: a.json}}",
    ),
    (
        "/spec/executor/podSecurityContext",
        "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, appArmorProfile: {type: RuntimeDefault}}",
    ),
    (
        "/spec/driver/template",
        "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/spark-kubernetes-driver: localhost/a}}, \
         spec: {containers: []}}",
    ),
    (
        "/spec/sparkConf",
        "{spark.kubernetes.executor.annotation.container.apparmor.security.beta.kubernetes.io/spark-kubernetes-executor: runtime/default}",
    ),
    ("/spec/driver/annotations", "{example.com/owner: unconfined}"),
    ("/spec/image", "registry.example.com/spark"),
    ("/spec/image", "registry.example.com/a/b:1.2"),
    ("/spec/executor/image", "docker.io/apache/spark:4.1.1"),
    (
        "/spec/driver/template/spec",
        "{containers: [], volumes: [{name: v, emptyDir: {}}, {name: p, projected: {sources: []}}]}",
    ),
];

pub(super) fn application(pointer: &str, written: &str) -> Value {
    let application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "report", "namespace": "restricted-eu"},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.1.1", "image": "spark:4.1.1",
            "mainClass": "com.example.Report", "mainApplicationFile": "local:///opt/app/report.jar",
            "driver": {"cores": 1, "memory": "1g"},
            "executor": {"instances": 1, "cores": 1, "memory": "1g"},
        },
    });
    changed(application, pointer, written)
}

/// An application with something written at a JSON pointer; an empty one changes nothing.
pub(super) fn changed(mut application: Value, pointer: &str, written: &str) -> Value {
    if pointer.is_empty() {
        return application;
    }
    let mut at = &mut application;
    for name in pointer.trim_start_matches('/').split('/') {
        at = &mut at[name];
    }
    *at = native_submit::strict::parse_yaml(written).unwrap();
    application
}

fn restricted() -> TemplateSets {
    let sets = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/templates/sets");
    let options = SetOptions {
        directory: Some(sets),
        // Applications may not ask for another set (TEMPLATE_SET_ANNOTATION=refuse).
        rules: SetRules {
            annotation: SetAnnotation::Refuse,
            rules: vec!["namespace:restricted-*=restricted".parse().unwrap()],
        },
        extra_kinds: vec![native_submit::kubernetes::ObjectKind::known("NetworkPolicy").unwrap()],
        ..SetOptions::default()
    };
    TemplateSets::load(&options).unwrap()
}

/// Why an application is refused; empty where it isn't.
pub(super) fn refused(application: &Value, webhook: Webhook, sets: Option<&TemplateSets>) -> String {
    let context = SubmitterContext {
        reach: Reach::Roots(Vec::new()),
        ..SubmitterContext::golden()
    };
    let parsed = application::from_value(application.clone(), UnknownFields::Refuse).unwrap();
    let origin = Origin {
        webhook,
        operator: true,
        unknown_fields: submission::UnknownFields::Pass,
    };
    let id = SubmissionId::new("a").unwrap();
    let submission = submitter::intent(parsed.application, id, origin, &context);
    outcome(submission.map_err(|error| error.to_string()), &context, sets)
}

/// Whether conf has an image for the driver, so that it needs no other one.
pub(super) fn has_image<'c>(mut conf: impl Iterator<Item = &'c str>) -> bool {
    let keys = [
        "spark.kubernetes.container.image=",
        "spark.kubernetes.driver.container.image=",
    ];
    conf.any(|conf| keys.iter().any(|key| conf.starts_with(key)))
}

fn refused_arguments(conf: &[&str], sets: Option<&TemplateSets>) -> String {
    let mut argv: Vec<_> = "--master k8s://https://h --deploy-mode cluster --class a.B --name report --conf \
                            spark.kubernetes.namespace=restricted-eu"
        .split(' ')
        .collect();
    if !has_image(conf.iter().copied()) {
        argv.extend(["--conf", "spark.kubernetes.container.image=spark:4.1.1"]);
    }
    argv.extend(conf.iter().flat_map(|conf| ["--conf", conf]));
    argv.push("local:///a.jar");
    let argv: Vec<_> = argv.into_iter().map(str::to_owned).collect();
    let context = SubmitterContext {
        reach: Reach::Roots(Vec::new()),
        spark_version: Some("4.1.1".parse().unwrap()),
        ..SubmitterContext::golden()
    };
    let arguments = arguments::parse(&argv).unwrap();
    let submission = resolve(arguments, Request::default(), &context);
    outcome(submission.map_err(|refusal| refusal.to_string()), &context, sets)
}

fn outcome(
    submission: Result<native_submit::spark::submission::Submission, String>,
    context: &SubmitterContext,
    sets: Option<&TemplateSets>,
) -> String {
    let made = submission.and_then(|submission| {
        match sets {
            Some(sets) => submitter::manifests_by(&submission, context, sets),
            None => submitter::manifests(&submission, context, &TemplateSet::builtin().unwrap()),
        }
        .map_err(|error| error.to_string())
    });
    made.err().unwrap_or_default()
}

#[test]
fn what_is_fine_passes_the_restricted_set() {
    let sets = restricted();
    for webhook in [Webhook::Off, Webhook::On] {
        assert_eq!(refused(&application("", ""), webhook, Some(&sets)), "");
    }
    assert_eq!(refused_arguments(&[], Some(&sets)), "");
    for (pointer, written) in FINE {
        let application = application(pointer, written);
        for webhook in [Webhook::Off, Webhook::On] {
            let said = refused(&application, webhook, Some(&sets));
            assert_eq!(said, "", "{webhook:?} {pointer}: {written}");
        }
    }
}

#[test]
fn what_the_webhook_takes_away_is_refused_with_it_and_added_by_the_set_without_it() {
    let sets = restricted();
    for (pointer, written, says) in WITH_THE_WEBHOOK {
        let application = application(pointer, written);
        let with = refused(&application, Webhook::On, Some(&sets));
        assert!(
            with.contains(says),
            "{pointer}: {written}: {with:?}, expected {says:?}"
        );
        let off = refused(&application, Webhook::Off, Some(&sets));
        assert_eq!(off, "", "{pointer}: {written}");
    }
}

#[test]
fn each_attempt_is_refused_with_the_set_and_accepted_without_it() {
    let sets = restricted();
    let mut wrong = Vec::new();
    for (pointer, written, says) in IN_APPLICATIONS {
        let application = application(pointer, written);
        for webhook in [Webhook::Off, Webhook::On] {
            let with = refused(&application, webhook, Some(&sets));
            if !with.contains(says) {
                wrong.push(format!(
                    "{webhook:?} {pointer}: {written}: with the set: {with:?}, expected {says:?}"
                ));
            }
            let without = refused(&application, webhook, None);
            if !without.is_empty() {
                wrong.push(format!(
                    "{webhook:?} {pointer}: {written}: without the set: {without}"
                ));
            }
        }
    }
    for (conf, says) in IN_ARGUMENTS {
        let with = refused_arguments(conf, Some(&sets));
        if !with.contains(says) {
            wrong.push(format!("{conf:?}: with the set: {with:?}, expected {says:?}"));
        }
        let without = refused_arguments(conf, None);
        if !without.is_empty() {
            wrong.push(format!("{conf:?}: without the set: {without}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
