//! Defaults of the keys that Spark has registered when it submits: `${key}` gives them where a key is unset.
//!
//! `defaults.txt` has the keys whose default is the same in Spark 3.5 to 4.3, one in a line: the key, a blank and the text, or
//! nothing more where the text is empty; or the key, ` = ` and the key whose value it has. A default that differs by version or machine isn't there, and `${key}`
//! stays as it is.

const TABLE: &str = include_str!("defaults.txt");

/// What an unset key comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultValue {
    /// This text.
    Text(&'static str),
    /// What another key comes to.
    Of(&'static str),
}

/// The default of a registered key.
pub(super) fn of(key: &str) -> Option<DefaultValue> {
    let value = TABLE.lines().find_map(|line| match line.strip_prefix(key)? {
        "" => Some(""),
        rest => rest.strip_prefix(' '),
    })?;
    Some(
        value
            .strip_prefix("= ")
            .map_or(DefaultValue::Text(value), DefaultValue::Of),
    )
}

#[cfg(test)]
mod tests {
    use super::{DefaultValue, TABLE, of};

    #[test]
    fn keys_are_found_whole() {
        assert_eq!(of("spark.driver.memory"), Some(DefaultValue::Text("1g")));
        assert_eq!(of("spark.driver.memor"), None);
        assert_eq!(of("spark.driver"), None);
        assert_eq!(
            of("spark.locality.wait.node"),
            Some(DefaultValue::Of("spark.locality.wait"))
        );
        assert_eq!(of("spark.jars"), Some(DefaultValue::Text("")));
        // Spark 3.5 doesn't know it.
        assert_eq!(of("spark.driver.minMemoryOverhead"), None);
    }

    #[test]
    fn each_key_stands_once_and_what_it_falls_back_on_falls_back_on_nothing_else() {
        let keys: Vec<_> = TABLE.lines().map(|line| line.split(' ').next()).collect();
        assert!(keys.is_sorted_by(|one, other| one < other));
        for line in TABLE.lines() {
            if let Some((_, other)) = line.split_once(" = ") {
                assert!(!matches!(of(other), Some(DefaultValue::Of(_))), "{line}");
            }
        }
    }
}
