//! A stand-in for the Kubernetes API server, in this process, over real HTTP on a loopback port.
//!
//! It keeps objects, gives uids and resource versions, answers POST, GET (also of a list), PATCH and DELETE as
//! kube-apiserver does (409 with reason, uid and resourceVersion preconditions, 404 for namespaces), logs each request, and does
//! wrong what a test asks for: see [`Fault`]. It neither validates nor defaults, and collects garbage only
//! when a test asks for it. It has a clock of its own, which [`ApiServer::pass`] puts forward.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};
use k8s_openapi::jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify, sync::watch, task::JoinHandle};

/// The server; it ends when this is dropped.
pub(crate) struct ApiServer {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<Cluster>,
    /// Counts changes of the state, so that tests can wait for one.
    changes: watch::Sender<u64>,
}

/// `(plural, namespace, name)`.
pub(crate) type Key = (String, String, String);

#[derive(Default)]
struct Cluster {
    objects: BTreeMap<Key, Value>,
    missing_namespaces: BTreeSet<String>,
    log: Vec<Seen>,
    faults: Vec<(Fault, u32)>,
    held: BTreeSet<Key>,
    denied: BTreeSet<(String, String)>,
    counter: u64,
    answers: usize,
    looks: Vec<String>,
    /// By how much its clock is ahead of the machine's.
    ahead: Duration,
    /// What happened to each object, for watches: `ADDED`, `MODIFIED`, `DELETED`, or `BOOKMARK` of all.
    history: Vec<(u64, &'static str, Key, Value)>,
    /// Watches can't go on from before this version.
    compacted: u64,
    /// Counts the times at which all watches were cut.
    cuts: u64,
    /// How many watches are open.
    watching: usize,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `create`, `get`, `list`, `watch`, `patch` or `delete`.
    pub(crate) verb: &'static str,
    /// The plural name of the resource.
    pub(crate) resource: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// The object's name.
    pub(crate) name: String,
    /// The query string.
    pub(crate) query: String,
    /// The body, or null.
    pub(crate) body: Value,
    /// How many requests had been answered when it arrived: equal for requests in flight together.
    pub(crate) after: usize,
}

/// Something to do wrong.
#[derive(Clone)]
pub(crate) struct Fault {
    /// `create`, `get`, `list`, `patch`, `delete`, or `*`.
    pub(crate) verb: &'static str,
    /// The plural name of a resource, or `*`.
    pub(crate) resource: &'static str,
    /// Which of the matching requests, counted from 1.
    pub(crate) nth: std::ops::RangeInclusive<u32>,
    /// What to do.
    pub(crate) effect: Effect,
}

/// What a [`Fault`] does.
#[derive(Clone)]
pub(crate) enum Effect {
    /// Answers with this status and `Status` body, and does nothing.
    Refuse(u16, Value),
    /// The same with a `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// Does the thing, and then answers with this status.
    ActThenRefuse(u16),
    /// Never answers, and does nothing.
    HangBefore,
    /// Does the thing, and never answers.
    HangAfter,
    /// Closes the connection, and does nothing.
    ResetBefore,
    /// Does the thing, and closes the connection.
    ResetAfter,
    /// Waits for the notification, then does the thing and answers.
    Hold(Arc<Notify>),
    /// Of a watch: ends it at once, as it should be ended.
    EndAtOnce,
    /// Of a watch: cuts the connection after so many bytes of its events.
    CutAfter(usize),
    /// Of a watch: sends this in place of events, and ends it.
    Say(String),
}

impl Fault {
    /// The `nth` request of this kind.
    pub(crate) fn once(verb: &'static str, resource: &'static str, nth: u32, effect: Effect) -> Self {
        Self {
            verb,
            resource,
            nth: nth..=nth,
            effect,
        }
    }

    /// Every request of this kind.
    pub(crate) fn always(verb: &'static str, resource: &'static str, effect: Effect) -> Self {
        Self {
            verb,
            resource,
            nth: 1..=u32::MAX,
            effect,
        }
    }
}

impl Effect {
    /// A plain refusal.
    pub(crate) fn status(code: u16) -> Self {
        Self::Refuse(code, json!({}))
    }

