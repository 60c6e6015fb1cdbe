//! What each fuzz target does with its bytes. Beyond not panicking, each holds an invariant: see its comment. The everyday
//! `tests/it/values/fuzz_corpus.rs` of the crate runs the committed corpus through the same functions without a fuzzer.

use native_submit::{
    operator::{
        Origin, Webhook,
        application::{self, UnknownFields},
    },
    server::reading,
    spark::submission::{
        self, Reach, Request, Submission, SubmissionId, SubmitterContext, arguments, properties,
    },
    strict, submitter,
    templates::TemplateSet,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

static TEMPLATES: LazyLock<TemplateSet> =
    LazyLock::new(|| TemplateSet::builtin().expect("the built-in templates are good"));

/// As a server's: no file is within reach.
fn context() -> SubmitterContext {
    SubmitterContext {
        reach: Reach::Roots(Vec::new()),
        ..SubmitterContext::golden()
    }
}

fn origin(webhook: Webhook) -> Origin {
    Origin {
        webhook,
        operator: true,
        unknown_fields: submission::UnknownFields::Pass,
    }
}

/// Manifests that pass the checks are valid by construction: their YAML is read back as what it was.
fn manifests(submission: &Submission) {
    if let Ok(manifests) = submitter::manifests(submission, &context(), &TEMPLATES) {
        for (_, object) in manifests.for_files() {
            assert_eq!(
                strict::parse_yaml(&native_submit::kubernetes::to_yaml(&object)).expect("our own YAML"),
                object
            );
        }
    }
}

/// `spark-submit`'s arguments, one a line.
pub fn argv(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let argv: Vec<String> = text.lines().map(str::to_owned).collect();
    let Ok(arguments) = arguments::parse(&argv) else {
        return;
    };
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    if let Ok(submission) = submission::resolve(arguments, request, &context()) {
        manifests(&submission);
    }
}

/// Properties that could be read are written so that they are read back the same.
pub fn properties(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(read) = properties::read(text) {
        let written = properties::write("comment", &read);
        assert_eq!(properties::read(&written).expect("our own properties"), read);
    }
}

/// A `SparkApplication`, the whole road.
pub fn spark_application(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = application::parse(text, UnknownFields::Refuse);
    let Ok(parsed) = application::parse(text, UnknownFields::Pass) else {
        return;
    };
    for webhook in [Webhook::On, Webhook::Off] {
        let intent = submitter::intent(
            parsed.application.clone(),
            SubmissionId::nil(),
            origin(webhook),
            &context(),
        );
        if let Ok(submission) = intent {
            manifests(&submission);
        }
    }
}

/// A whole request as an entry point reads it, up to checked manifests.
fn request(read: reading::Read, webhook: Webhook) {
    let Ok((id, asked)) = read else { return };
    if let Ok(submission) = submitter::submission_of(asked, id, origin(webhook), &context()) {
        manifests(&submission);
    }
}

/// Bodies of the REST contract.
pub fn rest(data: &[u8]) {
    for webhook in [Webhook::On, Webhook::Off] {
        request(reading::rest(data, origin(webhook), &context()), webhook);
    }
}

/// Messages of the gRPC contract: a whole application or its fields.
pub fn proto(data: &[u8]) {
    for webhook in [Webhook::On, Webhook::Off] {
        request(reading::grpc(data, origin(webhook)), webhook);
    }
}

/// Messages of the drop-in, whose submission was resolved elsewhere.
pub fn drop_in(data: &[u8]) {
    request(reading::drop_in(data), Webhook::On);
}

/// A value comes out of the templates as itself in its own field, or is refused.
pub fn template(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else {
        return;
    };
    let application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": "hostile", "namespace": "jobs"},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.3.0", "image": "i", "mainClass": "a.B",
            "mainApplicationFile": "local:///a.jar", "arguments": [value], "sparkConf": {"spark.a": value},
            "driver": {"cores": 1, "memory": "1g", "annotations": {"a": value}, "env": [{"name": "B", "value": value}]},
            "executor": {"instances": 1, "cores": 1, "memory": "1g", "env": [{"name": "C", "value": value}]},
        },
    });
    let Ok(parsed) = application::from_value(application, UnknownFields::Refuse) else {
        return;
    };
    let intent = submitter::intent(
        parsed.application,
        SubmissionId::nil(),
        origin(Webhook::Off),
        &context(),
    );
    let Ok(submission) = intent else { return };
    let Ok(manifests) = submitter::manifests(&submission, &context(), &TEMPLATES) else {
        return;
    };
    let pod = &manifests.driver_pod.value;
    assert_eq!(
        pod.pointer("/metadata/annotations/a").and_then(Value::as_str),
        Some(value)
    );
    let arguments = pod.pointer("/spec/containers/0/args").and_then(Value::as_array);
    let last = arguments
        .and_then(|arguments| arguments.last())
        .and_then(Value::as_str);
    assert_eq!(last, Some(value));
}

/// YAML that could be read strictly is written so that it is read back the same.
pub fn strict(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(read) = strict::parse_yaml(text) {
        let written = native_submit::kubernetes::to_yaml(&read);
        assert_eq!(strict::parse_yaml(&written).expect("our own YAML"), read);
    }
}
