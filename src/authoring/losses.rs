//! Blocks that leave out what the built-in template writes in their place.

use super::{
    finding::{Rule, TemplateFinding},
    sources::{Sources, snake_case, warning},
    trace::carried,
};
use crate::{
    authoring::report::few,
    redaction::shown,
    spark::plan::DriverPlan,
    strict,
    templates::{Document, Rendered, TemplateOutline, TemplateSet, builtin_sources},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The fields that name an item of a list, the first that an item has.
const NAMES: [&str; 5] = ["mountPath", "devicePath", "name", "topologyKey", "containerPort"];

/// A block of the set's own that replaces a built-in one, and doesn't call `super()`.
#[derive(Debug, Clone)]
pub(super) struct Replacing {
    /// The file's name, as `Sources` has it.
    pub(super) template: String,
    /// The name of the built-in template.
    builtin: String,
    /// The block's name.
    pub(super) block: String,
    /// The block's lines, from 1.
    pub(super) lines: std::ops::Range<usize>,
}

/// A block, and what it leaves out.
#[derive(Debug)]
pub(super) struct Lossy {
    pub(super) replacing: Replacing,
    /// What is lost: names of items, or keys of mappings.
    pub(super) names: Vec<String>,
    applications: Vec<String>,
}

impl Lossy {
    /// A warning of it.
    pub(super) fn warning(&self, sources: &Sources) -> TemplateFinding {
        let names: Vec<_> = self.names.iter().map(|name| shown(name)).collect();
        let message = format!(
            "block `{}` leaves out what the built-in template writes there: {}; did you forget {{{{ super() }}}}?",
            self.replacing.block,
            few(&names)
        );
        let Replacing { template, lines, .. } = &self.replacing;
        let mut found = warning(sources, Rule::LostEntries, template, Some(lines.start), message);
        found.applications.clone_from(&self.applications);
        found
    }
}

/// The blocks of a set that replace built-in ones, and what they lose of the applications that were tried.
pub(super) struct Losses {
    blocks: Vec<Replacing>,
    /// The blocks that call `super()`, by built-in template.
    kept: BTreeSet<(String, String)>,
    /// None where nothing can be lost.
    builtin: Option<TemplateSet>,
    lost: BTreeMap<usize, Lossy>,
}

impl Losses {
    pub(super) fn of(sources: &Sources) -> Self {
        let mut blocks = Vec::new();
        let mut kept = BTreeSet::new();
        for (name, text) in sources.own() {
            let outline = TemplateOutline::of(text);
            let Some(extends) = &outline.extends else { continue };
            let builtin = extends.name.rsplit('/').next().unwrap_or_default();
            for (index, block) in outline.blocks.iter().enumerate() {
                if block.calls_super {
                    kept.insert((builtin.to_owned(), block.name.clone()));
                } else if writes_something(builtin, &block.name) {
                    let end = outline.blocks.get(index + 1).map_or(usize::MAX, |next| next.line);
                    blocks.push(Replacing {
                        template: name.to_owned(),
                        builtin: builtin.to_owned(),
                        block: block.name.clone(),
                        lines: block.line..end,
                    });
                }
            }
        }
        let builtin = (!blocks.is_empty())
            .then(TemplateSet::builtin)
            .and_then(Result::ok);
        Self {
            blocks,
            kept,
            builtin,
            lost: BTreeMap::new(),
        }
    }

    /// Looks at the documents of an application.
    pub(super) fn note(&mut self, rendered: &Rendered, plan: &DriverPlan, application: &str) {
        let Some(builtin) = self.builtin.as_ref().and_then(|set| set.render(plan).ok()) else {
            return;
        };
        for document in &builtin.documents {
            let mut own = rendered.documents.iter();
            let Some(own) = own.find(|own| own.role == document.role) else {
                continue;
            };
            for is_carried in [false, true] {
                let template = match (&document.carried, is_carried) {
                    (Some(carried), true) => &carried.template,
                    (None, true) => continue,
                    (_, false) => &document.template,
                };
                let template = template.rsplit('/').next().unwrap_or(template);
                if !self.blocks.iter().any(|block| block.builtin == template) {
                    continue;
                }
                let (Some(written), Some(wanted)) = (value(own, is_carried), value(document, is_carried))
                else {
                    continue;
                };
                let mut lost = Vec::new();
                compare(&written, &wanted, &mut Vec::new(), &mut lost);
                for Lost { within, name } in lost {
                    self.add(template, &within, name, application);
                }
            }
        }
    }

    fn add(&mut self, template: &str, within: &[String], name: String, application: &str) {
        let of_template = |block: &&(usize, &Replacing)| block.1.builtin == template;
        let blocks: Vec<_> = self.blocks.iter().enumerate().collect();
        let blocks: Vec<_> = blocks.iter().filter(of_template).collect();
        let kept = |candidate: &str| self.kept.contains(&(template.to_owned(), candidate.to_owned()));
        let candidates = candidates(within, &name);
        let responsible = candidates.iter().find_map(|candidate| {
            let found = blocks.iter().find(|(_, block)| block.block == *candidate);
            // A block that calls `super()` has the last word on what is in it.
            match found {
                Some((index, block)) => Some(Some((*index, (*block).clone()))),
                None => kept(candidate).then_some(None),
            }
        });
        let Some(Some((index, replacing))) = responsible else {
            return;
        };
        let lossy = self.lost.entry(index).or_insert_with(|| Lossy {
            replacing,
            names: Vec::new(),
            applications: Vec::new(),
        });
        if !lossy.names.contains(&name) {
            lossy.names.push(name);
        }
        if !lossy.applications.iter().any(|known| known == application) {
            lossy.applications.push(application.to_owned());
        }
    }

    /// The blocks that lost something.
    pub(super) fn lossy(self) -> Vec<Lossy> {
        self.lost.into_values().collect()
    }
}

/// What a template wrote, without patches: they say themselves what they remove.
fn value(document: &Document, is_carried: bool) -> Option<Value> {
    let text = if is_carried {
        carried(&document.text)?
    } else {
        document.text.clone()
    };
    strict::parse_yaml(&text).ok()
}

/// The blocks that may write an entry, the innermost first.
fn candidates(within: &[String], name: &str) -> Vec<String> {
    let mut blocks = vec![snake_case(name)];
    for word in within.iter().rev() {
        let word = snake_case(word);
        if word == "containers" {
            let is_below = within.last().is_some_and(|last| last != "containers");
            let of_container = [
                "container_security_context",
                "other_container",
                "driver_container",
            ];
            let of_list = ["sidecars", "driver_container"];
            blocks.extend(
                if is_below { &of_container[..] } else { &of_list[..] }
                    .iter()
                    .map(ToString::to_string),
            );
        }
        if ["metadata", "spec"].contains(&word.as_str()) && within.len() == 1 {
            blocks.push(format!("other_{word}"));
        }
        blocks.push(word);
    }
    blocks
}

/// An entry that is lost, and the keys around it.
struct Lost {
    within: Vec<String>,
    name: String,
}

/// Finds what `wanted` has and `written` hasn't.
fn compare(written: &Value, wanted: &Value, within: &mut Vec<String>, lost: &mut Vec<Lost>) {
    match wanted {
        Value::Object(fields) => {
            for (key, wanted) in fields.iter().filter(|(_, wanted)| says_something(wanted)) {
                match written.get(key) {
                    Some(written) if is_composite(wanted) || !written.is_null() => {
                        within.push(key.clone());
                        compare(written, wanted, within, lost);
                        within.pop();
                    }
                    _ => lost.push(Lost {
                        within: within.clone(),
                        name: key.clone(),
                    }),
                }
            }
        }
        Value::Array(items) => {
            let written = written.as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, item) in items.iter().enumerate() {
                let name = name_of(item);
                let is_it = |other: &&Value| match &name {
                    Some(name) => name_of(other).as_ref() == Some(name),
                    None => *other == item,
                };
                match written.iter().find(is_it) {
                    Some(written) => compare(written, item, within, lost),
                    None => lost.push(Lost {
                        within: within.clone(),
                        // The item itself may be a value of the application's.
                        name: name.unwrap_or_else(|| format!("item {}", index + 1)),
                    }),
                }
            }
        }
        _ => {}
    }
}

