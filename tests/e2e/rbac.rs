//! The RBAC of `deploy/rbac` is the least that works: with all of it, the components included, everything goes, and without
//! any one verb of it something fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use crate::support::control_plane::ControlPlane;
use kube::Client;
use native_submit::{
    cluster::{ApplyError, ClusterSettings, ClusterSink, Events, FollowTiming, OperatorWebhook, Outcome},
    error_code::ErrorCode,
    manifest::Manifests,
    operator::{Webhook, application::ApplicationReference},
    spark::submission::{
        PodTemplate, Reach, Request, SubmissionId, SubmitterContext, UnknownFields, arguments, resolve,
    },
    submitter,
    telemetry::Metrics,
    templates::TemplateSet,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A verb on a resource: group, resource, verb.
type Right = (String, String, String);

/// The component of those that wait for their drivers, or end them: no submission needs it.
const WAITING: &str = "waiting.yaml";

/// The component of those whose policies read the metadata of namespaces: no submission needs it that has no such policy.
const NAMESPACES: &str = "namespaces.yaml";

/// What `deploy/rbac` and its components grant to submissions. Of owner references only where the control plane was brought up by
/// `tests/e2e/up -- --enable-admission-plugins=OwnerReferencesPermissionEnforcement`, which `E2E_OWNER_REFERENCES` says.
fn shipped() -> Vec<Right> {
    let rights = granted(|path| !path.ends_with(WAITING) && !path.ends_with(NAMESPACES));
    assert!(rights.len() > 20, "{rights:?}");
    rights
}

/// What the roles in the files grant that are chosen by `is_meant`.
fn granted(is_meant: impl Fn(&Path) -> bool) -> Vec<Right> {
    let mut rights = Vec::new();
    let files = roles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rbac"));
    for path in files.iter().filter(|path| is_meant(path)) {
        if path.ends_with("owner-references.yaml") && std::env::var_os("E2E_OWNER_REFERENCES").is_none() {
            continue;
        }
        let file = path.display();
        let text = fs::read_to_string(path).unwrap();
        let [role, binding] = text.split("\n---\n").collect::<Vec<_>>()[..] else {
            panic!("{file}: not a role and its binding");
        };
        let [role, binding]: [Value; 2] = [role, binding].map(|text| serde_yaml::from_str(text).unwrap());
        assert_eq!(role["kind"], "ClusterRole", "{file}");
        assert_eq!(binding["kind"], "ClusterRoleBinding", "{file}");
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"], "{file}");
        for rule in role["rules"].as_array().unwrap() {
            for (group, resource, verb) in each(rule) {
                assert!(![&group, &resource, &verb].contains(&&"*".to_owned()), "{file}");
                rights.push((group, resource, verb));
            }
        }
    }
    rights.sort();
    rights
}

/// The files below this folder, but for the kustomizations.
fn roles(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(roles(&path));
        } else if !path.ends_with("kustomization.yaml") {
            files.push(path);
        }
    }
    files
}

fn each(rule: &Value) -> Vec<Right> {
    let texts = |key: &str| -> Vec<String> { serde_json::from_value(rule[key].clone()).unwrap() };
    let mut rights = Vec::new();
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for verb in texts("verbs") {
                rights.push((group.clone(), resource.clone(), verb));
            }
        }
    }
    rights
}

