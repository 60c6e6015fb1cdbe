//! A place in a document: what stands there, and its path.

use crate::strict::Place;
use serde_json::Value;

/// One step of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step<'t> {
    /// The field's name.
    pub(crate) name: &'t str,
    pub(crate) of: Of,
}

/// What of a field a step goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The field itself.
    Field,
    /// `[]`: each item of its list.
    Items,
    /// `{}`: each value of its mapping.
    Values,
}

impl<'t> Step<'t> {
    /// The first step of a pattern, and the rest.
    pub(crate) fn first_of(pattern: &'t str) -> (Self, &'t str) {
        let (step, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
        let (name, of) = if let Some(name) = step.strip_suffix("[]") {
            (name, Of::Items)
        } else if let Some(name) = step.strip_suffix("{}") {
            (name, Of::Values)
        } else {
            (step, Of::Field)
        };
        (Self { name, of }, rest)
    }
}

/// A value, and where in its document it stands. The path is written only when it is needed.
#[derive(Clone, Copy)]
pub(crate) struct At<'v, 'p> {
    value: &'v Value,
    place: Place<'p>,
}

impl<'v> At<'v, '_> {
    /// The whole document.
    pub(crate) fn document(value: &'v Value) -> Self {
        Self {
            value,
            place: Place::Document,
        }
    }

    /// What stands here.
    pub(crate) fn value(&self) -> &'v Value {
        self.value
    }

    /// The path of this place, as in `spec.containers[0].image`.
    pub(crate) fn path(&self) -> String {
        self.place.to_string()
    }

    /// The name of the field that this place is; empty for an item of a list.
    pub(crate) fn key(&self) -> &str {
        match &self.place {
            Place::Field(_, name) => name,
            _ => "",
        }
    }

    /// The path of a field of this place, whether it is there or not. An empty name is this place itself.
    pub(crate) fn path_of(&self, field: &str) -> String {
        let own = self.path();
        match (own.is_empty(), field.is_empty()) {
            (_, true) => own,
            (true, false) => field.to_owned(),
            (false, false) => format!("{own}.{field}"),
        }
    }

    /// The path of a key of this mapping, quoted where it isn't plain.
    pub(crate) fn path_of_key(&self, key: &str) -> String {
        Place::Field(&self.place, key).to_string()
    }

    /// What stands at the end of a path of plain fields, `metadata.labels`; null is as good as absent.
    pub(crate) fn get(&self, fields: &str) -> Option<&'v Value> {
        fields
            .split('.')
            .try_fold(self.value, |value, field| value.get(field))
            .filter(|value| !value.is_null())
    }

    /// The string at the end of a path of plain fields, unless it is empty: Kubernetes takes an empty string
    /// for an absent one.
    pub(crate) fn text(&self, fields: &str) -> Option<&'v str> {
        self.get(fields)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The places that one step leads to. Nulls are absent.
    pub(crate) fn step(&self, step: Step<'_>, visit: &mut dyn FnMut(&At<'v, '_>)) {
        let mut go = |value: &'v Value, place: Place<'_>| {
            if !value.is_null() {
                visit(&At { value, place });
            }
        };
        let Some(value) = self.value.get(step.name) else {
            return;
        };
        let field = Place::Field(&self.place, step.name);
        match (step.of, value) {
            (Of::Field, value) => go(value, field),
            (Of::Items, Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    go(value, Place::Item(&field, index));
                }
            }
            (Of::Values, Value::Object(fields)) => {
                for (key, value) in fields {
                    go(value, Place::Field(&field, key));
                }
            }
            _ => {}
        }
    }

    /// Every place that a pattern names: `spec.containers[].ports[].name`, `resources.limits{}`. `[]` stands
    /// for each item of a list, `{}` for each value of a mapping. Nulls are absent.
    pub(crate) fn each(&self, pattern: &str, visit: &mut dyn FnMut(At<'v, '_>)) {
        let (step, rest) = Step::first_of(pattern);
        self.step(step, &mut |at| match rest {
            "" => visit(*at),
            rest => at.each(rest, visit),
        });
    }

    /// Every string below this place, and every key of a mapping, with the place of what has it.
    pub(crate) fn each_text(&self, visit: &mut dyn FnMut(&At<'v, '_>, &'v str)) {
        match self.value {
            Value::String(text) => visit(self, text),
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    let place = Place::Item(&self.place, index);
                    At { value, place }.each_text(visit);
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    let at = At {
                        value,
                        place: Place::Field(&self.place, key),
                    };
                    visit(&at, key);
                    at.each_text(visit);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_names_every_place_with_its_path() {
        let document = json!({
            "spec": {"containers": [
                {"ports": [{"name": "a"}, {"name": null}]},
                {"limits": {"cpu": "1", "x/y": "2", "a.b": "3"}},
            ]},
        });
        let at = At::document(&document);
        let found = |pattern: &str| {
            let mut paths = Vec::new();
            at.each(pattern, &mut |at| paths.push(at.path()));
            paths
        };
        assert_eq!(
            found("spec.containers[].ports[].name"),
            ["spec.containers[0].ports[0].name"]
        );
        assert_eq!(
            found("spec.containers[].limits{}"),
            [
                "spec.containers[1].limits[\"a.b\"]",
                "spec.containers[1].limits.cpu",
                "spec.containers[1].limits.x/y"
            ]
        );
        assert_eq!(found("spec.nothing[].here"), [""; 0]);
    }
}
