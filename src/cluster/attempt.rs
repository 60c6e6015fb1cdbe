//! One submission on the cluster, from the Pod's POST to its end.

use super::{
    ApplyError, ClusterSettings, Outcome, Submitted,
    ahead::{self, Waiting},
    found::{self, Found, Verdict},
    owned::{self, End, Fate, Owner},
    patience::Patience,
    requests::{Call, Preconditions, Requests},
    resource::Target,
    rollback::{self, FailedPod},
};
use crate::manifest::{Manifest, Manifests};
use futures::future;
use serde_json::Value;
use std::{mem, sync::Arc, time::Duration};

/// How long to look, after a lost answer, whether the Pod was created.
const LOOK: Duration = Duration::from_secs(3);

/// A submission that has its turn.
pub(crate) struct Attempt {
    requests: Requests,
    settings: ClusterSettings,
    manifests: Arc<Manifests>,
    pod: Target,
    owned: Vec<Target>,
    /// The caller's, up to the first thing that was created or deleted; then our own.
    patience: Patience,
    /// An earlier Pod of this submission was deleted on the way.
    replaced: bool,
    /// The deletion of an earlier Pod has begun.
    removing: bool,
    /// What was created before the Pod and is not the Pod's yet.
    waiting: Vec<Waiting>,
    /// There was a Pod of this name when ours was to be created.
    pod_seen: bool,
}

/// What the Pod's POST met.
enum Met {
    /// The Pod is new.
    Created(Found),
    /// A Pod was there. After a lost answer it may be our own, `perhaps_ours`.
    There { found: Found, perhaps_ours: bool },
    /// There was one, and now there is none.
    Vanished,
}

