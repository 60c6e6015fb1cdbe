//! `native-submit golden`

use super::{End, could_not_run, templates};
use crate::{
    authoring::{
        case::{self, CaseError},
        golden,
        report::{Failure, TestCase, junit},
    },
    cli::output::message,
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
    Update(Cases),
}

/// Templates, and cases.
#[derive(Debug, clap::Args)]
#[command(after_help = CASES)]
struct Cases {
    #[command(flatten)]
    templates: TemplateSettings,

    /// Directory with a folder for each case
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
}

const CASES: &str = "\
A case is a folder with application.yaml, and with what differs from the golden context in case.yaml (webhook: on|off, \
operator, submissionId, sparkVersion, user, master). Beside them are its golden files: one for each object, or error.txt \
where it must be refused. Files that don't end in .yaml are left alone. Without --template-dir the built-in templates \
are used. Exit codes: 0 nothing differs (update: written), 1 something differs, 2 wrong usage, 3 could not run.";

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
    cases: Cases,

    /// How to print the verdicts
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Golden {
    pub(super) fn run(self) -> End {
        let end = match self.command {
            Command::Verify(verify) => verify.run(),
            Command::Update(cases) => cases.update(),
        };
        end.unwrap_or_else(|end| end)
    }
}

impl Cases {
    fn load(&self) -> Result<(TemplateSets, Vec<PathBuf>), End> {
        let sets = templates::load(&self.templates.options()).map_err(|_| End::CouldNotRun)?;
        let folders = case::folders(&self.cases).map_err(|error| could_not_run(&error))?;
        Ok((sets, folders))
    }

    fn update(&self) -> Result<End, End> {
        let (sets, folders) = self.load()?;
        let mut count = 0;
        for folder in &folders {
            for file in golden::update(folder, &sets).map_err(|error| could_not_run(&error))? {
                let path = folder.join(file);
                if super::print(&format!("{}\n", path.display())) == End::Refused {
                    return Err(End::CouldNotRun);
                }
                count += 1;
            }
        }
        message!("{count} files of {} cases changed", folders.len());
        Ok(End::Done)
    }
}

/// What came of one case.
enum Verdict {
    Same,
    Differs(Vec<golden::Differing>),
    CouldNotRun(CaseError),
}

impl Verify {
    fn run(&self) -> Result<End, End> {
        let (sets, folders) = self.cases.load()?;
        let verdicts: Vec<_> = folders
            .iter()
            .map(|folder| (name(folder), verdict(folder, &sets)))
            .collect();
        let text = match self.output {
            Output::Text => text(&verdicts),
            Output::Junit => junit(
                "native-submit golden",
                &verdicts.iter().map(test).collect::<Vec<_>>(),
            ),
        };
        if super::print(&text) == End::Refused {
            return Err(End::CouldNotRun);
        }
        for (_, verdict) in &verdicts {
            if let Verdict::CouldNotRun(error) = verdict {
                message!("error: {error}");
            }
        }
        let broken = |(_, verdict): &(String, Verdict)| matches!(verdict, Verdict::CouldNotRun(_));
        let differs = verdicts
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Differs(_)))
            .count();
        message!("{differs} of {} cases differ", verdicts.len());
        Ok(match differs {
            _ if verdicts.iter().any(broken) => End::CouldNotRun,
            0 => End::Done,
            _ => End::Refused,
        })
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
        Ok(differing) if differing.is_empty() => Verdict::Same,
        Ok(differing) => Verdict::Differs(differing),
        Err(error) => Verdict::CouldNotRun(error),
    }
}

fn text(verdicts: &[(String, Verdict)]) -> String {
    let mut text = String::new();
    for (_, verdict) in verdicts {
        if let Verdict::Differs(differing) = verdict {
            text.extend(differing.iter().map(|file| file.diff.as_str()));
        }
    }
    text
}

fn test((name, verdict): &(String, Verdict)) -> TestCase {
    let failure = match verdict {
        Verdict::Same => None,
        Verdict::Differs(differing) => {
            let files: Vec<_> = differing.iter().map(|file| file.file.as_str()).collect();
            let mut message = String::new();
            // Writing to a String cannot fail.
            let _ = write!(message, "not as before: {}", files.join(", "));
            Some(Failure {
                message,
                text: differing.iter().map(|file| file.diff.as_str()).collect(),
                is_error: false,
            })
        }
        Verdict::CouldNotRun(error) => Some(Failure {
            message: "the case can't be used".to_owned(),
            text: error.to_string(),
            is_error: true,
        }),
    };
    TestCase {
        name: name.clone(),
        failure,
    }
}
