//! The fault matrix: every request of a submission, met by every kind of fault, once and for good.
//!
//! Whatever happens, a call ends in success or in a refusal of the right class, no object is left without a live
//! driver Pod as its owner (where deletions work), and the next attempt, under the same id or a new one,
//! leads to exactly one complete set.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault},
    manifests::{CONFIG_MAP, POD, Sample},
};
use futures::{StreamExt, stream};
use native_submit::cluster::{ApplyError, ClusterSettings, ClusterSink, LiveError, Outcome, ResourceVersion};
use serde_json::json;
use std::time::{Duration, Instant};

const OWNED: [&str; 6] = [
    "podgroups",
    "services",
    "configmaps",
    "secrets",
    "persistentvolumeclaims",
    "networkpolicies",
];

/// What is on the cluster before the call that meets the fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    /// Nothing.
    Nothing,
    /// The same submission, complete and old: the call looks at each object.
    Same,
    /// The same submission, incomplete and old: the call takes it over.
    Dead,
    /// The creation of this kind is refused for good, so that the call rolls back.
    Refused(&'static str),
}

/// One request of a submission.
#[derive(Debug, Clone, Copy)]
struct Request {
    verb: &'static str,
    resource: &'static str,
    before: Before,
}

fn requests() -> Vec<Request> {
    let request = |verb, resource, before| Request {
        verb,
        resource,
        before,
    };
    let mut all = vec![
        request("create", "pods", Before::Nothing),
        request("patch", "podgroups", Before::Nothing),
        request("list", "podgroups", Before::Nothing),
        request("get", "pods", Before::Same),
        request("patch", "pods", Before::Dead),
        request("get", "pods", Before::Dead),
        request("create", "configmaps", Before::Dead),
    ];
    for resource in OWNED {
        all.push(request("create", resource, Before::Nothing));
        all.push(request("get", resource, Before::Same));
        // Something else of the second wave fails, and this has to go.
        let other = if resource == "services" {
            "secrets"
        } else {
            "services"
        };
        all.push(request("delete", resource, Before::Refused(other)));
    }
    all.push(request("delete", "pods", Before::Refused("services")));
    // There never is a Pod, and what waited for it has to go.
    all.push(request("delete", "podgroups", Before::Refused("pods")));
    all
}

