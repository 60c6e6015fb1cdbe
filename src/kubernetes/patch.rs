//! Strategic merge: a partial object laid over a whole one, as `kubectl patch` does it.
//!
//! Mappings are merged, null removes, lists of named things are merged by the key that Kubernetes' API gives them
//! (`patchMergeKey`), finalizers are added, and every other list is replaced. `$patch: delete` removes an item, `$patch: replace` replaces a
//! mapping or list.
//!
//! Not k8s-openapi's `DeepMerge`, which works on its types: what those don't know would be lost, nothing could be removed,
//! and of variables of the same name all but one would go.

use crate::{
    finding::{Statement, Words, expected},
    strict::{Place, Problem},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The directive that a mapping of a patch may have.
const DIRECTIVE: &str = "$patch";

/// How deep a patch may nest; Kubernetes' own types stay far below.
const DEEPEST: usize = 64;

/// The fields that a patch wrote or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    written: Vec<Trace>,
    removed: Vec<Trace>,
}

/// One place in two documents, as paths.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trace {
    /// In the merged object.
    merged: String,
    /// In the patch, which has its own order of items.
    own: String,
}

impl Touched {
    /// Where in the patch a field of the merged object got its value, or lost it; `None` where the patch has nothing to do with it.
    pub(crate) fn in_patch(&self, path: &str) -> Option<String> {
        let within = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| rest.to_owned())
        };
        let mut touched = self.written.iter().chain(&self.removed);
        let written = touched.find_map(|trace| Some(trace.own.clone() + &within(&trace.merged, path)?));
        let mut removed = self.removed.iter();
        written.or_else(|| removed.find_map(|trace| within(path, &trace.merged).map(|_| trace.own.clone())))
    }
}

/// Where new containers of a Pod go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Containers {
    /// Before the last one, which Spark takes for the driver.
    BeforeLast,
    /// Behind the others: of an executor pod template Spark takes the first one.
    Behind,
}

/// Lays `patch` over `object`.
pub(crate) fn merge(object: &mut Value, patch: Value, containers: Containers) -> Result<Touched, Problem> {
    let Value::Object(patch) = patch else {
        return Err(problem(
            &Both::DOCUMENT,
            expected("a mapping: the part of the object that the patch changes"),
        ));
    };
    let mut merge = Merge {
        containers,
        touched: Touched::default(),
    };
    merge.mapping(object, patch, &Both::DOCUMENT)?;
    Ok(merge.touched)
}

/// A place in the merged object, and the same in the patch.
#[derive(Clone, Copy)]
struct Both<'p> {
    merged: Place<'p>,
    own: Place<'p>,
}

impl<'p> Both<'p> {
    const DOCUMENT: Self = Self {
        merged: Place::Document,
        own: Place::Document,
    };

    fn field(&'p self, name: &'p str) -> Self {
        Self {
            merged: Place::Field(&self.merged, name),
            own: Place::Field(&self.own, name),
        }
    }

    fn item(&'p self, merged: usize, own: usize) -> Self {
        Self {
            merged: Place::Item(&self.merged, merged),
            own: Place::Item(&self.own, own),
        }
    }

    fn trace(&self) -> Trace {
        Trace {
            merged: self.merged.to_string(),
            own: self.own.to_string(),
        }
    }
}

/// A patch that is being laid over an object.
struct Merge {
    containers: Containers,
    touched: Touched,
}

/// A problem of the patch itself, with the path in the patch.
fn problem(place: &Both<'_>, said: Statement) -> Problem {
    Problem::new(place.own.to_string(), said)
}

