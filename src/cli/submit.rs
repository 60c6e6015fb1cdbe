//! `native-submit submit`

use super::{
    End,
    input::{self, Input, NamespaceChoice},
    progress,
};
use crate::{
    cli::output::message,
    cluster::{
        ClusterSettings, ClusterSink, DirectorySink, Layout, Namespaces, OperatorWebhook, Sink, client,
        configured_namespace,
    },
    operator::Origin,
    server::{
        client as grpc,
        client::{Server, TlsOptions},
        now_ms,
    },
    settings::{ApplyTo, ClusterAccess},
    spark::submission::{SubmissionId, UnknownFields},
    submitter::{Accepted, Mode, SpecSource, SubmitOptions, SubmitRequest, Submitter},
    telemetry::{LogFormat, Metrics, Stages, start_logging},
};
use clap::ValueEnum;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// Whether objects are created, as `kubectl` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// Objects are created.
    None,
    /// The application is rendered and checked, without any request.
    Client,
    /// The API server checks each object, and stores none.
    Server,
}

/// The arguments of `submit`.
#[derive(Debug, clap::Args)]
#[command(mut_arg("context", |context| context.conflicts_with("server")))]
#[command(mut_arg("kubeconfig", |kubeconfig| kubeconfig.conflicts_with("server")))]
#[command(after_help = "\
Prints one JSON line for each application of the file, a list or several documents included; if one fails, the others are \
submitted all the same. dir:PATH has the objects of one application; of several it has a folder for each, PATH/NAMESPACE/POD. A schedule can't be submitted. Without --submission-id a fresh one is made and printed: give it again to repeat the call \
safely. An application that names no namespace goes to --namespace, else to that of the kubeconfig's context. With --dry-run the outcome \
is would-create, and nothing is created. Exit codes: 0 submitted or already there, 1 refused or failed, 2 wrong usage.")]
pub(super) struct Submit {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    access: ClusterAccess,

