//! What the cluster adds to a request: the live `SparkApplication`, and whether the operator's webhook is there. The
//! real binary, behind each entry point, and an API server that keeps objects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::api_server::{ApiServer, Effect, Fault};
use crate::support::serve::{Serve, exchange};
use native_submit::{operator::wire, telemetry::Stage};
use serde_json::{Value, json};
use std::time::Duration;

const UID: &str = "3f1c9a52-0000-4000-8000-000000000001";

/// The application as the API server has it: with parts that only the webhook brings to pods.
fn live() -> Value {
    json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "metadata": {"name": "pi", "namespace": "jobs", "uid": UID},
        "spec": {
            "type": "Scala", "mode": "cluster", "sparkVersion": "4.0.1", "image": "spark:4.0.1",
            "mainClass": "org.example.Pi", "mainApplicationFile": "local:///opt/pi.jar",
            "volumes": [{"name": "data", "emptyDir": {}}],
            "driver": {
                "memory": "1g", "priorityClassName": "high",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "sidecars": [{"name": "side", "image": "side:1"}],
            },
            "executor": {"instances": 2, "memory": "1g", "tolerations": [{"key": "spot", "operator": "Exists"}]},
        },
        "status": {"submissionID": "an earlier one"},
    })
}

/// The operator's registration, as its chart makes it.
fn webhook() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "spark-operator-webhook"},
        "webhooks": [{
            "name": "mutate-pod.sparkoperator.k8s.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {}, "failurePolicy": "Fail",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "objectSelector": {"matchLabels": {"sparkoperator.k8s.io/launched-by-spark-operator": "true"}},
        }],
    })
}

/// What the operator's REST submitter sends of it.
fn arguments(id: &str) -> Value {
    let label =
        |key: &str, value: &str| format!("spark.kubernetes.driver.label.sparkoperator.k8s.io/{key}={value}");
    let template = |role: &str, controller: bool| {
        json!({
            "metadata": {"ownerReferences": [{
                "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi", "uid": UID,
                "controller": controller, "blockOwnerDeletion": controller,
            }]},
            "spec": {"containers": [{"name": format!("spark-kubernetes-{role}")}]},
        })
    };
    let pod_name = format!("pi-{id}-driver");
    json!({
        "submission_id": id,
        "spark_submit_args": [
            "--master", "k8s://https://10.0.0.1:443", "--deploy-mode", "cluster", "--class", "org.example.Pi",
            "--name", "pi", "--conf", "spark.kubernetes.namespace=jobs",
            "--conf", "spark.kubernetes.container.image=spark:4.0.1",
            "--conf", format!("spark.kubernetes.driver.pod.name={pod_name}"),
            "--conf", label("app-name", "pi"), "--conf", label("launched-by-spark-operator", "true"),
            "--conf", label("submission-id", id), "local:///opt/pi.jar",
        ],
        "driver_pod_template": template("driver", true),
        "executor_pod_template": template("executor", false),
    })
}

fn post(serve: &Serve, body: &Value) -> (u16, Value) {
    let (status, answer) = exchange(
        &serve.rest,
        "POST /api/v1/spark-submit",
        "Content-Type: application/json\r\n",
        body.to_string().as_bytes(),
    );
    (status, serde_json::from_str(&answer).unwrap())
}

