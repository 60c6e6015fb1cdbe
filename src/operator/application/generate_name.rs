//! A name for an application that has a `generateName` alone, as the API server would give it one.

use super::SparkApplication;
use crate::spark::submission::SubmissionId;
use sha2::{Digest, Sha256};

/// The letters and digits of the API server's names: none that makes a word or is taken for another.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// How many of them are appended.
const APPENDED: usize = 5;

/// The most of a `generateName` that is kept: a name has 63 characters.
const LONGEST_STEM: usize = 63 - APPENDED;

impl SparkApplication {
    /// Gives the application a name, if it has none and a `generateName`. The name follows from the submission id, so that the
    /// same submission has the same name.
    pub fn generate_name(&mut self, id: &SubmissionId) {
        let has_name = self.metadata.name.as_ref().is_some_and(|name| !name.is_empty());
        let stem = self.metadata.generate_name.take().unwrap_or_default();
        if has_name || stem.is_empty() {
            return;
        }
        let stem: String = stem.chars().take(LONGEST_STEM).collect();
        let digest = Sha256::digest(id.as_str());
        let appended = digest.iter().take(APPENDED);
        let appended = appended.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        self.metadata.name = Some(stem + &appended.collect::<String>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::application::{UnknownFields, parse};

    fn named(metadata: &str, id: &str) -> Option<String> {
        let text = format!(
            "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {metadata}\n\
             spec: {{driver: {{}}, executor: {{}}}}\n"
        );
        let mut application = parse(&text, UnknownFields::Refuse).unwrap().application;
        application.generate_name(&SubmissionId::new(id).unwrap());
        application.metadata.name
    }

    #[test]
    fn a_generated_name_follows_from_the_submission_id() {
        let name = named("{generateName: pi-}", "a").unwrap();
        assert!(name.starts_with("pi-") && name.len() == 8, "{name}");
        assert_eq!(named("{generateName: pi-}", "a").unwrap(), name);
        assert_ne!(named("{generateName: pi-}", "b").unwrap(), name);
        assert_eq!(named("{name: pi, generateName: pi-}", "a").unwrap(), "pi");
        let long = format!("{{generateName: {}}}", "x".repeat(80));
        assert_eq!(named(&long, "a").unwrap().len(), 63);
        assert_eq!(named("{namespace: jobs}", "a"), None);
    }
}
