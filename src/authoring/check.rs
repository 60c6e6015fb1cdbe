//! The check of a template directory: what a server would refuse it for, and what is odd about it.
//!
//! Every template is compiled; the built-in samples and the author's own cases are rendered with them, and all that
//! they make is held against the rules, as the service does it before a set goes live.

use super::{
    case::{Case, REFUSAL},
    finding::{Finding, Level, Rule},
    lint::lint,
    sources::{BUILTIN, Sources, add, has_errors, warning},
    trace::Tracer,
};
use crate::{
    manifest::{self, Manifests},
    plan, redaction,
    submitter::SubmitError,
    templates::{
        Contents, DEFAULT_SET, DirectoryError, EXTRA_ROLE, Files, Parts, Place, Rendered, SetOptions,
        TemplateError, TemplateErrorKind, TemplateSet, is_template, read_sets,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The directory can't be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{directory}: {reason}")]
pub struct Unreadable {
    directory: String,
    reason: String,
}

/// What a check found, and what it went through.
#[derive(Debug)]
pub struct Checked {
    /// The findings: errors first, each by file and line.
    pub findings: Vec<Finding>,
    /// How many templates the directory has.
    pub templates: usize,
    /// The applications that were rendered, and what they became where that was right.
    pub applications: Vec<(Case, Option<Manifests>)>,
}

impl Checked {
    /// How many findings are of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.level() == level)
            .count()
    }

    /// Adds what somebody else found.
    pub fn add(&mut self, finding: Finding) {
        add(&mut self.findings, finding);
        self.sort();
    }

    fn sort(&mut self) {
        let order = |finding: &Finding| (finding.level(), finding.file.clone(), finding.line);
        self.findings.sort_by_key(order);
    }
}

/// Checks the sets of a directory with the built-in samples, and with these cases as far as they get the set.
///
/// # Errors
/// Where the directory itself can't be read; everything else is a finding.
pub fn check(directory: &Path, options: &SetOptions, cases: Vec<Case>) -> Result<Checked, Unreadable> {
    let shown = directory.display().to_string();
    let mut checked = Checked {
        findings: Vec::new(),
        templates: 0,
        applications: Vec::new(),
    };
    let mut sets = match read_sets(directory) {
        Ok(sets) => sets,
        Err(error @ (DirectoryError::Directory(_) | DirectoryError::Restless)) => {
            let reason = error.to_string();
            return Err(Unreadable {
                directory: shown,
                reason,
            });
        }
        Err(error) => {
            checked.add(Finding::new(Rule::File, shown, error.to_string()));
            return Ok(checked);
        }
    };
    let mut cases_of = by_set(cases, options, &sets, &mut checked);
    let is_empty =
        |contents: &Result<Contents, _>| contents.as_ref().is_ok_and(|contents| contents.files.is_empty());
    if sets.values().all(is_empty) {
        let message = "there is no template in it: a server uses the built-in ones";
        checked
            .findings
            .push(Finding::new(Rule::UnusedTemplate, &shown, message));
    }
    let default = sets.remove(DEFAULT_SET);
    let base = default.as_ref().and_then(|contents| contents.as_ref().ok());
    let base = base.map(|contents| contents.files.clone()).unwrap_or_default();
    let default = default.map(|contents| (DEFAULT_SET.to_owned(), contents));
    for (name, contents) in default.into_iter().chain(sets) {
        let cases = cases_of.remove(&name).unwrap_or_default();
        let none = Files::new();
        let base = if name == DEFAULT_SET { &none } else { &base };
        check_set(directory, options, (&name, contents), base, cases, &mut checked);
    }
    checked.sort();
    Ok(checked)
}

/// The cases of each set. One that gets no set of the directory is an error of its own.
fn by_set(
    cases: Vec<Case>,
    options: &SetOptions,
    sets: &BTreeMap<String, Result<Contents, DirectoryError>>,
    checked: &mut Checked,
) -> BTreeMap<String, Vec<Case>> {
    let mut cases_of: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for case in cases {
        // What can't be submitted at all is told where it is tried.
        let name = match case.submission() {
            Ok((submission, _)) => options.rules.name_for(&submission).to_owned(),
            Err(_) => DEFAULT_SET.to_owned(),
        };
        if sets.contains_key(&name) {
            cases_of.entry(name).or_default().push(case);
        } else {
            let message = format!(
                "gets the template set {}, and there is no folder of that name",
                redaction::shown(&name)
            );
            checked.add(Finding::new(Rule::Case, case.path(), message));
        }
    }
    cases_of
}

/// Checks one set.
fn check_set(
    directory: &Path,
    options: &SetOptions,
    (name, contents): (&str, Result<Contents, DirectoryError>),
    default: &Files,
    cases: Vec<Case>,
    checked: &mut Checked,
) {
    let folder = if name == DEFAULT_SET {
        directory.to_owned()
    } else {
        directory.join(name)
    };
    let contents = match contents {
        Ok(contents) => contents,
        Err(DirectoryError::File { name, error }) => {
            let path = folder.join(name).display().to_string();
            return checked.add(Finding::new(Rule::File, path, format!("can't be read: {error}")));
        }
        Err(error) => {
            return checked.add(Finding::new(
                Rule::File,
                folder.display().to_string(),
                error.to_string(),
            ));
        }
    };
    let sources = Sources::new(directory, name, &contents.files, default);
    checked.templates += contents.files.len();
    checked.findings.extend(odd_files(&folder, &contents.ignored));
    checked.findings.extend(lint(&sources));
    let parts = Parts {
        name,
        files: &contents.files,
        default,
        extra_kinds: &options.extra_kinds,
    };
    match TemplateSet::load_parts(parts) {
        Ok(set) => {
            checked.findings.extend(unknown_variables(&sources, &set));
            let cases = Case::samples().into_iter().chain(cases).collect();
            let tracer = Tracer::new(&sources, name, &options.extra_kinds);
            Applications::new(&sources, &set, tracer).check(cases, checked);
        }
        Err(errors) => {
            for error in errors.0 {
                add(&mut checked.findings, of_template(&error, &sources));
            }
        }
    }
}

fn odd_files(folder: &Path, ignored: &[String]) -> Vec<Finding> {
    ignored
        .iter()
        .map(|ignored| {
            let (name, why) = ignored.split_once(": ").unwrap_or((ignored, "ignored"));
            Finding::new(Rule::IgnoredFile, folder.join(name).display().to_string(), why)
        })
        .collect()
}

/// The set's own warnings that name a variable: ``driver-pod.yaml.j2: nothing is named `nmae` ``.
fn unknown_variables(sources: &Sources, set: &TemplateSet) -> Vec<Finding> {
    let warnings = set.warnings().iter();
    warnings
        .filter_map(|text| {
            let (name, message) = text.split_once(": ")?;
            let word = message.split('`').nth(1)?;
            let line = sources.line_of_word(name, word);
            (is_template(name) && sources.is_own(name))
                .then(|| warning(sources, Rule::UnknownVariable, name, line, message))
        })
        .collect()
}

/// An error of a template, at the innermost place that is the author's own.
fn of_template(error: &TemplateError, sources: &Sources) -> Finding {
    let rule = match error.kind {
        TemplateErrorKind::File => Rule::File,
        TemplateErrorKind::Syntax => Rule::Syntax,
        TemplateErrorKind::Undefined => Rule::Undefined,
        TemplateErrorKind::Limit => Rule::Limit,
        TemplateErrorKind::Refused => Rule::Refused,
        TemplateErrorKind::Render => Rule::Render,
    };
    let innermost = Place {
        template: error.template.clone(),
        line: error.line,
    };
    let places: Vec<_> = std::iter::once(&innermost)
        .chain(error.via.iter().rev())
        .collect();
    let own = places
        .iter()
        .position(|place| !place.template.starts_with(BUILTIN));
    let own = own.unwrap_or_default();
    let place = places[own];
    let mut finding = Finding::new(rule, sources.path(&place.template), error.message.clone()).at(place.line);
    if own == 0 {
        let source = error
            .source_line
            .as_ref()
            .filter(|source| !source.columns.is_empty());
        finding.column = source.map(|source| source.columns.start + 1);
    }
    let described = |what: &str, place: &Place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{what} {}{line}", sources.path(&place.template))
    };
    finding
        .notes
        .extend(places[..own].iter().map(|place| described("in", place)));
    finding
        .notes
        .extend(places[own + 1..].iter().map(|place| described("used by", place)));
    if !error.in_reach.is_empty() {
        finding
            .notes
            .push(format!("in reach: {}", error.in_reach.join(", ")));
    }
    sources.with_source(finding, &place.template)
}