/// Whether the pods have what only the webhook or we can have brought: the driver's parts, the executors' part.
fn added(api: &ApiServer, id: &str) -> (bool, bool) {
    let pod = api.get("pods", "jobs", &format!("pi-{id}-driver")).unwrap();
    let volumes = pod["spec"]["volumes"].to_string();
    let containers = pod["spec"]["containers"].to_string();
    let driver = volumes.contains(r#""name":"data""#)
        && containers.contains("/data")
        && containers.contains("side:1")
        && pod["spec"]["priorityClassName"] == "high";
    let uid = &pod["metadata"]["uid"];
    let executors = api
        .names()
        .into_iter()
        .filter(|name| name.contains("podspec-conf-map"))
        .filter_map(|name| api.get("configmaps", "jobs", name.rsplit('/').next().unwrap()))
        .find(|config_map| config_map["metadata"]["ownerReferences"][0]["uid"] == *uid)
        .unwrap();
    (driver, executors["data"].to_string().contains("spot"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_webhook_would_add_is_added_where_it_is_not_registered() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    let (serve, _folder) = Serve::to(&api.url, &[]);
    assert_eq!(post(&serve, &arguments("a")).0, 201);
    assert_eq!(added(&api, "a"), (true, true));
    let pod = api.get("pods", "jobs", "pi-a-driver").unwrap();
    assert_eq!(
        pod["metadata"]["labels"]["spark-version"], "4.0.1",
        "the arguments have no version, the live application has"
    );

    // Installed while we run: from the next submission on it is the webhook's.
    api.put("mutatingwebhookconfigurations", webhook());
    let seen = settled(&api, &serve, "b", (false, false)).await;
    api.remove("mutatingwebhookconfigurations", "", "spark-operator-webhook");
    settled(&api, &serve, &format!("{seen}c"), (true, true)).await;
}

/// Submits until the pods look like this; the last id.
async fn settled(api: &ApiServer, serve: &Serve, id: &str, expected: (bool, bool)) -> String {
    for round in 0..100 {
        let id = format!("{id}{round}");
        assert_eq!(post(serve, &arguments(&id)).0, 201);
        if added(api, &id) == expected {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the webhook's registration was not noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_webhooks_may_not_be_listed_they_count_as_there() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    api.fault(Fault::always(
        "list",
        "mutatingwebhookconfigurations",
        Effect::status(403),
    ));
    let (serve, _folder) = Serve::to(&api.url, &[]);
    assert_eq!(post(&serve, &arguments("a")).0, 201);
    assert_eq!(added(&api, "a"), (false, false));
    let (off, _folder) = Serve::to(&api.url, &["--operator-webhook", "off"]);
    assert_eq!(post(&off, &arguments("b")).0, 201);
    assert_eq!(added(&api, "b"), (true, true));
    let (request, _folder) = Serve::to(
        &api.url,
        &["--operator-webhook", "off", "--spec-source", "request"],
    );
    assert_eq!(post(&request, &arguments("c")).0, 201);
    assert_eq!(added(&api, "c"), (false, false));
    request.wait_for_log("SPEC_SOURCE is request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_may_be_left_out_counts_where_a_dry_run_shows_it() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    let mut ignored = webhook();
    ignored["webhooks"][0]["failurePolicy"] = json!("Ignore");
    api.put("mutatingwebhookconfigurations", ignored);
    let (serve, _folder) = Serve::to(&api.url, &[]);
    // The stand-in has no admission: the probe comes back as it was sent.
    assert_eq!(post(&serve, &arguments("a")).0, 201);
    assert_eq!(added(&api, "a"), (true, true));
    let probes: Vec<_> = api
        .log()
        .into_iter()
        .filter(|seen| seen.name == "native-submit-webhook-probe")
        .collect();
    assert_eq!(probes.len(), 1);
    assert!(probes[0].query.contains("dryRun=All"), "{}", probes[0].query);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_application_of_the_same_name_is_refused_and_so_is_an_owner_that_is_not_there() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &["--events=false"]);
    // An owner that is not in the Pod's namespace: Kubernetes would collect the driver.
    let (status, answer) = post(&serve, &arguments("a"));
    assert_eq!(
        (status, &answer["error_code"]),
        (400, &json!("INVALID_SPARK_SUBMIT_ARGS")),
        "{answer}"
    );
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("no SparkApplication `jobs/pi`"), "{message}");
    assert_eq!(api.names(), Vec::<String>::new());

    // Nobody says who the owner is: it goes on without.
    let mut unowned = arguments("b");
    for template in ["driver_pod_template", "executor_pod_template"] {
        unowned[template]["metadata"] = json!({});
    }
    assert_eq!(post(&serve, &unowned).0, 201);
    assert_eq!(added(&api, "b"), (false, false));
    serve.wait_for_log("there is no such SparkApplication");

    // Where nothing may be read the request is believed.
    let (request, _folder) = Serve::to(&api.url, &["--spec-source", "request"]);
    assert_eq!(post(&request, &arguments("c")).0, 201);

    let mut successor = live();
    successor["metadata"]["uid"] = json!("another");
    api.put("sparkapplications", successor);
    let (status, answer) = post(&serve, &arguments("d"));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("is another one now") && message.contains(UID),
        "{message}"
    );
    assert_eq!(api.get("pods", "jobs", "pi-d-driver"), None);
}

/// The same without the label that names the application: somebody's own arguments, with an owner.
fn unlabelled(id: &str, driver_owners: &Value, executor_owners: &Value) -> Value {
    let mut body = arguments(id);
    let list = body["spark_submit_args"].as_array_mut().unwrap();
    let of_operator = |argument: &Value| argument.as_str().unwrap().contains("sparkoperator.k8s.io");
    let first = list.iter().position(of_operator).unwrap() - 1;
    list.drain(first..list.len() - 1);
    body["driver_pod_template"]["metadata"]["ownerReferences"] = driver_owners.clone();
    body["executor_pod_template"]["metadata"]["ownerReferences"] = executor_owners.clone();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn every_owner_that_a_request_names_is_the_live_application() {
    let owner = |kind: &str, name: &str, uid: &str| {
        let api_version = if kind == "SparkApplication" {
            "sparkoperator.k8s.io/v1beta2"
        } else {
            "v1"
        };
        json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid})
    };
    let (ours, none) = (owner("SparkApplication", "pi", UID), json!([]));
    let made_up = owner("SparkApplication", "pi", "11111111-0000-4000-8000-000000000001");
    let controller = |mut owner: Value| {
        owner["controller"] = json!(true);
        owner
    };
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &["--events=false"]);
    let table = |id: &str| {
        [
            (unlabelled(id, &json!([ours]), &none), 400, "jobs/pi"),
            (
                unlabelled(id, &json!([controller(ours.clone())]), &none),
                400,
                "jobs/pi",
            ),
            (unlabelled(id, &none, &json!([ours])), 400, "jobs/pi"),
            (
                unlabelled(id, &json!([owner("Pod", "a", "made-up")]), &none),
                422,
                "driver pod template",
            ),
            (
                unlabelled(id, &none, &json!([owner("Pod", "a", "made-up")])),
                422,
                "executor pod template",
            ),
        ]
    };
    for (body, status, says) in table("a") {
        let (found, answer) = post(&serve, &body);
        assert_eq!(found, status, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
        assert_eq!(api.names(), Vec::<String>::new());
    }

    api.put("sparkapplications", live());
    for (driver, executor, status) in [
        (json!([made_up]), none.clone(), 400),
        (none.clone(), json!([made_up]), 400),
        (json!([ours, made_up]), none.clone(), 400),
        (
            json!([ours, owner("SparkApplication", "other", UID)]),
            none.clone(),
            422,
        ),
        (json!([ours, owner("Pod", "a", "made-up")]), none.clone(), 422),
    ] {
        let labelled = {
            let mut body = arguments("b");
            body["driver_pod_template"]["metadata"]["ownerReferences"] = driver.clone();
            body["executor_pod_template"]["metadata"]["ownerReferences"] = executor.clone();
            body
        };
        for body in [unlabelled("b", &driver, &executor), labelled] {
            let (found, answer) = post(&serve, &body);
            assert_eq!(found, status, "{body}: {answer}");
            assert_eq!(api.get("pods", "jobs", "pi-b-driver"), None);
        }
    }
    let (status, answer) = post(&serve, &unlabelled("c", &json!([ours]), &json!([ours])));
    assert_eq!(status, 201, "{answer}");
    let pod = api.get("pods", "jobs", "pi-c-driver").unwrap();
    assert_eq!(pod["metadata"]["ownerReferences"], json!([ours]));

    // A service that may not look it up believes the request, and says so.
    api.fault(Fault::always("get", "sparkapplications", Effect::status(403)));
    assert_eq!(post(&serve, &unlabelled("d", &json!([ours]), &none)).0, 201);
    serve.wait_for_log("it can't be looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_manifest_is_looked_up_too() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &["--events=false"]);
    let mut client = serve.client().await;
    let manifest = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut application = live();
        application["spec"]["driver"]["podName"] = json!(format!("{id}-driver"));
        change(&mut application);
        wire::RunAltSparkSubmitRequest {
            submission_id: id.to_owned(),
            spark_application_manifest: application.to_string().into_bytes(),
            ..wire::RunAltSparkSubmitRequest::default()
        }
    };
    let template = |role: &str, owner: Value| {
        let pointer = format!("/spec/{role}");
        move |application: &mut Value| {
            application.pointer_mut(&pointer).unwrap()["template"] =
                json!({"metadata": {"ownerReferences": [owner.clone()]}, "spec": {"containers": []}});
        }
    };
    let app = |uid: &str| json!({"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi", "uid": uid});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "made-up"});
    let without_uid = |owner: Value| {
        let change = template("driver", owner);
        move |application: &mut Value| {
            application["metadata"].as_object_mut().unwrap().remove("uid");
            change(application);
        }
    };
    for (is_there, says, change) in [
        (
            false,
            "no SparkApplication `jobs/pi`",
            Box::new(|_: &mut Value| ()) as Box<dyn Fn(&mut Value)>,
        ),
        (
            false,
            "no SparkApplication `jobs/pi`",
            Box::new(without_uid(app(UID))),
        ),
        (
            true,
            "is another one now",
            Box::new(|application| application["metadata"]["uid"] = json!("made-up")),
        ),
        (
            true,
            "is another one now",
            Box::new(template("driver", app("made-up"))),
        ),
        (
            true,
            "is another one now",
            Box::new(template("executor", app("made-up"))),
        ),
        (
            true,
            "spec.driver.template.metadata.ownerReferences[0]: expected",
            Box::new(template("driver", pod.clone())),
        ),
        (
            true,
            "spec.executor.template.metadata.ownerReferences[0]: expected",
            Box::new(template("executor", pod)),
        ),
        (true, "", Box::new(template("driver", app(UID)))),
        (true, "", Box::new(|_| ())),
    ] {
        if is_there {
            api.put("sparkapplications", live());
        }
        let id = if says.is_empty() {
            format!("right-{}", api.names().len())
        } else {
            "wrong".to_owned()
        };
        let request = manifest(&id, &change);
        let reply = client.run_alt_spark_submit(request).await.unwrap().into_inner();
        assert_eq!(reply.success, says.is_empty(), "{}", reply.error_message);
        assert!(
            reply.error_message.contains(says),
            "{says}: {}",
            reply.error_message
        );
        let made = api.get("pods", "jobs", &format!("{id}-driver"));
        assert_eq!(made.is_some(), says.is_empty());
        if let Some(made) = made {
            assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], UID);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_application_owns_the_driver_of_arguments_that_name_no_owner() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    let owner = json!([{
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi", "uid": UID,
        "controller": true, "blockOwnerDeletion": true,
    }]);
    for webhook in ["off", "on"] {
        let (serve, _folder) = Serve::to(&api.url, &["--operator-webhook", webhook]);
        for (id, change) in [
            (
                "none",
                &(|body: &mut Value| body["driver_pod_template"] = json!(null)) as &dyn Fn(&mut Value),
            ),
            ("unowned", &|body| {
                body["driver_pod_template"]["metadata"] = json!({"labels": {"a": "b"}});
            }),
            ("owned", &|_| ()),
        ] {
            let id = format!("{id}-{webhook}");
            let mut body = arguments(&id);
            change(&mut body);
            assert_eq!(post(&serve, &body).0, 201);
            let pod = api.get("pods", "jobs", &format!("pi-{id}-driver")).unwrap();
            assert_eq!(pod["metadata"]["ownerReferences"], owner, "{id}");
            let containers = pod["spec"]["containers"].as_array().unwrap();
            assert_eq!(
                containers.last().unwrap()["name"],
                "spark-kubernetes-driver",
                "{id}"
            );
        }
    }
}

