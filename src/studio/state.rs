//! The template directory and the applications at one moment.

use super::applications::Application;
use crate::{
    authoring::{
        bench::Bench,
        finding::{Rule, TemplateFinding},
    },
    templates::{
        ALWAYS, Contents, DEFAULT_SET, DirectoryError, Files, Parts, SetOptions, Sets, Workers,
        builtin_sources, read_sets, take_always,
    },
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

/// Everything at one moment; it is never changed, but replaced.
#[derive(Debug)]
pub(super) struct State {
    /// Grows with each change.
    pub(super) generation: u64,
    /// The files as they were read.
    pub(super) contents: Result<Sets, DirectoryError>,
    /// The sets by name.
    pub(super) sets: BTreeMap<String, SetState>,
    pub(super) applications: Vec<Application>,
}

/// One set.
#[derive(Debug, Clone)]
pub(super) struct SetState {
    parts: Arc<OwnParts>,
    /// The set, or what is wrong with its files.
    pub(super) now: Result<Arc<Bench>, Arc<Vec<TemplateFinding>>>,
    /// The last one that compiled.
    pub(super) good: Option<Arc<Bench>>,
    /// What is wrong where an application took it over a limit of its worker: others would do the same, and take long.
    pub(super) exceeded: Arc<OnceLock<Vec<TemplateFinding>>>,
}

/// The files that a set is made of.
#[derive(Debug, Default, PartialEq, Eq)]
struct OwnParts {
    files: Files,
    default: Files,
    always: Files,
}

impl State {
    /// Reads the files.
    pub(super) fn read(directory: &Path) -> Result<Sets, DirectoryError> {
        read_sets(directory)
    }

    /// Compiles what changed since `before`.
    pub(super) fn of(
        directory: &Path,
        options: &SetOptions,
        workers: Option<&Workers>,
        contents: Result<Sets, DirectoryError>,
        applications: Vec<Application>,
        before: Option<&Self>,
    ) -> Self {
        let generation = before.map_or(0, |before| before.generation) + 1;
        let (read, failed) = match &contents {
            Ok(sets) => (sets.clone(), None),
            Err(error) => (Sets::new(), Some(error.to_string())),
        };
        let mut read = read;
        let always = take_always(&mut read);
        let failed = failed.or_else(|| always.as_ref().err().map(ToString::to_string));
        let always = always.map(|always| always.files).unwrap_or_default();
        let empty = || {
            Ok(Contents {
                files: Files::new(),
                odd: Vec::new(),
            })
        };
        read.entry(DEFAULT_SET.to_owned()).or_insert_with(empty);
        let default = match read.get(DEFAULT_SET) {
            Some(Ok(contents)) => contents.files.clone(),
            _ => Files::new(),
        };
        let sets = read.into_iter().map(|(name, contents)| {
            let known = before.and_then(|before| before.sets.get(&name));
            let error = match (&failed, &contents) {
                (Some(error), _) => Some(error.clone()),
                (None, Err(error)) => Some(error.to_string()),
                (None, Ok(_)) => None,
            };
            let parts = OwnParts {
                files: contents.map(|contents| contents.files).unwrap_or_default(),
                default: if name == DEFAULT_SET {
                    Files::new()
                } else {
                    default.clone()
                },
                always: always.clone(),
            };
            let set = SetState::of(directory, &name, options, workers, parts, error, known);
            (name, set)
        });
        Self {
            generation,
            sets: sets.collect(),
            contents,
            applications,
        }
    }

    /// The text of a template by its name, `gpu/driver-pod.yaml.j2`, `builtin/…`: only what was read is found.
    pub(super) fn source(&self, name: &str) -> Option<String> {
        let of_builtin = builtin_sources()
            .iter()
            .find(|(known, _)| name.strip_prefix("builtin/") == Some(*known));
        if let Some((_, text)) = of_builtin {
            return Some((*text).to_owned());
        }
        let (set, file) = name.split_once('/').unwrap_or((DEFAULT_SET, name));
        let contents = self.contents.as_ref().ok()?.get(set)?.as_ref().ok()?;
        let bytes = contents.files.get(file)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The application of this name.
    pub(super) fn application(&self, name: &str) -> Option<&Application> {
        self.applications
            .iter()
            .find(|application| application.name == name)
    }
}

impl SetState {
    fn of(
        directory: &Path,
        name: &str,
        options: &SetOptions,
        workers: Option<&Workers>,
        parts: OwnParts,
        error: Option<String>,
        before: Option<&Self>,
    ) -> Self {
        if let Some(before) =
            before.filter(|before| error.is_none() && before.now.is_ok() && *before.parts == parts)
        {
            return before.clone();
        }
        let now = match error {
            Some(error) => {
                let path = match name {
                    DEFAULT_SET => directory.display().to_string(),
                    name => directory.join(name).display().to_string(),
                };
                Err(vec![TemplateFinding::new(Rule::File, path, error)])
            }
            None => {
                let parts = Parts {
                    name,
                    files: &parts.files,
                    default: &parts.default,
                    always: &parts.always,
                    extra_kinds: &options.extra_kinds,
                    newer_fields: options.newer_fields,
                };
                Bench::load(directory, parts, workers)
            }
        };
        let now = now.map(Arc::new).map_err(Arc::new);
        let good = match &now {
            // The one before is kept too: this one may compile and fail on an application.
            Ok(_) | Err(_) => before.and_then(|before| match &before.now {
                Ok(bench) => Some(Arc::clone(bench)),
                Err(_) => before.good.clone(),
            }),
        };
        Self {
            parts: Arc::new(parts),
            now,
            good,
            exceeded: Arc::default(),
        }
    }
}

/// The name of a file as the page has it, by the path that findings have.
pub(super) fn short(directory: &Path, path: &str) -> String {
    let path_of = Path::new(path);
    let Ok(below) = path_of.strip_prefix(directory) else {
        return path.to_owned();
    };
    let below = below.strip_prefix(DEFAULT_SET).unwrap_or(below);
    below.display().to_string()
}

/// The files with the folder that each is in, by the names that the page has for them.
pub(super) fn file_names(contents: &Sets) -> Vec<(String, String)> {
    let files = contents.iter().filter_map(|(set, contents)| {
        let contents = contents.as_ref().ok()?;
        let names = contents.files.keys().map(move |file| {
            let name = match set.as_str() {
                DEFAULT_SET => file.clone(),
                set => format!("{set}/{file}"),
            };
            (set.clone(), name)
        });
        Some(names.collect::<Vec<_>>())
    });
    let mut files: Vec<_> = files.flatten().collect();
    let place = |set: &str| match set {
        DEFAULT_SET => 0,
        ALWAYS => 2,
        _ => 1,
    };
    files.sort_by(|(set, name), (other_set, other)| {
        (place(set), set, name).cmp(&(place(other_set), other_set, other))
    });
    files
}
