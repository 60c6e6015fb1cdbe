//! The closed grammars that fields of an application have: names, sizes, quantities, versions.

/// A DNS-1035 label: at most 63 of `a-z`, `0-9` and `-`, a letter first and no `-` last. Kubernetes' rule for Services,
/// and the operator's for applications.
pub(crate) fn is_dns_1035_label(text: &str) -> bool {
    is_dns_1123_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// A DNS-1123 label: as a DNS-1035 label, but may start with a digit. Kubernetes' rule for namespaces.
pub(crate) fn is_dns_1123_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS-1123 subdomain: labels with dots between, of which only the whole has a greatest length, 253. Kubernetes' rule
/// for Pods and most other objects.
pub(crate) fn is_dns_1123_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// The value of a label that isn't empty: at most 63 of letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
pub(crate) fn is_label_value(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && edge(bytes.first())
        && edge(bytes.last())
}

/// The suffixes of Java sizes (Spark's `JavaUtils.byteSuffixes`), in lower case; `kib` and its like since Spark 4.
const JAVA_SIZE_SUFFIXES: &[&str] = &[
    "", "b", "k", "kb", "ki", "kib", "m", "mb", "mi", "mib", "g", "gb", "gi", "gib", "t", "tb", "ti", "tib",
    "p", "pb", "pi", "pib",
];

/// A size as Spark reads it: an integer and a suffix in either case, nothing between them, no fraction. Space around
/// it is ignored.
pub(crate) fn java_size(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let suffix = suffix.to_ascii_lowercase();
    JAVA_SIZE_SUFFIXES
        .contains(&suffix.as_str())
        .then(|| number.parse().ok())
        .flatten()
}

const QUANTITY_SUFFIXES: &[&str] = &[
    "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
];

/// A Kubernetes quantity: a decimal number with a suffix or an exponent.
pub(crate) fn is_quantity(text: &str) -> bool {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(is_integer);
    is_decimal(number) && (exponent || QUANTITY_SUFFIXES.contains(&suffix))
}

/// A decimal number: sign, digits, a point among or beside them.
pub(crate) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction)
}

fn is_integer(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit())
}

/// Major and minor of a Spark version, `v?MAJOR.MINOR[.PATCH][suffix]`, which is the driver's label `spark-version` too.
pub(crate) fn spark_version(text: &str) -> Option<(u32, u32)> {
    let version = text.strip_prefix('v').unwrap_or(text);
    let (major, rest) = version.split_once('.')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let minor = &rest[..digits];
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())
            .flatten()
    };
    is_label_value(version)
        .then(|| Some((number(major)?, number(minor)?)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grammar: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(grammar(text), "{text:?} should be taken");
        }
        for text in no {
            assert!(!grammar(text), "{text:?} should be refused");
        }
    }

    #[test]
    fn names() {
        let longest = "a".repeat(63);
        let too_long = "a".repeat(64);
        check(
            is_dns_1035_label,
            &["a", "spark-pi", "a1", &longest],
            &["", "1a", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", &too_long],
        );
        check(is_dns_1123_label, &["1a", "team-a"], &["", "a.b", "Team"]);
        check(
            is_dns_1123_subdomain,
            &["a", "1", "a.b-c.d", &too_long, &["a"; 127].join(".")],
            &["", ".", "a..b", "a.", "-a", "a-.b", "A", &"a".repeat(254)],
        );
    }

    #[test]
    fn label_values() {
        check(
            is_label_value,
            &["a", "4.0.1", "A_b-c", &"a".repeat(63)],
            &["", "-a", "a-", "a b", "a+b", "ä", "a\n", &"a".repeat(64)],
        );
    }

    #[test]
    fn java_sizes() {
        check(
            |text| java_size(text).is_some(),
            &[
                "0", " 1g ", "512m", "1g", "1G", "1gb", "1Gi", "2048k", "1024", "1p", "10b", "1GiB",
            ],
            &[
                "",
                "m",
                "1.5g",
                "1 g",
                "-1g",
                "1x",
                "1e",
                "99999999999999999999g",
                "１g",
            ],
        );
    }

    #[test]
    fn quantities() {
        check(
            is_quantity,
            &[
                "1", "500m", "0.5", "1.5Gi", "1e3", "1E-3", "1E", ".5", "1.", "+1", "100n", "0",
            ],
            &[
                "", "m", "1g", "1GB", "junk", "1 Gi", "1e", "1.2.3", "--1", "1Mi ", "1-",
            ],
        );
    }

    #[test]
    fn spark_versions() {
        for (text, expected) in [
            ("3.5.1", Some((3, 5))),
            ("v4.0.0", Some((4, 0))),
            ("4.1", Some((4, 1))),
            ("4.0.0-preview2", Some((4, 0))),
            ("3.5-scala2.12", Some((3, 5))),
            ("", None),
            ("latest", None),
            ("4", None),
            ("4.x", None),
            (".5", None),
            ("+3.5", None),
            ("3.5 ", None),
            ("4.0.1+amzn-0", None),
            ("4.0.1-", None),
            (&format!("4.0.1-{}", "x".repeat(58)), None),
        ] {
            assert_eq!(spark_version(text), expected, "{text:?}");
        }
    }
}
