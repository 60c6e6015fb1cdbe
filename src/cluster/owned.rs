//! The second wave: what the driver Pod owns, all at once.

use super::{
    ApplyError, ahead,
    found::{self, Found},
    outcome::{End, Fate, LOOK, Owner},
    patience::Patience,
    removal::{delete, wait_gone},
    requests::{Call, Preconditions, Requests},
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
    patience: &Patience,
) -> Vec<Fate> {
    future::join_all(jobs.into_iter().map(|job| async move {
        let end = settle(requests, owner, &job, patience).await;
        Fate {
            target: job.target.clone(),
            end,
        }
    }))
    .await
}

async fn settle(requests: &Requests, owner: Owner<'_>, job: &Job<'_>, patience: &Patience) -> End {
    let body = || found::owned_by_pod(&job.manifest.value, owner.name, owner.uid);
    let Some(uid) = &job.waiting else {
        return create(requests, owner, job.target, &body(), patience).await;
    };
    if let Some(end) = ahead::give(requests, owner, job.target, uid, patience).await {
        return end;
    }
    // Another call has removed it, as nobody's: it is made anew.
    match create(requests, owner, job.target, &body(), patience).await {
        End::Refused(error) | End::Unknown(error) => End::Unclaimed(uid.clone(), error),
        end => end,
    }
}

/// Looks at what may be there although no answer said so: a set that is complete must not be rolled back, because
/// another call may have said that it found it.
pub(crate) async fn look_again(
    requests: &Requests,
    owner: Owner<'_>,
    fates: &mut [Fate],
    patience: &Patience,
) {
    future::join_all(fates.iter_mut().map(|fate| async move {
        if !matches!(fate.end, End::Unknown(_) | End::Unclaimed(..)) {
            return;
        }
        let there = requests.get(&fate.target, patience).await;
        if let Ok(Some(there)) = there.map(|there| there.map(Found))
            && there.owned_by(owner.uid)
            && let Some(uid) = there.uid()
        {
            fate.end = End::Made(uid.to_owned());
        }
    }))
    .await;
}

async fn create(
    requests: &Requests,
    owner: Owner<'_>,
    target: &Target,
    body: &Value,
    patience: &Patience,
) -> End {
    let call = Call::Create(target, body);
    loop {
        let sent = requests.send(&call, patience).await;
        let failure = match sent.answer {
            Ok(made) => return made_or_odd(&Found(made), target),
            Err(failure) => failure,
        };
        let taken = failure.already_exists();
        if !taken && !sent.uncertain {
            return End::Refused(failure.into_error(&call));
        }
        let look = if taken {
            patience.clone()
        } else {
            Patience::own(LOOK)
        };
        let there = match requests.get(target, &look).await {
            Ok(there) => there.map(Found),
            Err(_) if !taken => return End::Unknown(failure.into_error(&call)),
            // It is there, but whose it is cannot be seen.
            Err(error) => return End::Unknown(error),
        };
        match there {
            // Just made by a try whose answer was lost: no other call works on this Pod, so it is ours.
            Some(there) if there.owned_by(owner.uid) && sent.uncertain => return made_or_odd(&there, target),
            Some(there) if there.owned_by(owner.uid) => return End::Found,
            Some(there) if there.ending() || there.left_by_earlier_pod(owner.name, owner.uid) => {
                if let Err(error) = clear(requests, target, &there, patience).await {
                    return End::Refused(error);
                }
            }
            Some(_) => {
                return End::Refused(ApplyError::OwnedByAnother {
                    object: target.to_string(),
                    namespace: target.namespace.clone(),
                });
            }
            // Gone again between the two requests.
            None if taken => requests.breathe().await,
            // The last answer may have been lost, and a late server may still act.
            None => return End::Unknown(failure.into_error(&call)),
        }
    }
}

fn made_or_odd(made: &Found, target: &Target) -> End {
    match made.uid() {
        Some(uid) => End::Made(uid.to_owned()),
        None => End::Unknown(ApplyError::Internal {
            what: format!("the API server gave {target} no uid"),
        }),
    }
}

/// Frees a name that is held by what is being deleted, or by what an earlier Pod left and the garbage
/// collector has not come to yet.
async fn clear(
    requests: &Requests,
    target: &Target,
    there: &Found,
    patience: &Patience,
) -> Result<(), ApplyError> {
    let Some(uid) = there.uid() else {
        return Ok(());
    };
    if !there.ending() {
        let preconditions = Preconditions {
            uid: uid.to_owned(),
            resource_version: None,
        };
        delete(requests, target, &preconditions, patience).await?;
    }
    wait_gone(requests, target, uid, patience).await
}
