//! The fields of an application that the types don't have, for those that they may be meant for.

use crate::strict::{self, UnknownField};
use serde_json::Value;
use std::fmt;

/// Unknown fields with their values: a newer Kubernetes may know them, so they go with what they are part of to the API
/// server. The types are for all that is known.
#[derive(Clone, Default, PartialEq)]
pub struct KeptFields(Vec<(String, Value)>);

impl KeptFields {
    /// The fields of `document` that its type doesn't have.
    pub(super) fn of(document: &Value, unknown: &[UnknownField]) -> Self {
        let kept = unknown.iter().filter_map(|field| {
            let value = strict::at(document, &field.path)?;
            Some((field.path.clone(), value.clone()))
        });
        Self::by_path(kept.collect())
    }

    /// In order, so that those of one part stand together and are found without looking at all.
    fn by_path(mut kept: Vec<(String, Value)>) -> Self {
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(kept)
    }

    /// Whether the types have everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts those that stand below `place`, such as `spec.volumes[0]`, into `part`, which is what the types have of it.
    pub(crate) fn put_back(&self, place: &str, part: &mut Value) {
        let first = self.0.partition_point(|(path, _)| path.as_str() < place);
        let of_place = self.0.iter().skip(first);
        for (path, value) in of_place.take_while(|(path, _)| path.starts_with(place)) {
            if let Some(below) = path.strip_prefix(place)
                && below.starts_with(['.', '['])
            {
                strict::insert(part, below, value.clone());
            }
        }
    }
}

impl fmt::Debug for KeptFields {
    /// Values may be secrets, so only the paths are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(path, _)| path))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_comes_back_to_the_part_that_it_was_in_and_to_no_other() {
        let kept = KeptFields::by_path(vec![
            ("spec.volumes[1].future".to_owned(), json!({"a": 1})),
            ("spec.volumes[1].csi[\"odd.key\"]".to_owned(), json!(2)),
            ("spec.volumes[11].future".to_owned(), json!(3)),
        ]);
        let mut part = json!({"name": "v", "csi": {"driver": "d"}});
        kept.put_back("spec.volumes[1]", &mut part);
        assert_eq!(
            part,
            json!({"name": "v", "csi": {"driver": "d", "odd.key": 2}, "future": {"a": 1}})
        );
        assert!(!format!("{kept:?}").contains("Object"), "{kept:?}");
    }
}
