//! `spark-submit`, as the operator, Airflow and scripts call it: the same arguments, the same endings.
//!
//! What only the real one can do is handed to it where `NATIVE_SUBMIT_FALLBACK` names it; always before anything was
//! created, never after.

mod fallback;
mod operation;
mod own_flags;
mod shadow;
mod sidecar;
mod signals;
mod spark_log;
mod usage;
mod wait;

use crate::{
    authoring::probe::probe,
    cli::output::message,
    cluster::{
        ClientSettings, ClusterSettings, ClusterSink, Credentials, Namespaces, OperatorWebhook, Sink, client,
    },
    operator::{Origin, Webhook},
    server::now_ms,
    settings::{ApplyTo, ClusterViewSettings, ExecutorSettings, TemplateSettings},
    spark::{
        plan,
        submission::{
            ConfReader, EntryPoint, Refusal, Request, SparkConf, Submission, SubmissionId, SubmitterContext,
            UnknownFields,
            arguments::{self, ArgumentsError, SparkSubmitCommand},
            resolve,
        },
    },
    submitter::{Accepted, Mode, SubmitError, SubmitOptions, SubmitRequest, Submitter},
    telemetry::{LogFormat, Metrics, Stages, start_logging},
    templates::{Fallback, TemplateStore},
};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use own_flags::OwnFlags;
use sidecar::SidecarAnswer;
use std::{ffi::OsString, path::Path, process::ExitCode, sync::Arc};
use wait::{Driver, Waiting};

/// The name by which this binary is `spark-submit`.
pub(super) const NAME: &str = "spark-submit";

/// Exit code of a submission that was refused or failed, and of wrong usage: Spark has one for all.
const FAILED: u8 = 1;

/// Exit code without any argument, as of `spark-class`.
const NO_ARGUMENTS: u8 = 255;

/// What the environment says; the command line is `spark-submit`'s.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Settings {
    #[command(flatten)]
    templates: TemplateSettings,

    #[arg(long, env = "TEMPLATE_FALLBACK", value_enum, default_value = "refuse")]
    template_fallback: Fallback,

    #[arg(long, env = "SPARK_VERSION")]
    spark_version: Option<crate::spark::submission::SparkVersion>,

    #[command(flatten)]
    cluster_view: ClusterViewSettings,

    #[command(flatten)]
    executors: ExecutorSettings,
}

/// Whether this process was called by the name `spark-submit`.
pub(super) fn is_called(program: &OsString) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == NAME)
}

/// Why there is no submission.
enum Ending {
    /// Wrong, or failed: the message says what, and nothing is left.
    Failed(String),
    /// The real `spark-submit` could do it.
    NeedsSpark(String),
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        if refusal.needs_spark {
            Self::NeedsSpark(refusal.to_string())
        } else {
            Self::Failed(refusal.to_string())
        }
    }
}

impl From<SubmitError> for Ending {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Settings {
    fn of_environment() -> Result<Self, Ending> {
        let command = super::environment::without_blank_variables(Self::command());
        command
            .try_get_matches_from::<[OsString; 0], _>([])
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| Ending::Failed(error.to_string()))
    }
}

/// What is to be submitted, and by whom.
struct SparkSubmission {
    submission: Submission,
    context: SubmitterContext,
    settings: Settings,
    /// How the API server is reached.
    reach: ClientSettings,
    /// `None`: nobody waits for the driver's end.
    waiting: Option<Waiting>,
}

/// Runs as `spark-submit` with these words: flags of native-submit, and Spark's arguments.
pub(super) fn run(words: &[OsString]) -> ExitCode {
    start_logging(LogFormat::Text, "off");
    let (flags, arguments) = match own_flags::split(words) {
        Ok(split) => split,
        Err(ending) => return end(ending, &OwnFlags::default(), words),
    };
    if flags.shadow || shadow::asked() {
        return shadow::run(&flags, &arguments);
    }
    if arguments.is_empty() {
        message!("{}", usage::TEXT);
        return ExitCode::from(NO_ARGUMENTS);
    }
    let text: Result<Vec<String>, _> = arguments.iter().cloned().map(OsString::into_string).collect();
    let ending = match text {
        Err(_) => Ending::Failed("an argument is not UTF-8 text".to_owned()),
        Ok(argv) => match arguments::parse_command(&argv) {
            Err(ArgumentsError::NotASubmission { option, .. }) if usage::answers(&option) => {
                return usage::answer(&option);
            }
            Err(error @ ArgumentsError::NotASubmission { .. }) => Ending::NeedsSpark(error.to_string()),
            Err(error) => Ending::Failed(error.to_string()),
            Ok(command) => match run_command(command, &flags) {
                Ok(code) => return ExitCode::from(code),
                Err(ending) => ending,
            },
        },
    };
    end(ending, &flags, &arguments)
}

