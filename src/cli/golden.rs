//! `native-submit golden`

use super::{End, could_not_run, progress, styled::Styled, templates};
use crate::{
    authoring::{
        case::{self, CaseError},
        golden::{self, Mismatch, UpdateOptions, Updated},
        report::{Failure, TestCase, junit},
    },
    cli::output::message,
    finding::{also, counted},
    settings::TemplateSettings,
    templates::TemplateSets,
};
use clap::ValueEnum;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

/// The arguments of `golden`.
#[derive(Debug, clap::Args)]
pub(super) struct Golden {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compare what each case becomes with its golden files; change nothing
    Verify(Verify),
    /// Write the golden files of each case anew
    Update(Update),
}

/// Templates, and cases.
#[derive(Debug, clap::Args)]
struct Selection {
    #[command(flatten)]
    templates: TemplateSettings,

    /// Directory with a folder for each case
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,

    /// Only the case with this name; may be given several times
    #[arg(long = "case", value_name = "NAME")]
    names: Vec<String>,
}

const CASES: &str = "\
A case is a folder with application.yaml, and with what differs from the fixed values (webhook off, submission id of zeros, time 0, user spark) in case.yaml (webhook: on|off, \
operator: true|false, whether the operator sends it; submissionId, sparkVersion and user; master: k8s://https://HOST:PORT; \
entryPoint: grpc|rest|spark-submit|command-line; executorCheck: refuse|warn; namespace: {labels, annotations}). Beside them are its golden files: one for each object, with the \
template set's content hash masked, and pod-executor.yaml with the executor Pod as Spark will make it. If the case must be \
refused there is error.txt instead, with a text that must occur in the refusal. expect.yaml is a list of expectations of single \
fields: object, path, and equal, matches, contains or absent; a case with it needs no golden files. Other files stay as they \
are. Without --template-dir the built-in templates are used. Exit codes: 0 nothing differs (update: written), 1 something \
differs (update: a refusal was not accepted), 2 wrong usage, 3 could not run.";

/// How verdicts are printed.
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The differences, as diff -u writes them.
    Text,
    /// JUnit's XML: one test for each case.
    Junit,
}

/// The arguments of `golden verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = CASES)]
struct Verify {
    #[command(flatten)]
    selection: Selection,

    /// How to print the verdicts
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Output,
}

/// The arguments of `golden update`.
#[derive(Debug, clap::Args)]
#[command(after_help = CASES)]
struct Update {
    #[command(flatten)]
    selection: Selection,

    /// Write error.txt for a case that is refused and has none, or one with another reason; without this flag such a case stays as it is
    #[arg(long)]
    accept_refusals: bool,

    /// Write golden files also for a case that has only an expect.yaml
    #[arg(long)]
    whole_files: bool,
}

impl Golden {
    pub(super) fn run(self) -> End {
        let end = match self.command {
            Command::Verify(verify) => verify.run(),
            Command::Update(update) => update.run(),
        };
        end.unwrap_or_else(|end| end)
    }
}

impl Selection {
    fn load(&self) -> Result<(TemplateSets, Vec<PathBuf>), End> {
        let sets = templates::load(&self.templates.options()).map_err(|_| End::CouldNotRun)?;
        let mut folders = case::folders(&self.cases).map_err(|error| could_not_run(&error))?;
        let missing = self
            .names
            .iter()
            .find(|wanted| !folders.iter().any(|folder| name(folder) == **wanted));
        if let Some(missing) = missing {
            let known: Vec<_> = folders.iter().map(|folder| name(folder)).collect();
            let directory = self.cases.display();
            let known = known.join(", ");
            return Err(could_not_run(&format!(
                "{directory}: there is no case `{missing}`; it has {known}"
            )));
        }
        if !self.names.is_empty() {
            folders.retain(|folder| self.names.contains(&name(folder)));
        }
        Ok((sets, folders))
    }
}

/// Prints a part of the output at once.
fn print(text: &str) -> Result<(), End> {
    written(super::print(text))
}

/// Output that can't be written is no verdict.
fn written(printed: End) -> Result<(), End> {
    match printed {
        End::Refused => Err(End::CouldNotRun),
        _ => Ok(()),
    }
}

