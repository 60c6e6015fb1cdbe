//! The check of a template directory: what a server would refuse it for, and what is odd about it.
//!
//! Every template is compiled; the built-in samples and the author's own cases are rendered with them, and all that
//! they make is checked against the rules, as the service does it before a set goes live.

mod applications;
pub(super) mod digest;

use super::{
    case::Case,
    coverage::{Fired, PolicyCoverage},
    finding::{Level, Rule, TemplateFinding},
    lint::lint,
    sources::{BUILTIN, Sources, add},
    trace::Tracer,
};
use crate::{
    finding::io_words,
    kubernetes::ObjectKind,
    manifest::Manifests,
    redaction,
    templates::{
        ALWAYS, Contents, DEFAULT_SET, DirectoryError, ErrorPlace, Files, NewerFields, OddEntry, Parts,
        SetOptions, Sets, SetsError, TemplateError, TemplateErrorKind, TemplateSet, Workers, has_no_template,
        is_template, read_sets, take_always, workers,
    },
};
use applications::Applications;
use std::{collections::BTreeMap, path::Path};

/// The most callers of a macro that a finding names.
const MOST_CALLERS: usize = 3;

/// The directory can't be read at all; the text names it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// What a check found, and what it went through.
#[derive(Debug)]
pub struct Checked {
    /// The findings: errors first, each by file and line.
    pub findings: Vec<TemplateFinding>,
    /// How many templates the directory has.
    pub templates: usize,
    /// The applications that were rendered, and what they became where that was right.
    pub applications: Vec<(Case, Option<Manifests>)>,
    /// The calls of `refuse` and `warn`, and for whom each fired.
    pub coverage: Vec<Fired>,
    /// The policies of each set, and what each did about the samples and cases.
    pub policies: Vec<PolicyCoverage>,
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
    pub fn add(&mut self, finding: TemplateFinding) {
        add(&mut self.findings, finding);
        self.sort();
    }

    fn sort(&mut self) {
        let order = |finding: &TemplateFinding| (finding.level(), finding.file.clone(), finding.line);
        self.findings.sort_by_key(order);
    }
}

/// Checks the sets of a directory with the built-in samples, and with these cases as far as they get the set.
///
/// # Errors
/// Where the directory itself can't be read; everything else is a finding.
pub fn check(directory: &Path, options: &SetOptions, cases: Vec<Case>) -> Result<Checked, Unreadable> {
    check_until(directory, read_sets(directory), options, cases, &|| false)
}

/// The same for what was read of the directory; leaves out the applications that are not tried yet when `is_over` says so.
///
/// # Errors
/// Where the directory itself can't be read; everything else is a finding.
pub(crate) fn check_until(
    directory: &Path,
    read: Result<Sets, DirectoryError>,
    options: &SetOptions,
    cases: Vec<Case>,
    is_over: &dyn Fn() -> bool,
) -> Result<Checked, Unreadable> {
    let shown = directory.display().to_string();
    let mut checked = Checked {
        findings: Vec::new(),
        templates: 0,
        applications: Vec::new(),
        coverage: Vec::new(),
        policies: Vec::new(),
    };
    let mut sets = match read {
        Ok(sets) => sets,
        Err(error @ DirectoryError::Directory { .. }) => return Err(Unreadable(error.to_string())),
        Err(error @ DirectoryError::Restless) => return Err(Unreadable(format!("{shown}: {error}"))),
        Err(error) => {
            checked.add(TemplateFinding::new(Rule::File, shown, error.to_string()));
            return Ok(checked);
        }
    };
    let mut cases_of = by_set(cases, options, &sets, &mut checked);
    if has_no_template(&sets) {
        checked.findings.push(TemplateFinding::new(
            Rule::File,
            &shown,
            DirectoryError::Empty.to_string(),
        ));
    }
    for name in options.rules.named() {
        if !sets.contains_key(name) {
            // Submissions that need it would be refused.
            let message = SetsError::Missing(name.to_owned()).to_string();
            checked.add(TemplateFinding::new(Rule::MissingSet, shown.clone(), message));
        }
    }
    let always = take_always(&mut sets);
    let (always, odd_of_always) = match always {
        Ok(always) => (always.files, always.odd),
        Err(error) => {
            let path = directory.join(ALWAYS).display().to_string();
            checked.add(TemplateFinding::new(Rule::File, path, error.to_string()));
            return Ok(checked);
        }
    };
    checked.templates += templates_of(&always);
    checked.findings.extend(odd_entries(directory, &odd_of_always));
    let workers = workers(&options.rendering);
    let default = sets.remove(DEFAULT_SET);
    let base = default.as_ref().and_then(|contents| contents.as_ref().ok());
    let base = base.map(|contents| contents.files.clone()).unwrap_or_default();
    let default = default.map(|contents| (DEFAULT_SET.to_owned(), contents));
    for (name, contents) in default.into_iter().chain(sets) {
        let cases = cases_of.remove(&name).unwrap_or_default();
        let none = Files::new();
        let base = if name == DEFAULT_SET { &none } else { &base };
        let set = Set {
            name: &name,
            default: base,
            always: &always,
            extra_kinds: &options.extra_kinds,
            newer_fields: options.newer_fields,
            workers: workers.as_ref(),
            is_over,
        };
        set.check(directory, contents, cases, &mut checked);
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
        let name = match case.submission() {
            Ok((submission, _)) => match options.rules.refusal(&submission) {
                None => options.rules.name_for(&submission).to_owned(),
                Some(refusal) => {
                    if !case.must_be_refused {
                        checked.add(TemplateFinding::new(Rule::Case, case.path(), refusal.to_string()));
                    }
                    checked.applications.push((case, None));
                    continue;
                }
            },
            // An application that can't be submitted at all is reported when it is tried.
            Err(_) => DEFAULT_SET.to_owned(),
        };
        if sets.contains_key(&name) {
            cases_of.entry(name).or_default().push(case);
        } else {
            let message = format!(
                "gets the template set {}, and there is no folder of that name",
                redaction::shown(&name)
            );
            checked.add(TemplateFinding::new(Rule::Case, case.path(), message));
        }
    }
    cases_of
}

