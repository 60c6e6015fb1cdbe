//! Spark conf: keys and values, and how Spark reads the values of the keys that it knows.

use super::{
    context::{Reach, SubmitterContext},
    refusal::Refusal,
    units,
    version::SparkVersion,
};
use crate::redaction::{hidden, shown};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, str::FromStr};

/// Spark conf as given: every key starts with `spark.`, every value is raw text.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SparkConf(BTreeMap<String, String>);

impl std::fmt::Debug for SparkConf {
    /// Values may be secrets, so only the keys are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl SparkConf {
    /// The raw value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Sets `key`; an earlier value is lost.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    /// Sets `key` where it has no value yet.
    pub fn set_default(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.entry(key.into()).or_insert_with(|| value.into());
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The entries whose keys start with `prefix`, with the rest of the key.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .range(prefix.to_owned()..)
            .map_while(move |(key, value)| key.strip_prefix(prefix).map(|rest| (rest, value.as_str())))
    }

    /// As a map, which the properties start from.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.0.clone()
    }
}

impl FromIterator<(String, String)> for SparkConf {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Reads the values of keys that Spark has registered: `${…}` is expanded, types are checked.
#[derive(Clone, Copy)]
pub struct ConfReader<'a> {
    conf: &'a SparkConf,
    context: &'a SubmitterContext,
}

/// Defaults of registered keys, which `${key}` gives where the key is unset.
const DEFAULTS: [(&str, &str); 12] = [
    ("spark.driver.cores", "1"),
    ("spark.driver.memory", "1g"),
    ("spark.driver.minMemoryOverhead", "384m"),
    ("spark.executor.cores", "1"),
    ("spark.executor.memory", "1g"),
    ("spark.kubernetes.configMap.maxSize", "1048576"),
    ("spark.kubernetes.container.image.pullPolicy", "IfNotPresent"),
    ("spark.kubernetes.driver.master", "https://kubernetes.default.svc"),
    ("spark.kubernetes.local.dirs.tmpfs", "false"),
    ("spark.kubernetes.memoryOverheadFactor", "0.1"),
    ("spark.kubernetes.namespace", "default"),
    ("spark.ui.port", "4040"),
];

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

