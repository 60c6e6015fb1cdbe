//! From a finding about a rendered object to the line that was rendered, and to the line of the template that wrote it.

use super::{
    again::Again,
    finding,
    lines::Lines,
    rendered::excerpt,
    sources::{BUILTIN, Sources},
};
use crate::{
    kubernetes::{self, Subject},
    spark::plan::DriverPlan,
    strict,
    templates::{
        Document, Files, Mark, Parts, Rendered, TemplateSet, Workers, builtin_sources, is_policy, marked,
        unmarked,
    },
};
use serde_json::Value;
use std::sync::Arc;

/// The templates of a directory once more, each line with a mark.
pub(super) struct Tracer<'s> {
    sources: &'s Sources,
    names: Vec<&'s str>,
    /// None where marked templates can't be compiled: they are a little larger.
    set: Option<Arc<TemplateSet>>,
}

/// A rendered text with the template line of each of its lines.
struct Traced {
    text: String,
    marks: Vec<Option<Mark>>,
}

/// A template's name in messages, and whether it is built in, by the number that marks of it have.
pub(super) fn marked_names(sources: &Sources) -> Vec<String> {
    let own = sources.iter().map(|(name, _)| name.to_owned());
    let builtin = builtin_sources()
        .iter()
        .map(|(name, _)| format!("{BUILTIN}{name}"));
    own.chain(builtin).collect()
}

/// The templates of a set once more, each line with a mark, and the built-in ones too. None where marked templates can't be
/// compiled: they are a little larger.
pub(super) fn marked_set(
    sources: &Sources,
    set: Parts<'_>,
    workers: Option<&Workers>,
) -> Option<TemplateSet> {
    let first = sources.iter().count();
    let builtin = builtin_sources().iter().enumerate().map(|(index, (name, text))| {
        let marked = marked(text, first + index);
        (format!("{BUILTIN}{name}"), marked.into_bytes())
    });
    load_marked(sources, set, workers, builtin.collect())
}

fn load_marked(
    sources: &Sources,
    set: Parts<'_>,
    workers: Option<&Workers>,
    builtin: Files,
) -> Option<TemplateSet> {
    let (mut files, mut default, mut always) = (builtin, Files::new(), Files::new());
    for (index, (name, text)) in sources.iter().enumerate() {
        let folder = if Sources::is_of_always(name) {
            &mut always
        } else if sources.is_own(name) {
            &mut files
        } else {
            &mut default
        };
        // A policy writes nothing, so there is nothing to mark.
        let text = if is_policy(name) {
            text.to_owned()
        } else {
            marked(text, index)
        };
        let file = name.rsplit('/').next().unwrap_or(name);
        folder.insert(file.to_owned(), text.into_bytes());
    }
    let parts = Parts {
        files: &files,
        default: &default,
        always: &always,
        ..set
    };
    TemplateSet::load_in(parts, workers).ok()
}

impl<'s> Tracer<'s> {
    /// Over the templates of a set, as `sources` has them.
    pub(super) fn new(sources: &'s Sources, set: Parts<'_>, workers: Option<&Workers>) -> Self {
        Self::over(
            sources,
            load_marked(sources, set, workers, Files::new()).map(Arc::new),
        )
    }

    /// Over templates that are marked already.
    pub(super) fn over(sources: &'s Sources, set: Option<Arc<TemplateSet>>) -> Self {
        Self {
            sources,
            names: sources.iter().map(|(name, _)| name).collect(),
            set,
        }
    }

    /// What was found about the objects of `rendered`, each with its line. The values of a public sample are shown.
    pub(super) fn locate(
        &self,
        found: &[kubernetes::Finding],
        rendered: &Rendered,
        plan: &DriverPlan,
        is_public: bool,
    ) -> Vec<finding::TemplateFinding> {
        let marked = self.set.as_ref().and_then(|set| set.render(plan).ok());
        let marked = marked.as_ref();
        found
            .iter()
            .map(|found| {
                let traced = match &found.in_patch {
                    Some(_) => of_patch(found, rendered, marked),
                    None => of_document(found, rendered, marked),
                };
                self.finding(found, traced.as_ref(), is_public)
            })
            .collect()
    }

