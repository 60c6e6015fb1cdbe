//! What a template may call, beside what the engine brings: and what of the engine's is taken away or tamed.
//!
//! What macros and blocks wrote counts as *safe*: it is printed as it is. The engine keeps that mark on text that
//! its filters cut out of safe text, and so a filter could cut the quotes off a user's value. Here such filters
//! lose the mark: what comes out of them is a value like any other, and is written as JSON. `indent` keeps it,
//! because it only adds spaces after line breaks, and no value that was written as JSON has one.

use super::{error::Cause, typed};
use crate::spark::plan::CONTEXT_VERSION;
use minijinja::{
    Environment, Error, State, filters as engine,
    value::{Rest, Value, ValueKind},
};

/// The most characters of a refusal that are shown.
const REFUSAL_CHARACTERS: usize = 500;

/// Changes what the engine offers.
pub(crate) fn install(environment: &mut Environment<'static>) {
    // Would print a user's value raw; or, by another name, what printing does anyway.
    for name in ["safe", "escape", "e"] {
        environment.remove_filter(name);
    }
    // Prints all values in reach.
    environment.remove_global("debug");
    environment.remove_filter("pprint");
    // The only way to carry a value from one turn of a loop to the next: with it a loop can nest a list so deep
    // that taking it apart overflows the stack, which ends the process. `select`, `selectattr` and `map` remain.
    environment.remove_global("namespace");
    for (name, filter) in unmarking() {
        environment.add_filter(name, move |state: &mut State, arguments: Rest<Value>| {
            let arguments: Vec<Value> = arguments.iter().map(unmarked).collect();
            filter.call(state, &arguments).map(|value| unmarked_deep(&value))
        });
    }
    typed::install(environment);
    environment.add_filter("tojson", tojson);
    environment.add_function("refuse", refuse);
    environment.add_function("require_context", require_context);
}

/// The engine's filters that would hand on the mark to a part or a variant of the text.
fn unmarking() -> [(&'static str, Value); 15] {
    [
        ("capitalize", Value::from_function(engine::capitalize)),
        ("first", Value::from_function(engine::first)),
        ("format", Value::from_function(engine::format)),
        ("join", Value::from_function(engine::join)),
        ("last", Value::from_function(engine::last)),
        ("lines", Value::from_function(engine::lines)),
        ("list", Value::from_function(engine::list)),
        ("lower", Value::from_function(engine::lower)),
        ("replace", Value::from_function(engine::replace)),
        ("reverse", Value::from_function(engine::reverse)),
        ("split", Value::from_function(engine::split)),
        ("string", Value::from_function(engine::string)),
        ("title", Value::from_function(engine::title)),
        ("trim", Value::from_function(engine::trim)),
        ("upper", Value::from_function(engine::upper)),
    ]
}

fn unmarked(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if value.is_safe() => Value::from(text),
        _ => value.clone(),
    }
}

fn unmarked_deep(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => match value.try_iter() {
            Ok(items) => items.map(|item| unmarked(&item)).collect(),
            Err(_) => value.clone(),
        },
        _ => unmarked(value),
    }
}

/// The JSON text of a value, as printing writes it. It is printed as it is, so `{{ x | tojson }}` is `{{ x }}`;
/// `{{ x | tojson | string }}` is a string that holds JSON.
fn tojson(state: &mut State, value: &Value) -> Result<Value, Error> {
    let text = state.format(unmarked(value))?;
    Ok(Value::from_safe_string(text))
}

/// `require_context(1)`: the template was made for this version of the context, or for one of these. Prints nothing.
fn require_context(Rest(versions): Rest<u32>) -> Result<Value, Error> {
    if versions.into_iter().any(|version| version == CONTEXT_VERSION) {
        Ok(Value::from_safe_string(String::new()))
    } else {
        Err(Cause::Context(CONTEXT_VERSION).into())
    }
}

/// `refuse("text")`: an admin's policy, which refuses this one submission.
fn refuse(Rest(arguments): Rest<Value>) -> Result<Value, Error> {
    Err(Cause::Refused(admins_words("refuse", &arguments)?).into())
}

/// What an admin says to the author of an application, the one argument of `refuse` and `warn`: on one line, and not too long.
pub(super) fn admins_words(function: &'static str, arguments: &[Value]) -> Result<String, Error> {
    let found = match arguments {
        [text] => match text.as_str() {
            Some(text) => {
                let on_one_line = text
                    .chars()
                    .map(|character| if character.is_control() { ' ' } else { character });
                return Ok(on_one_line.take(REFUSAL_CHARACTERS).collect());
            }
            None => typed::kind_of(text),
        },
        [] => "nothing",
        _ => "several arguments",
    };
    Err(Cause::Argument(function, A_TEXT, found).into())
}

/// What `refuse` and `warn` are given.
pub(super) const A_TEXT: &str = "a text";
