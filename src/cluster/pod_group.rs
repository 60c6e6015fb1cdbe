//! Wave 0: what must be there before the Pod (Spark's "pre-resources"), and becomes the Pod's once there is one.
//!
//! Without its Pod it must not stay: until a Pod takes it over it is remembered here, to be deleted. While it is young and
//! there is no Pod, it is a running call's: no other call takes it up or deletes it.

use super::{
    ApplyError,
    call::CallName,
    create_outcome::{CreateOutcome, LOOK, Owner},
    deadline::Deadline,
    live_object::{self, LiveObject},
    removal,
    requests::{ApiCall, Preconditions, Requests},
    resource::Target,
    seen::Seen,
};
use crate::kubernetes::annotations::{CALL_ANNOTATION, WAITING_LABEL};
use futures::future;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time;

/// An object that waits for its Pod.
#[derive(Debug)]
pub(crate) struct WaitingPodGroup {
    pub(crate) target: Target,
    pub(crate) uid: String,
    /// As it was looked at: a Pod that takes it over changes this.
    version: Option<String>,
    /// Made by this call, not left by one that died.
    pub(crate) made_here: bool,
}

/// What stands ahead of a Pod.
#[derive(Debug)]
pub(crate) enum PodGroupState {
    /// It waits for its Pod.
    Waits(WaitingPodGroup),
    /// There is a Pod that has it, or that its call is about to give it to.
    HasItsPod,
}

/// One call's way to create what precedes its Pod.
#[derive(Clone, Copy)]
pub(crate) struct Creation<'a> {
    pub(crate) requests: &'a Requests,
    pub(crate) call: &'a CallName,
    /// The Pod that it is for.
    pub(crate) pod: &'a Target,
    /// The age from which it is nobody's.
    pub(crate) running_call: Duration,
    pub(crate) deadline: &'a Deadline,
}

impl Creation<'_> {
    /// Creates one object; or finds it, and waits while it may be the work of another call.
    pub(crate) async fn create(self, target: &Target, body: &Value) -> Result<PodGroupState, ApplyError> {
        let Self {
            requests, deadline, ..
        } = self;
        let call = ApiCall::Create(target, body);
        let mut looks = requests.looks();
        loop {
            let sent = requests.send(&call, deadline).await;
            let failure = match sent.answer {
                Ok(made) => return waiting(target, &LiveObject(made), true).map(PodGroupState::Waits),
                Err(failure) => failure,
            };
            let taken = failure.already_exists();
            if !taken && !sent.uncertain {
                return Err(failure.into_error(&call));
            }
            let look = if taken {
                deadline.clone()
            } else {
                Deadline::own(LOOK)
            };
            match requests.look(target, &look).await {
                Ok(Some(there)) if there.found.ending() => {
                    let uid = there.found.uid().unwrap_or_default();
                    removal::wait_gone(requests, target, uid, deadline).await?;
                }
                Ok(Some(there)) => {
                    if let Some(ahead) = self.found(target, &there).await? {
                        return Ok(ahead);
                    }
                    if !looks.pause(deadline).await {
                        return Err(ApplyError::Timeout {
                            doing: format!("waiting for another call, which has created {target}"),
                        });
                    }
                }
                Ok(None) if taken => requests.backoff().await,
                Err(error) if taken => return Err(error),
                _ => return Err(failure.into_error(&call)),
            }
        }
    }

    /// What follows from one that is there; `None` where that will be seen later.
    async fn found(self, target: &Target, there: &Seen) -> Result<Option<PodGroupState>, ApplyError> {
        if there.found.owned_by_a_pod() {
            return Ok(Some(PodGroupState::HasItsPod));
        }
        let made_here = there.found.is_of(self.call);
        if made_here || !there.is_young(self.running_call) {
            return waiting(target, &there.found, made_here)
                .map(|waiting| Some(PodGroupState::Waits(waiting)));
        }
        let pod = self.requests.get(self.pod, self.deadline).await?;
        Ok(pod.is_some().then_some(PodGroupState::HasItsPod))
    }
}

fn waiting(target: &Target, found: &LiveObject, made_here: bool) -> Result<WaitingPodGroup, ApplyError> {
    let uid = found.uid().ok_or_else(|| ApplyError::Internal {
        what: format!("the API server gave {target} no uid"),
    })?;
    Ok(WaitingPodGroup {
        target: target.clone(),
        uid: uid.to_owned(),
        version: found.resource_version().map(str::to_owned),
        made_here,
    })
}