    /// A refusal with a message, as admission gives it.
    pub(crate) fn says(code: u16, message: &str) -> Self {
        Self::Refuse(code, json!({"message": message, "reason": "Forbidden"}))
    }
}

impl ApiServer {
    /// Starts on a free port.
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            serving: Some(serving),
        }
    }

    /// One that no socket leads to, only [`direct`](Self::direct): for thousands of them in a few seconds.
    pub(crate) fn unserved() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        });
        Self {
            url: String::new(),
            shared,
            serving: None,
        }
    }

    /// A client that calls it without a connection. A reset is an error of its transport.
    pub(crate) fn direct(&self) -> Client {
        let shared = Arc::clone(&self.shared);
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            tokio::spawn(answer(State(Arc::clone(&shared)), request.map(Body::new)))
        });
        Client::new(service, "default")
    }

    /// Puts its clock forward.
    pub(crate) fn pass(&self, time: Duration) {
        self.shared.state.lock().unwrap().ahead += time;
    }

    /// A client of it, without kube's own retry.
    pub(crate) fn client(&self) -> Client {
        let mut config = Config::new(self.url.parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// Adds something to do wrong.
    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.state.lock().unwrap().faults.push((fault, 0));
    }

    /// Takes all faults away.
    pub(crate) fn heal(&self) {
        self.shared.state.lock().unwrap().faults.clear();
    }

    /// Says no to who asks whether they may do this.
    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        let denied = (verb.to_owned(), resource.to_owned());
        self.shared.state.lock().unwrap().denied.insert(denied);
    }

    /// Answers 404 for this namespace.
    pub(crate) fn without_namespace(&self, namespace: &str) {
        self.shared
            .state
            .lock()
            .unwrap()
            .missing_namespaces
            .insert(namespace.to_owned());
    }

    /// Puts an object there, with a uid unless it has one; gives its uid.
    pub(crate) fn put(&self, resource: &str, object: Value) -> String {
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let uid = self
            .shared
            .state
            .lock()
            .unwrap()
            .insert(resource, &namespace, object)["metadata"]["uid"]
            .clone();
        self.shared.changed();
        uid.as_str().unwrap().to_owned()
    }

    /// The object, if it is there.
    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.shared
            .state
            .lock()
            .unwrap()
            .objects
            .get(&key(resource, namespace, name))
            .cloned()
    }

    /// Changes an object in place, as a kubelet or a user would.
    pub(crate) fn change(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) {
        {
            let mut state = self.shared.state.lock().unwrap();
            let version = state.next();
            let object = state.objects.get_mut(&key(resource, namespace, name)).unwrap();
            change(object);
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            let object = object.clone();
            state
                .history
                .push((version, "MODIFIED", key(resource, namespace, name), object));
        }
        self.shared.changed();
    }

    /// Removes an object without asking.
    pub(crate) fn remove(&self, resource: &str, namespace: &str, name: &str) {
        self.shared
            .state
            .lock()
            .unwrap()
            .take_away(&key(resource, namespace, name));
        self.shared.changed();
    }

    /// Cuts the connections of all watches.
    pub(crate) fn cut_watches(&self) {
        self.shared.state.lock().unwrap().cuts += 1;
        self.shared.changed();
    }

    /// Forgets what happened so far: a watch from an earlier version is answered with 410.
    pub(crate) fn compact(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.compacted = state.next();
    }

    /// Sends a bookmark to all watches; its version.
    pub(crate) fn bookmark(&self) -> u64 {
        let version = {
            let mut state = self.shared.state.lock().unwrap();
            let version = state.next();
            let mark = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": version.to_string()}});
            state.history.push((version, "BOOKMARK", Key::default(), mark));
            version
        };
        self.shared.changed();
        version
    }

    /// How many watches of objects are open.
    pub(crate) fn watching(&self) -> usize {
        self.shared.state.lock().unwrap().watching
    }

    /// A deletion only marks this object, as with a finalizer or a running container, until `remove`.
    pub(crate) fn hold(&self, resource: &str, namespace: &str, name: &str) {
        self.shared
            .state
            .lock()
            .unwrap()
            .held
            .insert(key(resource, namespace, name));
    }

    /// All objects that are there, as `pods/name`.
    pub(crate) fn names(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state
            .objects
            .keys()
            .map(|(resource, _, name)| format!("{resource}/{name}"))
            .collect()
    }

    /// All objects of these kinds.
    pub(crate) fn objects(&self, kinds: impl Fn(&str) -> bool) -> Vec<Value> {
        let state = self.shared.state.lock().unwrap();
        let objects = state.objects.iter().filter(|((resource, ..), _)| kinds(resource));
        objects.map(|(_, object)| object.clone()).collect()
    }

    /// Objects with a Pod as owner that is not there.
    pub(crate) fn orphans(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state
            .orphans()
            .into_iter()
            .map(|(resource, _, name)| format!("{resource}/{name}"))
            .collect()
    }

    /// What the garbage collector would do.
    pub(crate) fn collect_garbage(&self) {
        {
            let mut state = self.shared.state.lock().unwrap();
            for orphan in state.orphans() {
                state.take_away(&orphan);
            }
        }
        self.shared.changed();
    }

    /// The requests so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().log.clone()
    }

    /// The requests so far as `create pods`, in order of arrival.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log()
            .iter()
            .map(|seen| format!("{} {}", seen.verb, seen.resource))
            .collect()
    }

    /// The queries of the lists and watches of webhooks so far, which are not in the log.
    pub(crate) fn looks(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().looks.clone()
    }

    /// Waits until this holds; fails the test after ten seconds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        let waiting = async {
            while !holds(self) {
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        assert!(
            waited.is_ok(),
            "waited in vain for: {what}; there were {:?}",
            self.lines()
        );
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

impl Shared {
    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

fn key(resource: &str, namespace: &str, name: &str) -> Key {
    (resource.to_owned(), namespace.to_owned(), name.to_owned())
}

impl Cluster {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn insert(&mut self, resource: &str, namespace: &str, mut object: Value) -> Value {
        let (version, now) = (self.next(), self.now());
        let metadata = &mut object["metadata"];
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{version}"));
        }
        metadata["namespace"] = json!(namespace);
        metadata["resourceVersion"] = json!(version.to_string());
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = json!(field(now));
        }
        if resource == "pods" && object["status"].is_null() {
            object["status"] = json!({"phase": "Pending"});
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = key(resource, namespace, &name);
        let earlier = self.objects.insert(key.clone(), object.clone());
        let event = if earlier.is_some() { "MODIFIED" } else { "ADDED" };
        self.history.push((version, event, key, object.clone()));
        object
    }

    /// Removes an object, if it is there.
    fn take_away(&mut self, key: &Key) {
        if let Some(mut object) = self.objects.remove(key) {
            let version = self.next();
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            self.history.push((version, "DELETED", key.clone(), object));
        }
    }

    /// What its clock says.
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::try_from(self.ahead).unwrap()
    }

    fn orphans(&self) -> Vec<Key> {
        let pods: BTreeSet<&str> = self
            .objects
            .iter()
            .filter(|((resource, ..), _)| resource == "pods")
            .filter_map(|(_, pod)| pod["metadata"]["uid"].as_str())
            .collect();
        let orphaned = |object: &Value| {
            let owners = object["metadata"]["ownerReferences"].as_array();
            let mut owners = owners
                .into_iter()
                .flatten()
                .filter(|owner| owner["kind"] == "Pod")
                .peekable();
            owners.peek().is_some() && owners.all(|owner| !pods.contains(owner["uid"].as_str().unwrap_or("")))
        };
        self.objects
            .iter()
            .filter(|(_, object)| orphaned(object))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// The fault that this request meets, if any.
    fn fault_for(&mut self, verb: &str, resource: &str) -> Option<Effect> {
        let mut effect = None;
        for (fault, count) in &mut self.faults {
            let verb_fits = fault.verb == "*" || fault.verb == verb;
            let resource_fits = fault.resource == "*" || fault.resource == resource;
            if verb_fits && resource_fits {
                *count += 1;
                if effect.is_none() && fault.nth.contains(count) {
                    effect = Some(fault.effect.clone());
                }
            }
        }
        effect
    }

    /// What a list answers: the objects with the label of `labelSelector=key=value`, or all.
    fn labelled(&self, seen: &Seen) -> Vec<Value> {
        let label = seen
            .query
            .split('&')
            .find_map(|part| part.strip_prefix("labelSelector="))
            .and_then(|label| label.split_once('='));
        let fits =
            |object: &Value| label.is_none_or(|(key, value)| object["metadata"]["labels"][key] == value);
        self.objects
            .iter()
            .filter(|((resource, namespace, _), object)| {
                let here = seen.namespace.is_empty() || *namespace == seen.namespace;
                *resource == seen.resource && here && fits(object)
            })
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn act(&mut self, seen: &Seen) -> (u16, Value) {
        let Seen {
            verb,
            resource,
            namespace,
            name,
            body,
            ..
        } = seen;
        let key = key(resource, namespace, name);
        let about = |kind: &str| json!({"kind": kind, "name": name});
        if *verb == "create" && self.missing_namespaces.contains(namespace) {
            return status(404, "NotFound", &json!({"kind": "namespaces", "name": namespace}));
        }
        match (*verb, self.objects.get(&key)) {
            ("create", Some(_)) => status(409, "AlreadyExists", &about(resource)),
            ("create", None) if seen.query.contains("dryRun=All") => (201, body.clone()),
            ("create", None) => (201, self.insert(resource, namespace, body.clone())),
            ("list", _) => {
                let mut page = page(self.labelled(seen), &seen.query);
                page["metadata"]["resourceVersion"] = json!(self.counter.to_string());
                (200, page)
            }
            // A real one waits for its cache to become so new, for 3 s.
            ("get", _) if asked_version(&seen.query).is_some_and(|version| version > self.counter) => {
                status(504, "Timeout", &about(resource))
            }
            (_, None) => status(404, "NotFound", &about(resource)),
            ("get", Some(object)) => (200, object.clone()),
            ("patch", Some(object)) => {
                for part in ["uid", "resourceVersion"] {
                    let wanted = &body["metadata"][part];
                    if !wanted.is_null() && *wanted != object["metadata"][part] {
                        return status(409, "Conflict", &about(resource));
                    }
                }
                let mut patched = object.clone();
                merge(&mut patched, body);
                (200, self.insert(resource, namespace, patched))
            }
            ("delete", Some(object)) => {
                let metadata = object["metadata"].clone();
                for part in ["uid", "resourceVersion"] {
                    let wanted = &body["preconditions"][part];
                    if !wanted.is_null() && *wanted != metadata[part] {
                        return status(409, "Conflict", &about(resource));
                    }
                }
                if self.held.contains(&key) {
                    let (version, now) = (self.next(), self.now());
                    if let Some(object) = self.objects.get_mut(&key) {
                        object["metadata"]["deletionTimestamp"] = json!(field(now));
                        object["metadata"]["resourceVersion"] = json!(version.to_string());
                        let object = object.clone();
                        self.history.push((version, "MODIFIED", key, object.clone()));
                        return (200, object);
                    }
                }
                self.take_away(&key);
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            (verb, _) => panic!("the stand-in knows no {verb}"),
        }
    }
}

/// The resource version that a read names.
fn asked_version(query: &str) -> Option<u64> {
    let mut parts = query.split('&');
    parts.find_map(|part| part.strip_prefix("resourceVersion=")?.parse().ok())
}

/// The page of a list that `limit` and `continue` ask for; a token is the number of items before it.
fn page(all: Vec<Value>, query: &str) -> Value {
    let number = |name: &str| {
        let mut parts = query.split('&');
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
    };
    let (from, limit) = (
        number("continue").unwrap_or(0),
        number("limit").unwrap_or(usize::MAX),
    );
    let count = all.len();
    let items: Vec<_> = all.into_iter().skip(from).take(limit).collect();
    let next = from + items.len();
    let token = if next < count {
        next.to_string()
    } else {
        String::new()
    };
    json!({"metadata": {"continue": token}, "items": items})
}

/// As Kubernetes writes a moment: in whole seconds.
fn field(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A JSON merge patch (RFC 7386).
pub(crate) fn merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, value) in patch {
                if value.is_null() {
                    fields.remove(name);
                } else {
                    merge(fields.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (object, patch) => *object = patch.clone(),
    }
}

fn status(code: u16, reason: &str, details: &Value) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": reason, "details": details,
    });
    (code, body)
}

/// What is beside the objects: the version, a group's kinds, a review of rights. It has faults, too.
fn beside_objects(shared: &Shared, path: &[&str], body: &[u8]) -> Option<Response> {
    let (verb, resource) = match path {
        ["version"] => ("get", "version"),
        ["apis", group, _] => ("get", *group),
        [.., "selfsubjectaccessreviews"] => ("create", "selfsubjectaccessreviews"),
        _ => return None,
    };
    let effect = shared.state.lock().unwrap().fault_for(verb, resource);
    Some(match (effect, path) {
        (Some(Effect::Refuse(code, body)), _) => respond(shared, code, &body, None),
        (_, ["version"]) => respond(shared, 200, &version(), None),
        (_, ["apis", "sparkoperator.k8s.io", "v1beta2"]) => respond(shared, 200, &resources(), None),
        (_, ["apis", ..]) if path.len() == 3 => not_served(),
        _ => review(shared, body),
    })
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    if let Some(answer) = beside_objects(&shared, &path, &body) {
        return answer;
    }
    let rest = path
        .split(|part| *part == "namespaces")
        .nth(1)
        .unwrap_or_default();
    let (namespace, resource, name) = match rest {
        _ if path == ["api", "v1", "namespaces"] => ("", "namespaces", None),
        [name] if path[..2] == ["api", "v1"] => ("", "namespaces", Some(*name)),
        [namespace, resource] => (*namespace, *resource, None),
        [namespace, resource, name] => (*namespace, *resource, Some(*name)),
        _ if matches!(path[..], ["apis", "sparkoperator.k8s.io", "v1beta2", _]) => ("", path[3], None),
        _ if path.last() == Some(&WEBHOOKS) => return webhooks(&shared, parts.uri.query()).await,
        _ => return respond(&shared, 404, &json!({}), None),
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let watches = parts
        .uri
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    let verb = match (parts.method.as_str(), name) {
        ("GET", None) if watches => "watch",
        ("POST", None) => "create",
        ("GET", Some(_)) => "get",
        ("GET", None) => "list",
        ("PATCH", Some(_)) => "patch",
        ("DELETE", Some(_)) => "delete",
        _ => return respond(&shared, 405, &json!({}), None),
    };
    let seen = Seen {
        verb,
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name
            .or(body["metadata"]["name"].as_str())
            .unwrap_or_default()
            .to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        after: 0,
    };
    let effect = {
        let mut state = shared.state.lock().unwrap();
        let after = state.answers;
        state.log.push(Seen {
            after,
            ..seen.clone()
        });
        state.fault_for(verb, resource)
    };
    shared.changed();

    if verb == "watch"
        && matches!(
            effect,
            None | Some(Effect::EndAtOnce | Effect::CutAfter(_) | Effect::Say(_))
        )
    {
        return watch_object(&shared, &seen, effect);
    }

    let act = || {
        let answer = shared.state.lock().unwrap().act(&seen);
        shared.changed();
        answer
    };
    let (code, body) = match effect {
        None => act(),
        Some(Effect::Refuse(code, body)) => return respond(&shared, code, &body, None),
        Some(Effect::RetryAfter(code, seconds)) => return respond(&shared, code, &json!({}), Some(seconds)),
        Some(Effect::ActThenRefuse(code)) => {
            act();
            return respond(&shared, code, &json!({}), None);
        }
        Some(Effect::HangBefore) => std::future::pending().await,
        Some(Effect::HangAfter) => {
            act();
            std::future::pending().await
        }
        Some(Effect::ResetBefore) => reset(),
        Some(Effect::ResetAfter) => {
            act();
            reset()
        }
        Some(Effect::Hold(go)) => {
            go.notified().await;
            act()
        }
        Some(Effect::EndAtOnce | Effect::CutAfter(_) | Effect::Say(_)) => panic!("only of a watch"),
    };
    shared.state.lock().unwrap().answers += 1;
    respond(&shared, code, &body, None)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "",
    })
}

