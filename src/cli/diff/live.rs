//! The left side is what the cluster has.

use super::{Asked, FileDiff, manifests};
use crate::{
    authoring::diff::{as_on_cluster, compare},
    cli::{End, could_not_run, input::Input, output::message, runtime},
    cluster::{ClientSettings, ClusterSettings, ClusterSink, client},
    operator::Origin,
    spark::submission::{SubmissionId, SubmitterContext},
    templates::TemplateSets,
};

/// What differs between the cluster and what each application becomes.
pub(super) fn differences(
    asked: Vec<Asked>,
    context: &SubmitterContext,
    set: &TemplateSets,
) -> Result<Vec<FileDiff>, End> {
    let runtime = runtime().map_err(|_| End::CouldNotRun)?;
    runtime.block_on(async {
        let client = client(&ClientSettings::default())
            .await
            .map_err(|error| could_not_run(&error))?;
        let sink = ClusterSink::new(client, ClusterSettings::default());
        let mut files = Vec::new();
        for asked in asked {
            files.push(with_cluster(asked, context, set, &sink).await?);
        }
        Ok(files)
    })
}

async fn with_cluster(
    asked: Asked,
    context: &SubmitterContext,
    set: &TemplateSets,
    sink: &ClusterSink,
) -> Result<FileDiff, End> {
    let Asked { file, application } = asked;
    let made = |id, origin| {
        manifests(&application, id, origin, context, set)
            .map_err(|error| could_not_run(&format!("{file}:\n{error}")))
    };
    let first = made(SubmissionId::nil(), Input::origin())?;
    let identity = &first.identity;
    let pod = sink
        .live_pod(&identity.namespace, &identity.pod_name)
        .await
        .map_err(|error| could_not_run(&error))?;
    let wanted = match &pod {
        Some(pod) => {
            let id = pod
                .submission_id
                .as_deref()
                .and_then(|id| SubmissionId::new(id).ok());
            let origin = Origin {
                operator: pod.of_operator,
                ..Input::origin()
            };
            made(id.unwrap_or_else(SubmissionId::nil), origin)?
        }
        None => {
            let (namespace, name) = (&identity.namespace, &identity.pod_name);
            message!("{file}: there is no Pod {namespace}/{name} on the cluster: every object would be new");
            first
        }
    };
    let live = sink
        .live_objects(&wanted, pod.as_ref())
        .await
        .map_err(|error| could_not_run(&error))?;
    let wanted = ClusterSink::wanted_objects(&wanted).map_err(|error| could_not_run(&error))?;
    Ok(FileDiff {
        file,
        refused: None,
        objects: compare(&as_on_cluster(live), &as_on_cluster(wanted)),
    })
}
