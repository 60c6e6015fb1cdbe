//! What is not shown of objects, or not compared.

use crate::redaction::hidden;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// What stands for a set's content hash.
const MASK: &str = "<hash>";

/// The content hash of a template set. A comment in a template changes it, so golden files don't have it.
#[derive(Debug, Clone, Default)]
pub(super) struct SetHash(Option<String>);

impl SetHash {
    /// The hash in a set's id, `default@0123456789ab`.
    pub(super) fn of(id: &str) -> Self {
        let hash = id.rsplit_once('@').map(|(_, hash)| hash.to_owned());
        Self(hash.filter(|hash| !hash.is_empty()))
    }

    /// The text with `<hash>` for the hash.
    pub(super) fn masked_text(&self, text: &str) -> String {
        match &self.0 {
            Some(hash) => text.replace(hash, MASK),
            None => text.to_owned(),
        }
    }

    /// The same for all texts of an object.
    pub(super) fn mask(&self, value: &mut Value) {
        let Some(hash) = &self.0 else { return };
        match value {
            Value::String(text) if text.contains(hash) => *text = text.replace(hash, MASK),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.mask(field)),
            _ => {}
        }
    }
}

/// The property whose expression says which keys and values are secrets.
pub const REDACTION: &str = "spark.redaction.regex";

/// Its default.
const SECRETS: &str = "(?i)secret|password|token|access[.]?key";

/// Which values of objects are secrets: the data of Secrets, and what Spark itself would redact, which are properties and
/// environment variables whose name or value matches `spark.redaction.regex`, and arguments that match.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    expressions: Vec<Regex>,
    /// An expression can't be read here, so that every value counts as secret.
    all: bool,
}

/// Hidden values by where they stand.
type Hidden = BTreeMap<String, String>;

impl Secrets {
    /// Those of applications with these values of `spark.redaction.regex`. An expression of Java's that can't be read here hides
    /// every property, variable and argument.
    pub fn of<'e>(expressions: impl IntoIterator<Item = &'e str>) -> Self {
        let mut secrets = Self::default();
        let given: Vec<_> = expressions.into_iter().collect();
        for expression in std::iter::once(SECRETS).chain(given) {
            match Regex::new(expression) {
                Ok(expression) => secrets.expressions.push(expression),
                Err(_) => secrets.all = true,
            }
        }
        secrets
    }

    /// Those of objects, by the properties in them.
    pub fn of_objects<'v>(objects: impl IntoIterator<Item = &'v Value>) -> Self {
        let expressions = objects.into_iter().filter_map(|object| {
            let properties = object.get("data")?.get("spark.properties")?;
            properties.get(REDACTION)?.as_str()
        });
        Self::of(expressions)
    }

    /// Hides the secrets of a value.
    pub fn hide(&self, value: &mut Value) {
        self.walk(value, "", "", &Hidden::new(), &mut Hidden::new());
    }

    /// Hides the secrets of two values that are compared. Where they differ that is still to be seen.
    pub fn hide_both(&self, left: &mut Value, right: &mut Value) {
        let mut hidden = Hidden::new();
        self.walk(left, "", "", &Hidden::new(), &mut hidden);
        self.walk(right, "", "", &hidden, &mut Hidden::new());
    }

    fn is_secret(&self, text: &str) -> bool {
        self.all
            || self
                .expressions
                .iter()
                .any(|expression| expression.is_match(text))
    }

    fn walk(&self, value: &mut Value, key: &str, place: &str, other: &Hidden, done: &mut Hidden) {
        match value {
            Value::Object(fields) => {
                let is_secret = key == "secrets" || fields.get("kind").is_some_and(|kind| kind == "Secret");
                for (name, value) in fields.iter_mut() {
                    let place = format!("{place}.{name}");
                    match value {
                        value if is_secret && ["data", "stringData"].contains(&name.as_str()) => {
                            hide_each(value, &place, other, done);
                        }
                        Value::Object(properties) if is_properties(name) => {
                            for (key, value) in properties.iter_mut() {
                                let text = value.as_str().unwrap_or_default();
                                if self.is_secret(key) || self.is_secret(text) {
                                    hide_each(value, &format!("{place}.{key}"), other, done);
                                }
                            }
                        }
                        Value::String(text) if is_properties(name) => *text = self.lines(text),
                        value => self.walk(value, name, &place, other, done),
                    }
                }
            }
            Value::Array(items) if ["args", "command"].contains(&key) => {
                self.arguments(items, place, other, done);
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let name = item["name"].as_str().map(str::to_owned);
                    let place = match &name {
                        Some(name) => format!("{place}[{name}]"),
                        None => format!("{place}[{index}]"),
                    };
                    match (key, item) {
                        ("env", Value::Object(entry)) => {
                            let name = name.unwrap_or_default();
                            if let Some(value) = entry.get_mut("value")
                                && (self.is_secret(&name)
                                    || value.as_str().is_some_and(|text| self.is_secret(text)))
                            {
                                hide_each(value, &place, other, done);
                            }
                        }
                        (_, item) => self.walk(item, key, &place, other, done),
                    }
                }
            }
            _ => {}
        }
    }

    /// An argument that matches, and the one behind an option that does.
    fn arguments(&self, items: &mut [Value], place: &str, other: &Hidden, done: &mut Hidden) {
        let mut is_value = false;
        for (index, item) in items.iter_mut().enumerate() {
            let text = item.as_str().unwrap_or_default();
            let is_option = text.starts_with('-') && !text.contains('=');
            let is_secret = self.is_secret(text);
            if is_value || (is_secret && !is_option) {
                hide_each(item, &format!("{place}[{index}]"), other, done);
                is_value = false;
            } else {
                is_value = is_secret;
            }
        }
    }

    /// The lines of properties.
    fn lines(&self, text: &str) -> String {
        let shown = |line: &str| match line.split_once('=') {
            Some((key, value)) if self.is_secret(line) => format!("{key}={}\n", hidden(value)),
            _ => format!("{line}\n"),
        };
        text.lines().map(shown).collect()
    }
}

