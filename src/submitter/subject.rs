//! Which application a request is about.

use super::owners::NamedOwner;
use crate::{
    cluster::ResourceVersion,
    operator::{
        application::{ApplicationReference, SparkApplication},
        labels::APP_NAME,
        operator_labels,
    },
    spark::submission::{Outline, PodTemplate, SparkConf, Submission},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The conf keys of the driver Pod's labels.
const DRIVER_LABELS: &str = "spark.kubernetes.driver.label.";

/// The conf keys of the executors' labels.
const EXECUTOR_LABELS: &str = "spark.kubernetes.executor.label.";

/// What is needed to find the live application. It is known before arguments are resolved: for which Spark version they are
/// meant may stand in the live application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestSubject {
    /// Where the driver is to run.
    pub(super) namespace: String,
    /// The driver Pod's labels, by conf and pod template; and the application's name if only the executors have it.
    pub(super) labels: BTreeMap<String, String>,
    /// The application; for arguments the one among the owners in the driver's pod template, where the operator puts it.
    pub(super) owner: Option<ApplicationReference>,
    /// The uid of the driver's controller.
    pub(super) controller: Option<String>,
    /// Each owner in the pod templates.
    pub(super) owners: Vec<NamedOwner>,
    /// The version of the application that the caller has seen; arguments name none.
    pub(super) resource_version: Option<ResourceVersion>,
}

impl RequestSubject {
    /// Of an application.
    pub(super) fn of_application(application: &SparkApplication) -> Self {
        Self {
            namespace: application.namespace().to_owned(),
            labels: operator_labels(application),
            owner: ApplicationReference::to(application),
            controller: application.uid().map(str::to_owned),
            owners: NamedOwner::in_application(application),
            resource_version: application
                .metadata
                .resource_version
                .as_deref()
                .and_then(ResourceVersion::new),
        }
    }

    /// Of a submission.
    pub(super) fn of(submission: &Submission) -> Self {
        Self::of_arguments(
            submission.namespace(),
            &submission.conf,
            submission.driver_template.as_ref(),
            submission.executor_template.as_ref(),
        )
    }

    /// Of arguments that are not resolved yet.
    pub(super) fn of_outline(outline: &Outline<'_>) -> Self {
        Self::of_arguments(
            &outline.namespace,
            &outline.conf,
            outline.driver_template.as_deref(),
            outline.executor_template.as_deref(),
        )
    }

    fn of_arguments(
        namespace: &str,
        conf: &SparkConf,
        driver_template: Option<&PodTemplate>,
        executor_template: Option<&PodTemplate>,
    ) -> Self {
        let mut labels = labels_of(conf, DRIVER_LABELS, driver_template);
        labels.insert("spark-role".to_owned(), "driver".to_owned());
        // The operator's webhook acts on executors by their own labels. A request that names two applications is refused.
        if let Some(name) = labels_of(conf, EXECUTOR_LABELS, executor_template).remove(APP_NAME) {
            labels.entry(APP_NAME.to_owned()).or_insert(name);
        }
        let owners = driver_template.and_then(|template| template.metadata.get("ownerReferences"));
        Self {
            owner: owners.and_then(|owners| ApplicationReference::among(owners, namespace)),
            controller: owners.and_then(controller),
            owners: NamedOwner::in_templates(driver_template, executor_template),
            namespace: namespace.to_owned(),
            labels,
            resource_version: None,
        }
    }

    /// The name of the `SparkApplication`; none where these are somebody's own arguments.
    pub(super) fn application(&self) -> Option<&str> {
        let name = self.labels.get(APP_NAME).map(String::as_str);
        name.filter(|name| !name.is_empty())
    }

    /// The name of the `SparkApplication` that owns the pods, by the labels or else by the first owner that is one.
    pub(super) fn owning_application(&self) -> Option<&str> {
        let owners = || self.owners.iter().find_map(|owner| owner.application.as_deref());
        self.application().or_else(owners)
    }
}