fn is_composite(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(fields) => fields.values().any(says_something),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// The name of a list's item; of a reference that it only wraps, as in `configMapRef`, that one's.
fn name_of(item: &Value) -> Option<String> {
    let named = |item: &Value| {
        let field = NAMES.iter().find_map(|field| item.get(field))?;
        Some(field.as_str().map_or_else(|| field.to_string(), str::to_owned))
    };
    named(item).or_else(|| item.as_object()?.values().find_map(named))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_lost_is_named_with_what_is_around_it() {
        let wanted = json!({
            "metadata": {"name": "a", "annotations": {"x": "1", "y": "2"}, "labels": {}},
            "spec": {"containers": [{
                "name": "d",
                "args": ["secret", "b"],
                "env": [{"name": "A"}, {"name": "B"}],
                "envFrom": [{"configMapRef": {"name": "c"}}],
                "resources": {"limits": {"cpu": "1"}},
            }]},
        });
        let written = json!({
            "metadata": {"name": "b", "annotations": {"y": "3"}},
            "spec": {"containers": [{"name": "d", "args": ["b"], "env": [{"name": "B"}], "envFrom": null, "resources": {}}]},
        });
        let mut lost = Vec::new();
        compare(&written, &wanted, &mut Vec::new(), &mut lost);
        let lost: Vec<_> = lost
            .iter()
            .map(|lost| format!("{} {}", lost.within.join("."), lost.name))
            .collect();
        assert_eq!(
            lost,
            [
                "metadata.annotations x",
                "spec.containers.args item 1",
                "spec.containers.env A",
                "spec.containers.envFrom c",
                "spec.containers.resources limits",
            ]
        );
    }

    #[test]
    fn the_innermost_block_is_responsible() {
        let words = |words: &str| words.split('.').map(str::to_owned).collect::<Vec<_>>();
        let first = |within: &str, name: &str, known: &[&str]| {
            let candidates = candidates(&words(within), name);
            candidates
                .into_iter()
                .find(|found| known.contains(&found.as_str()))
        };
        let known = [
            "env",
            "containers",
            "driver_container",
            "node_selector",
            "other_spec",
            "sidecars",
        ];
        for (within, name, block) in [
            ("spec.containers.env", "A", Some("env")),
            ("spec.containers.ports", "1", Some("driver_container")),
            ("spec.containers", "side", Some("sidecars")),
            ("spec.containers", "spark-kubernetes-driver", Some("sidecars")),
            ("spec.nodeSelector", "a", Some("node_selector")),
            ("spec", "priorityClassName", Some("other_spec")),
            ("spec.tolerations", "a", None),
            ("metadata.labels", "a", None),
        ] {
            assert_eq!(first(within, name, &known).as_deref(), block, "{within} {name}");
        }
    }
}
