//! Two servers, one driver Pod: every interleaving of their requests, and what must hold at the end.
//!
//! Each server is stopped at one of its requests, before or after the API server has seen it; then they go on, one first,
//! or one is dead.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use crate::support::{
    gate::{Gate, Treatment},
    manifests::Sample,
};
use http::Method;
use kube::Client;
use native_submit::cluster::{ApplyError, ClusterSettings, ClusterSink, Submitted};
use serde_json::Value;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How long a call may take, whatever meets it.
pub(crate) const LONGEST_CALL: Duration = Duration::from_secs(45);

/// A cluster with nothing on it.
pub(crate) trait World: Sync {
    fn client(&self) -> Client;
    /// What a submission of this id is there.
    fn sample(&self, id: &str) -> Sample;
    /// Waits until an incomplete Pod is nobody's.
    fn grow_old(&self) -> impl Future<Output = ()> + Send;
    /// The driver Pods, and the rest, without what the garbage collector would take.
    fn objects(&self) -> impl Future<Output = (Vec<Value>, Vec<Value>)> + Send;
    /// How long the garbage collector and a busy machine may take.
    fn patience(&self) -> Duration;
}

/// What becomes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Healthy,
    /// The `ConfigMap` is refused to it for good.
    Failing,
    /// It dies where it is stopped.
    Killed,
}

/// Where a server is stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// The number of the request.
    pub(crate) number: u64,
    /// Whether the API server has answered it.
    pub(crate) answered: bool,
}

/// One interleaving.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// With a `PodGroup`.
    pub(crate) gang: bool,
    pub(crate) same_id: bool,
    pub(crate) same_set: bool,
    pub(crate) fates: [Fate; 2],
    pub(crate) stops: [Stop; 2],
    /// Which of the two goes on first.
    pub(crate) first: usize,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |same| if same { "same" } else { "another" };
        let [a, b] = self.stops;
        write!(
            f,
            "{} id, {} set, gang {}, {:?}, stopped at {} (answered: {}) and {} (answered: {}), first {}",
            word(self.same_id),
            word(self.same_set),
            self.gang,
            self.fates,
            a.number,
            a.answered,
            b.number,
            b.answered,
            self.first
        )
    }
}

/// More requests than any of these calls makes that doesn't wait; and waiting is the same at each later look.
const MOST_REQUESTS: u64 = 9;

/// All interleavings.
pub(crate) fn all() -> Vec<Scenario> {
    use Fate::{Failing, Healthy, Killed};
    let stops: Vec<Stop> = (1..=MOST_REQUESTS)
        .flat_map(|number| [false, true].map(|answered| Stop { number, answered }))
        .collect();
    let mut all = Vec::new();
    for fates in [
        [Healthy, Healthy],
        [Failing, Healthy],
        [Healthy, Failing],
        [Killed, Healthy],
        [Healthy, Killed],
    ] {
        let orders: &[usize] = if fates.contains(&Killed) { &[0] } else { &[0, 1] };
        for gang in [false, true] {
            for same_id in [false, true] {
                for same_set in [false, true] {
                    for a in &stops {
                        for b in &stops {
                            all.extend(orders.iter().map(|first| Scenario {
                                gang,
                                same_id,
                                same_set,
                                fates,
                                stops: [*a, *b],
                                first: *first,
                            }));
                        }
                    }
                }
            }
        }
    }
    all
}

/// About `count` of them, evenly; all where the variable `REPLICAS` is `all`.
pub(crate) fn sampled(all: Vec<Scenario>, count: usize) -> Vec<Scenario> {
    if std::env::var("REPLICAS").is_ok_and(|value| value == "all") {
        return all;
    }
    // A Weyl sequence: no dimension of the product is in step with it.
    let total = all.len() as u64;
    let mut at: Vec<usize> = (0..count as u64)
        .map(|n| ((n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) * total) >> 32)
        .map(|at| usize::try_from(at).unwrap())
        .collect();
    at.sort_unstable();
    at.dedup();
    at.into_iter().map(|n| all[n]).collect()
}

/// A call on a server of its own.
struct Server {
    gate: Arc<Gate>,
    call: JoinHandle<(Result<Submitted, ApplyError>, Duration)>,
    ended: Option<(Result<Submitted, ApplyError>, Duration)>,
}

impl Server {
    fn start(
        world: &impl World,
        settings: &ClusterSettings,
        sample: &Sample,
        stop: Stop,
        fate: Fate,
    ) -> Self {
        let gate = Gate::new(move |number, method, path| {
            if fate == Fate::Failing && method == Method::POST && path.ends_with("/configmaps") {
                Treatment::Refuse(403)
            } else if number < stop.number {
                Treatment::Pass
            } else if number == stop.number && stop.answered {
                Treatment::HoldAfter
            } else {
                // The world has stopped.
                Treatment::HoldBefore
            }
        });
        let sink = ClusterSink::new(gate.before(world.client()), settings.clone());
        let manifests = sample.manifests();
        let call = tokio::spawn(async move {
            let begun = Instant::now();
            let result = sink.apply(manifests, None).await;
            (result, begun.elapsed())
        });
        Self {
            gate,
            call,
            ended: None,
        }
    }

    /// Whether it has stopped; else it has ended.
    async fn stops(&mut self, patience: Duration) -> Result<bool, String> {
        let gate = Arc::clone(&self.gate);
        tokio::select! {
            ended = &mut self.call => {
                self.ended = Some(ended.unwrap());
                Ok(false)
            }
            () = gate.until_stopped() => Ok(true),
            () = tokio::time::sleep(patience) => Err("neither stops nor ends".to_owned()),
        }
    }

