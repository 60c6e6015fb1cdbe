//! Spark conf: keys and values, and how Spark reads the values of the keys that it knows.

mod defaults;
mod expansion;

use super::{
    blanks,
    context::{Reach, SubmitterContext},
    refusal::{Refusal, wrong, wrong_text},
    units,
    version::SparkVersion,
};
use crate::{
    finding::expected,
    limits::{Budget, ENTRIES, OverLimit},
    redaction::shown,
};
use defaults::DefaultValue;
use expansion::Expansions;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// Spark conf as given: every key starts with `spark.`, every value is raw text.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SparkConf {
    entries: BTreeMap<String, String>,
    /// What `${…}` came to, and what is left of the submission's budget.
    #[serde(skip)]
    expansions: Expansions,
}

impl PartialEq for SparkConf {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for SparkConf {}

impl std::fmt::Debug for SparkConf {
    /// Values may be secrets, so only the keys are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

impl SparkConf {
    /// The raw value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// Sets `key`; an earlier value is lost.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        self.expansions.changed(&key);
        self.entries.insert(key, value);
    }

    /// Sets `key` where it has no value yet.
    pub fn set_default(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        self.expansions.changed(&key);
        self.entries.entry(key).or_insert_with(|| value.into());
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) {
        self.expansions.changed(key);
        self.entries.remove(key);
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The entries whose keys start with `prefix`, with the rest of the key.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries
            .range(prefix.to_owned()..)
            .map_while(move |(key, value)| key.strip_prefix(prefix).map(|rest| (rest, value.as_str())))
    }

    /// Whether any value refers to another key, so that what is made of one value may hold another one.
    pub(crate) fn has_references(&self) -> bool {
        self.iter().any(|(_, value)| refers(value))
    }

    /// As a map, which the properties start from.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.entries.clone()
    }

    /// Draws on `budget` from now on; what was drawn before is forgotten.
    pub(super) fn draw_on(&mut self, budget: Budget) {
        self.expansions = Expansions::new(budget);
    }

    /// Draws on the budget of the submission by something else than a reference.
    pub(super) fn budgeted<R>(&self, draw: impl FnOnce(&mut Budget) -> R) -> R {
        self.expansions.budgeted(draw)
    }

    /// That it has no more keys than allowed.
    pub(super) fn within_limits(&self, subject: &str) -> Result<(), OverLimit> {
        ENTRIES.holds(subject, self.entries.len())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for SparkConf {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        Self {
            entries: entries.map(|(key, value)| (key.into(), value.into())).collect(),
            expansions: Expansions::default(),
        }
    }
}

/// Whether a raw value has a reference in it.
pub(crate) fn refers(value: &str) -> bool {
    value.contains("${")
}

/// Whether a text has a reference to the environment or the properties of a process in it.
pub(crate) fn refers_to_process(text: &str) -> bool {
    ["${env:", "${system:"]
        .iter()
        .any(|reference| text.contains(reference))
}

/// Whether a key's value is a secret by its name, as Spark's default for `spark.redaction.regex` has it.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRETS.iter().any(|word| key.contains(word))
}

/// `(?i)secret|password|token|access[.]?key`.
const SECRETS: [&str; 5] = ["secret", "password", "token", "accesskey", "access.key"];

/// Reads the values of keys that Spark has registered: `${…}` is expanded, types are checked.
#[derive(Clone, Copy)]
pub struct ConfReader<'a> {
    conf: &'a SparkConf,
    context: &'a SubmitterContext,
}

/// How a reference begins.
const REFERENCE: &str = "${";

/// The JVM's system properties that are the same on every Linux (`java.lang.System.getProperties`).
const SYSTEM_PROPERTIES: [(&str, &str); 5] = [
    ("file.separator", "/"),
    ("java.io.tmpdir", "/tmp"),
    ("line.separator", "\n"),
    ("os.name", "Linux"),
    ("path.separator", ":"),
];

/// What the names of a JVM's own system properties start with.
const JVM_PROPERTIES: [&str; 10] = [
    "file.", "java.", "jdk.", "native.", "os.", "path.", "stderr.", "stdout.", "sun.", "user.",
];

impl<'a> ConfReader<'a> {
    /// A reader of `conf`.
    pub fn new(conf: &'a SparkConf, context: &'a SubmitterContext) -> Self {
        Self { conf, context }
    }

