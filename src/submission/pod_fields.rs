//! Kubernetes' own shapes as JSON maps, edited in place.

use serde_json::{Map, Value};

/// Appends to a list, which is made if it isn't there.
pub(crate) fn append(map: &mut Map<String, Value>, field: &str, items: impl IntoIterator<Item = Value>) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_none() {
        return;
    }
    match map.entry(field).or_insert(Value::Null) {
        Value::Array(list) => list.extend(items),
        other => *other = items.collect(),
    }
}

/// Adds entries to a map within a map, which is made if it isn't there; the new entries win.
pub(crate) fn extend(
    map: &mut Map<String, Value>,
    field: &str,
    entries: impl IntoIterator<Item = (String, Value)>,
) {
    let mut entries = entries.into_iter().peekable();
    if entries.peek().is_none() {
        return;
    }
    match map.entry(field).or_insert(Value::Null) {
        Value::Object(inner) => inner.extend(entries),
        other => *other = Value::Object(entries.collect()),
    }
}