/// How deep `${…}` may refer to values with `${…}`.
const DEEPEST_REFERENCE: usize = 32;

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
        self.conf.get(key).map(|raw| self.expand(key, raw, 0)).transpose()
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
        match value.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.wrong(key, &value, "true or false")),
        }
    }

    /// A number.
    pub fn number<N: FromStr>(&self, key: &str, allowed: &str) -> Result<Option<N>, Refusal> {
        self.text(key)?
            .map(|value| value.trim().parse().map_err(|_| self.wrong(key, &value, allowed)))
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
        Ok(value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
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
        match keys.iter().find_map(|key| Some((*key, self.conf.get(key)?))) {
            None => Ok(default),
            Some((key, value)) => port(value).ok_or_else(|| wrong(key, value, PORT)),
        }
    }

    /// A port.
    pub fn port(&self, key: &str, default: u16) -> Result<u16, Refusal> {
        match self.text(key)? {
            None => Ok(default),
            Some(value) => port(value.trim()).ok_or_else(|| self.wrong(key, &value, PORT)),
        }
    }

    /// As [`wrong`], but a value that `${…}` brought in from another key is not shown: there it may be a secret.
    pub(crate) fn wrong(&self, key: &str, value: &str, allowed: &str) -> Refusal {
        match self.conf.get(key) {
            Some(raw) if raw == value => wrong(key, value, allowed),
            _ => wrong_text(key, value, allowed),
        }
    }

    /// Replaces `${key}`, `${env:NAME}` and `${system:name}` as Spark's `ConfigReader` does: what can't be
    /// resolved stays as it is.
    fn expand(&self, key: &str, raw: &str, depth: usize) -> Result<String, Refusal> {
        if !raw.contains("${") {
            return Ok(raw.to_owned());
        }
        if depth > DEEPEST_REFERENCE {
            return Err(Refusal::new(key, "its ${…} refer to one another in a circle"));
        }
        let mut expanded = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            expanded.push_str(before);
            let reference = from[2..].split_once('}').map(|(name, _)| name);
            match reference.filter(|name| !name.is_empty() && !name.contains(char::is_whitespace)) {
                Some(name) => {
                    match self.referred(key, name)? {
                        Some(value) => expanded.push_str(&self.expand(key, &value, depth + 1)?),
                        None => expanded.push_str(&from[..name.len() + 3]),
                    }
                    rest = &from[name.len() + 3..];
                }
                None => {
                    expanded.push_str("${");
                    rest = &from[2..];
                }
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// A system property of the JVM that spark-submit would be.
    fn system_property(key: &str, name: &str) -> Result<Option<String>, Refusal> {
        let known = SYSTEM_PROPERTIES.iter().find(|(known, _)| *known == name);
        if let Some((_, value)) = known {
            return Ok(Some((*value).to_owned()));
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

    fn referred(&self, key: &str, name: &str) -> Result<Option<String>, Refusal> {
        let (scheme, name) = match name.split_once(':') {
            Some((scheme, name)) => (scheme, name),
            None => ("spark", name),
        };
        match scheme {
            "spark" if name.starts_with("spark.") => {
                let default = || {
                    DEFAULTS
                        .iter()
                        .find(|(known, _)| *known == name)
                        .map(|(_, value)| *value)
                };
                Ok(self.conf.get(name).or_else(default).map(str::to_owned))
            }
            "env" | "system" if self.context.reach != Reach::Process => Err(Refusal::new(
                key,
                "refers to the submitter's environment with ${env:…} or ${system:…}, which a request can't read",
            )),
            "env" => Ok(self.context.environment.get(name).cloned()),
            "system" => Self::system_property(key, name),
            _ => Ok(None),
        }
    }
}

const PORT: &str = "a port from 1 to 65535";

fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port > 0)
}

/// The refusal of a value of closed grammar.
pub(crate) fn wrong(key: &str, value: &str, allowed: &str) -> Refusal {
    Refusal::new(key, format!("found {}, allowed is {allowed}", shown(value)))
}

/// The refusal of a value that may be anything, and so a secret.
pub(super) fn wrong_text(key: &str, value: &str, allowed: &str) -> Refusal {
    Refusal::new(key, format!("found {}, allowed is {allowed}", hidden(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(entries: &[(&str, &str)]) -> SparkConf {
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn references_are_expanded_as_spark_expands_them() {
        let conf = conf(&[
            ("spark.a", "n-${spark.q}"),
            ("spark.q", "zz"),
            ("spark.default", "${spark.driver.memory}"),
            ("spark.open", "a${b}${spark.none}${ x }${"),
            ("spark.env", "${env:HOME}/${env:NONE}"),
            ("spark.circle", "${spark.circle}"),
        ]);
        let context = SubmitterContext {
            reach: Reach::Process,
            environment: BTreeMap::from([("HOME".to_owned(), "/home/me".to_owned())]),
            ..SubmitterContext::golden()
        };
        let read = |key| ConfReader::new(&conf, &context).text(key);
        assert_eq!(read("spark.a").unwrap().unwrap(), "n-zz");
        assert_eq!(read("spark.default").unwrap().unwrap(), "1g");
        assert_eq!(read("spark.open").unwrap().unwrap(), "a${b}${spark.none}${ x }${");
        assert_eq!(read("spark.env").unwrap().unwrap(), "/home/me/${env:NONE}");
        assert!(read("spark.circle").unwrap_err().to_string().contains("circle"));
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
                assert!(refusal.message.starts_with(found), "{refusal}");
            }
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
    fn keys_below_a_prefix_keep_their_dots_and_slashes() {
        let conf = conf(&[("spark.label.app.kubernetes.io/name", "x"), ("spark.labels", "y")]);
        assert_eq!(
            conf.below("spark.label.").collect::<Vec<_>>(),
            [("app.kubernetes.io/name", "x")]
        );
    }
}
