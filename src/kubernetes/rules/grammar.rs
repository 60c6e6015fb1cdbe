//! The grammars of names, labels, keys and ports, each with its words: what is expected where a text is wrong, or nothing.
//!
//! Sources: apimachinery `pkg/util/validation` and
//! `pkg/api/validation`; the lengths are RFC 1123's and RFC 1035's.

use crate::kubernetes::grammar::{
    is_dns_1035_label, is_dns_1123_label, is_dns_1123_subdomain, is_dns_part, is_label_value,
    is_qualified_name,
};

/// What a text should be instead; `None` where it is right.
pub(crate) type Verdict = Option<&'static str>;

/// A lowercase RFC 1123 label: names of containers, volumes, namespaces.
pub(crate) fn dns_label(text: &str) -> Verdict {
    (!is_dns_1123_label(text)).then_some(
        "a lowercase RFC 1123 label: at most 63 of `a-z`, `0-9` and `-`, beginning and ending with a \
         letter or digit",
    )
}

/// A lowercase RFC 1123 subdomain: names of most objects.
pub(crate) fn dns_subdomain(text: &str) -> Verdict {
    (!is_dns_1123_subdomain(text)).then_some(
        "a lowercase RFC 1123 subdomain: at most 253 of `a-z`, `0-9`, `-` and `.`, each part beginning \
         and ending with a letter or digit",
    )
}

/// An RFC 1035 label: names of Services.
pub(crate) fn rfc1035_label(text: &str) -> Verdict {
    (!is_dns_1035_label(text)).then_some(
        "an RFC 1035 label: at most 63 of `a-z`, `0-9` and `-`, beginning with a letter and ending with \
         a letter or digit",
    )
}

/// The key of a label: an optional subdomain and `/`, then a name.
pub(crate) fn label_key(text: &str) -> Verdict {
    (!is_qualified_name(text)).then_some(
        "a name of at most 63 of `A-Za-z0-9`, `-`, `_` and `.`, beginning and ending with a letter or \
         digit, with an optional DNS subdomain and `/` before it",
    )
}

/// The key of an annotation: that of a label, but case doesn't matter in the prefix either.
pub(crate) fn annotation_key(text: &str) -> Verdict {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        label_key(&text.to_ascii_lowercase())
    } else {
        label_key(text)
    }
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Verdict {
    let ok = text.is_empty() || is_label_value(text);
    (!ok).then_some(
        "at most 63 of `A-Za-z0-9`, `-`, `_` and `.`, beginning and ending with a letter or digit, or empty",
    )
}

/// The name of a container port, an `IANA_SVC_NAME`.
pub(crate) fn port_name(text: &str) -> Verdict {
    let ok = text.len() <= 15
        && is_dns_part(text)
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.contains("--");
    (!ok).then_some(
        "an IANA service name: at most 15 of `a-z`, `0-9` and `-`, at least one letter, no `--`, \
         beginning and ending with a letter or digit",
    )
}

/// The name of an environment variable, by the relaxed rule that Kubernetes has since 1.30.
pub(crate) fn env_name(text: &str) -> Verdict {
    let ok = !text.is_empty()
        && text
            .bytes()
            .all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'=');
    (!ok).then_some("printable ASCII without `=`")
}

/// A key of a `ConfigMap` or Secret, which becomes the name of a file.
pub(crate) fn config_key(text: &str) -> Verdict {
    let ok = (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && text != "."
        && !text.starts_with("..");
    (!ok).then_some(
        "at most 253 of `A-Za-z0-9`, `-`, `_` and `.`, not `.` itself, and not beginning with `..`",
    )
}

/// A path below a mount: relative and never leading out.
pub(crate) fn path_below(text: &str) -> Verdict {
    let ok = !text.starts_with('/') && text.split('/').all(|part| part != "..");
    (!ok).then_some("a relative path without `..`")
}

/// A path of the node: without `..` (`validatePathNoBacksteps`).
pub(crate) fn path_without_backsteps(text: &str) -> Verdict {
    text.split('/')
        .any(|part| part == "..")
        .then_some("a path without `..`")
}

/// A path from the root (`validateNFSVolumeSource`).
pub(crate) fn absolute_path(text: &str) -> Verdict {
    (!text.starts_with('/')).then_some("a path that begins with `/`")
}

/// The path of a file in a volume: as [`path_below`], and `..` at its beginning is the kubelet's.
pub(crate) fn file_path(text: &str) -> Verdict {
    let ok = path_below(text).is_none() && !text.starts_with("..");
    (!ok).then_some("a relative path that has no part `..` and does not begin with `..`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_accept_and_refuse_as_kubernetes_does() {
        type Grammar = fn(&str) -> Verdict;
        let long = |count: usize| "a".repeat(count);
        let table: [(Grammar, &[&str], &[&str]); 9] = [
            (
                dns_label,
                &["a", "0", "a-0", &long(63)],
                &["", "A", "-a", "a-", "a.b", "a_b", "é", &long(64)],
            ),
            (
                dns_subdomain,
                &["a", "a.b-c.0", &long(253)],
                &["", ".", "a.", ".a", "a..b", "a.-b", "A", &long(254)],
            ),
            (
                rfc1035_label,
                &["a", "a-0", &long(63)],
                &["", "0a", "a.b", "A", &long(64)],
            ),
            (
                label_key,
                &["a", "A_b.c-d", "a.b/C", "0"],
                &["", "/a", "a/", "a/b/c", "A.b/c", "-a", "a-", "a b", &long(64)],
            ),
            (annotation_key, &["a", "A.b/C"], &["", "/a", "a b"]),
            (
                label_value,
                &["", "a", "A.b_c-0", &long(63)],
                &["-a", "a.", "a b", "a/b", "é", &long(64)],
            ),
            (
                port_name,
                &["http", "0a", "a-b", &long(15)],
                &["", "80", "a--b", "-a", "a-", "Http", "a_b", &long(16)],
            ),
            (
                env_name,
                &["A", "a.b-c d", "1", "~"],
                &["", "A=B", "é", "a\n", "\u{7f}"],
            ),
            (
                config_key,
                &["a", ".a", "a..b", "A_b-c.0", &long(253)],
                &["", ".", "..", "..a", "a/b", "a b", &long(254)],
            ),
        ];
        for (index, (grammar, accepted, refused)) in table.into_iter().enumerate() {
            for text in accepted {
                assert_eq!(grammar(text), None, "{index}: {text}");
            }
            for text in refused {
                assert!(grammar(text).is_some(), "{index}: {text}");
            }
        }
        assert_eq!(path_below("a/..b/c"), None);
        assert!(path_below("/a").is_some() && path_below("a/../b").is_some());
        assert_eq!(path_below("..a"), None);
        assert!(file_path("..a").is_some() && file_path("a/..b").is_none());
    }
}
