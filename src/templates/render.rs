//! From a plan and a compiled set to the text of all documents.

use super::{
    Carried, Document, EXTRA_ROLE, Patch, Rendered, TemplateError, builtin,
    compiled::Compiled,
    files,
    sources::ALWAYS_PREFIX,
    typed,
    writing::{MOST_TIME, Writing},
};
use crate::spark::plan::DriverPlan;
use minijinja::{
    context,
    value::{Serde, Value},
};
use std::time::{Duration, Instant};

/// Writes all documents of one submission from one set. `writes` gets the name of each template before it is rendered.
pub(super) fn documents(
    set: &Compiled,
    plan: &DriverPlan,
    writes: &dyn Fn(&str),
) -> Result<Rendered, TemplateError> {
    documents_within(set, plan, writes, MOST_TIME)
}

fn documents_within(
    set: &Compiled,
    plan: &DriverPlan,
    writes: &dyn Fn(&str),
    time: Duration,
) -> Result<Rendered, TemplateError> {
    let plan_context = if set.is_typed {
        typed::context(plan, &set.id)
    } else {
        context! { template_set => &set.id, ..Value::from(Serde(plan)) }
    };
    let writer = Writer {
        set,
        writing: Writing {
            environment: &set.environment,
            sources: &set.sources,
            writes,
            start: Instant::now(),
            time,
        },
    };
    let mut documents = Vec::new();
    for kind in builtin::DOCUMENTS {
        for subject in (kind.subjects)(plan) {
            let mut context = plan_context.clone();
            if let Some(object) = subject.object.and_then(|place| object(&plan_context, place)) {
                context = typed::with(&context, "object", object);
            }
            let mut carried = None;
            if kind.template == builtin::EXECUTOR_CONFIG_MAP {
                let text = writer.writing.write(builtin::EXECUTOR_POD, &context)?;
                // One line end, so that the ConfigMap can show the text as a block.
                let text = Value::from(format!("{}\n", text.trim_end()));
                context = typed::with(&context, "executor_pod", text);
                carried = Some(Carried {
                    template: set.sources.full_name(builtin::EXECUTOR_POD),
                    patches: writer.patches(builtin::EXECUTOR_POD, &context)?,
                });
            }
            documents.push(Document {
                carried,
                ..writer.document(kind.template, subject.role, &context)?
            });
        }
    }
    for extra in &set.extras {
        let name = extra.strip_prefix(ALWAYS_PREFIX).unwrap_or(extra);
        let role = format!("{EXTRA_ROLE}{}", files::stem(name).unwrap_or(name));
        documents.push(writer.document(extra, role, &plan_context)?);
    }
    Ok(Rendered {
        template_set: set.id.clone(),
        documents,
        extra_kinds: set.extra_kinds.clone(),
        newer_fields: set.newer_fields,
    })
}

/// One of the plan's objects: the list that it is in, and its index there.
fn object(context: &Value, (list, index): (&str, usize)) -> Option<Value> {
    let list = context.get_attr(list).ok()?;
    list.get_item(&Value::from(index)).ok()
}

/// Writes the documents of one set.
struct Writer<'s> {
    set: &'s Compiled,
    writing: Writing<'s>,
}

impl Writer<'_> {
    /// Writes one document and its patches.
    fn document(&self, template: &str, role: String, context: &Value) -> Result<Document, TemplateError> {
        Ok(Document {
            role,
            template: self.set.sources.full_name(template),
            text: self.writing.write(template, context)?,
            patches: self.patches(template, context)?,
            carried: None,
        })
    }

    /// Writes the patches of a template: of each layer that has one, the strongest last.
    fn patches(&self, template: &str, context: &Value) -> Result<Vec<Patch>, TemplateError> {
        let patches = self.set.patches.get(template).into_iter().flatten();
        patches
            .map(|name| {
                Ok(Patch {
                    template: self.set.sources.full_name(name),
                    text: self.writing.write(name, context)?,
                    always: name.starts_with(ALWAYS_PREFIX),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_stopped() {
        let set = Compiled::builtin();
        let plan = crate::templates::sample::plan();
        let nobody = |_: &str| ();
        let error = documents_within(&set, &plan, &nobody, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind, crate::templates::TemplateErrorKind::Limit);
        assert!(error.message.ends_with("took over 0 s"), "{error}");
        assert!(documents_within(&set, &plan, &nobody, MOST_TIME).is_ok());
    }
}
