//! Scalars of one type where another is wanted, as Spark's Kubernetes client converts them (Jackson's coercion, and
//! fabric8's own for file modes), so that `value: 5` is the text `5`.

use crate::{
    spark::{java_double, submission::blanks::trim},
    strict::Wanted,
};
use serde_json::Value;

/// The scalar as the text that Java makes of it; nothing for null, lists and maps.
pub(in crate::spark::submission) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(java_double::to_text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `value` as the type that its field has, where Java converts it. `octal_modes`: a file mode that begins with a zero
/// is octal, as everywhere in Kubernetes.
pub(in crate::spark::submission) fn coerced(
    value: &Value,
    wanted: Wanted,
    field: &str,
    octal_modes: bool,
) -> Option<Value> {
    match (wanted, value) {
        (Wanted::Text, Value::Number(_) | Value::Bool(_)) => text(value).map(Value::from),
        (Wanted::Boolean, Value::String(text)) => match trim(text) {
            "true" | "True" | "TRUE" => Some(true.into()),
            "false" | "False" | "FALSE" => Some(false.into()),
            _ => None,
        },
        (Wanted::Boolean, Value::Number(number)) => number.as_i64().map(|number| (number != 0).into()),
        (Wanted::Integer, Value::String(text)) => {
            let is_mode = octal_modes && matches!(field, "mode" | "defaultMode");
            octal(text)
                .filter(|_| is_mode)
                // The reader that knows octal modes takes no blanks, whatever the field.
                .or_else(|| if octal_modes { text } else { trim(text) }.parse().ok())
                .map(Value::from)
        }
        // The reader that knows octal modes takes no fraction either; the one before cuts it off.
        (Wanted::Integer, Value::Number(number)) if number.is_f64() && !octal_modes => {
            let whole = number.as_f64()?.trunc();
            format!("{whole:.0}").parse::<i32>().ok().map(Value::from)
        }
        (Wanted::Long, Value::String(text)) => trim(text).parse::<i64>().ok().map(Value::from),
        // Java cuts the fraction off.
        (Wanted::Long, Value::Number(number)) if number.is_f64() => {
            let whole = number.as_f64()?.trunc();
            format!("{whole:.0}").parse::<i64>().ok().map(Value::from)
        }
        _ => None,
    }
}

/// Whether Spark's Kubernetes client makes a quantity of a text. It looks for a unit from the first letter on that can begin one, and
/// reads the number before it only when somebody counts with it.
pub(in crate::spark::submission) fn is_quantity(text: &str) -> bool {
    let unit = text.find(|c| "eEinumkKMGTP".contains(c)).map(|at| &text[at..]);
    let unit = unit.unwrap_or_default();
    let is_malformed = unit.contains(char::is_numeric) && unit.ends_with(char::is_alphabetic);
    !text.is_empty() && !is_malformed
}

/// `0644`, and `0o644`.
fn octal(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('0')?;
    let digits = digits.strip_prefix(['o', 'O']).unwrap_or(digits);
    i32::from_str_radix(digits, 8).ok().filter(|mode| *mode >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (number, expected) in [
            (json!(1), "1"),
            (json!(-7), "-7"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(1.0), "1.0"),
            (json!(1.5), "1.5"),
            (json!(1e3), "1000.0"),
            (json!(0.0), "0.0"),
            (json!(-0.0), "-0.0"),
            (json!(0.001), "0.001"),
            (json!(0.0001), "1.0E-4"),
            (json!(9_999_999.0), "9999999.0"),
            (json!(1e7), "1.0E7"),
            (json!(123_456_789.0), "1.23456789E8"),
            (json!(100_000_000.5), "1.000000005E8"),
            (json!(1e21), "1.0E21"),
        ] {
            assert_eq!(text(&number).unwrap(), expected);
        }
        assert_eq!(text(&json!(true)).unwrap(), "true");
        for none in [json!(null), json!([]), json!({})] {
            assert_eq!(text(&none), None);
        }
    }

    #[test]
    fn scalars_become_the_type_of_their_field_where_java_does_it() {
        for (value, wanted, expected) in [
            (json!(1.5), Wanted::Text, Some(json!("1.5"))),
            (json!(false), Wanted::Text, Some(json!("false"))),
            (json!([]), Wanted::Text, None),
            (json!("TRUE"), Wanted::Boolean, Some(json!(true))),
            (json!(" false "), Wanted::Boolean, Some(json!(false))),
            (json!("yes"), Wanted::Boolean, None),
            (json!("\u{1}true\u{1f}"), Wanted::Boolean, Some(json!(true))),
            (json!("\u{a0}true"), Wanted::Boolean, None),
            (json!("\u{1}30"), Wanted::Long, Some(json!(30))),
            (json!("30\u{2003}"), Wanted::Long, None),
            (json!("1"), Wanted::Boolean, None),
            (json!(2), Wanted::Boolean, Some(json!(true))),
            (json!(0), Wanted::Boolean, Some(json!(false))),
            (json!(1.0), Wanted::Boolean, None),
            (json!("30"), Wanted::Long, Some(json!(30))),
            (json!("010"), Wanted::Long, Some(json!(10))),
            (json!("+1"), Wanted::Long, Some(json!(1))),
            (json!("soon"), Wanted::Long, None),
            (json!("0x10"), Wanted::Long, None),
            (json!(-1.5), Wanted::Long, Some(json!(-1))),
            (json!(1e30), Wanted::Long, None),
            (json!("-010"), Wanted::Integer, Some(json!(-10))),
            (json!("99999999999"), Wanted::Integer, None),
            (json!(1.0), Wanted::Integer, None),
            (json!(true), Wanted::Integer, None),
        ] {
            assert_eq!(
                coerced(&value, wanted, "priority", true),
                expected,
                "{value} {wanted:?}"
            );
        }
    }

    #[test]
    fn a_quantity_is_not_empty_and_has_no_letter_behind_an_exponent() {
        for text in [
            "1", "1Gi", "e", "Gi", " ", "abc", "1e3", "1E+3", "0x1F", "1 ", "1_0", "-", "1m5",
        ] {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "1e3m", "1Mi1i", "m5x"] {
            assert!(!is_quantity(text), "{text}");
        }
    }

    #[test]
    fn blanks_and_fractions_of_an_integer_are_taken_where_modes_are_decimal_and_of_a_long_everywhere() {
        for (value, octal_modes) in [
            (json!(" 5 "), true),
            (json!(5.7), true),
            (json!(" 5 "), false),
            (json!(5.7), false),
        ] {
            let of = |wanted| coerced(&value, wanted, "periodSeconds", octal_modes);
            assert_eq!(of(Wanted::Integer), (!octal_modes).then(|| json!(5)));
            assert_eq!(of(Wanted::Long), Some(json!(5)));
        }
        assert_eq!(
            coerced(&json!(3e9), Wanted::Integer, "periodSeconds", false),
            None
        );
    }

    #[test]
    fn a_file_mode_with_a_leading_zero_is_octal_where_the_version_reads_it_so() {
        for (text, octal, decimal) in [
            ("0400", Some(256), Some(400)),
            ("0o644", Some(420), None),
            ("420", Some(420), Some(420)),
            ("08", Some(8), Some(8)),
            ("0", Some(0), Some(0)),
            ("0-7", None, None),
        ] {
            let mode = |octal_modes| coerced(&json!(text), Wanted::Integer, "defaultMode", octal_modes);
            assert_eq!(mode(true), octal.map(Value::from), "{text}");
            assert_eq!(mode(false), decimal.map(Value::from), "{text}");
        }
        assert_eq!(
            coerced(&json!("0400"), Wanted::Integer, "lun", true),
            Some(json!(400))
        );
    }
}
