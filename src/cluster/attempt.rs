//! One submission on the cluster, from the Pod's POST to its end.

use super::{
    ApplyError, ClusterSettings, Outcome, Submitted,
    call::CallName,
    completeness::{Completeness, Listing, ObjectState},
    create_outcome::{CreateOutcome, CreateResult, Owner},
    deadline::Deadline,
    live_object::{self, Listed, LiveObject, Ownership},
    owned::{self, Job},
    pod_group::{self, Creation, PodGroupState, WaitingPodGroup},
    removal,
    requests::{ApiCall, Looks, Preconditions, Requests},
    resource::Target,
    rollback::{self, FailedPod},
    seen::Seen,
};
use crate::{kubernetes::annotations::CALL_ANNOTATION, manifest::Manifests};
use futures::future;
use serde_json::{Value, json};
use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long to look, after a lost answer, whether the Pod was created.
const LOOK: Duration = Duration::from_secs(3);

/// A submission that has its turn.
pub(crate) struct Attempt {
    requests: Requests,
    settings: ClusterSettings,
    manifests: Arc<Manifests>,
    pod: Target,
    owned: Vec<Target>,
    /// What this call calls itself on the cluster.
    call: CallName,
    /// The caller's, up to the first thing that was created or deleted; then our own.
    deadline: Deadline,
    /// When all work ends, whatever it has come to.
    end: Instant,
    /// An earlier Pod of this submission was deleted on the way.
    replaced: bool,
    /// The deletion of an earlier Pod has begun.
    removing: bool,
    /// What was created before the Pod and is not the Pod's yet.
    waiting: Vec<WaitingPodGroup>,
}

/// What the Pod's POST met.
enum Met {
    /// This call has made the Pod, not before this moment.
    Made(LiveObject, Instant),
    /// Another's Pod was there.
    There(Seen),
    /// There was one, and now there is none.
    Vanished,
}

/// What became of an attempt to take a Pod over.
enum TakenOver {
    /// It is this call's.
    Yes(LiveObject),
    /// It has changed or is gone: it is to be looked at again.
    Changed,
    /// This process may not write to Pods.
    NotPermitted,
}

impl Attempt {
    /// Takes the addresses out of the manifests; an error where they have none.
    ///
    /// All work ends at `end`: with the caller's deadline up to the first thing that is created or deleted, then by its own.
    pub(crate) fn new(
        requests: Requests,
        settings: ClusterSettings,
        manifests: Arc<Manifests>,
        deadline: Deadline,
        end: Instant,
    ) -> Result<Self, ApplyError> {
        let namespace = &manifests.identity.namespace;
        let pod = Target::of(&manifests.driver_pod, namespace)?;
        let owned: Result<_, _> = manifests
            .owned
            .iter()
            .map(|object| Target::of(object, namespace))
            .collect();
        Ok(Self {
            requests,
            settings,
            pod,
            owned: owned?,
            manifests,
            call: CallName::new(),
            deadline,
            end,
            replaced: false,
            removing: false,
            waiting: Vec::new(),
        })
    }

