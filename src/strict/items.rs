//! A list of Kubernetes objects, read item by item: each with a budget of its own, and none kept longer than its reader needs it.

use super::{
    DocumentShape, Problem, Unread,
    bounded::{Bounds, Format},
    unread, yaml_options,
};
use crate::{finding::expected, limits::Budget};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Takes one item: its index, the item, and what is left of its budget.
pub type TakeItem<'t> = &'t mut dyn FnMut(usize, Value, Budget);

/// Reads the `items` of a mapping in YAML or JSON, each within the limits of one document; other fields are passed over.
/// The result is how many there were.
///
/// # Errors
/// Where it is no mapping with `items`, or is not YAML, or an item is larger than a limit allows. Items before it were taken.
pub fn read_items(text: &str, shape: DocumentShape, take: TakeItem<'_>) -> Result<usize, Unread> {
    let is_json = text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    let format = if is_json { Format::Json } else { Format::Yaml };
    let mut fault = None;
    let list = List {
        shape,
        format,
        take,
        fault: &mut fault,
    };
    let read = if is_json {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        list.deserialize(&mut deserializer)
            .map_err(|_| Problem::new("items", expected("a list of mappings")).into())
    } else {
        serde_yaml::with_deserializer_from_str_with_options(text, yaml_options(text), |deserializer| {
            list.deserialize(deserializer)
        })
        .map_err(|error| unread(&error, text))
    };
    match (read, fault) {
        (Ok(Some(count)), _) => Ok(count),
        (_, Some(fault)) => Err(fault),
        (Ok(None), None) => Err(Problem::new("items", expected("a list").nothing()).into()),
        (Err(unread), None) => Err(unread),
    }
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// The mapping with the items.
struct List<'t, 'f> {
    shape: DocumentShape,
    format: Format,
    take: TakeItem<'t>,
    fault: &'f mut Option<Unread>,
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut count = None;
        while let Some(key) = fields.next_key::<String>()? {
            if key == "items" {
                count = Some(fields.next_value_seed(Items(&mut self))?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(count)
    }
}

/// The items themselves.
struct Items<'l, 't, 'f>(&'l mut List<'t, 'f>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<usize, A::Error> {
        let list = self.0;
        let mut count = 0;
        loop {
            let mut budget = Budget::default();
            let bounds = Bounds::new(&mut budget, list.shape, list.format);
            let next = items.next_element_seed(bounds.document());
            if let Some(fault) = bounds.fault() {
                *list.fault = Some(in_item(fault, count));
            }
            match next? {
                Some(item) => (list.take)(count, item, budget),
                None => return Ok(count),
            }
            count += 1;
        }
    }
}

/// The same with the item's place in its path.
fn in_item(fault: Unread, index: usize) -> Unread {
    let item = format!("items[{index}]");
    match fault {
        Unread::OverLimit(over) => Unread::OverLimit(over.below(&item)),
        Unread::KeyTwice(path) if path.is_empty() => Unread::KeyTwice(item),
        Unread::KeyTwice(path) => Unread::KeyTwice(format!("{item}.{path}")),
        Unread::Problem(problem) => Unread::Problem(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn items(text: &str) -> Result<Vec<Value>, Unread> {
        let mut items = Vec::new();
        read_items(text, DocumentShape::Application, &mut |_, item, _| {
            items.push(item);
        })?;
        Ok(items)
    }

    #[test]
    fn each_item_has_the_limits_of_a_document_of_its_own() {
        // Three times 40,000 values are more than one document may have.
        let item = format!("{{\"a\":[{}]}}", vec!["[0,0,0]"; 9_999].join(","));
        let text = format!("{{\"items\":[{item},{item},{item}],\"kind\":\"List\"}}");
        assert_eq!(items(&text).unwrap().len(), 3);
        assert_eq!(items(&format!("# yaml\n{text}")).unwrap().len(), 3);
        let lists = format!("{{\"a\":[{}]}}", vec!["[0,0,0,0,0,0,0,0,0,0]"; 9_999].join(","));
        for comment in ["", "# yaml\n"] {
            let refused = items(&format!("{comment}{{\"items\":[{{}},{lists}]}}")).unwrap_err();
            let Unread::OverLimit(over) = refused else {
                panic!("{refused:?}")
            };
            assert!(over.path.starts_with("items[1].a"), "{over}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let refused = items("{\"items\": 3}").unwrap_err();
        let Unread::Problem(problem) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(problem.to_string(), "items: expected a list of mappings");
    }

    #[test]
    fn yaml_and_json_are_read_alike() {
        for text in [
            "items:\n- {a: 1, status: {b: 2}}\n- c\nkind: List\n",
            "{\"kind\":\"List\",\"items\":[{\"a\":1,\"status\":{\"b\":2}},\"c\"]}",
        ] {
            assert_eq!(items(text).unwrap(), [json!({"a": 1}), json!("c")], "{text}");
        }
        for text in [
            "a: 1",
            "items: 1",
            "[]",
            "{\"items\":{}}",
            "items: [\n",
            "{\"items\":[{\"a\":1,\"a\":2}]}",
        ] {
            assert!(items(text).is_err(), "{text}");
        }
    }
}