    /// Waits for its end, up to a time.
    async fn ends(&mut self, patience: Duration) -> bool {
        if self.ended.is_none()
            && let Ok(ended) = tokio::time::timeout(patience, &mut self.call).await
        {
            self.ended = Some(ended.unwrap());
        }
        self.ended.is_some()
    }
}

impl Scenario {
    /// Goes through it; `false` where a server ended before it was stopped, which another scenario is too.
    pub(crate) async fn run(self, world: &impl World, settings: &ClusterSettings) -> Result<bool, String> {
        let ids = ["id-1", if self.same_id { "id-1" } else { "id-2" }];
        let sets = ["default@1", if self.same_set { "default@1" } else { "default@2" }];
        let samples = [0, 1].map(|n| {
            let sample = world.sample(ids[n]).template_set(sets[n]);
            if self.gang { sample.gang() } else { sample }
        });
        let patience = world.patience();
        let mut servers = Vec::new();
        for n in [0, 1] {
            let mut server = Server::start(world, settings, &samples[n], self.stops[n], self.fates[n]);
            if !server.stops(patience).await? && n == 0 {
                return Ok(false);
            }
            servers.push(server);
        }
        for n in [self.first, 1 - self.first] {
            if self.fates[n] == Fate::Killed {
                servers[n].call.abort();
            } else {
                servers[n].gate.open();
                servers[n].ends(Duration::from_millis(10)).await;
            }
        }
        if self.fates.contains(&Fate::Killed) {
            world.grow_old().await;
        }
        for n in [0, 1].into_iter().filter(|n| self.fates[*n] != Fate::Killed) {
            if !servers[n].ends(patience).await {
                return Err(format!("call {n} doesn't end"));
            }
        }
        self.judge(world, settings, &samples, &servers).await?;
        Ok(true)
    }

    async fn judge(
        self,
        world: &impl World,
        settings: &ClusterSettings,
        samples: &[Sample; 2],
        servers: &[Server],
    ) -> Result<(), String> {
        let pod = until_one_set(world, self.fates.contains(&Fate::Killed) && self.gang).await?;
        for (n, server) in servers.iter().enumerate() {
            let Some((result, time)) = &server.ended else {
                continue;
            };
            if *time > LONGEST_CALL {
                return Err(format!("call {n} took {time:?}"));
            }
            match result {
                Ok(submitted) => is_there(submitted, &pod).map_err(|flaw| format!("call {n}: {flaw}"))?,
                Err(ApplyError::AlreadyExists { .. }) if !self.same_id => {}
                Err(_) if self.fates[n] == Fate::Failing => {}
                Err(error) => return Err(format!("call {n}: {error}")),
            }
        }
        // A retry of what succeeded finds it, and removes what dead calls left beside it.
        let sink = ClusterSink::new(world.client(), settings.clone());
        for (n, server) in servers.iter().enumerate() {
            if !matches!(server.ended, Some((Ok(_), _))) {
                continue;
            }
            let again = sink.apply(samples[n].manifests(), None).await;
            let again = again.map_err(|error| format!("call {n} again: {error}"))?;
            if !again.duplicate() {
                return Err(format!("call {n} again: {:?}", again.outcome));
            }
            is_there(&again, &pod).map_err(|flaw| format!("call {n} again: {flaw}"))?;
            until_one_set(world, false).await?;
        }
        Ok(())
    }
}

/// The one Pod, once there is exactly one complete set. A `PodGroup` of a call that died may lie beside it.
async fn until_one_set(world: &impl World, group_beside: bool) -> Result<Value, String> {
    let until = Instant::now() + world.patience();
    loop {
        let (pods, others) = world.objects().await;
        match flaw(&pods, &others, group_beside) {
            None => return Ok(pods[0].clone()),
            Some(flaw) if Instant::now() > until => return Err(flaw),
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn flaw(pods: &[Value], others: &[Value], group_beside: bool) -> Option<String> {
    let [pod] = pods else {
        return Some(format!("{} driver Pods", pods.len()));
    };
    let list = pod["metadata"]["annotations"]["native-submit/objects"]
        .as_str()
        .unwrap();
    let mut listed: Vec<&str> = list
        .split(',')
        .map(|item| item.split_once('/').unwrap().1)
        .collect();
    listed.sort_unstable();
    let waits = |object: &&Value| object["metadata"]["labels"]["native-submit/waiting"].is_string();
    let (waiting, others): (Vec<_>, Vec<_>) = others.iter().partition(waits);
    let mut names: Vec<&str> = others
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    if names != listed {
        return Some(format!("there are {names:?} and the Pod lists {listed:?}"));
    }
    if !waiting.is_empty() && !group_beside {
        return Some(format!("{} objects wait for a Pod", waiting.len()));
    }
    let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"].clone();
    let strange = others
        .iter()
        .find(|object| owner(object) != pod["metadata"]["uid"]);
    strange.map(|object| format!("not the Pod's: {}", object["metadata"]["name"]))
}

/// What an answer said is there.
fn is_there(submitted: &Submitted, pod: &Value) -> Result<(), String> {
    let metadata = &pod["metadata"];
    if submitted.pod_uid.as_deref() != metadata["uid"].as_str() {
        return Err(format!("{:?} of a Pod that isn't there", submitted.outcome));
    }
    let set = &metadata["annotations"]["native-submit/template-set"];
    if *set != submitted.template_set {
        return Err(format!(
            "{:?} by {}, not by {set}",
            submitted.outcome, submitted.template_set
        ));
    }
    let listed = metadata["annotations"]["native-submit/objects"].as_str().unwrap();
    if submitted.objects[1..].join(",") != listed {
        return Err(format!("said {:?}, listed {listed}", submitted.objects));
    }
    Ok(())
}
