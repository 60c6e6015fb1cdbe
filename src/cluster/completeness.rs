//! Whether all that a found Pod lists is there and its own: how "complete" is judged.

use super::{
    ApplyError,
    deadline::Deadline,
    live_object::{Listed, LiveObject},
    requests::Requests,
    resource::Target,
};
use futures::future;

/// What of a Pod's list is there.
#[derive(Debug)]
pub(crate) enum Completeness {
    /// All of it, owned by the Pod.
    Complete,
    /// Not all; each object of the list.
    Incomplete(Vec<Listing>),
    /// The Pod doesn't list anything that can be read here.
    Unknown,
}

/// One object that a Pod lists.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) target: Target,
    pub(crate) state: ObjectState,
}

/// What there is under the name of an object that a Pod lists.
#[derive(Debug)]
pub(crate) enum ObjectState {
    /// The Pod's own.
    Owned(Remains),
    /// It was created before the Pod, and the Pod has not become its owner.
    Waiting(Remains),
    /// Nothing, or another's.
    Missing,
}

/// An object as it was looked at, to be deleted as that and nothing else.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) uid: String,
    pub(crate) version: Option<String>,
}

impl Completeness {
    /// Looks at each object that the Pod lists.
    pub(crate) async fn of(
        pod: &LiveObject,
        namespace: &str,
        requests: &Requests,
        deadline: &Deadline,
    ) -> Result<Self, ApplyError> {
        let Listed::These(targets) = pod.objects(namespace) else {
            return Ok(Self::Unknown);
        };
        let looks = targets.iter().map(|target| requests.get(target, deadline));
        let looks = future::join_all(looks).await;
        let mut listings = Vec::with_capacity(targets.len());
        for (target, look) in targets.into_iter().zip(looks) {
            let state = ObjectState::of(look?.map(LiveObject), &target, pod.uid().unwrap_or_default());
            listings.push(Listing { target, state });
        }
        let complete = listings
            .iter()
            .all(|listing| matches!(listing.state, ObjectState::Owned(_)));
        Ok(if complete {
            Self::Complete
        } else {
            Self::Incomplete(listings)
        })
    }
}

impl ObjectState {
    fn of(found: Option<LiveObject>, target: &Target, pod_uid: &str) -> Self {
        let Some(found) = found else {
            return Self::Missing;
        };
        let remains = Remains {
            uid: found.uid().unwrap_or_default().to_owned(),
            version: found.resource_version().map(str::to_owned),
        };
        if found.owned_by(pod_uid) {
            Self::Owned(remains)
        } else if target.precedes_pod() && !found.owned_by_a_pod() {
            Self::Waiting(remains)
        } else {
            Self::Missing
        }
    }
}
