//! The documents of a submission as values: each with its patch laid over it.

use super::executor;
use crate::{
    kubernetes::{
        Finding, Subject,
        patch::{self, Containers, Touched},
        write,
    },
    limits::Budget,
    spark::plan::DriverPlan,
    strict::{self, DocumentShape, Problem},
    templates::{Document, Patch, Rendered},
};
use serde_json::Value;

/// A document that was read.
pub(super) struct Patched<'r> {
    pub(super) document: &'r Document,
    pub(super) value: Value,
    /// Of these the last one is the strongest.
    own: Vec<(&'r Patch, Touched)>,
    executor: Vec<(&'r Patch, Touched)>,
    /// What patches of executors say that are to hold, and can't.
    pub(super) overwritten: Vec<Finding>,
}

impl<'r> Patched<'r> {
    /// Reads a document; `None` where it is empty, which counts as not written.
    pub(super) fn read(
        document: &'r Document,
        plan: &DriverPlan,
        budget: &mut Budget,
    ) -> Result<Option<Self>, Finding> {
        let mut value = parse(&document.text, &document.role, &document.template, budget)?;
        if value.is_null() {
            return Ok(None);
        }
        let containers = match document.role.as_str() {
            "pod-driver" => Containers::BeforeLast,
            _ => Containers::Behind,
        };
        let mut own = Vec::new();
        for patch in &document.patches {
            own.extend(
                lay(patch, &mut value, document, containers, budget)?.map(|(touched, _)| (patch, touched)),
            );
        }
        let (mut executor, mut overwritten) = (Vec::new(), Vec::new());
        if let Some(planned) = &plan.executor
            && let Some(carried) = &document.carried
            && !carried.patches.is_empty()
            && let Some(Value::String(text)) = value
                .pointer_mut("/data")
                .and_then(|data| data.get_mut(&planned.key))
        {
            let mut template = parse(text, &document.role, &carried.template, budget)?;
            for patch in &carried.patches {
                let laid = lay(patch, &mut template, document, Containers::Behind, budget)?;
                let Some((touched, partial)) = laid else { continue };
                if patch.always {
                    let found = executor::overwritten(&partial, &template, &plan.properties);
                    overwritten.extend(found.into_iter().map(|(path, said)| {
                        finding(&document.role, &patch.template, Problem::new(path, said))
                    }));
                }
                executor.push((patch, touched));
            }
            if !executor.is_empty() {
                *text = write::to_yaml(&template);
            }
        }
        Ok(Some(Self {
            document,
            value,
            own,
            executor,
            overwritten,
        }))
    }

    /// Names what to fix, where a finding about this document comes from the text that it carries, or from a patch.
    pub(super) fn blame(&self, finding: &mut Finding, is_executor: bool) {
        if let Some(carried) = self.document.carried.as_ref().filter(|_| is_executor) {
            finding.template.clone_from(&carried.template);
        }
        let patches = if is_executor { &self.executor } else { &self.own };
        let mut strongest_first = patches.iter().rev();
        let blamed =
            strongest_first.find_map(|(patch, touched)| Some((patch, touched.in_patch(&finding.path)?)));
        if let Some((patch, own)) = blamed {
            finding.template.clone_from(&patch.template);
            finding.in_patch = Some(own);
        }
    }
}

/// The documents of a submission by their roles, each with its patches and unchecked; none of those that can't be read.
pub(crate) fn unchecked(rendered: &Rendered, plan: &DriverPlan) -> Vec<(String, Value)> {
    let mut budget = Budget::of_rendered();
    let read = rendered.documents.iter().filter_map(|document| {
        let patched = Patched::read(document, plan, &mut budget).ok()??;
        Some((document.role.clone(), patched.value))
    });
    read.collect()
}

fn parse(text: &str, role: &str, template: &str, budget: &mut Budget) -> Result<Value, Finding> {
    strict::read_yaml(text, DocumentShape::Rendered, budget)
        .map_err(|unread| finding(role, template, Problem::from(unread)))
}

/// Lays a patch over a value: what it touched, and its own value; `None` where it is empty.
fn lay(
    patch: &Patch,
    value: &mut Value,
    document: &Document,
    containers: Containers,
    budget: &mut Budget,
) -> Result<Option<(Touched, Value)>, Finding> {
    let partial = parse(&patch.text, &document.role, &patch.template, budget).map_err(|found| Finding {
        in_patch: Some(String::new()),
        ..found
    })?;
    if partial.is_null() {
        return Ok(None);
    }
    let kept = if patch.always {
        partial.clone()
    } else {
        Value::Null
    };
    let touched = patch::merge(value, partial, containers).map_err(|problem| Finding {
        in_patch: Some(problem.path.clone()),
        ..finding(&document.role, &patch.template, problem)
    })?;
    Ok(Some((touched, kept)))
}

fn finding(role: &str, template: &str, problem: Problem) -> Finding {
    Finding::of(&Subject::role(role), template, problem)
}
