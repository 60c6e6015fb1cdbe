//! All sets of one moment.

use super::{
    LoadError, TemplateSet,
    choice::{Choice, SetRules},
    directory::{self, Contents, DirectoryError},
    files::Files,
    newer_fields::NewerFields,
    parts::{DEFAULT_SET, Parts},
    worker::{Kind, Rendering},
};
use crate::{
    finding::{Words, expected},
    kubernetes::ObjectKind,
    spark::submission::{Refusal, Submission, TEMPLATE_SET_ANNOTATION},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// Where template sets are, what they may write, and who gets which.
#[derive(Debug, Clone, Default)]
pub struct SetOptions {
    /// `TEMPLATE_DIR`; none: the built-in templates alone.
    pub directory: Option<PathBuf>,
    /// `ALLOWED_EXTRA_KINDS`.
    pub extra_kinds: Vec<ObjectKind>,
    /// `TEMPLATE_UNKNOWN_FIELDS`.
    pub newer_fields: NewerFields,
    /// `TEMPLATE_SETS` and `TEMPLATE_SET_ANNOTATION`.
    pub rules: SetRules,
    /// Where an admin's templates are compiled and rendered.
    pub rendering: Rendering,
}

impl From<Option<PathBuf>> for SetOptions {
    fn from(directory: Option<PathBuf>) -> Self {
        Self {
            directory,
            ..Self::default()
        }
    }
}

/// The sets that serve, by name; of one that doesn't, why.
#[derive(Debug, Clone)]
pub struct TemplateSets {
    pub(super) sets: BTreeMap<String, Result<Arc<TemplateSet>, String>>,
    pub(super) rules: SetRules,
    /// Whether each set was tried once.
    pub(super) complete: bool,
}

/// The set that a submission is to have is not live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no template set is live: {reason}")]
pub struct NoTemplateSet {
    /// Why the set was rejected: template, line and message.
    pub reason: String,
    /// Whether the set was not tried yet, for the server has just started.
    pub starting: bool,
}

/// Why a submission gets no set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unchosen {
    /// It asks for one that it can't have.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The one that it is to have doesn't serve.
    #[error(transparent)]
    NotLive(#[from] NoTemplateSet),
}

/// Why the sets of a directory can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetsError {
    /// The directory can't be read; the text names it.
    #[error("{0}")]
    Directory(String),
    /// A set's folder or file can't be read.
    #[error("{0}")]
    Unreadable(String),
    /// A set doesn't compile.
    #[error(transparent)]
    Broken(#[from] LoadError),
    /// A rule names a set that isn't there.
    #[error("TEMPLATE_SETS names the set `{0}`, and the template directory has no folder of that name")]
    Missing(String),
}

impl TemplateSets {
    /// Compiles all sets of a directory. Their samples are not rendered.
    ///
    /// # Errors
    /// The first set that can't be read or doesn't compile.
    pub fn load(options: &SetOptions) -> Result<Self, SetsError> {
        let unreadable = |error: DirectoryError| match error {
            DirectoryError::Directory { .. } => SetsError::Directory(error.to_string()),
            error => SetsError::Unreadable(error.to_string()),
        };
        let read = options
            .directory
            .as_deref()
            .map(directory::read_filled_sets)
            .transpose();
        let mut contents = read.map_err(unreadable)?.unwrap_or_default();
        let always = directory::take_always(&mut contents).map_err(unreadable)?.files;
        let none = Files::new();
        let workers = options.rendering.pool(Kind::Command);
        let default = contents
            .remove(DEFAULT_SET)
            .map(|contents| files(DEFAULT_SET, contents))
            .transpose()?;
        let default = default.unwrap_or_default();
        let compiled = |name: &str, files: &Files, default: &Files| -> Result<_, SetsError> {
            let extra_kinds = &options.extra_kinds;
            let parts = Parts {
                name,
                files,
                default,
                always: &always,
                extra_kinds,
                newer_fields: options.newer_fields,
            };
            Ok(Arc::new(TemplateSet::load_in(parts, workers.as_ref())?))
        };
        let mut sets = BTreeMap::from([(
            DEFAULT_SET.to_owned(),
            Ok(compiled(DEFAULT_SET, &default, &none)?),
        )]);
        for (name, contents) in contents {
            let set = compiled(&name, &files(&name, contents)?, &default)?;
            sets.insert(name, Ok(set));
        }
        match options.rules.named().find(|name| !sets.contains_key(*name)) {
            Some(missing) => Err(SetsError::Missing(missing.to_owned())),
            None => Ok(Self {
                sets,
                rules: options.rules.clone(),
                complete: true,
            }),
        }
    }

    /// The set of a submission. It is taken once, for all of its documents.
    ///
    /// # Errors
    /// Where the application asks for a set that it can't have, or the set doesn't serve: never another one instead.
    pub fn choose(&self, submission: &Submission) -> Result<Arc<TemplateSet>, Unchosen> {
        if let Some(refusal) = self.rules.refusal(submission) {
            return Err(refusal.into());
        }
        match self.rules.choose(submission) {
            Choice::Asked(name) if self.complete && !self.sets.contains_key(name) => {
                let known: Vec<_> = self.sets.keys().map(String::as_str).collect();
                let said = expected(Words::own(format!(
                    "one of the template sets {}",
                    known.join(", ")
                )));
                Err(Refusal::saying(TEMPLATE_SET_ANNOTATION, said.name(name)).into())
            }
            Choice::Asked(name) | Choice::Given(name) => Ok(self.get(name)?),
        }
    }

    /// The same sets, chosen by these rules, which may name sets that aren't there.
    #[must_use]
    pub fn chosen_by(self, rules: SetRules) -> Self {
        Self { rules, ..self }
    }

    /// As [`Self::choose`], for a comparison with templates of another time: in place of a set that isn't there the default one,
    /// and the missing set's name.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub fn choose_or_default(
        &self,
        submission: &Submission,
    ) -> Result<(Arc<TemplateSet>, Option<String>), Unchosen> {
        let name = self.rules.name_for(submission);
        if self.rules.refusal(submission).is_none() && !self.sets.contains_key(name) {
            return Ok((self.default_set()?, Some(name.to_owned())));
        }
        Ok((self.choose(submission)?, None))
    }

    /// The default set.
    pub(super) fn default_set(&self) -> Result<Arc<TemplateSet>, NoTemplateSet> {
        self.get(DEFAULT_SET)
    }

    /// Every set that serves.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TemplateSet>> {
        self.sets.values().flatten()
    }

    fn get(&self, name: &str) -> Result<Arc<TemplateSet>, NoTemplateSet> {
        let reason = match self.sets.get(name) {
            Some(Ok(set)) => return Ok(Arc::clone(set)),
            Some(Err(reason)) if !reason.is_empty() => reason.clone(),
            _ if !self.complete => {
                return Err(NoTemplateSet {
                    reason: "the server has just started and is trying them".to_owned(),
                    starting: true,
                });
            }
            Some(Err(_)) => "it was not tried yet".to_owned(),
            None => format!("the template directory has no set `{name}`, which TEMPLATE_SETS names"),
        };
        Err(NoTemplateSet {
            reason,
            starting: false,
        })
    }
}

fn files(name: &str, contents: Result<Contents, DirectoryError>) -> Result<Files, SetsError> {
    match contents {
        Ok(contents) => Ok(contents.files),
        Err(error) if name == DEFAULT_SET => Err(SetsError::Unreadable(error.to_string())),
        Err(error) => Err(SetsError::Unreadable(format!("set `{name}`: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_does_not_serve_says_why() {
        let sets = |complete| TemplateSets {
            sets: [
                ("broken".to_owned(), Err("a.yaml.j2:1: a mistake".to_owned())),
                ("new".to_owned(), Err(String::new())),
            ]
            .into(),
            rules: SetRules::default(),
            complete,
        };
        let said = |complete: bool, name| sets(complete).get(name).unwrap_err().to_string();
        for (complete, name, says) in [
            (true, "broken", "no template set is live: a.yaml.j2:1: a mistake"),
            (
                false,
                "new",
                "no template set is live: the server has just started and is trying them",
            ),
            (true, "new", "no template set is live: it was not tried yet"),
            (
                true,
                "team",
                "no template set is live: the template directory has no set `team`, which TEMPLATE_SETS names",
            ),
        ] {
            assert_eq!(said(complete, name), says, "{name}");
        }
    }
}
