//! The operator's own labels, by which it and its webhook find pods. It sets them itself; a user must not give them other
//! values, in whatever way: they decide whose Pod a Pod is.

use crate::{
    finding::Statement,
    kubernetes::grammar::is_label_value,
    redaction::shown_if,
    spark::submission::{PodTemplate, Refusal, SubmissionId},
};

/// How the keys of the operator's labels begin.
pub(crate) const PREFIX: &str = "sparkoperator.k8s.io/";

/// The name of the application.
pub(crate) const APP_NAME: &str = "sparkoperator.k8s.io/app-name";

/// The submission id, which also spark-submit's Pods have.
pub(crate) const SUBMISSION_ID: &str = "sparkoperator.k8s.io/submission-id";

/// `true` on the Pods of the operator's applications.
pub(crate) const LAUNCHED: &str = "sparkoperator.k8s.io/launched-by-spark-operator";

/// `true` on the Pods that the operator's webhook changes.
pub(crate) const MUTATED: &str = "sparkoperator.k8s.io/mutated-by-spark-operator";

/// The operator's own four (`pkg/common/spark.go`).
const ALL: [&str; 4] = [APP_NAME, LAUNCHED, MUTATED, SUBMISSION_ID];

/// A label that conf or template give to a pod.
pub(crate) struct Given<'a> {
    /// The conf key, or the field's path.
    field: String,
    name: &'a str,
    value: &'a str,
}

/// The labels that `conf` gives to the pods of `role`, of those that are the operator's.
pub(crate) fn of_conf<'c>(role: &str, conf: impl Fn(&str) -> Option<&'c str>) -> Vec<Given<'c>> {
    let given = ALL.iter().filter_map(|name| {
        let field = conf_key(role, name);
        let value = conf(&field)?;
        Some(Given { field, name, value })
    });
    given.collect()
}

/// The labels that the template has, of those that are the operator's; `subject` names the template.
pub(crate) fn of_template<'t>(subject: &str, template: &'t PodTemplate) -> Vec<Given<'t>> {
    let labels = template.metadata.get("labels");
    let given = ALL.iter().filter_map(|name| {
        let value = labels?.get(*name)?.as_str()?;
        let field = format!("{subject}.metadata.labels[\"{name}\"]");
        Some(Given { field, name, value })
    });
    given.collect()
}

/// As [`check`], for the labels of one template; `subject` names it.
pub(crate) fn check_template(
    subject: &str,
    template: &PodTemplate,
    id: &SubmissionId,
    application: Option<&str>,
) -> Result<(), Refusal> {
    check(&of_template(subject, template), id, application)
}

/// The conf keys that give the operator's labels to driver and executors.
pub(crate) fn conf_keys() -> impl Iterator<Item = String> {
    ["driver", "executor"]
        .into_iter()
        .flat_map(|role| ALL.iter().map(move |name| conf_key(role, name)))
}

fn conf_key(role: &str, name: &str) -> String {
    format!("spark.kubernetes.{role}.label.{name}")
}

/// Refuses a label with another value than the operator's. Where no `application` is named, its label must be the same wherever
/// it is given.
pub(crate) fn check(
    given: &[Given<'_>],
    id: &SubmissionId,
    application: Option<&str>,
) -> Result<(), Refusal> {
    let first_name = || given.iter().find(|label| label.name == APP_NAME);
    let application = application.or_else(|| Some(first_name()?.value));
    for label in given {
        let allowed = match label.name {
            APP_NAME => application.unwrap_or(label.value),
            SUBMISSION_ID => id.as_str(),
            _ => "true",
        };
        if label.value != allowed {
            let [found, allowed] = [label.value, allowed].map(|value| shown_if(value, is_label_value));
            let said = Statement::foreign(format!(
                "expected {allowed}, found {found}; it is a label by which the operator finds its pods"
            ));
            return Err(Refusal::saying(label.field.as_str(), said));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::UnknownFields;
    use serde_json::json;

    #[test]
    fn each_of_the_four_is_held_against_the_operators_own_in_conf_and_template() {
        let id = SubmissionId::new("a").unwrap();
        for (name, right) in [
            ("app-name", "pi"),
            ("launched-by-spark-operator", "true"),
            ("mutated-by-spark-operator", "true"),
            ("submission-id", "a"),
        ] {
            for (value, shown) in [
                (right, None),
                ("other", Some("`other`")),
                ("", Some("<redacted, 0 bytes>")),
                ("a secret", Some("<redacted, 8 bytes>")),
            ] {
                let template = PodTemplate::from_value(
                    "t",
                    json!({"metadata": {"labels": {format!("{PREFIX}{name}"): value, "x": "y"}},
                           "spec": {"containers": []}}),
                    UnknownFields::Refuse,
                )
                .unwrap();
                let key = |role: &str| format!("spark.kubernetes.{role}.label.{PREFIX}{name}");
                let conf = |role: &str| of_conf(role, |given| (given == key(role)).then_some(value));
                for (field, given) in [
                    (key("driver"), conf("driver")),
                    (key("executor"), conf("executor")),
                    (
                        format!("t.metadata.labels[\"{PREFIX}{name}\"]"),
                        of_template("t", &template),
                    ),
                ] {
                    assert_eq!(given.len(), 1);
                    let expected = shown.map(|found| {
                        format!(
                            "{field}: expected `{right}`, found {found}; it is a label by which the operator finds \
                             its pods"
                        )
                    });
                    let refused = check(&given, &id, Some("pi"))
                        .err()
                        .map(|refusal| refusal.to_string());
                    assert_eq!(refused, expected);
                }
            }
        }
    }

    #[test]
    fn without_a_known_application_its_name_is_the_same_everywhere() {
        let id = SubmissionId::new("a").unwrap();
        let named =
            |role: &str, name: &'static str| of_conf(role, |key| key.ends_with("app-name").then_some(name));
        let given = |executor| {
            let mut given = named("driver", "pi");
            given.extend(named("executor", executor));
            given
        };
        assert!(check(&given("pi"), &id, None).is_ok());
        let refusal = check(&given("other"), &id, None).unwrap_err();
        assert_eq!(
            refusal.subject,
            "spark.kubernetes.executor.label.sparkoperator.k8s.io/app-name"
        );
    }
}
