//! `native-submit studio`

use super::{End, input, process};
use crate::{
    cli::output::message,
    operator::application::ApplicationDocument,
    settings::SetSettings,
    studio::{Studio as Server, StudioSettings},
};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};
use tokio::signal::unix::{SignalKind, signal};

/// The arguments of `studio`.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(after_help = "\
A page in the browser shows what the templates of DIR do as you save them in your own editor: the objects of an application, which \
template line wrote each of their lines, what differs from the built-in templates and from git's HEAD, the executor Pod, and what \
policies said. It is served on loopback only, and opens only with the address that is printed. Nothing is applied; the only files written \
are golden cases that you save (--cases). The data of Secrets, and properties, variables and arguments that match \
spark.redaction.regex, are masked without --show-secrets. It ends with Ctrl-C. Exit codes: 0 stopped, 1 could not serve, \
2 wrong usage.")]
pub(super) struct Studio {
    /// Directory with the templates, as TEMPLATE_DIR would have it
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    sets: SetSettings,

    /// Files with SparkApplications, YAML or JSON, or directories with such files
    #[arg(long, value_name = "PATH", num_args = 1..)]
    apps: Vec<PathBuf>,

    /// Directory with golden cases; the page can save additional ones there
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,

    /// Directory with the templates to compare with; by default git's HEAD
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,

    /// Port on loopback; by default any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Only print the address, and open no browser
    #[arg(long)]
    no_open: bool,

    /// Show the values of secrets, too
    #[arg(long)]
    show_secrets: bool,
}

impl Studio {
    pub(super) fn run(self) -> End {
        if !self.directory.is_dir() {
            message!(
                "error: {}: expected a directory with templates, found none; create it first (it may be empty)",
                self.directory.display()
            );
            return End::Usage;
        }
        let runtime = match super::runtime() {
            Ok(runtime) => runtime,
            Err(end) => return end,
        };
        let ended = runtime.block_on(self.serve());
        // Nothing waits for an application that is being tried.
        runtime.shutdown_background();
        ended.unwrap_or_else(|end| end)
    }

    async fn serve(&self) -> Result<End, End> {
        let signals = || -> std::io::Result<_> {
            Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
        };
        let (mut interrupt, mut terminate) = signals().map_err(|error| super::report(&error))?;
        let studio = Server::start(self.settings(), self.port)
            .await
            .map_err(|error| super::report(&error))?;
        let url = studio.url().to_owned();
        if super::print(&format!("{url}\n")) == End::Refused {
            return Err(End::Refused);
        }
        if !self.no_open && !opened(&url) {
            message!("no browser could be started: open the address above");
        }
        let stop = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let served = studio.serve_until(stop).await;
        served.map_err(|error| super::report(&error))?;
        Ok(End::Done)
    }

    fn settings(&self) -> StudioSettings {
        let files = self.apps.clone();
        StudioSettings {
            directory: self.directory.clone(),
            options: self.sets.options(Some(self.directory.clone())),
            cases: self.cases.clone(),
            from: self.from.clone(),
            files: self.apps.clone(),
            read: Arc::new(move || read(&files)),
            show_secrets: self.show_secrets,
        }
    }
}

fn read(files: &[PathBuf]) -> Vec<(String, Result<ApplicationDocument, String>)> {
    let mut found = Vec::new();
    input::each_application(files, &mut |application| found.push(application));
    found
}

/// Asks the system to open an address.
fn opened(url: &str) -> bool {
    if process::variable("DISPLAY").is_none()
        && process::variable("WAYLAND_DISPLAY").is_none()
        && !cfg!(target_os = "macos")
    {
        return false;
    }
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}
