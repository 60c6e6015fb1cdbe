//! What of the executors' pod template Spark overwrites: a patch of it holds only as long as nobody sets the conf.

use crate::finding::{Statement, Words, expected};
use serde_json::Value;

/// The property that names the container of the template that Spark takes; else it is the first one.
const CONTAINER: &str = "spark.kubernetes.executor.podTemplateContainerName";

/// A field, by JSON pointer, and the conf key that overwrites it.
type Row = (&'static str, &'static str);

const OF_POD: [Row; 12] = [
    ("/metadata/name", "spark.kubernetes.executor.podNamePrefix"),
    ("/metadata/namespace", "spark.kubernetes.namespace"),
    ("/metadata/labels", "spark.kubernetes.executor.label."),
    ("/metadata/annotations", "spark.kubernetes.executor.annotation."),
    ("/spec/hostname", "spark.kubernetes.executor.podNamePrefix"),
    (
        "/spec/restartPolicy",
        "spark.kubernetes.allocation.pods.allocator",
    ),
    (
        "/spec/terminationGracePeriodSeconds",
        "spark.kubernetes.executor.terminationGracePeriodSeconds",
    ),
    ("/spec/nodeSelector", "spark.kubernetes.executor.node.selector."),
    ("/spec/schedulerName", "spark.kubernetes.executor.scheduler.name"),
    (
        "/spec/serviceAccount",
        "spark.kubernetes.authenticate.executor.serviceAccountName",
    ),
    (
        "/spec/serviceAccountName",
        "spark.kubernetes.authenticate.executor.serviceAccountName",
    ),
    (
        "/spec/imagePullSecrets",
        "spark.kubernetes.container.image.pullSecrets",
    ),
];

const OF_CONTAINER: [Row; 9] = [
    ("/image", "spark.kubernetes.executor.container.image"),
    ("/imagePullPolicy", "spark.kubernetes.container.image.pullPolicy"),
    (
        "/resources/requests/cpu",
        "spark.kubernetes.executor.request.cores",
    ),
    ("/resources/limits/cpu", "spark.kubernetes.executor.limit.cores"),
    ("/resources/requests/memory", "spark.executor.memory"),
    ("/resources/limits/memory", "spark.executor.memory"),
    ("/env", "spark.executorEnv."),
    ("/lifecycle", "spark.kubernetes.decommission.script"),
    (
        "/securityContext/allowPrivilegeEscalation",
        "spark.kubernetes.executor.securityContext.allowPrivilegeEscalation",
    ),
];

/// What a patch sets of the executors' pod template and Spark overwrites: the field's path, and what is wrong with it. `template` is
/// what the patch was merged into, `container_named` the property's value.
pub(in crate::manifest) fn overwritten(
    patch: &Value,
    template: &Value,
    properties: &std::collections::BTreeMap<String, String>,
) -> Vec<(String, Statement)> {
    let of_pod = OF_POD
        .iter()
        .filter(|(pointer, _)| patch.pointer(pointer).is_some());
    let mut found: Vec<_> = of_pod
        .map(|(pointer, key)| (path(pointer), statement(key)))
        .collect();
    let taken = taken(template, properties.get(CONTAINER).map(String::as_str));
    let containers = patch.pointer("/spec/containers").and_then(Value::as_array);
    let of_taken = containers
        .into_iter()
        .flatten()
        .filter(|container| container.get("name") == taken);
    for container in of_taken {
        let fields = OF_CONTAINER
            .iter()
            .filter(|(pointer, _)| container.pointer(pointer).is_some());
        found.extend(
            fields.map(|(pointer, key)| (format!("spec.containers[0].{}", path(pointer)), statement(key))),
        );
    }
    found
}

/// The name of the container that Spark takes.
fn taken<'t>(template: &'t Value, named: Option<&str>) -> Option<&'t Value> {
    let containers = template.pointer("/spec/containers")?.as_array()?;
    let named = named.and_then(|named| containers.iter().find(|container| container["name"] == named));
    named.or(containers.first())?.get("name")
}

fn path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn statement(key: &'static str) -> Statement {
    let said = expected(
        "a field that Spark leaves as the template has it, because a patch of `always` applies to every submission",
    );
    said.advice(Words::own(key).and(" overwrites this one: use a policy (`*.policy.j2`)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn fields_that_the_conf_overwrites_are_found_and_others_are_not() {
        let template = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
        let properties = |named: &str| BTreeMap::from([(CONTAINER.to_owned(), named.to_owned())]);
        let in_container = |name: &str, field: Value| json!({"spec": {"containers": [{"name": name, "securityContext": field}]}});
        let escalation = json!({"allowPrivilegeEscalation": false});
        for (patch, named, expected) in [
            (
                json!({"metadata": {"labels": {"a": "b"}}}),
                "",
                Some("metadata.labels"),
            ),
            (
                json!({"spec": {"nodeSelector": {"a": "b"}}}),
                "",
                Some("spec.nodeSelector"),
            ),
            (
                json!({"spec": {"tolerations": [], "priorityClassName": "low"}}),
                "",
                None,
            ),
            (
                in_container("a", escalation.clone()),
                "",
                Some("spec.containers[0].securityContext.allowPrivilegeEscalation"),
            ),
            (in_container("b", escalation.clone()), "", None),
            (
                in_container("b", escalation),
                "b",
                Some("spec.containers[0].securityContext.allowPrivilegeEscalation"),
            ),
            (in_container("a", json!({"runAsNonRoot": true})), "", None),
        ] {
            let found = overwritten(&patch, &template, &properties(named));
            let path = found.first().map(|(path, _)| path.as_str());
            assert_eq!(path, expected, "{patch}");
        }
    }
}
