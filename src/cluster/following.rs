//! The objects of a kind as they are now: listed, and followed by a watch.

use futures::{StreamExt, pin_mut};
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchParams},
    core::WatchEvent,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, fmt::Debug, time::Duration};

/// How long one watch lasts, in seconds: shorter than the client takes silence for a dead connection.
const WATCH: u32 = 10;

/// The pause after a look that failed.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// The pause after a look that was not permitted; rights change seldom.
pub(super) const PERMITTED_AGAIN: Duration = Duration::from_secs(60);

/// What is kept of each object, by its name.
pub(super) type Kept<T> = BTreeMap<String, T>;

/// What there is now, and the version of it.
pub(super) async fn list<K, T>(api: &Api<K>, keep: fn(&K) -> T) -> Result<(Kept<T>, String), kube::Error>
where
    K: Clone + DeserializeOwned + Debug + ResourceExt,
{
    // From the API server's cache as it is: to be sure of the newest it waits for word from etcd, which comes each 100 ms.
    let list = api.list(&ListParams::default().match_any()).await?;
    let kept = list
        .items
        .into_iter()
        .map(|object| (object.name_any(), keep(&object)));
    let kept = kept.collect();
    Ok((kept, list.metadata.resource_version.unwrap_or_default()))
}

/// Lists, and follows what changes until the server no longer knows from where.
pub(super) async fn follow<K, T>(
    api: &Api<K>,
    keep: fn(&K) -> T,
    see: &(impl Fn(&Kept<T>) + Sync),
) -> Result<(), kube::Error>
where
    K: Clone + DeserializeOwned + Debug + ResourceExt + Send + 'static,
    T: Send + Sync,
{
    let (mut kept, mut version) = list(api, keep).await?;
    see(&kept);
    loop {
        let parameters = WatchParams::default().timeout(WATCH);
        let events = api.watch(&parameters, &version).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(changed) | WatchEvent::Modified(changed) => {
                    version = changed.resource_version().unwrap_or_default();
                    kept.insert(changed.name_any(), keep(&changed));
                }
                WatchEvent::Deleted(gone) => {
                    version = gone.resource_version().unwrap_or_default();
                    kept.remove(&gone.name_any());
                }
                WatchEvent::Bookmark(mark) => {
                    version = mark.metadata.resource_version;
                    continue;
                }
                // 410 Gone: from the beginning.
                WatchEvent::Error(status) if status.code == 410 => return Ok(()),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            }
            see(&kept);
        }
    }
}

/// Whether the account may not look.
pub(super) fn is_not_permitted(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403))
}