/// What the operator's CRDs bring.
fn resources() -> Value {
    json!({"kind": "APIResourceList", "groupVersion": "sparkoperator.k8s.io/v1beta2", "resources": []})
}

/// A group that nobody serves: in plain text, as kube-apiserver has it.
fn not_served() -> Response {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Whether the caller may do what the review asks about.
fn review(shared: &Shared, body: &[u8]) -> Response {
    let mut review: Value = serde_json::from_slice(body).unwrap();
    let asked = &review["spec"]["resourceAttributes"];
    let word = |name: &str| asked[name].as_str().unwrap().to_owned();
    let question = (word("verb"), word("resource"));
    let denied = shared.state.lock().unwrap().denied.contains(&question);
    review["status"] = json!({"allowed": !denied});
    respond(shared, 201, &review, None)
}

/// An open watch: counted until it is dropped.
struct Watching {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    key: Key,
    version: u64,
    cuts: u64,
    /// How many bytes there may be before the connection is cut.
    left: Option<usize>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().watching -= 1;
        self.shared.changed();
    }
}

impl Watching {
    /// The next bytes; an error where the connection is cut.
    async fn next(&mut self) -> Result<Vec<u8>, std::io::Error> {
        let cut = || std::io::Error::other("cut");
        loop {
            if self.left == Some(0) {
                return Err(cut());
            }
            let mut text = {
                let state = self.shared.state.lock().unwrap();
                let mut events = state.history.iter().filter(|(version, event, key, _)| {
                    // Of one object, or of all.
                    let is_followed = *key == self.key || self.key.2.is_empty() && key.0 == self.key.0;
                    *version > self.version && (*event == "BOOKMARK" || is_followed)
                });
                let text = events.next().map(|(version, event, _, object)| {
                    self.version = *version;
                    format!("{}\n", json!({"type": event, "object": object})).into_bytes()
                });
                // What happened before the cut still arrives.
                if text.is_none() && state.cuts != self.cuts {
                    return Err(cut());
                }
                text.unwrap_or_default()
            };
            if !text.is_empty() {
                if let Some(left) = &mut self.left {
                    text.truncate(*left);
                    *left -= text.len();
                }
                return Ok(text);
            }
            if self.changes.changed().await.is_err() {
                return Err(cut());
            }
        }
    }
}

