//! The version of an object that a caller has seen.

use std::fmt;

/// `metadata.resourceVersion` of an object as a caller has seen it.
///
/// A read that names it is answered by the API server's cache once that is as new ("not older than" in the Kubernetes API
/// concepts), which takes half of the time of a read by etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceVersion(String);

/// The digits of the largest version: etcd counts in 63 bits.
const MOST_DIGITS: usize = 19;

impl ResourceVersion {
    /// `None` where it is no version that an API server gives: a decimal number above 0. By 0 a read would name no version.
    pub fn new(text: &str) -> Option<Self> {
        let is_version = text.len() <= MOST_DIGITS
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0')
            && !text.is_empty();
        is_version.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_number_above_0() {
        for version in ["1", "10", "9223372036854775807"] {
            assert_eq!(ResourceVersion::new(version).unwrap().to_string(), version);
        }
        for other in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1&watch=true",
            "a",
            "١",
            "10000000000000000000",
        ] {
            assert_eq!(ResourceVersion::new(other), None, "{other}");
        }
    }
}
