//! A document read into a [`Value`] with every limit held while it is read, whatever format it has.

use super::{Place, Problem};
use crate::{
    finding::{Found, Words, expected, rule},
    limits::{Budget, DEPTH, ENTRIES, KEY, Limit, MAPPINGS, NODES, OverLimit, STRING, TEXT},
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::RefCell, fmt};

/// What of a document is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentShape {
    /// All of it is.
    Any,
    /// The same, of a document that a template made of a submission: it may have some more than the submission itself had.
    Rendered,
    /// A Kubernetes object: `metadata.managedFields` is passed over, and doesn't count. Nor does the `status` of a
    /// `SparkApplication` whose `kind` comes first, as the API server writes it.
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
    /// A mapping of JSON has a key twice; where it is. Readers of JSON disagree about which of the two counts.
    KeyTwice(String),
    /// It is larger than a limit allows.
    OverLimit(OverLimit),
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Problem(problem) => problem,
            Unread::KeyTwice(path) => {
                let said = expected("each key once").found(Found::Kind("one twice".into()));
                Self::new(path, said)
            }
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
    shape: DocumentShape,
    format: Format,
    fault: RefCell<Option<Unread>>,
}

impl<'b> Bounds<'b> {
    pub(super) fn new(budget: &'b mut Budget, shape: DocumentShape, format: Format) -> Self {
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

    fn entries(&self) -> usize {
        match self.shape {
            DocumentShape::Rendered => 4 * ENTRIES.most,
            _ => ENTRIES.most,
        }
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

fn is_application(object: &Map<String, Value>) -> bool {
    object.get("kind").is_some_and(|kind| kind == "SparkApplication")
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
            DocumentShape::Object | DocumentShape::Application if in_metadata && name == "managedFields" => {
                Field::PassedOver
            }
            DocumentShape::Application if self.depth == 0 && name == "status" => Field::PassedOver,
            DocumentShape::Fields(known) if self.depth == 0 && !known.contains(&name) => Field::Counted,
            _ => Field::Built,
        }
    }

    fn text<E: Error>(&self, bytes: usize) -> Result<(), E> {
        if bytes > STRING.most {
            return Err(self.bounds.over(STRING, &self.place));
        }
        if !self.bounds.budget.borrow_mut().text(bytes) {
            return Err(self.bounds.over(TEXT, &self.place));
        }
        Ok(())
    }

    fn key<E: Error>(&self, bytes: usize) -> Result<(), E> {
        // What a template writes has the paths of its own author alone.
        if bytes > KEY.most && self.bounds.shape != DocumentShape::Rendered {
            return Err(self.bounds.over(KEY, &self.place));
        }
        self.text(bytes)
    }

    fn scalar(&self, value: impl Into<Value>) -> Value {
        if self.built { value.into() } else { Value::Null }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEPTH.most {
            return Err(self.bounds.over(DEPTH, &self.place));
        }
        if !self.bounds.budget.borrow_mut().nodes(1) {
            return Err(self.bounds.over(NODES, &self.place));
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
        Ok(self.scalar(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(self.scalar(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.scalar(value))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        let number = Number::from_i128(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(self.scalar(number))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        let number = Number::from_u128(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(self.scalar(number))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if self.bounds.format == Format::JsonAsYaml {
            return Err(E::custom("a number with a fraction"));
        }
        Ok(self.scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value.len())?;
        Ok(self.scalar(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.text(value.len())?;
        Ok(self.scalar(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let mut count = 0;
        while let Some(item) = items.next_element_seed(self.below(Place::Item(&self.place, count), true))? {
            count += 1;
            if count > self.bounds.entries() {
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
            if map.len() >= self.bounds.entries() {
                return Err(self.bounds.over(ENTRIES, &self.place));
            }
            if map.is_empty() && !self.bounds.budget.borrow_mut().mapping() {
                return Err(self.bounds.over(MAPPINGS, &self.place));
            }
            self.key(key.len())?;
            if self.bounds.format != Format::Yaml && map.contains_key(&key) {
                let fault = Unread::KeyTwice(self.place.to_string());
                return Err(self.bounds.end(fault, "duplicate key"));
            }
            let field = match self.bounds.shape {
                DocumentShape::Object if self.depth == 0 && key == "status" && is_application(&map) => {
                    Field::PassedOver
                }
                _ => self.field(&key),
            };
            let value = match field {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::MERGED,
        strict::{read_json, read_yaml},
    };

    fn json(text: &str, shape: DocumentShape) -> Result<Value, Unread> {
        read_json(text.as_bytes(), shape, &mut Budget::default())
    }

    /// A list of lists, which have this many values in all.
    fn values(count: usize) -> String {
        let mut left = count - 1;
        let mut lists = Vec::new();
        while left > 0 {
            let items = (left - 1).min(9_999);
            lists.push(format!("[{}]", vec!["0"; items].join(",")));
            left -= items + 1;
        }
        format!("[{}]", lists.join(","))
    }

    #[test]
    fn each_limit_holds_in_json_and_in_yaml_and_not_before() {
        let entries = |count: usize| {
            let entries: Vec<_> = (0..count).map(|n| format!("\"k{n}\":0")).collect();
            format!("{{\"a\":{{{}}}}}", entries.join(","))
        };
        let items = |count: usize| format!("{{\"a\":[{}]}}", vec!["0"; count].join(","));
        let deep = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
        let string = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
        let key = |bytes: usize| format!("{{\"{}\":0}}", "x".repeat(bytes));
        let text = |more: usize| {
            let strings = vec![format!("\"{}\"", "x".repeat(1 << 20)); 3].join(",");
            format!(
                "[{strings},\"{}\",\"{}\"]",
                "x".repeat((1 << 20) - 1),
                "x".repeat(more)
            )
        };
        for (fits, more, path, limit) in [
            (entries(ENTRIES.most), entries(ENTRIES.most + 1), "a", ENTRIES),
            (items(ENTRIES.most), items(ENTRIES.most + 1), "a", ENTRIES),
            (deep(DEPTH.most), deep(DEPTH.most + 1), "[0]", DEPTH),
            (string(STRING.most), string(STRING.most + 1), "a", STRING),
            (key(KEY.most), key(KEY.most + 1), "", KEY),
            (text(1), text(2), "[4]", TEXT),
            (values(NODES.most), values(NODES.most + 1), "[", NODES),
        ] {
            // With a comment it is no JSON. YAML's own limit of a key is 1,024 characters with its quotes.
            let yaml = |text: &str| match limit {
                KEY => json(text, DocumentShape::Any),
                _ => read_yaml(
                    &format!("# yaml\n{text}"),
                    DocumentShape::Any,
                    &mut Budget::default(),
                ),
            };
            for read in [
                json(&fits, DocumentShape::Any),
                yaml(&fits),
                read_yaml(&fits, DocumentShape::Any, &mut Budget::default()),
            ] {
                assert!(read.is_ok(), "{}: {:.300?}", limit.name, read.unwrap_err());
            }
            for read in [
                json(&more, DocumentShape::Any),
                yaml(&more),
                read_yaml(&more, DocumentShape::Any, &mut Budget::default()),
            ] {
                match read {
                    Err(Unread::OverLimit(over)) => {
                        assert_eq!(over.limit, limit);
                        assert!(over.path.starts_with(path), "{over}");
                    }
                    other => panic!("{}: {:.300?}", limit.name, other),
                }
            }
        }
    }

    #[test]
    fn what_merge_keys_repeat_is_bounded_before_it_is_kept() {
        // Each merge repeats the beginning and the end of a mapping, and a key and a value for each entry.
        let merged = |entries: usize, times: usize| {
            let entries: Vec<_> = (0..entries).map(|entry| format!("k{entry}: 1")).collect();
            let merges = vec!["*m"; times].join(", ");
            format!("a: &m {{{}}}\nb: {{<<: [{merges}]}}\n", entries.join(", "))
        };
        let read = |text: &str| read_yaml(text, DocumentShape::Any, &mut Budget::default());
        let entries = 99;
        let fits = MERGED.most / (2 * entries + 2);
        assert_eq!(read(&merged(entries, fits)).unwrap()["b"]["k0"], 1);
        let chain = |lines: usize| {
            let merged = (1..lines).map(|line| {
                let before = line - 1;
                format!("x{line}: &m{line} {{<<: [*m{before}, *m{before}], k{line}: 1}}\n")
            });
            "x0: &m0 {k0: 1}\n".to_owned() + &merged.collect::<Vec<_>>().concat()
        };
        for bomb in [
            merged(entries, fits + 1),
            merged(200, 470),
            chain(30),
            format!("!!merge <<: {{a: 1}}\n{}", merged(200, 470)),
        ] {
            match read(&bomb) {
                Err(Unread::OverLimit(over)) => assert_eq!(over.limit, MERGED, "{bomb:.200}"),
                other => panic!("{bomb:.200}: {other:.200?}"),
            }
            let list = format!("items:\n- {}", bomb.replace('\n', "\n  "));
            let listed = crate::strict::read_items(&list, DocumentShape::Any, &mut |_, _, _| {});
            assert!(
                matches!(listed, Err(Unread::OverLimit(over)) if over.limit == MERGED),
                "{list:.200}"
            );
        }
        // What an application of a company may look like.
        let defaults: Vec<_> = (0..100).map(|key| format!("  key-{key}: value\n")).collect();
        let users: Vec<_> = (0..40)
            .map(|user| format!("user-{user}: {{<<: *defaults, own: {user}}}\n"))
            .collect();
        let (defaults, users) = (defaults.concat(), users.concat());
        assert_eq!(
            read(&format!("defaults: &defaults\n{defaults}{users}")).unwrap()["user-39"]["key-99"],
            "value"
        );
    }

    #[test]
    fn documents_of_one_submission_share_its_budget() {
        let half = values(60_000);
        let mut budget = Budget::default();
        read_json(half.as_bytes(), DocumentShape::Any, &mut budget).unwrap();
        let second = read_yaml(&half, DocumentShape::Any, &mut budget);
        assert!(matches!(second, Err(Unread::OverLimit(over)) if over.limit == NODES));
    }

    #[test]
    fn what_is_passed_over_does_not_count_and_what_is_not_built_does() {
        let large = values(90_000);
        let object = format!(
            r#"{{"metadata":{{"managedFields":{large}}},"status":{large},"spec":{{"status":1}},"rest":{large}}}"#
        );
        let read = json(&object, DocumentShape::Application).unwrap();
        assert!(read.get("status").is_none() && read["metadata"].get("managedFields").is_none());
        assert_eq!(read["spec"]["status"], 1);
        assert!(matches!(
            json(&object, DocumentShape::Any),
            Err(Unread::OverLimit(_))
        ));
        let fields = DocumentShape::Fields(&["a"]);
        let read = json(r#"{"a":{"b":[1]},"c":{"b":[1]}}"#, fields).unwrap();
        assert_eq!(read["a"], serde_json::json!({"b": [1]}));
        assert_eq!(read["c"], serde_json::json!({"b": []}));
        let both = format!(r#"{{"a":{},"c":{}}}"#, values(50_000), values(50_001));
        assert!(matches!(json(&both, fields), Err(Unread::OverLimit(_))));
    }

    #[test]
    fn a_key_twice_is_reported_with_its_place_in_json() {
        for (text, path) in [
            (r#"{"a":1,"a":1}"#, ""),
            (r#"{"a":[{"b":{"c":1,"c":2}}]}"#, "a[0].b"),
            (r#"{"x":{"c":1,"c":2}}"#, "x"),
        ] {
            let twice = json(text, DocumentShape::Fields(&["a"]));
            assert_eq!(twice, Err(Unread::KeyTwice(path.to_owned())), "{text}");
        }
    }
}
