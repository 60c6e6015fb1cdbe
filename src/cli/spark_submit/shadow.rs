//! Shadow mode: the real `spark-submit` does the work, and what native-submit would have done is compared with it.
//!
//! It must never stand in the way: the real one gets the same arguments, environment and streams, its end is ours, and
//! whatever goes wrong here is said and no more.

use super::{
    Ending, FAILED, OwnFlags, Settings, SparkSubmission, directly_client, fallback, resolved, sidecar,
};
use crate::{
    authoring::probe::probe,
    cli::output::message,
    cluster::{ClusterSettings, ClusterSink},
    manifest::Manifests,
    shadow::{Comparison, compare},
    spark::submission::arguments,
    submitter,
    templates::TemplateStore,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    process::{ExitCode, ExitStatus},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// In place of the flag, for who can't change the arguments: the operator makes them itself.
const VARIABLE: &str = "NATIVE_SUBMIT_SHADOW";

/// How long the comparison may keep the caller, once the real one has ended.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a shell reports of a process that a signal ended.
const BY_SIGNAL: i32 = 128;

/// Whether shadow mode is on, by the environment.
pub(super) fn asked() -> bool {
    super::super::process::variable(VARIABLE).is_some_and(|value| value == "true")
}

/// What we would do, before the real one has done it.
struct Ours {
    submission: SparkSubmission,
    manifests: Manifests,
}

/// Runs the real one, and then compares.
pub(super) fn run(flags: &OwnFlags, arguments: &[OsString]) -> ExitCode {
    let command = match fallback::command(flags, arguments) {
        Ok(mut command) => {
            // Else a real one that is native-submit again would be a shadow of itself.
            command.env_remove(VARIABLE);
            command
        }
        Err(message) => {
            message!("Error: shadow mode runs the real spark-submit.\n{message}");
            return ExitCode::from(FAILED);
        }
    };
    // Before, because the caller removes its pod templates afterwards; on a thread, so that a defect of ours ends there.
    let ours = std::thread::scope(|scope| scope.spawn(|| prepare(flags, arguments)).join());
    let ours = ours.unwrap_or_else(|_| Err(Ending::Failed("a defect of native-submit".to_owned())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            message!("native-submit: shadow: can't start: {error}");
            // Transparent all the same.
            let mut command = command;
            return status(command.status());
        }
    };
    runtime.block_on(async {
        let ended = real_one(command).await;
        let code = match &ended {
            Ok(status) => Some(status.code().unwrap_or(BY_SIGNAL)),
            Err(_) => None,
        };
        let comparing = tokio::time::timeout(PATIENCE, report(ours, code));
        if comparing.await.is_err() {
            message!(
                "native-submit: shadow: unknown: the comparison took longer than {} s",
                PATIENCE.as_secs()
            );
        }
        status(ended)
    })
}

/// Waits for the real one, and passes on who asks it to end.
async fn real_one(command: std::process::Command) -> std::io::Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut child = tokio::process::Command::from(command).spawn()?;
    loop {
        let sent = tokio::select! {
            ended = child.wait() => return ended,
            _ = terminate.recv() => Signal::TERM,
            _ = interrupt.recv() => Signal::INT,
        };
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            let _ = kill_process(pid, sent);
        }
    }
}

/// Its end is ours.
fn status(ended: std::io::Result<ExitStatus>) -> ExitCode {
    match ended {
        Ok(status) => {
            let code = status
                .code()
                .unwrap_or_else(|| BY_SIGNAL + status.signal().unwrap_or_default());
            ExitCode::from(u8::try_from(code).unwrap_or(FAILED))
        }
        Err(error) => {
            message!("Error: NATIVE_SUBMIT_FALLBACK can't be run: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// The pipeline up to the manifests, as `spark-submit` has it: what the operator leaves to its webhook stays out.
fn prepare(flags: &OwnFlags, arguments: &[OsString]) -> Result<Ours, Ending> {
    let text: Result<Vec<String>, _> = arguments.iter().cloned().map(OsString::into_string).collect();
    let argv = text.map_err(|_| Ending::Failed("an argument is not UTF-8 text".to_owned()))?;
    let arguments = arguments::parse(&argv).map_err(|error| Ending::NeedsSpark(error.to_string()))?;
    let submission = resolved(arguments, flags)?;
    let manifests = manifests(&submission.settings, &submission)?;
    Ok(Ours {
        submission,
        manifests,
    })
}

fn manifests(settings: &Settings, submission: &SparkSubmission) -> Result<Manifests, Ending> {
    let templates = TemplateStore::start(
        settings.templates.template_dir.clone(),
        Arc::new(probe),
        settings.template_fallback,
    );
    let sets = templates.current();
    Ok(submitter::manifests_by(
        &submission.submission,
        &submission.context,
        &sets,
    )?)
}

/// Tells what the comparison came to; the real one ended with `code`, if it could be started.
async fn report(ours: Result<Ours, Ending>, code: Option<i32>) {
    let (comparison, about) = match (code, ours) {
        (None, _) => (
            Comparison::Unknown("the real spark-submit did not run".to_owned()),
            None,
        ),
        (Some(code), _) if code != 0 => (Comparison::SparkFailed(code), None),
        (_, Err(Ending::NeedsSpark(why))) => (Comparison::HandedOver(why), None),
        (_, Err(Ending::Failed(why))) => (Comparison::Refused(why), None),
        (_, Ok(ours)) => {
            let comparison = compared(&ours).await;
            (comparison, Some(ours.manifests.identity))
        }
    };
    let details = comparison.details();
    message!("native-submit: shadow: {}", comparison.name());
    for line in &details {
        message!("native-submit: shadow: {line}");
    }
    sidecar::report(&sidecar::socket(), &comparison, about.as_ref()).await;
}

async fn compared(ours: &Ours) -> Comparison {
    let client = match directly_client(&ours.submission).await {
        Ok(client) => client,
        Err(Ending::Failed(why) | Ending::NeedsSpark(why)) => return Comparison::Unknown(why),
    };
    let sink = ClusterSink::new(client, ClusterSettings::default());
    compare(&ours.manifests, &sink).await
}
