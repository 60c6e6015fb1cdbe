//! The limit of submissions in flight, in all and by namespace. Above the limit a caller gets a retryable error at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The last part of the room is kept for namespaces that hold less than such a part: one in this many.
const SHARES: usize = 8;

/// Lets submissions in while there is room.
#[derive(Debug)]
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    most: usize,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// Why a submission was not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// There is no room, or none for this namespace.
    Full,
    /// Nobody is let in any more.
    Closed,
}

/// The right to be at work; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct AdmissionPermit {
    _permit: OwnedSemaphorePermit,
}

/// A namespace's count of submissions at work; it goes down when this is dropped.
#[derive(Debug)]
pub(super) struct InNamespace {
    namespace: String,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

impl Admission {
    /// Room for `most` submissions, at least one.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            permits: Arc::new(Semaphore::new(most)),
            most,
            held: Arc::default(),
        }
    }

    /// Admits one, of any namespace.
    pub(super) fn enter(&self) -> Result<AdmissionPermit, NotAdmitted> {
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => Ok(AdmissionPermit { _permit: permit }),
            Err(TryAcquireError::NoPermits) => Err(NotAdmitted::Full),
            Err(TryAcquireError::Closed) => Err(NotAdmitted::Closed),
        }
    }

    /// Counts one that is in for its namespace, now that it is known. When the room is nearly full, a namespace that has
    /// its share is turned away, so that a flood from one does not shut out the others.
    pub(super) fn count(&self, namespace: &str) -> Result<InNamespace, NotAdmitted> {
        let share = self.most.div_ceil(SHARES);
        let nearly_full = self.in_flight() > self.most - self.most / SHARES;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(namespace.to_owned()).or_default();
        if nearly_full && *count >= share {
            return Err(NotAdmitted::Full);
        }
        *count += 1;
        Ok(InNamespace {
            namespace: namespace.to_owned(),
            held: Arc::clone(&self.held),
        })
    }

    /// How many are at work.
    pub(super) fn in_flight(&self) -> usize {
        self.most - self.permits.available_permits()
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.permits.close();
    }
}

impl Drop for InNamespace {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.namespace) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_one_namespace_leaves_room_for_the_others() {
        let admission = Admission::new(16);
        let enter = |namespace: &str| {
            let place = admission.enter()?;
            Ok::<_, NotAdmitted>((place, admission.count(namespace)?))
        };
        let flood: Vec<_> = std::iter::from_fn(|| enter("flood").ok()).collect();
        assert_eq!(flood.len(), 14, "all but the last eighth");
        let others = [enter("a").unwrap(), enter("b").unwrap()];
        assert_eq!(
            enter("c").unwrap_err(),
            NotAdmitted::Full,
            "the room itself is full"
        );
        drop(others);
        drop(flood);
        assert_eq!(admission.in_flight(), 0);
        assert!(admission.held.lock().unwrap().is_empty(), "no count stays behind");
    }

    #[test]
    fn a_room_for_one_lets_one_in() {
        let admission = Admission::new(1);
        let place = admission.enter().unwrap();
        let counted = admission.count("a").unwrap();
        assert_eq!(admission.enter().unwrap_err(), NotAdmitted::Full);
        drop((place, counted));
        assert!(admission.enter().is_ok());
        admission.close();
        assert_eq!(admission.enter().unwrap_err(), NotAdmitted::Closed);
    }
}
