//! Every field that the wire has arrives. The messages are filled from their descriptors, so that a field that is added
//! to the contract is tested without a word here.

use super::super::from_wire;
use crate::operator::wire;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Field,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Fields that don't arrive, and why.
const NOT_CARRIED: &[(&str, &str)] = &[
    (
        "spark.SparkApplication.status",
        "the status is the operator's own",
    ),
    ("spark.SparkApplicationStatus.application_state", "as above"),
    ("spark.SparkApplicationStatus.spark_application_id", "as above"),
    ("spark.SparkApplicationStatus.submission_id", "as above"),
    ("spark.Quantity.i", "s wins; tested with Quantity"),
    ("spark.Quantity.d", "s wins; tested with Quantity"),
    (
        "spark.Quantity.format",
        "says how i and d are written; tested with Quantity",
    ),
    ("spark.Int64Amount.value", "s wins; tested with Quantity"),
    ("spark.Int64Amount.scale", "s wins; tested with Quantity"),
    ("spark.Scale.value", "s wins; tested with Quantity"),
    ("spark.InfDecAmount.dec", "s wins; tested with Quantity"),
    ("spark.IntOrString.int_val", "one of a oneof; the other is set"),
];

/// Messages that a `SparkApplication` doesn't reach.
const NOT_REACHED: &[&str] = &[
    "spark.ResourceListEntry",
    "spark.RunAltSparkSubmitRequest",
    "spark.RunAltSparkSubmitResponse",
];

fn carried(field: &FieldDescriptor) -> bool {
    !NOT_CARRIED.iter().any(|(name, _)| *name == field.full_name())
}

fn application_descriptor() -> MessageDescriptor {
    let pool = DescriptorPool::decode(wire::FILE_DESCRIPTOR_SET).unwrap();
    pool.get_message_by_name("spark.SparkApplication").unwrap()
}

/// Fills messages with values that occur once, and remembers which field each was for.
#[derive(Default)]
struct Filler {
    count: i32,
    /// The value as it is to be found in the application, and its field.
    expected: BTreeMap<String, String>,
    /// The messages that were filled already; later ones get their plain fields only. Where this is absent, all are filled
    /// whole.
    filled: Option<BTreeSet<String>>,
}

impl Filler {
    fn next(&mut self) -> i32 {
        self.count += 1;
        // Within i32, and no value that occurs otherwise.
        1_100_000_000 + self.count
    }

    fn message(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let again = match &mut self.filled {
            Some(filled) => !filled.insert(descriptor.full_name().to_owned()),
            None => false,
        };
        for field in descriptor.fields() {
            if again && !is_plain(&field) {
                continue;
            }
            let value = if field.is_map() {
                let key = format!("k{}", self.next());
                self.expect(&field, &key);
                let Kind::Message(entry) = field.kind() else {
                    unreachable!()
                };
                let value = self.single(&entry.map_entry_value_field());
                Field::Map([(MapKey::String(key), value)].into())
            } else if field.is_list() {
                Field::List(vec![self.single(&field)])
            } else {
                self.single(&field)
            };
            message.set_field(&field, value);
        }
        message
    }

    fn single(&mut self, field: &FieldDescriptor) -> Field {
        match (field.full_name(), field.kind()) {
            // Strings with a grammar.
            ("spark.Volume.type", _) => Field::String("hostPath".to_owned()),
            ("spark.RestartPolicy.type", _) => Field::String("Always".to_owned()),
            ("spark.Ports.container_port" | "spark.Quantity.s", _) => {
                let number = self.next().to_string();
                self.expect(field, &number);
                Field::String(number)
            }
            // Kubernetes' times end at the second.
            (_, Kind::Message(of)) if of.full_name() == "google.protobuf.Timestamp" => {
                let seconds = i64::from(self.next());
                let time = k8s_openapi::jiff::Timestamp::from_second(seconds).unwrap();
                self.expect(field, &time.to_string());
                let mut message = DynamicMessage::new(of);
                message.set_field_by_name("seconds", Field::I64(seconds));
                Field::Message(message)
            }
            (_, Kind::Message(of)) => Field::Message(self.message(&of)),
            (_, Kind::Enum(_)) => Field::EnumNumber(1),
            (_, Kind::Bool) => Field::Bool(true),
            (_, Kind::Int32) => {
                let number = self.next();
                self.expect(field, &number.to_string());
                Field::I32(number)
            }
            (_, Kind::Int64) => {
                let number = i64::from(self.next());
                self.expect(field, &number.to_string());
                Field::I64(number)
            }
            (_, Kind::String) => {
                let text = format!("v{}", self.next());
                self.expect(field, &text);
                Field::String(text)
            }
            (name, kind) => panic!("{name}: no value for {kind:?}"),
        }
    }

