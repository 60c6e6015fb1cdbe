//! What a policy sees and may call.

use super::cell;
use crate::templates::of_policies;
use std::{collections::BTreeSet, fmt::Write};

const HEAD: &str = "\
A `*.policy.j2` examines the finished objects. It sees only these variables. It may call all filters, functions and
tests above, and writes nothing. [policies.md](policies.md) has examples.
";

/// Each variable, and what it is.
const VARIABLES: [(&str, &str); 8] = [
    ("config_maps", "the `ConfigMap`s, as a list"),
    (
        "driver",
        "the driver Pod as it will run, after the operator's webhook",
    ),
    (
        "executor",
        "the Pod of the first executor, as Spark will make it; a policy that reads it refuses where it can't be known",
    ),
    (
        "namespace",
        "the application's namespace; to read more of it than `known` is an error where it isn't known, and the submission may be \
         tried again",
    ),
    ("objects", "all objects, as a list: the driver Pod first"),
    ("service", "the driver's Service; empty where there is none"),
    (
        "submission",
        "who submits what, and how; `entry_point` is `grpc`, `rest`, `spark-submit` or `command-line`",
    ),
    (
        "unknown_fields",
        "of each Pod the paths of fields that this release's types of Kubernetes don't have",
    ),
];

/// Each function that policies alone have, or that does something else there.
const FUNCTIONS: [(&str, &str, &str); 2] = [
    (
        "refuse",
        "refuses the submission with this text, and continues: all refusals are reported together",
        "{{ refuse(\"hostPath volumes are not allowed\") }}",
    ),
    (
        "warn",
        "gives this text as a warning, in the answer and in the log; refuses nothing, and continues",
        "{{ warn(\"Spark 3.5 goes away in March\") }}",
    ),
];

/// The section; an error where it is about something that isn't there, or lacks something that is.
pub(super) fn write(page: &mut String) -> Result<(), String> {
    let (variables, functions) = of_policies();
    let known: BTreeSet<_> = variables.iter().map(|(name, _)| *name).collect();
    let told: BTreeSet<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let of_policies: BTreeSet<_> = functions.iter().map(String::as_str).chain(["refuse"]).collect();
    let told_functions: BTreeSet<_> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
    if known != told || of_policies != told_functions {
        return Err(format!(
            "policies: listed or there, but not both: {:?}, {:?}",
            known.symmetric_difference(&told),
            of_policies.symmetric_difference(&told_functions)
        ));
    }
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## In policies\n\n{HEAD}\n| variable | what it is | fields |\n| --- | --- | --- |\n"
    );
    for (name, what) in VARIABLES {
        let fields = variables.iter().find(|(known, _)| *known == name);
        let fields: Vec<_> = fields
            .into_iter()
            .flat_map(|(_, fields)| fields)
            .map(|field| format!("`{field}`"))
            .collect();
        let fields = match fields.join(", ") {
            fields if fields.is_empty() => "as Kubernetes has them".to_owned(),
            fields => fields,
        };
        let _ = writeln!(page, "| `{name}` | {} | {fields} |", cell(what));
    }
    page.push_str("\n| function | what it does | example |\n| --- | --- | --- |\n");
    for (name, what, example) in FUNCTIONS {
        let _ = writeln!(page, "| `{name}` | {} | `{}` |", cell(what), cell(example));
    }
    Ok(())
}
