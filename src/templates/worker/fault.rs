//! Why a render worker gave no answer.

use super::{MOST_ANSWER, MOST_CPU, MOST_HEAP, MOST_TIME};
use crate::templates::{TemplateError, TemplateErrorKind};
use std::fmt;

/// A limit of a render worker that a template passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    Memory,
    Cpu,
    /// The stack: values that are nested very deeply.
    Stack,
    /// The length of all documents together.
    Answer,
    /// The clock, which the machine's load may be to blame for.
    Time,
}

impl Limit {
    /// The limit as a metric's label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Stack => "stack",
            Self::Answer => "output",
            Self::Time => "time",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: usize = 1 << 20;
        match self {
            Self::Memory => write!(f, "passed its limit of {} MiB of memory", MOST_HEAP / MIB),
            Self::Cpu => write!(f, "passed its limit of {} s of CPU", MOST_CPU.as_secs()),
            Self::Stack => f.write_str("passed its limit of stack: a value is nested too deeply"),
            Self::Answer => write!(
                f,
                "passed its limit of {} MiB for the documents of one submission",
                MOST_ANSWER / MIB
            ),
            Self::Time => write!(f, "passed its limit of {} s", MOST_TIME.as_secs()),
        }
    }
}

/// Why a worker gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A template passed a limit; which one wrote at that time, if that is known.
    Passed(Limit, Option<String>),
    /// It ended in another way that follows from its templates, such as a signal for a defect.
    Crashed(Option<String>),
    /// It was killed by somebody else, or couldn't be talked to.
    Lost(String),
}

impl Fault {
    /// The limit that a template itself passed.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Passed(Limit::Time, _) | Self::Crashed(_) | Self::Lost(_) => None,
            Self::Passed(limit, _) => Some(*limit),
        }
    }

    /// Whether the set that caused it gets only one worker at a time for a while.
    pub(super) fn is_suspect(&self) -> bool {
        !matches!(self, Self::Lost(_))
    }

    /// As the error of a template of the set of this name.
    pub(super) fn of_template(&self, set: &str) -> TemplateError {
        let named = |template: &Option<String>| template.clone().unwrap_or_else(|| set.to_owned());
        let (kind, template, message) = match self {
            Self::Passed(limit, template) => {
                (TemplateErrorKind::Exceeded, named(template), limit.to_string())
            }
            Self::Crashed(template) => (
                TemplateErrorKind::Render,
                named(template),
                "the render worker ended on it: a defect of the template engine".to_owned(),
            ),
            Self::Lost(why) => (TemplateErrorKind::Limit, set.to_owned(), why.clone()),
        };
        TemplateError::new(kind, &template, message)
    }
}

/// Nothing was rendered, and it is no fault of the templates: the same submission may succeed later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; retry later")]
pub struct WorkerUnavailable(pub(super) String);

/// Why a submission was not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A template failed on it.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// No render worker served it.
    #[error(transparent)]
    Unavailable(#[from] WorkerUnavailable),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_names_the_template_and_the_limit() {
        let passed = |limit, template: Option<&str>| Fault::Passed(limit, template.map(str::to_owned));
        let lost = Fault::Lost("the render worker ended: signal: 9 (SIGKILL)".to_owned());
        for (fault, says) in [
            (
                passed(Limit::Memory, Some("a.yaml.j2")),
                "a.yaml.j2: passed its limit of 48 MiB of memory",
            ),
            (passed(Limit::Cpu, None), "team: passed its limit of 2 s of CPU"),
            (
                passed(Limit::Stack, None),
                "team: passed its limit of stack: a value is nested too deeply",
            ),
            (
                passed(Limit::Answer, None),
                "team: passed its limit of 8 MiB for the documents of one submission",
            ),
            (passed(Limit::Time, None), "team: passed its limit of 10 s"),
            (
                Fault::Crashed(None),
                "team: the render worker ended on it: a defect of the template engine",
            ),
            (lost, "team: the render worker ended: signal: 9 (SIGKILL)"),
        ] {
            assert_eq!(fault.of_template("team").brief(), says);
        }
    }
}
