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

/// Words of ours that stand quoted in messages.
const OWN_WORDS: [&str; 5] = ["$patch", "delete", "replace", "$patch: delete", "$patch: replace"];

/// What stands before a quoted name that is Kubernetes' or the plan's, and not what a template wrote.
const BEFORE_OWN: [&str; 3] = [
    "did you mean ",
    "is known by its ",
    "must have the driver container, ",
];

impl Finding {
    /// The object's kind, path and rule, and the template: no value that the template wrote, a name neither. For `/readyz`.
    pub(crate) fn brief(&self) -> String {
        let kind = self.object.split('/').next().unwrap_or_default();
        Self {
            object: kind.to_owned(),
            message: without_quotes(&self.message),
            ..self.clone()
        }
        .to_string()
    }
}

/// A message without what it quotes, from the first quote to the last: a quoted value may have quotes in it.
fn without_quotes(message: &str) -> String {
    let own = |(at, quoted): (usize, &str)| {
        let before = &message[..at];
        OWN_WORDS.contains(&quoted) || BEFORE_OWN.iter().any(|words| before.ends_with(words))
    };
    let mut rest = 0;
    while let Some((start, quoted)) = quoted_from(message, rest) {
        if !own((start, quoted)) {
            let last = message.rfind('`').unwrap_or(start);
            let (before, after) = (&message[..start], &message[last + 1..]);
            let before = ["found ", ": "]
                .iter()
                .find_map(|end| before.strip_suffix(end))
                .unwrap_or(before);
            let before = before.trim_end().trim_end_matches([',', ';', ':']);
            return if after.is_empty() {
                before.to_owned()
            } else {
                format!("{before} …{after}")
            };
        }
        rest = start + quoted.len() + 2;
    }
    message.to_owned()
}

/// The next quoted piece from `from` on, and where its quote begins.
fn quoted_from(message: &str, from: usize) -> Option<(usize, &str)> {
    let start = from + message.get(from..)?.find('`')?;
    let text = &message[start + 1..];
    let end = text.find('`').unwrap_or(text.len());
    Some((start, &text[..end]))
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
    fn in_brief_a_finding_quotes_nothing_but_our_own_words() {
        for (message, brief) in [
            (
                "unknown field; did you mean `image`?",
                "unknown field; did you mean `image`?",
            ),
            (
                "`$patch` must be `delete` or `replace`",
                "`$patch` must be `delete` or `replace`",
            ),
            (
                "must be one of Always, Never, found `hunter2`",
                "must be one of Always, Never",
            ),
            ("must be a name; found `hun` `ter2`", "must be a name"),
            ("label key `hunter2` is too long", "label key … is too long"),
            (
                "there is no such volume in spec.volumes: `hunter2`",
                "there is no such volume in spec.volumes",
            ),
            ("must be `a`; did you mean `hunter2`?", "must be …?"),
            (
                "must not exceed 3 bytes, found 4",
                "must not exceed 3 bytes, found 4",
            ),
            ("must be found `", "must be"),
        ] {
            let finding = Finding {
                object: "Pod/hunter2".to_owned(),
                path: "spec.x".to_owned(),
                message: message.to_owned(),
                template: "driver-pod.patch.yaml.j2".to_owned(),
            };
            let expected = format!("Pod spec.x: {brief} (driver-pod.patch.yaml.j2)");
            assert_eq!(finding.brief(), expected);
        }
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
