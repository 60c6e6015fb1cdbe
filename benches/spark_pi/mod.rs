//! `SparkPi`, and the pipeline that it goes without the cluster.
#![allow(dead_code, clippy::unwrap_used)]

use native_submit::{
    manifest::Manifests,
    operator::{
        Origin, Webhook,
        application::{self, SparkApplication, UnknownFields},
        wire,
    },
    spark::submission::{Submission, SubmissionId, SubmitterContext, UnknownFields as TemplateFields},
    submitter,
    templates::TemplateSet,
};
use prost::Message;
use serde_json::Value;

pub(crate) const SPARK_PI: &str = include_str!("../../examples/spark-pi.yaml");

/// The application as the operator has it from the API server: JSON, with an owner's uid.
pub(crate) fn spark_pi() -> Value {
    let mut application: Value = serde_yaml::from_str(SPARK_PI).unwrap();
    application["metadata"]["uid"] = "0f0e0d0c-0b0a-4908-8706-050403020100".into();
    application
}

pub(crate) fn request(application: &Value) -> Vec<u8> {
    wire::RunAltSparkSubmitRequest {
        submission_id: SubmissionId::nil().to_string(),
        spark_application_manifest: application.to_string().into_bytes(),
        ..wire::RunAltSparkSubmitRequest::default()
    }
    .encode_to_vec()
}

/// The same in messages, as a caller of the original contract sends it.
pub(crate) fn messages() -> Vec<u8> {
    let pod = || wire::SparkPodSpec {
        cores: Some(1),
        memory: "512m".to_owned(),
        ..wire::SparkPodSpec::default()
    };
    wire::SparkApplication {
        metadata: Some(wire::ObjectMeta {
            name: "spark-pi".to_owned(),
            namespace: "default".to_owned(),
            ..wire::ObjectMeta::default()
        }),
        spec: Some(wire::SparkApplicationSpec {
            r#type: wire::SparkApplicationType::Scala.into(),
            mode: wire::DeployMode::Cluster.into(),
            image: Some("spark:4.0.1".to_owned()),
            main_class: Some("org.apache.spark.examples.SparkPi".to_owned()),
            main_application_file: Some("local:///opt/spark/examples/jars/spark-examples.jar".to_owned()),
            spark_version: "4.0.1".to_owned(),
            arguments: vec!["5000".to_owned()],
            driver: Some(wire::DriverSpec {
                spark_pod_spec: Some(pod()),
                ..wire::DriverSpec::default()
            }),
            executor: Some(wire::ExecutorSpec {
                spark_pod_spec: Some(pod()),
                instances: Some(1),
                ..wire::ExecutorSpec::default()
            }),
            ..wire::SparkApplicationSpec::default()
        }),
        ..wire::SparkApplication::default()
    }
    .encode_to_vec()
}

/// An application out of messages.
pub(crate) fn from_messages(bytes: &[u8]) -> SparkApplication {
    application::from_wire(wire::SparkApplication::decode(bytes).unwrap()).unwrap()
}

fn origin() -> Origin {
    Origin {
        webhook: Webhook::Off,
        operator: true,
        unknown_fields: TemplateFields::Pass,
    }
}

pub(crate) fn intent(application: SparkApplication, context: &SubmitterContext) -> Submission {
    submitter::intent(application, SubmissionId::nil(), origin(), context).unwrap()
}

pub(crate) fn bodies(manifests: &Manifests) -> usize {
    let all = [&manifests.driver_pod].into_iter().chain(&manifests.owned);
    all.map(|manifest| serde_json::to_vec(&manifest.value).unwrap().len())
        .sum()
}

/// All of it.
pub(crate) fn whole_pipeline(request: &[u8], context: &SubmitterContext, set: &TemplateSet) -> usize {
    let request = wire::RunAltSparkSubmitRequest::decode(request).unwrap();
    let text = std::str::from_utf8(&request.spark_application_manifest).unwrap();
    let parsed = application::parse(text, UnknownFields::Pass).unwrap();
    let submission = intent(parsed.application, context);
    bodies(&submitter::manifests(&submission, context, set).unwrap())
}
