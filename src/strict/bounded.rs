//! A document read into a [`Value`] with every limit held while it is read, whatever format it has.

use super::{Place, Problem};
use crate::{
    finding::{Found, Words, expected, rule},
    limits::{Budget, DEPTH, ENTRIES, Limit, OverLimit, STRING},
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::RefCell, fmt};

/// What of a document is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All of it is.
    Any,
    /// A Kubernetes object: `metadata.managedFields` is passed over, and doesn't count.
    Object,
    /// A `SparkApplication`: as an object, and its `status` is passed over too.
    Application,
    /// A mapping of which only these fields are built; the others count all the same.
    Fields(&'static [&'static str]),
}

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is not of its format.
    Problem(Problem),
    /// It is larger than a limit allows.
    OverLimit(OverLimit),
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Problem(problem) => problem,
            Unread::OverLimit(over) => {
                let message = over.message();
                Self::new(over.path, rule(Words::own(message)))
            }
        }
    }
}

/// What is read, where the formats differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON: a key twice is an error.
    Json,
    /// JSON in the place of YAML: so is a number with a fraction.
    JsonAsYaml,
    /// YAML, whose reader knows by itself which keys are the same.
    Yaml,
}

/// One reading: what it may read, and why it ended early.
pub(super) struct Bounds<'b> {
    budget: RefCell<&'b mut Budget>,
    shape: Shape,
    format: Format,
    fault: RefCell<Option<Unread>>,
}

impl<'b> Bounds<'b> {
    pub(super) fn new(budget: &'b mut Budget, shape: Shape, format: Format) -> Self {
        Self {
            budget: RefCell::new(budget),
            shape,
            format,
            fault: RefCell::default(),
        }
    }

    /// What reads the document.
    pub(super) fn document(&self) -> Node<'_, 'b> {
        Node {
            bounds: self,
            place: Place::Document,
            depth: 0,
            built: true,
        }
    }

    /// Why the reading ended, where it was not the format.
    pub(super) fn fault(self) -> Option<Unread> {
        self.fault.into_inner()
    }

    fn over<E: Error>(&self, limit: Limit, place: &Place<'_>) -> E {
        self.end(Unread::OverLimit(limit.at(place)), "over a limit")
    }

    fn end<E: Error>(&self, fault: Unread, what: &str) -> E {
        self.fault.borrow_mut().get_or_insert(fault);
        E::custom(what)
    }
}

/// The seed of one value.
#[derive(Clone, Copy)]
pub(super) struct Node<'r, 'b> {
    bounds: &'r Bounds<'b>,
    place: Place<'r>,
    depth: usize,
    /// Otherwise it is counted only.
    built: bool,
}

/// What becomes of a field.
enum Field {
    Built,
    Counted,
    PassedOver,
}

impl<'b> Node<'_, 'b> {
    fn below<'q>(&'q self, place: Place<'q>, built: bool) -> Node<'q, 'b> {
        Node {
            bounds: self.bounds,
            place,
            depth: self.depth + 1,
            built: self.built && built,
        }
    }

    fn field(&self, name: &str) -> Field {
        let in_metadata = matches!(self.place, Place::Field(Place::Document, "metadata"));
        match self.bounds.shape {
            Shape::Object | Shape::Application if in_metadata && name == "managedFields" => Field::PassedOver,
            Shape::Application if self.depth == 0 && name == "status" => Field::PassedOver,
            Shape::Fields(known) if self.depth == 0 && !known.contains(&name) => Field::Counted,
            _ => Field::Built,
        }
    }

    fn text<E: Error>(&self, bytes: usize) -> Result<(), E> {
        if bytes > STRING.most {
            return Err(self.bounds.over(STRING, &self.place));
        }
        if !self.bounds.budget.borrow_mut().text(bytes) {
            return Err(self.bounds.over(crate::limits::TEXT, &self.place));
        }
        Ok(())
    }

    fn scalar<E: Error>(&self, value: impl Into<Value>) -> Result<Value, E> {
        Ok(if self.built { value.into() } else { Value::Null })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEPTH.most {
            return Err(self.bounds.over(DEPTH, &self.place));
        }
        if !self.bounds.budget.borrow_mut().nodes(1) {
            return Err(self.bounds.over(crate::limits::NODES, &self.place));
        }
        deserializer.deserialize_any(self)
    }
}

/// As [`Value`]'s own, but for what is counted.
impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        let number = Number::from_i128(value).ok_or_else(|| E::custom("number out of range"))?;
        self.scalar(number)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        let number = Number::from_u128(value).ok_or_else(|| E::custom("number out of range"))?;
        self.scalar(number)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if self.bounds.format == Format::JsonAsYaml {
            return Err(E::custom("a number with a fraction"));
        }
        self.scalar(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value.len())?;
        self.scalar(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.text(value.len())?;
        self.scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let mut count = 0;
        while let Some(item) = items.next_element_seed(self.below(Place::Item(&self.place, count), true))? {
            count += 1;
            if count > ENTRIES.most {
                return Err(self.bounds.over(ENTRIES, &self.place));
            }
            if self.built {
                list.push(item);
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.len() >= ENTRIES.most {
                return Err(self.bounds.over(ENTRIES, &self.place));
            }
            self.text(key.len())?;
            if self.bounds.format != Format::Yaml && map.contains_key(&key) {
                let said = expected("each key once").found(Found::Kind("one twice".into()));
                let fault = Problem::new(self.place.to_string(), said);
                return Err(self.bounds.end(Unread::Problem(fault), "duplicate key"));
            }
            let value = match self.field(&key) {
                Field::PassedOver => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
                Field::Built => entries.next_value_seed(self.below(Place::Field(&self.place, &key), true))?,
                Field::Counted => {
                    entries.next_value_seed(self.below(Place::Field(&self.place, &key), false))?
                }
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Counts what is built of a document already, as a reader would have counted it.
///
/// # Errors
/// Where it is larger than a limit allows.
pub fn count(value: &Value, budget: &mut Budget) -> Result<(), OverLimit> {
    counted(value, &Place::Document, 0, budget)
}

fn counted(value: &Value, place: &Place<'_>, depth: usize, budget: &mut Budget) -> Result<(), OverLimit> {
    if depth > DEPTH.most {
        return Err(DEPTH.at(place));
    }
    if !budget.nodes(1) {
        return Err(crate::limits::NODES.at(place));
    }
    let mut text = |text: &str| {
        if text.len() > STRING.most {
            return Err(STRING.at(place));
        }
        if budget.text(text.len()) {
            Ok(())
        } else {
            Err(crate::limits::TEXT.at(place))
        }
    };
    let entries = |count: usize| {
        if count > ENTRIES.most {
            Err(ENTRIES.at(place))
        } else {
            Ok(())
        }
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => {
            entries(items.len())?;
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| counted(item, &Place::Item(place, index), depth + 1, budget))
        }
        Value::Object(fields) => {
            entries(fields.len())?;
            for key in fields.keys() {
                text(key)?;
            }
            let mut fields = fields.iter();
            fields.try_for_each(|(key, value)| counted(value, &Place::Field(place, key), depth + 1, budget))
        }
        _ => Ok(()),
    }
}