/// Makes the Pod the owner, in place of what owned it while there was none; `None` where the object is gone.
pub(crate) async fn give(
    requests: &Requests,
    owner: Owner<'_>,
    target: &Target,
    uid: &str,
    deadline: &Deadline,
) -> Option<CreateOutcome> {
    // The uid is a precondition: another object of this name is not touched.
    let patch = json!({"metadata": {
        "uid": uid,
        "ownerReferences": live_object::pod_as_owner(owner.name, owner.uid),
        "labels": {WAITING_LABEL: null},
        "annotations": {CALL_ANNOTATION: null},
    }});
    let call = ApiCall::Patch(target, &patch);
    match requests.send(&call, deadline).await.answer {
        Ok(_) => Some(CreateOutcome::Made(uid.to_owned())),
        Err(failure) if failure.not_found() => None,
        Err(failure) => Some(CreateOutcome::Unclaimed(
            uid.to_owned(),
            failure.into_error(&call),
        )),
    }
}

/// Deletes what no Pod took over, and gives what could not be deleted.
pub(crate) async fn remove_all(
    requests: &Requests,
    all: Vec<WaitingPodGroup>,
    deadline: &Deadline,
) -> Vec<Target> {
    let removals = future::join_all(all.into_iter().map(|waiting| async move {
        let error = remove(requests, &waiting, deadline).await.err()?;
        tracing::warn!(object = %waiting.target, code = %error.code(), "is left behind without its Pod");
        Some(waiting.target)
    }));
    removals.await.into_iter().flatten().collect()
}

/// Deletes one, unless a Pod has it by now. Its version is a precondition, because a call that has got the Pod may be giving
/// it to that Pod; and who else changes it, such as Volcano, must not keep it from going.
async fn remove(
    requests: &Requests,
    waiting: &WaitingPodGroup,
    deadline: &Deadline,
) -> Result<(), ApplyError> {
    let mut version = waiting.version.clone();
    loop {
        let preconditions = Preconditions {
            uid: waiting.uid.clone(),
            resource_version: version,
        };
        if removal::delete(requests, &waiting.target, &preconditions, deadline).await? {
            return Ok(());
        }
        match requests.get(&waiting.target, deadline).await?.map(LiveObject) {
            Some(there)
                if there.uid() == Some(&waiting.uid) && !there.owned_by_a_pod() && !there.ending() =>
            {
                version = there.resource_version().map(str::to_owned);
            }
            _ => return Ok(()),
        }
        requests.backoff().await;
    }
}

/// Deletes what earlier attempts, under other submission ids, left when they died before they had a Pod. Once there is a Pod,
/// no other attempt at the same application can get one. What is young may still be at work, and is deleted by its call;
/// in case that has died, it is looked at again when it is old. What can't be seen or deleted goes with the application.
pub(crate) async fn remove_earlier(
    requests: &Requests,
    like: &Target,
    application: &str,
    running_call: Duration,
    deadline: &Deadline,
) {
    let label = format!("{WAITING_LABEL}={application}");
    let call = ApiCall::List(like, &label);
    let sent = requests.send(&call, deadline).await;
    let list = match sent.answer {
        Ok(list) => list,
        Err(failure) => {
            let code = failure.into_error(&call).code();
            tracing::warn!(resource = %like.resource, %code, "cannot look for what an earlier attempt left behind");
            return;
        }
    };
    let items = list.get("items").and_then(Value::as_array);
    let mut left = Vec::new();
    for item in items.into_iter().flatten() {
        let seen = Seen {
            found: LiveObject(item.clone()),
            at: sent.at,
            sent: sent.last,
        };
        let name = item.pointer("/metadata/name").and_then(Value::as_str);
        let Some(Ok(target)) = name.map(|name| like.beside(name)) else {
            continue;
        };
        if target == *like || seen.found.owned_by_a_pod() {
            continue;
        }
        let Ok(waiting) = waiting(&target, &seen.found, false) else {
            continue;
        };
        if seen.is_young(running_call) {
            tokio::spawn(remove_when_old(requests.clone(), waiting, running_call));
        } else {
            left.push(waiting);
        }
    }
    remove_all(requests, left, deadline).await;
}

/// Nobody waits for this, and a process that ends first leaves the object to the next attempt.
async fn remove_when_old(requests: Requests, mut waiting: WaitingPodGroup, running_call: Duration) {
    time::sleep(running_call).await;
    let deadline = Deadline::own(LOOK);
    let mut looks = requests.looks();
    loop {
        match requests.look(&waiting.target, &deadline).await {
            Ok(Some(seen)) if seen.found.uid() == Some(&waiting.uid) && !seen.found.owned_by_a_pod() => {
                if !seen.is_young(running_call) {
                    waiting.version = seen.found.resource_version().map(str::to_owned);
                    remove_all(&requests, vec![waiting], &deadline).await;
                    return;
                }
            }
            _ => return,
        }
        if !looks.pause(&deadline).await {
            return;
        }
    }
}