/// Says why there is no submission, or becomes the real `spark-submit`.
fn end(ending: Ending, flags: &OwnFlags, arguments: &[OsString]) -> ExitCode {
    match ending {
        Ending::Failed(message) => {
            message!("Error: {message}");
            ExitCode::from(FAILED)
        }
        Ending::NeedsSpark(why) => fallback::hand_over(flags, arguments, &why),
    }
}

/// What the arguments and this process's files and environment come to; an error where only Spark can do it.
fn resolved(arguments: arguments::SparkSubmitArguments, flags: &OwnFlags) -> Result<SparkSubmission, Ending> {
    flags.agree(&arguments)?;
    let settings = Settings::of_environment()?;
    let context = context(&settings)?;
    let request = Request {
        default_id: Some(SubmissionId::random()),
        ..Request::default()
    };
    let submission = resolve(arguments, request, &context)?;
    let conf = ConfReader::new(&submission.conf, &context);
    let (waiting, reach) = (Waiting::read(conf)?, reach(conf, flags)?);
    // Here too, where a server would plan it: what needs Spark must be known before anything is sent.
    plan::plan(&submission, &context)?;
    Ok(SparkSubmission {
        submission,
        context,
        settings,
        reach,
        waiting,
    })
}

/// Does what the command line asks for; the exit code.
fn run_command(command: SparkSubmitCommand, flags: &OwnFlags) -> Result<u8, Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Ending::Failed(format!("can't start: {error}")))?;
    let ended = runtime.block_on(async {
        tokio::select! {
            code = signals::ended() => Ok(code),
            ended = async {
                match command {
                    SparkSubmitCommand::Submit(arguments) => submit(arguments, flags).await,
                    SparkSubmitCommand::Operation(operation, arguments) => {
                        operation::run(&operation, &arguments, flags).await.map(|()| 0)
                    }
                }
            } => ended,
        }
    });
    // What a signal left undone is not waited for.
    runtime.shutdown_background();
    ended
}

/// Submits, and waits for the end where the conf says so; the exit code.
async fn submit(arguments: arguments::SparkSubmitArguments, flags: &OwnFlags) -> Result<u8, Ending> {
    let to_submit = resolved(arguments, flags)?;
    let SparkSubmission {
        submission, context, ..
    } = &to_submit;
    let id = submission.id.to_string();
    let application = submission
        .conf
        .get("spark.app.name")
        .unwrap_or("spark")
        .to_owned();
    let version = submission.spark_version.clone();
    let socket = sidecar::socket();
    // A server has a cluster and an identity of its own: who names others goes without it.
    let by_server = socket.exists() && !credentials(&submission.conf).given() && !flags.name_cluster();
    let prepared = match to_submit.waiting {
        Some(waiting) => Some(waiting.prepare(to_submit.reach.clone(), by_server).await?),
        None => None,
    };
    let answer = if by_server {
        sidecar::submit(&socket, submission, context).await?
    } else {
        SidecarAnswer::Nobody
    };
    let (warnings, outcome, driver) = match answer {
        SidecarAnswer::Accepted(reply) => {
            let driver = Driver {
                application,
                application_id: reply.application_id,
                namespace: reply.namespace,
                pod_name: reply.pod_name,
                pod_uid: Some(reply.pod_uid).filter(|uid| !uid.is_empty()),
                version,
            };
            (reply.warnings, reply.outcome, driver)
        }
        SidecarAnswer::Nobody => {
            let accepted = directly(to_submit).await?;
            let submitted = accepted.submitted;
            let driver = Driver {
                application,
                application_id: submitted.application_id,
                namespace: submitted.namespace,
                pod_name: submitted.pod_name,
                pod_uid: submitted.pod_uid,
                version,
            };
            (accepted.warnings, submitted.outcome.name().to_owned(), driver)
        }
    };
    tell(&warnings, &outcome, &driver, &id);
    match prepared {
        Some(prepared) => prepared.wait(&driver).await,
        None => {
            say_pod(&driver);
            Ok(0)
        }
    }
}

