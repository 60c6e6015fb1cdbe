//! The left side is what the cluster has.

use super::{Application, Diff, FileDiff, origin, submission};
use crate::{
    authoring::diff::as_on_cluster,
    cli::{End, connected},
    cluster::{ClientSettings, ClusterSettings, ClusterSink},
    manifest::Manifests,
    operator::Origin,
    spark::submission::SubmissionId,
    submitter,
    templates::TemplateSets,
};
use tokio::runtime::Runtime;

/// The cluster, and what asks it.
pub(super) struct Live {
    runtime: Runtime,
    sink: ClusterSink,
    namespace: String,
}

impl Live {
    pub(super) fn connect(access: &ClientSettings) -> Result<Self, End> {
        let (runtime, client) = connected(access)?;
        Ok(Self {
            namespace: client.default_namespace().to_owned(),
            sink: ClusterSink::new(client, ClusterSettings::default()),
            runtime,
        })
    }

    /// The namespace of the kubeconfig's context.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What differs between the cluster and what an application becomes.
    pub(super) fn compared(
        &self,
        diff: &Diff,
        application: &Application,
        sets: &TemplateSets,
    ) -> Result<FileDiff, String> {
        self.runtime.block_on(self.with_cluster(diff, application, sets))
    }

    async fn with_cluster(
        &self,
        diff: &Diff,
        application: &Application,
        sets: &TemplateSets,
    ) -> Result<FileDiff, String> {
        let context = diff.context();
        let made = |id, origin| -> Result<Manifests, String> {
            let made = submission(application, id, origin, &context)
                .and_then(|submission| submitter::manifests_by(&submission, &context, sets));
            made.map_err(|error| error.to_string())
        };
        let first = made(SubmissionId::nil(), origin())?;
        let identity = &first.identity;
        let pod = self.sink.live_pod(&identity.namespace, &identity.pod_name).await;
        let pod = pod.map_err(|error| error.to_string())?;
        let (note, wanted) = match &pod {
            Some(pod) => {
                let id = pod.submission_id.as_deref();
                let id = id.and_then(|id| SubmissionId::new(id).ok());
                let origin = Origin {
                    operator: pod.of_operator,
                    ..origin()
                };
                (None, made(id.unwrap_or_else(SubmissionId::nil), origin)?)
            }
            None => {
                let (namespace, name) = (&identity.namespace, &identity.pod_name);
                let note =
                    format!("there is no Pod {namespace}/{name} on the cluster: every object would be new");
                (Some(note), first)
            }
        };
        let live = self.sink.live_objects(&wanted, pod.as_ref()).await;
        let live = live.map_err(|error| error.to_string())?;
        let wanted = ClusterSink::wanted_objects(&wanted).map_err(|error| error.to_string())?;
        Ok(FileDiff {
            note,
            objects: diff.objects(as_on_cluster(live), as_on_cluster(wanted)),
            ..FileDiff::new(&application.label)
        })
    }
}
