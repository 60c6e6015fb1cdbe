//! Kubernetes' quantities: `500m`, `1.5Gi`, `2e3`.
//!
//! The grammar is that of apimachinery's `resource.ParseQuantity`: a sign, digits with at most one dot, and a
//! suffix that is binary (`Ki` … `Ei`), decimal (`n` … `E`) or an exponent. No `K`, no `KB`; spaces only around it, and in JSON only. Kubernetes
//! stores nothing finer than a nano, rounded up, and caps the magnitude at 2⁶³-1; so does this.

use serde_json::Value;

/// A quantity, in units of 10⁻⁹.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

const NANO: i128 = 1_000_000_000;
const LARGEST: i128 = i64::MAX as i128 * NANO;

/// As many digits of a fraction as can be multiplied by the largest suffix; the rest only rounds up.
const FRACTION_DIGITS: usize = 11;

/// The suffixes, with what they are worth in nanos.
const SUFFIXES: [(&str, i128); 16] = [
    ("", NANO),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", NANO * 1_000),
    ("M", NANO * 1_000_000),
    ("G", NANO * NANO),
    ("T", NANO * NANO * 1_000),
    ("P", NANO * NANO * 1_000_000),
    ("E", NANO * NANO * NANO),
    ("Ki", NANO << 10),
    ("Mi", NANO << 20),
    ("Gi", NANO << 30),
    ("Ti", NANO << 40),
    ("Pi", NANO << 50),
    ("Ei", NANO << 60),
];

impl Quantity {
    pub(crate) const ZERO: Self = Self(0);

    /// Parses the text of a quantity.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let whole_end = digits_end(unsigned);
        let (whole, rest) = unsigned.split_at(whole_end);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits_end(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (worth, divisor) = worth(suffix)?;
        let magnitude = nanos(whole, fraction, worth, divisor).min(LARGEST);
        Some(Self(if text.starts_with('-') {
            -magnitude
        } else {
            magnitude
        }))
    }

    /// The quantity that a JSON value is: Kubernetes takes a number for its text, and trims a text
    /// (`Quantity.UnmarshalJSON`).
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text.trim()),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// The number that it is, in whole units: cores, bytes.
    #[allow(
        clippy::cast_precision_loss,
        reason = "only the order of size matters, and 53 bits hold it"
    )]
    pub(crate) fn units(self) -> f64 {
        self.0 as f64 / NANO as f64
    }

    /// Whether it is a whole number, as counts of devices have to be.
    pub(crate) fn is_whole(self) -> bool {
        self.0 % NANO == 0
    }
}

fn digits_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// What a suffix is worth in nanos, as a fraction; so that `e-12` has one too.
fn worth(suffix: &str) -> Option<(i128, i128)> {
    if let Some((_, worth)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some((*worth, 1));
    }
    let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    // Beyond this, every number is capped, or rounded up to one nano.
    let power = u32::try_from(exponent.unsigned_abs().min(26)).ok()?;
    Some(if exponent < 0 {
        (NANO, 10_i128.pow(power))
    } else {
        (NANO.saturating_mul(10_i128.pow(power)), 1)
    })
}

/// `whole.fraction * worth / divisor`, rounded up; saturating far beyond the cap.
fn nanos(whole: &str, fraction: &str, worth: i128, divisor: i128) -> i128 {
    let (fraction, finer) = fraction.split_at(fraction.len().min(FRACTION_DIGITS));
    let scale = fraction.bytes().fold(1_i128, |scale, _| scale * 10);
    let whole = number(whole).saturating_mul(worth);
    let fraction = number(fraction).saturating_mul(worth);
    let parts = divisor * scale;
    let rest = (whole % divisor) * scale + fraction % parts;
    let finer = i128::from(rest % parts == 0 && finer.bytes().any(|digit| digit != b'0'));
    (whole / divisor)
        .saturating_add(fraction / parts)
        .saturating_add(rest / parts + i128::from(rest % parts != 0) + finer)
}

fn number(digits: &str) -> i128 {
    digits.bytes().fold(0_i128, |number, digit| {
        number.saturating_mul(10).saturating_add(i128::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_kubernetes_takes_for_a_quantity() {
        for (text, nanos) in [
            ("0", 0),
            ("1", NANO),
            ("+1", NANO),
            ("-1", -NANO),
            ("1.", NANO),
            (".5", NANO / 2),
            ("500m", NANO / 2),
            ("1.5Gi", 3 * (NANO << 29)),
            ("1Ki", NANO * 1024),
            ("1k", NANO * 1000),
            ("2e3", NANO * 2000),
            ("2E3", NANO * 2000),
            ("25e-1", NANO * 5 / 2),
            ("1E", NANO * NANO * NANO),
            ("1n", 1),
            ("0.1n", 1),
            ("0.00000000000001", 1),
            ("1e-30", 1),
            ("100000E", LARGEST),
            ("1e999999", LARGEST),
            ("0.001e999999", LARGEST),
            ("1.23456789012345e-999999", 1),
            ("0e999999", 0),
            ("9999999999999999999999999999999999999999999999", LARGEST),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(nanos)), "{text}");
        }
    }

    #[test]
    fn what_kubernetes_does_not() {
        for text in [
            "", " ", ".", "m", "Gi", "1 Gi", " 1", "1gb", "1GB", "1K", "1kb", "1Gib", "1mi", "0x10", "1_000",
            "1,5", "1.2.3", "--1", "1e", "1e1.5", "1e+", "junk!!", "١", "1Mi ", "Infinity",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_its_text() {
        assert_eq!(Quantity::of(&json!(2)), Quantity::parse("2"));
        assert_eq!(Quantity::of(&json!(0.5)), Quantity::parse("500m"));
        assert_eq!(Quantity::of(&json!(" 2\t")), Quantity::parse("2"));
        assert_eq!(Quantity::of(&json!(" ")), None);
        assert_eq!(Quantity::of(&json!(true)), None);
    }

    #[test]
    fn quantities_of_different_suffix_compare() {
        assert!(Quantity::parse("1000m") == Quantity::parse("1"));
        assert!(Quantity::parse("1G") < Quantity::parse("1Gi"));
        assert!(Quantity::parse("1.5").is_some_and(|quantity| !quantity.is_whole()));
    }
}