/// Answers a watch of one object, from the version of the query on.
fn watch_object(shared: &Arc<Shared>, seen: &Seen, effect: Option<Effect>) -> Response {
    let said = |name: &str| {
        let mut parts = seen.query.split('&');
        parts
            .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
            .to_owned()
    };
    let left = match effect {
        Some(Effect::EndAtOnce) => return Response::new(Body::empty()),
        Some(Effect::Say(text)) => return Response::new(Body::from(text)),
        Some(Effect::CutAfter(bytes)) => Some(bytes),
        _ => None,
    };
    let selected = said("fieldSelector").replace("metadata.name%3D", "");
    let version: u64 = said("resourceVersion").parse().unwrap();
    let (cuts, compacted) = {
        let mut state = shared.state.lock().unwrap();
        state.watching += 1;
        (state.cuts, state.compacted)
    };
    let watching = Watching {
        shared: Arc::clone(shared),
        changes: shared.changes.subscribe(),
        key: key(&seen.resource, &seen.namespace, &selected),
        version,
        cuts,
        left,
    };
    shared.changed();
    if version < compacted {
        let (_, status) = status(410, "Expired", &json!({}));
        return Response::new(Body::from(format!(
            "{}\n",
            json!({"type": "ERROR", "object": status})
        )));
    }
    let events = futures::stream::unfold(watching, |mut watching| async move {
        Some((watching.next().await, watching))
    });
    Response::new(Body::from_stream(events))
}

