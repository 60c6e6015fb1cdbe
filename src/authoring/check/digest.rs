//! Many findings with one cause become one finding.

use crate::{
    authoring::{
        finding::{Rule, TemplateFinding},
        losses::{Lossy, Replacing},
        sources::{BUILTIN, Sources},
    },
    templates::{TemplateOutline, builtin_sources},
};

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
        let is_yaml = |finding: &TemplateFinding| {
            let says = |words: &str| finding.message.contains(words);
            finding.rule == Rule::Manifest && (says("expected valid YAML") || says("expected one document"))
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
            finding.reword(|said| format!("{said}; `{key}:` is empty: indent the lines that belong to it"));
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
        finding.rule == Rule::Manifest
            && finding.file == path
            && finding.line.is_none_or(|line| lines.contains(&line))
            && is_consequence(&finding.message, &lossy.names)
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
fn is_consequence(message: &str, lost: &[String]) -> bool {
    const MISSING: [&str; 3] = [
        "found nothing",
        "expected the driver container",
        "expected the arguments of the plan",
    ];
    let is_word = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    let names = |name: &String| {
        message.match_indices(name.as_str()).any(|(start, _)| {
            // A field's name stands behind the dot of a path.
            !message[..start].trim_end_matches('.').ends_with(is_word)
                || message[..start].ends_with('.') && !message[start + name.len()..].starts_with(is_word)
        })
    };
    MISSING.iter().any(|missing| message.contains(missing)) || lost.iter().any(names)
}

/// Where a mapping or list is expected and something else is found, all that should be in it is missing. Whether a template of the
/// set's own has such a place.
fn wrong_kinds(findings: &mut Vec<TemplateFinding>) -> bool {
    let wrong: Vec<_> = findings
        .iter()
        .filter(|finding| finding.rule == Rule::Manifest)
        .filter_map(|finding| {
            let (place, rest) = finding.message.split_once(": expected a ")?;
            let is_kind = rest.starts_with("mapping, found") || rest.starts_with("list, found");
            is_kind.then(|| (finding.file.clone(), place.to_owned(), finding.message.clone()))
        })
        .collect();
    findings.retain(|finding| {
        let is_in = |(file, place, message): &(String, String, String)| {
            let is_file = finding.file == *file || finding.file.starts_with(BUILTIN);
            let rest = finding.message.strip_prefix(place.as_str());
            let is_below = rest.is_some_and(|rest| rest.starts_with([':', '.', '[']));
            is_file && is_below && finding.message != *message
        };
        finding.rule != Rule::Manifest || !wrong.iter().any(is_in)
    });
    wrong.iter().any(|(file, ..)| !file.starts_with(BUILTIN))
}
