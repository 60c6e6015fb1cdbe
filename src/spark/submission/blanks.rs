//! What Java takes for blanks, which is not what Unicode does.

/// Without the blanks and control characters of ASCII at both ends (`String.trim`). Other blanks, as U+00A0, stay.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// `Character.isWhitespace`: no-break spaces are none.
pub(super) fn is_blank(character: char) -> bool {
    match character {
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}' => false,
        '\u{1c}'..='\u{1f}' => true,
        _ => character.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_blank, trim};

    #[test]
    fn blanks_are_those_of_java() {
        assert_eq!(trim("\u{1} \t\u{1f}a b\r\n\0"), "a b");
        for kept in ["\u{a0}a", "a\u{2003}", "\u{85}a", "\u{feff}a", "a\u{7f}"] {
            assert_eq!(trim(kept), kept);
        }
        for blank in [' ', '\t', '\u{1c}', '\u{2003}', '\u{3000}', '\u{2028}'] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for other in ['\u{a0}', '\u{85}', '\u{200b}', '\u{1}'] {
            assert!(!is_blank(other), "{other:?}");
        }
    }
}