    /// The conf as given.
    pub fn raw(&self) -> &'a SparkConf {
        self.conf
    }

    /// The value of `key`, expanded.
    pub fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        let Some(raw) = self.conf.get(key) else {
            return Ok(None);
        };
        if !raw.contains(REFERENCE) {
            return Ok(Some(raw.to_owned()));
        }
        let expanded = self
            .conf
            .expansions
            .of(key, raw, |name| self.referred(key, name))?;
        Ok(Some(expanded.as_ref().to_owned()))
    }

    /// The value of `key`, which becomes the name of an object, and so is seen by all who see the object: nothing that is
    /// secret by its key may be in it, however many references lead there.
    pub(crate) fn name(&self, key: &str) -> Result<Option<String>, Refusal> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = vec![key];
        while let Some(at) = next.pop() {
            let names = self.conf.get(at).unwrap_or_default().split("${").skip(1);
            for name in names.filter_map(|from| from.split_once('}').map(|(name, _)| name)) {
                let name = name.strip_prefix("spark:").unwrap_or(name);
                if is_secret(name) {
                    let said =
                        expected("a name without a secret in it").kind("a reference to a key that is secret");
                    return Err(Refusal::saying(key, said));
                }
                if seen.insert(name) {
                    next.push(name);
                }
            }
        }
        self.text(key)
    }

    /// The first of `keys` that has a value, with that value, expanded.
    pub fn first<'k>(&self, keys: &[&'k str]) -> Result<Option<(&'k str, String)>, Refusal> {
        for key in keys {
            if let Some(value) = self.text(key)? {
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    /// A boolean: `true` or `false` in any case.
    pub fn boolean(&self, key: &str, default: bool) -> Result<bool, Refusal> {
        Ok(self.boolean_of(&[key])?.unwrap_or(default))
    }

    /// The first of `keys` that has a value, as a boolean.
    pub fn boolean_of(&self, keys: &[&str]) -> Result<Option<bool>, Refusal> {
        let Some((key, value)) = self.first(keys)? else {
            return Ok(None);
        };
        match blanks::trim(&value).to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.wrong(key, &value, "true or false")),
        }
    }

    /// A number.
    pub fn number<N: FromStr>(&self, key: &str, allowed: &str) -> Result<Option<N>, Refusal> {
        self.text(key)?
            .map(|value| {
                let number = blanks::trim(&value).parse();
                number.map_err(|_| self.wrong(key, &value, allowed))
            })
            .transpose()
    }

    /// The first of `keys` that has a value, as a memory size in MiB, which may be negative.
    pub fn mebibytes(&self, keys: &[&str], version: &SparkVersion) -> Result<Option<i64>, Refusal> {
        let Some((key, value)) = self.first(keys)? else {
            return Ok(None);
        };
        units::mebibytes(&value, version)
            .map(Some)
            .map_err(|_| self.wrong(key, &value, units::SIZE_GRAMMAR))
    }

    /// A memory size in bytes, which may be negative; a bare number is bytes.
    pub fn bytes(&self, key: &str, version: &SparkVersion) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        let (sign, size) = match value.strip_prefix('-') {
            Some(size) => (-1, size),
            None => (1, value.as_str()),
        };
        units::byte_count(size, version)
            .map(|bytes| Some(sign * bytes))
            .map_err(|_| self.wrong(key, &value, units::SIZE_GRAMMAR))
    }

    /// A duration in ms; a bare number counts `default_unit` ms.
    pub fn milliseconds(&self, key: &str, default_unit: i64) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        units::milliseconds(&value, default_unit)
            .map(Some)
            .ok_or_else(|| self.wrong(key, &value, units::TIME_GRAMMAR))
    }

    /// A comma-separated list: items trimmed, blank ones dropped.
    pub fn list(&self, key: &str) -> Result<Vec<String>, Refusal> {
        let value = self.text(key)?.unwrap_or_default();
        let items: Vec<_> = value
            .split(',')
            .map(blanks::trim)
            .filter(|item| !item.is_empty())
            .take(ENTRIES.most + 1)
            .map(str::to_owned)
            .collect();
        ENTRIES.holds(key, items.len())?;
        Ok(items)
    }

    /// One of a closed set of words.
    pub fn one_of(&self, key: &str, allowed: &[&str], default: &str) -> Result<String, Refusal> {
        match self.text(key)? {
            None => Ok(default.to_owned()),
            Some(value) if allowed.contains(&value.as_str()) => Ok(value),
            Some(value) => Err(self.wrong(key, &value, &format!("one of {}", allowed.join(" | ")))),
        }
    }

    /// A port whose key Spark has not registered: the first of `keys` that has a value, neither expanded nor
    /// trimmed (`SparkConf.getInt`).
    pub fn raw_port(&self, keys: &[&str], default: u16) -> Result<u16, Refusal> {
        let mut given = keys.iter().filter_map(|key| Some((*key, self.conf.get(key)?)));
        let Some((key, value)) = given.next() else {
            return Ok(default);
        };
        let port = port(value).ok_or_else(|| wrong(key, value, PORT))?;
        // Spark reads what it falls back on before it knows that it doesn't need it.
        match given.find(|(_, value)| value.parse::<i32>().is_err()) {
            Some((key, value)) => Err(wrong(key, value, "an integer")),
            None => Ok(port),
        }
    }

    /// A port.
    pub fn port(&self, key: &str, default: u16) -> Result<u16, Refusal> {
        match self.text(key)? {
            None => Ok(default),
            Some(value) => port(blanks::trim(&value)).ok_or_else(|| self.wrong(key, &value, PORT)),
        }
    }

    /// As [`wrong`], but a value that `${…}` brought in from another key is not shown: there it may be a secret.
    pub(crate) fn wrong(&self, key: &str, value: &str, allowed: &str) -> Refusal {
        match self.conf.get(key) {
            Some(raw) if raw == value => wrong(key, value, allowed),
            _ => wrong_text(key, value, allowed),
        }
    }

    /// A system property of the JVM that spark-submit would be.
    fn system_property(key: &str, name: &str) -> Result<Option<&'static str>, Refusal> {
        let known = SYSTEM_PROPERTIES.iter().find(|(known, _)| *known == name);
        if let Some((_, value)) = known {
            return Ok(Some(value));
        }
        if JVM_PROPERTIES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(Refusal::new(
                key,
                format!(
                    "refers to {} of a JVM, and the submitter is none; write the value itself",
                    shown(&format!("${{system:{name}}}"))
                ),
            ));
        }
        Ok(None)
    }

    fn given_or_default(&self, key: &str) -> Option<&'a str> {
        self.conf.get(key).or_else(|| match defaults::of(key)? {
            DefaultValue::Text(text) => Some(text),
            DefaultValue::Of(other) => self.given_or_default(other),
        })
    }

    /// The value that `${name}` stands for, as Spark's `ConfigReader` finds it: of `key`, `env:NAME` or `system:name`.
    fn referred(&self, key: &str, name: &str) -> Result<Option<&'a str>, Refusal> {
        let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (scheme, name) = match name.split_once(':') {
            Some((scheme, name)) if is_scheme(scheme) => (scheme, name),
            _ => ("spark", name),
        };
        match scheme {
            "spark" if name.starts_with("spark.") => Ok(self.given_or_default(name)),
            "env" | "system" if self.context.reach != Reach::Process => Err(Refusal::new(
                key,
                "refers to the submitter's environment with ${env:…} or ${system:…}, which a request can't read",
            )),
            "env" => Ok(self.context.environment.get(name).map(String::as_str)),
            "system" => Self::system_property(key, name),
            _ => Ok(None),
        }
    }
}

