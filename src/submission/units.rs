//! Sizes as the JVM world writes them: `512m`, `2g`, `1024`.

use crate::redaction::shown;

/// Bytes in each unit that Spark's `JavaUtils` knows, by suffix.
const SUFFIXES: [(&str, u64); 16] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
    ("kb", 1 << 10),
    ("mb", 1 << 20),
    ("gb", 1 << 30),
    ("tb", 1 << 40),
    ("pb", 1 << 50),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("p", 1 << 50),
    ("b", 1),
];

/// What a size may look like, for messages.
pub const SIZE_GRAMMAR: &str = "an integer with an optional unit b, k, m, g, t or p (each also as kb, kib and so on), such as 512m or 2g";

/// A size that does not follow [`SIZE_GRAMMAR`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a size: expected {SIZE_GRAMMAR}", shown(.0))]
pub struct NotASize(pub String);

/// Reads a size in bytes; a bare number counts `default_unit` bytes each.
fn bytes(text: &str, default_unit: u64) -> Result<u64, NotASize> {
    let wrong = || NotASize(text.to_owned());
    let lower = text.trim().to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let (digits, suffix) = lower.split_at(end);
    let unit = match suffix {
        "" => default_unit,
        // Spark's pattern takes one `i` between the unit and a `b`, or at the end: 1gi and 1gib are both 1 GiB.
        suffix => {
            let canonical = suffix
                .strip_suffix('i')
                .filter(|unit| unit.len() == 1 && *unit != "b")
                .unwrap_or(suffix);
            SUFFIXES
                .iter()
                .find(|(name, _)| *name == canonical)
                .map(|(_, unit)| *unit)
                .ok_or_else(wrong)?
        }
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count
        .checked_mul(unit)
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(wrong)
}

/// Reads a memory conf in MiB: a bare number is MiB, smaller units truncate (Spark's `bytesConf(ByteUnit.MiB)`).
pub fn mebibytes(text: &str) -> Result<u64, NotASize> {
    Ok(bytes(text, 1 << 20)? >> 20)
}

/// Reads a size in bytes; a bare number is bytes.
pub(super) fn byte_count(text: &str) -> Result<u64, NotASize> {
    bytes(text, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (text, expected) in table {
            assert_eq!(mebibytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_the_grammar() {
        for text in [
            "1.5g",
            "",
            "g",
            "1 g",
            "-1g",
            "1x",
            "1bi",
            "99999999999999p",
            "１g",
            "1gg",
        ] {
            let error = mebibytes(text).unwrap_err();
            assert!(error.to_string().contains("such as 512m"), "{text}: {error}");
        }
    }
}
