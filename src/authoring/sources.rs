//! The files of a template directory, and where in them something comes from.

use super::{
    finding::{Level, Rule, ShownLine, TemplateFinding},
    rendered::cut,
};
use crate::templates::{
    ALWAYS, DEFAULT_SET, ErrorPlace, Files, MacroUses, Parts, TemplateOutline, builtin_sources, is_template,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Under this name the built-in templates are in reach of overrides.
pub(super) const BUILTIN: &str = "builtin/";

/// The templates of a set that are text: its own and the default set's, by the names that messages have for them.
#[derive(Debug)]
pub(super) struct Sources {
    directory: PathBuf,
    /// The folder of a named set, with a slash; empty for the default set.
    folder: String,
    texts: BTreeMap<String, String>,
    /// Read for the first finding that is in a macro.
    macros: OnceLock<MacroUses>,
    /// How often all templates were read for their macros.
    #[cfg(test)]
    reads: std::sync::atomic::AtomicUsize,
}

impl Sources {
    /// Of the files of a set and of the default set that it builds on, those that are text.
    pub(super) fn new(directory: &Path, set: &str, files: &Files, default: &Files, always: &Files) -> Self {
        let folder = match set {
            DEFAULT_SET => String::new(),
            set => format!("{set}/"),
        };
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).ok();
        let own = files
            .iter()
            .map(|(name, bytes)| (format!("{folder}{name}"), bytes));
        let default = default.iter().map(|(name, bytes)| (name.clone(), bytes));
        let always = always
            .iter()
            .map(|(name, bytes)| (format!("{ALWAYS}/{name}"), bytes));
        Self {
            directory: directory.to_owned(),
            texts: default
                .chain(own)
                .chain(always)
                .filter_map(|(name, bytes)| Some((name, text(bytes)?)))
                .collect(),
            folder,
            macros: OnceLock::new(),
            #[cfg(test)]
            reads: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// The same by names alone, for messages to those who don't have the directory.
    pub(super) fn by_names(parts: Parts<'_>) -> Self {
        Self::new(
            Path::new(""),
            parts.name,
            parts.files,
            parts.default,
            parts.always,
        )
    }

    /// The first places that call the macro which has this line of a template.
    pub(super) fn callers(&self, template: &str, line: usize, most: usize) -> Vec<ErrorPlace> {
        let macros = self.macros.get_or_init(|| {
            #[cfg(test)]
            self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            MacroUses::of(self.iter())
        });
        macros.at(template, line, most)
    }

    /// Name and text of each template.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter(|(name, _)| is_template(name))
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Name and text of each of the set's own.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| self.is_own(name))
    }

    /// Whether a template is of the layer that applies to every set.
    pub(super) fn is_of_always(name: &str) -> bool {
        name.strip_prefix(ALWAYS)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a template is the set's own. The layer that applies to every set is looked at with the default set.
    pub(super) fn is_own(&self, name: &str) -> bool {
        match self.folder.as_str() {
            "" => !name.starts_with(BUILTIN),
            folder => name.starts_with(folder),
        }
    }

    /// The name of a file within its folder.
    pub(super) fn file_name<'n>(&self, name: &'n str) -> &'n str {
        if self.folder.is_empty() {
            name.strip_prefix(ALWAYS)
                .and_then(|rest| rest.strip_prefix('/'))
                .unwrap_or(name)
        } else {
            name.strip_prefix(&self.folder).unwrap_or(name)
        }
    }

    /// What messages call the template that `user` names, `{% extends "…" %}`.
    pub(super) fn named_by(&self, user: &str, name: &str) -> String {
        let of_always = format!("{ALWAYS}/{name}");
        if Self::is_of_always(user) && self.texts.contains_key(&of_always) {
            of_always
        } else {
            self.named(name)
        }
    }

    /// What messages call the template of this name.
    pub(super) fn named(&self, name: &str) -> String {
        let own = format!("{}{name}", self.folder);
        if self.texts.contains_key(&own) {
            own
        } else {
            name.strip_prefix("default/").unwrap_or(name).to_owned()
        }
    }

    /// The text of a file.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The path of a file as it is shown; a built-in template has its name alone.
    pub(super) fn path(&self, template: &str) -> String {
        if template.starts_with(BUILTIN) {
            return template.to_owned();
        }
        let path = self.directory.join(template);
        let inner = self.directory.join(DEFAULT_SET).join(template);
        let path = if !path.exists() && inner.exists() {
            inner
        } else {
            path
        };
        path.display().to_string()
    }

    /// Every line of every template in reach, without the space around it: what authors wrote and users didn't.
    pub(super) fn lines(&self) -> BTreeSet<&str> {
        let builtin = builtin_sources().iter().map(|(_, text)| *text);
        let texts = builtin.chain(self.texts.values().map(String::as_str));
        texts
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.contains(['{', '}']))
            .collect()
    }

    /// Shows the template's line with a finding.
    pub(super) fn with_source(&self, mut finding: TemplateFinding, template: &str) -> TemplateFinding {
        let line = finding.line.and_then(|number| {
            let text = self.text(template)?.lines().nth(number.checked_sub(1)?)?;
            Some(ShownLine {
                number,
                text: cut(text),
                meant: true,
            })
        });
        finding.source = line.into_iter().collect();
        finding
    }

    /// Where a template has what writes the field of `path`, by its words: the field's name or the block of that name;
    /// else that of what is around it.
    pub(super) fn by_words(&self, template: &str, path: &str) -> Option<usize> {
        let text = self.text(template)?;
        let blocks = TemplateOutline::of(text).blocks;
        path.split(['.', '[', ']', '"'])
            .filter(|word| !word.is_empty() && !word.bytes().all(|byte| byte.is_ascii_digit()))
            .rev()
            .find_map(|word| {
                let block = blocks.iter().find(|block| block.name == snake_case(word));
                let key = text.lines().position(|line| begins_with_key(line, word));
                key.map(|index| index + 1).or(block.map(|block| block.line))
            })
    }

    /// Whether a template has this text as its line, but for the space around it and without any tag.
    pub(super) fn has_line(&self, template: &str, line: Option<usize>, written: &str) -> bool {
        let text = self.text(template);
        let own = text
            .zip(line)
            .and_then(|(text, line)| text.lines().nth(line.checked_sub(1)?));
        own.is_some_and(|own| own.trim() == written.trim() && !own.contains("{{") && !own.contains("{%"))
    }

    /// Whether a template has this key, word for word, in this line.
    pub(super) fn has_key(&self, template: &str, line: Option<usize>, key: &str) -> bool {
        let text = self.text(template);
        let line = text
            .zip(line)
            .and_then(|(text, line)| text.lines().nth(line.checked_sub(1)?));
        line.is_some_and(|line| {
            line.match_indices(key).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let rest = line[at + key.len()..].trim_start_matches(['"', '\'']);
                before.is_none_or(|before| " \t\"'{,".contains(before)) && rest.starts_with(':')
            })
        })
    }

    /// The first line that has `word` as a word of its own within a tag.
    pub(super) fn line_of_word(&self, template: &str, word: &str) -> Option<usize> {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let has = |line: &str| {
            line.split(|character| !is_word(character))
                .any(|found| found == word)
        };
        let text = self.text(template)?;
        let tagged = |line: &&str| line.contains(['{', '%']) && has(line);
        let index = text.lines().position(|line| tagged(&line));
        index
            .or_else(|| text.lines().position(has))
            .map(|index| index + 1)
    }
}

