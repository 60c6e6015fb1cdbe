//! Many findings with one cause become one finding.

use crate::{
    authoring::{
        finding::{Rule, TemplateFinding},
        sources::{BUILTIN, Sources},
    },
    templates::{TemplateOutline, builtin_sources},
};
use std::fmt::Write;

/// How many things must be missing before a block is suspected of having dropped them.
const SUSPECT: usize = 2;

/// Puts one finding in the place of those that have one cause. What is wrong with other objects in consequence is left out: it
/// is found again if it has a cause of its own.
pub(super) fn digest(findings: &mut Vec<TemplateFinding>, sources: &Sources) {
    same_mistake_in_yaml(findings);
    selected_labels(findings, sources);
    let empty = empty_sections(findings);
    let forgotten = forgotten_super(findings, sources);
    if empty || forgotten {
        findings.retain(|finding| finding.rule != Rule::Manifest || !finding.file.starts_with(BUILTIN));
    }
}

/// A mistake in YAML is met at another line of each application, and is one all the same.
fn same_mistake_in_yaml(findings: &mut Vec<TemplateFinding>) {
    let mut kept: Vec<TemplateFinding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        let is_yaml = |finding: &TemplateFinding| {
            finding.rule == Rule::Manifest && finding.message.contains("expected valid YAML")
        };
        let same = kept.iter_mut().find(|other| {
            is_yaml(&finding) && is_yaml(other) && (&other.file, other.line) == (&finding.file, finding.line)
        });
        match same {
            Some(other) => {
                for application in finding.applications {
                    if !other.applications.contains(&application) {
                        other.applications.push(application);
                    }
                }
            }
            None => kept.push(finding),
        }
    }
    *findings = kept;
}

/// The driver's Service selects the Pod by labels of the application. Where a patch changes one of these, the built-in Service is not what
/// has to be changed: the finding is about the patch, and none of its own if the label itself was found wrong.
fn selected_labels(findings: &mut Vec<TemplateFinding>, sources: &Sources) {
    const SELECTOR: &str = " spec.selector";
    const RULE: &str = ": expected the driver Pod's label";
    let label = |finding: &TemplateFinding| {
        let (_, rest) = finding.message.split_once(SELECTOR)?;
        let (path, _) = rest.split_once(RULE)?;
        let is_it = finding.rule == Rule::Manifest && finding.file.starts_with(BUILTIN);
        is_it.then(|| path.to_owned())
    };
    let wrong: Vec<String> = findings
        .iter()
        .filter_map(|finding| Some(finding.message.split_once(" metadata.labels")?.1))
        .filter_map(|rest| Some(rest.split_once(": ")?.0.to_owned()))
        .collect();
    findings.retain(|finding| label(finding).is_none_or(|label| !wrong.contains(&label)));
    for finding in findings.iter_mut() {
        let Some(label) = label(finding) else { continue };
        let own = sources
            .own()
            .find_map(|(name, _)| Some((name, sources.by_words(name, &label)?)));
        if let Some((name, line)) = own {
            finding
                .message
                .push_str("; the Service selects the driver by it, so a template can't change it");
            finding.file = sources.path(name);
            finding.line = Some(line);
            finding.rendered.clear();
            *finding = sources.with_source(finding.clone(), name);
        }
    }
}

/// A section whose lines are not indented under it is empty, and all that should be in it is missing.
fn empty_sections(findings: &mut Vec<TemplateFinding>) -> bool {
    let is_empty_section = |finding: &TemplateFinding| {
        let source = finding.source.first().map(|line| line.text.trim());
        let key = source.and_then(|line| line.strip_suffix(':'));
        key.filter(|key| {
            let said = format!("{key}: expected a value, found nothing");
            finding.rule == Rule::Manifest && finding.message.ends_with(&said)
        })
        .map(str::to_owned)
    };
    let mut files = Vec::new();
    for finding in findings.iter_mut() {
        if let Some(key) = is_empty_section(finding) {
            // Writing to a String cannot fail.
            let _ = write!(
                finding.message,
                "; `{key}:` is empty: indent the lines that belong to it"
            );
            files.push((finding.file.clone(), finding.message.clone()));
        }
    }
    findings.retain(|finding| {
        let of_file = files.iter().any(|(file, _)| *file == finding.file);
        let is_it = files.iter().any(|(_, message)| *message == finding.message);
        finding.rule != Rule::Manifest || !of_file || is_it
    });
    !files.is_empty()
}

/// A block that replaces the built-in one and doesn't write what that wrote.
fn forgotten_super(findings: &mut Vec<TemplateFinding>, sources: &Sources) -> bool {
    let mut forgotten = false;
    let own: Vec<_> = sources
        .own()
        .map(|(name, text)| (sources.path(name), TemplateOutline::of(text)))
        .collect();
    for (path, outline) in own {
        let Some(extends) = &outline.extends else { continue };
        let builtin = extends.name.rsplit('/').next().unwrap_or_default();
        let suspects = outline.blocks.iter().enumerate();
        let suspects =
            suspects.filter(|(_, block)| !block.calls_super && writes_something(builtin, &block.name));
        for (index, block) in suspects {
            let end = outline.blocks.get(index + 1).map_or(usize::MAX, |next| next.line);
            let is_of_block = |finding: &TemplateFinding| {
                finding.rule == Rule::Manifest
                    && finding.file == path
                    && finding.line.is_some_and(|line| (block.line..end).contains(&line))
                    && is_missing(&finding.message)
            };
            let count = findings.iter().filter(|finding| is_of_block(finding)).count();
            if count < SUSPECT {
                continue;
            }
            forgotten = true;
            let mut first = true;
            findings.retain_mut(|finding| {
                if !is_of_block(finding) {
                    return true;
                }
                if first {
                    finding.message = format!(
                        "block `{}` replaces what the built-in template writes there; did you forget {{{{ super() }}}}? \
                         {count} things are missing, the first: {}",
                        block.name, finding.message
                    );
                }
                std::mem::take(&mut first)
            });
        }
    }
    forgotten
}

fn is_missing(message: &str) -> bool {
    message.contains("found nothing") || message.contains("expected the driver container")
}

/// Whether a block of a built-in template has any text.
fn writes_something(template: &str, block: &str) -> bool {
    let source = builtin_sources().iter().find(|(name, _)| *name == template);
    let body = source.and_then(|(_, source)| {
        let (_, after) = source
            .split_once(&format!("{{% block {block} %}}"))
            .or_else(|| source.split_once(&format!("{{%- block {block} %}}")))
            .or_else(|| source.split_once(&format!("{{% block {block} -%}}")))?;
        after.split("{% endblock").next()
    });
    body.is_some_and(|body| !body.trim().is_empty())
}
