//! Removing what a call made when it cannot be completed.

use super::{
    ApplyError,
    call::CallName,
    create_outcome::{CreateOutcome, CreateResult},
    deadline::Deadline,
    live_object::LiveObject,
    removal,
    requests::{Preconditions, Requests},
    resource::Target,
};
use futures::future;

/// The driver Pod of a submission that failed.
#[derive(Debug)]
pub(crate) struct FailedPod<'a> {
    pub(crate) target: &'a Target,
    pub(crate) found: &'a LiveObject,
    /// The call that made it or took it over. Once another one has taken it over, it stays.
    pub(crate) call: &'a CallName,
    /// It was found, and may only go while its driver has not started.
    pub(crate) started_stays: bool,
    /// Name of the driver container.
    pub(crate) driver_container: &'a str,
}

/// Removes the Pod and what this call made for it, and wraps the cause in what came of that.
///
/// The owned objects are deleted one by one, not left to the garbage collector: their names are the next
/// attempt's too.
pub(crate) async fn roll_back(
    requests: &Requests,
    pod: FailedPod<'_>,
    fates: &[CreateResult],
    cause: ApplyError,
    deadline: &Deadline,
) -> ApplyError {
    let mut removed = Vec::new();
    let mut left = Vec::new();
    let pod_uid = pod.found.uid().unwrap_or_default();
    match remove_pod(requests, &pod, deadline).await {
        Removal::Done => removed.push(pod.target.to_string()),
        Removal::Gone => {}
        Removal::Failed => left.push(pod.target.to_string()),
        // Its driver runs, or another call works on it: it keeps all that it has.
        Removal::Stays => return cause,
    }
    let removals = future::join_all(
        fates
            .iter()
            .map(|fate| remove_object(requests, fate, pod_uid, deadline)),
    );
    for (fate, removal) in fates.iter().zip(removals.await) {
        match removal {
            Removal::Done => removed.push(fate.target.to_string()),
            Removal::Failed => left.push(fate.target.to_string()),
            Removal::Gone | Removal::Stays => {}
        }
    }
    tracing::warn!(
        namespace = %pod.target.namespace, ?removed, ?left, code = %cause.code(),
        "submission failed after its Pod existed, and was rolled back"
    );
    ApplyError::RolledBack {
        cause: Box::new(cause),
        removed,
        left,
    }
}

enum Removal {
    Done,
    Gone,
    Failed,
    Stays,
}

async fn remove_pod(requests: &Requests, pod: &FailedPod<'_>, deadline: &Deadline) -> Removal {
    let Some(uid) = pod.found.uid() else {
        return Removal::Failed;
    };
    let mut found = pod.found.clone();
    loop {
        if pod.started_stays && found.started(pod.driver_container) {
            return Removal::Stays;
        }
        // With its version: since it was looked at, neither has the driver started nor has another call taken it over.
        let preconditions = Preconditions {
            uid: uid.to_owned(),
            resource_version: found.resource_version().map(str::to_owned),
        };
        match removal::delete(requests, pod.target, &preconditions, deadline).await {
            Ok(true) => return Removal::Done,
            Ok(false) => {}
            Err(_) => return Removal::Failed,
        }
        match requests.get(pod.target, deadline).await {
            Ok(Some(now)) if LiveObject(now.clone()).uid() == Some(uid) => found = LiveObject(now),
            Ok(_) => return Removal::Gone,
            Err(_) => return Removal::Failed,
        }
        if !found.is_of(pod.call) {
            return Removal::Stays;
        }
        requests.backoff().await;
    }
}

async fn remove_object(
    requests: &Requests,
    fate: &CreateResult,
    pod_uid: &str,
    deadline: &Deadline,
) -> Removal {
    let uid = match &fate.end {
        CreateOutcome::Made(uid) | CreateOutcome::Unclaimed(uid, _) => uid.clone(),
        // What was found goes with its Pod, by the garbage collector.
        CreateOutcome::Found | CreateOutcome::Refused(_) => return Removal::Gone,
        CreateOutcome::Unknown(_) => match requests
            .get(&fate.target, deadline)
            .await
            .map(|there| there.map(LiveObject))
        {
            Ok(Some(there)) if there.owned_by(pod_uid) => there.uid().unwrap_or_default().to_owned(),
            Ok(_) => return Removal::Gone,
            Err(_) => return Removal::Failed,
        },
    };
    let preconditions = Preconditions {
        uid,
        resource_version: None,
    };
    match removal::delete(requests, &fate.target, &preconditions, deadline).await {
        Ok(true) => Removal::Done,
        Ok(false) => Removal::Gone,
        Err(_) => Removal::Failed,
    }
}
