//! What templates call on values that may not be there, and on quantities.

use super::{is_absent, is_typed};
use crate::{kubernetes::Quantity, templates::error::Cause};
use minijinja::{
    Environment, Error, ErrorKind,
    value::{Rest, Value, ValueKind},
};

/// Adds the functions, and lets the engine's own filters and tests know what isn't there.
pub(in crate::templates) fn install(environment: &mut Environment<'static>) {
    environment.add_function("cpu", cpu);
    environment.add_function("bytes", bytes);
    environment.add_function("number", number);
    for name in ["default", "d"] {
        environment.add_filter(name, default);
    }
    environment.add_filter("attr", attribute);
    environment.add_test("typed", |value: &Value| is_typed(value));
    environment.add_test("defined", |value: &Value| !is_missing(value));
    environment.add_test("undefined", is_missing);
    environment.add_test("none", |value: &Value| value.is_none() || is_absent(value));
    for name in ["lt", "lessthan", "<"] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b, |a, b| a < b));
    }
    for name in ["le", "<="] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b, |a, b| a <= b));
    }
    for name in ["gt", "greaterthan", ">"] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b, |a, b| a > b));
    }
    for name in ["ge", ">="] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b, |a, b| a >= b));
    }
}

/// Whether a value isn't there: a field without a value is `none`, and counts as not written.
fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || is_absent(value)
}

/// `x | default(y)`: `y` where `x` isn't there, and with a second argument that is true also where `x` is false or empty.
fn default(value: &Value, Rest(arguments): Rest<Value>) -> Result<Value, Error> {
    if arguments.len() > 2 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let also_false = arguments.get(1).is_some_and(Value::is_true);
    if is_missing(value) || (also_false && !value.is_true()) {
        Ok(arguments.into_iter().next().unwrap_or_else(|| Value::from("")))
    } else {
        Ok(value.clone())
    }
}

/// `x | attr("name")` is `x.name`.
fn attribute(value: &Value, key: &Value) -> Result<Value, Error> {
    match key.as_str() {
        Some(name) => value.get_attr(name),
        None => value.get_item(key),
    }
}

/// Two numbers: of all else the order is by kind, and `"10" < 9` would be false.
fn compared(a: &Value, b: &Value, holds: impl Fn(&Value, &Value) -> bool) -> Result<bool, Error> {
    if a.is_number() && b.is_number() {
        Ok(holds(a, b))
    } else {
        Err(Cause::Unordered(kind_of(a), kind_of(b)).into())
    }
}

/// What a value is, where it may not be shown.
pub(in crate::templates) fn kind_of(value: &Value) -> &'static str {
    match value.kind() {
        _ if is_missing(value) => "nothing",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "a text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "a value of another kind",
    }
}

/// What a value is that no number can be made of.
fn not_a_number(value: &Value) -> &'static str {
    match kind_of(value) {
        "a text" => "another text",
        "a number" => "a number out of range",
        kind => kind,
    }
}

/// `cpu(x)`: the cores of a quantity, as a number. `cpu(x, 0)` is 0 where `x` isn't there.
fn cpu(value: &Value, Rest(default): Rest<Value>) -> Result<Value, Error> {
    quantity(value, default, "cpu", Quantity::units)
}

/// `bytes(x)`: the bytes of a quantity, as a number. `bytes(x, 0)` is 0 where `x` isn't there.
fn bytes(value: &Value, Rest(default): Rest<Value>) -> Result<Value, Error> {
    quantity(value, default, "bytes", Quantity::units)
}

fn quantity(
    value: &Value,
    default: Vec<Value>,
    function: &'static str,
    number: impl Fn(Quantity) -> f64,
) -> Result<Value, Error> {
    if let Some(default) = missing(value, default, function)? {
        return Ok(default);
    }
    let json = match value.kind() {
        ValueKind::String => value.as_str().map(serde_json::Value::from),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(serde_json::Value::from),
        _ => None,
    };
    let quantity = json.as_ref().and_then(Quantity::of);
    let wrong = || {
        Cause::Argument(
            function,
            "a quantity of Kubernetes, such as 500m or 1Gi",
            not_a_number(value),
        )
    };
    quantity
        .map(|quantity| whole_or_not(number(quantity)))
        .ok_or_else(|| wrong().into())
}

/// `number(x, default)`: a number, or the number that a text is.
fn number(value: &Value, Rest(default): Rest<Value>) -> Result<Value, Error> {
    if let Some(default) = missing(value, default, "number")? {
        return Ok(default);
    }
    let text = value.as_str().map(str::trim);
    let read = text.and_then(|text| match text.parse::<i64>() {
        Ok(whole) => Some(Value::from(whole)),
        Err(_) => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Value::from),
    });
    match read {
        _ if value.is_number() => Ok(value.clone()),
        Some(number) => Ok(number),
        None => Err(Cause::Argument("number", "a number", not_a_number(value)).into()),
    }
}

/// The default, where there is no value; an error where there is neither.
fn missing(value: &Value, default: Vec<Value>, function: &'static str) -> Result<Option<Value>, Error> {
    if default.len() > 1 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    match default.into_iter().next() {
        Some(default) if !default.is_number() => {
            Err(Cause::Argument(function, "a number as its default", kind_of(&default)).into())
        }
        _ if !is_missing(value) => Ok(None),
        Some(default) => Ok(Some(default)),
        None => Err(Cause::NoNumber(function).into()),
    }
}

/// A whole number is one to the engine, too, so that it is printed as it is written.
#[allow(clippy::cast_possible_truncation, reason = "below 2⁵³ it is exact")]
fn whole_or_not(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
