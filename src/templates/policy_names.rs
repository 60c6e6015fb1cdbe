//! What a policy sees and may call, by name, for the reference.

use super::{
    inspect::{callable, callable_in},
    policy::{NamespaceFacts, Policies, SubmissionFacts},
    variables,
};
use crate::kubernetes::Shape;

/// The names of what a policy sees and may call, beside what every template may call; each variable with its fields, where those
/// are ours.
pub(crate) fn of_policies() -> (Vec<(&'static str, Vec<&'static str>)>, Vec<String>) {
    let facts = (Shape::of::<SubmissionFacts>(), Shape::of::<NamespaceFacts>());
    let variables = variables::of_policy(facts.0, facts.1).into_iter();
    let variables = variables.map(|(name, shape)| match &shape {
        Shape::Object(fields) if ["submission", "namespace", "unknown_fields"].contains(&name) => {
            (name, fields.names().collect())
        }
        _ => (name, Vec::new()),
    });
    let everywhere = callable().functions;
    let mut functions = callable_in(&Policies::new().environment).functions;
    functions.retain(|name| !everywhere.contains(name));
    (variables.collect(), functions)
}