/// A submission that owns one object of each kind.
fn manifests(namespace: &str, owner: &Value) -> Arc<Manifests> {
    let conf = [
        format!("spark.kubernetes.namespace={namespace}"),
        "spark.kubernetes.driver.pod.name=all-driver".to_owned(),
        "spark.kubernetes.container.image=spark".to_owned(),
        "spark.kubernetes.submission.waitAppCompletion=false".to_owned(),
        "spark.kubernetes.authenticate.driver.oauthToken=secret".to_owned(),
        "spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path=/data".to_owned(),
        "spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName=OnDemand".to_owned(),
        "spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.storageClass=standard".to_owned(),
        "spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.sizeLimit=1Gi".to_owned(),
        "spark.kubernetes.scheduler.name=volcano".to_owned(),
        "spark.kubernetes.driver.pod.featureSteps=org.apache.spark.deploy.k8s.features.VolcanoFeatureStep"
            .to_owned(),
    ];
    let options = "--master k8s://https://api:443 --deploy-mode cluster --name all --class a.B";
    let mut argv: Vec<String> = options.split(' ').map(str::to_owned).collect();
    argv.extend(conf.into_iter().flat_map(|conf| ["--conf".to_owned(), conf]));
    argv.push("local:///a.jar".to_owned());
    let template = json!({
        "metadata": {"ownerReferences": [owner]},
        "spec": {"containers": [{"name": "spark-kubernetes-driver"}]},
    });
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        driver_template: Some(PodTemplate::from_value("driver", template, UnknownFields::Refuse).unwrap()),
        ..Request::default()
    };
    let context = SubmitterContext {
        spark_version: Some("4.3.0".parse().unwrap()),
        // A request can't bring a token, and so no Secret; the drop-in can.
        reach: Reach::Process,
        ..SubmitterContext::golden()
    };
    let submission = resolve(arguments::parse(&argv).unwrap(), request, &context).unwrap();
    Arc::new(submitter::manifests(&submission, &context, &TemplateSet::builtin().unwrap()).unwrap())
}

/// An application, which gives drivers their owner.
async fn application(plane: &ControlPlane, namespace: &str) -> Value {
    let mut application: Value = serde_yaml::from_str(include_str!("../../examples/spark-pi.yaml")).unwrap();
    application["metadata"] = json!({"name": "all", "namespace": namespace});
    let live = plane.create(namespace, &application).await.unwrap();
    json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"], "name": "all", "uid": live["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// What an attempt for the same application leaves that is killed before its Pod is there.
fn left_behind(owner: &Value) -> Value {
    json!({
        "apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "PodGroup",
        "metadata": {
            "name": "left-behind",
            "labels": {"native-submit/waiting": owner["uid"]},
            "ownerReferences": [owner],
        },
        "spec": {"minMember": 1},
    })
}

/// Until what a dead call left is nobody's, by the settings here.
const OLD: Duration = Duration::from_secs(3);

/// Everything that native-submit does on a cluster; the first thing that fails.
async fn everything(plane: &ControlPlane, client: Client) -> Result<(), String> {
    let sink = ClusterSink::new(
        client.clone(),
        ClusterSettings {
            deadline: Duration::from_secs(8),
            // There is no other server, and nobody waits long for what a dead one has left.
            running_call: Duration::from_secs(1),
            ..ClusterSettings::default()
        },
    );
    let namespace = plane.namespace("rbac").await;
    plane.prepare_for(&namespace, &json!({})).await;
    let live = sink.live_application(&namespace, "all", None, None).await;
    live.map_err(|error| format!("the application's uid: {error}"))?;
    webhook(&sink, client, &namespace).await?;
    events(&sink, &namespace).await?;

    let owner = application(plane, &namespace).await;
    let all = manifests(&namespace, &owner);
    plane.create(&namespace, &left_behind(&owner)).await.unwrap();
    tokio::time::sleep(OLD).await;
    let first = sink.apply(Arc::clone(&all), None).await;
    first.map_err(|error| format!("a submission: {error}"))?;
    if plane.get("PodGroup", &namespace, "left-behind").await.is_some() {
        return Err("the PodGroup that a killed attempt left behind stays".to_owned());
    }
    let again = sink.apply(Arc::clone(&all), None).await;
    let again = again.map_err(|error| format!("the same again: {error}"))?;
    assert_eq!(again.outcome, Outcome::Found);
    // What a server left that died between the two waves.
    for object in plane.objects(&namespace).await {
        if object["kind"] == "ConfigMap" {
            plane.delete(&object).await.unwrap();
        }
    }
    tokio::time::sleep(OLD).await;
    let completed = sink.apply(Arc::clone(&all), None).await;
    let completed = completed.map_err(|error| format!("completing: {error}"))?;
    if completed.outcome != Outcome::Completed {
        return Err(format!("completing: {:?}", completed.outcome));
    }
    plane.remove_namespace(&namespace).await;

    // What fails half-way is removed: with one object in the way, all the others are. Twice, for the one as well.
    for kind in ["Service", "ConfigMap"] {
        let namespace = plane.namespace("rbac").await;
        plane.prepare_for(&namespace, &json!({})).await;
        let owner = application(plane, &namespace).await;
        let all = manifests(&namespace, &owner);
        let mut in_the_way = all
            .owned
            .iter()
            .find(|manifest| manifest.value["kind"] == kind)
            .unwrap()
            .value
            .clone();
        in_the_way["metadata"]["ownerReferences"] = json!([]);
        plane.create(&namespace, &in_the_way).await.unwrap();
        match sink.apply(all, None).await {
            Err(ApplyError::RolledBack { left, .. }) if left.is_empty() => {}
            Err(error) => return Err(format!("rolling back: {error:?}")),
            Ok(_) => panic!("it took another's {kind}"),
        }
        // What goes without a word: a PodGroup ahead of a Pod that never was.
        let left = plane.objects(&namespace).await;
        let left: Vec<_> = left
            .iter()
            .filter(|object| object["kind"] == "PodGroup")
            .collect();
        if !left.is_empty() {
            return Err(format!("rolling back: {left:?}"));
        }
        plane.remove_namespace(&namespace).await;
    }
    Ok(())
}

/// A webhook like the operator's, for Pods that nobody makes in namespaces that nobody has.
fn registration() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "e2e-rbac"},
        "webhooks": [{
            "name": "e2e-rbac.sparkoperator.k8s.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": "https://127.0.0.1:1"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "objectSelector": {"matchLabels": {"e2e-rbac": "true"}},
            "namespaceSelector": {"matchLabels": {"e2e-rbac": "true"}},
        }],
    })
}

