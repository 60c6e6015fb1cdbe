//! What is wrong with a template, for the admin who wrote it: template, line, the line's text, the message.
//!
//! The engine's own messages may quote values of the context, which may be secrets. So a message is built here
//! from the error's kind and place; of the engine's text only what is made of its own words is kept.

use super::{builtin, sources::Sources, typed::Unknown, vocabulary};
use crate::{finding::listed, kubernetes::Scalar, limits::FINDINGS};
use minijinja::{ErrorKind, value::Value, value::ValueKind};
use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Write as _, io};

/// What sort of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplateErrorKind {
    /// The file is no template: its name is unknown, it is empty, it isn't UTF-8.
    File,
    /// It doesn't compile.
    Syntax,
    /// It uses a variable or a field that isn't there.
    Undefined,
    /// It has a block that the template which it extends hasn't.
    Block,
    /// It ran out of its budget, depth or output size.
    Limit,
    /// It passed a limit of its render worker: memory, CPU, stack, or the length of all documents.
    Exceeded,
    /// An admin's policy, `refuse("text")`: no defect.
    Refused,
    /// Everything else that fails while it is rendered.
    Render,
}

/// One error of one template.
///
/// Displayed it has the template's source line, never a value; [`TemplateError::brief`] has neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", self.full())]
pub struct TemplateError {
    /// What sort of error.
    pub kind: TemplateErrorKind,
    /// The template's name: a file's name, or one under `builtin/`.
    pub template: String,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// What is wrong, without values.
    pub message: String,
    /// The text of the line.
    pub source_line: Option<Box<SourceLine>>,
    /// What could be meant instead, for a variable that isn't there: names with their types.
    pub in_reach: Box<[String]>,
    /// The templates that lead there by `include` or `super()`, the outermost first.
    pub via: Vec<ErrorPlace>,
}

/// A line of a template, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLine {
    /// The text, cut if it is long.
    pub text: String,
    /// What of it the error is about: columns in characters, from 0.
    pub columns: std::ops::Range<usize>,
}

