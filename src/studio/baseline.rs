//! What templates are compared with: the built-in ones, another directory, or the last commit.

use super::head;
use crate::{
    authoring::{
        case::Case,
        diff::{Change, ObjectDiff, Objects, compare, hide_secrets, of_manifests},
    },
    kubernetes::to_yaml,
    manifest::Manifests,
    submitter,
    templates::{
        Contents, DEFAULT_SET, Files, Parts, SetOptions, Sets, TemplateSet, Workers, read_sets, take_always,
    },
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Builtin,
    Directory(PathBuf),
    Head(String),
}

/// Templates that others are compared with.
#[derive(Debug)]
pub(super) struct Baseline {
    origin: Origin,
    /// The files, so that a directory is compiled anew only where it changed.
    contents: Sets,
    sets: BTreeMap<String, Result<TemplateSet, String>>,
    /// What applications became with them, by name and by what they are.
    made: Mutex<BTreeMap<String, Made>>,
}

/// What an application became with a baseline.
#[derive(Debug)]
struct Made {
    /// All that decides it.
    key: String,
    objects: Arc<Result<Objects, String>>,
}

/// How an application's objects differ from the baseline's.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Comparison {
    /// What is compared with, in words.
    pub(super) with: String,
    /// What is to be known for reading it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// Why there is nothing to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// The objects that differ.
    pub(super) objects: Vec<ShownDiff>,
}

/// An object that differs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownDiff {
    /// Kind and name.
    object: String,
    /// `added`, `removed` or `changed`.
    change: &'static str,
    /// Its fields that differ; of an added or a removed object the whole of it.
    fields: Vec<ShownField>,
}

/// A field that differs, as YAML on both sides.
#[derive(Debug, Clone, Serialize)]
struct ShownField {
    path: String,
    from: Option<String>,
    to: Option<String>,
}

impl From<ObjectDiff> for ShownDiff {
    fn from(diff: ObjectDiff) -> Self {
        let whole = |from: Option<&Value>, to: Option<&Value>| {
            vec![ShownField {
                path: String::new(),
                from: from.map(to_yaml),
                to: to.map(to_yaml),
            }]
        };
        let (change, fields) = match &diff.change {
            Change::Added { value } => ("added", whole(None, Some(value))),
            Change::Removed { value } => ("removed", whole(Some(value), None)),
            Change::Changed { fields } => {
                let fields = fields.iter().map(|field| ShownField {
                    path: field.path.clone(),
                    from: field.from.as_ref().map(to_yaml),
                    to: field.to.as_ref().map(to_yaml),
                });
                ("changed", fields.collect())
            }
        };
        Self {
            object: diff.object,
            change,
            fields,
        }
    }
}

impl Baseline {
    /// The built-in templates.
    pub(super) fn builtin() -> Self {
        Self::compiled(Origin::Builtin, Sets::new(), &SetOptions::default(), None)
    }

    /// The second directory if there is one, else the last commit; the one before where nothing changed. None where
    /// there is neither.
    pub(super) fn current(
        directory: &Path,
        from: Option<&Path>,
        options: &SetOptions,
        workers: Option<&Workers>,
        before: Option<Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, String> {
        let (origin, contents) = match from {
            Some(from) => {
                let contents = read_sets(from).map_err(|error| format!("{}: {error}", from.display()))?;
                (Origin::Directory(from.to_owned()), contents)
            }
            None => {
                let Some(commit) = head::commit(directory) else {
                    return Ok(None);
                };
                let origin = Origin::Head(commit.clone());
                if let Some(before) = before.as_ref().filter(|before| before.origin == origin) {
                    return Ok(Some(Arc::clone(before)));
                }
                (origin, head::sets(directory, &commit)?)
            }
        };
        if let Some(before) = before.filter(|before| before.origin == origin && before.contents == contents) {
            return Ok(Some(before));
        }
        Ok(Some(Arc::new(Self::compiled(origin, contents, options, workers))))
    }

    fn compiled(origin: Origin, contents: Sets, options: &SetOptions, workers: Option<&Workers>) -> Self {
        let mut read = contents.clone();
        let always = take_always(&mut read)
            .map(|always| always.files)
            .unwrap_or_default();
        read.entry(DEFAULT_SET.to_owned()).or_insert_with(|| {
            Ok(Contents {
                files: Files::new(),
                odd: Vec::new(),
            })
        });
        let default = match read.get(DEFAULT_SET) {
            Some(Ok(contents)) => contents.files.clone(),
            _ => Files::new(),
        };
        let none = Files::new();
        let sets = read.iter().map(|(name, contents)| {
            let set = match contents {
                Ok(contents) => TemplateSet::load_in(
                    Parts {
                        name,
                        files: &contents.files,
                        default: if name == DEFAULT_SET { &none } else { &default },
                        always: &always,
                        extra_kinds: &options.extra_kinds,
                        newer_fields: options.newer_fields,
                    },
                    workers,
                )
                .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            (name.clone(), set)
        });
        Self {
            origin,
            sets: sets.collect(),
            contents,
            made: Mutex::default(),
        }
    }

    /// What it is, in words.
    pub(super) fn label(&self) -> String {
        match &self.origin {
            Origin::Builtin => "the built-in templates".to_owned(),
            Origin::Directory(path) => path.display().to_string(),
            Origin::Head(commit) => format!("git HEAD ({})", commit.get(..7).unwrap_or(commit)),
        }
    }

    /// What differs, of an application with what it became now. `key` says all that decides what an application is.
    pub(super) fn compare(
        &self,
        case: &Case,
        key: &str,
        set: &str,
        now: &Manifests,
        show_secrets: bool,
    ) -> Comparison {
        let (note, name) = match self.sets.contains_key(set) {
            true => (None, set),
            false if self.origin == Origin::Builtin => (None, DEFAULT_SET),
            false => (
                Some(format!("set {set} is new; compared with the default set there")),
                DEFAULT_SET,
            ),
        };
        let comparison = Comparison {
            with: self.label(),
            note,
            ..Comparison::default()
        };
        match &*self.made(case, key, name) {
            Ok(before) => {
                let (mut from, mut to) = (before.clone(), of_manifests(now));
                if !show_secrets && !case.is_sample() {
                    hide_secrets(&mut from, &mut to);
                }
                Comparison {
                    objects: compare(&from, &to).into_iter().map(ShownDiff::from).collect(),
                    ..comparison
                }
            }
            Err(error) => Comparison {
                error: Some(error.clone()),
                ..comparison
            },
        }
    }

    /// What an application becomes with the baseline's templates; made once.
    fn made(&self, case: &Case, key: &str, name: &str) -> Arc<Result<Objects, String>> {
        let key = format!("{key}\n{name}");
        {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = made.get(&case.name)
                && made.key == key
            {
                return Arc::clone(&made.objects);
            }
        }
        let objects = Arc::new(self.make(case, name));
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Made {
            key,
            objects: Arc::clone(&objects),
        };
        made.insert(case.name.clone(), kept);
        objects
    }

    fn make(&self, case: &Case, name: &str) -> Result<Objects, String> {
        let set = self.sets.get(name).ok_or("there is no such set")?;
        let set = set.as_ref().map_err(Clone::clone)?;
        let (submission, context) = case.submission().map_err(|error| error.to_string())?;
        let manifests =
            submitter::manifests(&submission, &context, set).map_err(|error| error.to_string())?;
        Ok(of_manifests(&manifests))
    }
}