    /// Brings the submission to its end, and removes what no Pod took over.
    pub(crate) async fn run(mut self) -> Result<Submitted, ApplyError> {
        let result = self.settle().await;
        let unclaimed = mem::take(&mut self.waiting);
        let deadline = Deadline::own(self.settings.finish_within / 3);
        let left = pod_group::remove_all(&self.requests, unclaimed, &deadline).await;
        match result {
            Ok(submitted) => {
                // The caller waits, and nothing depends on it.
                self.remove_earlier(&Deadline::own(LOOK)).await;
                Ok(submitted)
            }
            Err(cause) if left.is_empty() => Err(cause),
            Err(cause) => Err(ApplyError::RolledBack {
                cause: Box::new(cause),
                removed: Vec::new(),
                left: left.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// What attempts under other ids left that died before their Pod was there.
    async fn remove_earlier(&self, deadline: &Deadline) {
        for like in self.owned.iter().filter(|target| target.precedes_pod()) {
            let pod = LiveObject(self.manifests.driver_pod.value.clone());
            if let Some(application) = pod.application_uid() {
                let running_call = self.settings.running_call;
                pod_group::remove_earlier(&self.requests, like, application, running_call, deadline).await;
            }
        }
    }

    /// Creates the Pod, or finds out what stands in its place, as often as that changes.
    async fn settle(&mut self) -> Result<Submitted, ApplyError> {
        let body = live_object::as_sent(&self.manifests.driver_pod.value, &self.owned, &self.call);
        loop {
            self.create_ahead().await?;
            match self.create_pod(&body).await? {
                Met::Made(pod, since) => return self.furnish(&pod, since).await,
                Met::There(seen) => {
                    // While this call waits for another's Pod, nothing of its own stands on the cluster.
                    self.release().await;
                    if let Some(submitted) = self.meet(seen).await? {
                        return Ok(submitted);
                    }
                }
                Met::Vanished => {
                    self.release().await;
                    self.requests.backoff().await;
                }
            }
        }
    }

    /// Creates what must precede the Pod and does not wait for it yet.
    async fn create_ahead(&mut self) -> Result<(), ApplyError> {
        for (target, manifest) in self.owned.iter().zip(&self.manifests.owned) {
            if !target.precedes_pod() || self.waiting.iter().any(|waiting| waiting.target == *target) {
                continue;
            }
            let body =
                live_object::with_owners_of(&manifest.value, &self.manifests.driver_pod.value, &self.call);
            let creation = Creation {
                requests: &self.requests,
                call: &self.call,
                pod: &self.pod,
                running_call: self.settings.running_call,
                deadline: &self.deadline,
            };
            if let PodGroupState::Waits(waiting) = creation.create(target, &body).await? {
                self.waiting.push(waiting);
            }
        }
        Ok(())
    }

    /// Removes what this call created for a Pod that it did not get, and forgets what it only found.
    async fn release(&mut self) {
        let waiting = mem::take(&mut self.waiting);
        let made_here = waiting.into_iter().filter(|waiting| waiting.made_here).collect();
        let deadline = Deadline::own(self.settings.finish_within / 3);
        pod_group::remove_all(&self.requests, made_here, &deadline).await;
    }

    async fn create_pod(&self, body: &Value) -> Result<Met, ApplyError> {
        let call = ApiCall::Create(&self.pod, body);
        let sent = self.requests.send(&call, &self.deadline).await;
        let failure = match sent.answer {
            // By this try: one before it would have taken the name.
            Ok(pod) => return Ok(Met::Made(LiveObject(pod), sent.last)),
            Err(failure) => failure,
        };
        let taken = failure.already_exists();
        if !taken && !sent.uncertain {
            return Err(failure.into_error(&call));
        }
        let look = if sent.uncertain {
            Deadline::own(LOOK)
        } else {
            self.deadline.clone()
        };
        match self.requests.look(&self.pod, &look).await {
            // A try whose answer was lost made it. What the API server says of its age is nearer than what we know.
            Ok(Some(seen)) if seen.found.is_of(&self.call) => {
                let since = seen.since().unwrap_or(sent.first).max(sent.first);
                Ok(Met::Made(seen.found, since))
            }
            Ok(Some(seen)) => Ok(Met::There(seen)),
            Ok(None) if taken => Ok(Met::Vanished),
            Err(error) if taken => Err(error),
            _ => Err(failure.into_error(&call)),
        }
    }

    /// What follows from a Pod that another call made; `None` once there is none any more.
    async fn meet(&mut self, mut seen: Seen) -> Result<Option<Submitted>, ApplyError> {
        let mut looks = self.requests.looks();
        loop {
            let verdict = live_object::judge(&seen.found, &self.manifests);
            let young = seen.is_young(self.settings.running_call);
            let set = match verdict {
                Ownership::Ending => {
                    self.wait_gone(&seen.found).await?;
                    return Ok(None);
                }
                Ownership::SameBySpark => return Ok(Some(self.found(&seen.found))),
                // Old, it is another's whatever it lacks.
                Ownership::Another if !young => return Err(self.already_exists(&seen.found)),
                _ => self.completeness(&seen.found).await?,
            };
            let started = seen.found.started(self.driver_container());
            match (verdict, set) {
                // Somebody's running call, which completes it or rolls it back.
                (_, Completeness::Incomplete(_)) | (Ownership::Differs, Completeness::Unknown) if young => {
                    self.pause(&mut looks).await?;
                }
                (
                    Ownership::Same | Ownership::SameByOther,
                    Completeness::Complete | Completeness::Unknown,
                ) => {
                    return Ok(Some(self.found(&seen.found)));
                }
                // A driver that runs keeps what it has, whatever set made it.
                (Ownership::Same | Ownership::SameByOther, Completeness::Incomplete(listings))
                    if verdict == Ownership::Same || started =>
                {
                    if let Some(submitted) = self.take_over(&seen, &listings, started).await? {
                        return Ok(Some(submitted));
                    }
                }
                (Ownership::Differs, _) if started => return Err(self.started_differently()),
                (Ownership::Same | Ownership::SameByOther | Ownership::Differs, set) => {
                    tracing::info!(pod = %self.pod, "replacing a Pod of this submission with another plan or template set");
                    self.replaced |= self.remove_unstarted(&seen.found, set).await?;
                }
                (Ownership::Sibling, Completeness::Incomplete(listings)) if !started => {
                    // Nobody will ever complete it, as the operator makes a new id for each attempt.
                    tracing::info!(pod = %self.pod, "removing what an earlier attempt left half made");
                    let set = Completeness::Incomplete(listings);
                    self.remove_unstarted(&seen.found, set).await?;
                }
                (Ownership::Sibling | Ownership::Another | Ownership::Ending | Ownership::SameBySpark, _) => {
                    return Err(self.already_exists(&seen.found));
                }
            }
            match self.requests.look(&self.pod, &self.deadline).await? {
                Some(now) => seen = now,
                None => return Ok(None),
            }
        }
    }

    async fn completeness(&self, pod: &LiveObject) -> Result<Completeness, ApplyError> {
        Completeness::of(pod, &self.pod.namespace, &self.requests, &self.deadline).await
    }

    /// Waits for what another call does with the Pod.
    async fn pause(&self, looks: &mut Looks) -> Result<(), ApplyError> {
        if looks.pause(&self.deadline).await {
            return Ok(());
        }
        Err(ApplyError::Timeout {
            doing: format!(
                "waiting for another call, which has created the driver Pod `{}/{}`, to complete or remove it",
                self.pod.namespace, self.pod.name
            ),
        })
    }

    /// The second wave, for a Pod that this call made.
    async fn furnish(&mut self, pod: &LiveObject, since: Instant) -> Result<Submitted, ApplyError> {
        self.begin(since);
        let Some(uid) = pod.uid().map(str::to_owned) else {
            return Err(ApplyError::Internal {
                what: format!("the API server gave {} no uid", self.pod),
            });
        };
        let waiting = mem::take(&mut self.waiting);
        let jobs = self.owned.iter().zip(&self.manifests.owned);
        let jobs = jobs.map(|(target, manifest)| Job {
            target,
            manifest,
            waiting: waiting
                .iter()
                .find(|waiting| waiting.target == *target)
                .map(|waiting| waiting.uid.clone()),
        });
        let jobs = jobs.collect();
        self.create_owned(pod, &uid, jobs, Started::Goes).await?;
        let outcome = if self.replaced {
            Outcome::Replaced
        } else {
            Outcome::Created
        };
        Ok(self.submitted(pod, outcome, self.objects()))
    }

    /// Makes an incomplete Pod of this submission this call's own, and creates what it lacks; `None` where it has changed.
    async fn take_over(
        &mut self,
        seen: &Seen,
        listings: &[Listing],
        started: bool,
    ) -> Result<Option<Submitted>, ApplyError> {
        let pod = match self.claim(seen).await? {
            TakenOver::Yes(pod) => pod,
            TakenOver::Changed => {
                self.requests.backoff().await;
                return Ok(None);
            }
            // Nobody removes a Pod that has started, so it can be completed without.
            TakenOver::NotPermitted if started => seen.found.clone(),
            TakenOver::NotPermitted => {
                self.replaced |= self.remove_unstarted(&seen.found, Completeness::Unknown).await?;
                return Ok(None);
            }
        };
        self.begin(seen.sent);
        let uid = pod.uid().unwrap_or_default().to_owned();
        let jobs = self.owned.iter().zip(&self.manifests.owned);
        let jobs = jobs.filter_map(|(target, manifest)| {
            let listing = listings.iter().find(|listing| listing.target == *target)?;
            let waiting = match &listing.state {
                ObjectState::Owned(_) => return None,
                ObjectState::Waiting(there) => Some(there.uid.clone()),
                ObjectState::Missing => None,
            };
            Some(Job {
                target,
                manifest,
                waiting,
            })
        });
        let jobs: Vec<_> = jobs.collect();
        let there = listings.iter().filter(|listing| {
            let owned = matches!(listing.state, ObjectState::Owned(_));
            owned || jobs.iter().any(|job| *job.target == listing.target)
        });
        let there = there.map(|listing| listing.target.to_string()).collect();
        self.create_owned(&pod, &uid, jobs, Started::Stays).await?;
        Ok(Some(self.submitted(&pod, Outcome::Completed, there)))
    }

    /// Writes this call's name on a Pod, unless the Pod has changed since it was looked at: of several calls that try, one
    /// gets it, and a call that is about to delete it does not.
    async fn claim(&self, seen: &Seen) -> Result<TakenOver, ApplyError> {
        let (Some(at), Some(uid), Some(version)) = (seen.at, seen.found.uid(), seen.found.resource_version())
        else {
            return Ok(TakenOver::NotPermitted);
        };
        let patch = json!({"metadata": {
            "uid": uid,
            "resourceVersion": version,
            "annotations": {CALL_ANNOTATION: self.call.taking_over(at)},
        }});
        let call = ApiCall::Patch(&self.pod, &patch);
        let sent = self.requests.send(&call, &self.deadline).await;
        let failure = match sent.answer {
            Ok(pod) => return Ok(TakenOver::Yes(LiveObject(pod))),
            Err(failure) => failure,
        };
        if sent.uncertain
            && let Some(now) = self
                .requests
                .get(&self.pod, &self.deadline)
                .await?
                .map(LiveObject)
            && now.is_of(&self.call)
            && now.uid() == Some(uid)
        {
            return Ok(TakenOver::Yes(now));
        }
        if failure.conflict() || failure.not_found() {
            return Ok(TakenOver::Changed);
        }
        if failure.for_good() {
            tracing::warn!(pod = %self.pod, "may not patch pods: an incomplete Pod is replaced, not completed");
            return Ok(TakenOver::NotPermitted);
        }
        Err(failure.into_error(&call))
    }

    /// Creates objects for a Pod that is this call's; rolls back where that fails for good.
    async fn create_owned(
        &self,
        pod: &LiveObject,
        uid: &str,
        jobs: Vec<Job<'_>>,
        started: Started,
    ) -> Result<(), ApplyError> {
        let owner = Owner {
            name: &self.pod.name,
            uid,
        };
        let mut fates = owned::create_all(&self.requests, owner, jobs, &self.deadline).await;
        let rest = Deadline::until(self.end);
        let refused = |fates: &[CreateResult]| {
            fates
                .iter()
                .any(|fate| matches!(fate.end, CreateOutcome::Refused(_)))
        };
        if worst(&fates).is_some() && !refused(&fates) {
            owned::look_again(&self.requests, owner, &mut fates, &rest).await;
        }
        if let Some(cause) = worst(&fates) {
            let failed = FailedPod {
                target: &self.pod,
                found: pod,
                call: &self.call,
                started_stays: started == Started::Stays,
                driver_container: self.driver_container(),
            };
            return Err(rollback::roll_back(&self.requests, failed, &fates, cause, &rest).await);
        }
        self.confirm(uid).await
    }

    /// After its time, as a process that was paused may find itself, a call no longer knows whether the Pod is still its own.
    async fn confirm(&self, uid: &str) -> Result<(), ApplyError> {
        if Instant::now() < self.end {
            return Ok(());
        }
        let deadline = Deadline::own(LOOK);
        let there = self.requests.get(&self.pod, &deadline).await?.map(LiveObject);
        if let Some(pod) = there.filter(|pod| pod.uid() == Some(uid) && !pod.ending())
            && let Completeness::Complete =
                Completeness::of(&pod, &self.pod.namespace, &self.requests, &deadline).await?
        {
            return Ok(());
        }
        Err(ApplyError::Timeout {
            doing: format!("creating what {} owns", self.pod),
        })
    }

    /// From here on the work no longer depends on the caller. It began at `since`, ends within [`ClusterSettings::finish_within`]
    /// of that, and a third of the time is kept for a rollback.
    fn begin(&mut self, since: Instant) {
        self.end = self.end.min(since + self.settings.finish_within);
        let left = self.end.saturating_duration_since(Instant::now());
        let kept = (self.settings.finish_within / 3).min(left / 3);
        self.deadline = Deadline::until(self.end.checked_sub(kept).unwrap_or(self.end));
    }

    async fn wait_gone(&self, found: &LiveObject) -> Result<(), ApplyError> {
        let uid = found.uid().unwrap_or_default();
        removal::wait_gone(&self.requests, &self.pod, uid, &self.deadline).await
    }

    /// Deletes a Pod unless it has changed since it was looked at; then it is looked at again.
    async fn remove_unstarted(&mut self, found: &LiveObject, set: Completeness) -> Result<bool, ApplyError> {
        // Once: a Pod that changes at each look must not keep this going for ever.
        if !mem::replace(&mut self.removing, true) {
            let own = Instant::now() + self.settings.finish_within * 2 / 3;
            self.deadline = Deadline::until(own.min(self.end));
        }
        let preconditions = Preconditions {
            uid: found.uid().unwrap_or_default().to_owned(),
            resource_version: found.resource_version().map(str::to_owned),
        };
        if !removal::delete(&self.requests, &self.pod, &preconditions, &self.deadline).await? {
            self.requests.backoff().await;
            return Ok(false);
        }
        if let Completeness::Incomplete(listings) = set {
            self.clear(&listings).await;
        }
        Ok(true)
    }

    /// Deletes what a removed Pod owned. The garbage collector would; the sooner the better, and a failure here is no harm.
    async fn clear(&self, listings: &[Listing]) {
        future::join_all(listings.iter().map(|listing| async move {
            let remains = match &listing.state {
                ObjectState::Owned(remains) | ObjectState::Waiting(remains) => remains,
                ObjectState::Missing => return,
            };
            // With its version: a later Pod of that submission may have taken it over.
            let preconditions = Preconditions {
                uid: remains.uid.clone(),
                resource_version: remains.version.clone(),
            };
            let deleted = removal::delete(&self.requests, &listing.target, &preconditions, &self.deadline).await;
            if let Err(error) = deleted {
                tracing::debug!(object = %listing.target, code = %error.code(), "is left to the garbage collector");
            }
        }))
        .await;
    }

    fn driver_container(&self) -> &str {
        live_object::driver_container(&self.manifests.driver_pod.value)
    }

    fn already_exists(&self, found: &LiveObject) -> ApplyError {
        ApplyError::AlreadyExists {
            namespace: self.pod.namespace.clone(),
            pod_name: self.pod.name.clone(),
            submission_id: found.submission_id().map(str::to_owned),
        }
    }

    fn started_differently(&self) -> ApplyError {
        ApplyError::StartedDifferently {
            namespace: self.pod.namespace.clone(),
            pod_name: self.pod.name.clone(),
            submission_id: self.manifests.identity.submission_id.clone(),
            differs: "plan",
        }
    }

    fn objects(&self) -> Vec<String> {
        self.owned.iter().map(ToString::to_string).collect()
    }

    /// The answer of a duplicate: what the Pod that is there says of itself.
    fn found(&self, pod: &LiveObject) -> Submitted {
        let owned = match pod.objects(&self.pod.namespace) {
            Listed::These(targets) => targets.iter().map(ToString::to_string).collect(),
            Listed::Nothing | Listed::Unreadable => Vec::new(),
        };
        self.submitted(pod, Outcome::Found, owned)
    }

    fn submitted(&self, pod: &LiveObject, outcome: Outcome, owned: Vec<String>) -> Submitted {
        let identity = &self.manifests.identity;
        let mut objects = vec![self.pod.to_string()];
        objects.extend(owned);
        Submitted {
            outcome,
            namespace: identity.namespace.clone(),
            pod_name: identity.pod_name.clone(),
            pod_uid: pod.uid().map(str::to_owned),
            application_id: pod
                .application_id()
                .unwrap_or(&identity.application_id)
                .to_owned(),
            template_set: pod.template_set().unwrap_or(&identity.template_set).to_owned(),
            objects,
        }
    }
}

/// What a rollback does with a Pod whose driver has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    /// This call made the Pod: it goes.
    Goes,
    /// It was found: it stays.
    Stays,
}

/// The error to tell: one that a retry would not change before one that it might.
fn worst(fates: &[CreateResult]) -> Option<ApplyError> {
    let errors = || fates.iter().filter_map(|fate| fate.end.error());
    errors()
        .find(|error| !error.code().retryable())
        .or_else(|| errors().next())
        .cloned()
}
