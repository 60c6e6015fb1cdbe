//! An object as the API server answers with it, without what is the most of it and nobody here reads.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use std::fmt;

/// What asks for no more than the metadata of what was created, and takes the whole from a server that gives no less.
/// ([Receiving resources as metadata](https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches))
pub(super) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// Who wrote which field: of a new Pod's metadata three quarters.
const MANAGED_FIELDS: &str = "managedFields";

/// An object without its `metadata.managedFields`.
pub(super) struct Answer(pub(super) Value);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::OfObject.deserialize(deserializer).map(Self)
    }
}

/// Whose fields are read.
enum Fields {
    OfObject,
    OfMetadata,
}

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = match (&self, name.as_str()) {
                (Self::OfMetadata, MANAGED_FIELDS) => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Self::OfObject, "metadata") => fields.next_value_seed(Self::OfMetadata)?,
                _ => fields.next_value()?,
            };
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_is_read_but_the_managed_fields() {
        let answer = json!({
            "kind": "Pod", "metadata": {"name": "a", "uid": "1", "managedFields": [{"manager": "x"}]},
            "spec": {"managedFields": 1, "metadata": {"managedFields": 2}},
        });
        let read: Answer = serde_json::from_str(&answer.to_string()).unwrap();
        let mut expected = answer;
        expected["metadata"]
            .as_object_mut()
            .unwrap()
            .remove(MANAGED_FIELDS);
        assert_eq!(read.0, expected);
        for wrong in ["[]", "1", "{\"metadata\": 1}", "{"] {
            assert!(serde_json::from_str::<Answer>(wrong).is_err(), "{wrong}");
        }
    }
}
