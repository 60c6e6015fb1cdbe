//! Situations that users of Spark on Kubernetes reported in public, and their small kin: what comes of each on the command line.
//! The applications in `tests/reports` are in our own words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::program::{Ended, given, program};
use native_submit::{
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    spark::submission::{self, Reach, SubmissionId, SubmitterContext},
    submitter,
};
use std::{fs, path::Path};

/// Exit code, output, and what was said beside it.
fn run(arguments: &[&str], input: &str) -> (i32, String, String) {
    let Ended { code, out, said } = given(&mut program(arguments), input).into();
    (code, out, said)
}

/// An application with these lines in its `spec`, and this metadata.
fn application(metadata: &str, lines: &str) -> String {
    format!(
        "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {metadata}\nspec:\n  type: Scala\n  \
         mode: cluster\n  sparkVersion: 3.5.5\n  image: spark:3.5.5\n  mainClass: a.B\n{lines}"
    )
}

const MAIN: &str = "  mainApplicationFile: local:///a.jar\n";
const ROLES: &str = "  driver: {memory: 1g}\n  executor: {instances: 1}\n";
const NAME: &str = "{name: app, namespace: jobs}";

#[test]
fn every_reported_application_is_answered_as_it_must_be() {
    // The file, its exit code, and what standard output and standard error together must have.
    let table: [(&str, i32, &[&str]); 7] = [
        ("two-documents", 0, &["name: fmt-driver", "name: fmt2-driver"]),
        (
            "misspelled-through-a-server",
            1,
            &[
                "spec.driver.memroy: unknown field; did you mean `memory`?",
                "spec.drivr: unknown field; did you mean `driver`?",
            ],
        ),
        ("name-of-50-with-prometheus", 0, &["-vol\n", "prom-conf\n"]),
        (
            "own-yunikorn-task-groups",
            0,
            &[
                "warning: spec.driver.labels.queue: replaced by `root.b`",
                "warning: spec.driver.annotations[\"yunikorn.apache.org/task-groups\"]: replaced, for it has no group",
                "yunikorn.apache.org/task-group-name: spark-driver",
            ],
        ),
        (
            "pod-template-file-in-conf",
            1,
            &[
                "spec.sparkConf[\"spark.kubernetes.driver.podTemplateFile\"]: not allowed here, as in the operator; \
                 set spec.driver.template",
            ],
        ),
        (
            "volcano-step-on-3.5",
            1,
            &["error: spark.kubernetes.scheduler.volcano.podGroupTemplateFile: "],
        ),
        (
            "volume-role-does-not-mount",
            1,
            &[
                "spec.initContainers[0].volumeMounts[0].name: expected the name of a volume in spec.volumes, found `git-secret`",
                "spec.volumes has it, and a Pod gets only what its role mounts: add it to spec.driver.volumeMounts",
            ],
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), table.len());
    for (file, code, parts) in table {
        let (ended, out, said) = run(&["render", &format!("tests/reports/{file}.yaml")], "");
        assert_eq!(ended, code, "{file}: {said}");
        for part in parts {
            assert!(
                out.contains(part) || said.contains(part),
                "{file}: {part}\n{out}{said}"
            );
        }
    }
    // Before anything is sent: nobody listens there.
    let file = "tests/reports/misspelled-through-a-server.yaml";
    let (code, _, said) = run(&["submit", "--server", "127.0.0.1:1", file], "");
    assert_eq!(code, 1);
    assert!(
        said.contains("spec.drivr: unknown field; did you mean `driver`?"),
        "{said}"
    );
}

#[test]
fn the_volume_of_a_long_name_is_one_that_kubernetes_takes() {
    let (_, out, _) = run(
        &[
            "render",
            "tests/reports/name-of-50-with-prometheus.yaml",
            "--output",
            "json",
        ],
        "",
    );
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    let volumes = list["items"][0]["spec"]["volumes"].as_array().unwrap();
    let name = volumes
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.ends_with("-vol"))
        .unwrap();
    assert!(name.len() <= 63 && name.starts_with("aaaa"), "{name}");
    for length in 45..=63 {
        let text = fs::read_to_string("tests/reports/name-of-50-with-prometheus.yaml").unwrap();
        let text = text.replace(&"a".repeat(50), &"a".repeat(length));
        let (code, _, said) = run(&["render", "-"], &text);
        assert_eq!(code, 0, "{length}: {said}");
    }
}