/// The applications that a set is tried with.
struct Applications<'s> {
    sources: &'s Sources,
    set: &'s TemplateSet,
    tracer: Tracer<'s>,
    /// The templates that wrote something.
    used: BTreeSet<String>,
    /// The applications, by the further objects that they have: template, and the object's name.
    sharing: BTreeMap<(String, String), BTreeSet<String>>,
}

impl<'s> Applications<'s> {
    fn new(sources: &'s Sources, set: &'s TemplateSet, tracer: Tracer<'s>) -> Self {
        Self {
            sources,
            set,
            tracer,
            used: BTreeSet::new(),
            sharing: BTreeMap::new(),
        }
    }

    fn check(mut self, cases: Vec<Case>, checked: &mut Checked) {
        let mut refusals = Vec::new();
        let mut rendered = false;
        for case in cases {
            let (manifests, found) = self.application(&case);
            rendered |= case.is_sample() && manifests.is_some();
            for mut finding in found.into_iter().filter(|_| !case.must_be_refused) {
                finding.applications = vec![case.name.clone()];
                let of_policy = case.is_sample() && finding.rule == Rule::Refused;
                add(
                    if of_policy {
                        &mut refusals
                    } else {
                        &mut checked.findings
                    },
                    finding,
                );
            }
            if case.must_be_refused && manifests.is_some() {
                let message = format!("has an {REFUSAL}, and is not refused");
                add(
                    &mut checked.findings,
                    Finding::new(Rule::Case, case.path(), message),
                );
            }
            checked.applications.push((case, manifests));
        }
        // A policy that refuses a sample is no defect; one that refuses all of them leaves the set untried.
        if !rendered {
            for finding in refusals {
                add(&mut checked.findings, finding);
            }
        }
        if !has_errors(&checked.findings) {
            checked.findings.extend(self.unused());
            checked.findings.extend(self.shared_names());
        }
    }

