//! The last stage: manifests in, objects on the cluster (or files in a directory) out. This is the only stage
//! that talks to the API server.
//!
//! ```text
//! keyed_lock ─► attempt: POST the Pod ─┬─ created ──► owned: POST the rest, in parallel ─┬─► Submitted
//!                                      │                                               └─► rollback
//!                                      └─ 409 ─► live_object: whose is it? ─► complete, replace, wait, or refuse
//! ```
//!
//! Several servers may work for one Pod: `call.rs` has how they keep out of each other's way. Calls inside one server
//! wait for their turn (`keyed_lock.rs`).
//!
//! A `PodGroup` precedes its Pod (`pod_group.rs`). Else the Pod comes first, as in Spark's `Client.run`, because what it
//! owns names its uid; two round trips in all.
//! Nothing is ever force-applied, and nothing is deleted without its uid as precondition.

mod answer;
mod applications;
mod apply;
mod attempt;
mod call;
mod client;
mod completeness;
mod create_outcome;
mod deadline;
mod directory;
mod drivers;
mod dry_run;
mod error;
mod events;
mod follow;
mod following;
mod inspect;
mod keyed_lock;
mod kubeconfig;
mod live;
mod live_object;
mod namespaces;
mod owned;
mod pod_group;
mod refusal;
mod removal;
mod requests;
mod resource;
mod resource_version;
mod rollback;
mod seen;
mod server_time;
mod settings;
mod shadow_query;
mod webhook;

pub use applications::{Pages, applications};
pub use apply::ClusterSink;
pub use client::{ClientError, ClientSettings, Credentials, client, configured_namespace};
pub use directory::{DirectorySink, Layout};
pub use error::ApplyError;
pub use events::Events;
pub use follow::{FollowEnd, FollowError, FollowTiming};
pub use inspect::LivePod;
pub use live::{LiveApplication, LiveError};
pub use namespaces::Namespaces;
pub use resource_version::ResourceVersion;
pub use settings::ClusterSettings;
pub use webhook::OperatorWebhook;
pub(crate) use webhook::registered_webhooks;

pub use crate::kubernetes::annotations::{CALL_ANNOTATION, OBJECTS_ANNOTATION};

use crate::manifest::Manifests;
use resource::Target;
use serde::Serialize;
use std::{sync::Arc, time::Instant};

/// Where manifests go.
#[derive(Debug, Clone)]
pub enum Sink {
    /// The API server.
    Cluster(ClusterSink),
    /// Files, for `kubectl apply -f`.
    Directory(DirectorySink),
    /// Nowhere: the result says what would be created, and the cluster is not called.
    Nowhere,
}

impl Sink {
    /// Makes all objects of one submission exist, or none.
    ///
    /// `deadline` is how long the caller waits. On the cluster, work that has begun by then goes on without the
    /// caller and ends complete or rolled back; without a deadline the call waits for that end.
    pub async fn apply(
        &self,
        manifests: Arc<Manifests>,
        deadline: Option<Instant>,
    ) -> Result<Submitted, ApplyError> {
        match self {
            Self::Cluster(sink) => sink.apply(manifests, deadline).await,
            Self::Directory(sink) => sink.apply(manifests, deadline).await,
            Self::Nowhere => would_be(&manifests),
        }
    }

    /// Asks whether all objects of one submission would be taken, and makes none of them exist.
    pub async fn dry_run(
        &self,
        manifests: Arc<Manifests>,
        deadline: Option<Instant>,
    ) -> Result<Submitted, ApplyError> {
        match self {
            Self::Cluster(sink) => sink.dry_run(&manifests, deadline).await,
            Self::Directory(_) | Self::Nowhere => would_be(&manifests),
        }
    }

    /// The live `SparkApplication`, from which a driver gets its owner; files have none. It is at least as new as `seen`.
    pub async fn live_application(
        &self,
        namespace: &str,
        name: &str,
        seen: Option<&ResourceVersion>,
        deadline: Option<Instant>,
    ) -> Result<Option<LiveApplication>, LiveError> {
        match self {
            Self::Cluster(sink) => sink.live_application(namespace, name, seen, deadline).await,
            Self::Directory(_) | Self::Nowhere => Ok(None),
        }
    }
}

/// What would be created, in that order.
fn would_be(manifests: &Manifests) -> Result<Submitted, ApplyError> {
    let namespace = &manifests.identity.namespace;
    let objects: Result<Vec<_>, _> = std::iter::once(&manifests.driver_pod)
        .chain(&manifests.owned)
        .map(|manifest| Ok(Target::of(manifest, namespace)?.to_string()))
        .collect();
    Ok(Submitted::would_be(manifests, objects?))
}

/// What exists after a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submitted {
    /// Whether this call made it or found it.
    pub outcome: Outcome,
    /// The namespace of all objects.
    pub namespace: String,
    /// The driver Pod's name.
    pub pod_name: String,
    /// The driver Pod's uid; files have none.
    pub pod_uid: Option<String>,
    /// The Spark application id.
    pub application_id: String,
    /// The template set that made what exists, with its hash. Of a duplicate it is the one of the call that came first,
    /// perhaps on a server with other templates.
    pub template_set: String,
    /// What exists now: `pods/spark-pi-driver`, `services/…`, … in the order of creation; for a directory the
    /// paths of the files.
    pub objects: Vec<String>,
}

impl Submitted {
    /// What a dry run found that it would make.
    pub(crate) fn would_be(manifests: &Manifests, objects: Vec<String>) -> Self {
        let identity = &manifests.identity;
        Self {
            outcome: Outcome::WouldCreate,
            namespace: identity.namespace.clone(),
            pod_name: identity.pod_name.clone(),
            pod_uid: None,
            application_id: identity.application_id.clone(),
            template_set: identity.template_set.clone(),
            objects,
        }
    }

    /// The same submission was there before this call.
    pub fn duplicate(&self) -> bool {
        matches!(self.outcome, Outcome::Found | Outcome::Completed)
    }
}

/// Whether a call made a submission or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All objects are new.
    Created,
    /// The same submission was there, complete.
    Found,
    /// The same submission was there; what it lacked was created.
    Completed,
    /// The same submission was there with another plan, or half made by another template set, and had not started: it
    /// was deleted and created anew.
    Replaced,
    /// Written as files.
    Written,
    /// A dry run: the API server would take all objects, and has kept none.
    #[serde(rename = "would-create")]
    WouldCreate,
}

impl Outcome {
    /// The outcome as one word, as it is serialized.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Found => "found",
            Self::Completed => "completed",
            Self::Replaced => "replaced",
            Self::Written => "written",
            Self::WouldCreate => "would-create",
        }
    }
}
