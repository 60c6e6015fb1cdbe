//! Doubles as the JVM reads and writes them (`java.lang.Double.parseDouble` and `toString`).

/// Reads a double: decimal or hexadecimal, with white space around it and a suffix `d` or `f`; `NaN` and
/// `Infinity` are spelled so alone.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c| c <= ' ');
    let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let magnitude = match unsigned {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let number = unsigned.strip_suffix(['d', 'D', 'f', 'F']);
            match unsigned
                .strip_prefix("0x")
                .or_else(|| unsigned.strip_prefix("0X"))
            {
                Some(digits) => hexadecimal(digits)?,
                None => decimal(number.unwrap_or(unsigned))?,
            }
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn decimal(text: &str) -> Option<f64> {
    // Rust's grammar is Java's but for its words and a second sign.
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    (text.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.chars().all(of_number))
        .then(|| text.parse().ok())?
}

/// `1.8p-3`: the part after `0x`, whose exponent of two is in decimal and required.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let exponent = exponent.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(exponent);
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2_f64.powi(exponent.checked_sub(places)?))
}

/// Writes a double: with at least one digit behind the point, and an exponent below 10^-3 and from 10^7.
pub(super) fn to_text(number: f64) -> String {
    if number.is_infinite() {
        return format!("{}Infinity", if number < 0.0 { "-" } else { "" });
    }
    if number == 0.0 || number.is_nan() || (1e-3..1e7).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:E}");
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_written_as_java_does_it() {
        let table = [
            ("0.10", "0.1"),
            ("1e-1", "0.1"),
            ("0.4d", "0.4"),
            (" 0.3F\n", "0.3"),
            ("+.5", "0.5"),
            ("1.", "1.0"),
            ("100", "100.0"),
            ("1E10", "1.0E10"),
            ("9999999", "9999999.0"),
            ("10000000", "1.0E7"),
            ("0.001", "0.001"),
            ("0.00012", "1.2E-4"),
            ("0x1p-2", "0.25"),
            ("0X1.8P1d", "3.0"),
            ("0x.8p0", "0.5"),
            ("-1.5", "-1.5"),
            ("0", "0.0"),
            ("1e999", "Infinity"),
            ("-Infinity", "-Infinity"),
            ("NaN", "NaN"),
        ];
        for (text, written) in table {
            assert_eq!(parse(text).map(to_text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn what_java_does_not_read_is_none() {
        for text in [
            "", " ", "abc", "nan", "inf", "infinity", "1d d", "1dd", "0x1", "0xp1", "0x1p", "0x-1p1", "--1",
            "1e", ".", "1_0", "d", "0,1", "\u{a0}1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
