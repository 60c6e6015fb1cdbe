//! Disruption budgets (`ValidatePodDisruptionBudgetSpec`): how many Pods may be away.

use super::{Kind, Report};
use crate::{finding::expected, kubernetes::at::At};
use serde_json::Value;

pub(crate) fn budget(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind != Kind::PodDisruptionBudget {
        return;
    }
    let is_set = |field: &str| document.get(field).is_some();
    if is_set("spec.minAvailable") && is_set("spec.maxUnavailable") {
        report.wrong(
            document,
            "spec.maxUnavailable",
            expected("nothing where minAvailable is set"),
        );
    }
    document.each("spec", &mut |spec| {
        for field in ["minAvailable", "maxUnavailable"] {
            if let Some(value) = spec.get(field)
                && !is_count_or_share(value)
            {
                report.wrong(
                    &spec,
                    field,
                    expected("a number of Pods, 0 or more, or a share of them from 0% to 100%")
                        .shown(&text(value)),
                );
            }
        }
    });
}

fn is_count_or_share(value: &Value) -> bool {
    match value {
        Value::Number(count) => count.as_u64().is_some_and(|count| i32::try_from(count).is_ok()),
        Value::String(share) => share.strip_suffix('%').is_some_and(|digits| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number && digits.parse::<u32>().is_ok_and(|share| share <= 100)
        }),
        // Another type is reported by the strict reading.
        _ => true,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;
    use serde_json::json;

    fn of(spec: &Value) -> Vec<String> {
        let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec});
        found(Kind::PodDisruptionBudget, &budget)
    }

    #[test]
    fn a_budget_counts_pods_or_a_share_of_them() {
        for right in [json!(0), json!(3), json!("0%"), json!("50%"), json!("100%")] {
            for field in ["minAvailable", "maxUnavailable"] {
                assert_eq!(
                    of(&json!({"selector": {}, field: right})),
                    Vec::<String>::new(),
                    "{field} {right}"
                );
            }
        }
        for wrong in [
            json!(-1),
            json!("1"),
            json!("101%"),
            json!("200%"),
            json!("-1%"),
            json!("%"),
            json!("1.5%"),
            json!(""),
        ] {
            let found = of(&json!({"selector": {}, "minAvailable": wrong}));
            assert!(
                found.len() == 1 && found[0].contains("spec.minAvailable: expected a number of Pods"),
                "{wrong}: {found:?}"
            );
        }
        let both = of(&json!({"selector": {}, "minAvailable": 1, "maxUnavailable": 1}));
        assert!(
            both.len() == 1
                && both[0].contains("spec.maxUnavailable: expected nothing where minAvailable is set"),
            "{both:?}"
        );
    }
}
