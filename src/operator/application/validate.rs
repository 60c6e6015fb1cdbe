//! What must hold of an application before it is submitted: the rules of the CRD, of the operator's validating webhook,
//! and what Spark and Kubernetes would only refuse later or in worse words.

mod operator;
mod schema;
mod spark;

use super::{
    ApplicationError, Port, SparkApplication, SparkPodSpec,
    error::{missing, problem},
};
use crate::{
    finding::{Kept, Statement, Words, expected},
    strict::{Place, Problem},
};

pub(crate) use operator::NEVER_IN_CONF;
pub use spark::warnings;

/// Checks an application, before or after [`apply_defaults`](super::apply_defaults).
///
/// # Errors
/// All findings at once.
pub fn validate(application: &SparkApplication) -> Result<(), ApplicationError> {
    let mut findings = Findings::default();
    operator::check(application, &mut findings);
    schema::check(application, &mut findings);
    spark::check(application, &mut findings);
    ApplicationError::unless_empty(findings.problems)
}

/// The findings so far.
#[derive(Default)]
struct Findings {
    problems: Kept<Problem>,
}

impl Findings {
    fn add(&mut self, path: impl Into<String>, said: Statement) {
        self.problems.push_with(|| problem(path, said));
    }

    /// A value of closed grammar that isn't one: shown, with what is allowed.
    fn unless(&mut self, holds: bool, path: impl Into<String>, wanted: &str, found: &str) {
        if !holds {
            self.add(path, expected(Words::own(wanted.to_owned())).shown(found));
        }
    }

    /// The same for a number.
    fn unless_number(&mut self, holds: bool, path: impl Into<String>, wanted: &str, found: impl Into<i64>) {
        if !holds {
            self.add(
                path,
                expected(Words::own(wanted.to_owned())).kind(found.into().to_string()),
            );
        }
    }
}

/// What driver and executors have in common outside of [`SparkPodSpec`] too.
struct Role<'a> {
    name: &'static str,
    pod: &'a SparkPodSpec,
    core_request: Option<&'a str>,
    ports: &'a [Port],
}

impl Role<'_> {
    fn path(&self, field: &str) -> String {
        format!("spec.{}.{field}", self.name)
    }
}

fn roles(application: &SparkApplication) -> [Role<'_>; 2] {
    let (driver, executor) = (&application.spec.driver, &application.spec.executor);
    [
        Role {
            name: "driver",
            pod: &driver.pod,
            core_request: driver.core_request.as_deref(),
            ports: &driver.ports,
        },
        Role {
            name: "executor",
            pod: &executor.pod,
            core_request: executor.core_request.as_deref(),
            ports: &executor.ports,
        },
    ]
}

fn conf_path(key: &str) -> String {
    let spec = Place::Field(&Place::Document, "spec");
    Place::Key(&Place::Field(&spec, "sparkConf"), key).to_string()
}

/// Whether there is something: absent and empty are the same to the operator and to Spark.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