    fn finding(
        &self,
        found: &kubernetes::Finding,
        traced: Option<&Traced>,
        is_public: bool,
    ) -> finding::TemplateFinding {
        let path = found.in_patch.as_ref().unwrap_or(&found.path);
        let lines = traced.map(|traced| Lines::of(&traced.text));
        let line = found.said.line().filter(|_| traced.is_some());
        let line = line.or_else(|| lines.as_ref()?.line(path));
        let again = traced
            .filter(|_| found.said.is_key_twice())
            .and_then(|traced| Again::of(&traced.text));
        // Of a key that is there twice, the one that an admin's template wrote is what can be changed.
        let line = match (traced, &again) {
            (Some(traced), Some(again)) if traced.mark(again.second).is_none() => {
                traced.mark(again.first).map(|_| again.first).or(line)
            }
            _ => line,
        };
        let mark = traced.zip(line).and_then(|(traced, line)| {
            // What is no YAML ends where the reader gave up, a little behind its cause.
            let back = if path.is_empty() { line } else { 1 };
            let upto = traced.marks.iter().take(line).rev();
            upto.take(back).find_map(|mark| *mark)
        });
        let marked = mark.and_then(|mark| Some((*self.names.get(mark.template)?, mark.line)));
        let (template, template_line) = match marked {
            Some((name, line)) => (name, Some(line)),
            None => {
                let name = found.template.as_str();
                // Without statements a template has the lines of what it writes.
                let text = self.sources.text(name).unwrap_or("{%");
                let as_written = traced.is_none() || found.in_patch.is_some();
                let syntax = found.said.line().filter(|_| as_written && !text.contains("{%"));
                (name, syntax.or_else(|| self.sources.by_words(name, path)))
            }
        };
        let file = if template.is_empty() {
            "driver-pod.yaml.j2"
        } else {
            template
        };
        let mut shown = found.clone();
        if template_line.is_some() {
            let key = again.as_ref().map(|again| again.key.as_str());
            let wrote = |key: &&str| is_public || self.sources.has_key(file, template_line, key);
            shown.said = shown.said.placed(key.filter(wrote));
        }
        // What stands in a template as it stands in the object is no secret of an application's.
        let is_literal = || {
            let written = traced
                .zip(line)
                .and_then(|(traced, line)| traced.text.lines().nth(line.checked_sub(1)?));
            written.is_some_and(|written| self.sources.has_line(file, template_line, written))
        };
        if let Some(value) = lines.as_ref().and_then(|lines| lines.scalar(path))
            && (is_public || is_literal())
        {
            shown.said = shown.said.revealed(value);
        }
        let finding = finding::TemplateFinding::new(
            finding::Rule::Manifest,
            self.sources.path(file),
            shown.without_template(),
        );
        let mut finding = self.sources.with_source(finding.at(template_line), file);
        finding.likeness = found.likeness();
        finding.brief = Some(shown.brief_without_template());
        finding.of_object = Some(Box::new(shown));
        if let (Some(traced), Some(again), Some(line)) = (traced, &again, line) {
            finding.notes.extend(self.other_of(traced, again, line));
        }
        // A patch is a few lines of its author's, which are shown already.
        if let (Some(traced), Some(line), None) = (traced, line, &found.in_patch) {
            let written = (!is_public).then(|| self.sources.lines());
            finding.rendered = excerpt(&traced.text, line, written.as_ref());
        }
        finding
    }
}

impl Tracer<'_> {
    /// Where the other one of two keys comes from.
    fn other_of(&self, traced: &Traced, again: &Again, line: usize) -> Option<String> {
        let other = if line == again.first {
            again.second
        } else {
            again.first
        };
        let here = traced.mark(line)?;
        let Some(mark) = traced.mark(other) else {
            return Some("the other one is the built-in template's".to_owned());
        };
        let name = self.names.get(mark.template)?;
        let is_here = (mark.template, mark.line) == (here.template, here.line);
        (!is_here).then(|| format!("the other one is at {}:{}", self.sources.path(name), mark.line))
    }
}

