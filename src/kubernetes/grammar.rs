//! What names, values of labels, and numbers may look like.

/// A DNS-1035 label: at most 63 of `a-z`, `0-9` and `-`, a letter first and no `-` last. Kubernetes' rule for Services,
/// and the operator's for applications.
pub(crate) fn is_dns_1035_label(text: &str) -> bool {
    is_dns_1123_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// A DNS-1123 label: as a DNS-1035 label, but may start with a digit. Kubernetes' rule for namespaces.
pub(crate) fn is_dns_1123_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

/// A DNS-1123 subdomain: labels with dots between, of which only the whole has a greatest length, 253. Kubernetes' rule
/// for Pods and most other objects.
pub(crate) fn is_dns_1123_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

/// What stands between the dots of a DNS name, of any length: `a-z`, `0-9` and `-`, a letter or digit at both ends.
pub(crate) fn is_dns_part(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The name of a volume for an object: the object's name and `suffix`, where Kubernetes takes that. A dot, which an object's name
/// may have and a volume's may not, becomes a dash, a long name is cut, and `hash` keeps two such names apart. The volume's name
/// means nothing outside the Pod.
pub(crate) fn volume_name(object: &str, suffix: &str, hash: impl FnOnce() -> String) -> String {
    let plain = format!("{object}{suffix}");
    if plain.len() <= 63 && !object.contains('.') {
        return plain;
    }
    let end = format!("-{}{suffix}", hash());
    let mut stem: String = object
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    stem.truncate(63 - end.len());
    format!("{}{end}", stem.trim_end_matches('-'))
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

/// The key of a label: a name as [`is_label_value`] has it, with an optional subdomain and `/` before it.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_1123_subdomain(prefix) && is_label_value(name),
        None => is_label_value(text),
    }
}

/// A decimal number: sign, digits, a point among or beside them.
pub(crate) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction)
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
    fn decimals() {
        check(
            is_decimal,
            &["1", "0.5", ".5", "1.", "+1", "-1.5"],
            &["", ".", "m", "1.2.3", "--1", "1-", "1e3", " 1", "１"],
        );
    }
}
