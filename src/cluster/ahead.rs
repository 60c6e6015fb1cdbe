//! Wave 0: what must be there before the Pod (Spark's "pre-resources"), and becomes the Pod's once there is one.
//!
//! Without its Pod it must not stay: until a Pod takes it over it is remembered here, to be deleted.

use super::{
    ApplyError,
    found::{self, Found},
    owned::{self, End, Fate, LOOK, Owner},
    patience::Patience,
    requests::{Call, Preconditions, Requests},
    resource::Target,
};
use futures::future;
use serde_json::{Value, json};

/// An object that waits for its Pod.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) target: Target,
    uid: String,
    /// Certainly made by this call, not left by one that died.
    made_here: bool,
}

/// Creates one object, or finds it; `None` where a Pod has it already.
pub(crate) async fn create(
    requests: &Requests,
    target: &Target,
    body: &Value,
    patience: &Patience,
) -> Result<Option<Waiting>, ApplyError> {
    let call = Call::Create(target, body);
    loop {
        let sent = requests.send(&call, patience).await;
        let failure = match sent.answer {
            Ok(made) => return waiting(target, &Found(made), true).map(Some),
            Err(failure) => failure,
        };
        let taken = failure.already_exists();
        if !taken && !sent.uncertain {
            return Err(failure.into_error(&call));
        }
        let look = if taken {
            patience.clone()
        } else {
            Patience::own(LOOK)
        };
        match requests.get(target, &look).await.map(|there| there.map(Found)) {
            Ok(Some(there)) if there.ending() => {
                owned::wait_gone(requests, target, there.uid().unwrap_or_default(), patience).await?;
            }
            Ok(Some(there)) if there.owned_by_a_pod() => return Ok(None),
            Ok(Some(there)) => return waiting(target, &there, false).map(Some),
            Ok(None) if taken => requests.breathe().await,
            Err(error) if taken => return Err(error),
            _ => return Err(failure.into_error(&call)),
        }
    }
}

fn waiting(target: &Target, found: &Found, made_here: bool) -> Result<Waiting, ApplyError> {
    let uid = found.uid().ok_or_else(|| ApplyError::Internal {
        what: format!("the API server gave {target} no uid"),
    })?;
    Ok(Waiting {
        target: target.clone(),
        uid: uid.to_owned(),
        made_here,
    })
}

/// Makes the Pod the owner of all, in place of what owned them while there was none.
pub(crate) async fn give_all(
    requests: &Requests,
    owner: Owner<'_>,
    all: Vec<Waiting>,
    patience: &Patience,
) -> Vec<Fate> {
    future::join_all(all.into_iter().map(|waiting| async move {
        // The uid is a precondition: another object of this name is not touched.
        let patch = json!({"metadata": {
            "uid": waiting.uid,
            "ownerReferences": found::pod_as_owner(owner.name, owner.uid),
            "labels": {found::WAITING_LABEL: null},
        }});
        let call = Call::Patch(&waiting.target, &patch);
        let end = match requests.send(&call, patience).await.answer {
            Ok(_) => End::Made(waiting.uid),
            Err(failure) => End::Unclaimed(waiting.uid, failure.into_error(&call)),
        };
        Fate {
            target: waiting.target,
            end,
        }
    }))
    .await
}

/// Deletes what no Pod took over, and gives what could not be deleted. What a dead call left may be the very one that
/// the Pod which stands there needs, and so goes only where no Pod was seen.
pub(crate) async fn remove_all(
    requests: &Requests,
    all: Vec<Waiting>,
    pod_seen: bool,
    patience: &Patience,
) -> Vec<Target> {
    let removable = all.into_iter().filter(|waiting| waiting.made_here || !pod_seen);
    let removals = future::join_all(removable.map(|waiting| async move {
        let preconditions = Preconditions {
            uid: waiting.uid,
            resource_version: None,
        };
        let error = owned::delete(requests, &waiting.target, &preconditions, patience)
            .await
            .err()?;
        tracing::warn!(object = %waiting.target, code = %error.code(), "is left behind without its Pod");
        Some(waiting.target)
    }));
    removals.await.into_iter().flatten().collect()
}

/// Deletes what earlier attempts, under other submission ids, died over before they had a Pod. Once there is a Pod, no
/// other attempt at the same application can get one. What cannot be seen or deleted goes with the application.
pub(crate) async fn remove_earlier(
    requests: &Requests,
    like: &Target,
    application: &str,
    patience: &Patience,
) {
    let label = format!("{}={application}", found::WAITING_LABEL);
    let list = match requests.send(&Call::List(like, &label), patience).await.answer {
        Ok(list) => list,
        Err(failure) => {
            let code = failure.into_error(&Call::List(like, &label)).code();
            tracing::warn!(resource = %like.resource, %code, "cannot look for what an earlier attempt left behind");
            return;
        }
    };
    let items = list.get("items").and_then(Value::as_array);
    let left = items.into_iter().flatten().filter_map(|item| {
        let earlier = Found(item.clone());
        let name = item.pointer("/metadata/name")?.as_str()?;
        let target = like.beside(name).ok()?;
        let waits = target != *like && !earlier.owned_by_a_pod();
        let uid = earlier.uid().filter(|_| waits)?.to_owned();
        Some(Waiting {
            target,
            uid,
            made_here: false,
        })
    });
    remove_all(requests, left.collect(), false, patience).await;
}
