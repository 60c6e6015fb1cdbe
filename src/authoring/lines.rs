//! Where in a YAML text the field of a path stands.

use crate::strict::Place;
use granit_parser::{Event, Parser, Span, StrInput};
use std::collections::BTreeMap;

/// How deep a document may nest; Kubernetes' own types stay far below.
const DEEPEST: usize = 64;

/// The line of each field of a document, and the text of each scalar.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<String, usize>,
    scalars: BTreeMap<String, String>,
}

impl Lines {
    /// Reads a document as far as it can be read.
    pub(super) fn of(text: &str) -> Self {
        let mut reader = Reader {
            events: Parser::new_from_str(text),
            lines: Self::default(),
        };
        while let Some((event, span)) = reader.next() {
            if !matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
                reader.value(&event, span, Place::Document);
                break;
            }
        }
        reader.lines
    }

    /// The line of what stands at `path`, from 1; of the nearest that is there around it, where it isn't itself.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

impl Lines {
    /// The text of the scalar at `path`.
    pub(super) fn scalar(&self, path: &str) -> Option<&str> {
        self.scalars.get(path).map(String::as_str)
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    lines: Lines,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        loop {
            match self.events.next()? {
                Ok((Event::Comment(..), _)) => {}
                Ok(event) => return Some(event),
                Err(_) => return None,
            }
        }
    }

    /// Notes where a value is, and what is below it. `None` where the text ends.
    fn value(&mut self, event: &Event<'t>, span: Span, place: Place<'_>) -> Option<()> {
        self.lines
            .lines
            .entry(place.to_string())
            .or_insert(span.start.line());
        if let Event::Scalar(text, ..) = event {
            let text = text.clone().into_owned();
            self.lines.scalars.entry(place.to_string()).or_insert(text);
        }
        if place.depth() > DEEPEST {
            return None;
        }
        match event {
            Event::SequenceStart(..) => {
                for index in 0.. {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    self.value(&event, span, Place::Item(&place, index))?;
                }
            }
            Event::MappingStart(..) => loop {
                let (event, span) = self.next()?;
                let name = match event {
                    Event::MappingEnd => break,
                    Event::Scalar(text, ..) => text.into_owned(),
                    _ => return None,
                };
                let place = Place::Field(&place, &name);
                // A field is where its name is.
                self.lines
                    .lines
                    .entry(place.to_string())
                    .or_insert(span.start.line());
                let (event, span) = self.next()?;
                self.value(&event, span, place)?;
            },
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_where_its_name_is_or_where_what_should_have_it_is() {
        let lines = Lines::of(
            "# c\nspec:\n  containers:\n    - name: a\n      ports: [{a: 1},\n        {b: 2}]\n  \"a.b\":\n    c: 1\n",
        );
        let table = [
            ("", Some(2)),
            ("spec", Some(2)),
            ("spec.containers[0].ports[1].b", Some(6)),
            ("spec.containers[0].image", Some(4)),
            ("spec[\"a.b\"].c", Some(8)),
            ("spec[\"a.c\"].x", Some(2)),
            ("metadata", None),
        ];
        for (path, line) in table {
            assert_eq!(lines.line(path), line, "{path}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_read_as_far_as_it_goes() {
        assert_eq!(Lines::of("a: 1\nb: [\n").line("a"), Some(1));
        assert_eq!(Lines::of("").line("a"), None);
        assert_eq!(Lines::of(&"[".repeat(1000)).line("a"), None);
    }
}
