//! Deleting one object, and waiting until it is gone.

use super::{
    ApplyError,
    deadline::Deadline,
    live_object::LiveObject,
    requests::{ApiCall, Preconditions, Requests},
    resource::Target,
};

/// Deletes one object; `false` when it is gone or another one by now.
pub(crate) async fn delete(
    requests: &Requests,
    target: &Target,
    preconditions: &Preconditions,
    deadline: &Deadline,
) -> Result<bool, ApplyError> {
    let call = ApiCall::Delete(target, preconditions);
    match requests.send(&call, deadline).await.answer {
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
    deadline: &Deadline,
) -> Result<(), ApplyError> {
    let mut looks = requests.looks();
    loop {
        match requests.get(target, deadline).await {
            Ok(Some(there)) if LiveObject(there.clone()).uid() == Some(uid) => {}
            Ok(_) => return Ok(()),
            // Time may run out in the middle of a look, too.
            Err(error) if deadline.left().is_some() => return Err(error),
            Err(_) => return Err(still_there(target)),
        }
        if !looks.pause(deadline).await {
            return Err(still_there(target));
        }
    }
}

fn still_there(target: &Target) -> ApplyError {
    ApplyError::Timeout {
        doing: format!("waiting for the earlier {target} to be gone"),
    }
}
