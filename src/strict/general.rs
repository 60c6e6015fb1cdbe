//! Field paths without list indices, which identify a field wherever its item is in a list.

/// A field path without its list indices: `spec.containers[0].image` becomes `spec.containers[].image`. Quoted
/// names stay as they are.
pub fn generalised(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut index = false;
    for character in path.chars() {
        index = !quoted && character.is_ascii_digit() && (index || general.ends_with('['));
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = character == '\\' && !escaped;
        if !index {
            general.push(character);
        }
    }
    general
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generalised_path_has_no_indices() {
        for (path, general) in [
            ("spec.containers[0].image", "spec.containers[].image"),
            ("a[12][3].b", "a[][].b"),
            ("a[\"x[0]\"].b[1]", "a[\"x[0]\"].b[]"),
            ("a[\"0\"]", "a[\"0\"]"),
            ("a[\"\\\"[0]\"][0]", "a[\"\\\"[0]\"][]"),
            ("a0.b1", "a0.b1"),
            ("", ""),
        ] {
            assert_eq!(generalised(path), general);
        }
    }
}
