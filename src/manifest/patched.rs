//! The documents of a submission as values: each with its patch laid over it.

use crate::{
    kubernetes::{
        Finding, Subject,
        patch::{self, Containers, Touched},
        write,
    },
    limits::Budget,
    spark::plan::DriverPlan,
    strict::{self, Problem, Shape},
    templates::{Document, Patch},
};
use serde_json::Value;

/// A document that was read.
pub(super) struct Patched<'r> {
    pub(super) document: &'r Document,
    pub(super) value: Value,
    own: Option<(&'r Patch, Touched)>,
    executor: Option<(&'r Patch, Touched)>,
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
        let own = lay(document.patch.as_ref(), &mut value, document, containers, budget)?;
        let mut executor = None;
        if let Some(planned) = &plan.executor
            && let Some(carried) = &document.carried
            && carried.patch.is_some()
            && let Some(Value::String(text)) = value
                .pointer_mut("/data")
                .and_then(|data| data.get_mut(&planned.key))
        {
            let mut template = parse(text, &document.role, &carried.template, budget)?;
            executor = lay(
                carried.patch.as_ref(),
                &mut template,
                document,
                Containers::Behind,
                budget,
            )?;
            if executor.is_some() {
                *text = write::to_yaml(&template);
            }
        }
        Ok(Some(Self {
            document,
            value,
            own,
            executor,
        }))
    }

    /// Names what is to be mended, where a finding about this document comes from the text that it carries, or from a patch.
    pub(super) fn blame(&self, finding: &mut Finding, is_executor: bool) {
        if let Some(carried) = self.document.carried.as_ref().filter(|_| is_executor) {
            finding.template.clone_from(&carried.template);
        }
        let patch = if is_executor { &self.executor } else { &self.own };
        if let Some((patch, touched)) = patch
            && touched.covers(&finding.path)
        {
            finding.template.clone_from(&patch.template);
        }
    }
}

fn parse(text: &str, role: &str, template: &str, budget: &mut Budget) -> Result<Value, Finding> {
    strict::read_yaml(text, Shape::Rendered, budget)
        .map_err(|unread| finding(role, template, Problem::from(unread)))
}

fn lay<'r>(
    patch: Option<&'r Patch>,
    value: &mut Value,
    document: &Document,
    containers: Containers,
    budget: &mut Budget,
) -> Result<Option<(&'r Patch, Touched)>, Finding> {
    let Some(patch) = patch else {
        return Ok(None);
    };
    let partial = parse(&patch.text, &document.role, &patch.template, budget)?;
    if partial.is_null() {
        return Ok(None);
    }
    let touched = patch::merge(value, partial, containers)
        .map_err(|problem| finding(&document.role, &patch.template, problem))?;
    Ok(Some((patch, touched)))
}

fn finding(role: &str, template: &str, problem: Problem) -> Finding {
    Finding::of(&Subject::role(role), template, problem)
}
