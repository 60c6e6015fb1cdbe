//! A `serde` deserializer over a JSON value that knows where it is and which fields a struct has.

use super::{Coercion, DEEPEST, Problem, UnknownField, Wanted, place::Place};
use crate::{
    finding::{Hint, Statement, Words, expected, rule},
    limits::{FINDINGS, SUGGESTED_NAME, UNKNOWN_FIELDS},
};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde_json::Value;
use std::{cell::RefCell, fmt, marker::PhantomData};

/// The most names of a type that are listed where none is like the one that was found.
const MOST_LISTED: usize = 12;

/// What becomes of the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// They are in the value.
    Kept,
    /// Each is built, found right or wrong, and dropped: the value's lists are empty.
    Checked,
}

/// What a reading leaves behind beside the value.
pub(super) struct Report<'c> {
    pub(super) items: Items,
    /// What makes a scalar of another type the one that is wanted, if anything does.
    pub(super) coercion: Option<Coercion<'c>>,
    /// The fields that the type doesn't have.
    pub(super) unknown: RefCell<Vec<UnknownField>>,
    /// What was made another type: its path, and the new value.
    pub(super) coerced: RefCell<Vec<(String, Value)>>,
}

impl<'c> Report<'c> {
    pub(super) fn new(coercion: Option<Coercion<'c>>, items: Items) -> Self {
        Self {
            items,
            coercion,
            unknown: RefCell::default(),
            coerced: RefCell::default(),
        }
    }
}

/// Reads `value` as a `T`. Unknown fields go to the report; a wrong type ends the reading.
pub(super) fn read<T: DeserializeOwned>(value: &Value, report: &Report<'_>) -> Result<T, Problem> {
    let result = T::deserialize(Reader {
        value,
        place: Place::Document,
        report,
    });
    result.map_err(|Error { path, said, .. }| Problem::new(path.unwrap_or_default(), *said))
}

/// A type error. It never holds the value that was found, only its kind.
#[derive(Debug)]
struct Error {
    path: Option<String>,
    said: Box<Statement>,
    /// The text is a type's own, and may quote the value.
    foreign: bool,
}

impl Error {
    fn new(said: Statement) -> Self {
        Self {
            path: None,
            said: Box::new(said),
            foreign: false,
        }
    }

    fn at(mut self, place: &Place<'_>) -> Self {
        self.path.get_or_insert_with(|| place.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said.fmt(f)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            foreign: true,
            ..Self::new(Statement::foreign(message.to_string()))
        }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(expected(plain(wanted, false)).kind(kind_of(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let said = expected(plain(wanted, true));
        Self::new(match found {
            Unexpected::Signed(number) => said.shown(&number.to_string()),
            Unexpected::Unsigned(number) => said.shown(&number.to_string()),
            Unexpected::Bool(value) => said.shown(&value.to_string()),
            _ => said.kind(format!("another {}", kind_of(&found))),
        })
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let said = expected(Words::own(format!("one of {}", known.join(", "))));
        Self::new(said.shown(found).hint(suggestion(found, known)))
    }
}

/// What is wanted, in words that are not Rust's. For an integer out of range it says the range.
fn plain(wanted: &dyn Expected, with_range: bool) -> Words {
    let wanted = wanted.to_string();
    let range = INTEGERS.iter().find(|(name, ..)| *name == wanted);
    Words::own(match (range, wanted.as_str()) {
        (Some((_, least, most)), _) if with_range => format!("an integer from {least} to {most}"),
        (Some(_), _) => "an integer".to_owned(),
        (_, "f32" | "f64") => "a number".to_owned(),
        (_, "a sequence") => "a list".to_owned(),
        (_, "a map") => "a mapping".to_owned(),
        (_, other) if other.starts_with("struct ") => "a mapping".to_owned(),
        _ => wanted,
    })
}

/// Rust's integers, each with its range.
const INTEGERS: [(&str, i128, i128); 8] = [
    ("i8", i8::MIN as i128, i8::MAX as i128),
    ("i16", i16::MIN as i128, i16::MAX as i128),
    ("i32", i32::MIN as i128, i32::MAX as i128),
    ("i64", i64::MIN as i128, i64::MAX as i128),
    ("u8", 0, u8::MAX as i128),
    ("u16", 0, u16::MAX as i128),
    ("u32", 0, u32::MAX as i128),
    ("u64", 0, u64::MAX as i128),
];

/// 2 to the 63rd: integers from here on are not among those of 64 bits.
const LARGEST: f64 = 9_223_372_036_854_775_808.0;

fn kind_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        // An integer of more than 64 bits is read as a float.
        Unexpected::Float(number) if number.fract() == 0.0 && number.abs() >= LARGEST => "a larger number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        _ => "something else",
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(b) => Unexpected::Bool(*b),
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => Unexpected::Unsigned(n),
            (_, Some(n)) => Unexpected::Signed(n),
            _ => Unexpected::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(s) => Unexpected::Str(s),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// The known name that a misspelled one most likely means. One that is longer than any known name means none.
pub(crate) fn nearest<'n>(found: &str, known: &[&'n str]) -> Option<&'n str> {
    // The distance takes the product of both lengths; and a longer name is no slip.
    if found.len() > SUGGESTED_NAME.most {
        return None;
    }
    let found = found.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&found, &name.to_lowercase()), *name))
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn suggestion(found: &str, known: &[&str]) -> Option<Hint> {
    nearest(found, known).map(|name| Hint::Nearest(name.to_owned()))
}