    /// Create nothing. client renders and checks; server also asks the API server about each object. Without a value: client
    #[arg(
        long,
        value_enum,
        default_value = "none",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "client",
        conflicts_with = "server"
    )]
    dry_run: DryRun,

    /// Where objects go: cluster, or dir:PATH
    #[arg(
        long,
        default_value = "cluster",
        value_name = "cluster|dir:PATH",
        conflicts_with = "server"
    )]
    apply_to: ApplyTo,

    /// Send the application to a running `native-submit serve` by gRPC instead; https:// for TLS, dns:/// for all
    /// addresses of a name, such as a headless Service
    #[arg(
        long,
        value_name = "[http://|https://|dns:///]HOST:PORT",
        conflicts_with = "spark_submit"
    )]
    server: Option<Server>,

    #[command(flatten)]
    tls: TlsOptions,

    /// How long each submission may take, in seconds
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
        runtime.block_on(self.all()).unwrap_or_else(|end| end)
    }

    /// Everything that was given, one after the other.
    async fn all(&self) -> Result<End, End> {
        if self.dry_run == DryRun::Server && self.apply_to != ApplyTo::Cluster {
            message!(
                "error: --dry-run=server needs the API server, and --apply-to dir:PATH writes files; leave one of them out"
            );
            return Err(End::Usage);
        }
        if self.input.spark_submit {
            let context = self.input.context(now_ms())?;
            let submission = self.input.submission(SubmissionId::random(), &context)?;
            let id = submission.id.clone();
            let origin = Origin {
                // Those of the live application: the files were read.
                unknown_fields: UnknownFields::Pass,
                ..self.input.origin()
            };
            let asked = SubmitRequest::Resolved(Box::new(submission));
            let line = self
                .directly(&self.submitter(false).await?, asked, id, origin)
                .await?;
            return Ok(super::print(&format!("{line}\n")));
        }
        let applications = self.input.applications()?;
        let several = applications.len() > 1;
        if several && self.input.submission_id.is_some() {
            message!(
                "error: --submission-id: expected one application, found {}",
                applications.len()
            );
            return Err(End::Usage);
        }
        let namespace = self.namespace().await?;
        // All are read before the first is sent.
        let mut read = Vec::new();
        for (label, document) in applications {
            if document.of_schedule {
                let name = document.name();
                return Err(super::report(&format!(
                    "{label}: kind: a schedule can't be submitted; submit a SparkApplication with the spec.template of `{name}` as spec"
                )));
            }
            let value = document.value.clone();
            let mut parsed = input::parsed(&label, document)?;
            namespace
                .put_into(&mut parsed.application)
                .map_err(|refusal| super::report(&format!("{label}:\n{refusal}")))?;
            read.push((label.clone(), value, parsed));
        }
        let submitter = match &self.server {
            Some(_) => None,
            None => Some(self.submitter(several).await?),
        };
        let mut end = End::Done;
        let count = read.len();
        for (done, (label, mut value, mut parsed)) in read.into_iter().enumerate() {
            if several {
                progress::step(format!("{done} of {count} applications"));
            }
            let id = self.input.submission_id.clone();
            let id = id.unwrap_or_else(SubmissionId::random);
            parsed.application.generate_name(&id);
            if let Some(name) = &parsed.application.metadata.name {
                value["metadata"]["name"] = name.as_str().into();
            }
            if let Some(namespace) = &parsed.application.metadata.namespace {
                value["metadata"]["namespace"] = namespace.as_str().into();
            }
            let line = match (&submitter, &self.server) {
                (Some(submitter), _) => {
                    let asked = SubmitRequest::Application(Box::new(parsed));
                    self.directly(submitter, asked, id, self.input.origin()).await
                }
                (None, server) => self.through(server.clone(), &value, &id).await,
            };
            match line {
                Ok(line) => {
                    if super::print(&format!("{line}\n")) == End::Refused {
                        end = End::Refused;
                    }
                }
                Err(_) => {
                    if several {
                        message!("error: {label}: not submitted");
                    }
                    end = End::Refused;
                }
            }
        }
        Ok(end)
    }

    async fn through(
        &self,
        server: Option<Server>,
        application: &serde_json::Value,
        id: &SubmissionId,
    ) -> Result<serde_json::Value, End> {
        let Some(server) = server else {
            return Err(super::report(&"--server: expected an address, found nothing"));
        };
        let server = server.with(self.tls.clone());
        let taken = grpc::submit(
            &server,
            application.to_string(),
            id,
            Duration::from_secs(self.timeout),
        )
        .await
        .map_err(|error| super::report(&error))?;
        for warning in &taken.warnings {
            message!("warning: {warning}");
        }
        Ok(taken.line)
    }

    /// The namespace of applications, as kubectl has it. Who goes through a server, or into a directory, needs no kubeconfig.
    async fn namespace(&self) -> Result<NamespaceChoice, End> {
        let choice = NamespaceChoice::of_flag(self.input.namespace.as_ref());
        if choice.given.is_some() || self.server.is_some() || self.apply_to != ApplyTo::Cluster {
            return Ok(choice);
        }
        let fallback = configured_namespace(&self.access.client_settings()).await;
        Ok(NamespaceChoice {
            fallback: fallback.map_err(|error| super::report(&error))?,
            ..choice
        })
    }

    async fn submitter(&self, several: bool) -> Result<Submitter, End> {
        let (mut namespaces, mut webhook) = (None, None);
        let sink = match &self.apply_to {
            ApplyTo::Cluster if self.dry_run == DryRun::Client => Sink::Nowhere,
            ApplyTo::Cluster => {
                let client = client(&self.access.client_settings())
                    .await
                    .map_err(|error| super::report(&error))?;
                namespaces = Some(Namespaces::one_by_one(client.clone()));
                let settings = ClusterSettings::default();
                let deadline = Duration::from_secs(self.timeout).min(settings.deadline);
                let sink = ClusterSink::new(client, ClusterSettings { deadline, ..settings });
                // It knows the application if that is on the cluster, too.
                if self.input.asks_for_webhook() {
                    webhook = Some(OperatorWebhook::tried(sink.clone()));
                }
                Sink::Cluster(sink)
            }
            ApplyTo::Directory(path) => {
                let layout = if several {
                    Layout::PerSubmission
                } else {
                    Layout::Flat
                };
                Sink::Directory(DirectorySink::new(path, layout))
            }
        };
        Ok(Submitter {
            templates: Arc::new(self.input.templates()),
            sink,
            metrics: Arc::new(Metrics::default()),
            spec_source: SpecSource::Auto,
            webhook,
            namespaces,
            events: None,
        })
    }

    async fn directly(
        &self,
        submitter: &Submitter,
        asked: SubmitRequest,
        id: SubmissionId,
        origin: Origin,
    ) -> Result<serde_json::Value, End> {
        let context = self.input.context(now_ms())?;
        let mode = match self.dry_run {
            DryRun::None => Mode::Submit,
            DryRun::Client | DryRun::Server => Mode::DryRun,
        };
        let options = SubmitOptions {
            id,
            origin,
            context: &context,
            deadline: None,
            mode,
        };
        let accepted = submitter
            .submit(asked, options, &mut Stages::default())
            .await
            .map_err(|error| super::report(&error))?;
        for warning in &accepted.warnings {
            message!("warning: {warning}");
        }
        if mode == Mode::Submit && matches!(self.apply_to, ApplyTo::Directory(_)) {
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
