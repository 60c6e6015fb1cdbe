//! `native-submit init`

use super::{End, message, report, templates};
use crate::{
    authoring::golden::{self, UpdateOptions, Updated},
    finding::error_words,
    settings::SetSettings,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The folder with the template set, as `TEMPLATE_DIR` has it.
const TEMPLATES: &str = "templates";

/// The folder with the cases.
const CASES: &str = "cases";

/// The workflow for GitHub.
const WORKFLOW: &str = ".github/workflows/templates.yml";

/// The files that are written as they are.
const FILES: [(&str, &str); 6] = [
    (
        "templates/driver-pod.yaml.j2",
        include_str!("init/driver-pod.yaml.j2"),
    ),
    (
        "templates/always/host-path.policy.j2",
        include_str!("init/host-path.policy.j2"),
    ),
    ("cases/pi/application.yaml", include_str!("init/pi.yaml")),
    (
        "cases/refused-host-path/application.yaml",
        include_str!("init/refused-host-path.yaml"),
    ),
    (
        "cases/refused-host-path/error.txt",
        include_str!("init/error.txt"),
    ),
    (WORKFLOW, include_str!("init/workflow.yml")),
];

/// The case that gets golden files.
const GOLDEN_CASE: &str = "cases/pi";

/// The arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes templates/ with an override and a policy, cases/ with an application that passes and one that the policy refuses, and \
.github/workflows/templates.yml. Nothing is written if one of these is there. Exit codes: 0 written, 1 something is there or \
can't be written, 2 wrong usage.")]
pub(super) struct Init {
    /// Directory for the files; it is created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Init {
    pub(super) fn run(self) -> End {
        let directory = &self.directory;
        for taken in [TEMPLATES, CASES, WORKFLOW] {
            let path = directory.join(taken);
            // A dangling link is something, too.
            if path.symlink_metadata().is_ok() {
                let path = path.display();
                return report(&format!(
                    "{path}: expected nothing there, found a file or directory; nothing was written"
                ));
            }
        }
        let mut written = Vec::new();
        match self.write(&mut written) {
            Ok(()) => {
                let paths: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
                let printed = super::print(&format!("{}\n", paths.join("\n")));
                message!(
                    "next, in {}: native-submit check templates --cases cases; native-submit golden verify --template-dir templates \
                     --cases cases",
                    directory.display()
                );
                printed
            }
            Err(end) => {
                // Half a set would be in the way of the next try.
                for path in &written {
                    let _ = fs::remove_file(path);
                }
                for path in &written {
                    self.remove_empty_folders(path);
                }
                end
            }
        }
    }

    /// Removes the folders above a file, as far as they are below the directory itself and empty.
    fn remove_empty_folders(&self, path: &Path) {
        let above = path.ancestors().skip(1);
        for folder in
            above.take_while(|folder| *folder != self.directory && folder.starts_with(&self.directory))
        {
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    fn write(&self, written: &mut Vec<PathBuf>) -> Result<(), End> {
        for (name, text) in FILES {
            let path = self.directory.join(name);
            let failed = |error: io::Error| report(&format!("{}: {}", path.display(), error_words(&error)));
            let mut file = create(&path).map_err(|error| {
                self.remove_empty_folders(&path);
                failed(error)
            })?;
            written.push(path.clone());
            file.write_all(text.as_bytes()).map_err(failed)?;
        }
        let sets = SetSettings::default().options(Some(self.directory.join(TEMPLATES)));
        let sets = templates::load(&sets)?;
        let folder = self.directory.join(GOLDEN_CASE);
        let updated = golden::update(&folder, &sets, UpdateOptions::default());
        match updated.map_err(|error| report(&error))? {
            Updated::Files(changes) => {
                written.extend(changes.into_iter().map(|change| folder.join(change.file)));
                Ok(())
            }
            Updated::Refused(reason) => Err(report(&reason.located)),
        }
    }
}

/// Creates a file, and the directories above it; what is there is an error.
fn create(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}
