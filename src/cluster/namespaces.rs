//! The labels and annotations of namespaces, which policies may read.
//!
//! A server watches all namespaces, from the first submission on whose template set has a policy that reads them. So a
//! cluster without such a policy needs no right for it, and pays nothing. A command asks for the one that it needs.

use super::following::{self, AGAIN, PERMITTED_AGAIN};
use crate::spark::submission::NamespaceMetadata;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time};
use tracing::warn;

/// How long a submission waits for a namespace: for the first look, or for the watch to see one that is new.
const PATIENCE: Duration = Duration::from_secs(3);

/// What lacks where the right does.
const NO_RIGHT: &str =
    "this account may not list and watch namespaces (kubectl apply -k deploy/rbac/namespaces)";

/// The namespaces by name.
type ByName = BTreeMap<String, Arc<NamespaceMetadata>>;

/// What is known of the cluster's namespaces.
#[derive(Debug, Clone)]
enum Known {
    /// Nothing yet.
    Nothing,
    /// They can't be looked at; why.
    Unseen(&'static str),
    Namespaces(Arc<ByName>),
}

/// The namespaces of a cluster.
pub struct Namespaces {
    api: Api<Namespace>,
    reading: Reading,
}

enum Reading {
    /// By a watch, once it is needed.
    Watch(OnceLock<Watching>),
    /// One by one.
    Get,
}

struct Watching {
    known: watch::Receiver<Known>,
    task: JoinHandle<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Namespaces {
    /// Those of a cluster, watched from the first question on.
    pub fn watched(client: Client) -> Self {
        Self {
            api: Api::all(client),
            reading: Reading::Watch(OnceLock::new()),
        }
    }

    /// The same, read one by one, for a process that ends with its work.
    pub fn one_by_one(client: Client) -> Self {
        Self {
            api: Api::all(client),
            reading: Reading::Get,
        }
    }

    /// A namespace's labels and annotations. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Why they are not known, for an administrator.
    pub async fn of(&self, namespace: &str) -> Result<NamespaceMetadata, String> {
        match &self.reading {
            Reading::Watch(watching) => {
                let watching = watching.get_or_init(|| Watching::begin(self.api.clone()));
                watching.of(namespace).await
            }
            Reading::Get => match time::timeout(PATIENCE, self.api.get_opt(namespace)).await {
                Ok(Ok(Some(found))) => Ok(metadata(&found)),
                Ok(Ok(None)) => Err(not_there()),
                Ok(Err(error)) if following::is_not_permitted(&error) => {
                    Err("this account may not get namespaces".to_owned())
                }
                Ok(Err(_)) | Err(_) => Err(UNREACHED.to_owned()),
            },
        }
    }
}

const UNREACHED: &str = "the API server didn't tell its namespaces";

fn not_there() -> String {
    "the API server has no such namespace".to_owned()
}

impl Watching {
    fn begin(api: Api<Namespace>) -> Self {
        let (sender, known) = watch::channel(Known::Nothing);
        Self {
            known,
            task: tokio::spawn(keep_looking(api, sender)),
        }
    }

    async fn of(&self, namespace: &str) -> Result<NamespaceMetadata, String> {
        let mut known = self.known.clone();
        // One that was made just now may not have been seen yet.
        let seen = known.wait_for(|known| match known {
            Known::Nothing => false,
            Known::Unseen(_) => true,
            Known::Namespaces(all) => all.contains_key(namespace),
        });
        let _ = time::timeout(PATIENCE, seen).await;
        let known = self.known.borrow().clone();
        match known {
            Known::Nothing => Err(UNREACHED.to_owned()),
            Known::Unseen(why) => Err(why.to_owned()),
            Known::Namespaces(all) => all
                .get(namespace)
                .map(|found| found.as_ref().clone())
                .ok_or_else(not_there),
        }
    }
}

async fn keep_looking(api: Api<Namespace>, known: watch::Sender<Known>) {
    let see = |all: &ByName| {
        known.send_replace(Known::Namespaces(Arc::new(all.clone())));
    };
    let keep = |namespace: &Namespace| Arc::new(metadata(namespace));
    let mut is_logged = false;
    loop {
        let Err(error) = following::follow(&api, keep, &see).await else {
            is_logged = false;
            continue;
        };
        let may_not = following::is_not_permitted(&error);
        if !std::mem::replace(&mut is_logged, true) {
            warn!(
                "a policy reads namespace.labels or namespace.annotations, and they can't be looked at: {error}"
            );
        }
        // What was seen last holds while the API server is away; not where the right was taken.
        known.send_if_modified(|known| {
            let (unseen, is_first) = if may_not {
                (NO_RIGHT, true)
            } else {
                (UNREACHED, matches!(known, Known::Nothing))
            };
            if is_first {
                *known = Known::Unseen(unseen);
            }
            is_first
        });
        time::sleep(if may_not { PERMITTED_AGAIN } else { AGAIN }).await;
    }
}

fn metadata(namespace: &Namespace) -> NamespaceMetadata {
    NamespaceMetadata {
        labels: namespace.labels().clone(),
        annotations: namespace.annotations().clone(),
    }
}

impl std::fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Namespaces")
    }
}
