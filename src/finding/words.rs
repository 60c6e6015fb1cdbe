//! Our own words, and the values of others between them.

use super::short_words;
use crate::{limits::PATH_CHARACTERS, redaction::shown};
use std::{borrow::Cow, fmt};

/// A phrase of our own, with the places marked where a value of somebody else stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Own(Cow<'static, str>),
    /// As it may be shown: quoted and cut.
    Value(String),
    /// A text that may have values in it, of which it was decided before that they may be shown.
    Foreign(String),
}

impl Words {
    /// Words of our own: nothing in them comes from an input.
    pub fn own(text: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Piece::Own(text.into())])
    }

    /// Further words of our own.
    #[must_use]
    pub fn and(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Piece::Own(text.into()));
        self
    }

    /// A value that may be shown to its sender; `Words::brief` leaves it out.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        self.0.push(Piece::Value(shown(value)));
        self
    }

    /// The same words with these behind them.
    #[must_use]
    pub(crate) fn join(mut self, words: Self) -> Self {
        self.0.extend(words.0);
        self
    }

    /// Text that may hold names and values, which are cut where they are long; `Words::brief` leaves it out.
    #[must_use]
    pub(crate) fn foreign(text: impl Into<String>) -> Self {
        let text = text.into();
        let is_short = text.len() <= PATH_CHARACTERS;
        Self(vec![Piece::Foreign(if is_short {
            text
        } else {
            short_words(&text, PATH_CHARACTERS)
        })])
    }

    /// The words without the values.
    pub(crate) fn brief(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Own(text) => text.clone(),
            Piece::Value(_) | Piece::Foreign(_) => Cow::Borrowed("…"),
        };
        self.0.iter().map(piece).collect()
    }

    /// The same with all values hidden.
    #[must_use]
    pub(crate) fn without_values(mut self) -> Self {
        for piece in &mut self.0 {
            if let Piece::Value(text) = piece {
                "<redacted>".clone_into(text);
            }
        }
        self
    }

    /// Whether a text of somebody else is among them.
    pub(crate) fn are_foreign(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Foreign(_)))
    }

    /// Without the line, and the column, that they end with.
    #[must_use]
    pub(crate) fn without_line(mut self) -> Self {
        let is_place = |rest: &str| {
            let words = rest.split(", column ");
            words
                .clone()
                .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if let Some(Piece::Own(Cow::Owned(text)) | Piece::Foreign(text)) = self.0.last_mut()
            && let Some((before, rest)) = text.rsplit_once(" at line ")
            && is_place(rest)
        {
            *text = before.to_owned();
        }
        self
    }

    /// Whether they begin with these words of ours.
    pub(crate) fn begin_with(&self, text: &str) -> bool {
        matches!(self.0.first(), Some(Piece::Own(own)) if own.starts_with(text))
    }

    /// Whether these are exactly these words of ours.
    pub(crate) fn are(&self, text: &str) -> bool {
        matches!(self.0.as_slice(), [Piece::Own(own)] if own == text)
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        Self::own(text)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Own(text) => f.write_str(text),
            Piece::Value(text) | Piece::Foreign(text) => f.write_str(text),
        })
    }
}
