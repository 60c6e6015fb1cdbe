//! Kubernetes' own shapes as JSON maps, edited in place.

use crate::limits::{CONTAINERS, OverLimit};
use serde_json::{Map, Value};

/// The lists of a Pod's containers.
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// That a Pod with this `spec` has no more containers than allowed.
pub(crate) fn few_containers(spec: &Map<String, Value>, path: &str) -> Result<(), OverLimit> {
    let lists = CONTAINER_LISTS
        .iter()
        .filter_map(|list| spec.get(*list)?.as_array());
    CONTAINERS.holds(path, lists.map(Vec::len).sum())
}

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
