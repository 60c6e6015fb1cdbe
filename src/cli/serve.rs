//! `native-submit serve`

use super::{End, process};
use crate::{
    authoring::probe::probe,
    cli::output::message,
    cluster::{
        ClusterSettings, ClusterSink, DirectorySink, Events, Layout, Namespaces, OperatorWebhook, Sink,
        client,
    },
    operator::{Origin, Webhook},
    server::{self, Service, Stop},
    settings::{ApplyTo, ClusterAccess, ServeSettings},
    spark::submission::{Reach, SubmitterContext},
    submitter::Submitter,
    telemetry::{LogFormat, Metrics, Traces, start_logging_and},
    templates::{TemplateStore, warn_of_little_memory},
    watch::Timing,
};
use std::sync::Arc;
use tokio::runtime::Handle;
use tracing::{error, warn};

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
On SIGTERM or SIGINT the server takes no new submissions and waits for those in flight. Exit codes: 0 stopped, 1 could not serve, \
2 wrong usage.")]
pub(super) struct Serve {
    #[command(flatten)]
    settings: ServeSettings,

    #[command(flatten)]
    access: ClusterAccess,

    /// How log lines are written
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self) -> End {
        let runtime = match super::runtime() {
            Ok(runtime) => runtime,
            Err(end) => return end,
        };
        let traces = match runtime.block_on(async { Traces::start() }) {
            Ok(traces) => traces,
            Err(message) => return super::report(&message),
        };
        start_logging_and(self.log_format, "info", traces.as_ref());
        if let Err(message) = self.settings.grpc().and_then(|_| self.settings.rest()) {
            message!("error: {message}");
            return End::Usage;
        }
        let stop = match Stop::on_signals(self.settings.drain_timeout) {
            Ok(stop) => stop,
            Err(message) => return super::report(&message),
        };
        // Entry points have a thread of their own, which the system lets run while submissions take all that there is: else who is to
        // be turned away would wait behind them.
        let entry_points = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("entry-points")
            .enable_all()
            .build();
        let entry_points = match entry_points {
            Ok(entry_points) => entry_points,
            Err(error) => return super::report(&format!("can't start: {error}")),
        };
        let ended = runtime.block_on(self.serve(entry_points.handle(), stop));
        if let Some(traces) = traces {
            traces.end();
        }
        // Nothing waits for a thread that never comes back.
        entry_points.shutdown_background();
        runtime.shutdown_background();
        match ended {
            Ok(()) => End::Done,
            Err(message) => {
                error!("{message}");
                End::Refused
            }
        }
    }

    async fn serve(&self, entry_points: &Handle, mut stop: Stop) -> Result<(), String> {
        let settings = &self.settings;
        for said in settings.missing_file_roots() {
            warn!("{said}; applications that name a file below it are refused");
        }
        let metrics = Arc::new(Metrics::default());
        let mut events = None;
        let said = settings.cluster_view.webhook(&settings.apply_to);
        let (sink, api_server) = match &settings.apply_to {
            ApplyTo::Cluster => {
                let client = client(&self.access.client_settings())
                    .await
                    .map_err(|error| error.to_string())?;
                let sink = ClusterSink::new(client.clone(), ClusterSettings::default());
                events = settings
                    .events
                    .then(|| Events::start(sink.clone(), Arc::clone(&metrics)));
                (Sink::Cluster(sink), Some(client))
            }
            ApplyTo::Directory(path) => (
                Sink::Directory(DirectorySink::new(path, Layout::PerSubmission)),
                None,
            ),
        };
        let options = settings.templates.options();
        if options.directory.is_some() {
            warn_of_little_memory();
        }
        // Its first look at the directory is in the background: callers are answered from the start.
        let templates = Arc::new(TemplateStore::new(
            options,
            Arc::new(probe),
            settings.template_fallback,
        ));
        let _watch = templates.watch(Timing::default());
        let webhook = match (&sink, &api_server, said) {
            (Sink::Cluster(sink), Some(client), None) => {
                Some(OperatorWebhook::watch(client.clone(), sink.clone()))
            }
            _ => None,
        };
        let submitter = Submitter {
            templates,
            sink,
            metrics,
            spec_source: settings.cluster_view.spec_source,
            webhook,
            namespaces: api_server.clone().map(Namespaces::watched),
            events,
        };
        let origin = self.origin(said.unwrap_or(Webhook::On));
        let service = Service::new(submitter, self.context(), origin, settings);
        let settings = settings.clone();
        stop.of(&service);
        let serving = entry_points
            .spawn(async move { server::serve_until(service, &settings, api_server, stop.came()).await });
        serving.await.map_err(|error| error.to_string())?
    }

    fn origin(&self, webhook: Webhook) -> Origin {
        Origin {
            webhook,
            operator: true,
            unknown_fields: self.settings.unknown_fields,
        }
    }

    /// What a submission takes from this process: not its environment, and of its files only those below the roots.
    fn context(&self) -> SubmitterContext {
        let golden = SubmitterContext::golden();
        SubmitterContext {
            user: match self.settings.spark_user.trim() {
                // As a chart writes a value that nobody set.
                "" => golden.user,
                _ => self.settings.spark_user.clone(),
            },
            master: process::master().unwrap_or(golden.master),
            spark_version: self.settings.spark_version.clone(),
            reach: Reach::Roots(self.settings.submitter_file_roots.clone()),
            executor_check: self.settings.executors.executor_check,
            ..SubmitterContext::golden()
        }
    }
}
