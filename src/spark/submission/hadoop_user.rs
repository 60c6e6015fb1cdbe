//! Names of users as Hadoop reads them (`KerberosName`), with the rules that it has where nobody configured any.

use super::refusal::Refusal;
use crate::finding::expected;

/// The user's short name: `ada` of `ada@REALM` and of `ada/host@REALM`. Any other name without an `@` is a name itself. Nothing
/// for a Kerberos name that Hadoop can't read.
pub(crate) fn short_name(name: &str) -> Option<&str> {
    let (principal, realm) = match name.split_once('@') {
        Some((principal, realm)) => (principal, Some(realm)),
        None => (name, None),
    };
    let (user, host) = match principal.split_once('/') {
        Some((user, host)) => (user, Some(host)),
        None => (principal, None),
    };
    let is_part = |part: &str| !part.is_empty() && !part.contains(['/', '@']);
    match realm {
        _ if is_part(user) && host.is_none_or(is_part) && realm.is_none_or(is_part) => Some(user),
        Some(_) => None,
        None => Some(name),
    }
}

/// The refusal of `name`, which `subject` holds and which has no short name.
pub(super) fn malformed(subject: &str, name: &str) -> Refusal {
    let allowed = expected("the name of a user, or a Kerberos name USER[/HOST]@REALM");
    Refusal::saying(subject, allowed.hidden(name))
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn names_are_shortened_as_hadoop_shortens_them() {
        for (name, short) in [
            ("ada", "ada"),
            ("ada@R", "ada"),
            ("ada/h@R", "ada"),
            ("ada/h", "ada"),
            ("é@x", "é"),
            ("", ""),
            (" ", " "),
            ("/b", "/b"),
            ("a/", "a/"),
            ("a/b/c", "a/b/c"),
            ("a//b", "a//b"),
        ] {
            assert_eq!(short_name(name), Some(short), "{name}");
        }
        for name in ["@", "@a", "a@", "a@b@c", "a@b/c", "a/b@c/d", "a/@b", "/a@b"] {
            assert_eq!(short_name(name), None, "{name}");
        }
    }
}