/// One set that is to be checked.
struct Set<'s> {
    name: &'s str,
    default: &'s Files,
    always: &'s Files,
    extra_kinds: &'s [ObjectKind],
    newer_fields: NewerFields,
    workers: Option<&'s Workers>,
    is_over: &'s dyn Fn() -> bool,
}

impl Set<'_> {
    fn check(
        &self,
        directory: &Path,
        contents: Result<Contents, DirectoryError>,
        cases: Vec<Case>,
        checked: &mut Checked,
    ) {
        let folder = if self.name == DEFAULT_SET {
            directory.to_owned()
        } else {
            directory.join(self.name)
        };
        let contents = match contents {
            Ok(contents) => contents,
            Err(DirectoryError::File { name, error }) => {
                let path = folder.join(name).display().to_string();
                return checked.add(TemplateFinding::new(
                    Rule::File,
                    path,
                    format!("can't be read: {}", io_words(error)),
                ));
            }
            Err(error) => {
                return checked.add(TemplateFinding::new(
                    Rule::File,
                    folder.display().to_string(),
                    error.to_string(),
                ));
            }
        };
        let sources = Sources::new(directory, self.name, &contents.files, self.default, self.always);
        checked.templates += templates_of(&contents.files);
        checked.findings.extend(odd_entries(directory, &contents.odd));
        checked.findings.extend(lint(&sources));
        let parts = Parts {
            name: self.name,
            files: &contents.files,
            default: self.default,
            always: self.always,
            extra_kinds: self.extra_kinds,
            newer_fields: self.newer_fields,
        };
        match TemplateSet::load_in(parts, self.workers) {
            Ok(set) => {
                let cases = Case::samples().into_iter().chain(cases).collect();
                let tracer = Tracer::new(&sources, parts, self.workers);
                let lossy = Applications::new(&sources, &set, tracer).check(cases, self.is_over, checked);
                digest::digest(&mut checked.findings, &sources, &lossy);
            }
            Err(errors) => {
                for error in errors.0 {
                    add(&mut checked.findings, of_template(&error, &sources));
                }
            }
        }
    }
}

fn templates_of(files: &Files) -> usize {
    files.keys().filter(|name| is_template(name)).count()
}

fn odd_entries(directory: &Path, odd: &[OddEntry]) -> impl Iterator<Item = TemplateFinding> {
    odd.iter().map(|entry| {
        let path = directory.join(&entry.path).display().to_string();
        TemplateFinding::new(Rule::IgnoredFile, path, entry.what.clone())
    })
}

/// An error of a template, at the innermost place that is the author's own.
pub(super) fn of_template(error: &TemplateError, sources: &Sources) -> TemplateFinding {
    let rule = match error.kind {
        TemplateErrorKind::File => Rule::File,
        TemplateErrorKind::Syntax => Rule::Syntax,
        TemplateErrorKind::Undefined => Rule::Undefined,
        TemplateErrorKind::Block => Rule::UnknownBlock,
        TemplateErrorKind::Limit | TemplateErrorKind::Exceeded => Rule::Limit,
        TemplateErrorKind::Refused => Rule::Refused,
        TemplateErrorKind::Render => Rule::Render,
    };
    let innermost = ErrorPlace {
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
    let mut finding =
        TemplateFinding::new(rule, sources.path(&place.template), error.message.clone()).at(place.line);
    if own == 0 {
        let source = error
            .source_line
            .as_ref()
            .filter(|source| !source.columns.is_empty());
        finding.column = source.map(|source| source.columns.start + 1);
    }
    // The engine doesn't say who called a macro that failed.
    let callers = match (error.via.is_empty(), place.line) {
        (true, Some(line)) => sources.callers(&place.template, line, MOST_CALLERS),
        _ => Vec::new(),
    };
    let described = |what: &str, place: &ErrorPlace| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{what} {}{line}", sources.path(&place.template))
    };
    finding
        .notes
        .extend(places[..own].iter().map(|place| described("in", place)));
    finding
        .notes
        .extend(places[own + 1..].iter().map(|place| described("used by", place)));
    finding
        .notes
        .extend(callers.iter().map(|place| described("used by", place)));
    if !error.in_reach.is_empty() {
        finding
            .notes
            .push(format!("in reach: {}", error.in_reach.join(", ")));
    }
    sources.with_source(finding, &place.template)
}
