//! Filters, functions, tests and statements: each with an example that is run to write the page.

use super::cell;
use crate::templates::{callable, try_out};
use serde_json::json;
use std::{collections::BTreeSet, fmt::Write};

/// A name with its other names, what it is, and an example.
type Entry = (&'static str, &'static str, &'static str);

const FILTERS: &[Entry] = &[
    ("abs", "the number without its sign", "{{ -3 | abs }}"),
    (
        "attr",
        "a field by its name, which an expression may give",
        "{{ {\"a\": 1} | attr(\"a\") }}",
    ),
    (
        "batch",
        "lists of so many items each",
        "{{ [1, 2, 3] | batch(2) }}",
    ),
    ("bool", "whether the value counts as true", "{{ [] | bool }}"),
    (
        "capitalize",
        "the text with its first letter large",
        "{{ \"ab\" | capitalize }}",
    ),
    (
        "chain",
        "lists, or mappings, one behind the other",
        "{{ [1] | chain([2]) }}",
    ),
    (
        "count, length",
        "how many items, fields or characters",
        "{{ [1, 2] | length }}",
    ),
    (
        "d, default",
        "another value for one that isn't there; with `true` behind it also for an empty one",
        "{{ nothing | default(1) }}",
    ),
    (
        "dictsort",
        "the fields of a mapping as pairs, by name",
        "{{ {\"b\": 1, \"a\": 2} | dictsort }}",
    ),
    ("first", "the first item", "{{ [1, 2] | first }}"),
    ("float", "a number with a fraction", "{{ \"1.5\" | float }}"),
    (
        "format",
        "the text with values in the places of `%s`",
        "{{ \"%s-%s\" | format(\"a\", 1) }}",
    ),
    (
        "groupby",
        "the items that have the same value in a field, together",
        "{{ [{\"a\": 1}] | groupby(\"a\") | map(attribute=\"grouper\") }}",
    ),
    (
        "indent",
        "text that a macro or block wrote, further in by so many spaces from its second line on",
        "{% set t %}a\nb{% endset %}{{ t | indent(2) }}",
    ),
    ("int", "a whole number", "{{ \"12\" | int }}"),
    (
        "items",
        "the fields of a mapping as pairs, in their order",
        "{{ {\"a\": 1} | items }}",
    ),
    (
        "join",
        "the items as one text, with another text between",
        "{{ [\"a\", \"b\"] | join(\",\") }}",
    ),
    ("last", "the last item", "{{ [1, 2] | last }}"),
    ("lines", "the lines of a text", "{{ \"a\\nb\" | lines }}"),
    (
        "list",
        "a list of what can be looped over",
        "{{ range(2) | list }}",
    ),
    ("lower", "the text in small letters", "{{ \"AB\" | lower }}"),
    (
        "map",
        "a filter applied to each item, or a field of each",
        "{{ [{\"a\": 1}] | map(attribute=\"a\") }}",
    ),
    ("max", "the largest item", "{{ [1, 3, 2] | max }}"),
    ("min", "the smallest item", "{{ [2, 1] | min }}"),
    (
        "reject",
        "the items for which a test fails",
        "{{ [1, 2] | reject(\"odd\") }}",
    ),
    (
        "rejectattr",
        "the items for whose field a test fails",
        "{{ [{\"a\": 1}] | rejectattr(\"a\", \"eq\", 1) }}",
    ),
    (
        "replace",
        "the text with every such piece replaced",
        "{{ \"a-b\" | replace(\"-\", \"_\") }}",
    ),
    (
        "reverse",
        "the items, or the characters, from behind",
        "{{ [1, 2] | reverse }}",
    ),
    (
        "round",
        "the nearest whole number, or with so many digits behind the point",
        "{{ 1.26 | round(1) }}",
    ),
    (
        "select",
        "the items for which a test holds",
        "{{ [1, 2] | select(\"odd\") }}",
    ),
    (
        "selectattr",
        "the items for whose field a test holds",
        "{{ [{\"a\": 1}] | selectattr(\"a\") }}",
    ),
    (
        "slice",
        "so many lists of about the same length",
        "{{ [1, 2, 3] | slice(2) }}",
    ),
    ("sort", "the items in order", "{{ [2, 1] | sort }}"),
    (
        "split",
        "the pieces of a text between another text",
        "{{ \"a,b\" | split(\",\") }}",
    ),
    (
        "string",
        "a text that has the value's JSON, or the text itself",
        "{{ 1 | string }}",
    ),
    ("sum", "the sum of the items", "{{ [1, 2] | sum }}"),
    (
        "title",
        "the text with the first letter of each word large",
        "{{ \"a b\" | title }}",
    ),
    (
        "tojson",
        "the value's JSON, as printing writes it",
        "{{ {\"a\": 1} | tojson }}",
    ),
    (
        "trim",
        "the text without the space around it",
        "{{ \" a \" | trim }}",
    ),
    ("unique", "each item once", "{{ [1, 1, 2] | unique }}"),
    ("upper", "the text in large letters", "{{ \"ab\" | upper }}"),
    (
        "zip",
        "the items of several lists in pairs",
        "{{ [1, 2] | zip([3, 4]) }}",
    ),
];

const FUNCTIONS: &[Entry] = &[
    (
        "bytes",
        "the bytes of a quantity, to compare or to reckon with; an error for what is none or isn't there, unless a second \
         value stands for that",
        "{{ bytes(\"1Gi\") > bytes(\"1G\") }}",
    ),
    (
        "cpu",
        "the cores of a quantity; otherwise as `bytes`",
        "{{ cpu(\"250m\") }} {{ cpu(nothing, 1) }}",
    ),
    ("dict", "a mapping of these fields", "{{ dict(a=1) }}"),
    (
        "number",
        "a number, or the number that a text is; otherwise as `bytes`",
        "{{ number(\"12\", 0) > 9 }}",
    ),
    (
        "range",
        "the whole numbers below one, or from one to below another, in steps",
        "{{ range(1, 6, 2) | list }}",
    ),
    (
        "refuse",
        "refuses this one submission with this text, which is the admin's policy and no defect",
        "{% if false %}{{ refuse(\"no GPU for this team\") }}{% endif %}",
    ),
    (
        "require_context",
        "an error unless the context has this version, or one of these; writes nothing",
        "{{ require_context(1) }}",
    ),
];

const TESTS: &[Entry] = &[
    ("!=, ne", "it isn't equal", "{{ 1 is ne(2) }}"),
    (
        "<, lessthan, lt",
        "it is less; both must be numbers",
        "{{ 1 is lt(2) }}",
    ),
    (
        "<=, le",
        "it is not more; both must be numbers",
        "{{ 2 is le(2) }}",
    ),
    ("==, eq, equalto", "it is equal", "{{ 1 is eq(1) }}"),
    (
        ">, greaterthan, gt",
        "it is more; both must be numbers",
        "{{ 2 is gt(1) }}",
    ),
    (
        ">=, ge",
        "it is not less; both must be numbers",
        "{{ 2 is ge(2) }}",
    ),
    ("boolean", "it is true or false", "{{ true is boolean }}"),
    (
        "defined",
        "it is there: neither undefined nor none",
        "{{ nothing is defined }}",
    ),
    (
        "divisibleby",
        "it is a multiple of a number",
        "{{ 6 is divisibleby(3) }}",
    ),
    (
        "endingwith",
        "the text ends so",
        "{{ \"ab\" is endingwith(\"b\") }}",
    ),
    (
        "escaped, safe",
        "it is text that a macro or a block wrote",
        "{{ \"a\" is safe }}",
    ),
    ("even", "it is an even number", "{{ 2 is even }}"),
    ("false", "it is false", "{{ false is false }}"),
    ("filter", "a filter has this name", "{{ \"trim\" is filter }}"),
    ("float", "it is a number with a fraction", "{{ 1.5 is float }}"),
    (
        "in",
        "it is an item, or a piece of the text",
        "{{ 1 is in([1, 2]) }}",
    ),
    ("int, integer", "it is a whole number", "{{ 1 is integer }}"),
    ("iterable", "it can be looped over", "{{ [] is iterable }}"),
    ("lower", "the text has no large letter", "{{ \"ab\" is lower }}"),
    ("mapping", "it is a mapping", "{{ {} is mapping }}"),
    (
        "none",
        "it is null, or a field that isn't there",
        "{{ none is none }}",
    ),
    ("number", "it is a number", "{{ 1 is number }}"),
    ("odd", "it is an odd number", "{{ 1 is odd }}"),
    ("sameas", "it is the very same", "{{ true is sameas(true) }}"),
    ("sequence", "it is a list", "{{ [] is sequence }}"),
    (
        "startingwith",
        "the text begins so",
        "{{ \"ab\" is startingwith(\"a\") }}",
    ),
    ("string", "it is text", "{{ \"a\" is string }}"),
    ("test", "a test has this name", "{{ \"odd\" is test }}"),
    ("true", "it is true", "{{ true is true }}"),
    (
        "typed",
        "it is an object whose fields are all known, so that a misspelled one is an error",
        "{{ {} is typed }}",
    ),
    (
        "undefined",
        "it isn't there: undefined, or none",
        "{{ nothing is undefined }}",
    ),
    ("upper", "the text has no small letter", "{{ \"AB\" is upper }}"),
];

const STATEMENTS: &[Entry] = &[
    (
        "block",
        "a part that a template which extends this one can have its own of",
        "{% block a %}x{% endblock %}",
    ),
    (
        "break, continue",
        "ends a loop, or this turn of it",
        "{% for i in [1, 2] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    ),
    (
        "call",
        "calls a macro with the text between as `caller()`",
        "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}",
    ),
    ("do", "calls something and writes nothing", "{% do range(1) %}"),
    (
        "filter",
        "a filter on all that is written between",
        "{% filter indent(2) %}a\nb{% endfilter %}",
    ),
    (
        "for",
        "once for each item; `loop.index`, `loop.first`, `loop.last`, … tell where it is",
        "{% for i in [1, 2] %}{{ loop.index }}: {{ i }} {% endfor %}",
    ),
    (
        "if",
        "if a condition holds; `elif`, `else`",
        "{% if 1 > 2 %}a{% else %}b{% endif %}",
    ),
    (
        "macro",
        "a part with parameters, called like a function",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
    ),
    (
        "raw",
        "text in which no tag counts",
        "{% raw %}{{ a }}{% endraw %}",
    ),
    (
        "set",
        "a name for a value, or for the text between",
        "{% set a = 1 %}{{ a }}",
    ),
    (
        "with",
        "names within a part",
        "{% with a = 1 %}{{ a }}{% endwith %}",
    ),
];

const OTHER_TEMPLATES: &str = "\
`{% extends %}`, `{% include %}`, `{% import %}` and `{% from %}` take another template of the set by its name: a file
of the set, a built-in one as `builtin/<name>`, or from a named set the default set's as `default/<name>`. A template
can't reach files, the network, the environment or the clock.
";

/// The sections of the page; an error where one is about something that isn't registered, or doesn't do as it says.
pub(super) fn write(page: &mut String) -> Result<(), String> {
    let registered = callable();
    let sections = [
        ("Filters", FILTERS, Some(registered.filters)),
        ("Functions", FUNCTIONS, Some(registered.functions)),
        ("Tests", TESTS, Some(registered.tests)),
        ("Statements", STATEMENTS, None),
    ];
    for (title, entries, registered) in sections {
        if let Some(registered) = registered {
            complete(title, entries, &registered)?;
        }
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| name | what it is | example | gives |\n| --- | --- | --- | --- |\n"
        );
        for (names, what, example) in entries {
            let gives = try_out(example, &json!({})).map_err(|error| format!("{title}: {names}: {error}"))?;
            let names: Vec<_> = names
                .split(", ")
                .map(|name| format!("`{}`", cell(name)))
                .collect();
            let gives = if gives.is_empty() {
                "nothing".to_owned()
            } else {
                code(&gives)
            };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {gives} |",
                names.join(", "),
                cell(what),
                code(example)
            );
        }
    }
    // Writing to a String cannot fail.
    let _ = write!(page, "\n{OTHER_TEMPLATES}");
    Ok(())
}

/// A piece of code as a cell has it: a line break is written as `\n`.
fn code(text: &str) -> String {
    format!("`{}`", cell(&text.replace('\n', "\\n")))
}

fn complete(title: &str, entries: &[Entry], registered: &[String]) -> Result<(), String> {
    let told: BTreeSet<_> = entries.iter().flat_map(|(names, ..)| names.split(", ")).collect();
    let registered: BTreeSet<_> = registered.iter().map(String::as_str).collect();
    let differing: Vec<_> = told.symmetric_difference(&registered).copied().collect();
    if differing.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{title}: listed or registered, but not both: {}",
            differing.join(", ")
        ))
    }
}
