//! From a plan and a compiled set to the text of all documents.

use super::{
    Carried, Document, EXTRA_ROLE, Patch, Rendered, TemplateError, builtin,
    compiled::Compiled,
    environment::MOST_BYTES,
    error::Cause,
    files,
    sources::{ALWAYS_PREFIX, Sources},
    typed,
};
use crate::spark::plan::DriverPlan;
use minijinja::{
    Environment, context,
    value::{Serde, Value},
};
use std::{
    io,
    time::{Duration, Instant},
};

/// How long all documents of one submission may take together. Fuel ends each of them long before; this bounds what
/// fuel doesn't count.
pub(super) const MOST_TIME: Duration = Duration::from_secs(10);

/// How many of the engine's writes, of a few bytes each, share one look at the clock.
const WRITES_PER_LOOK: usize = 256;

/// Writes all documents of one submission from one set. `writes` is told each template before it is rendered.
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

/// Writes texts of one environment, until its time is over.
pub(super) struct Writing<'s> {
    pub(super) environment: &'s Environment<'static>,
    pub(super) sources: &'s Sources,
    pub(super) writes: &'s dyn Fn(&str),
    pub(super) start: Instant,
    pub(super) time: Duration,
}

impl Writing<'_> {
    pub(super) fn write(&self, name: &str, context: &Value) -> Result<String, TemplateError> {
        let failed = |error| TemplateError::rendering(name, self.sources, context, &error);
        let template = self.environment.get_template(name).map_err(failed)?;
        (self.writes)(&self.sources.full_name(name));
        let mut text = Capped {
            bytes: Vec::with_capacity(template.source().len()),
            writes: 0,
            writer: self,
        };
        typed::taken();
        let written = template.render_captured_to(context.clone(), &mut text);
        let unknown = typed::taken();
        let error = written.err().map(failed);
        match (error, unknown) {
            (Some(error), None) => return Err(error),
            // Whatever came of it: a refusal for a field that there can't be is a mistake, too.
            (error, Some(unknown)) => {
                return Err(TemplateError::unknown(name, self.sources, &unknown, error));
            }
            (None, None) => {}
        }
        self.check_time().map_err(|cause| failed(cause.into()))?;
        // The engine writes whole `str`s, so this cannot fail.
        Ok(String::from_utf8(text.bytes).unwrap_or_default())
    }

    fn check_time(&self) -> Result<(), Cause> {
        if self.start.elapsed() > self.time {
            return Err(Cause::TooSlow(self.time));
        }
        Ok(())
    }
}

/// Takes no more than [`MOST_BYTES`], and only while there is time.
struct Capped<'w> {
    bytes: Vec<u8>,
    writes: usize,
    writer: &'w Writing<'w>,
}

impl io::Write for Capped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MOST_BYTES {
            return Err(io::Error::other(Cause::TooLarge(MOST_BYTES)));
        }
        self.writes += 1;
        if self.writes.is_multiple_of(WRITES_PER_LOOK) {
            self.writer.check_time().map_err(io::Error::other)?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
