//! What is wrong with rendered objects.

use crate::{
    finding::{Cut, Kept, Statement, answer, is_name, one_line},
    kubernetes::grammar::is_qualified_name,
    limits::PATH_CHARACTERS,
    redaction::hidden,
    strict::{self, Problem},
};
use std::fmt;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    object: Object,
    /// Not the object itself, but the executor pod template that is text in it.
    executor_template: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    /// A text that isn't known to be an object: its role, `pod-driver`.
    Role(String),
    /// An object without a name: its kind and role.
    Unnamed(String, String),
    /// An object: its kind, and its name as it may be shown.
    Named(String, String),
    /// What the driver will make, in our own words: nobody has written it.
    ToBeMade(&'static str),
}

impl Subject {
    /// What a template wrote, before it is known to be an object.
    pub(crate) fn role(role: &str) -> Self {
        Self::of(Object::Role(role.to_owned()))
    }

    /// An object of a kind that has no name.
    pub(crate) fn unnamed(kind: &str, role: &str) -> Self {
        Self::of(Object::Unnamed(kind.to_owned(), role.to_owned()))
    }

    /// An object by kind and name. What can't be a name is hidden: it may be anything then.
    pub(crate) fn object(kind: &str, name: &str) -> Self {
        let shown = if is_name(name) {
            name.to_owned()
        } else {
            hidden(name)
        };
        Self::of(Object::Named(kind.to_owned(), shown))
    }

    fn of(object: Object) -> Self {
        Self {
            object,
            executor_template: false,
        }
    }

    /// The Pod that the driver will make as its first executor.
    pub(crate) fn executor_pod() -> Self {
        Self::of(Object::ToBeMade("executor Pod"))
    }

    /// A claim that the driver will make with it.
    pub(crate) fn claim_of_executor() -> Self {
        Self::of(Object::ToBeMade("executor Pod, its PersistentVolumeClaim"))
    }

    /// The executor pod template that is text in this object.
    pub(crate) fn executor_template(&self) -> Self {
        Self {
            executor_template: true,
            ..self.clone()
        }
    }

    /// Whether this is the executor pod template, and not the object that has it.
    pub(crate) fn is_executor_template(&self) -> bool {
        self.executor_template
    }

    /// Whether it is about executors: their pod template, or what the driver will make.
    pub(crate) fn is_of_executor(&self) -> bool {
        self.executor_template || matches!(self.object, Object::ToBeMade(_))
    }

    /// Whether both are about the same object, or about the text in it.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.object == other.object
    }

    /// The subject without the object's name.
    fn brief(&self) -> String {
        match &self.object {
            Object::Named(kind, _) => Self {
                object: Object::Role(kind.clone()),
                ..*self
            }
            .to_string(),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.executor_template {
            f.write_str("executor pod template in ")?;
        }
        match &self.object {
            Object::Role(role) => f.write_str(role),
            Object::Unnamed(kind, role) => write!(f, "{kind} ({role})"),
            Object::Named(kind, name) => write!(f, "{kind}/{name}"),
            Object::ToBeMade(what) => f.write_str(what),
        }
    }
}

/// One thing that is wrong with one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// Where in it, as in `spec.containers[0].image`; empty for the object as a whole. A key in it may have any length.
    pub path: String,
    /// What is wrong there.
    pub said: Statement,
    /// The template that wrote the object, `driver-pod.yaml.j2`; empty where none did and one should have.
    pub template: String,
    /// Where in the text of [`Self::template`] it comes from, if that is a patch, whose items have an order of their own.
    pub in_patch: Option<String>,
}

impl Finding {
    /// A problem of a text that a template wrote.
    pub(crate) fn of(subject: &Subject, template: &str, problem: Problem) -> Self {
        Self {
            subject: subject.clone(),
            path: problem.path,
            said: problem.said,
            template: template.to_owned(),
            in_patch: None,
        }
    }

    /// What no template wrote.
    pub(crate) fn unwritten(kind: &str, name: &str, said: Statement) -> Self {
        Self {
            subject: Subject::object(kind, name),
            path: String::new(),
            said,
            template: String::new(),
            in_patch: None,
        }
    }

