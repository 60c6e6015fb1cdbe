//! A lock for each key: calls for the same driver Pod, or the same directory, run one after the other.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Lock = Arc<AsyncMutex<()>>;

/// A queue for each key. A key that nobody waits for or holds takes no memory.
#[derive(Debug)]
pub(crate) struct KeyedLock<K: Eq + Hash>(Arc<Mutex<HashMap<K, Lock>>>);

impl<K: Eq + Hash> Default for KeyedLock<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// The right to act for a key, until it is dropped.
#[derive(Debug)]
pub(crate) struct KeyedGuard<K: Eq + Hash> {
    // Dropped before the place, so that the place's count sees this lock released.
    _guard: OwnedMutexGuard<()>,
    _place: Place<K>,
}

impl<K: Eq + Hash + Clone> KeyedLock<K> {
    /// Waits until all that came before for this key are done. Dropping the future gives the place up.
    pub(crate) async fn wait(&self, key: K) -> KeyedGuard<K> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(key.clone()).or_default())
        };
        let place = Place {
            locks: Arc::clone(&self.0),
            key,
            lock: Some(Arc::clone(&lock)),
        };
        let guard = lock.lock_owned().await;
        KeyedGuard {
            _guard: guard,
            _place: place,
        }
    }
}

/// A place in a queue; the last one to leave takes the queue away.
#[derive(Debug)]
struct Place<K: Eq + Hash> {
    locks: Arc<Mutex<HashMap<K, Lock>>>,
    key: K,
    lock: Option<Lock>,
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the map's lock, so that of two that leave at once the second sees the first one gone.
        drop(self.lock.take());
        if locks
            .get(&self.key)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn same_keys_wait_and_other_keys_do_not() {
        let turns = KeyedLock::default();
        let first = turns.wait("a").await;
        assert!(turns.wait("b").now_or_never().is_some(), "another key is free");
        let mut second = Box::pin(turns.wait("a"));
        assert!(second.as_mut().now_or_never().is_none(), "the same key waits");
        drop(first);
        drop(second.await);
        assert!(turns.0.lock().unwrap().is_empty(), "no key is left behind");
    }

    #[tokio::test]
    async fn giving_up_while_waiting_leaves_nothing_behind() {
        let turns = KeyedLock::default();
        let first = turns.wait("a").await;
        let mut waiting = Box::pin(turns.wait("a"));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(waiting);
        drop(first);
        assert!(turns.0.lock().unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_leave_nothing_behind() {
        let turns = Arc::new(KeyedLock::default());
        let all = (0..200).map(|n| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { drop(turns.wait(n % 3).await) })
        });
        futures::future::join_all(all).await;
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