impl Update {
    fn run(self) -> Result<End, End> {
        let (sets, folders) = self.selection.load()?;
        let options = UpdateOptions {
            accept_refusals: self.accept_refusals,
            whole_files: self.whole_files,
        };
        let (mut written, mut deleted, mut refused, mut failed) = (0, 0, 0, 0);
        for (done, folder) in folders.iter().enumerate() {
            progress::step(format!("{done} of {} cases", folders.len()));
            let changes = match golden::update(folder, &sets, options) {
                Ok(Updated::Files(changes)) => changes,
                Err(error) => {
                    failed += 1;
                    could_not_run(&error);
                    continue;
                }
                Ok(Updated::Refused(reason)) => {
                    refused += 1;
                    let name = name(folder);
                    message!(
                        "error: case {name} is refused, so its files stay as they are (--accept-refusals \
                              writes error.txt):\n{}",
                        reason.located
                    );
                    continue;
                }
            };
            for change in changes {
                let path = folder.join(change.file);
                let path = path.display();
                if change.deleted {
                    deleted += 1;
                    print(&format!("deleted {path}\n"))?;
                } else {
                    written += 1;
                    print(&format!("{path}\n"))?;
                }
            }
        }
        let cases = counted(folders.len(), "case");
        let written = counted(written, "file");
        let refusals = also(refused, "refused and left unchanged");
        let failures = also(failed, "could not be updated");
        message!("{cases}: {written} written, {deleted} deleted{refusals}{failures}");
        Ok(End::of_all(failed, refused))
    }
}

/// What came of one case.
enum Verdict {
    Same,
    Differs(Vec<Mismatch>),
    CouldNotRun(CaseError),
}

impl Verify {
    fn run(self) -> Result<End, End> {
        let (sets, folders) = self.selection.load()?;
        let verdicts: Vec<_> = folders
            .iter()
            .enumerate()
            .map(|(done, folder)| {
                progress::step(format!("{done} of {} cases", folders.len()));
                (name(folder), verdict(folder, &sets))
            })
            .collect();
        written(match self.output {
            Output::Text => {
                let text: String = verdicts.iter().map(text).collect();
                super::print_styled(&Styled::unified(&text))
            }
            Output::Junit => {
                let tests: Vec<_> = verdicts.iter().map(test).collect();
                super::print(&junit("native-submit golden", &tests))
            }
        })?;
        for (_, verdict) in &verdicts {
            if let Verdict::CouldNotRun(error) = verdict {
                message!("error: {error}");
            }
        }
        let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|(_, verdict)| is(verdict)).count();
        let differ = count(|verdict| matches!(verdict, Verdict::Differs(_)));
        let unknown = count(|verdict| matches!(verdict, Verdict::CouldNotRun(_)));
        let others = also(unknown, "could not be compared");
        let cases = counted(verdicts.len(), "case");
        message!("{cases}: {differ} with differences{others}");
        Ok(End::of_all(unknown, differ))
    }
}

fn name(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn verdict(folder: &Path, sets: &TemplateSets) -> Verdict {
    match golden::verify(folder, sets) {
        Ok(mismatches) if mismatches.is_empty() => Verdict::Same,
        Ok(mismatches) => Verdict::Differs(mismatches),
        Err(error) => Verdict::CouldNotRun(error),
    }
}

/// What differs of one case. A file's difference names the case itself.
fn text((name, verdict): &(String, Verdict)) -> String {
    let mut text = String::new();
    if let Verdict::Differs(mismatches) = verdict {
        for mismatch in mismatches {
            if !matches!(mismatch, Mismatch::File { .. }) {
                text.push_str(name);
                text.push_str(": ");
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{mismatch}");
        }
    }
    text
}

fn test((name, verdict): &(String, Verdict)) -> TestCase {
    let failure = match verdict {
        Verdict::Same => None,
        Verdict::Differs(mismatches) => {
            let subjects: Vec<_> = mismatches.iter().map(Mismatch::subject).collect();
            Some(Failure {
                message: format!("not as before: {}", subjects.join(", ")),
                text: mismatches.iter().map(Mismatch::to_string).collect(),
                is_error: false,
            })
        }
        Verdict::CouldNotRun(error) => Some(Failure {
            message: "could not be compared".to_owned(),
            text: error.to_string(),
            is_error: true,
        }),
    };
    TestCase {
        name: name.clone(),
        failure,
    }
}
