//! Writes the texts of one environment within the limits of a submission: time, and the bytes of each text.

use super::{TemplateError, environment::MOST_BYTES, error::Cause, sources::Sources, typed};
use minijinja::{Environment, value::Value};
use std::{
    io,
    time::{Duration, Instant},
};

/// How long all documents of one submission may take together. Fuel ends each of them long before; this bounds what
/// fuel doesn't count.
pub(super) const MOST_TIME: Duration = Duration::from_secs(10);

/// How many of the engine's writes, of a few bytes each, share one look at the clock.
const WRITES_PER_LOOK: usize = 256;

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