/// What a fault means to the caller if it is met by a creation, a patch or a look.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Nature {
    /// Another try of the request gets through; with this code if it never does.
    Passing(&'static str),
    /// The server did act: the outcome is a success, whatever it answers.
    Acted(&'static str),
    /// No other try is worth it.
    Final(&'static str),
}

const OVERLOADED: &str = "SUBMITTER_OVERLOADED";
const INTERNAL: &str = "INTERNAL_SERVER_ERROR";
const TAKEN: &str = "DRIVER_POD_ALREADY_EXISTS";
const INVALID: &str = "INVALID_POD_TEMPLATE";

fn faults() -> Vec<(&'static str, Effect, Nature)> {
    let conflict = |reason: &str| Effect::Refuse(409, json!({"reason": reason}));
    vec![
        ("429", Effect::status(429), Nature::Passing(OVERLOADED)),
        (
            "429, Retry-After 0",
            Effect::RetryAfter(429, 0),
            Nature::Passing(OVERLOADED),
        ),
        ("500", Effect::status(500), Nature::Passing(INTERNAL)),
        ("503", Effect::status(503), Nature::Passing(OVERLOADED)),
        (
            "500 after acting",
            Effect::ActThenRefuse(500),
            Nature::Acted(INTERNAL),
        ),
        ("timeout before", Effect::HangBefore, Nature::Passing(OVERLOADED)),
        ("timeout after", Effect::HangAfter, Nature::Acted(OVERLOADED)),
        ("reset before", Effect::ResetBefore, Nature::Passing(OVERLOADED)),
        ("reset after", Effect::ResetAfter, Nature::Acted(OVERLOADED)),
        ("401", Effect::status(401), Nature::Final(INTERNAL)),
        ("403", Effect::status(403), Nature::Final(INTERNAL)),
        ("404", Effect::status(404), Nature::Final(INTERNAL)),
        (
            "409 AlreadyExists",
            conflict("AlreadyExists"),
            Nature::Final(TAKEN),
        ),
        ("409 Conflict", conflict("Conflict"), Nature::Passing(INTERNAL)),
        ("422", Effect::status(422), Nature::Final(INVALID)),
        ("400", Effect::status(400), Nature::Final(INVALID)),
        (
            "504 after acting",
            Effect::ActThenRefuse(504),
            Nature::Acted(OVERLOADED),
        ),
    ]
}

/// Pauses of no length to speak of; and time enough for a busy machine, but where a fault is to be waited for.
fn quick(effect: Option<&Effect>) -> ClusterSettings {
    let hangs = matches!(effect, Some(Effect::HangBefore | Effect::HangAfter));
    ClusterSettings {
        deadline: Duration::from_secs(20),
        finish_within: Duration::from_secs(9),
        request_timeout: Duration::from_millis(if hangs { 250 } else { 5000 }),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(40),
        tries: 3,
        ..ClusterSettings::default()
    }
}

/// One cell of the matrix.
struct Case {
    request: Request,
    fault: &'static str,
    effect: Effect,
    nature: Nature,
    lasting: bool,
    /// The id of the attempt after it.
    next: &'static str,
}

impl Case {
    fn name(&self) -> String {
        let Request {
            verb,
            resource,
            before,
        } = self.request;
        let often = if self.lasting { "for good" } else { "once" };
        format!(
            "{verb} {resource} ({before:?}), {}, {often}, then {}",
            self.fault, self.next
        )
    }

    /// Where the server contradicts itself for good, the time that was given is used up: give little.
    fn settings(&self) -> ClusterSettings {
        let settings = quick(Some(&self.effect));
        if self.lasting && (self.fault == "404" || self.fault.starts_with("409")) {
            ClusterSettings {
                deadline: Duration::from_secs(4),
                finish_within: Duration::from_secs(6),
                ..settings
            }
        } else {
            settings
        }
    }

    fn sample(id: &str) -> Sample {
        Sample::new(id).every_kind()
    }

    /// The stranger that holds the name, where the fault is one.
    fn stranger(&self, api: &ApiServer, sample: &Sample) -> Option<String> {
        if self.request.verb != "create"
            || self.request.before == Before::Dead
            || self.fault != "409 AlreadyExists"
        {
            return None;
        }
        let prefix = format!("{}/", self.request.resource);
        let names = sample.names();
        let name = names.iter().find_map(|name| name.strip_prefix(&prefix)).unwrap();
        api.put(
            self.request.resource,
            json!({"metadata": {
                "name": name, "namespace": "ns",
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": "other"}],
            }}),
        );
        Some(name.to_owned())
    }

    /// The codes that may come of it; none where the call must succeed.
    fn codes(&self) -> Vec<&'static str> {
        let Request { verb, before, .. } = self.request;
        // What it looks for is gone with the application at the latest.
        if verb == "list" {
            return vec![];
        }
        if (verb, self.request.resource) == ("patch", "pods") {
            return self.codes_of_taking_over();
        }
        // The refusal that makes the rollback necessary is what counts.
        if matches!(before, Before::Refused(_)) {
            return vec![INTERNAL];
        }
        match self.nature {
            Nature::Passing(code) if self.lasting || (self.fault == "409 Conflict" && verb != "create") => {
                vec![code]
            }
            // A look shows what the server did.
            Nature::Acted(_) if verb == "patch" => vec![],
            Nature::Acted(code) if self.lasting && verb != "create" => vec![code],
            Nature::Passing(_) | Nature::Acted(_) => vec![],
            // "Not there" is an answer to a look.
            Nature::Final(_) if verb == "get" && self.fault == "404" => {
                vec![if self.lasting { OVERLOADED } else { "" }]
            }
            // The name of nothing: it is free at a later try, or time is over.
            Nature::Final(TAKEN) if (verb, before) == ("create", Before::Dead) => {
                vec![if self.lasting { OVERLOADED } else { "" }]
            }
            // Of another object's name it is not said that the Pod is there.
            Nature::Final(TAKEN) if (verb, self.request.resource) != ("create", "pods") => vec![INTERNAL],
            Nature::Final(code) => vec![code],
        }
    }

    /// Another call's hands on it are waited for, and where it may not be taken over it is replaced.
    fn codes_of_taking_over(&self) -> Vec<&'static str> {
        match (self.fault, self.nature) {
            ("404" | "409 AlreadyExists" | "409 Conflict", _) if self.lasting => vec![OVERLOADED],
            ("401", Nature::Final(code)) => vec![code],
            (_, Nature::Passing(code)) if self.lasting => vec![code],
            _ => vec![],
        }
    }

    async fn run(self) {
        let name = self.name();
        let Request {
            verb,
            resource,
            before,
        } = self.request;
        let api = ApiServer::unserved();
        let sink = ClusterSink::new(api.direct(), self.settings());
        let first = Self::sample("id-1");
        match before {
            Before::Nothing => {}
            Before::Same | Before::Dead => {
                sink.apply(first.manifests(), None).await.unwrap();
                if before == Before::Dead {
                    api.remove("configmaps", "ns", &first.name(CONFIG_MAP));
                }
                grow_old(&api);
            }
            Before::Refused(other) => api.fault(Fault::always("create", other, Effect::status(403))),
        }
        let stranger = self.stranger(&api, &first);
        if stranger.is_none() {
            api.fault(if self.lasting {
                Fault::always(verb, resource, self.effect.clone())
            } else {
                Fault::once(verb, resource, 1, self.effect.clone())
            });
        }

        let result = sink.apply(first.manifests(), None).await;
        let codes = self.codes();
        let code = result.as_ref().map_or_else(|error| error.code().name(), |_| "");
        let expected = if codes.is_empty() { vec![""] } else { codes };
        assert!(
            expected.contains(&code),
            "{name}: {code:?} is not in {expected:?}: {result:?}"
        );
        if let Some(left) = stranger {
            assert!(
                api.get(resource, "ns", &left).is_some(),
                "{name}: a stranger's was removed"
            );
            api.remove(resource, "ns", &left);
        }
        if let (Err(error), Some(_), "delete") = (&result, api.get("pods", "ns", POD), verb) {
            let said = error.to_string();
            assert!(said.contains("could not be removed: pods/"), "{name}: {said}");
        }
        // Unless the server said that it is gone, or another's.
        let believed = self.fault == "404" || self.fault.starts_with("409");
        if let (Err(error), Before::Refused("pods"), false) = (&result, before, believed) {
            let left = !api.names().is_empty();
            let said = error.to_string().contains("could not be removed: podgroups.");
            assert!(said || !left, "{name}: {error}");
        }
        self.nothing_unowned(&api, &name, &first, result.is_ok());
        api.heal();
        next(&api, &sink, self.next, &name).await;
    }

    /// All of it, or nothing but what a deletion that fails must leave to the garbage collector.
    fn nothing_unowned(&self, api: &ApiServer, name: &str, sample: &Sample, succeeded: bool) {
        // What is said not to be there, and what was found, is not deleted one by one.
        let found = self.request.before == Before::Dead;
        if found || self.request.verb == "delete" || (self.request.verb == "get" && self.fault == "404") {
            api.collect_garbage();
        }
        assert_eq!(api.orphans(), Vec::<String>::new(), "{name}");
        if succeeded {
            assert_eq!(api.names(), sample.names(), "{name}");
            owned_by_the_pod(api, name);
        } else if self.request.verb != "delete" && self.request.before == Before::Nothing {
            assert_eq!(api.names(), Vec::<String>::new(), "{name}");
        }
    }
}