/// A place in a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorPlace {
    /// The template's name.
    pub template: String,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl TemplateError {
    /// An error of a file as a whole, or of one of its lines.
    pub(crate) fn new(kind: TemplateErrorKind, template: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            template: template.to_owned(),
            line: None,
            message: message.into(),
            source_line: None,
            in_reach: Box::default(),
            via: Vec::new(),
        }
    }

    /// Points at a place in the template's text.
    pub(crate) fn at(mut self, source: &str, line: usize, bytes: Option<std::ops::Range<usize>>) -> Self {
        self.line = Some(line);
        self.source_line = excerpt(source, line, bytes).map(Box::new);
        self
    }

    /// From an error that the engine met while it compiled `source`: there are no values yet.
    pub(crate) fn compiling(template: &str, source: &str, error: &minijinja::Error) -> Self {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        let line = error
            .line()
            .and_then(|line| source.lines().nth(line.checked_sub(1)?));
        let message = match line {
            Some(line) if is_of_go(line) => format!(
                "{message}; templates are Jinja, not Go's: no dot before a variable, as in `{{{{ application.name }}}}`"
            ),
            _ => message,
        };
        let new = Self::new(TemplateErrorKind::Syntax, template, message);
        match error.line() {
            Some(line) => new.at(source, line, error.range()),
            None => new,
        }
    }

    /// From an error that the engine met while it rendered `template` with `context`.
    pub(crate) fn rendering(
        template: &str,
        sources: &Sources,
        context: &Value,
        error: &minijinja::Error,
    ) -> Self {
        let mut place = error;
        let mut via = Vec::new();
        let mut cause = None;
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = next {
            let inner = current.downcast_ref::<minijinja::Error>();
            if let Some(inner) = inner.filter(|inner| !std::ptr::eq(*inner, place)) {
                via.extend(place.name().map(|name| ErrorPlace {
                    template: sources.full_name(name),
                    line: place.line(),
                }));
                place = inner;
            }
            // An I/O error's own source skips what it was made of.
            let inner = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let found = inner.map_or_else(|| current.downcast_ref(), |inner| inner.downcast_ref());
            cause = found.or(cause);
            next = current.source();
        }
        let known_as = place.name().unwrap_or(template);
        let name = sources.full_name(known_as);
        let source = sources.get(known_as).unwrap_or_default();
        let failing = place
            .range()
            .and_then(|range| source.get(range))
            .unwrap_or_default();
        let (kind, mut message) = describe(place, cause, source, failing);
        if kind == TemplateErrorKind::Render
            && let Some(named) = place.line().and_then(|line| named_template(source, line))
        {
            message = about_named(place, named, &name, sources).unwrap_or(message);
        }
        let mut new = Self::new(kind, &name, message);
        new.via = via;
        if let Some(line) = place.line() {
            new = new.at(source, line, place.range());
        }
        if kind == TemplateErrorKind::Undefined {
            let name = vocabulary::undefined_name(place);
            new.in_reach = vocabulary::in_reach(context, name.as_deref()).into();
        }
        new
    }

    /// From a field that a template read and that there can't be; and from what came of it, if that ended the render.
    pub(crate) fn unknown(template: &str, sources: &Sources, unknown: &Unknown, error: Option<Self>) -> Self {
        let is_there = |error: &Self| {
            let line = error.source_line.as_ref();
            line.is_some_and(|line| vocabulary::place_of(&line.text, &unknown.name).is_some())
        };
        if let Some(error) = error.filter(is_there) {
            return Self {
                kind: TemplateErrorKind::Undefined,
                message: unknown.message(true),
                in_reach: Box::default(),
                ..error
            };
        }
        let mut places = std::iter::once(template)
            .chain(sources.names())
            .filter_map(|name| {
                let source = sources.get(name)?;
                Some((name, source, vocabulary::place_of(source, &unknown.name)?))
            });
        match places.next() {
            Some((name, source, bytes)) => {
                let line = source[..bytes.start].matches('\n').count() + 1;
                let message = unknown.message(true);
                Self::new(TemplateErrorKind::Undefined, &sources.full_name(name), message).at(
                    source,
                    line,
                    Some(bytes),
                )
            }
            None => {
                let message = unknown.message(false);
                Self::new(
                    TemplateErrorKind::Undefined,
                    &sources.full_name(template),
                    message,
                )
            }
        }
    }

    /// What is wrong and where, without the template's source, and without the words of a refusal, which may hold values:
    /// for `/readyz`.
    pub fn brief(&self) -> String {
        match self.kind {
            TemplateErrorKind::Refused => format!("{}: refused by the template", self.place()),
            _ => match self.own_place() {
                Some(own) => format!(
                    "{}: {} (in {})",
                    place(&own.template, own.line),
                    self.message,
                    self.place()
                ),
                None => self.headline(),
            },
        }
    }

    /// The innermost template of an admin's that led into the built-in one which has the error.
    fn own_place(&self) -> Option<&ErrorPlace> {
        let is_own = |name: &str| !name.starts_with(builtin::PREFIX);
        let mut callers = self.via.iter().rev();
        callers.find(|place| !is_own(&self.template) && is_own(&place.template))
    }

    /// The admin's words, where it is a refusal.
    pub fn refusal(&self) -> Option<&str> {
        let refused = self.kind == TemplateErrorKind::Refused;
        refused.then(|| self.message.strip_prefix(REFUSED).unwrap_or(&self.message))
    }

    /// What is wrong and where.
    fn headline(&self) -> String {
        format!("{}: {}", self.place(), self.message)
    }

    fn place(&self) -> String {
        place(&self.template, self.line)
    }

    fn full(&self) -> String {
        let mut text = self.headline();
        if let (Some(line), Some(source)) = (self.line, &self.source_line) {
            let gutter = line.to_string().len();
            let (start, marker) = (source.columns.start, "^".repeat(source.columns.len()));
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{line} | {}", source.text);
            if !marker.is_empty() {
                let _ = write!(text, "\n{:gutter$} | {:start$}{marker}", "", "");
            }
        }
        for place in self.via.iter().rev() {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            let _ = write!(text, "\nused by {}{line}", place.template);
        }
        if !self.in_reach.is_empty() {
            let _ = write!(text, "\nin reach: {}", self.in_reach.join(", "));
        }
        text
    }
}

fn place(template: &str, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{template}:{line}"),
        None => template.to_owned(),
    }
}

/// Everything that is wrong with the files of a template set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", joined(.0, ToString::to_string))]
pub struct LoadError(pub Vec<TemplateError>);

impl LoadError {
    /// All errors, one a line, without the templates' text.
    pub fn brief(&self) -> String {
        joined(&self.0, TemplateError::brief)
    }
}

fn joined(errors: &[TemplateError], text: impl Fn(&TemplateError) -> String) -> String {
    let kept: Vec<_> = errors.iter().take(FINDINGS).map(text).collect();
    listed(&kept, errors.len() - kept.len())
}

