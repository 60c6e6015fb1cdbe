//! The variables that a template sees, and no others.

use super::{Unknown, kinds, present};
use crate::{
    kubernetes::Shape,
    spark::plan::DriverPlan,
    templates::{error::Cause, variables::is_of_engine},
};
use minijinja::value::{Enumerator, Object, Serde, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The context of templates that write objects: the plan, and the set's id.
pub(in crate::templates) fn context(plan: &DriverPlan, set: &str) -> Value {
    let plan = Value::from(Serde(plan));
    let Shape::Object(fields) = kinds::plan() else {
        return plan;
    };
    let variables = fields.names().map(|name| {
        let found = plan.get_attr(name).unwrap_or_default();
        let shape = fields.get(name).unwrap_or(&Shape::Open);
        (name, present(shape, found))
    });
    let mut variables: BTreeMap<_, _> = variables.collect();
    variables.insert("template_set", Value::from(set));
    Value::from_object(Context(variables))
}

/// A context with one variable more.
pub(in crate::templates) fn with(context: &Value, name: &'static str, value: Value) -> Value {
    match context.downcast_object_ref::<Context>() {
        Some(Context(variables)) => {
            let mut variables = variables.clone();
            variables.insert(name, value);
            Value::from_object(Context(variables))
        }
        None => minijinja::value::merge_maps([Value::from_pairs([(name, value)]), context.clone()]),
    }
}

/// Variables by name.
#[derive(Debug)]
pub(in crate::templates) struct Context(pub(in crate::templates) BTreeMap<&'static str, Value>);

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        match self.0.get(name) {
            Some(value) => Some(value.clone()),
            // A function, or what the engine has in some places only.
            None if is_of_engine(name) => None,
            None => {
                let unknown = Unknown::variable(name, self.0.keys().copied());
                Some(minijinja::Error::from(Cause::Unknown(unknown)).into())
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.0.keys().map(|name| Value::from(*name));
        Enumerator::Values(names.collect())
    }
}