/// Until an incomplete Pod is nobody's.
fn grow_old(api: &ApiServer) {
    api.pass(Duration::from_secs(37));
}

/// The next attempt, on a cluster without faults.
async fn next(api: &ApiServer, sink: &ClusterSink, id: &str, name: &str) {
    grow_old(api);
    let sample = Case::sample(id);
    let complete = api.names() == Case::sample("id-1").names();
    match sink.apply(sample.manifests(), None).await {
        Ok(_) => {
            api.collect_garbage();
            assert_eq!(api.names(), sample.names(), "{name}");
        }
        // A complete submission under another id is not the new one's.
        Err(ApplyError::AlreadyExists { .. }) if id != "id-1" && complete => {
            assert_eq!(api.names(), Case::sample("id-1").names(), "{name}");
        }
        Err(error) => panic!(
            "{name}: the next attempt fails: {error}; there is {:?}",
            api.names()
        ),
    }
    owned_by_the_pod(api, name);
    if complete && id == "id-1" {
        let again = sink.apply(sample.manifests(), None).await.unwrap();
        assert_eq!(again.outcome, Outcome::Found, "{name}");
    }
}

fn owned_by_the_pod(api: &ApiServer, name: &str) {
    let uid = api.get("pods", "ns", POD).unwrap()["metadata"]["uid"].clone();
    for object in api.names() {
        let (resource, object_name) = object.split_once('/').unwrap();
        if resource != "pods" {
            let object = api.get(resource, "ns", object_name).unwrap();
            assert_eq!(
                object["metadata"]["ownerReferences"][0]["uid"], uid,
                "{name}: {object}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_meets_every_fault() {
    let mut cases = Vec::new();
    for request in requests() {
        for (fault, effect, nature) in faults() {
            for (lasting, next) in [(false, "id-1"), (false, "id-2"), (true, "id-1"), (true, "id-2")] {
                let effect = effect.clone();
                cases.push(Case {
                    request,
                    fault,
                    effect,
                    nature,
                    lasting,
                    next,
                });
            }
        }
    }
    let count = cases.len();
    let begun = Instant::now();
    let failures: Vec<String> = stream::iter(cases)
        .map(|case| tokio::spawn(case.run()))
        .buffer_unordered(48)
        .filter_map(|ended| async move { ended.err().map(|error| error.to_string()) })
        .collect()
        .await;
    println!("{count} combinations in {:?}", begun.elapsed());
    assert!(
        failures.is_empty(),
        "{} of {count} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The look at the live application keeps to the caller's deadline, whatever meets it.
#[tokio::test]
async fn the_live_application_meets_every_fault() {
    // With a version that the caller has seen, the cache is read first; what fails there is read again.
    let seen = ResourceVersion::new("1").unwrap();
    for (fault, effect, nature) in faults() {
        for (lasting, seen) in [
            (false, None),
            (true, None),
            (false, Some(&seen)),
            (true, Some(&seen)),
        ] {
            let name = format!("{fault}, lasting: {lasting}, seen: {seen:?}");
            let api = ApiServer::unserved();
            let sink = ClusterSink::new(api.direct(), quick(Some(&effect)));
            let uid = api.put(
                "sparkapplications",
                json!({"metadata": {"name": "pi", "namespace": "ns"}}),
            );
            let (verb, resource) = ("get", "sparkapplications");
            api.fault(if lasting {
                Fault::always(verb, resource, effect.clone())
            } else {
                Fault::once(verb, resource, 1, effect.clone())
            });
            let deadline = Some(Instant::now() + Duration::from_secs(10));
            let live = sink.live_application("ns", "pi", seen, deadline).await;
            let read_again = seen.is_some() && !lasting;
            match (fault, nature) {
                ("403", _) => assert!(matches!(live, Err(LiveError::NotPermitted { .. })), "{name}"),
                _ if read_again => assert_eq!(live.unwrap().unwrap().uid, uid, "{name}"),
                ("404", _) => assert_eq!(live, Ok(None), "{name}"),
                (_, Nature::Passing(_) | Nature::Acted(_)) if !lasting && fault != "409 Conflict" => {
                    assert_eq!(live.unwrap().unwrap().uid, uid, "{name}");
                }
                _ => assert!(matches!(live, Err(LiveError::Failed(_))), "{name}: {live:?}"),
            }
        }
    }
}

/// A caller with little time is answered in that time, also while its application is being looked up.
#[tokio::test]
async fn the_live_application_is_looked_up_within_the_deadline() {
    let api = ApiServer::unserved();
    api.fault(Fault::always("get", "sparkapplications", Effect::HangBefore));
    let sink = ClusterSink::new(api.direct(), ClusterSettings::default());
    let begun = Instant::now();
    let live = sink
        .live_application("ns", "pi", None, Some(begun + Duration::from_millis(100)))
        .await;
    assert!(matches!(live, Err(LiveError::Failed(error)) if error.code().retryable()));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "not the default of 30 s"
    );
}

/// A Pod of another attempt that can never be deleted ends the call: the time for it is given once.
#[tokio::test]
async fn a_pod_that_changes_at_each_look_ends_the_call() {
    let api = ApiServer::unserved();
    let settings = ClusterSettings {
        finish_within: Duration::from_secs(3),
        longest_pause: Duration::from_secs(1),
        ..quick(None)
    };
    let sink = ClusterSink::new(api.direct(), settings);
    sink.apply(Case::sample("id-1").manifests(), None).await.unwrap();
    api.remove("configmaps", "ns", "pi-conf-map-id-1");
    grow_old(&api);
    let conflict = Effect::Refuse(409, json!({"reason": "Conflict"}));
    api.fault(Fault::always("delete", "pods", conflict));
    let ended = tokio::time::timeout(
        Duration::from_secs(15),
        sink.apply(Case::sample("id-2").manifests(), None),
    )
    .await;
    let error = ended
        .unwrap_or_else(|_| panic!("it goes on for ever"))
        .unwrap_err();
    assert!(error.code().retryable(), "{error}");
    assert!(api.log().len() < 300, "{} requests", api.log().len());
}
