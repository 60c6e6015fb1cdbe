//! What could run out of stack, which would end the process, fails with an error instead: on a worker thread's
//! 2 MiB, and in a build without optimization.

use super::load;
use crate::templates::{TemplateErrorKind, sample};

fn kind(source: &str) -> Option<TemplateErrorKind> {
    match load(&[("driver-configmap.yaml.j2", source)]) {
        Err(error) => Some(error.0[0].kind),
        Ok(set) => {
            let outcome = || set.render(&sample::plan()).err().map(|error| error.kind);
            std::thread::scope(|scope| {
                let builder = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
                builder.spawn_scoped(scope, outcome).unwrap().join().unwrap()
            })
        }
    }
}

#[test]
fn recursion_ends_with_an_error() {
    for source in [
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{% block a %}{% for x in [1] %}{% block b %}{{ self.a() }}{% endblock %}{% endfor %}{% endblock %}",
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
        "{% macro m() %}{{ caller() }}{% call m() %}x{% endcall %}{% endmacro %}{% call m() %}y{% endcall %}",
        "{% include 'driver-configmap.yaml.j2' %}",
        "{% import 'driver-configmap.yaml.j2' as x %}",
        "{% for x in [[[1]]] recursive %}{{ loop([[x]]) }}{% endfor %}",
        "{% block a %}{% include 'driver-configmap.yaml.j2' %}{% endblock %}",
    ] {
        assert_eq!(kind(source), Some(TemplateErrorKind::Limit), "{source}");
    }
}

/// A template by its size, a size that fits, and one that doesn't.
type Nested = (fn(usize) -> String, usize, usize);

#[test]
fn a_template_that_nests_without_measure_is_refused_and_one_within_measure_is_not() {
    let nested: [Nested; 5] = [
        (|n| format!("a: {{{{ 1{} }}}}", "+1".repeat(n)), 4000, 5000),
        (|n| format!("a: {{{{ [1]{} }}}}", "|d".repeat(n)), 4000, 5000),
        (
            |n| format!("{{% if 0 %}}{}{{% endif %}}", "{%elif 0%}".repeat(n)),
            3900,
            4000,
        ),
        (
            |n| format!("{{% set x = [] %}}{}", "{% set x = [x] %}".repeat(n)),
            3900,
            4001,
        ),
        (
            |n| format!("{{% set x = [] %}}{}", "{% set x = [[[[[x]]]]] %}".repeat(n)),
            700,
            1000,
        ),
    ];
    for (source, fits, too_many) in nested {
        assert_eq!(kind(&source(fits)), None, "{:.50}", source(fits));
        assert_eq!(
            kind(&source(too_many)),
            Some(TemplateErrorKind::Limit),
            "{:.50}",
            source(too_many)
        );
    }
}