impl Attempt {
    /// Takes the addresses out of the manifests; an error where they have none.
    pub(crate) fn new(
        requests: Requests,
        settings: ClusterSettings,
        manifests: Arc<Manifests>,
        patience: Patience,
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
            patience,
            replaced: false,
            removing: false,
            waiting: Vec::new(),
            pod_seen: false,
        })
    }

    /// Brings the submission to its end, and removes what no Pod took over.
    pub(crate) async fn run(mut self) -> Result<Submitted, ApplyError> {
        let result = self.settle().await;
        let unclaimed = mem::take(&mut self.waiting);
        let patience = Patience::own(self.settings.finish_within / 3);
        let left = ahead::remove_all(&self.requests, unclaimed, self.pod_seen, &patience).await;
        match result {
            Ok(submitted) => {
                // The caller waits, and nothing depends on it.
                self.remove_earlier(&Patience::own(LOOK)).await;
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
    async fn remove_earlier(&self, patience: &Patience) {
        for like in self.owned.iter().filter(|target| target.precedes_pod()) {
            let pod = Found(self.manifests.driver_pod.value.clone());
            if let Some(application) = pod.application_uid() {
                ahead::remove_earlier(&self.requests, like, application, patience).await;
            }
        }
    }

    /// Creates the Pod, or finds out what stands in its place, as often as that changes.
    async fn settle(&mut self) -> Result<Submitted, ApplyError> {
        let body = found::with_objects(&self.manifests.driver_pod.value, &self.owned);
        loop {
            self.create_ahead().await?;
            self.pod_seen = false;
            let (found, perhaps_ours) = match self.create_pod(&body).await? {
                Met::Created(pod) => return self.furnish(&pod, true).await,
                Met::There { found, perhaps_ours } => (found, perhaps_ours),
                Met::Vanished => {
                    self.requests.breathe().await;
                    continue;
                }
            };
            self.pod_seen = true;
            match found::judge(&found, &self.manifests) {
                Verdict::Same if perhaps_ours => return self.furnish(&found, false).await,
                Verdict::Same => return self.complete(&found).await,
                Verdict::SameByOther => return Ok(self.submitted(&found, Outcome::Found, Vec::new())),
                Verdict::Ending => self.wait_gone(&found).await?,
                Verdict::Outdated => {
                    tracing::info!(pod = %self.pod, "replacing a Pod of this submission with another plan");
                    self.replaced |= self.remove_unstarted(&found).await?;
                }
                Verdict::PerhapsDead => self.remove_if_dead(&found).await?,
                Verdict::Started(differs) => {
                    return Err(ApplyError::StartedDifferently {
                        namespace: self.pod.namespace.clone(),
                        pod_name: self.pod.name.clone(),
                        submission_id: self.manifests.identity.submission_id.clone(),
                        differs,
                    });
                }
                Verdict::Another => return Err(self.already_exists(&found)),
            }
        }
    }

    /// Creates what must precede the Pod and does not wait for it yet.
    async fn create_ahead(&mut self) -> Result<(), ApplyError> {
        for (target, manifest) in self.owned.iter().zip(&self.manifests.owned) {
            if !target.precedes_pod() || self.waiting.iter().any(|waiting| waiting.target == *target) {
                continue;
            }
            let body = found::with_owners_of(&manifest.value, &self.manifests.driver_pod.value);
            let waiting = ahead::create(&self.requests, target, &body, &self.patience).await?;
            self.waiting.extend(waiting);
        }
        Ok(())
    }

    async fn create_pod(&self, body: &Value) -> Result<Met, ApplyError> {
        let call = Call::Create(&self.pod, body);
        let sent = self.requests.send(&call, &self.patience).await;
        let failure = match sent.answer {
            Ok(pod) => return Ok(Met::Created(Found(pod))),
            Err(failure) => failure,
        };
        let taken = failure.already_exists();
        if !taken && !sent.uncertain {
            return Err(failure.into_error(&call));
        }
        let look = if sent.uncertain {
            Patience::own(LOOK)
        } else {
            self.patience.clone()
        };
        match self.requests.get(&self.pod, &look).await {
            Ok(Some(found)) => Ok(Met::There {
                found: Found(found),
                perhaps_ours: sent.uncertain,
            }),
            Ok(None) if taken => Ok(Met::Vanished),
            Err(error) if taken => Err(error),
            _ => Err(failure.into_error(&call)),
        }
    }

    /// The second wave, for a Pod that this call made, or perhaps made.
    async fn furnish(&mut self, pod: &Found, made_here: bool) -> Result<Submitted, ApplyError> {
        self.own_patience();
        let Some(uid) = pod.uid() else {
            return Err(ApplyError::Internal {
                what: format!("the API server gave {} no uid", self.pod),
            });
        };
        let fates = self.create_owned(uid, |_| true).await;
        if let Some(error) = worst(&fates) {
            return Err(self.roll_back(pod, made_here, &fates, error).await);
        }
        let all_there = !fates.is_empty() && fates.iter().all(|fate| matches!(fate.end, End::Found));
        let outcome = match (made_here, all_there, self.replaced) {
            (false, true, _) => Outcome::Found,
            (_, _, true) => Outcome::Replaced,
            _ => Outcome::Created,
        };
        let objects = self.objects();
        Ok(self.submitted(pod, outcome, objects))
    }

    /// The same submission was there: creates what it lacks.
    async fn complete(&mut self, pod: &Found) -> Result<Submitted, ApplyError> {
        self.own_patience();
        let uid = pod.uid().unwrap_or_default().to_owned();
        let looks = self
            .owned
            .iter()
            .map(|target| self.requests.get(target, &self.patience));
        let mut there = Vec::new();
        for look in future::join_all(looks).await {
            there.push(look?.map(Found).is_some_and(|object| object.owned_by(&uid)));
        }
        let objects = self.objects();
        if there.iter().all(|there| *there) {
            return Ok(self.submitted(pod, Outcome::Found, objects));
        }
        let missing = |n: usize| !there.get(n).copied().unwrap_or_default();
        let fates = self.create_owned(&uid, missing).await;
        match worst(&fates) {
            Some(error) => Err(self.roll_back(pod, false, &fates, error).await),
            None => Ok(self.submitted(pod, Outcome::Completed, objects)),
        }
    }

    /// Creates what is wanted, and gives the Pod what waited for it.
    async fn create_owned(&mut self, pod_uid: &str, wanted: impl Fn(usize) -> bool) -> Vec<Fate> {
        let waiting = mem::take(&mut self.waiting);
        let owner = Owner {
            name: &self.pod.name,
            uid: pod_uid,
        };
        let objects: Vec<(&Target, &Manifest)> = self.owned.iter().zip(&self.manifests.owned).collect();
        let objects = objects
            .into_iter()
            .enumerate()
            .filter(|(n, _)| wanted(*n))
            .map(|(_, object)| object)
            .filter(|(target, _)| waiting.iter().all(|waiting| waiting.target != **target))
            .collect::<Vec<_>>();
        let (requests, patience) = (&self.requests, &self.patience);
        let (mut fates, given) = future::join(
            owned::create_all(requests, owner, objects.into_iter(), patience),
            ahead::give_all(requests, owner, waiting, patience),
        )
        .await;
        fates.extend(given);
        fates
    }

    async fn roll_back(&self, pod: &Found, made_here: bool, fates: &[Fate], cause: ApplyError) -> ApplyError {
        let failed = FailedPod {
            target: &self.pod,
            found: pod,
            made_here,
            driver_container: found::driver_container(&self.manifests.driver_pod.value),
        };
        let patience = Patience::own(self.settings.finish_within / 3);
        rollback::roll_back(&self.requests, failed, fates, cause, &patience).await
    }

    /// From here on the work no longer depends on the caller. A third of the time is kept for a rollback.
    fn own_patience(&mut self) {
        self.patience = Patience::own(self.settings.finish_within * 2 / 3);
    }

    async fn wait_gone(&self, found: &Found) -> Result<(), ApplyError> {
        let uid = found.uid().unwrap_or_default();
        owned::wait_gone(&self.requests, &self.pod, uid, &self.patience).await
    }

    /// Deletes a Pod unless it has changed since it was looked at; then it is looked at again.
    async fn remove_unstarted(&mut self, found: &Found) -> Result<bool, ApplyError> {
        // Once: a Pod that changes at each look must not keep this going for ever.
        if !mem::replace(&mut self.removing, true) {
            self.own_patience();
        }
        let preconditions = Preconditions {
            uid: found.uid().unwrap_or_default().to_owned(),
            resource_version: found.resource_version().map(str::to_owned),
        };
        let removed = owned::delete(&self.requests, &self.pod, &preconditions, &self.patience).await?;
        if !removed {
            self.requests.breathe().await;
        }
        Ok(removed)
    }

    /// Another submission of the same application, not started. If it lacks an object it is what a crash left:
    /// nobody will ever complete it, as the operator makes a new id for each attempt.
    async fn remove_if_dead(&mut self, found: &Found) -> Result<(), ApplyError> {
        let uid = found.uid().unwrap_or_default();
        let Some(objects) = found.objects(&self.pod.namespace) else {
            return Err(self.already_exists(found));
        };
        let looks = objects
            .iter()
            .map(|target| self.requests.get(target, &self.patience));
        let mut remains = Vec::new();
        let mut complete = true;
        for (target, look) in objects.iter().zip(future::join_all(looks).await) {
            let object = look?.map(Found);
            complete &= object.as_ref().is_some_and(|object| object.owned_by(uid));
            let remaining = object.filter(|object| {
                // What preceded the Pod may wait for it still.
                object.owned_by(uid) || (target.precedes_pod() && !object.owned_by_a_pod())
            });
            remains.extend(remaining.and_then(|object| Some((target, object.uid()?.to_owned()))));
        }
        if complete {
            return Err(self.already_exists(found));
        }
        tracing::info!(pod = %self.pod, "removing what an earlier attempt left half made");
        if self.remove_unstarted(found).await? {
            // The garbage collector would; the sooner the better, and a failure here is no harm.
            let (requests, patience) = (&self.requests, &self.patience);
            future::join_all(remains.into_iter().map(|(target, uid)| async move {
                let preconditions = Preconditions {
                    uid,
                    resource_version: None,
                };
                owned::delete(requests, target, &preconditions, patience).await
            }))
            .await;
        }
        Ok(())
    }

    fn already_exists(&self, found: &Found) -> ApplyError {
        ApplyError::AlreadyExists {
            namespace: self.pod.namespace.clone(),
            pod_name: self.pod.name.clone(),
            submission_id: found.submission_id().map(str::to_owned),
        }
    }

    fn objects(&self) -> Vec<String> {
        self.owned.iter().map(ToString::to_string).collect()
    }

    fn submitted(&self, pod: &Found, outcome: Outcome, owned: Vec<String>) -> Submitted {
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
            objects,
        }
    }
}

/// The error to tell: one that a retry would not change before one that it might.
fn worst(fates: &[Fate]) -> Option<ApplyError> {
    let errors = || fates.iter().filter_map(|fate| fate.end.error());
    errors()
        .find(|error| !error.code().retryable())
        .or_else(|| errors().next())
        .cloned()
}
