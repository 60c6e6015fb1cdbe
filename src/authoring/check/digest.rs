//! Many findings with one cause become one finding.

use crate::{
    authoring::{
        finding::{Rule, TemplateFinding},
        losses::{Lossy, Replacing},
        sources::{BUILTIN, Sources},
    },
    kubernetes,
    manifest::{THE_ARGUMENTS, THE_DRIVER_CONTAINER, THE_LABEL},
    templates::{TemplateOutline, builtin_sources},
};
use std::collections::BTreeSet;

/// Puts one finding in the place of those that have one cause. What is wrong with other objects in consequence is left out: it
/// is found again if it has a cause of its own.
pub(in crate::authoring) fn digest(findings: &mut Vec<TemplateFinding>, sources: &Sources, lossy: &[Lossy]) {
    same_mistake_in_yaml(findings);
    let wrong_kind = wrong_kinds(findings);
    extends_another(findings, sources);
    selected_labels(findings, sources);
    let empty = empty_sections(findings);
    let mut forgotten = false;
    for lossy in lossy {
        forgotten |= forgotten_super(findings, sources, lossy);
    }
    if wrong_kind || empty || forgotten {
        findings.retain(|finding| finding.rule != Rule::Manifest || !finding.file.starts_with(BUILTIN));
    }
}

/// A template that extends the built-in one of another object writes that object, of which everything is wrong.
fn extends_another(findings: &mut Vec<TemplateFinding>, sources: &Sources) {
    for (name, text) in sources.own() {
        let file = sources.file_name(name);
        let Some(extends) = TemplateOutline::of(text).extends else {
            continue;
        };
        let is_builtin = |name: &str| builtin_sources().iter().any(|(known, _)| *known == name);
        let extended = extends.name.strip_prefix(BUILTIN);
        let Some(extended) = extended.filter(|extended| is_builtin(extended) && *extended != file) else {
            continue;
        };
        if !is_builtin(file) {
            continue;
        }
        let path = sources.path(name);
        let is_of_file = |finding: &TemplateFinding| finding.rule == Rule::Manifest && finding.file == path;
        let Some(first) = findings.iter().position(is_of_file) else {
            continue;
        };
        let mut cause = findings.swap_remove(first);
        cause.reword(|said| {
            format!(
                "extends {BUILTIN}{extended}, which writes another object; did you mean {BUILTIN}{file}? The first of what is \
                 wrong: {said}"
            )
        });
        cause.of_object = None;
        cause.line = Some(extends.line);
        cause.column = None;
        cause.rendered.clear();
        findings.retain(|finding| !is_of_file(finding));
        findings.push(sources.with_source(cause, name));
    }
}

/// A mistake in YAML is met at another line of each application, and is one all the same.
fn same_mistake_in_yaml(findings: &mut Vec<TemplateFinding>) {
    let mut kept: Vec<TemplateFinding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        let is_yaml =
            |finding: &TemplateFinding| finding.manifest().is_some_and(|found| found.said.is_syntax());
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
    let label = |finding: &TemplateFinding| {
        let found = finding.manifest()?;
        let path = found.path.strip_prefix("spec.selector")?;
        let is_it = found.said.expects_some(THE_LABEL) && finding.file.starts_with(BUILTIN);
        is_it.then(|| path.to_owned())
    };
    let wrong: Vec<String> = findings
        .iter()
        .filter_map(|finding| finding.manifest()?.path.strip_prefix("metadata.labels"))
        .map(str::to_owned)
        .collect();
    findings.retain(|finding| label(finding).is_none_or(|label| !wrong.contains(&label)));
    for finding in findings.iter_mut() {
        let Some(label) = label(finding) else { continue };
        let own = sources
            .own()
            .find_map(|(name, _)| Some((name, sources.by_words(name, &label)?)));
        if let Some((name, line)) = own {
            finding.reword(|said| {
                format!("{said}; the Service selects the driver by it, so a template can't change it")
            });
            finding.file = sources.path(name);
            finding.line = Some(line);
            finding.rendered.clear();
            *finding = sources.with_source(finding.clone(), name);
        }
    }
}

