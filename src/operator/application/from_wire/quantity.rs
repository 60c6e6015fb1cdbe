//! `Quantity`, which mirrors how Go holds one.

use super::convert::{Convert, MessagePlace};
use crate::{
    finding::expected,
    kubernetes::{Quantity as Parsed, grammar::is_decimal},
    operator::wire::{self, Format},
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

impl Convert for wire::Quantity {
    type To = Quantity;

    fn convert(self, at: &MessagePlace<'_>) -> Quantity {
        let Self { i, d, s, format } = self;
        let format = Format::try_from(format).unwrap_or_else(|_| {
            at.field("format")
                .problem(expected("a value of this enum").kind(format.to_string()));
            Format::Unspecified
        });
        let text = match (s, d, i) {
            (s, _, _) if !s.is_empty() => {
                if Parsed::parse(&s).is_none() {
                    let said = expected("a Kubernetes quantity such as `500m` or `2Gi`");
                    at.field("s").problem(said.shown(&s));
                }
                s
            }
            (_, Some(wire::InfDecAmount { dec }), _) => {
                if !is_decimal(&dec) {
                    let dec_at = at.field("d");
                    dec_at
                        .field("dec")
                        .problem(expected("a decimal number").shown(&dec));
                }
                dec
            }
            (_, None, Some(wire::Int64Amount { value, scale })) => {
                let wire::Scale { value: scale } = scale.unwrap_or_default();
                written(value, scale, format)
            }
            (_, None, None) => "0".to_owned(),
        };
        Quantity(text)
    }
}

const DECIMAL_SUFFIXES: &[(i32, &str)] = &[
    (-9, "n"),
    (-6, "u"),
    (-3, "m"),
    (0, ""),
    (3, "k"),
    (6, "M"),
    (9, "G"),
    (12, "T"),
    (15, "P"),
    (18, "E"),
];

const BINARY_SUFFIXES: &[&str] = &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// `value` times ten to the power of `scale`. Where the format has no way to write it, an exponent does.
fn written(value: i64, scale: i32, format: Format) -> String {
    let suffix = match format {
        Format::DecimalExponent => (scale == 0).then_some(""),
        Format::BinarySi => {
            if let Some(text) = written_binary(value, scale) {
                return text;
            }
            None
        }
        Format::Unspecified | Format::DecimalSi => DECIMAL_SUFFIXES
            .iter()
            .find(|(power, _)| *power == scale)
            .map(|(_, suffix)| *suffix),
    };
    match suffix {
        Some(suffix) => format!("{value}{suffix}"),
        None => format!("{value}e{scale}"),
    }
}

fn written_binary(value: i64, scale: i32) -> Option<String> {
    let power = 10_i64.checked_pow(u32::try_from(scale).ok()?)?;
    let mut rest = value.checked_mul(power)?;
    let mut suffixes = BINARY_SUFFIXES.iter();
    let mut suffix = suffixes.next()?;
    while rest != 0 && rest % 1024 == 0 {
        let Some(next) = suffixes.next() else { break };
        suffix = next;
        rest /= 1024;
    }
    Some(format!("{rest}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn quantity(
        s: &str,
        d: Option<&str>,
        i: Option<(i64, i32)>,
        format: Format,
    ) -> Result<String, Vec<String>> {
        let problems = RefCell::default();
        let message = wire::Quantity {
            i: i.map(|(value, scale)| wire::Int64Amount {
                value,
                scale: Some(wire::Scale { value: scale }),
            }),
            d: d.map(|dec| wire::InfDecAmount { dec: dec.to_owned() }),
            s: s.to_owned(),
            format: format.into(),
        };
        let Quantity(text) = message.convert(&MessagePlace::root("q", &problems));
        let problems: Vec<_> = problems.into_inner().iter().map(ToString::to_string).collect();
        if problems.is_empty() {
            Ok(text)
        } else {
            Err(problems)
        }
    }

    #[test]
    fn text_wins_then_the_decimal_then_the_integer() {
        let all = quantity("2Gi", Some("1.5"), Some((7, 0)), Format::DecimalSi);
        assert_eq!(all.as_deref(), Ok("2Gi"));
        let two = quantity("", Some("1.5"), Some((7, 0)), Format::BinarySi);
        assert_eq!(two.as_deref(), Ok("1.5"));
        assert_eq!(quantity("", None, None, Format::BinarySi).as_deref(), Ok("0"));
    }

    #[test]
    fn an_integer_is_written_by_scale_and_format() {
        for (value, scale, format, expected) in [
            (7, 0, Format::Unspecified, "7"),
            (500, -3, Format::DecimalSi, "500m"),
            (2, 9, Format::DecimalSi, "2G"),
            (2, 1, Format::DecimalSi, "2e1"),
            (-1, 3, Format::Unspecified, "-1k"),
            (2, 9, Format::DecimalExponent, "2e9"),
            (2, 0, Format::DecimalExponent, "2"),
            (5, -12, Format::DecimalSi, "5e-12"),
            (2_147_483_648, 0, Format::BinarySi, "2Gi"),
            (1000, 0, Format::BinarySi, "1000"),
            (1024, 3, Format::BinarySi, "1000Ki"),
            (0, 0, Format::BinarySi, "0"),
            (5, -3, Format::BinarySi, "5e-3"),
            (i64::MAX, 18, Format::BinarySi, "9223372036854775807e18"),
        ] {
            let text = quantity("", None, Some((value, scale)), format).unwrap();
            assert_eq!(text, expected, "{value} {scale} {format:?}");
            assert!(Parsed::parse(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_its_path() {
        let text = quantity("2 Gi", None, None, Format::Unspecified).unwrap_err();
        assert_eq!(
            text,
            ["q.s: expected a Kubernetes quantity such as `500m` or `2Gi`, found `2 Gi`"]
        );
        let decimal = quantity("", Some("junk"), None, Format::Unspecified).unwrap_err();
        assert_eq!(decimal, ["q.d.dec: expected a decimal number, found `junk`"]);
    }
}
