//! What is odd about templates and can be seen without rendering them.

use super::{
    finding::{Rule, TemplateFinding},
    sources::{BUILTIN, Sources, warning},
};
use crate::templates::{TemplateOutline, builtin_sources};
use std::collections::{BTreeMap, BTreeSet};

/// The text of a built-in template, by its name with or without `builtin/`.
fn builtin(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix(BUILTIN).unwrap_or(name);
    builtin_sources()
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// Everything odd.
pub(super) fn lint(sources: &Sources) -> Vec<TemplateFinding> {
    let outlines: BTreeMap<_, _> = sources
        .iter()
        .map(|(name, text)| (name, TemplateOutline::of(text)))
        .collect();
    let mut findings = unused_partials(sources, &outlines);
    for (name, text) in sources.own() {
        if builtin(sources.file_name(name)) == Some(text) {
            let message = "is the built-in template word for word: without this file the set is the same, and follows \
                           the next release";
            findings.push(warning(sources, Rule::SameAsBuiltin, name, None, message));
        }
    }
    for (name, outline) in outlines.iter().filter(|(name, _)| sources.is_own(name)) {
        if let Some(extends) = &outline.extends {
            let parent = match sources.text(&sources.named(&extends.name)) {
                Some(text) => TemplateOutline::of(text),
                None => builtin(&extends.name)
                    .map(TemplateOutline::of)
                    .unwrap_or_default(),
            };
            // What a chain of three has between, only the engine knows.
            if parent.extends.is_none() && !parent.blocks.is_empty() {
                findings.extend(blocks(sources, name, outline, &parent));
            }
            if let Some(line) = outline.stray {
                let message = format!(
                    "text outside of every block is never written, because this template extends {}",
                    extends.name
                );
                findings.push(warning(sources, Rule::StrayText, name, Some(line), message));
            }
        }
    }
    findings
}

/// Partials that no template names.
fn unused_partials(sources: &Sources, outlines: &BTreeMap<&str, TemplateOutline>) -> Vec<TemplateFinding> {
    if outlines.values().any(|outline| outline.names_by_expression) {
        return Vec::new();
    }
    let references = outlines.iter().flat_map(|(user, outline)| {
        let references = outline.references.iter();
        references.map(|named| sources.named_by(user, &named.name))
    });
    let named: BTreeSet<_> = references.collect();
    outlines
        .keys()
        .filter(|name| sources.is_own(name) && sources.file_name(name).starts_with('_'))
        .filter(|name| !named.contains(**name))
        .map(|name| {
            let message = "no template includes, imports or extends this partial";
            warning(sources, Rule::UnusedTemplate, name, None, message)
        })
        .collect()
}

/// The blocks of a template that extends another one, and that are never written.
fn blocks(
    sources: &Sources,
    name: &str,
    own: &TemplateOutline,
    parent: &TemplateOutline,
) -> Vec<TemplateFinding> {
    let mut findings = Vec::new();
    for block in &own.blocks {
        let Some(index) = parent.blocks.iter().position(|known| known.name == block.name) else {
            // One that no parent has keeps the set from going live.
            continue;
        };
        if block.parent.is_some() {
            continue;
        }
        let around = |index: usize| parent.blocks[index].parent;
        let ancestors = std::iter::successors(around(index), |index| around(*index));
        let shadow = ancestors
            .filter_map(|index| {
                own.blocks
                    .iter()
                    .find(|own| own.name == parent.blocks[index].name)
            })
            .find(|override_of_it| !override_of_it.calls_super);
        if let Some(shadow) = shadow {
            let message = format!(
                "block `{}` is never written: block `{}` of line {} has its place, and doesn't call super()",
                block.name, shadow.name, shadow.line
            );
            findings.push(warning(
                sources,
                Rule::ShadowedBlock,
                name,
                Some(block.line),
                message,
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::{DEFAULT_SET, Files};
    use std::path::Path;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect();
        lint(&Sources::new(
            Path::new(""),
            DEFAULT_SET,
            &files,
            &Files::new(),
            &Files::new(),
        ))
        .iter()
        .map(|finding| {
            format!(
                "{}:{} {}",
                finding.file,
                finding.line.unwrap_or_default(),
                finding.rule.name()
            )
        })
        .collect()
    }

    #[test]
    fn what_is_never_written_is_found() {
        let extends = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n";
        let table = [
            (
                "{% block labels %}\n{{ super() }}\n    a: b\n{% endblock %}\n",
                &[][..],
            ),
            ("{% block lables %}\n    a: b\n{% endblock %}\n", &[]),
            ("  a: b\n", &["driver-pod.yaml.j2:2 stray-text"]),
            (
                "{% block metadata %}\n  name: x\n{% endblock %}\n{% block labels %}\n    a: b\n{% endblock %}\n",
                &["driver-pod.yaml.j2:5 shadowed-block"],
            ),
            (
                "{% block metadata %}\n{{ super() }}\n{% endblock %}\n{% block labels %}\n    a: b\n{% endblock %}\n",
                &[],
            ),
            (
                "{% block metadata %}\n{% block labels %}\n    a: b\n{% endblock %}\n{% endblock %}\n",
                &[],
            ),
        ];
        for (text, expected) in table {
            let text = format!("{extends}{text}");
            assert_eq!(found(&[("driver-pod.yaml.j2", &text)]), expected, "{text}");
        }
    }

    #[test]
    fn partials_and_copies_are_found() {
        let used = "{% include '_a.yaml.j2' %}{% block x %}{% endblock %}";
        assert_eq!(
            found(&[("_a.yaml.j2", "a"), ("_b.yaml.j2", "b"), ("secret.yaml.j2", used)]),
            ["_b.yaml.j2:0 unused-template"]
        );
        let copy = builtin("secret.yaml.j2").unwrap();
        assert_eq!(
            found(&[("secret.yaml.j2", copy)]),
            ["secret.yaml.j2:0 same-as-builtin"]
        );
    }
}