    fn application(&mut self, case: &Case) -> (Option<Manifests>, Vec<Finding>) {
        let refused = |error: &SubmitError| vec![Finding::new(Rule::Case, case.path(), error.to_string())];
        let (submission, context) = match case.submission() {
            Ok(submission) => submission,
            Err(error) => return (None, refused(&error)),
        };
        let plan = match plan::plan(&submission, &context) {
            Ok(plan) => plan,
            Err(refusal) => return (None, refused(&refusal.into())),
        };
        let rendered = match self.set.render(&plan) {
            Ok(rendered) => rendered,
            Err(error) => return (None, vec![of_template(&error, self.sources)]),
        };
        self.note(&rendered);
        match manifest::check(&rendered, &plan, &submission.unknown_fields()) {
            Ok(manifests) => {
                self.note_names(&rendered, &manifests);
                (Some(manifests), Vec::new())
            }
            Err(found) => (None, self.tracer.locate(&found.0, &rendered, &plan)),
        }
    }

    fn note(&mut self, rendered: &Rendered) {
        for document in &rendered.documents {
            self.used.insert(document.template.clone());
            let patches = document.patch.iter().chain(
                document
                    .carried
                    .iter()
                    .filter_map(|carried| carried.patch.as_ref()),
            );
            self.used.extend(patches.map(|patch| patch.template.clone()));
            // The text that one document carries has a template of its own.
            if document.role == "configmap-executor-template" {
                self.used.insert(self.sources.named("executor-pod.yaml.j2"));
            }
        }
    }

    fn note_names(&mut self, rendered: &Rendered, manifests: &Manifests) {
        let extras = rendered
            .documents
            .iter()
            .filter(|document| document.role.starts_with(EXTRA_ROLE));
        for document in extras {
            let written = manifests
                .owned
                .iter()
                .find(|manifest| manifest.role == document.role);
            let name = written.and_then(|manifest| manifest.value.pointer("/metadata/name")?.as_str());
            if let Some(name) = name {
                let sharing = self
                    .sharing
                    .entry((document.template.clone(), name.to_owned()))
                    .or_default();
                sharing.insert(manifests.identity.pod_name.clone());
            }
        }
    }

    fn shared_names(&self) -> Vec<Finding> {
        let shared = self
            .sharing
            .iter()
            .filter(|(_, applications)| applications.len() > 1);
        shared
            .map(|((template, name), applications)| {
                let message = format!(
                    "{} applications would have an object named {}, and in a namespace one can have it: derive the name from \
                     pod.name",
                    applications.len(),
                    redaction::shown(name)
                );
                let line = self.sources.line_of_word(template, "name");
                warning(self.sources, Rule::SharedName, template, line, message)
            })
            .collect()
    }

    fn unused(&self) -> Vec<Finding> {
        let names = self.sources.own().map(|(name, _)| name);
        names
            .filter(|name| !self.sources.file_name(name).starts_with('_') && !self.used.contains(*name))
            .map(|name| {
                let message = "was compiled and never rendered: no sample and no case has such an object; add a case \
                               that does (--cases)";
                warning(self.sources, Rule::UnusedTemplate, name, None, message)
            })
            .collect()
    }
}
