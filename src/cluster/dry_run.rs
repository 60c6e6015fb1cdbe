//! A dry run: the API server validates, admits and forgets every object of a submission.

use super::{
    ApplyError, ClusterSink, Submitted,
    deadline::Deadline,
    live_object::{self, LiveObject},
    requests::ApiCall,
    resource::Target,
};
use crate::manifest::Manifests;
use std::{sync::Arc, time::Instant};

/// Stands for the Pod's uid, which a Pod that is not kept does not have.
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

impl ClusterSink {
    /// Asks for every object, in the order of creation, whether it would be created (`dryRun=All`). The first one
    /// that would not be is the error.
    pub async fn dry_run(
        &self,
        manifests: &Manifests,
        deadline: Option<Instant>,
    ) -> Result<Submitted, ApplyError> {
        let shared = &self.shared;
        let until = deadline.unwrap_or_else(|| Instant::now() + shared.settings.deadline);
        let caller = Arc::new(());
        let deadline = Deadline::of_caller(until, &caller);
        let namespace = &manifests.identity.namespace;
        let mut objects = Vec::new();
        for manifest in std::iter::once(&manifests.driver_pod).chain(&manifests.owned) {
            let target = Target::of(manifest, namespace)?;
            let body = if objects.is_empty() {
                manifest.value.clone()
            } else {
                live_object::owned_by_pod(&manifest.value, &manifests.identity.pod_name, NO_UID)
            };
            let call = ApiCall::DryRun(&target, &body);
            match shared.requests.send(&call, &deadline).await.answer {
                Ok(_) => objects.push(target.to_string()),
                Err(failure) if failure.already_exists() => {
                    let found = shared.requests.get(&target, &deadline).await?.map(LiveObject);
                    let submission_id = found.as_ref().and_then(LiveObject::submission_id);
                    // The rest is named after the submission: it is its own from an earlier call.
                    if objects.is_empty() && submission_id != Some(&manifests.identity.submission_id) {
                        return Err(ApplyError::AlreadyExists {
                            namespace: namespace.clone(),
                            pod_name: manifests.identity.pod_name.clone(),
                            submission_id: submission_id.map(str::to_owned),
                        });
                    }
                    objects.push(target.to_string());
                }
                Err(failure) => return Err(failure.into_error(&call)),
            }
        }
        Ok(Submitted::would_be(manifests, objects))
    }
}
