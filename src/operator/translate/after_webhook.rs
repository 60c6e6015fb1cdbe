//! A Pod as it will be after the operator's webhook.

use super::roles::Role;
use crate::{
    operator::labels::{APP_NAME, LAUNCHED},
    spark::submission::WebhookAdditions,
};
use serde_json::Value;

/// Makes `pod` what it will be after the operator's webhook: of the driver or of an executor, as its labels say. The webhook leaves
/// a Pod alone that doesn't have the operator's labels.
pub fn after_webhook(pod: &mut Value, additions: &WebhookAdditions) {
    let label = |key: &str| pod["metadata"]["labels"][key].as_str().unwrap_or_default();
    if label(LAUNCHED) != "true" || label(APP_NAME).is_empty() {
        return;
    }
    let (role, additions) = match label("spark-role") {
        "driver" => (Role::Driver, &additions.driver),
        "executor" => (Role::Executor, &additions.executor),
        _ => return,
    };
    if let Some(Value::Object(spec)) = pod.get_mut("spec") {
        additions.add_to_template(spec, role.container_names());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::PodAdditions;
    use serde_json::json;

    fn additions() -> WebhookAdditions {
        let env = |value: &str| PodAdditions {
            env: vec![json!({"name": "A", "value": value})],
            ..PodAdditions::default()
        };
        WebhookAdditions {
            driver: env("driver"),
            executor: env("executor"),
        }
    }

    #[test]
    fn the_webhook_acts_on_pods_with_the_operators_labels_by_their_role() {
        for (labels, added) in [
            (
                json!({LAUNCHED: "true", APP_NAME: "pi", "spark-role": "driver"}),
                Some("driver"),
            ),
            (
                json!({LAUNCHED: "true", APP_NAME: "pi", "spark-role": "executor"}),
                Some("executor"),
            ),
            (json!({LAUNCHED: "true", APP_NAME: "pi"}), None),
            (json!({LAUNCHED: "true", "spark-role": "driver"}), None),
            (json!({APP_NAME: "pi", "spark-role": "driver"}), None),
        ] {
            let containers = json!([{"name": "side"}, {"name": "spark-kubernetes-driver"}]);
            let mut pod = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
            after_webhook(&mut pod, &additions());
            let containers = pod["spec"]["containers"].as_array().unwrap();
            // Where no container has the name that the webhook looks for, it takes the first.
            let index = usize::from(added == Some("driver"));
            let found = containers
                .iter()
                .position(|container| !container["env"].is_null());
            assert_eq!(found, added.map(|_| index), "{pod}");
            if let Some(added) = added {
                assert_eq!(containers[index]["env"][0]["value"], added);
            }
        }
    }
}
