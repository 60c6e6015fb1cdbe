//! The command line: one file for each subcommand.

mod check;
mod completion;
mod context;
mod dashes;
mod diff;
mod doctor;
mod environment;
mod examples;
mod golden;
mod healthcheck;
mod init;
mod input;
mod install;
mod live_applications;
mod output;
mod output_format;
mod policy_facts;
mod process;
mod progress;
mod render;
mod serve;
mod spark_submit;
mod studio;
mod styled;
mod submit;
mod templates;
mod version;

use crate::{
    cluster::{ClientSettings, client},
    templates::{Heap, RENDER_WORKER, run_render_worker},
};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use output::{Color, message, print, print_styled};
use progress::Progress;
use std::process::ExitCode;

/// Submits Spark applications to Kubernetes without a JVM.
#[derive(Debug, Parser)]
#[command(
    name = "native-submit",
    version,
    about,
    propagate_version = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
    #[arg(long, value_enum, default_value = "auto", global = true, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the objects that an application would create; nothing is sent to the cluster
    Render(render::Render),
    /// Print the variables that templates see of an application, or their JSON Schema
    Context(context::Context),
    /// Check a directory of templates: compile them, render samples and cases, report each mistake with file and line
    Check(check::Check),
    /// Compare the objects of two template directories, or of templates and the cluster
    Diff(diff::Diff),
    /// Test templates against your own golden files
    Golden(golden::Golden),
    /// Show in the browser what templates do while you write them
    Studio(studio::Studio),
    /// Write a first template set: an override, a policy, a case with its golden files, and a workflow that checks them
    Init(init::Init),
    /// Submit an application to the cluster, into a directory, or through a running server
    Submit(Box<submit::Submit>),
    /// Run the server: gRPC, REST, and a Unix socket for the drop-in spark-submit
    Serve(Box<serve::Serve>),
    /// Act as spark-submit: the same arguments and exit codes (also if the binary is named spark-submit)
    #[command(name = spark_submit::NAME)]
    SparkSubmit,
    /// Copy this binary into a directory under the name spark-submit
    Install(install::Install),
    /// Check that a server can run here, and say what to fix
    Doctor(Box<doctor::Doctor>),
    /// Check that a running server is healthy, for a container's HEALTHCHECK
    Healthcheck(healthcheck::Healthcheck),
    /// Print a completion script for a shell
    Completion(completion::Completion),
    /// Write the man pages of all commands into a directory
    Man(completion::Man),
}

impl Command {
    /// The line that says what is at work, for commands that work and end. `check` has its own, because it may go on.
    fn progress(&self) -> Option<Progress> {
        let what = match self {
            Self::Render(_) => "render",
            Self::Context(_) => "context",
            Self::Diff(_) => "diff",
            Self::Golden(_) => "golden",
            Self::Init(_) => "init",
            Self::Submit(_) => "submit",
            Self::Doctor(_) => "doctor",
            _ => return None,
        };
        Some(Progress::of(what))
    }
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    /// Refused, failed; or something was found.
    Refused,
    Usage,
    /// `check`, `diff` or `golden` could not run.
    CouldNotRun,
}

impl End {
    /// The end of a command that went through several things: so many failed, and in so many something was found.
    fn of_all(failed: usize, found: usize) -> Self {
        match (failed, found) {
            (0, 0) => Self::Done,
            (0, _) => Self::Refused,
            _ => Self::CouldNotRun,
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        ExitCode::from(match end {
            End::Done => 0,
            End::Refused => 1,
            End::Usage => 2,
            End::CouldNotRun => 3,
        })
    }
}

/// Runs the command that this process was called with. Exit codes: 0 done, 1 refused or failed, 2 wrong usage; `check`,
/// `diff` and `golden verify` end with 1 where they found something, and with 3 where they could not run.
/// Called as `spark-submit`, it takes that one's arguments and ends as it does. `heap` is this process's own, `commit` what the program
/// was built from, empty if it isn't known.
pub fn run(heap: &'static dyn Heap, commit: &str) -> ExitCode {
    let mut words = std::env::args_os();
    let called = words.next().unwrap_or_default();
    let mut rest: Vec<_> = words.collect();
    if spark_submit::is_called(&called) {
        return spark_submit::run(&rest);
    }
    if rest.first().is_some_and(|command| command == RENDER_WORKER) {
        return run_render_worker(heap);
    }
    if rest.first().is_some_and(|command| command == spark_submit::NAME) {
        rest.remove(0);
        return spark_submit::run(&rest);
    }
    let command = environment::without_blank_variables(command_line()).long_version(version::long(commit));
    if let Some(wrong) = dashes::wrong(&command, &rest) {
        message!("error: {wrong}");
        return End::Usage.into();
    }
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    cli.color.choose();
    // Of those that end by themselves.
    let _progress = cli.command.progress();
    match cli.command {
        Command::Render(command) => command.run(),
        Command::Context(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Golden(command) => command.run(),
        Command::Studio(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Submit(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Completion(command) => command.run(),
        Command::Man(command) => command.run(),
        // Taken care of above, before its arguments could be taken for ours.
        Command::SparkSubmit => return spark_submit::run(&[]),
        Command::Install(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Healthcheck(command) => command.run(),
    }
    .into()
}

/// The command line, as its help, its completions and its pages show it.
fn command_line() -> clap::Command {
    examples::with_examples(Cli::command())
}

/// Prints why a command failed. `error:` as compilers have it, one line for each finding.
fn report(error: &dyn std::fmt::Display) -> End {
    message!("error: {error}");
    End::Refused
}

/// Prints why a command that finds things found nothing out.
fn could_not_run(error: &dyn std::fmt::Display) -> End {
    message!("error: {error}");
    End::CouldNotRun
}

/// A runtime for the commands that talk to somebody.
fn runtime() -> Result<tokio::runtime::Runtime, End> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| report(&format!("can't start: {error}")))
}

/// A client of the cluster, and what its calls run on; where there is none, that is reported.
fn connected(access: &ClientSettings) -> Result<(tokio::runtime::Runtime, kube::Client), End> {
    let runtime = runtime().map_err(|_| End::CouldNotRun)?;
    let client = runtime.block_on(async { client(access).await });
    Ok((runtime, client.map_err(|error| could_not_run(&error))?))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_of_serve_has_its_row_in_the_docs() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
        let docs = std::fs::read_to_string(path).unwrap();
        let (_, table) = docs.split_once("\n## Settings\n").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let firsts: String = table
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .collect();
        let cli = super::Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let variables: Vec<_> = serve
            .get_arguments()
            // A server gets a kubeconfig by KUBECONFIG, which kubectl's flags stand in for.
            .filter(|argument| {
                !["help", "version", "context", "kubeconfig"].contains(&argument.get_id().as_str())
            })
            .map(|argument| argument.get_env().expect("each has a variable").to_str().unwrap())
            .chain([
                "RUST_LOG",
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "NATIVE_SUBMIT_FALLBACK",
                "NATIVE_SUBMIT_SHADOW",
            ])
            .collect();
        assert!(variables.len() > 30, "{variables:?}");
        for variable in variables {
            assert!(
                firsts.contains(&format!("`{variable}`")),
                "docs/operations.md lacks {variable}"
            );
        }
    }
}