#[derive(Clone, Copy)]
struct Reader<'de, 'p> {
    value: &'de Value,
    place: Place<'p>,
    report: &'p Report<'p>,
}

impl<'de> Reader<'de, '_> {
    fn object<V: Visitor<'de>>(
        self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => visitor
                .visit_map(Fields {
                    entries: map.iter(),
                    value: None,
                    known: fields,
                    reader: self,
                })
                .map_err(|error| error.at(&self.place)),
            other => {
                let said = expected("a mapping").kind(kind_of(&unexpected(other)));
                Err(Error::new(said).at(&self.place))
            }
        }
    }

    /// The scalar as the type that is wanted, where the coercion knows how; it is noted in the report.
    fn coerced(&self, wanted: Wanted) -> Option<Value> {
        let field = match self.place {
            Place::Field(_, name) => name,
            _ => "",
        };
        let value = (self.report.coercion?.scalar)(self.value, wanted, field)?;
        self.report
            .coerced
            .borrow_mut()
            .push((self.place.to_string(), value.clone()));
        Some(value)
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.coerced(Wanted::Text) {
            Some(Value::String(text)) => visitor.visit_string(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn integer<V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value, Error> {
        match self.coerced(wanted).and_then(|value| value.as_i64()) {
            Some(number) => visitor
                .visit_i64(number)
                .map_err(|error: Error| error.at(&self.place)),
            None => self.deserialize_any(visitor),
        }
    }

    /// What a type says itself about a string (k8s-openapi's times, its base64) may quote it, and is not used.
    fn scalar<V: Visitor<'de>>(
        self,
        visitor: V,
        visit: impl FnOnce(&'de Value, V) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        visit(self.value, visitor).map_err(|error| {
            let error = if error.foreign && self.value.is_string() {
                Error::new(expected("a string of this field's form").kind("another string"))
            } else {
                error
            };
            error.at(&self.place)
        })
    }
}

