//! Kubernetes' own shapes as JSON maps, edited in place.

use crate::limits::{CONTAINERS, OverLimit, VOLUMES};
use serde_json::{Map, Value};

/// The lists of a Pod's containers.
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// That a Pod with this `spec`, which stands at `path`, and `more` containers beside has no more containers and volumes than allowed.
pub(crate) fn within_limits(spec: &Map<String, Value>, more: usize, path: &str) -> Result<(), OverLimit> {
    let count = |list: &str| spec.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    let containers: usize = CONTAINER_LISTS.into_iter().map(count).sum();
    CONTAINERS.holds(&format!("{path}.containers"), more + containers)?;
    VOLUMES.holds(&format!("{path}.volumes"), count("volumes"))
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