fn is_properties(key: &str) -> bool {
    key == "properties" || key.ends_with(".properties")
}

/// Hides each text of a value; another text than the other side's is still another one.
fn hide_each(value: &mut Value, place: &str, other: &Hidden, done: &mut Hidden) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                hide_each(value, &format!("{place}.{name}"), other, done);
            }
        }
        Value::Null => {}
        value => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is_another = other.get(place).is_some_and(|before| *before != text);
            let mark = if is_another { ", another value" } else { "" };
            *value = Value::String(hidden(&text).trim_end_matches('>').to_owned() + mark + ">");
            done.insert(place.to_owned(), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_is_masked_wherever_it_stands() {
        let hash = SetHash::of("gpu@0123456789ab");
        let mut object = json!({"a": "gpu@0123456789ab", "b": [{"c": "x-0123456789ab"}], "d": 1});
        hash.mask(&mut object);
        assert_eq!(
            object,
            json!({"a": "gpu@<hash>", "b": [{"c": "x-<hash>"}], "d": 1})
        );
        assert_eq!(
            SetHash::default().masked_text("gpu@0123456789ab"),
            "gpu@0123456789ab"
        );
    }

    #[test]
    fn what_spark_redacts_is_hidden_and_a_difference_stays_one() {
        let objects = |secret: &str| {
            json!([
                {"kind": "Secret", "data": {"k": secret}, "stringData": {"s": "a"}},
                {"kind": "ConfigMap", "data": {
                    "spark.properties": {"spark.my.password": secret, "spark.x": "plain", "spark.opts": format!("-Dtoken={secret}")},
                    "x.properties": format!("a=1\napi.token={secret}\n"),
                }},
                {"kind": "Pod", "spec": {"containers": [{
                    "name": "main", "args": ["--password", secret, format!("--token={secret}")],
                    "env": [{"name": "AWS_SECRET", "value": secret}, {"name": "A", "value": "plain"}],
                }]}},
            ])
        };
        let secrets = Secrets::of([]);
        let (mut left, mut right) = (objects("hunter2"), objects("hunter3"));
        secrets.hide_both(&mut left, &mut right);
        assert_eq!(left[0]["data"]["k"], "<redacted, 7 bytes>");
        assert_eq!(right[0]["data"]["k"], "<redacted, 7 bytes, another value>");
        assert_eq!(left[0]["stringData"], right[0]["stringData"]);
        let properties = &left[1]["data"]["spark.properties"];
        assert_eq!(properties["spark.x"], "plain");
        assert_eq!(properties["spark.my.password"], "<redacted, 7 bytes>");
        assert_eq!(properties["spark.opts"], "<redacted, 15 bytes>");
        assert_eq!(
            left[1]["data"]["x.properties"],
            "a=1\napi.token=<redacted, 7 bytes>\n"
        );
        let container = &right[2]["spec"]["containers"][0];
        assert_eq!(container["env"][0]["value"], "<redacted, 7 bytes, another value>");
        assert_eq!(container["env"][1]["value"], "plain");
        assert_eq!(
            container["args"],
            json!([
                "--password",
                "<redacted, 7 bytes, another value>",
                "<redacted, 15 bytes, another value>"
            ])
        );
        let mut plan = json!({"secrets": [{"role": "keytab", "data": {"a": "hunter2"}}]});
        secrets.hide(&mut plan);
        assert!(!plan.to_string().contains("hunter2"), "{plan}");
    }

    #[test]
    fn an_applications_own_expression_counts_and_one_that_cannot_be_read_hides_all() {
        let pod = || json!({"env": [{"name": "A", "value": "x1"}, {"name": "PIN", "value": "x2"}]});
        let hidden = |expression: &str| {
            let properties = json!({"data": {"spark.properties": {"spark.redaction.regex": expression}}});
            let mut pod = pod();
            Secrets::of_objects([&properties]).hide(&mut pod);
            ["x1", "x2"].map(|text| !pod.to_string().contains(text))
        };
        assert_eq!(hidden("(?i)pin"), [false, true]);
        assert_eq!(hidden("(?!x)pin"), [true, true]);
    }
}
