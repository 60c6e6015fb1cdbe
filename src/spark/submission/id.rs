//! The id of a submission.

use super::refusal::Refusal;
use crate::{
    finding::{Words, expected},
    kubernetes::grammar::is_label_value,
    limits::SUBMISSION_ID_CHARACTERS,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The caller's id for one attempt to run an application. Never empty, and a valid label value, because the
/// operator finds its pods by it (label `sparkoperator.k8s.io/submission-id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubmissionId(String);

impl TryFrom<String> for SubmissionId {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        Self::new(&text)
    }
}

impl From<SubmissionId> for String {
    fn from(id: SubmissionId) -> Self {
        id.0
    }
}

impl SubmissionId {
    /// Takes `text` if it can be a submission id.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            let said = expected("an id").kind("an empty text");
            let said = said.advice("it identifies the attempt and makes a retry safe");
            return Err(Refusal::saying("submission_id", said));
        }
        if text.len() > SUBMISSION_ID_CHARACTERS || !is_label_value(text) {
            let said = expected(Words::own(format!(
                "a label value: at most {SUBMISSION_ID_CHARACTERS} of letters, digits, '-', '_' and '.', with a letter \
                 or digit at both ends (a UUID is one)"
            )));
            return Err(Refusal::saying("submission_id", said.hidden(text)));
        }
        Ok(Self(text.to_owned()))
    }

    /// The id of things that are only looked at: `render`, `context`, `diff` and golden files.
    pub fn nil() -> Self {
        Self(uuid::Uuid::nil().to_string())
    }

    /// A fresh random id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_must_be_a_label_value() {
        assert!(SubmissionId::new("4e579d9e-922f-50bb-b6ab-2a35f331a337").is_ok());
        assert!(SubmissionId::new(&"x".repeat(SUBMISSION_ID_CHARACTERS)).is_ok());
        for wrong in ["", "-a", "a-", "a b", "é", &"x".repeat(64)] {
            assert!(SubmissionId::new(wrong).is_err(), "{wrong}");
        }
    }
}
