//! Limits at their edge, where a stage behind the readers holds them: as much as is allowed passes, one more is refused clearly.

use native_submit::{
    limits::{CONFIG_DATA, CONTAINERS, OBJECT, UNKNOWN_FIELDS, VOLUMES},
    manifest::Manifests,
    operator::{Origin, Webhook, application},
    server::reading,
    spark::submission::{Submission, SubmissionId, SubmitterContext, UnknownFields},
    submitter::{self, SubmitError},
    templates::TemplateSet,
};
use serde_json::{Map, Value, json};

/// What a body of REST becomes; else why it is refused.
fn submission(conf: &[String], driver_template: &Value) -> Result<Submission, String> {
    let mut arguments: Vec<&str> = "--master k8s://https://h --deploy-mode cluster --class a.B --conf \
        spark.kubernetes.container.image=i --conf spark.kubernetes.driver.pod.name=a"
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    for pair in conf {
        arguments.extend(["--conf", pair.as_str()]);
    }
    arguments.push("local:///a.jar");
    let body =
        json!({"submission_id": "a", "spark_submit_args": arguments, "driver_pod_template": driver_template});
    let origin = Origin {
        webhook: Webhook::On,
        operator: true,
        unknown_fields: UnknownFields::Pass,
    };
    let context = SubmitterContext::golden();
    let (id, asked) = reading::rest(body.to_string().as_bytes(), origin, &context)?;
    submitter::submission_of(asked, id, origin, &context).map_err(|error| error.to_string())
}

fn manifests(submission: &Submission) -> Result<Manifests, SubmitError> {
    let set = TemplateSet::builtin().unwrap();
    submitter::manifests(submission, &SubmitterContext::golden(), &set)
}

fn is_refused(result: Result<Manifests, SubmitError>, message: &str) {
    let error = result.map(|_| ()).unwrap_err();
    assert!(error.over_limit(), "{error}");
    assert_eq!(error.to_string(), message);
}

#[test]
fn an_object_has_as_many_bytes_of_json_as_allowed() {
    let with = |last: usize| {
        let args = [1_000_000, 1_000_000, 500_000, last].map(|bytes| "x".repeat(bytes));
        let template = json!({"spec": {"containers": [
            {"name": "spark-kubernetes-driver"}, {"name": "b", "image": "i", "args": args},
        ]}});
        manifests(&submission(&[], &template).unwrap())
    };
    let bytes = with(0).unwrap().driver_pod.value.to_string().len();
    // The stamps are written before the object is measured, and have one length.
    let room = OBJECT.most - bytes;
    assert!(with(room).is_ok());
    is_refused(
        with(room + 1),
        "a: expected at most 3145728 bytes of JSON, found more",
    );
}

#[test]
fn a_config_map_has_as_much_data_as_allowed() {
    let with = |bytes: usize| {
        let conf = [format!("spark.long={}", "x".repeat(bytes))];
        manifests(&submission(&conf, &Value::Null).unwrap())
    };
    let small = with(0).unwrap();
    let map = small
        .owned
        .iter()
        .find(|manifest| manifest.role == "configmap-driver")
        .unwrap();
    let data = map.value["data"].as_object().unwrap();
    let bytes: usize = data.values().map(|text| text.as_str().unwrap().len()).sum();
    let room = CONFIG_DATA.most - bytes;
    assert!(with(room).is_ok());
    is_refused(
        with(room + 1),
        "driver ConfigMap: data: expected at most 1048576 bytes of data, found more",
    );
}

#[test]
fn a_document_has_as_many_unknown_fields_as_allowed() {
    let with = |count: usize| {
        let mut spec: Map<String, Value> = (0..count).map(|n| (format!("zz{n}"), 1.into())).collect();
        spec.insert("containers".to_owned(), json!([]));
        submission(&[], &json!({"spec": spec}))
    };
    assert!(manifests(&with(UNKNOWN_FIELDS.most).unwrap()).is_ok());
    let error = with(UNKNOWN_FIELDS.most + 1).unwrap_err();
    assert_eq!(
        error,
        "driver_pod_template: expected at most 1000 unknown fields in one document, found more"
    );
}