/// What makes numbers of values that are to be compared by size.
const MAKES_NUMBERS: &str = "use cpu(x), bytes(x) or number(x, default)";

/// Why a field of an object is not compared by size; `path` is how the template names it.
pub(crate) fn unordered_field(path: &str) -> String {
    format!("`{path}`: expected two numbers to compare by size, found a field of an object; {MAKES_NUMBERS}")
}

/// Why a text is not compared by size; `words` are the template's.
pub(crate) fn unordered_text(words: &str) -> String {
    format!("`{words}`: expected two numbers to compare by size, found a text; {MAKES_NUMBERS}")
}

/// Why a field of this kind is not compared with a constant of another kind; both are in the template's words.
pub(crate) fn unequal(field: &str, kind: Scalar, constant: &str) -> String {
    let (what, advice) = match kind {
        Scalar::Boolean => ("true or false", format!("ask with `{{% if {field} %}}`")),
        Scalar::Number => ("a number", "write it without quotes".to_owned()),
        Scalar::Text | Scalar::Any => ("a text", "write it in quotes".to_owned()),
    };
    format!("`{field}` is {what}, and never equal to {constant}; {advice}")
}

/// What the message of a refusal begins with.
const REFUSED: &str = "refused: ";

/// What our own part of the engine found wrong. Travels as the source of the engine's error.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Refused(String),
    Nothing,
    Invalid,
    TooDeep,
    NotFinite,
    NotAValue(ValueKind),
    NotAKey(ValueKind),
    TooLarge(usize),
    TooSlow(std::time::Duration),
    /// A field or a variable that can't be there.
    Unknown(Unknown),
    /// Values of these kinds, which are not two numbers, were compared by size.
    Unordered(&'static str, &'static str),
    /// A function expected this as its argument, and found a value of this kind.
    Argument(&'static str, &'static str, &'static str),
    /// A function got nothing, and no default for it.
    NoNumber(&'static str),
    /// The context has this version, and the template was made for others.
    Context(u32),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => write!(f, "{REFUSED}{text}"),
            Self::Nothing => {
                f.write_str("nothing to print here: the value is undefined, or an `if` has no `else`")
            }
            Self::Invalid => f.write_str("the value could not be computed"),
            Self::TooDeep => f.write_str("the value is nested too deeply"),
            Self::NotFinite => f.write_str("NaN and infinity have no JSON form"),
            Self::NotAValue(kind) => write!(
                f,
                "a value of type {kind} has no JSON form (is a call's `()` missing?)"
            ),
            Self::NotAKey(kind) => write!(f, "a value of type {kind} can't be a map's key"),
            Self::TooLarge(most) => write!(f, "the document grew over {most} bytes"),
            Self::TooSlow(most) => {
                let most = most.as_secs_f64();
                write!(f, "the documents of one submission took over {most} s")
            }
            // The name may be a user's value.
            Self::Unknown(unknown) => f.write_str(&unknown.message(false)),
            Self::Unordered(left, right) => write!(
                f,
                "expected two numbers to compare by size, found {left} and {right}; {MAKES_NUMBERS}"
            ),
            Self::Argument(function, wanted, found) => {
                write!(f, "{function}(): expected {wanted}, found {found}")
            }
            Self::NoNumber(function) => write!(
                f,
                "{function}(): expected a value, found nothing; give it a default, as in `{function}(x, 0)`"
            ),
            Self::Context(version) => write!(
                f,
                "this template requires another version of the context: it is {version} here"
            ),
        }
    }
}

impl std::error::Error for Cause {}

impl From<Cause> for minijinja::Error {
    fn from(cause: Cause) -> Self {
        let kind = match cause {
            Cause::TooLarge(_) | Cause::TooSlow(_) => ErrorKind::WriteFailure,
            Cause::Refused(_)
            | Cause::Context(_)
            | Cause::Unknown(_)
            | Cause::Unordered(..)
            | Cause::Argument(..)
            | Cause::NoNumber(_) => ErrorKind::InvalidOperation,
            _ => ErrorKind::BadSerialization,
        };
        Self::from(kind).with_source(cause)
    }
}