impl Traced {
    /// What wrote a line, from 1.
    fn mark(&self, line: usize) -> Option<Mark> {
        *self.marks.get(line.checked_sub(1)?)?
    }
}

/// The text of the object that a finding is about.
fn of_document(
    found: &kubernetes::Finding,
    rendered: &Rendered,
    marked: Option<&Rendered>,
) -> Option<Traced> {
    let document = document(found, rendered)?;
    let marked = marked.and_then(|marked| {
        let mut documents = marked.documents.iter();
        documents.find(|marked| marked.role == document.role)
    });
    traced(found, document, marked)
}

/// The text of the patch that a finding is about.
fn of_patch(found: &kubernetes::Finding, rendered: &Rendered, marked: Option<&Rendered>) -> Option<Traced> {
    let text = patch_text(found, rendered)?;
    if let Some(marked) = marked.and_then(|marked| patch_text(found, marked)) {
        let (unmarked, marks) = unmarked(marked);
        if unmarked == text {
            return Some(Traced {
                text: unmarked,
                marks,
            });
        }
    }
    Some(Traced {
        text: text.to_owned(),
        marks: Vec::new(),
    })
}

fn patch_text<'r>(found: &kubernetes::Finding, rendered: &'r Rendered) -> Option<&'r str> {
    let patches = rendered.documents.iter().flat_map(|document| {
        let carried = document.carried.iter().flat_map(|carried| &carried.patches);
        document.patches.iter().chain(carried)
    });
    let mut patches = patches.filter(|patch| patch.template == found.template);
    patches.next().map(|patch| patch.text.as_str())
}

/// The document that a finding is about; none where it is about a patch, whose paths are others.
fn document<'r>(found: &kubernetes::Finding, rendered: &'r Rendered) -> Option<&'r Document> {
    let is_carried = found.subject.is_executor_template();
    let wrote = |document: &Document| match (is_carried, &document.carried) {
        (true, Some(carried)) => carried.template == found.template,
        (true, None) => false,
        (false, _) => document.template == found.template,
    };
    let is_about = |document: &Document| {
        found.subject.is_in(&Subject::role(&document.role))
            || subject(document).is_some_and(|subject| found.subject.is_in(&subject))
    };
    let is_it = |document: &&Document| wrote(document) && is_about(document);
    let mut of_template = rendered
        .documents
        .iter()
        .filter(|document| document.template == found.template);
    match rendered.documents.iter().find(is_it) {
        Some(document) => Some(document),
        None => of_template.next().filter(|_| of_template.next().is_none()),
    }
}

fn subject(document: &Document) -> Option<Subject> {
    let object = strict::parse_yaml(&document.text).ok()?;
    let kind = object.get("kind")?.as_str()?;
    Some(Subject::object(kind, object.pointer("/metadata/name")?.as_str()?))
}

/// The text that a finding's path is in: the document's, or the one that it carries.
fn traced(found: &kubernetes::Finding, document: &Document, marked: Option<&Document>) -> Option<Traced> {
    let is_executor = found.subject.is_executor_template();
    let carried = |text: &str| {
        if is_executor {
            carried(text)
        } else {
            Some(text.to_owned())
        }
    };
    let plain = carried(&document.text)?;
    if let Some(marked) = marked.and_then(|marked| carried(&marked.text)) {
        let (text, marks) = unmarked(&marked);
        if text == plain {
            return Some(Traced { text, marks });
        }
    }
    Some(Traced {
        text: plain,
        marks: Vec::new(),
    })
}

/// The one text in a `ConfigMap`.
pub(super) fn carried(text: &str) -> Option<String> {
    let value = strict::parse_yaml(text).ok()?;
    let texts = value.get("data")?.as_object()?;
    texts.values().next().and_then(Value::as_str).map(str::to_owned)
}