/// It is seen that the webhook is not for this namespace.
async fn webhook(sink: &ClusterSink, client: Client, namespace: &str) -> Result<(), String> {
    let webhook = OperatorWebhook::watch(client, sink.clone());
    let labels = [("e2e-rbac".to_owned(), "true".to_owned())].into();
    for look in ["first", "later"] {
        if webhook.acts_on(namespace, &labels).await == Webhook::On {
            return Err(format!("the webhook counts as on at the {look} look"));
        }
        // Until then a watch that is not permitted has failed.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// A refusal is reported, and counted.
async fn events(sink: &ClusterSink, namespace: &str) -> Result<(), String> {
    let metrics = Arc::new(Metrics::default());
    let events = Events::start(sink.clone(), Arc::clone(&metrics));
    for _ in 0..2 {
        let application = ApplicationReference {
            namespace: namespace.to_owned(),
            name: "all".to_owned(),
            uid: Some("3f1c9a52-0000-4000-8000-000000000001".to_owned()),
        };
        events.refused(application, ErrorCode::BadRequest, "refused".to_owned());
    }
    for _ in 0..100 {
        // All series are there from the start, at 0.
        let text = metrics.text();
        let some = |result: &str| {
            let series = format!("native_submit_events_total{{result=\"{result}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
            value != "0"
        };
        if some("failed") {
            return Err("an Event can't be written".to_owned());
        }
        if some("created") && some("counted") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no Event was written".to_owned())
}

#[tokio::test]
async fn every_verb_is_needed() {
    let plane = ControlPlane::connect().await;
    let shipped = shipped();
    let registrations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    plane.put_cluster_wide(registrations, &registration()).await;
    // The last has all of it.
    for without in 0..=shipped.len() {
        let rights = shipped.iter().enumerate().filter(|(n, _)| *n != without);
        let rules: Vec<_> = rights
            .map(|(_, (group, resource, verb))| {
                json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
            })
            .collect();
        plane.grant(&user(without), &json!(rules)).await;
    }
    let full = plane.acting_as(&user(shipped.len()));
    let mut result = Err(String::new());
    for _ in 0..20 {
        // The API server's view of RBAC is a moment behind.
        tokio::time::sleep(Duration::from_millis(500)).await;
        result = everything(&plane, full.clone()).await;
        if result.is_ok() {
            break;
        }
    }
    assert_eq!(result, Ok(()), "with all of deploy/rbac and its components");

    let mut superfluous = Vec::new();
    for (without, right) in shipped.iter().enumerate() {
        let client = plane.acting_as(&user(without));
        let (group, resource, verb) = right;
        match everything(&plane, client).await {
            Ok(()) => superfluous.push(right),
            Err(why) => println!("without {verb} {resource}.{group}: {why}"),
        }
    }
    plane.remove(&format!("{registrations}/e2e-rbac")).await;
    assert!(superfluous.is_empty(), "nothing fails without {superfluous:?}");
}

/// A driver is looked at, listed, followed to its end and deleted, as `spark-submit` does that waits, and `--status` and `--kill`.
async fn wait_and_kill(plane: &ControlPlane, client: Client) -> Result<(), String> {
    let namespace = plane.namespace("waiting").await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "pi-driver", "namespace": namespace, "labels": {"spark-role": "driver"}},
        "spec": {"containers": [{"name": "spark-kubernetes-driver", "image": "spark:4.0.1"}]},
    });
    plane.prepare_for(&namespace, &pod).await;
    plane.create(&namespace, &pod).await.unwrap();
    let sink = ClusterSink::new(client, ClusterSettings::default());
    let outcome = async {
        let live = sink.live_pod(&namespace, "pi-driver").await;
        live.map_err(|error| format!("--status: {error}"))?;
        let found = sink.drivers(&namespace, "pi-").await;
        let found = found.map_err(|error| format!("--status with a glob: {error}"))?;
        assert_eq!(found.len(), 1);
        let timing = FollowTiming::default();
        let following = sink.follow((&namespace, "pi-driver"), None, &timing, |_| ());
        let ending = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let status = json!({"phase": "Succeeded"});
            plane.set_pod_status(&namespace, "pi-driver", &status).await;
        };
        let (followed, ()) = tokio::join!(following, ending);
        followed.map_err(|error| format!("waiting: {error}"))?;
        let killed = sink.kill(&namespace, &found[0], Some(0)).await;
        assert!(killed.map_err(|error| format!("--kill: {error}"))?);
        Ok(())
    };
    let outcome = outcome.await;
    plane.remove_namespace(&namespace).await;
    outcome
}

#[tokio::test]
async fn every_verb_of_the_component_for_waiting_is_needed() {
    let plane = ControlPlane::connect().await;
    let rights = granted(|path| path.ends_with(WAITING));
    assert_eq!(rights.len(), 4);
    let user = |without: usize| format!("e2e-waiting-without-{without}");
    for without in 0..=rights.len() {
        let kept = rights.iter().enumerate().filter(|(n, _)| *n != without);
        let rules: Vec<_> = kept
            .map(|(_, (group, resource, verb))| {
                json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
            })
            .collect();
        plane.grant(&user(without), &json!(rules)).await;
    }
    // The API server's view of RBAC is a moment behind.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let all = wait_and_kill(&plane, plane.acting_as(&user(rights.len()))).await;
    assert_eq!(all, Ok(()));
    for (without, right) in rights.iter().enumerate() {
        let outcome = wait_and_kill(&plane, plane.acting_as(&user(without))).await;
        assert!(outcome.is_err(), "nothing fails without {right:?}");
    }
}

fn user(without: usize) -> String {
    format!("e2e-rbac-without-{without}")
}
