//! What is wrong with rendered objects.

use crate::redaction::shown;
use std::fmt;

/// One thing that is wrong with one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The object, kind and name: `Pod/spark-pi-driver`. Its role (`pod-driver`) where the text isn't an object.
    pub object: String,
    /// Where in it, as in `spec.containers[0].image`; empty for the object as a whole.
    pub path: String,
    /// What is wrong and what is allowed. Never a value, unless its grammar is closed.
    pub message: String,
    /// The template that wrote the object, `driver-pod.yaml.j2`; empty where none did and one should have.
    pub template: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            path,
            message,
            template,
        } = self;
        let space = if path.is_empty() { "" } else { " " };
        // A path can have a key of any length in it.
        write!(f, "{object}{space}{path:.256}: {message}")?;
        if template.is_empty() {
            Ok(())
        } else {
            write!(f, " ({template})")
        }
    }
}

/// An object's kind and name; a name that isn't one is quoted and cut.
pub(super) fn object_name(kind: &str, name: &str) -> String {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if plain && name.len() <= 253 {
        format!("{kind}/{name}")
    } else {
        format!("{kind}/{}", shown(name))
    }
}

/// All that is wrong with the objects of one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        assert_eq!(object_name("Pod", "a.b-c"), "Pod/a.b-c");
        assert_eq!(object_name("Pod", "a\nPod/b: fine"), "Pod/`a\\nPod/b: fine`");
    }

    #[test]
    fn a_finding_is_one_line_that_names_object_path_and_template() {
        let finding = |path: &str, template: &str| Finding {
            object: "Pod/spark-pi-driver".to_owned(),
            path: path.to_owned(),
            message: "unknown field".to_owned(),
            template: template.to_owned(),
        };
        assert_eq!(
            Findings(vec![
                finding("spec.imagee", "driver-pod.yaml.j2"),
                finding("", "")
            ])
            .to_string(),
            "Pod/spark-pi-driver spec.imagee: unknown field (driver-pod.yaml.j2)\nPod/spark-pi-driver: unknown field"
        );
    }
}
