//! Selectors: which labels and fields of other objects a rule is about (apimachinery's `ValidateLabelSelector`, and
//! `ValidateNodeSelectorTerm`).

use super::{
    Kind, Report,
    grammar::{self, Verdict},
    metadata::label_map,
    table::{For, Table},
};
use crate::{
    finding::{Words, expected},
    kubernetes::at::At,
};
use For::{Only, Pods};
use Selects::{Labels, NodeFields, NodeLabels};
use serde_json::Value;

/// What a place of a document selects by.
#[derive(Clone, Copy)]
enum Selects {
    /// A label selector: `matchLabels` and `matchExpressions`.
    Labels,
    /// An expression over the labels of nodes. Where a node need not match, the API server takes values that no label can have.
    NodeLabels { must_match: bool },
    /// An expression over the fields of nodes.
    NodeFields,
}

const SELECTORS: &[(For, &str, Selects)] = &[
    (Pods, "spec.topologySpreadConstraints[].labelSelector", Labels),
    (
        Pods,
        "spec.affinity.podAffinity|podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[]\
         .labelSelector|namespaceSelector",
        Labels,
    ),
    (
        Pods,
        "spec.affinity.podAffinity|podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm\
         .labelSelector|namespaceSelector",
        Labels,
    ),
    (
        Pods,
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchExpressions[]",
        NodeLabels { must_match: true },
    ),
    (
        Pods,
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchFields[]",
        NodeFields,
    ),
    (
        Pods,
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference.matchExpressions[]",
        NodeLabels { must_match: false },
    ),
    (
        Pods,
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference.matchFields[]",
        NodeFields,
    ),
    (
        Pods,
        "spec.volumes[].ephemeral.volumeClaimTemplate.spec.selector",
        Labels,
    ),
    (Only(Kind::PersistentVolumeClaim), "spec.selector", Labels),
    (Only(Kind::PodDisruptionBudget), "spec.selector", Labels),
    (Only(Kind::NetworkPolicy), "spec.podSelector", Labels),
    (
        Only(Kind::NetworkPolicy),
        "spec.ingress[].from[].podSelector|namespaceSelector",
        Labels,
    ),
    (
        Only(Kind::NetworkPolicy),
        "spec.egress[].to[].podSelector|namespaceSelector",
        Labels,
    ),
];

static PLACES: Table<Selects> = Table::new(SELECTORS, &[]);

/// Every selector can select something, and no part of it contradicts another.
pub(crate) fn selectors(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    PLACES.each(kind, document, &mut |at, selects| match selects {
        Labels => {
            label_map(at, "matchLabels", report);
            at.each("matchExpressions[]", &mut |expression| {
                OF_LABELS.check(&expression, report);
            });
        }
        NodeLabels { must_match: true } => OF_NODES.check(at, report),
        NodeLabels { must_match: false } => OF_PREFERRED_NODES.check(at, report),
        NodeFields => OF_NODE_FIELDS.check(at, report),
    });
}

/// How many values an operator has.
#[derive(Clone, Copy)]
enum Values {
    None,
    One,
    Some,
}

/// What an expression `{key, operator, values}` may be.
struct Expressions {
    operators: &'static [(&'static str, Values)],
    key: fn(&str) -> Verdict,
    value: fn(&str) -> Verdict,
}

const OF_LABELS: Expressions = Expressions {
    operators: &[
        ("In", Values::Some),
        ("NotIn", Values::Some),
        ("Exists", Values::None),
        ("DoesNotExist", Values::None),
    ],
    key: grammar::label_key,
    value: grammar::label_value,
};

const OF_NODES: Expressions = Expressions {
    operators: &[
        ("In", Values::Some),
        ("NotIn", Values::Some),
        ("Exists", Values::None),
        ("DoesNotExist", Values::None),
        ("Gt", Values::One),
        ("Lt", Values::One),
    ],
    ..OF_LABELS
};

const OF_PREFERRED_NODES: Expressions = Expressions {
    value: |_| None,
    ..OF_NODES
};

const OF_NODE_FIELDS: Expressions = Expressions {
    operators: &[("In", Values::One), ("NotIn", Values::One)],
    key: |key| {
        (key != "metadata.name").then_some("metadata.name, the only field of a node that can be selected by")
    },
    value: grammar::dns_subdomain,
};

