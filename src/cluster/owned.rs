//! The second wave: what the driver Pod owns, all at once.

use super::{
    ApplyError,
    found::{self, Found},
    patience::Patience,
    requests::{Call, Preconditions, Requests},
    resource::Target,
};
use crate::manifest::Manifest;
use futures::future;
use serde_json::Value;
use std::time::Duration;
use tokio::time;

/// How long to look, after a lost answer, whether the server acted.
pub(crate) const LOOK: Duration = Duration::from_secs(3);

/// A Pod that exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
}

/// What became of one object.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) target: Target,
    pub(crate) end: End,
}

/// How the creation of one object ended.
#[derive(Debug)]
pub(crate) enum End {
    /// This call made it; its uid.
    Made(String),
    /// It was there, and is the Pod's.
    Found,
    /// This call or a dead one made it before the Pod, whose it could not become; its uid.
    Unclaimed(String, ApplyError),
    /// It was refused, and is not there.
    Refused(ApplyError),
    /// Whether it is there is not known.
    Unknown(ApplyError),
}

impl End {
    pub(crate) fn error(&self) -> Option<&ApplyError> {
        match self {
            Self::Made(_) | Self::Found => None,
            Self::Unclaimed(_, error) | Self::Refused(error) | Self::Unknown(error) => Some(error),
        }
    }
}

/// Creates all, in parallel.
pub(crate) async fn create_all(
    requests: &Requests,
    owner: Owner<'_>,
    objects: impl Iterator<Item = (&Target, &Manifest)>,
    patience: &Patience,
) -> Vec<Fate> {
    future::join_all(objects.map(|(target, manifest)| async move {
        let body = found::owned_by_pod(&manifest.value, owner.name, owner.uid);
        let end = create(requests, owner, target, &body, patience).await;
        Fate {
            target: target.clone(),
            end,
        }
    }))
    .await
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
            // Just made by a try whose answer was lost: there is a turn for each Pod, so it is ours.
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

/// Deletes one object; `false` when it is gone or another one by now.
pub(crate) async fn delete(
    requests: &Requests,
    target: &Target,
    preconditions: &Preconditions,
    patience: &Patience,
) -> Result<bool, ApplyError> {
    let call = Call::Delete(target, preconditions);
    match requests.send(&call, patience).await.answer {
        Ok(_) => Ok(true),
        Err(failure) if failure.not_found() || failure.conflict() => Ok(false),
        Err(failure) => Err(failure.into_error(&call)),
    }
}

/// Waits until the object of this uid is gone.
pub(crate) async fn wait_gone(
    requests: &Requests,
    target: &Target,
    uid: &str,
    patience: &Patience,
) -> Result<(), ApplyError> {
    let mut pause = requests.first_look();
    loop {
        match requests.get(target, patience).await? {
            Some(there) if Found(there.clone()).uid() == Some(uid) => {}
            _ => return Ok(()),
        }
        if patience.left().is_none_or(|left| left <= pause) {
            return Err(ApplyError::Timeout {
                doing: format!("waiting for the earlier {target} to be gone"),
            });
        }
        time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
