//! What a finding says about its place: `expected X, found Y; hint`.

use super::{Words, cut};
use crate::{
    limits::ANSWER_BYTES,
    redaction::{hidden_bytes, shown},
};
use std::{borrow::Cow, fmt};

/// What is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    says: Says,
    found: Found,
    hint: Option<Hint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    /// What is allowed there.
    Expected(Words),
    /// A rule that isn't about one value: `is used twice`.
    Rule(Words),
}

/// What was found, and how much of it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not shown: the statement says enough, or nothing may be shown.
    Unsaid,
    /// There is nothing, though something is needed.
    Nothing,
    /// Its kind or its count, in our own words: `a list`.
    Kind(Cow<'static, str>),
    /// A value that may be shown, quoted and cut.
    Shown(String),
    /// A value that may be a secret: its length in bytes.
    Hidden(usize),
    /// A name that may be shown, `=`, and a value that may not.
    Assignment(String, usize),
    /// A mistake that a parser named, and its line if known, from 1.
    Syntax(Words, Option<usize>),
}

/// What may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The known name that is most like the one that was found.
    Nearest(String),
    /// All names that are known there.
    Known(Cow<'static, str>),
    /// Advice.
    Advice(Words),
}

/// `expected X`.
pub(crate) fn expected(words: impl Into<Words>) -> Statement {
    Statement::new(Says::Expected(words.into()))
}

/// What is said of a field that is kept though Kubernetes' types here don't have it.
const NEWER_FIELD: &str = "unknown field, kept and sent (TEMPLATE_UNKNOWN_FIELDS=warn)";

/// What is said of a key that a mapping has twice; its line and column follow.
pub(crate) const KEY_TWICE: &str = "duplicate mapping key";

/// A rule in words of its own, where nothing single is expected: `is used twice`.
pub(crate) fn rule(words: impl Into<Words>) -> Statement {
    Statement::new(Says::Rule(words.into()))
}

impl Statement {
    fn new(says: Says) -> Self {
        Self {
            says,
            found: Found::Unsaid,
            hint: None,
        }
    }

    /// A statement whose text is somebody else's, or holds values: Spark's own message, say.
    pub(crate) fn foreign(text: impl Into<String>) -> Self {
        rule(Words::foreign(text))
    }

    /// What was found.
    #[must_use]
    pub(crate) fn found(self, found: Found) -> Self {
        Self { found, ..self }
    }

    /// There is nothing.
    #[must_use]
    pub(crate) fn nothing(self) -> Self {
        self.found(Found::Nothing)
    }

    /// What was found, by its kind or count in our own words.
    #[must_use]
    pub(crate) fn kind(self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.found(Found::Kind(kind.into()))
    }

    /// The value that was found, which may be shown.
    #[must_use]
    pub(crate) fn shown(self, value: &str) -> Self {
        self.found(Found::Shown(shown(value)))
    }

    /// The value that was found, which may not be shown.
    #[must_use]
    pub(crate) fn hidden(self, value: &str) -> Self {
        self.found(Found::Hidden(value.len()))
    }

    /// The same with the value that was hidden, where it turns out that it may be shown.
    #[must_use]
    pub(crate) fn revealed(self, value: &str) -> Self {
        match self.found {
            Found::Hidden(bytes) if bytes == value.len() => self.shown(value),
            _ => self,
        }
    }

    /// The name that was found: shown if it has the form of one, for else it may be anything.
    #[must_use]
    pub(crate) fn name(self, name: &str) -> Self {
        if is_name(name) {
            self.shown(name)
        } else {
            self.hidden(name)
        }
    }

    /// What was found, where exactly this was expected and the value may be shown.
    pub(crate) fn found_for(&self, wanted: &str) -> Option<&str> {
        match &self.found {
            Found::Shown(value) if self.expects(wanted) => Some(value),
            _ => None,
        }
    }

    /// Of a field that Kubernetes' types here don't have and that a template is to write all the same.
    pub(crate) fn newer_field(self) -> Self {
        Self {
            says: Says::Rule(NEWER_FIELD.into()),
            ..self
        }
    }

    /// Whether exactly this was expected.
    pub(crate) fn expects(&self, words: &str) -> bool {
        matches!(&self.says, Says::Expected(expected) if expected.are(words))
    }

    /// Whether what was expected begins with these words of ours.
    pub(crate) fn expects_some(&self, words: &str) -> bool {
        matches!(&self.says, Says::Expected(expected) if expected.begin_with(words))
    }

    /// Whether there is nothing where something is needed.
    pub(crate) fn found_nothing(&self) -> bool {
        self.found == Found::Nothing
    }

    /// Whether exactly this kind was found.
    pub(crate) fn found_kind(&self, wanted: &str) -> bool {
        matches!(&self.found, Found::Kind(kind) if kind == wanted)
    }

    /// Whether a parser found a mistake.
    pub(crate) fn is_syntax(&self) -> bool {
        matches!(self.found, Found::Syntax(..))
    }