macro_rules! any_scalar {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Error;

    any_scalar! {
        deserialize_i8 deserialize_i16 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_identifier deserialize_seq deserialize_map
        deserialize_ignored_any
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.coerced(Wanted::Boolean) {
            Some(Value::Bool(value)) => visitor.visit_bool(value),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(Wanted::Integer, visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer(Wanted::Long, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.place.depth() > DEEPEST {
            let said = expected(Words::own(format!("at most {DEEPEST} levels of nesting")));
            return Err(Error::new(said.kind("more")).at(&self.place));
        }
        match self.value {
            Value::Object(_) => self.object(None, visitor),
            Value::Array(items) => visitor
                .visit_seq(List {
                    items: items.iter().enumerate(),
                    reader: self,
                })
                .map_err(|error| error.at(&self.place)),
            _ => self.scalar(visitor, |value, visitor| match value {
                Value::Bool(b) => visitor.visit_bool(*b),
                Value::String(s) => visitor.visit_borrowed_str(s),
                Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
                    (Some(n), _, _) => visitor.visit_u64(n),
                    (_, Some(n), _) => visitor.visit_i64(n),
                    (_, _, Some(n)) => visitor.visit_f64(n),
                    _ => Err(Error::new(expected("a number").kind("one out of range"))),
                },
                _ => visitor.visit_unit(),
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // k8s-openapi reads a quantity as whatever is there.
        if name == "Quantity"
            && let Some(coercion) = self.report.coercion
        {
            if let Some(text) = self.value.as_str()
                && !(coercion.is_quantity)(text)
            {
                let found = if text.is_empty() {
                    "an empty text"
                } else {
                    "another text"
                };
                return Err(Error::new(expected("a quantity").kind(found)).at(&self.place));
            }
            return self.text(visitor);
        }
        visitor
            .visit_newtype_struct(self)
            .map_err(|error| error.at(&self.place))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.place.depth() > DEEPEST {
            self.deserialize_any(visitor)
        } else {
            self.object(Some(fields), visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(name) => visitor
                .visit_enum(serde::de::value::BorrowedStrDeserializer::new(name))
                .map_err(|error: Error| error.at(&self.place)),
            other => Err(Error::invalid_type(unexpected(other), &"a string").at(&self.place)),
        }
    }
}

struct Fields<'de, 'p> {
    entries: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
    known: Option<&'static [&'static str]>,
    reader: Reader<'de, 'p>,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for (name, value) in self.entries.by_ref() {
            if let Some(known) = self.known
                && !known.contains(&name.as_str())
            {
                let place = Place::Field(&self.reader.place, name);
                let unknown = &mut *self.reader.report.unknown.borrow_mut();
                // One more than allowed shows that there are too many.
                if unknown.len() > UNKNOWN_FIELDS.most {
                    continue;
                }
                // Nobody sees the hints of later ones.
                let known = (unknown.len() < FINDINGS).then_some(known);
                unknown.push(unknown_field(&place, name, known));
                continue;
            }
            self.value = Some((name, value));
            return seed
                .deserialize(serde::de::value::BorrowedStrDeserializer::new(name))
                .map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.value.take() else {
            return Err(Error::new(rule("expected a key before its value")));
        };
        let place = Place::Field(&self.reader.place, name);
        seed.deserialize(Reader {
            value,
            place,
            report: self.reader.report,
        })
        .map_err(|error| error.at(&place))
    }
}

fn unknown_field(place: &Place<'_>, name: &str, known: Option<&[&'static str]>) -> UnknownField {
    let list = |known: &[&str]| (known.len() <= MOST_LISTED).then(|| Hint::Known(known.join(", ").into()));
    UnknownField {
        path: place.to_string(),
        hint: known
            .and_then(|known| suggestion(name, known).or_else(|| list(known)))
            .map(Box::new),
    }
}

struct List<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    reader: Reader<'de, 'p>,
}

impl<'de> SeqAccess<'de> for List<'de, '_> {
    type Error = Error;

    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        if self.reader.report.items == Items::Kept {
            return self.next_element_seed(PhantomData);
        }
        while let Some(item) = self.next_element_seed(PhantomData::<T>)? {
            drop(item);
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        match self.reader.report.items {
            Items::Kept => Some(self.items.len()),
            Items::Checked => None,
        }
    }

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let place = Place::Item(&self.reader.place, index);
        seed.deserialize(Reader {
            value,
            place,
            report: self.reader.report,
        })
        .map(Some)
        .map_err(|error| error.at(&place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_yaml, read};
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn a_name_of_the_longest_kind_gets_a_suggestion_and_a_longer_one_none() {
        use crate::limits::SUGGESTED_NAME;
        let name = |bytes: usize| "a".repeat(bytes);
        let most = SUGGESTED_NAME.most;
        let known = [name(most - 1), name(most)];
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        assert_eq!(super::nearest(&name(most), &known[..1]), Some(known[0]));
        assert_eq!(super::nearest(&name(most + 1), &known), None);
    }

    /// Whether it is checked or read, the same is found.
    #[test]
    fn what_is_checked_is_found_wrong_as_what_is_read() {
        use super::super::check;
        for yaml in [
            "spec: {containers: [{name: a}, {name: b, env: [{name: c}, {name: 1, valu: x}]}]}",
            "spec: {volumes: [{name: a, emptyDir: {}}, {nam: b}], tolerations: [1]}",
            "metadata: {labels: {a: 1}, finalizers: [a, 2, b]}",
            "spec: {containers: {}}",
        ] {
            let value = parse_yaml(yaml).unwrap();
            let (read, checked) = (read::<Pod>(&value), check::<Pod>(&value));
            assert_eq!(read.errors, checked.errors, "{yaml}");
            assert_eq!(read.unknown, checked.unknown, "{yaml}");
            assert_eq!(read.value.is_some(), checked.value.is_some(), "{yaml}");
        }
    }

    fn problems(yaml: &str) -> Vec<String> {
        match parse_yaml(yaml) {
            Ok(value) => read::<Pod>(&value)
                .problems()
                .iter()
                .map(ToString::to_string)
                .collect(),
            Err(problem) => vec![problem.to_string()],
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_its_path_and_the_nearest_known_name() {
        assert_eq!(
            problems("{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, imagee: x}]}}"),
            ["spec.containers[0].imagee: unknown field; did you mean `image`?"]
        );
    }

    #[test]
    fn a_quantity_may_be_a_number() {
        let quantities = "{apiVersion: v1, kind: Pod, spec: {overhead: {cpu: 2, memory: 1.5, x: true}}}";
        let found = problems(quantities);
        assert_eq!(found, ["spec.overhead.x: expected Quantity, found a boolean"]);
    }

    #[test]
    fn what_a_type_says_about_a_string_is_not_repeated() {
        let found = problems("{apiVersion: v1, kind: Pod, metadata: {creationTimestamp: hunter2}}");
        assert_eq!(
            found,
            ["metadata.creationTimestamp: expected a string of this field's form, found another string"]
        );
    }

    #[test]
    fn every_error_is_reported_and_no_value_is_shown() {
        let found = problems(
            "{apiVersion: v1, kind: Pod, metadata: {labels: {a.b: [hunter2]}}, spec: {containers: hunter2, \
             priority: hunter2, tolerationss: []}}",
        );
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found
                .iter()
                .any(|line| line.starts_with("metadata.labels[\"a.b\"]: expected")),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .any(|line| line == "spec.priority: expected an integer, found a string"),
            "{found:?}"
        );
        assert!(!found.concat().contains("hunter2"), "{found:?}");
    }

    #[test]
    fn duplicate_keys_and_further_documents_are_errors() {
        assert!(
            problems("a: 1\na: 2")[0].contains("duplicate"),
            "{:?}",
            problems("a: 1\na: 2")
        );
        assert!(
            problems("a: 1\n---\nb: 2")[0].contains("document"),
            "{:?}",
            problems("a: 1\n---\nb: 2")
        );
    }

    #[test]
    fn a_syntax_error_names_its_line_and_not_the_text() {
        let found = problems("password: hunter2\nb: [hunter3");
        assert!(found[0].contains("line 2"), "{found:?}");
        assert!(!found[0].contains("hunter"), "{found:?}");
        let number = problems(&format!("a: 1{}", "0".repeat(500)));
        assert!(!number.concat().contains("000"), "{number:?}");
    }

    #[test]
    fn nulls_are_absent_fields() {
        assert!(
            problems("{apiVersion: v1, kind: Pod, metadata: {creationTimestamp: null}, status: {}}")
                .is_empty()
        );
    }

    #[test]
    fn wrong_items_of_a_list_are_reported_at_their_own_index() {
        let found = problems(
            "{apiVersion: v1, kind: Pod, spec: {containers: [a, b, {name: c, imagee: x}, {name: d, ports: 1}]}}",
        );
        let paths: Vec<_> = found.iter().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(
            paths,
            [
                "spec.containers[0]",
                "spec.containers[1]",
                "spec.containers[2].imagee",
                "spec.containers[3].ports"
            ]
        );
    }

    #[test]
    fn every_unknown_field_is_known_to_the_reader_and_a_few_are_reported() {
        let fields: Vec<_> = (0..1000).map(|index| format!("a{index}: 1")).collect();
        let yaml = format!(
            "{{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: a, {}}}]}}}}",
            fields.join(", ")
        );
        let reading = read::<Pod>(&parse_yaml(&yaml).unwrap());
        assert_eq!(reading.unknown.len(), 1000);
        assert_eq!(reading.generalised().len(), 1000);
        let problems = reading.problems();
        assert_eq!((problems.len(), problems.more()), (20, 980));
    }

    #[test]
    fn a_suggestion_is_made_for_a_name_of_64_characters_and_for_no_longer_one() {
        let known = "x".repeat(70);
        let nearest = |length| super::nearest(&"x".repeat(length), &[&known]).is_some();
        assert!(nearest(64));
        assert!(!nearest(65));
    }
}
