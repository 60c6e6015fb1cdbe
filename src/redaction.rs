//! What of a user's value may be written to a log, an error or a reply.
//!
//! Conf values, arguments, environment values and files can hold secrets. So a value is shown only where its
//! grammar is closed (a quantity, a port, a boolean, an enum, a name) and cannot carry one; every other value
//! is named by its size alone.

/// The longest piece of a value that is ever shown, in characters.
const SHOWN_CHARACTERS: usize = 64;

/// A value of closed grammar as it may be shown: quoted, control characters escaped, cut to 64 characters.
pub fn shown(value: &str) -> String {
    let mut characters = value.chars();
    let head: String = characters.by_ref().take(SHOWN_CHARACTERS).collect();
    let ellipsis = if characters.next().is_some() { "…" } else { "" };
    format!("`{}{ellipsis}`", head.escape_debug())
}

/// As [`shown`] where the value follows its closed `grammar`; else as [`hidden`], for it may be anything then.
pub(crate) fn shown_if(value: &str, grammar: impl FnOnce(&str) -> bool) -> String {
    if grammar(value) {
        shown(value)
    } else {
        hidden(value)
    }
}

/// Stands for a value that may be a secret: its size in bytes.
pub fn hidden(value: &str) -> String {
    hidden_bytes(value.len())
}

/// Stands for a value of so many bytes that may be a secret.
pub(crate) fn hidden_bytes(bytes: usize) -> String {
    format!("<redacted, {bytes} bytes>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_value_is_cut_and_keeps_to_one_line() {
        assert_eq!(shown("512m"), "`512m`");
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown(&"x".repeat(100)), format!("`{}…`", "x".repeat(64)));
    }

    #[test]
    fn a_value_that_breaks_its_grammar_is_hidden() {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        assert_eq!(shown_if("12", digits), "`12`");
        assert_eq!(shown_if("hunter2", digits), "<redacted, 7 bytes>");
    }

    #[test]
    fn a_hidden_value_tells_its_size_only() {
        assert_eq!(hidden("hunter2"), "<redacted, 7 bytes>");
    }
}
