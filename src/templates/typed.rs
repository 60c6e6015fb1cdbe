//! Values whose type is known: a missing field can be tested for, and an unknown field is an error.
//!
//! A field that the type has and the object hasn't reads as an empty object, an empty list or `none`, so that a template
//! needs no questions on its way down. A field that the type hasn't is an error however it is read: it is also noted, and
//! the render fails at its end where a filter or a test swallowed the error.

mod context;
mod functions;
mod kinds;
mod unknown;

pub(super) use context::{context, with};
pub(super) use functions::{install, kind_of};
pub(super) use kinds::{plan as plan_shape, shape_of};
pub(super) use unknown::{Unknown, did_you_mean, nearest};

use crate::kubernetes::{Fields, ObjectKind, Shape};
use minijinja::value::{DynObject, Enumerator, Object, ObjectExt as _, ObjectRepr, Serde, Value};
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, cmp::Ordering, sync::Arc};

thread_local! {
    /// The first unknown field that was read on this thread since the last look. A filter has no other way to report
    /// it to the rendering.
    static UNKNOWN: RefCell<Option<Unknown>> = const { RefCell::new(None) };
}

/// An object of Kubernetes of this kind (`Pod`), for a template to read; of a kind without a type its `metadata` alone is
/// typed. Null is an object that isn't there.
pub(super) fn value(kind: &str, json: &serde_json::Value) -> Value {
    present(&shape_of(kind), Value::from(Serde(json)))
}

/// An object of the kind that it says it is.
pub(super) fn object(json: &serde_json::Value) -> Value {
    let kind = ObjectKind::of(json);
    value(kind.as_ref().map_or("", ObjectKind::name), json)
}

/// A value of our own whose fields are all that it can have.
pub(super) fn record<T: Serialize + DeserializeOwned>(value: &T) -> Value {
    present(&Shape::of::<T>(), Value::from(Serde(value)))
}

/// The unknown field that was read first since this was last called.
pub(super) fn taken() -> Option<Unknown> {
    UNKNOWN.take()
}

/// Whether a value is an object, a list or a mapping that isn't there.
pub(super) fn is_absent(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        object.downcast_ref::<Nothing>().is_some()
            || object
                .downcast_ref::<Typed>()
                .is_some_and(|typed| typed.is_absent)
    })
}

/// Whether a value has a type of which each field is known.
pub(super) fn is_typed(value: &Value) -> bool {
    let object = value.as_object();
    object.is_some_and(|object| {
        object
            .downcast_ref::<Typed>()
            .is_some_and(|typed| !typed.fields.is_open)
    })
}

/// A value of this shape.
fn present(shape: &Shape, value: Value) -> Value {
    if value.is_none() || value.is_undefined() {
        return absent(shape);
    }
    match (shape, value.as_object().map(DynObject::repr)) {
        (Shape::Object(fields), Some(ObjectRepr::Map)) => Value::from_object(Typed {
            value,
            fields: Arc::clone(fields),
            is_absent: false,
        }),
        (Shape::List(item), Some(ObjectRepr::Seq)) if has_fields(item) => Value::from_object(List {
            value,
            item: Arc::clone(item),
        }),
        // A wrong type is found where the object is checked; here it is what it is.
        _ => value,
    }
}

/// What a field of this shape reads as where it isn't there.
fn absent(shape: &Shape) -> Value {
    match shape {
        Shape::Object(fields) => Value::from_object(Typed {
            value: Value::from(()),
            fields: Arc::clone(fields),
            is_absent: true,
        }),
        Shape::List(_) => Value::from_object(Nothing(ObjectRepr::Seq)),
        Shape::Map(_) => Value::from_object(Nothing(ObjectRepr::Map)),
        Shape::Scalar(_) | Shape::Open => Value::from(()),
    }
}

/// Whether anything of this shape is an object whose fields are known.
fn has_fields(shape: &Shape) -> bool {
    match shape {
        Shape::Object(_) => true,
        Shape::List(item) | Shape::Map(item) => has_fields(item),
        Shape::Scalar(_) | Shape::Open => false,
    }
}

/// An object whose fields are known.
#[derive(Debug)]
struct Typed {
    /// The object as it is, a plain mapping; none where it isn't there.
    value: Value,
    fields: Arc<Fields>,
    is_absent: bool,
}

impl Typed {
    fn field(&self, name: &str) -> Option<Value> {
        let found = self.value.get_attr(name).ok()?;
        (!found.is_undefined() && !found.is_none()).then_some(found)
    }

    /// A field of any name; a known one that isn't there is none.
    fn read(&self, name: &str) -> Option<Value> {
        match (self.fields.get(name), self.field(name)) {
            (Some(shape), Some(found)) => Some(present(shape, found)),
            // It is there, in an object from a newer Kubernetes.
            (None, Some(found)) => Some(found),
            (Some(_), None) => None,
            (None, None) if self.fields.is_open => None,
            (None, None) => {
                // No value that fails when it is used: the engine's filters panic where they sort those.
                UNKNOWN.with_borrow_mut(|first| {
                    first.get_or_insert_with(|| Unknown::new(&self.fields, name));
                });
                None
            }
        }
    }
}

impl Object for Typed {
    /// Also for `in`, to which what isn't there must be none.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.read(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        self.read(name).or_else(|| self.fields.get(name).map(absent))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.is_absent {
            return Enumerator::Empty;
        }
        self.mapped_key_value_enumerator(|typed| {
            let pairs = typed.value.as_object().and_then(DynObject::try_iter_pairs);
            Box::new(pairs.into_iter().flatten().map(|(key, value)| {
                let shape = key.as_str().and_then(|name| typed.fields.get(name));
                let value = match shape {
                    Some(shape) if !value.is_none() => present(shape, value),
                    _ => value,
                };
                (key, value)
            }))
        })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        if self.is_absent { Some(0) } else { self.value.len() }
    }

    /// `emptyDir: {}` is there. What a variable holds of an object beside other variables is there if it holds something.
    fn is_true(self: &Arc<Self>) -> bool {
        !self.is_absent && (!self.fields.is_rest() || self.value.len() != Some(0))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        Some(self.value.cmp(&other.value))
    }
}

/// A list whose items have fields.
#[derive(Debug)]
struct List {
    value: Value,
    item: Arc<Shape>,
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let item = self.value.get_item(key).ok()?;
        let is_there = !item.is_undefined();
        is_there.then(|| {
            if item.is_none() {
                item
            } else {
                present(&self.item, item)
            }
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.value.len().unwrap_or_default())
    }
}

/// A list or a mapping that isn't there.
#[derive(Debug)]
struct Nothing(ObjectRepr);

impl Object for Nothing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        self.0
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }
}