const PORT: &str = "a port from 1 to 65535";

fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(entries: &[(&str, &str)]) -> SparkConf {
        entries.iter().copied().collect()
    }

    #[test]
    fn references_are_expanded_as_spark_expands_them() {
        let conf = conf(&[
            ("spark.a", "n-${spark.q}"),
            ("spark.q", "zz"),
            ("spark.default", "${spark.driver.memory}"),
            (
                "spark.fallback",
                "${spark.locality.wait.node}-${spark.dynamicAllocation.sustainedSchedulerBacklogTimeout}",
            ),
            ("spark.dynamicAllocation.schedulerBacklogTimeout", "5s"),
            ("spark.open", "a${b}${spark.none}${ x }${"),
            ("spark.env", "${env:HOME}/${env:NONE}"),
            ("spark.circle", "${spark.circle}"),
            ("spark.a:b", "colon"),
            ("spark.colons", "${spark.a:b}${spark:spark.q}${x:spark.q}"),
        ]);
        let context = SubmitterContext {
            reach: Reach::Process,
            environment: BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]),
            ..SubmitterContext::golden()
        };
        let read = |key| ConfReader::new(&conf, &context).text(key);
        assert_eq!(read("spark.a").unwrap().unwrap(), "n-zz");
        assert_eq!(read("spark.default").unwrap().unwrap(), "1g");
        assert_eq!(read("spark.colons").unwrap().unwrap(), "colonzz${x:spark.q}");
        assert_eq!(read("spark.fallback").unwrap().unwrap(), "3s-5s");
        assert_eq!(read("spark.open").unwrap().unwrap(), "a${b}${spark.none}${ x }${");
        assert_eq!(read("spark.env").unwrap().unwrap(), "/home/me/${env:NONE}");
        assert!(read("spark.circle").unwrap_err().to_string().contains("circle"));
    }

    #[test]
    fn blanks_around_a_value_are_those_of_java() {
        let conf = conf(&[
            ("spark.java", "\u{1}\t7\u{1f}"),
            ("spark.unicode", "\u{a0}7"),
            ("spark.yes", "\u{b}true\r\n"),
            ("spark.no", "true\u{2003}"),
            ("spark.list", " a,\u{a0},\u{1}"),
        ]);
        let context = SubmitterContext::golden();
        let reader = ConfReader::new(&conf, &context);
        assert_eq!(reader.number::<i32>("spark.java", "a number").unwrap(), Some(7));
        assert!(reader.number::<i32>("spark.unicode", "a number").is_err());
        assert!(reader.boolean("spark.yes", false).unwrap());
        assert!(reader.boolean("spark.no", false).is_err());
        assert_eq!(reader.list("spark.list").unwrap(), ["a", "\u{a0}"]);
        let newest = SparkVersion::newest();
        assert!(reader.mebibytes(&["spark.java"], &newest).is_ok());
        assert!(reader.mebibytes(&["spark.unicode"], &newest).is_err());
    }

    #[test]
    fn a_request_cannot_read_the_submitters_environment() {
        let conf = conf(&[("spark.kubernetes.namespace", "${env:PATH}")]);
        let context = SubmitterContext::golden();
        let error = ConfReader::new(&conf, &context)
            .text("spark.kubernetes.namespace")
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("spark.kubernetes.namespace: refers to"),
            "{error}"
        );
    }

    #[test]
    fn what_a_reference_brought_in_is_not_shown() {
        let conf = conf(&[
            ("spark.a", "${spark.secret}"),
            ("spark.b", "x"),
            ("spark.secret", "hunter2"),
        ]);
        let context = SubmitterContext::golden();
        let reader = ConfReader::new(&conf, &context);
        for (key, found) in [("spark.a", "found <redacted, 7 bytes>"), ("spark.b", "found `x`")] {
            for refusal in [
                reader.boolean(key, true).unwrap_err(),
                reader.number::<i32>(key, "a number").unwrap_err(),
                reader.one_of(key, &["y"], "y").unwrap_err(),
                reader.port(key, 1).unwrap_err(),
                reader.mebibytes(&[key], &SparkVersion::newest()).unwrap_err(),
            ] {
                assert!(refusal.to_string().ends_with(found), "{refusal}");
            }
        }
    }

    #[test]
    fn no_secret_becomes_a_name() {
        let conf = conf(&[
            ("spark.name", "x-${spark.plain}"),
            ("spark.plain", "pi"),
            ("spark.circle", "${spark.circle}"),
            ("spark.a", "${spark.app.password}"),
            ("spark.b", "x-${spark.c}"),
            ("spark.c", "${spark.fs.s3a.Access.Key}"),
            ("spark.d", "${spark:spark.my.token}"),
            ("spark.app.password", "hunter2"),
        ]);
        let context = SubmitterContext::golden();
        let reader = ConfReader::new(&conf, &context);
        assert_eq!(reader.name("spark.name").unwrap().unwrap(), "x-pi");
        assert!(reader.name("spark.circle").is_err(), "it ends");
        for key in ["spark.a", "spark.b", "spark.d"] {
            let refusal = reader.name(key).unwrap_err().to_string();
            assert!(
                refusal.starts_with(&format!("{key}: expected a name without a secret")),
                "{refusal}"
            );
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn a_port_is_expanded_and_trimmed_only_under_a_registered_key() {
        let conf = conf(&[
            ("spark.plain", "7000"),
            ("spark.padded", " 7000 "),
            ("spark.reference", "${spark.plain}"),
            ("spark.zero", "0"),
            ("spark.high", "65536"),
        ]);
        let context = SubmitterContext::golden();
        let reader = ConfReader::new(&conf, &context);
        for (key, raw, registered) in [
            ("spark.plain", Some(7000), Some(7000)),
            ("spark.padded", None, Some(7000)),
            ("spark.reference", None, Some(7000)),
            ("spark.zero", None, None),
            ("spark.high", None, None),
            ("spark.unset", Some(1), Some(1)),
        ] {
            assert_eq!(reader.raw_port(&[key], 1).ok(), raw, "{key}");
            assert_eq!(reader.port(key, 1).ok(), registered, "{key}");
        }
    }

    #[test]
    fn a_port_that_is_not_needed_is_a_number_all_the_same() {
        for (other, fits) in [
            ("7000", true),
            ("0", true),
            ("-1", true),
            ("7000 ", false),
            ("", false),
            ("x", false),
        ] {
            let conf = conf(&[("spark.own", "7079"), ("spark.other", other)]);
            let context = SubmitterContext::golden();
            let read = ConfReader::new(&conf, &context).raw_port(&["spark.own", "spark.other"], 1);
            match read {
                Ok(port) => assert!(fits && port == 7079, "{other}"),
                Err(refusal) => assert!(!fits && refusal.subject == "spark.other", "{other}"),
            }
        }
    }

    #[test]
    fn keys_below_a_prefix_keep_their_dots_and_slashes() {
        let conf = conf(&[("spark.label.app.kubernetes.io/name", "x"), ("spark.labels", "y")]);
        assert_eq!(
            conf.below("spark.label.").collect::<Vec<_>>(),
            [("app.kubernetes.io/name", "x")]
        );
    }
}
