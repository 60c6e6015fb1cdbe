//! Java options as Spark's launcher splits them (`CommandBuilderUtils.parseOptionString`).

use super::blanks::is_blank;

/// A quote that isn't closed, or a backslash at the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// The words of a text, nearly as a shell splits it: quotes hold words together, and a backslash takes the next character as it
/// is, but in single quotes.
pub(super) fn split(text: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('"') | None, '\\') => {
                let escaped = characters.next().ok_or(Unclosed)?;
                word.get_or_insert_default().push(escaped);
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, blank) if is_blank(blank) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(Unclosed);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{Unclosed, split};

    #[test]
    fn options_are_split_as_the_launcher_splits_them() {
        for (text, words) in [
            ("", vec![]),
            (" -a\t-b\u{1c}-c ", vec!["-a", "-b", "-c"]),
            (r#"-Da="x y" '-X'mx1g"#, vec!["-Da=x y", "-Xmx1g"]),
            (r"a\ b \-c", vec!["a b", "-c"]),
            (r#""a\"b" 'c\' "d'e""#, vec![r#"a"b"#, r"c\", "d'e"]),
            ("\"\" ''", vec!["", ""]),
            ("a\u{a0}b", vec!["a\u{a0}b"]),
        ] {
            assert_eq!(
                split(text),
                Ok(words.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
        for text in ["-Da=\"x", "'", "-Da=\\", "\"a\\\""] {
            assert_eq!(split(text), Err(Unclosed), "{text}");
        }
    }
}