/// The one resource without namespaces that can be listed and watched.
const WEBHOOKS: &str = "mutatingwebhookconfigurations";

/// Answers a list; or a watch, with what there is after the next change and no more.
async fn webhooks(shared: &Shared, query: Option<&str>) -> Response {
    let look = query.unwrap_or_default().to_owned();
    shared.state.lock().unwrap().looks.push(look);
    let fault = shared.state.lock().unwrap().fault_for("list", WEBHOOKS);
    if let Some(Effect::Refuse(code, body)) = fault {
        return respond(shared, code, &body, None);
    }
    let all = || -> (u64, Vec<Value>) {
        let state = shared.state.lock().unwrap();
        let found = state
            .objects
            .iter()
            .filter(|((resource, ..), _)| resource == WEBHOOKS);
        (state.counter, found.map(|(_, object)| object.clone()).collect())
    };
    if !query.unwrap_or_default().contains("watch=true") {
        let (version, items) = all();
        return respond(
            shared,
            200,
            &json!({"metadata": {"resourceVersion": version.to_string()}, "items": items}),
            None,
        );
    }
    let before = all().1;
    let mut changes = shared.changes.subscribe();
    loop {
        let (version, now) = all();
        let gone = before.iter().filter(|object| !now.contains(object));
        let new = now.iter().filter(|object| !before.contains(object));
        let mut events = String::new();
        for (kind, object) in gone
            .map(|object| ("DELETED", object))
            .chain(new.map(|object| ("ADDED", object)))
        {
            let mut object = object.clone();
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            events += &json!({"type": kind, "object": object}).to_string();
            events.push('\n');
        }
        if !events.is_empty() {
            return Response::new(Body::from(events));
        }
        if changes.changed().await.is_err() {
            return respond(shared, 503, &json!({}), None);
        }
    }
}

/// Ends the connection's task without an answer, and without the panic hook's noise.
fn reset() -> ! {
    std::panic::resume_unwind(Box::new("reset"))
}

fn date(shared: &Shared) -> String {
    let now = shared.state.lock().unwrap().now();
    let mut text = String::new();
    rfc2822::DateTimePrinter::new()
        .print_timestamp_rfc9110(&now, &mut text)
        .unwrap();
    text
}

fn respond(shared: &Shared, code: u16, body: &Value, retry_after: Option<u64>) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::DATE, date(shared));
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(Body::from(body.to_string())).unwrap()
}