fn describe(
    error: &minijinja::Error,
    cause: Option<&Cause>,
    source: &str,
    failing: &str,
) -> (TemplateErrorKind, String) {
    if let Some(cause) = cause {
        let kind = match cause {
            Cause::Refused(_) => TemplateErrorKind::Refused,
            Cause::TooLarge(_) | Cause::TooSlow(_) => TemplateErrorKind::Limit,
            Cause::Nothing | Cause::Unknown(_) => TemplateErrorKind::Undefined,
            _ => TemplateErrorKind::Render,
        };
        let message = match cause {
            Cause::Unknown(unknown) => unknown.message(vocabulary::mentions(source, &unknown.name)),
            _ => cause.to_string(),
        };
        return (kind, message);
    }
    match error.kind() {
        ErrorKind::UndefinedError => {
            let name = vocabulary::undefined_name(error);
            let message = name.map_or("undefined value".to_owned(), |name| {
                format!("`{name}` is undefined")
            });
            (TemplateErrorKind::Undefined, message)
        }
        ErrorKind::OutOfFuel => (
            TemplateErrorKind::Limit,
            "too much work for one document: is there a loop without end?".to_owned(),
        ),
        ErrorKind::TemplateNotFound => (
            TemplateErrorKind::Render,
            "no such template in this set".to_owned(),
        ),
        kind => {
            let detail = error
                .detail()
                .filter(|detail| vocabulary::is_harmless(detail, failing));
            let recursion = detail.is_some_and(|detail| detail.contains("recursion limit"));
            let mut message = detail.map_or(kind.to_string(), |detail| format!("{kind}: {detail}"));
            if let Some(advice) = detail.and_then(vocabulary::advice) {
                let _ = write!(message, " ({advice})");
            }
            let kind = if recursion {
                TemplateErrorKind::Limit
            } else {
                TemplateErrorKind::Render
            };
            (kind, message)
        }
    }
}

/// Whether a tag of a line is one of Go's templates, as helm has them: `{{ .Values.x }}`, `{{ include "x" . }}`.
fn is_of_go(line: &str) -> bool {
    line.split("{{").skip(1).any(|tag| {
        let tag = tag.split("}}").next().unwrap_or_default();
        tag.split_whitespace()
            .any(|word| word == "." || word.starts_with('.') && word[1..].starts_with(char::is_alphabetic))
    })
}

/// The template that a line names in quotes, by `extends`, `include` or another tag.
fn named_template(source: &str, line: usize) -> Option<&str> {
    let text = source.lines().nth(line.checked_sub(1)?)?;
    let (_, quoted) = text.split_once(['"', '\''])?;
    quoted.split(['"', '\'']).next()
}

/// What is wrong with a template that another one names: it is the same one, or there is none of that name.
fn about_named(error: &minijinja::Error, named: &str, template: &str, sources: &Sources) -> Option<String> {
    let file = template.rsplit('/').next().unwrap_or(template);
    let is_builtin = |name: &str| builtin::SOURCES.iter().any(|(known, _)| *known == name);
    let is_cycle = error
        .detail()
        .is_some_and(|detail| detail.contains("cycle in template inheritance"));
    if is_cycle && is_builtin(file) {
        return Some(format!(
            "this template extends itself; write `{{% extends \"{}{file}\" %}}` to extend the built-in one",
            builtin::PREFIX
        ));
    }
    if error.kind() != ErrorKind::TemplateNotFound {
        return None;
    }
    let builtins = builtin::SOURCES
        .iter()
        .map(|(name, _)| format!("{}{name}", builtin::PREFIX));
    let known: Vec<_> = builtins.chain(sources.names().map(str::to_owned)).collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let near = vocabulary::nearest(named, &known)?;
    Some(format!("no such template in this set; did you mean `{near}`?"))
}

/// The longest line of a template that is shown, in characters.
const SHOWN_LINE: usize = 160;

fn excerpt(source: &str, line: usize, bytes: Option<std::ops::Range<usize>>) -> Option<SourceLine> {
    let mut start = 0;
    let mut lines = source.split_inclusive('\n');
    for _ in 1..line {
        start += lines.next()?.len();
    }
    let text = lines.next()?.trim_end_matches(['\r', '\n']);
    let cut: String = text
        .chars()
        .take(SHOWN_LINE)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let column = |byte: usize| {
        let byte = byte.saturating_sub(start).min(text.len());
        text.char_indices()
            .take_while(|(index, _)| *index < byte)
            .count()
            .min(SHOWN_LINE)
    };
    let columns = bytes.map_or(0..0, |bytes| column(bytes.start)..column(bytes.end));
    Some(SourceLine { text: cut, columns })
}
