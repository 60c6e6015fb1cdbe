//! The second wave: what the driver Pod owns, all at once.

use super::{
    ApplyError,
    create_outcome::{CreateOutcome, CreateResult, LOOK, Owner},
    deadline::Deadline,
    live_object::{self, LiveObject},
    pod_group,
    removal::{delete, wait_gone},
    requests::{ApiCall, Preconditions, Requests},
    resource::Target,
};
use crate::manifest::Manifest;
use futures::future;
use serde_json::Value;

/// One object of the second wave.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) target: &'a Target,
    pub(crate) manifest: &'a Manifest,
    /// The uid that it has where it was created before the Pod, and waits to become the Pod's.
    pub(crate) waiting: Option<String>,
}

/// Creates all, in parallel, and gives the Pod what waits for it.
pub(crate) async fn create_all(
    requests: &Requests,
    owner: Owner<'_>,
    jobs: Vec<Job<'_>>,
    deadline: &Deadline,
) -> Vec<CreateResult> {
    future::join_all(jobs.into_iter().map(|job| async move {
        let end = settle(requests, owner, &job, deadline).await;
        CreateResult {
            target: job.target.clone(),
            end,
        }
    }))
    .await
}

async fn settle(requests: &Requests, owner: Owner<'_>, job: &Job<'_>, deadline: &Deadline) -> CreateOutcome {
    let body = || live_object::owned_by_pod(&job.manifest.value, owner.name, owner.uid);
    let Some(uid) = &job.waiting else {
        return create(requests, owner, job.target, &body(), deadline).await;
    };
    if let Some(end) = pod_group::give(requests, owner, job.target, uid, deadline).await {
        return end;
    }
    // Another call has removed it, as nobody's: it is made anew.
    match create(requests, owner, job.target, &body(), deadline).await {
        CreateOutcome::Refused(error) | CreateOutcome::Unknown(error) => {
            CreateOutcome::Unclaimed(uid.clone(), error)
        }
        end => end,
    }
}

/// Looks at what may be there although no answer said so: a set that is complete must not be rolled back, because
/// another call may have said that it found it.
pub(crate) async fn look_again(
    requests: &Requests,
    owner: Owner<'_>,
    fates: &mut [CreateResult],
    deadline: &Deadline,
) {
    future::join_all(fates.iter_mut().map(|fate| async move {
        if !matches!(fate.end, CreateOutcome::Unknown(_) | CreateOutcome::Unclaimed(..)) {
            return;
        }
        let there = requests.get(&fate.target, deadline).await;
        if let Ok(Some(there)) = there.map(|there| there.map(LiveObject))
            && there.owned_by(owner.uid)
            && let Some(uid) = there.uid()
        {
            fate.end = CreateOutcome::Made(uid.to_owned());
        }
    }))
    .await;
}

async fn create(
    requests: &Requests,
    owner: Owner<'_>,
    target: &Target,
    body: &Value,
    deadline: &Deadline,
) -> CreateOutcome {
    let call = ApiCall::Create(target, body);
    loop {
        let sent = requests.send(&call, deadline).await;
        let failure = match sent.answer {
            Ok(made) => return made_or_odd(&LiveObject(made), target),
            Err(failure) => failure,
        };
        let taken = failure.already_exists();
        if !taken && !sent.uncertain {
            return CreateOutcome::Refused(failure.into_error(&call));
        }
        let look = if taken {
            deadline.clone()
        } else {
            Deadline::own(LOOK)
        };
        let there = match requests.get(target, &look).await {
            Ok(there) => there.map(LiveObject),
            Err(_) if !taken => return CreateOutcome::Unknown(failure.into_error(&call)),
            // It is there, but whose it is cannot be seen.
            Err(error) => return CreateOutcome::Unknown(error),
        };
        match there {
            // Just made by a try whose answer was lost: no other call works on this Pod, so it is ours.
            Some(there) if there.owned_by(owner.uid) && sent.uncertain => return made_or_odd(&there, target),
            Some(there) if there.owned_by(owner.uid) => return CreateOutcome::Found,
            Some(there) if there.ending() || there.left_by_earlier_pod(owner.name, owner.uid) => {
                if let Err(error) = clear(requests, target, &there, deadline).await {
                    return CreateOutcome::Refused(error);
                }
            }
            Some(_) => {
                return CreateOutcome::Refused(ApplyError::OwnedByAnother {
                    object: target.to_string(),
                    namespace: target.namespace.clone(),
                });
            }
            // Gone again between the two requests.
            None if taken => requests.backoff().await,
            // The last answer may have been lost, and a late server may still act.
            None => return CreateOutcome::Unknown(failure.into_error(&call)),
        }
    }
}

fn made_or_odd(made: &LiveObject, target: &Target) -> CreateOutcome {
    match made.uid() {
        Some(uid) => CreateOutcome::Made(uid.to_owned()),
        None => CreateOutcome::Unknown(ApplyError::Internal {
            what: format!("the API server gave {target} no uid"),
        }),
    }
}

/// Frees a name that is held by what is being deleted, or by what an earlier Pod left and the garbage
/// collector has not come to yet.
async fn clear(
    requests: &Requests,
    target: &Target,
    there: &LiveObject,
    deadline: &Deadline,
) -> Result<(), ApplyError> {
    let Some(uid) = there.uid() else {
        return Ok(());
    };
    if !there.ending() {
        let preconditions = Preconditions {
            uid: uid.to_owned(),
            resource_version: None,
        };
        delete(requests, target, &preconditions, deadline).await?;
    }
    wait_gone(requests, target, uid, deadline).await
}