/// A section whose lines are not indented under it is empty, and all that should be in it is missing.
fn empty_sections(findings: &mut Vec<TemplateFinding>) -> bool {
    let empty_section = |finding: &TemplateFinding| {
        let found = finding.manifest()?;
        let source = finding.source.first()?.text.trim();
        let key = source.strip_suffix(':')?;
        let is_it = found.path == key || found.path.ends_with(&format!(".{key}"));
        let is_it = is_it && found.said.found_nothing();
        is_it.then(|| key.to_owned())
    };
    let keys: Vec<_> = findings.iter().map(empty_section).collect();
    let with_one: BTreeSet<_> = findings
        .iter()
        .zip(&keys)
        .filter_map(|(finding, key)| key.as_ref().map(|_| finding.file.clone()))
        .collect();
    let mut keys = keys.into_iter();
    findings.retain_mut(|finding| match keys.next().flatten() {
        Some(key) => {
            finding.reword(|said| format!("{said}; `{key}:` is empty: indent the lines that belong to it"));
            true
        }
        None => finding.rule != Rule::Manifest || !with_one.contains(&finding.file),
    });
    !with_one.is_empty()
}

/// A block that leaves out what the built-in one writes. What is wrong with the object in consequence becomes one finding, and
/// without any a warning; whether it became an error.
fn forgotten_super(findings: &mut Vec<TemplateFinding>, sources: &Sources, lossy: &Lossy) -> bool {
    let Replacing {
        template,
        block,
        lines,
        ..
    } = &lossy.replacing;
    let path = sources.path(template);
    let is_of_block = |finding: &TemplateFinding| {
        finding.file == path
            && finding.line.is_none_or(|line| lines.contains(&line))
            && finding
                .manifest()
                .is_some_and(|found| is_consequence(found, &lossy.names))
    };
    let count = findings.iter().filter(|finding| is_of_block(finding)).count();
    if count == 0 {
        findings.push(lossy.warning(sources));
        return false;
    }
    let are = if count == 1 {
        "1 thing is".to_owned()
    } else {
        format!("{count} things are")
    };
    let mut first = true;
    findings.retain_mut(|finding| {
        if !is_of_block(finding) {
            return true;
        }
        if first {
            finding.reword(|said| {
                format!(
                    "block `{block}` replaces what the built-in template writes there; did you forget {{{{ super() }}}}? \
                     {are} missing, the first: {said}"
                )
            });
            if finding.line.is_none() {
                finding.line = Some(lines.start);
                finding.rendered.clear();
                *finding = sources.with_source(finding.clone(), template);
            }
        }
        std::mem::take(&mut first)
    });
    true
}

/// Whether a finding says that something is missing, or is about one of the lost entries.
fn is_consequence(found: &kubernetes::Finding, lost: &[String]) -> bool {
    let is_missing = found.said.found_nothing()
        || found.said.expects_some(THE_DRIVER_CONTAINER)
        || found.said.expects(THE_ARGUMENTS);
    let text = found.without_template();
    let is_word = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    let is_named = |name: &String| {
        text.match_indices(name.as_str()).any(|(start, _)| {
            // A field's name stands behind the dot of a path.
            !text[..start].trim_end_matches('.').ends_with(is_word)
                || text[..start].ends_with('.') && !text[start + name.len()..].starts_with(is_word)
        })
    };
    is_missing || lost.iter().any(is_named)
}

/// Where a mapping or list is expected and something else is found, all that should be in it is missing. Whether a template of the
/// set's own has such a place.
fn wrong_kinds(findings: &mut Vec<TemplateFinding>) -> bool {
    let wrong: Vec<_> = findings
        .iter()
        .filter_map(|finding| {
            let found = finding.manifest()?;
            let said = &found.said;
            let is_kind = said.expects("a mapping") || said.expects("a list");
            is_kind.then(|| (finding.file.clone(), found.clone()))
        })
        .collect();
    findings.retain(|finding| {
        let Some(found) = finding.manifest() else {
            return true;
        };
        let is_in = |(file, whole): &(String, kubernetes::Finding)| {
            let is_file = finding.file == *file || finding.file.starts_with(BUILTIN);
            let rest = found.path.strip_prefix(whole.path.as_str());
            let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            is_file && found.subject == whole.subject && is_below && found.said != whole.said
        };
        !wrong.iter().any(is_in)
    });
    wrong.iter().any(|(file, _)| !file.starts_with(BUILTIN))
}
