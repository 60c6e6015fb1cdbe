//! Which application an argument vector is about: what arguments and driver pod template say of it.

use super::owners::NamedOwner;
use crate::{
    operator::{application::ApplicationReference, labels::APP_NAME},
    spark::submission::{PodTemplate, SparkSubmitArguments, Submission},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The conf keys of the driver Pod's labels.
const DRIVER_LABELS: &str = "spark.kubernetes.driver.label.";

/// What is needed to find the live application. It is known of arguments that are not valid, too: for which Spark version
/// they would be valid may stand in the live application.
#[derive(Debug)]
pub(super) struct Subject {
    /// `spark.kubernetes.namespace`, or `default`.
    pub(super) namespace: String,
    /// The driver Pod's labels, as far as the conf gives them.
    pub(super) labels: BTreeMap<String, String>,
    /// The application among the owners in the driver's pod template, where the operator puts it.
    pub(super) owner: Option<ApplicationReference>,
    /// The uid of the controller in the driver's pod template.
    pub(super) controller: Option<String>,
    /// Each owner in the pod templates.
    pub(super) owners: Vec<NamedOwner>,
}

impl Subject {
    /// What a submission is about.
    pub(super) fn of(submission: &Submission) -> Self {
        Self::new(
            submission.conf.iter(),
            Some(submission.namespace()),
            submission.driver_template.as_ref(),
            submission.executor_template.as_ref(),
        )
    }

    /// What arguments are about of which no submission was made.
    pub(super) fn of_arguments(
        arguments: &SparkSubmitArguments,
        driver_template: Option<&PodTemplate>,
        executor_template: Option<&PodTemplate>,
    ) -> Self {
        let conf = arguments.conf.iter();
        Self::new(
            conf.map(|(key, value)| (key.as_str(), value.as_str())),
            None,
            driver_template,
            executor_template,
        )
    }

    /// With the namespace as it was expanded, where it was.
    fn new<'c>(
        conf: impl Iterator<Item = (&'c str, &'c str)>,
        expanded: Option<&str>,
        driver_template: Option<&PodTemplate>,
        executor_template: Option<&PodTemplate>,
    ) -> Self {
        let mut namespace = "default".to_owned();
        let mut labels = BTreeMap::from([("spark-role".to_owned(), "driver".to_owned())]);
        for (key, value) in conf {
            if key == "spark.kubernetes.namespace" {
                value.clone_into(&mut namespace);
            } else if let Some(label) = key
                .strip_prefix(DRIVER_LABELS)
                .filter(|label| *label != "spark-role")
            {
                labels.insert(label.to_owned(), value.to_owned());
            }
        }
        if let Some(expanded) = expanded {
            expanded.clone_into(&mut namespace);
        }
        let owners = driver_template.and_then(|template| template.metadata.get("ownerReferences"));
        Self {
            owner: owners.and_then(|owners| ApplicationReference::among(owners, &namespace)),
            controller: owners.and_then(controller),
            owners: NamedOwner::in_templates(driver_template, executor_template),
            namespace,
            labels,
        }
    }

    /// The name of the `SparkApplication`; none where these are somebody's own arguments.
    pub(super) fn application(&self) -> Option<&str> {
        named_by(&self.labels)
    }

    /// The name of the `SparkApplication` that owns the pods, by the labels or else by the first owner that is one.
    pub(super) fn owning_application(&self) -> Option<&str> {
        let owners = || self.owners.iter().find_map(|owner| owner.application.as_deref());
        self.application().or_else(owners)
    }
}

/// The `SparkApplication` that a driver Pod's labels name.
pub(super) fn named_by(labels: &BTreeMap<String, String>) -> Option<&str> {
    labels.get(APP_NAME).map(String::as_str)
}

fn controller(owners: &Value) -> Option<String> {
    let controller = owners
        .as_array()?
        .iter()
        .find(|owner| owner["controller"] == true)?;
    controller["uid"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{Request, SubmitterContext, arguments, resolve};

    #[test]
    fn the_live_application_is_looked_for_where_the_driver_will_be() {
        let argv = "--master k8s://https://h --deploy-mode cluster --class a.B --conf spark.q=zz \
                    --conf spark.kubernetes.namespace=n-${spark.q} local:///a.jar";
        let argv: Vec<_> = argv.split_whitespace().map(str::to_owned).collect();
        let arguments = arguments::parse(&argv).unwrap();
        let submission = resolve(arguments, Request::default(), &SubmitterContext::golden()).unwrap();
        assert_eq!(Subject::of(&submission).namespace, "n-zz");
    }
}
