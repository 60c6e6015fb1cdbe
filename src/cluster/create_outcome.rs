//! What became of the objects that a driver Pod owns.

use super::{ApplyError, resource::Target};
use std::time::Duration;

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
pub(crate) struct CreateResult {
    pub(crate) target: Target,
    pub(crate) end: CreateOutcome,
}

/// How the creation of one object ended.
#[derive(Debug)]
pub(crate) enum CreateOutcome {
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

impl CreateOutcome {
    pub(crate) fn error(&self) -> Option<&ApplyError> {
        match self {
            Self::Made(_) | Self::Found => None,
            Self::Unclaimed(_, error) | Self::Refused(error) | Self::Unknown(error) => Some(error),
        }
    }
}