/// The application with fields that Kubernetes may have one day, where they become parts of the driver and the executors.
fn newer() -> Value {
    let mut newer = live();
    newer["spec"]["volumes"] = json!([{"name": "data", "futureVolume": {"size": 1}}]);
    newer["spec"]["executor"]["tolerations"][0]["futureToleration"] = json!(true);
    newer
}

/// Whether driver and executors have the fields.
fn passed_on(api: &ApiServer, pod: &str) -> (bool, bool) {
    let pod = api.get("pods", "jobs", pod).unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let template = api
        .names()
        .into_iter()
        .filter(|name| name.contains("podspec-conf-map"))
        .filter_map(|name| api.get("configmaps", "jobs", name.rsplit('/').next().unwrap()))
        .find(|config_map| config_map["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"])
        .unwrap();
    (
        volumes.contains(&json!({"name": "data", "futureVolume": {"size": 1}})),
        template["data"].to_string().contains("futureToleration"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_not_known_here_are_reported_and_passed_on_from_behind_every_entry_point() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", newer());
    let (serve, _folder) = Serve::to(&api.url, &["--operator-webhook", "off"]);
    assert_eq!(post(&serve, &arguments("a")).0, 201);
    assert_eq!(passed_on(&api, "pi-a-driver"), (true, true));
    serve.wait_for_log("spec.volumes[0].futureVolume: unknown field");
    serve.wait_for_log("spec.executor.tolerations[0].futureToleration: unknown field");

    let mut client = serve.client().await;
    let manifest = |id: &str, pod: &str| {
        let mut application = newer();
        application["spec"]["driver"]["podName"] = json!(pod);
        wire::RunAltSparkSubmitRequest {
            submission_id: id.to_owned(),
            spark_application_manifest: application.to_string().into_bytes(),
            ..wire::RunAltSparkSubmitRequest::default()
        }
    };
    for (request, pod) in [
        (Box::new(few_fields("b")), "pi-driver"),
        (Box::new(manifest("c", "c-driver")), "c-driver"),
    ] {
        let reply = client.run_alt_spark_submit(*request).await.unwrap().into_inner();
        assert!(reply.success, "{}", reply.error_message);
        assert_eq!(passed_on(&api, pod), (true, true), "{pod}");
    }

    let (refusing, _folder) = Serve::to(
        &api.url,
        &["--operator-webhook", "off", "--unknown-fields", "refuse"],
    );
    let (status, answer) = post(&refusing, &arguments("d"));
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("spec.volumes[0].futureVolume: unknown field"),
        "{message}"
    );
    for request in [Box::new(few_fields("e")), Box::new(manifest("f", "f-driver"))] {
        let reply = refusing
            .client()
            .await
            .run_alt_spark_submit(*request)
            .await
            .unwrap()
            .into_inner();
        assert!(
            reply.error_message.contains("futureVolume"),
            "{}",
            reply.error_message
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_held_against_the_version_of_the_live_application() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &["--spark-version", "3.5.1"]);
    let newer = |id: &str| {
        let mut body = arguments(id);
        let list = body["spark_submit_args"].as_array_mut().unwrap();
        // A unit that Spark 3.5 doesn't know.
        list.splice(0..0, [json!("--conf"), json!("spark.executor.memory=1gi")]);
        body
    };
    for (id, version, status) in [("a", "4.2.0", 201), ("b", "3.5.1", 400), ("c", "", 400)] {
        let mut application = live();
        application["spec"]["sparkVersion"] = json!(version);
        api.put("sparkapplications", application);
        let (found, answer) = post(&serve, &newer(id));
        assert_eq!(found, status, "{version}: {answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(
            message.contains("spark.executor.memory"),
            status == 400,
            "{answer}"
        );
        api.remove("sparkapplications", "jobs", "pi");
    }
    // A caller that may not submit there learns nothing of another version.
    let (elsewhere, _folder) = Serve::to(
        &api.url,
        &["--spark-version", "3.5.1", "--allowed-namespaces", "other"],
    );
    let (_, answer) = post(&elsewhere, &newer("d"));
    assert!(
        answer["message"].as_str().unwrap().contains("ALLOWED_NAMESPACES"),
        "{answer}"
    );
}

/// What the operator's existing gRPC client sends of it.
fn few_fields(id: &str) -> wire::RunAltSparkSubmitRequest {
    wire::RunAltSparkSubmitRequest {
        submission_id: id.to_owned(),
        spark_application: Some(wire::SparkApplication {
            metadata: Some(wire::ObjectMeta {
                name: "pi".to_owned(),
                namespace: "jobs".to_owned(),
                ..wire::ObjectMeta::default()
            }),
            spec: Some(wire::SparkApplicationSpec {
                spark_version: "4.0.1".to_owned(),
                spark_conf: [("spark.ui.proxyBase".to_owned(), "/pi".to_owned())].into(),
                driver: Some(wire::DriverSpec {
                    spark_pod_spec: Some(wire::SparkPodSpec {
                        memory: "2g".to_owned(),
                        ..wire::SparkPodSpec::default()
                    }),
                    ..wire::DriverSpec::default()
                }),
                executor: Some(wire::ExecutorSpec::default()),
                ..wire::SparkApplicationSpec::default()
            }),
            ..wire::SparkApplication::default()
        }),
        ..wire::RunAltSparkSubmitRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_messages_cannot_carry_comes_from_the_live_application() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let reply = serve
        .client()
        .await
        .run_alt_spark_submit(few_fields("a"))
        .await
        .unwrap()
        .into_inner();
    assert!(reply.success, "{}", reply.error_message);
    let pod = api.get("pods", "jobs", "pi-driver").unwrap();
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], UID);
    assert_eq!(
        pod["spec"]["priorityClassName"], "high",
        "of the live application"
    );
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let driver = containers
        .iter()
        .find(|container| container["name"] == "spark-kubernetes-driver")
        .unwrap();
    assert_eq!(driver["image"], "spark:4.0.1", "of the live application");
    assert_eq!(
        driver["resources"]["limits"]["memory"], "2432Mi",
        "of the request"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_a_uid_are_completed_too_and_the_uid_must_be_the_live_one() {
    let api = ApiServer::start().await;
    let (serve, _folder) = Serve::to(&api.url, &[]);
    let mut client = serve.client().await;
    let with_uid = |id: &str, uid: &str| {
        let mut request = few_fields(id);
        let metadata = request
            .spark_application
            .as_mut()
            .unwrap()
            .metadata
            .as_mut()
            .unwrap();
        uid.clone_into(&mut metadata.uid);
        request
    };
    let reply = client
        .run_alt_spark_submit(with_uid("a", UID))
        .await
        .unwrap()
        .into_inner();
    assert!(
        reply.error_message.contains("no SparkApplication `jobs/pi`"),
        "{}",
        reply.error_message
    );
    api.put("sparkapplications", live());
    let reply = client
        .run_alt_spark_submit(with_uid("b", "u-1"))
        .await
        .unwrap()
        .into_inner();
    assert!(
        reply.error_message.contains("is another one now"),
        "{}",
        reply.error_message
    );
    assert!(api.get("pods", "jobs", "pi-driver").is_none());

    let reply = client
        .run_alt_spark_submit(with_uid("c", UID))
        .await
        .unwrap()
        .into_inner();
    assert!(reply.success, "{}", reply.error_message);
    let pod = api.get("pods", "jobs", "pi-driver").unwrap();
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], UID);
    assert_eq!(
        pod["spec"]["priorityClassName"], "high",
        "of the live application"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_application_is_read_as_the_setting_says() {
    let api = ApiServer::start().await;
    let (cluster, _folder) = Serve::to(&api.url, &["--spec-source", "cluster"]);
    let mut client = cluster.client().await;
    let reply = client
        .run_alt_spark_submit(few_fields("a"))
        .await
        .unwrap()
        .into_inner();
    assert!(
        reply.error_message.contains("SPEC_SOURCE=cluster"),
        "{}",
        reply.error_message
    );
    assert!(api.names().is_empty(), "{:?}", api.names());

    api.fault(Fault::always("get", "sparkapplications", Effect::status(403)));
    let reply = client
        .run_alt_spark_submit(few_fields("b"))
        .await
        .unwrap()
        .into_inner();
    assert!(
        reply.error_message.contains("add {apiGroups"),
        "{}",
        reply.error_message
    );
    // Our rights, not the user's fault: once they are given, another try succeeds.
    assert_eq!(
        (reply.error_code.as_deref(), reply.retryable),
        (Some("INTERNAL_SERVER_ERROR"), Some(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_point_runs_the_same_stages_once_and_in_one_order() {
    let api = ApiServer::start().await;
    api.put("sparkapplications", live());
    let (serve, _folder) = Serve::to(&api.url, &["--spark-version", "3.5.1"]);
    // How often each stage ended (this set has no policies), and how often the live application was read.
    let counts = || {
        let (_, metrics) = serve.get("/metrics");
        let ended = Stage::ALL.map(|stage| {
            let series = format!(
                "native_submit_stage_duration_seconds_count{{stage=\"{}\"}} ",
                stage.name()
            );
            let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
            line.unwrap().parse::<u32>().unwrap()
        });
        let reads = api.lines();
        let reads = reads.iter().filter(|line| *line == "get sparkapplications");
        (ended, reads.count())
    };
    assert_eq!(post(&serve, &arguments("a")).0, 201);
    assert_eq!(counts(), ([1, 1, 1, 1, 1, 0, 1], 1));
    let mut client = serve.client().await;
    let reply = client.run_alt_spark_submit(few_fields("b")).await.unwrap();
    assert!(reply.get_ref().success, "{:?}", reply.get_ref().error_message);
    assert_eq!(counts(), ([2, 2, 2, 2, 2, 0, 2], 2));
    // Arguments that no version takes are refused where those of an application are.
    let mut body = arguments("c");
    let list = body["spark_submit_args"].as_array_mut().unwrap();
    list.splice(0..0, [json!("--driver-memory"), json!("much")]);
    let (status, answer) = post(&serve, &body);
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer["message"].to_string().contains("spark.driver.memory"),
        "{answer}"
    );
    assert_eq!(counts(), ([3, 3, 2, 2, 2, 0, 2], 3));
    // What a request must not say is refused before any request to the cluster.
    let mut body = arguments("d");
    let list = body["spark_submit_args"].as_array_mut().unwrap();
    let denied = "spark.kubernetes.authenticate.oauthToken=x";
    list.splice(0..0, [json!("--conf"), json!(denied)]);
    assert_eq!(post(&serve, &body).0, 400);
    assert_eq!(counts(), ([3, 3, 2, 2, 2, 0, 2], 3));
}