impl Merge {
    fn mapping(
        &mut self,
        target: &mut Value,
        mut patch: Map<String, Value>,
        place: &Both<'_>,
    ) -> Result<(), Problem> {
        if place.own.depth() > DEEPEST {
            return Err(problem(
                place,
                expected(Words::own(format!("at most {DEEPEST} levels of nesting"))).kind("more"),
            ));
        }
        let replaces = match patch.remove(DIRECTIVE) {
            None => false,
            Some(directive) if directive == "replace" => true,
            Some(_) => {
                return Err(problem(
                    place,
                    expected("`$patch: replace`").advice("`$patch: delete` is for items of lists"),
                ));
            }
        };
        if let Some(name) = patch.keys().find(|name| name.starts_with('$')) {
            let field = place.field(name);
            return Err(problem(
                &field,
                expected("`$patch: delete` or `$patch: replace`").kind("another directive"),
            ));
        }
        if replaces || !target.is_object() {
            self.touched.written.push(place.trace());
            *target = Value::Object(Map::new());
        }
        let Value::Object(fields) = target else {
            return Ok(());
        };
        for (name, value) in patch {
            let here = place.field(&name);
            match value {
                Value::Null => {
                    self.touched.removed.push(here.trace());
                    fields.remove(&name);
                }
                Value::Object(inner) => {
                    self.mapping(fields.entry(&name).or_insert(Value::Null), inner, &here)?;
                }
                Value::Array(items) => match merge_key(&place.merged, &name) {
                    Some(key) => {
                        let list = fields.entry(&name).or_insert(Value::Null);
                        self.list(list, items, key, &here)?;
                    }
                    None => {
                        self.touched.written.push(here.trace());
                        let mut items = without_directive(items, &here)?;
                        if let Some(Value::Array(known)) = fields.get(&name)
                            && is_added_to(&place.merged, &name)
                        {
                            let new = items.into_iter().filter(|item| !known.contains(item));
                            items = known.iter().cloned().chain(new).collect();
                        }
                        fields.insert(name, Value::Array(items));
                    }
                },
                scalar => {
                    self.touched.written.push(here.trace());
                    fields.insert(name, scalar);
                }
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        target: &mut Value,
        items: Vec<Value>,
        key: &str,
        place: &Both<'_>,
    ) -> Result<(), Problem> {
        let replaces = items
            .iter()
            .any(|item| *item == serde_json::json!({DIRECTIVE: "replace"}));
        if replaces || !target.is_array() {
            self.touched.written.push(place.trace());
            *target = Value::Array(Vec::new());
        }
        let Value::Array(list) = target else {
            return Ok(());
        };
        let mut patches = Vec::new();
        let mut last = indices(list, key);
        let mut deleted = BTreeSet::new();
        for (own, item) in items.into_iter().enumerate() {
            // Where it will be in the merged list isn't known yet, and no matter.
            let here = place.item(own, own);
            let Value::Object(mut item) = item else {
                return Err(problem(&here, expected("a mapping with the fields of the item")));
            };
            let directive = item.remove(DIRECTIVE);
            let Some(name) = item.get(key).cloned() else {
                if item.is_empty() && directive.as_ref().is_some_and(|directive| directive == "replace") {
                    continue;
                }
                return Err(problem(
                    &here,
                    expected(Words::own(format!(
                        "a `{key}`, by which the items of this list are known"
                    )))
                    .nothing(),
                ));
            };
            match directive {
                Some(directive) if directive == "delete" => {
                    self.touched.removed.push(Trace {
                        merged: place.merged.to_string(),
                        own: here.own.to_string(),
                    });
                    deleted.insert(name.to_string());
                }
                Some(directive) if directive == "replace" => {
                    let index = last.get(&name.to_string());
                    if let Some(known) = index.and_then(|index| list.get_mut(*index)) {
                        *known = Value::Null;
                        known_by(known, key, name.clone());
                    }
                    patches.push((own, name, item));
                }
                Some(_) => return Err(problem(&here, expected("`$patch: delete` or `$patch: replace`"))),
                None => patches.push((own, name, item)),
            }
        }
        if !deleted.is_empty() {
            list.retain(|known| {
                known
                    .get(key)
                    .is_none_or(|name| !deleted.contains(&name.to_string()))
            });
            last = indices(list, key);
        }
        // New items first: where they are put moves the others.
        for (own, name, _) in &patches {
            if !last.contains_key(&name.to_string()) {
                let at = match place.merged {
                    Place::Field(_, "containers") if self.containers == Containers::BeforeLast => {
                        list.len().saturating_sub(1)
                    }
                    _ => list.len(),
                };
                let mut new = Value::Null;
                known_by(&mut new, key, name.clone());
                list.insert(at, new);
                last.insert(name.to_string(), at);
                if let Some(moved) = list.get(at + 1).and_then(|moved| moved.get(key)) {
                    last.insert(moved.to_string(), at + 1);
                }
                self.touched.written.push(place.item(at, *own).trace());
            }
        }
        for (own, name, item) in patches {
            // Of variables of the same name the last one counts.
            if let Some(&index) = last.get(&name.to_string()) {
                self.mapping(&mut list[index], item, &place.item(index, own))?;
            }
        }
        Ok(())
    }
}

/// Where the items of a list are, by their names; of several with one name the last.
fn indices(list: &[Value], key: &str) -> BTreeMap<String, usize> {
    let named = list.iter().enumerate();
    named
        .filter_map(|(index, item)| Some((item.get(key)?.to_string(), index)))
        .collect()
}

/// The key by which the items of a list are known: `patchMergeKey` of the field in Kubernetes' API reference.
fn merge_key(parent: &Place<'_>, list: &str) -> Option<&'static str> {
    let in_container = matches!(
        parent,
        Place::Item(
            Place::Field(_, "containers" | "initContainers" | "ephemeralContainers"),
            _
        )
    );
    let in_spec = matches!(parent, Place::Field(Place::Document, "spec"));
    match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates"
        | "evictionResponders"
            if in_spec =>
        {
            Some("name")
        }
        "ownerReferences" if is_metadata(parent) => Some("uid"),
        "hostAliases" if in_spec => Some("ip"),
        "topologySpreadConstraints" if in_spec => Some("topologyKey"),
        "ports" if in_spec => Some("port"),
        "env" if in_container => Some("name"),
        "volumeMounts" if in_container => Some("mountPath"),
        "volumeDevices" if in_container => Some("devicePath"),
        "ports" if in_container => Some("containerPort"),
        _ => None,
    }
}

/// Whether a patch adds to a list of plain values: `patchStrategy` is `merge`, and there is no key.
fn is_added_to(parent: &Place<'_>, list: &str) -> bool {
    is_metadata(parent) && list == "finalizers"
}

fn is_metadata(place: &Place<'_>) -> bool {
    matches!(place, Place::Field(Place::Document, "metadata"))
}

/// The items of a list that is replaced anyway, without the one that says so.
fn without_directive(items: Vec<Value>, place: &Both<'_>) -> Result<Vec<Value>, Problem> {
    let is_replace = |item: &Value| *item == serde_json::json!({DIRECTIVE: "replace"});
    let other = items
        .iter()
        .position(|item| item.get(DIRECTIVE).is_some() && !is_replace(item));
    if let Some(own) = other {
        return Err(problem(
            &place.item(own, own),
            expected("no `$patch` in this list")
                .advice("it is replaced whole, for it has no key by which its items are known"),
        ));
    }
    Ok(items.into_iter().filter(|item| !is_replace(item)).collect())
}

fn known_by(item: &mut Value, key: &str, name: Value) {
    *item = Value::Object(Map::from_iter([(key.to_owned(), name)]));
}

#[cfg(test)]
mod tests;