/// A file of the submitter is no more in reach of an application on the command line than of one on a server.
#[test]
fn a_pod_template_file_in_the_conf_gets_the_same_answer_everywhere() {
    let text = fs::read_to_string("tests/reports/pod-template-file-in-conf.yaml").unwrap();
    let answers = [Reach::Process, Reach::Roots(Vec::new())].map(|reach| {
        let application = application::parse(&text, UnknownFields::Refuse)
            .unwrap()
            .application;
        let origin = Origin {
            webhook: Webhook::Off,
            operator: true,
            unknown_fields: submission::UnknownFields::Pass,
        };
        let context = SubmitterContext {
            reach,
            ..SubmitterContext::golden()
        };
        submitter::intent(application, SubmissionId::nil(), origin, &context)
            .unwrap_err()
            .to_string()
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].ends_with("set spec.executor.template"), "{answers:?}");
}

#[test]
fn volcanos_step_is_not_refused_for_the_version() {
    let conf = "  sparkConf: {spark.kubernetes.driver.pod.featureSteps: \
                org.apache.spark.deploy.k8s.features.VolcanoFeatureStep}\n";
    let (code, out, said) = run(
        &["render", "-"],
        &application(NAME, &format!("{MAIN}{conf}{ROLES}")),
    );
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("kind: PodGroup"), "{out}");
    assert!(
        said.contains("Spark 3.5.5 has VolcanoFeatureStep only where it was built with it"),
        "{said}"
    );
}