    /// Whether it says that there is no such field.
    pub(crate) fn is_unknown_field(&self) -> bool {
        matches!(&self.says, Says::Rule(words) if words.are("unknown field"))
    }

    /// The same with all values hidden, for where one may have come from another key of the conf.
    #[must_use]
    pub(crate) fn without_values(self) -> Self {
        Self {
            says: match self.says {
                Says::Expected(words) => Says::Expected(words.without_values()),
                Says::Rule(words) => Says::Rule(words.without_values()),
            },
            found: match self.found {
                Found::Shown(_) => Found::Kind("<redacted>".into()),
                Found::Assignment(name, bytes) => Found::Hidden(name.len() + 1 + bytes),
                found => found,
            },
            hint: self.hint.map(|hint| match hint {
                Hint::Advice(words) => Hint::Advice(words.without_values()),
                hint => hint,
            }),
        }
    }

    /// What may help.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<Option<Hint>>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// Advice in words.
    #[must_use]
    pub(crate) fn advice(self, words: impl Into<Words>) -> Self {
        self.hint(Hint::Advice(words.into()))
    }

    /// Further advice, behind what may help already.
    #[must_use]
    pub(crate) fn further(self, words: Words) -> Self {
        let words = match &self.hint {
            None => words,
            Some(Hint::Advice(first)) => first.clone().and("; ").join(words),
            Some(first) => Words::foreign(first.to_string()).and("; ").join(words),
        };
        self.advice(words)
    }

    /// Whether a string is expected and another scalar was found, which quotes would make a string.
    pub(crate) fn wants_quotes(&self) -> bool {
        let unquoted = [
            "a boolean",
            "an integer",
            "a larger number",
            "a number with a fraction",
        ];
        self.expects("a string") && unquoted.iter().any(|kind| self.found_kind(kind))
    }

    /// The line of the text that a parser found a mistake in, from 1.
    pub(crate) fn line(&self) -> Option<usize> {
        match self.found {
            Found::Syntax(_, line) => line,
            _ => None,
        }
    }

    /// The same for where the line of the template stands before it: without line and column of the text that was written, and with the
    /// key that is there twice, if it may be shown.
    #[must_use]
    pub(crate) fn placed(self, key: Option<&str>) -> Self {
        let found = match self.found {
            Found::Syntax(words, line) => {
                let words = words.without_line();
                let words = match key {
                    Some(key) if words.are(KEY_TWICE) => words.and(" ").value(key),
                    _ => words,
                };
                Found::Syntax(words, line)
            }
            found => found,
        };
        Self { found, ..self }
    }

    /// Whether it says that a mapping has a key twice.
    pub(crate) fn is_key_twice(&self) -> bool {
        matches!(&self.found, Found::Syntax(words, _) if words.clone().without_line().are(KEY_TWICE))
    }

    /// The text without any value or name of the input: for `/readyz`, and to tell whether two findings are alike.
    pub(crate) fn brief(&self) -> String {
        let says = match &self.says {
            Says::Expected(words) => format!("expected {}", words.brief()),
            Says::Rule(words) => words.brief(),
        };
        let found = match &self.found {
            Found::Nothing | Found::Kind(_) => format!(", {}", self.found),
            Found::Syntax(mistake, _) if !mistake.are_foreign() => format!(", found {}", mistake.brief()),
            Found::Syntax(_, Some(line)) => format!(", found a mistake in line {line}"),
            _ => String::new(),
        };
        let hint = match &self.hint {
            Some(Hint::Advice(words)) => format!("; {}", words.brief()),
            Some(hint) => format!("; {hint}"),
            None => String::new(),
        };
        let text = says + &found + &hint;
        cut(&text, ANSWER_BYTES).into_owned()
    }
}