    /// Hides all values, the object's name among them, and keys that are no names.
    pub(crate) fn hide_values(&mut self) {
        self.path = brief_path(&self.path);
        self.said = self.said.clone().without_values();
        if let Object::Named(_, name) = &mut self.subject.object {
            "<redacted>".clone_into(name);
        }
    }

    /// Kind, path and rule, and the template: no value that a template wrote, and no name either. For `/readyz`. A key in the
    /// path that is no name is hidden: it may be anything.
    pub(crate) fn brief(&self) -> String {
        self.line(&self.subject.brief(), &brief_path(&self.path), &self.said.brief())
    }

    /// The same without the template.
    pub(crate) fn brief_without_template(&self) -> String {
        Self {
            template: String::new(),
            ..self.clone()
        }
        .brief()
    }

    /// Kind, path without indices and rule: what findings of different applications have in common.
    pub(crate) fn likeness(&self) -> String {
        let path = crate::strict::generalised(&self.path);
        format!("{} {path} {}", self.subject.brief(), self.said.brief())
    }

    /// Object, path and what is wrong, without the template.
    pub(crate) fn without_template(&self) -> String {
        Self {
            template: String::new(),
            ..self.clone()
        }
        .to_string()
    }

    fn line(&self, subject: &str, path: &str, said: &str) -> String {
        let space = if path.is_empty() { "" } else { " " };
        let (path, said) = (Cut(path, PATH_CHARACTERS), one_line(said));
        match self.template.as_str() {
            "" => format!("{subject}{space}{path}: {said}"),
            template => format!("{subject}{space}{path}: {said} ({template})"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(&self.subject.to_string(), &self.path, &self.said.to_string()))
    }
}

/// A path without the keys that no object's key or field could be: fields, legal keys of labels and files, and directives
/// (`$patch`) stay.
fn brief_path(path: &str) -> String {
    strict::hide_names(path, |name| {
        let name = name.strip_prefix(['.', '$']).unwrap_or(name);
        is_qualified_name(name)
    })
}

/// What is wrong with the objects of one submission: the first few, and the count of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(pub Kept<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&answer(&self.0.to_string()))
    }
}

impl std::error::Error for Findings {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Words, expected, rule};

    fn finding(path: &str, template: &str, said: Statement) -> Finding {
        Finding {
            subject: Subject::object("Pod", "spark-pi-driver"),
            path: path.to_owned(),
            said,
            template: template.to_owned(),
            in_patch: None,
        }
    }

    #[test]
    fn what_is_no_name_is_hidden() {
        assert_eq!(Subject::object("Pod", "a.b-c").to_string(), "Pod/a.b-c");
        let hostile = Subject::object("Pod", "a\nPod/b: fine");
        assert_eq!(hostile.to_string(), "Pod/<redacted, 13 bytes>");
        assert_eq!(
            Subject::object("Pod", &"x".repeat(254)).to_string(),
            "Pod/<redacted, 254 bytes>"
        );
    }

    #[test]
    fn in_brief_a_finding_has_its_kind_and_no_value() {
        let said = expected(Words::own("the label ").value("hunter2")).shown("hunter2");
        let finding = finding("spec.x", "driver-pod.patch.yaml.j2", said);
        assert_eq!(
            finding.brief(),
            "Pod spec.x: expected the label … (driver-pod.patch.yaml.j2)"
        );
        let carried = Finding {
            subject: finding.subject.executor_template(),
            ..finding
        };
        assert_eq!(
            carried.likeness(),
            "executor pod template in Pod spec.x expected the label …"
        );
    }

    #[test]
    fn a_finding_is_one_line_that_names_object_path_and_template() {
        let lines = [
            finding("spec.imagee", "driver-pod.yaml.j2", rule("unknown field")),
            finding("", "", rule("unknown field")),
        ];
        assert_eq!(
            Findings(lines.into_iter().collect()).to_string(),
            "Pod/spark-pi-driver spec.imagee: unknown field (driver-pod.yaml.j2)\nPod/spark-pi-driver: unknown field"
        );
    }

    #[test]
    fn a_long_path_is_cut() {
        let path = |length| finding(&"x".repeat(length), "", rule("unknown field")).to_string();
        assert!(!path(PATH_CHARACTERS).contains('…'));
        let line = path(1 << 20);
        assert!(line.contains("x…: unknown field") && line.len() < 400, "{line}");
    }
}
