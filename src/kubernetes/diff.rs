//! What differs between two objects, by field path.

use crate::strict::Place;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, as in `spec.containers[spark-kubernetes-driver].image`: items of a list that were matched by name
    /// have their name for an index.
    pub path: String,
    /// What the left side has there; nothing where the field is absent.
    pub left: Option<Value>,
    /// What the right side has there.
    pub right: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "(absent)".to_owned(), Value::to_string)
        };
        write!(f, "{}: {} -> {}", self.path, side(&self.left), side(&self.right))
    }
}

/// The fields by which the items of Kubernetes' lists are known, the first that all items of both sides have.
/// A mount is known by its path, for a volume can be mounted twice.
pub(crate) const ITEM_KEYS: [&str; 4] = ["mountPath", "name", "containerPort", "uid"];

/// The metadata that the API server writes into each object anew.
pub(crate) const ASSIGNED_BY_SERVER: [&str; 6] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "selfLink",
];

/// All differences between two objects, in the order of their paths.
///
/// Lists of items that have a name are compared as mappings by name: their order doesn't count, but among items
/// of the same name, as among environment variables, of which the last one counts. Null is an absent field.
/// Values are shown unchanged: the caller wants to see them.
pub fn differences(a: &Value, b: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(Place::Document, Some(a), Some(b), &mut found);
    found
}

fn compare(place: Place<'_>, left: Option<&Value>, right: Option<&Value>, found: &mut Vec<Difference>) {
    let (left, right) = (
        left.filter(|value| !value.is_null()),
        right.filter(|value| !value.is_null()),
    );
    match (left, right) {
        (left, right) if left == right => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let a = a.iter().map(|(key, value)| (key.as_str(), value)).collect();
            let b = b.iter().map(|(key, value)| (key.as_str(), value)).collect();
            for (key, left, right) in pairs(a, b) {
                compare(Place::Field(&place, key), left, right, found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            let key = ITEM_KEYS
                .into_iter()
                .find(|key| a.iter().chain(b).all(|item| name(item, key).is_some()));
            if let Some(key) = key {
                for (name, left, right) in pairs(named(a, key), named(b, key)) {
                    compare(Place::Named(&place, &name), left, right, found);
                }
            } else {
                for index in 0..a.len().max(b.len()) {
                    compare(Place::Item(&place, index), a.get(index), b.get(index), found);
                }
            }
        }
        (left, right) => found.push(Difference {
            path: place.to_string(),
            left: left.cloned(),
            right: right.cloned(),
        }),
    }
}

fn name(item: &Value, key: &str) -> Option<String> {
    match item.get(key)? {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Items by name; of the same name, the second is `name#2`.
fn named<'v>(items: &'v [Value], key: &str) -> BTreeMap<String, &'v Value> {
    let mut named = BTreeMap::new();
    // Up to where the numbers of a name are taken, so that they are not all tried again.
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for item in items {
        let name = name(item, key).unwrap_or_default();
        let nth = |n: usize| {
            if n == 1 {
                name.clone()
            } else {
                format!("{name}#{n}")
            }
        };
        let first = taken.get(&name).map_or(1, |taken| taken + 1);
        let free = (first..=items.len()).find(|n| !named.contains_key(&nth(*n)));
        named.insert(free.map(nth).unwrap_or_default(), item);
        taken.insert(name, free.unwrap_or(items.len()));
    }
    named
}

type Pair<'v, K> = (K, Option<&'v Value>, Option<&'v Value>);

fn pairs<'v, K: Ord + Clone>(a: BTreeMap<K, &'v Value>, b: BTreeMap<K, &'v Value>) -> Vec<Pair<'v, K>> {
    let mut all: BTreeMap<K, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
    for (key, value) in a {
        all.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in b {
        all.entry(key).or_default().1 = Some(value);
    }
    all.into_iter()
        .map(|(key, (left, right))| (key, left, right))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(a: &Value, b: &Value) -> Vec<String> {
        differences(a, b).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn named_items_are_matched_by_name() {
        let a = json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "same": 1, "null": null});
        let b = json!({"containers": [{"name": "c"}, {"name": "b"}, {"name": "a", "image": "y"}], "same": 1});
        assert_eq!(
            lines(&a, &b),
            [
                "containers[a].image: \"x\" -> \"y\"",
                "containers[c]: (absent) -> {\"name\":\"c\"}"
            ]
        );
    }

    #[test]
    fn the_order_of_the_same_name_counts() {
        let env =
            |values: [&str; 2]| json!([{"name": "A", "value": values[0]}, {"name": "A", "value": values[1]}]);
        assert_eq!(lines(&env(["1", "2"]), &env(["1", "2"])), [""; 0]);
        assert_eq!(
            lines(&env(["1", "2"]), &env(["2", "1"])),
            ["[A].value: \"1\" -> \"2\"", "[A#2].value: \"2\" -> \"1\""]
        );
    }

    #[test]
    fn mounts_are_matched_by_path_and_other_lists_by_place() {
        let a = json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}], "args": ["x", "y"]});
        let b =
            json!({"m": [{"name": "w", "mountPath": "/b"}, {"name": "v", "mountPath": "/a"}], "args": ["x"]});
        assert_eq!(
            lines(&a, &b),
            ["args[1]: \"y\" -> (absent)", "m[/b].name: \"v\" -> \"w\""]
        );
    }

    #[test]
    fn an_object_may_become_another_type() {
        assert_eq!(
            lines(&json!({"a": {"b": 1}}), &json!({"a": 1})),
            ["a: {\"b\":1} -> 1"]
        );
        assert_eq!(lines(&json!(1), &json!(2)), [": 1 -> 2"]);
    }
}
