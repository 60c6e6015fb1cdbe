//! URIs in the conf that still have a placeholder: `s3a://<BUCKET>/logs`, `s3a://${BUCKET}/logs`.
//!
//! `spark-submit` takes them, and the driver makes a path of its own file system of them, or fails when it has started. So this is a
//! warning. Where Spark, Hadoop or an author's code may replace something, nothing is said.

use super::{conf::SparkConf, uri};
use crate::{
    finding::{Cut, Warnings},
    limits::{FINDINGS, PATH_CHARACTERS},
};

/// The beginnings of keys whose values aren't Spark's: nobody knows whether they are URIs.
const OF_OTHERS: [&str; 8] = [
    "spark.executorEnv.",
    "spark.kubernetes.driverEnv.",
    "spark.kubernetes.driver.annotation.",
    "spark.kubernetes.driver.label.",
    "spark.kubernetes.driver.service.",
    "spark.kubernetes.executor.annotation.",
    "spark.kubernetes.executor.label.",
    "spark.app.",
];

/// Keys that are refused for the same elsewhere.
const REFUSED: [&str; 4] = [
    "spark.jars",
    "spark.files",
    "spark.archives",
    "spark.submit.pyFiles",
];

/// What is said of each key with such a URI. No value is in it.
pub(super) fn left(conf: &SparkConf) -> Warnings {
    let of_spark = conf
        .iter()
        .filter(|(key, _)| !REFUSED.contains(key) && !OF_OTHERS.iter().any(|start| key.starts_with(start)));
    let lines = of_spark.filter_map(|(key, value)| {
        let item = value
            .split(',')
            .map(str::trim)
            .find(|item| has_placeholder(key, item))?;
        let said = uri::not_a_uri(item)?;
        Some(format!("{}: {said}", Cut(key, PATH_CHARACTERS)))
    });
    lines.take(FINDINGS + 1).collect()
}

/// Whether a text is to be a URI and has something in it that its author was to replace.
fn has_placeholder(key: &str, text: &str) -> bool {
    if !text.contains("://") || uri::illegal_character(text).is_none() {
        return false;
    }
    let is_word = |word: &str| {
        let is_in_word = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
        !word.is_empty() && word.chars().all(is_in_word)
    };
    let is_between = |open: &str, close: char, is_it: &dyn Fn(&str) -> bool| {
        let mut rest = text.split(open).skip(1);
        rest.any(|rest| rest.split_once(close).is_some_and(|(word, _)| is_it(word)))
    };
    // Hadoop replaces the names of its own keys, Spark those with a prefix and its own.
    let is_of_nobody =
        |name: &str| !key.starts_with("spark.hadoop.") && !name.contains([':', '.']) && is_word(name);
    is_between("<", '>', &is_word) || is_between("${", '}', &is_of_nobody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_with_a_placeholder_is_told_and_what_may_be_replaced_is_not() {
        let table = [
            ("spark.eventLog.dir", "s3a://<BUCKET>/logs", true),
            ("spark.eventLog.dir", "s3a://${BUCKET}/logs", true),
            (
                "spark.sql.warehouse.dir",
                "abfss://data@<your account>.dfs.core.windows.net/",
                true,
            ),
            ("spark.hadoop.fs.s3a.endpoint", "https://<HOST>:9000", true),
            ("spark.jars.repositories", "https://a/x, https://<host>/y", true),
            ("spark.sql.catalog.a.warehouse", "s3://<B>/w", true),
            ("spark.eventLog.dir", "s3a://bucket/logs", false),
            ("spark.eventLog.dir", "/logs/<x>", false),
            ("spark.eventLog.dir", "s3a://${spark.my.bucket}/logs", false),
            ("spark.eventLog.dir", "s3a://${env:BUCKET}/logs", false),
            ("spark.hadoop.fs.my.dir", "s3a://${bucket}/logs", false),
            (
                "spark.ui.custom.executor.log.url",
                "http://h/{{CLUSTER_ID}}/{{FILE_NAME}}",
                false,
            ),
            ("spark.kubernetes.driverEnv.A", "s3a://<B>/logs", false),
            ("spark.driver.extraJavaOptions", "-Da=b -Dc=<d>", false),
            ("spark.my.pattern", "a < b > c", false),
        ];
        for (key, value, is_told) in table {
            assert_eq!(
                has_placeholder(key, value) && !OF_OTHERS.iter().any(|start| key.starts_with(start)),
                is_told,
                "{key}={value}"
            );
        }
    }
}
