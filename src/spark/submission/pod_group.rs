//! Volcano's `PodGroup`, which one step that Spark ships asks for by `spark.kubernetes.driver.pod.featureSteps`.

use super::{
    conf::ConfReader,
    context::SubmitterContext,
    excluded_steps::ExcludedSteps,
    pod_template::{java, yaml},
    refusal::Refusal,
};
use crate::{
    kubernetes::{PodGroup, drop_nulls},
    limits::Budget,
    strict::{self, UnknownFields},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const STEPS: &str = "spark.kubernetes.driver.pod.featureSteps";
const VOLCANO_STEP: &str = "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep";
const TEMPLATE_FILE: &str = "spark.kubernetes.scheduler.volcano.podGroupTemplateFile";
const TEMPLATE_JSON: &str = "spark.kubernetes.scheduler.volcano.podGroupTemplateJson";

/// What the driver's `PodGroup` starts from; unknown fields of a request included: Volcano's types grow apart from ours.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodGroupTemplate {
    /// `metadata` without what Spark sets itself: name, namespace, owners.
    pub metadata: Map<String, Value>,
    /// `spec`.
    pub spec: Map<String, Value>,
    /// What else the document has beside `apiVersion` and `kind`.
    pub other: Map<String, Value>,
    /// The fields that [`PodGroup`] doesn't have, by path without list indices.
    pub unknown_fields: Vec<String>,
    /// Whether the executors are put into the group too, by conf. Spark has a step of its own for that.
    pub marks_executors: bool,
}

impl std::fmt::Debug for PodGroupTemplate {
    /// Annotations may be secrets, so only the shape is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PodGroupTemplate")
            .field("metadata", &self.metadata.keys())
            .field("spec", &self.spec.keys())
            .finish_non_exhaustive()
    }
}

/// The template of the driver's `PodGroup`; `None` where the conf doesn't ask for Volcano's step, or excludes it.
///
/// Every other step is a user's own class, which only a JVM can run.
pub(super) fn read(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    excluded: &ExcludedSteps,
) -> Result<Option<PodGroupTemplate>, Refusal> {
    let steps = conf.list(STEPS)?;
    if steps.iter().any(|step| step != VOLCANO_STEP) {
        return Err(Refusal::new(
            STEPS,
            format!(
                "names classes that run inside spark-submit's JVM, which native-submit does not have; expected \
                 {VOLCANO_STEP}. Leave the others out and override a template instead, or submit this application \
                 with spark-submit"
            ),
        ));
    }
    if steps.is_empty() {
        return Ok(None);
    }
    if excluded.has("VolcanoFeatureStep") {
        return Ok(None);
    }
    // Neither key is registered, so neither value is expanded.
    let raw = conf.raw();
    match (raw.get(TEMPLATE_FILE), raw.get(TEMPLATE_JSON)) {
        (Some(path), _) => {
            let text = context.read_text(TEMPLATE_FILE, path)?;
            raw.budgeted(|budget| from_text(TEMPLATE_FILE, &text, UnknownFields::Refuse, budget))
                .map(Some)
        }
        (None, Some(json)) => raw
            .budgeted(|budget| from_text(TEMPLATE_JSON, json, UnknownFields::Pass, budget))
            .map(Some),
        (None, None) => Ok(Some(PodGroupTemplate::default())),
    }
}