/// Whether a text has the form of a name of Kubernetes: at most 253 letters, digits, `-`, `_` and `.`.
pub(crate) fn is_name(text: &str) -> bool {
    let is_in_names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= 253 && text.bytes().all(is_in_names)
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match &self.says {
            Says::Expected(words) => format!("expected {words}"),
            Says::Rule(words) => words.to_string(),
        };
        let found = match &self.found {
            Found::Unsaid => String::new(),
            found => format!(", {found}"),
        };
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}"));
        let text = says + &found + &hint.unwrap_or_default();
        f.write_str(&cut(&text, ANSWER_BYTES))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => Ok(()),
            Self::Nothing => f.write_str("found nothing"),
            Self::Kind(kind) => write!(f, "found {kind}"),
            Self::Shown(value) => write!(f, "found {value}"),
            Self::Hidden(bytes) => write!(f, "found {}", hidden_bytes(*bytes)),
            Self::Assignment(name, bytes) => {
                write!(f, "found {name} followed by `=` and {}", hidden_bytes(*bytes))
            }
            Self::Syntax(mistake, _) => write!(f, "found {mistake}"),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(name) => write!(f, "did you mean `{name}`?"),
            Self::Known(names) => write!(f, "known here: {names}"),
            Self::Advice(words) => words.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PATH_CHARACTERS;

    #[test]
    fn one_grammar_for_all_statements() {
        let table = [
            (expected("a port"), "expected a port", "expected a port"),
            (
                expected("a port").nothing(),
                "expected a port, found nothing",
                "expected a port, found nothing",
            ),
            (
                expected("a list").kind("a mapping"),
                "expected a list, found a mapping",
                "expected a list, found a mapping",
            ),
            (
                expected("one of A, B").shown("hunter2"),
                "expected one of A, B, found `hunter2`",
                "expected one of A, B",
            ),
            (
                expected("a name").hidden("hunter2").advice("rename it"),
                "expected a name, found <redacted, 7 bytes>; rename it",
                "expected a name; rename it",
            ),
            (
                expected("a name").found(Found::Assignment(shown("A"), 3)),
                "expected a name, found `A` followed by `=` and <redacted, 3 bytes>",
                "expected a name",
            ),
            (
                expected("valid YAML")
                    .found(Found::Syntax(Words::foreign("a tab hunter2 at line 3"), Some(3))),
                "expected valid YAML, found a tab hunter2 at line 3",
                "expected valid YAML, found a mistake in line 3",
            ),
            (
                expected("valid YAML").found(Found::Syntax(Words::own("a key twice at line 3"), Some(3))),
                "expected valid YAML, found a key twice at line 3",
                "expected valid YAML, found a key twice at line 3",
            ),
            (
                rule("unknown field").hint(Hint::Nearest("image".to_owned())),
                "unknown field; did you mean `image`?",
                "unknown field; did you mean `image`?",
            ),
            (
                rule("unknown field").hint(Hint::Known("a, b".into())),
                "unknown field; known here: a, b",
                "unknown field; known here: a, b",
            ),
            (
                rule("is used twice").shown("hunter2"),
                "is used twice, found `hunter2`",
                "is used twice",
            ),
            (
                expected(
                    Words::own("the Pod's label ")
                        .value("hunter2")
                        .and(", as planned"),
                ),
                "expected the Pod's label `hunter2`, as planned",
                "expected the Pod's label …, as planned",
            ),
            (Statement::foreign("hunter2 says no"), "hunter2 says no", "…"),
            (
                rule("no").advice(Words::own("see ").value("hunter2")),
                "no; see `hunter2`",
                "no; see …",
            ),
            (
                rule("no").further(Words::own("from ").value("hunter2")),
                "no; from `hunter2`",
                "no; from …",
            ),
            (
                rule("no").advice("see a").further(Words::own("from b")),
                "no; see a; from b",
                "no; see a; from b",
            ),
            (
                rule("no")
                    .hint(Hint::Nearest("a".to_owned()))
                    .further(Words::own("from b")),
                "no; did you mean `a`?; from b",
                "no; …; from b",
            ),
        ];
        for (statement, text, brief) in table {
            assert_eq!(statement.to_string(), text);
            assert_eq!(statement.brief(), brief);
        }
    }

    #[test]
    fn without_values_none_is_left_and_our_words_are() {
        let said = expected(Words::own("the name ").value("hunter2")).shown("hunter2");
        let said = said.advice(Words::own("not ").value("hunter2")).without_values();
        assert_eq!(
            said.to_string(),
            "expected the name <redacted>, found <redacted>; not <redacted>"
        );
        let assigned = expected("a name").found(Found::Assignment(shown("hunter2"), 1));
        assert!(!assigned.without_values().to_string().contains("hunter2"));
    }

    #[test]
    fn a_name_is_shown_only_if_it_is_one() {
        assert_eq!(
            expected("x").name("a-b.c_D").to_string(),
            "expected x, found `a-b.c_D`"
        );
        for no_name in ["a b", "a/b", "p@ss", &"x".repeat(254)] {
            assert!(
                expected("x").name(no_name).to_string().contains("redacted"),
                "{no_name}"
            );
        }
    }

    #[test]
    fn a_long_word_of_another_text_is_cut() {
        let edge = format!("no type {} here", "x".repeat(PATH_CHARACTERS - 1));
        assert_eq!(Statement::foreign(edge.as_str()).to_string(), edge);
        let long = Statement::foreign(format!("no type `{}` here", "x".repeat(1 << 20))).to_string();
        assert!(
            long.starts_with("no type `xxx") && long.len() < 2 * PATH_CHARACTERS,
            "{long}"
        );
    }

    #[test]
    fn a_statement_has_a_most_length() {
        let edge = "x ".repeat(ANSWER_BYTES / 2);
        assert_eq!(Statement::foreign(edge.as_str()).to_string(), edge);
        let over = Statement::foreign(edge + "x").to_string();
        assert!(over.len() <= ANSWER_BYTES && over.ends_with('…'), "{over}");
    }
}
