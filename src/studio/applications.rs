//! The applications that templates are tried with: the samples, golden cases, files that studio was given, files dropped
//! onto the page.

use crate::{
    authoring::case::{self, Case},
    operator::{Webhook, application::documents},
};
use serde::Serialize;
use std::{collections::BTreeSet, path::Path};

/// The most files that may be dropped.
pub(super) const MOST_DROPPED: usize = 100;

/// The most applications in all.
const MOST: usize = 2000;

/// Where an application comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Sample,
    Case,
    File,
    Dropped,
}

/// An application, or why there is none.
#[derive(Debug, Clone)]
pub(super) struct Application {
    /// What it is called, different from every other one's.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) case: Result<Case, String>,
}

/// A file that was dropped onto the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) name: String,
    pub(super) text: String,
}

/// All applications, each with a name of its own.
pub(super) fn all(
    cases: Option<&Path>,
    given: Vec<(String, Result<Case, String>)>,
    dropped: &[Dropped],
) -> Vec<Application> {
    let samples = Case::samples().into_iter();
    let samples = samples
        .filter(|case| case.webhook() == Webhook::Off)
        .map(|case| (Source::Sample, case.name.clone(), Ok(case)));
    let cases = cases.map(of_cases).unwrap_or_default().into_iter();
    let cases = cases.map(|(name, case)| (Source::Case, name, case));
    let given = given.into_iter().map(|(name, case)| (Source::File, name, case));
    let dropped = dropped.iter().flat_map(|file| {
        documents(&file.text).into_iter().map(|(place, document)| {
            let name = match &place[..] {
                "" => file.name.clone(),
                place => format!("{} ({place})", file.name),
            };
            let case = match document {
                Ok(document) => Ok(Case::of(&name, Ok(document))),
                Err(error) => Err(error.to_string()),
            };
            (Source::Dropped, name, case)
        })
    });
    let mut names = BTreeSet::new();
    samples
        .chain(cases)
        .chain(given)
        .chain(dropped)
        .take(MOST)
        .map(|(source, name, case)| {
            let mut unique = name.clone();
            let mut count = 1;
            while !names.insert(unique.clone()) {
                count += 1;
                unique = format!("{name} [{count}]");
            }
            Application {
                case: case.map(|mut case| {
                    case.name.clone_from(&unique);
                    case
                }),
                name: unique,
                source,
            }
        })
        .collect()
}

/// The golden cases of a directory, which may not be there yet.
fn of_cases(directory: &Path) -> Vec<(String, Result<Case, String>)> {
    let folders = match case::folders(directory) {
        Ok(folders) => folders,
        Err(case::CaseError::None(_)) => return Vec::new(),
        Err(_) if !directory.exists() => return Vec::new(),
        Err(error) => return vec![(directory.display().to_string(), Err(error.to_string()))],
    };
    folders
        .iter()
        .flat_map(|folder| match Case::read_each(folder) {
            Ok(cases) => cases
                .into_iter()
                .map(|case| (case.name.clone(), Ok(case)))
                .collect(),
            Err(error) => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                vec![(name.into_owned(), Err(error.to_string()))]
            }
        })
        .collect()
}