/// A file's unknown field is an error, one that came with the request passes with a warning: a newer Kubernetes may know it.
fn from_text(
    subject: &str,
    text: &str,
    unknown: UnknownFields,
    budget: &mut Budget,
) -> Result<PodGroupTemplate, Refusal> {
    let refused = |what: &str| Refusal::new(subject, format!("is not a PodGroup: {what}"));
    let mut value = yaml::read(text, budget).map_err(|unread| match unread {
        yaml::YamlError::OverLimit(over) => over.below(subject).into(),
        yaml::YamlError::Problem(what) => refused(&what),
    })?;
    // Volcano's step is part of versions that read octal modes; a group has none.
    let reading = strict::check_coerced::<PodGroup>(
        &mut value,
        strict::Coercion {
            scalar: &|value, wanted, field| java::coerced(value, wanted, field, true),
            is_quantity: java::is_quantity,
        },
    );
    let unknown_fields = reading.generalised();
    let problems = reading.problems_if(unknown == UnknownFields::Refuse);
    if !problems.is_empty() {
        return Err(refused(&problems.in_one_line()));
    }
    if value.get("kind").is_some_and(|kind| kind != "PodGroup") {
        return Err(refused("kind is another"));
    }
    drop_nulls(&mut value);
    let Value::Object(mut other) = value else {
        return Err(refused("expected a mapping"));
    };
    let mut take = |field: &str| match other.remove(field) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (mut metadata, spec) = (take("metadata"), take("spec"));
    for set_by_spark in ["name", "namespace", "ownerReferences"] {
        metadata.remove(set_by_spark);
    }
    for set_by_spark in ["apiVersion", "kind"] {
        other.remove(set_by_spark);
    }
    Ok(PodGroupTemplate {
        metadata,
        spec,
        other,
        unknown_fields,
        marks_executors: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{Reach, SparkConf};
    use serde_json::json;

    fn read_conf(entries: &[(&str, &str)]) -> Result<Option<PodGroupTemplate>, String> {
        let conf: SparkConf = entries.iter().copied().collect();
        let context = SubmitterContext::golden();
        read_of("4.3.0", &conf, &context).map_err(|refusal| refusal.to_string())
    }

    fn read_of(
        version: &str,
        conf: &SparkConf,
        context: &SubmitterContext,
    ) -> Result<Option<PodGroupTemplate>, Refusal> {
        let reader = ConfReader::new(conf, context);
        let excluded = ExcludedSteps::read(ExcludedSteps::OF_DRIVER, reader, &version.parse().unwrap());
        read(reader, context, &excluded?)
    }

    #[test]
    fn only_volcanos_step_is_known() {
        assert_eq!(read_conf(&[]), Ok(None));
        assert!(read_conf(&[(STEPS, VOLCANO_STEP)]).unwrap().is_some());
        let excluded = [(STEPS, VOLCANO_STEP), (ExcludedSteps::OF_DRIVER, VOLCANO_STEP)];
        assert_eq!(read_conf(&excluded), Ok(None));
        // It doesn't read that key.
        let earlier = read_of(
            "4.0.4",
            &excluded.into_iter().collect(),
            &SubmitterContext::golden(),
        );
        assert!(earlier.unwrap().is_some());
        let own = format!("{VOLCANO_STEP},com.example.Step");
        let refused = read_conf(&[(STEPS, &own)]).unwrap_err();
        assert!(refused.contains("expected org.apache.spark"), "{refused}");
    }

    #[test]
    fn the_file_comes_before_the_json_and_neither_is_expanded() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("g.yaml"), "spec: {queue: file}").unwrap();
        let conf: SparkConf = [
            (STEPS, VOLCANO_STEP),
            (TEMPLATE_FILE, "g.yaml"),
            (TEMPLATE_JSON, "{"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        let context = SubmitterContext {
            reach: Reach::Process,
            working_directory: directory.path().to_owned(),
            ..SubmitterContext::golden()
        };
        let read = read_of("4.3.0", &conf, &context);
        assert_eq!(read.unwrap().unwrap().spec["queue"], "file");

        let literal = read_conf(&[
            (STEPS, VOLCANO_STEP),
            (TEMPLATE_JSON, r#"{"spec":{"queue":"${spark.q}"}}"#),
        ]);
        assert_eq!(literal.unwrap().unwrap().spec["queue"], "${spark.q}");
    }

    #[test]
    fn a_service_reads_no_file_for_its_callers() {
        let refused = read_conf(&[(STEPS, VOLCANO_STEP), (TEMPLATE_FILE, "/etc/passwd")]);
        assert!(refused.unwrap_err().starts_with(TEMPLATE_FILE));
    }

    #[test]
    fn what_spark_sets_itself_is_left_out_and_unknown_fields_pass_from_a_request() {
        let text = "kind: PodGroup\nmetadata: {name: mine, namespace: elsewhere, labels: {a: b}, ownerReferences: []}\n\
             spec: {minMember: 2, foo: 1}\nstatus: {phase: Running}\nbar: 2\n";
        let refused = from_text("k", text, UnknownFields::Refuse, &mut Budget::default())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("spec.foo: unknown field"), "{refused}");
        let template = from_text("k", text, UnknownFields::Pass, &mut Budget::default()).unwrap();
        assert_eq!(Value::from(template.metadata), json!({"labels": {"a": "b"}}));
        assert_eq!(Value::from(template.spec), json!({"minMember": 2, "foo": 1}));
        assert_eq!(
            Value::from(template.other),
            json!({"status": {"phase": "Running"}, "bar": 2})
        );
        assert_eq!(template.unknown_fields, ["bar", "spec.foo"]);
    }

    #[test]
    fn scalars_become_what_their_fields_are_as_in_pod_templates() {
        let text = "kind: PodGroup\nmetadata: {labels: {a: 1}}\nspec:\n  minMember: '2'\n  queue: 1.10\n  \
             priorityClassName: true\n  minResources: {cpu: 1.5, memory: 1e3}\n  minTaskMember: {driver: '1'}\n";
        let template = from_text("k", text, UnknownFields::Refuse, &mut Budget::default()).unwrap();
        assert_eq!(Value::from(template.metadata), json!({"labels": {"a": "1"}}));
        assert_eq!(
            Value::from(template.spec),
            json!({
                "minMember": 2, "queue": "1.1", "priorityClassName": "true",
                "minResources": {"cpu": "1.5", "memory": "1000.0"}, "minTaskMember": {"driver": 1},
            })
        );
        for text in [
            "spec: {minMember: 1.5}",
            "spec: {minMember: ' 3 '}",
            "spec: {queue: [a]}",
            "spec: {minResources: {cpu: ''}}",
        ] {
            from_text("k", text, UnknownFields::Refuse, &mut Budget::default()).unwrap_err();
        }
    }

    #[test]
    fn what_is_no_pod_group_is_refused() {
        for text in [
            "",
            "text",
            "[]",
            "kind: Pod",
            "spec: {minMember: many}",
            "{\"spec\":",
        ] {
            let error = from_text("k", text, UnknownFields::Pass, &mut Budget::default())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("k: is not a PodGroup: "), "{text}: {error}");
        }
    }
}
