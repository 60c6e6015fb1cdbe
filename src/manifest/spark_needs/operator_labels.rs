//! The labels by which the operator finds its pods. They are its own: a template neither changes nor adds one.

use super::objects::text;
use crate::{
    finding::{Words, expected},
    kubernetes::{at::At, rules::Report},
    operator::labels,
    spark::plan::ExecutorPlan,
};
use serde_json::Value;

/// A pod has none of the operator's labels but those that are planned.
pub(super) fn none_added(pod: &At<'_, '_>, planned: impl Fn(&str) -> bool, report: &mut Report<'_>) {
    for key in given(pod).filter(|key| !planned(key)) {
        report.wrong(
            pod,
            "metadata.labels",
            expected("none of the operator's own labels").shown(key),
        );
    }
}

/// The executor pod template has those that were planned for it, and no others.
pub(crate) fn executors(executor: &ExecutorPlan, pod: &At<'_, '_>, report: &mut Report<'_>) {
    let planned = executor.metadata.get("labels");
    let of_plan = |key: &str| planned.and_then(|labels| text(labels, key));
    none_added(pod, |key| of_plan(key).is_some(), report);
    for key in given(pod) {
        if let Some(value) = of_plan(key)
            && pod.get("metadata.labels").and_then(|labels| text(labels, key)) != Some(value)
        {
            report.wrong(
                pod,
                "metadata.labels",
                expected(
                    Words::own("the label ")
                        .value(key)
                        .and(" with the value ")
                        .value(value),
                ),
            );
        }
    }
}

/// The operator's labels that a pod has.
fn given<'v>(pod: &At<'v, '_>) -> impl Iterator<Item = &'v str> {
    let given = pod.get("metadata.labels").and_then(Value::as_object);
    let keys = given.into_iter().flat_map(|labels| labels.keys());
    keys.map(String::as_str)
        .filter(|key| key.starts_with(labels::PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{finding::Kept, kubernetes::Subject};
    use serde_json::{Map, json};

    #[test]
    fn executors_have_the_operators_labels_as_planned_and_no_more() {
        let own = "sparkoperator.k8s.io/app-name";
        let planned = json!({"labels": {own: "pi", "mine": "a"}});
        let executor = ExecutorPlan {
            name: String::new(),
            config_map_name: String::new(),
            key: String::new(),
            metadata: planned.as_object().cloned().unwrap_or_default(),
            spec: Map::new(),
            other: Map::new(),
        };
        for (labels, wrong) in [
            (json!({own: "pi", "mine": "b", "yours": "c"}), 0),
            (json!({}), 0),
            (json!({own: "other"}), 1),
            (json!({own: "pi", "sparkoperator.k8s.io/submission-id": "x"}), 1),
        ] {
            let pod = json!({"metadata": {"labels": labels}});
            let (mut findings, mut warnings) = (Kept::default(), Kept::default());
            let mut report = Report {
                subject: &Subject::role("Pod"),
                template: "executor-pod.yaml.j2",
                findings: &mut findings,
                warnings: &mut warnings,
            };
            executors(&executor, &At::document(&pod), &mut report);
            assert_eq!(findings.len(), wrong, "{pod} {findings:?}");
        }
    }
}
