//! What the tools for authors of templates ask: which names a template can use, and what an expression gives.

use super::{builtin, environment::environment};
use minijinja::{
    Environment,
    value::{Serde, Value},
};

/// What a template can call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Callable {
    /// `| name`.
    pub filters: Vec<String>,
    /// `is name`.
    pub tests: Vec<String>,
    /// `name(…)`.
    pub functions: Vec<String>,
}

impl Callable {
    /// Whether these are a policy's: others can't warn.
    pub(super) fn judges(&self) -> bool {
        self.functions.iter().any(|function| function == "warn")
    }
}

/// What is registered in the engine.
pub(crate) fn callable() -> Callable {
    callable_in(&environment())
}

/// What is registered in an environment.
pub(super) fn callable_in(environment: &Environment<'_>) -> Callable {
    let mut functions: Vec<_> = environment.globals().map(|(name, _)| name.to_owned()).collect();
    functions.sort();
    // The engine lists filters and tests nowhere but here.
    let listing = format!("{environment:?}");
    Callable {
        filters: listed(&listing, "filters: ["),
        tests: listed(&listing, "tests: ["),
        functions,
    }
}

fn listed(listing: &str, begins: &str) -> Vec<String> {
    let names = listing
        .split_once(begins)
        .and_then(|(_, rest)| rest.split_once(']'));
    let names = names.map_or("", |(names, _)| names);
    let quoted = names.split(", ").map(|name| name.trim_matches('"').to_owned());
    quoted.filter(|name| !name.is_empty()).collect()
}

/// What a template without a name writes for this context.
pub(crate) fn try_out(source: &str, context: &serde_json::Value) -> Result<String, String> {
    let mut environment = environment();
    environment
        .add_template_owned("example", source.to_owned())
        .and_then(|()| {
            environment
                .get_template("example")?
                .render(Value::from(Serde(context)))
        })
        .map_err(|error| error.to_string())
}

/// Name and text of every built-in template.
pub(crate) fn builtin_sources() -> &'static [(&'static str, &'static str)] {
    builtin::SOURCES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_registered_is_listed() {
        let callable = callable();
        assert!(callable.filters.contains(&"tojson".to_owned()), "{callable:?}");
        assert!(callable.tests.contains(&"defined".to_owned()), "{callable:?}");
        assert!(callable.functions.contains(&"refuse".to_owned()), "{callable:?}");
        assert!(!callable.filters.contains(&"safe".to_owned()), "{callable:?}");
    }
}