impl Expressions {
    fn check(&self, at: &At<'_, '_>, report: &mut Report<'_>) {
        match at.text("key") {
            None => report.wrong(at, "key", expected("a value").nothing()),
            Some(key) => {
                if let Some(wrong) = (self.key)(key) {
                    report.wrong(at, "key", expected(wrong).name(key));
                }
            }
        }
        let operator = at.text("operator");
        match operator.and_then(|operator| self.operators.iter().find(|(known, _)| *known == operator)) {
            Some((operator, values)) => values.check(operator, at, report),
            None => {
                let known: Vec<_> = self.operators.iter().map(|(known, _)| *known).collect();
                let said = expected(Words::own(format!("one of {}", known.join(", "))));
                let said = match operator {
                    Some(operator) => said.shown(operator),
                    None => said.nothing(),
                };
                report.wrong(at, "operator", said);
            }
        }
        at.each("values[]", &mut |value| {
            if let Some(text) = value.value().as_str()
                && let Some(wrong) = (self.value)(text)
            {
                report.wrong(&value, "", expected(wrong).hidden(text));
            }
        });
    }
}

impl Values {
    fn check(self, operator: &str, at: &At<'_, '_>, report: &mut Report<'_>) {
        let count = at.get("values").and_then(Value::as_array).map_or(0, Vec::len);
        let (is_right, wanted) = match self {
            Values::None => (count == 0, "no values"),
            Values::One => (count == 1, "one value"),
            Values::Some => (count > 0, "one value or more"),
        };
        if !is_right {
            let said = expected(Words::own(format!("{wanted} with the operator {operator}")));
            let said = if count == 0 {
                said.nothing()
            } else {
                said.kind(count.to_string())
            };
            report.wrong(at, "values", said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;
    use serde_json::json;

    /// A document with a selector in it.
    type Document = Box<dyn Fn(&Value) -> Value>;

    #[test]
    fn selectors_of_labels_are_checked_wherever_they_stand() {
        let wrong = json!({"matchLabels": {"a b": "c", "d": "e f"}, "matchExpressions": [
            {"operator": "Exists"}, {"key": "a", "operator": "Is"}, {"key": "a", "operator": "In"},
            {"key": "a", "operator": "Exists", "values": ["b"]}, {"key": "a", "operator": "NotIn", "values": ["b", "c d"]},
            {"key": "a", "operator": "Gt", "values": ["1"]},
        ]});
        let right = json!({"matchLabels": {"example.com/a": "b", "c": ""}, "matchExpressions": [
            {"key": "a", "operator": "In", "values": ["b", ""]}, {"key": "a", "operator": "DoesNotExist", "values": []},
        ]});
        let pod = |kind: &str, term: Value| json!({"spec": {"affinity": {kind: term}}});
        let term = |selector: &Value| json!({"topologyKey": "zone", "labelSelector": selector, "namespaceSelector": selector});
        let places: [(Kind, usize, Document); 9] = [
            (
                Kind::Pod,
                1,
                Box::new(|selector| {
                    json!({"spec": {"topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]}})
                }),
            ),
            (
                Kind::ExecutorTemplate,
                2,
                Box::new(move |selector| {
                    pod(
                        "podAffinity",
                        json!({"requiredDuringSchedulingIgnoredDuringExecution": [term(selector)]}),
                    )
                }),
            ),
            (
                Kind::Pod,
                2,
                Box::new(move |selector| {
                    pod(
                        "podAntiAffinity",
                        json!({"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "podAffinityTerm": term(selector)}]}),
                    )
                }),
            ),
            (
                Kind::Pod,
                1,
                Box::new(|selector| {
                    json!({"spec": {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "selector": selector}}}}]}})
                }),
            ),
            (
                Kind::PersistentVolumeClaim,
                1,
                Box::new(|selector| json!({"spec": {"selector": selector}})),
            ),
            (
                Kind::PodDisruptionBudget,
                1,
                Box::new(|selector| json!({"spec": {"selector": selector}})),
            ),
            (
                Kind::NetworkPolicy,
                1,
                Box::new(|selector| json!({"spec": {"podSelector": selector}})),
            ),
            (
                Kind::NetworkPolicy,
                1,
                Box::new(|selector| json!({"spec": {"ingress": [{"from": [{"podSelector": selector}]}]}})),
            ),
            (
                Kind::NetworkPolicy,
                1,
                Box::new(|selector| json!({"spec": {"egress": [{"to": [{"namespaceSelector": selector}]}]}})),
            ),
        ];
        for (kind, times, document) in places {
            let of = |selector: &Value| {
                let all = found(kind, &document(selector));
                all.into_iter()
                    .filter(|finding| finding.contains("elector"))
                    .collect::<Vec<_>>()
            };
            assert_eq!(of(&right), Vec::<String>::new(), "{kind:?}");
            let all = of(&wrong);
            for said in [
                "matchLabels[\"a b\"]: expected a label key",
                "matchLabels.d: expected at most 63",
                "matchExpressions[0].key: expected a value, found nothing",
                "matchExpressions[1].operator: expected one of In, NotIn, Exists, DoesNotExist, found `Is`",
                "matchExpressions[2].values: expected one value or more with the operator In, found nothing",
                "matchExpressions[3].values: expected no values with the operator Exists, found 1",
                "matchExpressions[4].values[1]: expected at most 63",
                "matchExpressions[5].operator: expected one of",
            ] {
                let said_there = all.iter().filter(|finding| finding.contains(said)).count();
                assert_eq!(said_there, times, "{kind:?} {said}: {all:#?}");
            }
            assert_eq!(all.len(), 8 * times, "{kind:?}: {all:#?}");
        }
    }

    #[test]
    fn expressions_over_nodes_are_checked_as_the_api_server_does() {
        let required = |term: Value| {
            let terms =
                json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}});
            found(Kind::Pod, &json!({"spec": {"affinity": {"nodeAffinity": terms}}}))
        };
        let preferred = |term: Value| {
            let terms = json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]});
            found(Kind::Pod, &json!({"spec": {"affinity": {"nodeAffinity": terms}}}))
        };
        let label = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let field = |key: &str, operator: &str, values: Value| json!({"matchFields": [{"key": key, "operator": operator, "values": values}]});
        for (term, both, said) in [
            (
                label("a b", "In", json!(["c"])),
                true,
                "[0].key: expected a name of at most 63",
            ),
            (
                label("a", "In", json!([])),
                true,
                "[0].values: expected one value or more with the operator In, found nothing",
            ),
            (
                label("a", "Exists", json!(["b"])),
                true,
                "[0].values: expected no values with the operator Exists, found 1",
            ),
            (
                label("a", "Gt", json!(["1", "2"])),
                true,
                "[0].values: expected one value with the operator Gt, found 2",
            ),
            (
                label("a", "Is", json!(["b"])),
                true,
                "[0].operator: expected one of In, NotIn, Exists, DoesNotExist, Gt, Lt, found `Is`",
            ),
            (
                label("a", "NotIn", json!(["b c"])),
                false,
                "[0].values[0]: expected at most 63",
            ),
            (
                field("metadata.name", "In", json!(["a", "b"])),
                true,
                "[0].values: expected one value with the operator In, found 2",
            ),
            (
                field("metadata.name", "Exists", json!([])),
                true,
                "[0].operator: expected one of In, NotIn, found `Exists`",
            ),
            (
                field("metadata.uid", "In", json!(["a"])),
                true,
                "[0].key: expected metadata.name",
            ),
            (
                field("metadata.name", "In", json!(["a b"])),
                true,
                "[0].values[0]: expected a lowercase RFC 1123 subdomain",
            ),
        ] {
            let one = |found: &[String]| found.len() == 1 && found[0].contains(said);
            assert!(
                one(&required(term.clone())),
                "{term}: {:#?}",
                required(term.clone())
            );
            let found = preferred(term.clone());
            assert!(
                if both { one(&found) } else { found.is_empty() },
                "{term}: {found:#?}"
            );
        }
        for term in [
            json!({}),
            label("a", "Gt", json!(["x"])),
            label("a", "In", json!(["b", "c"])),
            field("metadata.name", "NotIn", json!(["node-1.example.com"])),
        ] {
            assert_eq!(required(term.clone()), Vec::<String>::new(), "{term}");
            assert_eq!(preferred(term.clone()), Vec::<String>::new(), "{term}");
        }
    }
}