#[test]
fn what_is_no_uri_is_reported_with_its_field() {
    let table = [
        (
            "  mainApplicationFile: s3a://<BUCKET>/x.jar\n",
            "spec.mainApplicationFile: expected a legal URI, found one with `<`; put the real name in place of the placeholder",
        ),
        (
            "  mainApplicationFile: s3a://${B}/x.jar\n",
            "spec.mainApplicationFile: expected a legal URI, found one with `{`; nothing replaces a variable here",
        ),
        (
            "  mainApplicationFile: local:///a.jar\n  deps: {jars: ['s3a://b/ok.jar', 's3a://b/a b.jar']}\n",
            "spec.deps.jars[1]: expected a legal URI, found one with ` `; percent-encode it",
        ),
        (
            "  mainApplicationFile: local:///a.jar\n  deps: {pyFiles: ['https://h/%zz.py']}\n",
            "spec.deps.pyFiles[0]: expected a legal URI, found one with `%`; a percent sign begins",
        ),
        (
            "  mainApplicationFile: local:///a.jar\n  sparkConf: {spark.files: 's3a://<B>/f'}\n",
            "spark.files: expected a legal URI, found one with `<`",
        ),
    ];
    for (lines, expected) in table {
        let (code, _, said) = run(&["render", "-"], &application(NAME, &format!("{lines}{ROLES}")));
        assert_eq!(code, 1, "{lines}");
        assert!(said.contains(expected), "{lines}: {said}");
    }
    let arguments = [
        "render",
        "--spark-submit",
        "--",
        "--master",
        "k8s://https://h",
        "--deploy-mode",
        "cluster",
    ];
    let with = |more: &[&'static str]| run(&[&arguments[..], more].concat(), "");
    let (code, _, said) = with(&["--class", "a.B", "s3a://<BUCKET>/x.jar"]);
    assert_eq!(code, 1);
    assert!(
        said.contains("main application file: expected a legal URI, found one with `<`"),
        "{said}"
    );
    for dash in ['\u{2013}', '\u{2014}', '\u{2212}'] {
        for option in [
            format!("{dash}{dash}conf"),
            format!("{dash}conf"),
            format!("{dash}-conf"),
        ] {
            let (code, _, said) = run(
                &[&arguments[..], &[&option, "a=b", "local:///x.jar"]].concat(),
                "",
            );
            assert_eq!(code, 1);
            let number = format!("U+{:04X}", u32::from(dash));
            let expected =
                format!("`--conf` begins with the dash {number}, not with a hyphen; write `--conf`");
            assert!(said.contains(&expected), "{option}: {said}");
        }
    }
}

#[test]
fn mounts_are_reported_with_their_path_and_numbers_in_plain_words() {
    let twice = "  volumes: [{name: v, emptyDir: {}}]\n  driver: {memory: 1g, volumeMounts: [{name: v, mountPath: /data}, \
                 {name: v, mountPath: /data}]}\n  executor: {instances: 1}\n";
    let (code, _, said) = run(&["render", "-"], &application(NAME, &format!("{MAIN}{twice}")));
    assert_eq!(code, 1);
    assert!(
        said.contains("is mounted twice in this container, found `/data`"),
        "{said}"
    );
    let table = [
        (
            "  driver: {cores: two}\n  executor: {instances: 1}\n",
            "spec.driver.cores: expected an integer, found a string",
        ),
        (
            "  driver: {cores: 5000000000}\n  executor: {}\n",
            "spec.driver.cores: expected an integer from -2147483648 to 2147483647, found `5000000000`",
        ),
        (
            "  driver: {cores: 1.5}\n  executor: {}\n",
            "spec.driver.cores: expected an integer, found a number with a fraction",
        ),
        (
            "  driver: []\n  executor: {}\n",
            "spec.driver: expected a mapping, found a list",
        ),
        (
            "  driver: {env: {}}\n  executor: {}\n",
            "spec.driver.env: expected a list, found a mapping",
        ),
    ];
    for (lines, expected) in table {
        let (code, _, said) = run(&["render", "-"], &application(NAME, &format!("{MAIN}{lines}")));
        assert_eq!(code, 1, "{lines}");
        assert!(said.contains(expected), "{lines}: {said}");
    }
}

#[test]
fn a_generated_name_is_given_here_as_the_api_server_would() {
    let text = application("{generateName: pi-, namespace: jobs}", &format!("{MAIN}{ROLES}"));
    let (code, out, said) = run(&["render", "-", "--submission-id", "a"], &text);
    assert_eq!(code, 0, "{said}");
    let name = out
        .lines()
        .find_map(|line| line.trim().strip_prefix("sparkoperator.k8s.io/app-name: "))
        .unwrap();
    assert!(name.starts_with("pi-") && name.len() == 8, "{name}");
    assert_eq!(run(&["render", "-", "--submission-id", "a"], &text).1, out);
    let directory = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", directory.path().display());
    let (code, out, said) = run(
        &["submit", "-", "--submission-id", "a", "--apply-to", &apply_to],
        &text,
    );
    assert_eq!(code, 0, "{said}");
    assert!(
        out.contains(&format!("\"driver_pod_name\":\"{name}-driver\"")),
        "{out}"
    );
    let (_, _, said) = run(
        &["render", "-"],
        &application("{namespace: jobs}", &format!("{MAIN}{ROLES}")),
    );
    assert!(
        said.contains("metadata.name: expected a value, found nothing"),
        "{said}"
    );
}

#[test]
fn a_template_without_the_named_container_is_warned_of() {
    let with = |role: &str, container: &str| {
        let template = format!("{{memory: 1g, template: {{spec: {{containers: [{{name: {container}}}]}}}}}}");
        let other = if role == "driver" { "executor" } else { "driver" };
        let lines = format!("{MAIN}  {role}: {template}\n  {other}: {{}}\n");
        run(&["render", "-"], &application(NAME, &lines))
    };
    for role in ["driver", "executor"] {
        let (code, _, said) = with(role, "sidecar");
        assert_eq!(code, 0, "{said}");
        let expected = format!(
            "warning: {role} pod template: expected one container `spark-kubernetes-{role}`, found none; Spark takes the first \
             one, `sidecar`, for its own"
        );
        assert!(said.contains(&expected), "{said}");
        let (_, _, said) = with(role, &format!("spark-kubernetes-{role}"));
        assert!(!said.contains("pod template"), "{said}");
    }
}
