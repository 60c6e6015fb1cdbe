//! A key that a rendered mapping has twice.

use granit_parser::{Event, Parser};
use std::collections::HashMap;

/// The first key of a text that stands twice in one mapping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    /// The key.
    pub(super) key: String,
    /// The line of the first one, from 1.
    pub(super) first: usize,
    /// The line of the second one.
    pub(super) second: usize,
}

/// A collection whose end was not met yet.
enum Open {
    List,
    /// The keys with their lines, and whether a key comes next.
    Mapping(HashMap<String, usize>, bool),
}

impl Again {
    /// Reads a text up to the first such key.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
                open.pop();
                continue;
            }
            let is_value = matches!(
                event,
                Event::Scalar(..) | Event::Alias(..) | Event::MappingStart(..) | Event::SequenceStart(..)
            );
            if !is_value {
                continue;
            }
            if let Some(Open::Mapping(keys, is_key)) = open.last_mut() {
                if let (true, Event::Scalar(key, ..)) = (*is_key, &event) {
                    let second = span.start.line();
                    if let Some(first) = keys.insert(key.to_string(), second) {
                        let key = key.to_string();
                        return Some(Self { key, first, second });
                    }
                }
                *is_key = !*is_key;
            }
            match event {
                Event::MappingStart(..) => open.push(Open::Mapping(HashMap::new(), true)),
                Event::SequenceStart(..) => open.push(Open::List),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_that_one_mapping_has_twice_is_found() {
        let table = [
            ("a: 1\nb: 2\na: 3\n", Some(("a", 1, 3))),
            ("a: {b: 1}\nc:\n  b: 2\n", None),
            ("a:\n- b: 1\n- b: 2\n  c: [x, x]\n  b: 3\n", Some(("b", 3, 5))),
            ("a: {b: 1, \"b\": 2}\n", Some(("b", 1, 1))),
            ("? [a]\n: b\n? [a]\n: b\nc: c\n", None),
            ("a: &x 1\nb: *x\n# c\nb: 2\n", Some(("b", 2, 4))),
            ("a: 1\nb: [\n", None),
        ];
        for (text, found) in table {
            let again = Again::of(text);
            let again = again
                .as_ref()
                .map(|again| (again.key.as_str(), again.first, again.second));
            assert_eq!(again, found, "{text}");
        }
    }
}
