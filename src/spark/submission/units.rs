//! Sizes as the JVM world writes them: `512m`, `2g`, `1024`.

use super::{
    blanks::trim,
    version::{Feature, SparkVersion},
};
use crate::redaction::shown;

/// The units that Spark's `JavaUtils` knows, smallest first: each is 1,024 times the one before.
const UNITS: [char; 6] = ['b', 'k', 'm', 'g', 't', 'p'];

/// What a size may look like, for messages.
pub(super) const SIZE_GRAMMAR: &str = "an integer with an optional unit b, k, m, g, t or p (each but b also as kb and so on; from Spark 4.2 \
     also as ki and kib), such as 512m or 2g";

/// A size that does not follow [`SIZE_GRAMMAR`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {SIZE_GRAMMAR}, found {}", shown(.0))]
pub(crate) struct NotASize(String);

/// Reads a size in bytes; a bare number counts `default_unit` bytes each. The largest count of the largest unit fits.
fn bytes(text: &str, default_unit: i128, version: &SparkVersion) -> Result<i128, NotASize> {
    let wrong = || NotASize(text.to_owned());
    let lower = trim(text).to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let (digits, suffix) = lower.split_at(end);
    let unit = match suffix {
        "" => default_unit,
        suffix => unit(suffix, version.has(Feature::BinarySuffixes)).ok_or_else(wrong)?,
    };
    let count: i64 = digits.parse().map_err(|_| wrong())?;
    Ok(i128::from(count) * unit)
}

/// The bytes of a unit: its letter, then perhaps `b`, and from 4.2 an `i` between them or alone.
fn unit(suffix: &str, binary: bool) -> Option<i128> {
    let mut rest = suffix.chars();
    let letter = rest.next()?;
    let power = UNITS.iter().position(|unit| *unit == letter)?;
    let ending_fits = match rest.as_str() {
        "" => true,
        "b" => power > 0,
        "i" | "ib" => power > 0 && binary,
        _ => false,
    };
    ending_fits.then(|| 1 << (10 * power))
}

/// Reads a memory conf in MiB: a bare number is MiB, smaller units truncate, and a minus may stand before it all
/// (Spark's `bytesConf(ByteUnit.MiB)`). What counts is that the MiB fit into 64 bits, not that the bytes do: `8192p` is a size.
pub(crate) fn mebibytes(text: &str, version: &SparkVersion) -> Result<i64, NotASize> {
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1, size),
        None => (1, text),
    };
    let wrong = || NotASize(text.to_owned());
    let bytes = bytes(size, 1 << 20, version).map_err(|_| wrong())?;
    Ok(sign * i64::try_from(bytes >> 20).map_err(|_| wrong())?)
}

/// Reads a size in bytes; a bare number is bytes.
pub(crate) fn byte_count(text: &str, version: &SparkVersion) -> Result<i64, NotASize> {
    i64::try_from(bytes(text, 1, version)?).map_err(|_| NotASize(text.to_owned()))
}

/// What a duration may look like, for messages.
pub(super) const TIME_GRAMMAR: &str =
    "an integer with an optional unit us, ms, s, m, min, h or d, such as 500ms or 30s";

/// The units of durations, in microseconds.
const TIME_UNITS: [(&str, i64); 7] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

/// Reads a duration in ms; a bare number counts `default_unit` ms (Spark's `JavaUtils.timeStringAs`).
pub(super) fn milliseconds(text: &str, default_unit: i64) -> Option<i64> {
    let lower = trim(text).to_ascii_lowercase();
    let digits = lower.strip_prefix('-').unwrap_or(&lower);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let count: i64 = digits.parse().ok()?;
    let count = if lower.starts_with('-') { -count } else { count };
    if suffix.is_empty() {
        return count.checked_mul(default_unit);
    }
    let (_, unit) = TIME_UNITS.iter().find(|(name, _)| *name == suffix)?;
    Some(count.checked_mul(*unit)? / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_spark_reads_them() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("30", Some(30)),
            (" 2MIN ", Some(120_000)),
            ("1500us", Some(1)),
            ("-1s", Some(-1_000)),
            ("1d", Some(86_400_000)),
            ("1.5s", None),
            ("s", None),
            ("1 s", None),
            ("1w", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(text, 1), expected, "{text}");
        }
        assert_eq!(milliseconds("30", 1_000), Some(30_000));
    }

    #[test]
    fn memory_is_read_as_spark_reads_it() {
        let table = [
            ("1g", 1024),
            ("1G", 1024),
            ("1gb", 1024),
            ("1gib", 1024),
            ("1Gi", 1024),
            ("512m", 512),
            ("512", 512),
            ("2048k", 2),
            ("2047k", 1),
            ("1048576b", 1),
            ("1t", 1 << 20),
            ("0", 0),
            (" 1g ", 1024),
            ("-1", -1),
            ("-2g", -2048),
            ("-1k", 0),
            // More bytes than 64 bits have.
            ("8192p", 1 << 43),
            ("9223372036854775807", i64::MAX),
            ("8589934591p", 8_589_934_591 << 30),
        ];
        for (text, expected) in table {
            assert_eq!(mebibytes(text, &SparkVersion::newest()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn binary_suffixes_are_known_from_4_2_on() {
        for (version, known) in [("3.5.9", false), ("4.1.4", false), ("4.2.0", true)] {
            let version = version.parse().unwrap();
            for text in ["1Gi", "1500mi", "1kib"] {
                assert_eq!(mebibytes(text, &version).is_ok(), known, "{text}, {version}");
            }
            assert_eq!(mebibytes("1gb", &version), Ok(1024));
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_the_grammar() {
        for text in [
            "1.5g",
            "",
            "g",
            "1 g",
            "--1g",
            " -1g",
            "1x",
            "1bb",
            "1bi",
            "8589934592p",
            "99999999999999p",
            "9223372036854775808",
            "１g",
            "1gg",
        ] {
            let error = mebibytes(text, &SparkVersion::newest()).unwrap_err();
            assert!(error.to_string().contains("such as 512m"), "{text}: {error}");
        }
        for text in ["-1g", "8192p"] {
            assert!(byte_count(text, &SparkVersion::newest()).is_err(), "{text}");
        }
    }
}