/// The labels of a role's pods: those of the pod template, and over them those of the conf below a prefix, as Spark lays them.
fn labels_of(conf: &SparkConf, prefix: &str, template: Option<&PodTemplate>) -> BTreeMap<String, String> {
    let of_template = template.and_then(|template| template.metadata.get("labels")?.as_object());
    let of_template = of_template.into_iter().flatten();
    let of_template = of_template.filter_map(|(label, value)| Some((label.as_str(), value.as_str()?)));
    of_template
        .chain(conf.below(prefix))
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect()
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
    use crate::spark::submission::{MergedArguments, Reach, Request, SubmitterContext, arguments};
    use serde_json::json;

    fn merged(more: &[&str]) -> MergedArguments {
        let argv = "--master k8s://https://h --deploy-mode cluster --name pi --class a.B --conf spark.q=zz";
        let argv = argv
            .split(' ')
            .chain(more.iter().copied())
            .chain(["local:///a.jar"]);
        let argv: Vec<_> = argv.map(str::to_owned).collect();
        let arguments = arguments::parse(&argv).unwrap();
        let context = SubmitterContext {
            reach: Reach::Process,
            ..SubmitterContext::golden()
        };
        MergedArguments::new(arguments, Request::default(), &context).unwrap()
    }

    /// The subject before and after arguments are resolved.
    fn subjects(more: &[&str]) -> [RequestSubject; 2] {
        let context = SubmitterContext {
            reach: Reach::Process,
            ..SubmitterContext::golden()
        };
        let before = RequestSubject::of_outline(&merged(more).outline(&context).unwrap());
        [
            before,
            RequestSubject::of(&merged(more).resolve(None, &context).unwrap()),
        ]
    }

    #[test]
    fn the_live_application_is_looked_for_where_the_driver_will_be() {
        for (namespace, expected) in [
            ("jobs", "jobs"),
            ("n-${spark.q}", "n-zz"),
            // These come from options.
            ("n-${spark.app.name}", "n-pi"),
            ("n-${spark.submit.deployMode}", "n-cluster"),
        ] {
            let namespace = format!("spark.kubernetes.namespace={namespace}");
            let [before, after] = subjects(&["--conf", &namespace]);
            assert_eq!(before.namespace, expected);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn whatever_gives_a_pod_the_operators_label_says_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.yaml");
        let template = json!({"metadata": {"labels": {APP_NAME: "pi"}}, "spec": {"containers": []}});
        std::fs::write(&path, template.to_string()).unwrap();
        for conf in [
            format!("spark.kubernetes.driver.label.{APP_NAME}=pi"),
            format!("spark.kubernetes.executor.label.{APP_NAME}=pi"),
            format!("spark.kubernetes.driver.podTemplateFile={}", path.display()),
            format!("spark.kubernetes.executor.podTemplateFile={}", path.display()),
        ] {
            let [before, after] = subjects(&["--conf", &conf]);
            assert_eq!(before.application(), Some("pi"), "{conf}");
            assert_eq!(before, after, "{conf}");
        }
        assert_eq!(subjects(&[])[0].application(), None);
    }

    #[test]
    fn files_that_arguments_name_say_whose_they_are_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let owner = json!({"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "name": "pi", "uid": "u"});
        let template = json!({"metadata": {"ownerReferences": [owner]}, "spec": {"containers": []}});
        std::fs::write(path("t.yaml"), template.to_string()).unwrap();
        let properties = format!(
            "spark.kubernetes.namespace jobs\nspark.kubernetes.driver.podTemplateFile {0}\n\
             spark.kubernetes.executor.podTemplateFile {0}\n",
            path("t.yaml")
        );
        std::fs::write(path("p.conf"), properties).unwrap();
        let [before, after] = subjects(&["--properties-file", &path("p.conf")]);
        assert_eq!((before.namespace.as_str(), before.owners.len()), ("jobs", 2));
        assert_eq!(before.owning_application(), Some("pi"));
        assert_eq!(before, after);
    }
}