fn begins_with_key(line: &str, word: &str) -> bool {
    let line = line.trim_start_matches([' ', '-', '"', '\'']);
    line.strip_prefix(word)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
}

/// `nodeSelector` as the built-in templates name its block: `node_selector`.
pub(super) fn snake_case(word: &str) -> String {
    let mut name = String::new();
    for character in word.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// Adds a finding, or the application to the same finding of another one.
pub(super) fn add(findings: &mut Vec<TemplateFinding>, finding: TemplateFinding) {
    match findings.iter_mut().find(|found| found.same_as(&finding)) {
        Some(found) => {
            for application in finding.applications {
                if !found.applications.contains(&application) {
                    found.applications.push(application);
                }
            }
        }
        None => findings.push(finding),
    }
}

/// Whether there is an error among the findings.
pub(super) fn has_errors(findings: &[TemplateFinding]) -> bool {
    findings.iter().any(|finding| finding.level() == Level::Error)
}

/// A warning about a template.
pub(super) fn warning(
    sources: &Sources,
    rule: Rule,
    template: &str,
    line: Option<usize>,
    message: impl Into<String>,
) -> TemplateFinding {
    let finding = TemplateFinding::new(rule, sources.path(template), message).at(line);
    sources.with_source(finding, template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_the_words_of_a_path() {
        let text = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block node_selector %}\n    disk: ssd\n{% endblock %}\n";
        let files = [("driver-pod.yaml.j2".to_owned(), text.as_bytes().to_vec())].into();
        let sources = Sources::new(
            Path::new("dir"),
            DEFAULT_SET,
            &files,
            &Files::new(),
            &Files::new(),
        );
        let table = [
            ("spec.nodeSelector.disk", Some(3)),
            ("spec.nodeSelector[\"a.b\"]", Some(2)),
            ("metadata.labels", None),
        ];
        for (path, line) in table {
            assert_eq!(sources.by_words("driver-pod.yaml.j2", path), line, "{path}");
        }
        assert_eq!(sources.by_words("builtin/driver-pod.yaml.j2", "spec"), None);
        assert_eq!(sources.path("driver-pod.yaml.j2"), "dir/driver-pod.yaml.j2");
        assert_eq!(sources.path("builtin/secret.yaml.j2"), "builtin/secret.yaml.j2");
    }

    #[test]
    fn for_thousands_of_findings_templates_are_read_once() {
        let text = "{% macro m(x) %}\n{{ x }}\n{% endmacro %}\n".repeat(1000) + "{{ m(1) }}\n";
        let files = [("a.yaml.j2".to_owned(), text.into_bytes())].into();
        let none = Files::new();
        let sources = Sources::new(Path::new(""), DEFAULT_SET, &files, &none, &none);
        for line in 1..=3000 {
            let callers = sources.callers("a.yaml.j2", line, 3);
            assert_eq!(callers.len(), 1, "{line}");
            assert_eq!(callers[0].line, Some(3001));
        }
        assert_eq!(sources.reads.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