    fn expect(&mut self, field: &FieldDescriptor, value: &str) {
        if carried(field) {
            self.expected
                .insert(value.to_owned(), field.full_name().to_owned());
        }
    }
}

/// Whether a field holds no message, or one of scalars alone.
fn is_plain(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(of) => of.fields().all(|field| !matches!(field.kind(), Kind::Message(_))),
        _ => true,
    }
}

fn converted(message: &DynamicMessage) -> Result<Value, String> {
    let message: wire::SparkApplication = message.transcode_to().unwrap();
    from_wire(message)
        .map(|application| serde_json::to_value(application).unwrap())
        .map_err(|error| error.to_string())
}

fn scalars(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                scalars(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::String(text) => {
            found.insert(text.clone());
        }
        other => {
            found.insert(other.to_string());
        }
    }
}

#[test]
fn every_value_arrives() {
    let mut filler = Filler::default();
    let message = filler.message(&application_descriptor());
    let mut found = BTreeSet::new();
    scalars(&converted(&message).unwrap(), &mut found);
    let lost: Vec<_> = filler
        .expected
        .iter()
        .filter(|(value, _)| !found.contains(*value))
        .collect();
    assert!(filler.expected.len() > 1000, "{}", filler.expected.len());
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Where a field stands, from the application down.
type Steps = Vec<FieldDescriptor>;

/// The first place of each field of each message that is filled.
fn places(message: &DynamicMessage, steps: &Steps, places: &mut BTreeMap<String, Steps>) {
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let mut here = steps.clone();
        here.push(field.clone());
        if let Field::Message(inner) = first(&message.get_field(&field)) {
            self::places(&inner, &here, places);
        }
        places.entry(field.full_name().to_owned()).or_insert(here);
    }
}

fn first(value: &Field) -> Field {
    match value {
        Field::List(items) => items[0].clone(),
        Field::Map(entries) => entries.values().next().unwrap().clone(),
        other => other.clone(),
    }
}

fn without(message: &DynamicMessage, steps: &[FieldDescriptor]) -> DynamicMessage {
    let mut message = message.clone();
    let mut at = &mut message;
    let (last, parents) = steps.split_last().unwrap();
    for step in parents {
        let value = match at.get_field_mut(step) {
            Field::List(items) => &mut items[0],
            Field::Map(entries) => entries.values_mut().next().unwrap(),
            other => other,
        };
        let Field::Message(inner) = value else {
            unreachable!()
        };
        at = inner;
    }
    at.clear_field(last);
    message
}

/// Booleans and enums have no values that occur once; but without them the application must be another.
#[test]
fn no_field_can_be_taken_away_unnoticed() {
    let mut filler = Filler {
        filled: Some(BTreeSet::new()),
        ..Filler::default()
    };
    let message = filler.message(&application_descriptor());
    let whole = converted(&message);
    assert!(whole.is_ok(), "{whole:?}");
    let mut fields = BTreeMap::new();
    places(&message, &Vec::new(), &mut fields);

    let unnoticed: Vec<_> = fields
        .iter()
        .filter(|(_, steps)| carried(steps.last().unwrap()) && converted(&without(&message, steps)) == whole)
        .map(|(name, _)| name)
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");

    let missed: Vec<String> = application_descriptor()
        .parent_file()
        .messages()
        .filter(|message| !NOT_REACHED.contains(&message.full_name()))
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .map(|field| field.full_name().to_owned())
        .filter(|field| !fields.contains_key(field))
        .collect();
    assert_eq!(missed, ["spark.IntOrString.int_val"]);
}

#[test]
fn what_is_not_carried_is_in_the_contract() {
    let pool = DescriptorPool::decode(wire::FILE_DESCRIPTOR_SET).unwrap();
    for (name, reason) in NOT_CARRIED {
        let (message, field) = name.rsplit_once('.').unwrap();
        let message = pool.get_message_by_name(message).unwrap();
        assert!(message.get_field_by_name(field).is_some(), "{name}: {reason}");
    }
}