/// Templates are within the limits when they are read; what is added to them later counts, too.
#[test]
fn planned_pods_have_as_many_containers_and_volumes_as_allowed() {
    let empty = submission(&[], &json!({"spec": {"containers": []}})).unwrap();
    let named = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"name": format!("c{n}"), "image": "i"}))
            .collect()
    };
    let volumes = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"name": format!("v{n}"), "emptyDir": {}}))
            .collect()
    };
    let planned = |driver: Option<(&str, Value)>, executor: Option<(&str, Value)>| {
        let mut submission = empty.clone();
        if let Some((field, value)) = driver {
            let template = submission.driver_template.as_mut().unwrap();
            template.spec.insert(field.to_owned(), value);
        }
        if let Some((field, value)) = executor {
            let mut template = empty.driver_template.clone().unwrap();
            template.spec.insert(field.to_owned(), value);
            submission.executor_template = Some(template);
        }
        manifests(&submission)
    };
    let most = CONTAINERS.most;
    // The driver's own container is one of them.
    for (field, fits) in [("containers", most), ("initContainers", most - 1)] {
        assert!(planned(Some((field, named(fits))), None).is_ok(), "{field}");
        is_refused(
            planned(Some((field, named(fits + 1))), None),
            "driver pod: spec.containers: expected at most 200 containers in one Pod, found more",
        );
    }
    for field in ["containers", "initContainers"] {
        assert!(planned(None, Some((field, named(most)))).is_ok(), "{field}");
        is_refused(
            planned(None, Some((field, named(most + 1)))),
            "executor pod: spec.containers: expected at most 200 containers in one Pod, found more",
        );
    }
    // Spark's own volumes of the driver are among them.
    let own = planned(None, None).unwrap().driver_pod.value["spec"]["volumes"]
        .as_array()
        .unwrap()
        .len();
    assert!(planned(Some(("volumes", volumes(VOLUMES.most - own))), None).is_ok());
    is_refused(
        planned(Some(("volumes", volumes(VOLUMES.most - own + 1))), None),
        "driver pod: spec.volumes: expected at most 1000 volumes in one Pod, found more",
    );
    assert!(planned(None, Some(("volumes", volumes(VOLUMES.most)))).is_ok());
    is_refused(
        planned(None, Some(("volumes", volumes(VOLUMES.most + 1)))),
        "executor pod: spec.volumes: expected at most 1000 volumes in one Pod, found more",
    );
}

/// They are bounded before anything is made of them.
#[test]
fn an_application_has_as_many_sidecars_as_a_pod_may_have_containers() {
    let with = |count: usize| {
        let sidecars: Vec<_> = (0..count)
            .map(|n| json!({"name": format!("c{n}"), "image": "i"}))
            .collect();
        let application = json!({
            "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {
                "type": "Scala", "sparkVersion": "4.0.1", "image": "i", "mainClass": "A",
                "mainApplicationFile": "local:///a.jar", "driver": {"sidecars": sidecars}, "executor": {},
            },
        });
        let parsed = application::from_value(application, UnknownFields::Pass).unwrap();
        let origin = Origin {
            webhook: Webhook::On,
            operator: true,
            unknown_fields: UnknownFields::Pass,
        };
        let context = SubmitterContext::golden();
        submitter::intent(parsed.application, SubmissionId::nil(), origin, &context).map(|_| ())
    };
    assert!(with(CONTAINERS.most).is_ok());
    assert_eq!(
        with(CONTAINERS.most + 1).unwrap_err().to_string(),
        "spec.driver: sidecars and initContainers: expected at most 200 containers in one Pod, found more"
    );
}
