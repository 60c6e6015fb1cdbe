//! Which call works on an object, and since when: how servers that share nothing but the API server keep out of each
//! other's way.
//!
//! A call writes its name into the annotation [`CALL_ANNOTATION`](crate::kubernetes::annotations::CALL_ANNOTATION) of the Pod (and of the `PodGroup`) that it creates. While
//! the object is incomplete and young, it belongs to that call: every other call waits. A call ends its work, complete or
//! rolled back, within 30 s, so an incomplete object of 35 s is nobody's. The call that takes such a Pod over writes its own
//! name and the time, by a patch with the Pod's resource version: of several that try, one gets it, and it is young again.

use super::server_time::ServerTime;
use uuid::Uuid;

/// The name of one call, which no other call has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallName(String);

impl CallName {
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// What the call writes on an object that it creates.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What the call writes on an object that it takes over.
    pub(crate) fn taking_over(&self, at: ServerTime) -> String {
        format!("{}@{at}", self.0)
    }

    /// Whether `annotation` says that the object is this call's, to complete or to remove.
    pub(crate) fn wrote(&self, annotation: &str) -> bool {
        annotation.split('@').next() == Some(&self.0)
    }
}
