//! `native-submit submit`

use super::{End, input::Input};
use crate::{
    cli::output::message,
    cluster::{ClientSettings, ClusterSettings, ClusterSink, DirectorySink, Layout, Sink, client},
    server::{
        client as grpc,
        client::{Server, TlsOptions},
        now_ms,
    },
    settings::ApplyTo,
    spark::submission::{SubmissionId, UnknownFields},
    submitter::{Accepted, Mode, SpecSource, SubmitRequest, Submitter},
    telemetry::{LogFormat, Metrics, start_logging},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// The arguments of `submit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints one JSON line. Without --submission-id a fresh one is made and printed: give it again to repeat the call \
safely. Exit codes: 0 submitted or already there, 1 refused or failed, 2 wrong usage.")]
pub(super) struct Submit {
    #[command(flatten)]
    input: Input,

    /// Where objects go: cluster, or dir:PATH
    #[arg(
        long,
        default_value = "cluster",
        value_name = "cluster|dir:PATH",
        conflicts_with = "server"
    )]
    apply_to: ApplyTo,

    /// Send the application to a running `native-submit serve` by gRPC instead; https:// where it speaks TLS
    #[arg(long, value_name = "[https://]HOST:PORT", conflicts_with = "spark_submit")]
    server: Option<Server>,

    #[command(flatten)]
    tls: TlsOptions,

    /// How long to wait for the end, in seconds
    #[arg(long, default_value_t = 40, value_name = "SECONDS")]
    timeout: u64,
}

impl Submit {
    pub(super) fn run(self) -> End {
        // What goes wrong is in the answer; the log would say it twice.
        start_logging(LogFormat::Text, "off");
        let runtime = match super::runtime() {
            Ok(runtime) => runtime,
            Err(end) => return end,
        };
        let outcome = runtime.block_on(async {
            match &self.server {
                Some(server) => self.through(server.clone().with(self.tls.clone())).await,
                None => self.directly().await,
            }
        });
        match outcome {
            Ok(line) => super::print(&format!("{line}\n")),
            Err(end) => end,
        }
    }

    async fn through(&self, server: Server) -> Result<serde_json::Value, End> {
        // Read here too, so that a misspelled field is an error before anything is sent.
        let text = self.input.text()?;
        let id = self
            .input
            .submission_id
            .clone()
            .unwrap_or_else(SubmissionId::random);
        grpc::submit(&server, text, &id, Duration::from_secs(self.timeout))
            .await
            .map_err(|error| super::report(&error))
    }

    async fn directly(&self) -> Result<serde_json::Value, End> {
        let context = self.input.context(now_ms())?;
        let sink = match &self.apply_to {
            ApplyTo::Cluster => {
                let client = client(&ClientSettings::default())
                    .await
                    .map_err(|error| super::report(&error))?;
                let settings = ClusterSettings::default();
                let deadline = Duration::from_secs(self.timeout).min(settings.deadline);
                Sink::Cluster(ClusterSink::new(client, ClusterSettings { deadline, ..settings }))
            }
            ApplyTo::Directory(path) => Sink::Directory(DirectorySink::new(path, Layout::Flat)),
        };
        let submitter = Submitter {
            templates: Arc::new(self.input.templates()),
            sink,
            metrics: Arc::new(Metrics::default()),
            spec_source: SpecSource::Auto,
            webhook: None,
        };
        let mut origin = Input::origin();
        let (asked, id) = if self.input.spark_submit {
            let submission = self.input.submission(SubmissionId::random(), &context)?;
            let id = submission.id.clone();
            // Those of the live application: the files were read.
            origin.unknown_fields = UnknownFields::Pass;
            (SubmitRequest::Arguments(Box::new(submission)), id)
        } else {
            let id = self.input.submission_id.clone();
            let application = Box::new(self.input.application()?);
            (
                SubmitRequest::Application(application),
                id.unwrap_or_else(SubmissionId::random),
            )
        };
        let accepted = submitter
            .submit(asked, id, origin, &context, None, Mode::Submit)
            .await
            .map_err(|error| super::report(&error))?;
        for warning in &accepted.warnings {
            message!("warning: {warning}");
        }
        if matches!(self.apply_to, ApplyTo::Directory(_)) {
            message!(
                "warning: files can't name the Pod as owner of the other objects: deleting the Pod will leave them"
            );
        }
        Ok(line(&accepted))
    }
}

/// What `submit` prints.
fn line(accepted: &Accepted) -> serde_json::Value {
    let submitted = &accepted.submitted;
    json!({
        "submission_id": accepted.submission_id,
        "outcome": submitted.outcome,
        "namespace": submitted.namespace,
        "driver_pod_name": submitted.pod_name,
        "driver_pod_uid": submitted.pod_uid,
        "spark_application_id": submitted.application_id,
        "template_set": accepted.template_set,
        "objects": submitted.objects,
    })
}