fn context(settings: &Settings) -> Result<SubmitterContext, Ending> {
    let context = super::process::spark_submit_context(now_ms())?;
    Ok(SubmitterContext {
        spark_version: settings.spark_version.clone().or(context.spark_version),
        executor_check: settings.executors.executor_check,
        entry_point: EntryPoint::SparkSubmit,
        ..context
    })
}

/// Who submits, where the conf says it.
fn credentials(conf: &SparkConf) -> Credentials {
    // As they stand: Spark expands no `${…}` in these.
    let text = |what: &str| {
        let key = format!("spark.kubernetes.authenticate.submission.{what}");
        conf.get(&key).map(str::to_owned)
    };
    Credentials {
        token: text("oauthToken"),
        token_file: text("oauthTokenFile"),
        authority_file: text("caCertFile"),
        certificate_file: text("clientCertFile"),
        key_file: text("clientKeyFile"),
    }
}

/// How the API server is reached, by conf and flags.
fn reach(conf: ConfReader<'_>, flags: &OwnFlags) -> Result<ClientSettings, Ending> {
    Ok(ClientSettings {
        kubeconfig: flags.kubeconfig(),
        context: conf.text("spark.kubernetes.context")?,
        server: conf
            .raw()
            .get("spark.master")
            .and_then(|master| master.strip_prefix("k8s://"))
            .map(str::to_owned),
        credentials: credentials(conf.raw()),
        one_connection: true,
        ..ClientSettings::default()
    })
}

/// A client for the API server.
async fn directly_client(to_submit: &SparkSubmission) -> Result<kube::Client, Ending> {
    client(&to_submit.reach)
        .await
        .map_err(|error| Ending::Failed(error.to_string()))
}

/// To the API server, from this process.
async fn directly(to_submit: SparkSubmission) -> Result<Accepted, Ending> {
    // Beside the first words with the API server.
    let (options, fallback) = (
        to_submit.settings.templates.options(),
        to_submit.settings.template_fallback,
    );
    let templates =
        tokio::task::spawn_blocking(move || TemplateStore::start(options, Arc::new(probe), fallback));
    let client = directly_client(&to_submit).await?;
    let SparkSubmission {
        submission,
        context,
        settings,
        ..
    } = to_submit;
    let sink = ClusterSink::new(client.clone(), ClusterSettings::default());
    let said = settings.cluster_view.webhook(&ApplyTo::Cluster);
    let webhook = said
        .is_none()
        .then(|| OperatorWebhook::look_once(client.clone(), sink.clone()));
    let templates = templates
        .await
        .map_err(|error| Ending::Failed(format!("can't load the templates: {error}")))?;
    let submitter = Submitter {
        templates: Arc::new(templates),
        sink: Sink::Cluster(sink),
        metrics: Arc::new(Metrics::default()),
        spec_source: settings.cluster_view.spec_source,
        webhook,
        namespaces: Some(Namespaces::one_by_one(client)),
        events: None,
    };
    let origin = Origin {
        webhook: said.unwrap_or(Webhook::On),
        operator: true,
        // Those of the live application: the files were read.
        unknown_fields: UnknownFields::Pass,
    };
    let options = SubmitOptions {
        id: submission.id.clone(),
        origin,
        context: &context,
        deadline: None,
        mode: Mode::Submit,
    };
    let request = SubmitRequest::Resolved(Box::new(submission));
    Ok(submitter.submit(request, options, &mut Stages::default()).await?)
}

/// Lines for the log of the caller.
fn tell(warnings: &[String], outcome: &str, driver: &Driver, id: &str) {
    for warning in warnings {
        message!("warning: {warning}");
    }
    let submission_id = driver.submission_id();
    let Driver {
        application,
        application_id,
        ..
    } = driver;
    message!(
        "native-submit: {outcome} driver Pod {submission_id} of application {application_id}, submission id {id}"
    );
    // Spark's own line, which it has where it doesn't wait. Scripts look for the id in it.
    spark_log::info(
        "Client",
        format_args!(
            "Deployed Spark application {application} with application ID {application_id} and submission ID {submission_id} into \
             Kubernetes"
        ),
    );
}

/// Says which Pod it is, as a wait says it of each state. Airflow, which doesn't let `spark-submit` wait if it follows the driver
/// itself (`track_driver_via_k8s_api`), finds the Pod by this line, and by Spark's own in the namespace `spark` alone.
fn say_pod(driver: &Driver) {
    let Driver { pod_name, .. } = driver;
    spark_log::info("Client", format_args!("Driver:\n\t pod name: {pod_name}"));
}
