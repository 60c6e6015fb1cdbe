//! Affinity, tolerations, topology spread.

use super::convert::{Convert, MessagePlace, convert_fields, named};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    api::core::v1::{
        Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity,
        PodAffinityTerm, PodAntiAffinity, PreferredSchedulingTerm, Toleration, TopologySpreadConstraint,
        WeightedPodAffinityTerm,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

convert_fields! {
    Affinity => Affinity { node_affinity: part, pod_affinity: part, pod_anti_affinity: via(one_term) }
    NodeAffinity => NodeAffinity {
        required_during_scheduling_ignored_during_execution: part,
        preferred_during_scheduling_ignored_during_execution: list,
    }
    PreferredSchedulingTerm => PreferredSchedulingTerm { weight, preference: always }
    NodeSelector => NodeSelector { node_selector_terms: part }
    NodeSelectorTerm => NodeSelectorTerm { match_expressions: list, match_fields: list }
    NodeSelectorRequirement => NodeSelectorRequirement {
        key, operator: required(NodeSelectorOperator), values: set,
    }
    PodAffinity => PodAffinity {
        required_during_scheduling_ignored_during_execution: list,
        preferred_during_scheduling_ignored_during_execution: list,
    }
    WeightedPodAffinityTerm => WeightedPodAffinityTerm { weight, pod_affinity_term: always }
    PodAffinityTerm => PodAffinityTerm {
        label_selector: part, namespaces: set, topology_key, namespace_selector: part,
        match_label_keys: set, mismatch_label_keys: set,
    }
    PodAntiAffinity => PodAffinityTerm {
        label_selector: part, namespaces: set, topology_key, namespace_selector: part,
        match_label_keys: set, mismatch_label_keys: set,
    }
    LabelSelector => LabelSelector {
        match_labels: set,
        match_expressions: via(one_requirement),
    }
    LabelSelectorRequirement => LabelSelectorRequirement {
        key, operator: required(LabelSelectorOperator), values: set,
    }
    Toleration => Toleration {
        key: set, operator: named(TolerationOperator), value: set, effect: via(taint_effect),
        toleration_seconds,
    }
    TopologySpreadConstraint => TopologySpreadConstraint {
        max_skew, topology_key, when_unsatisfiable: required(UnsatisfiableConstraintAction),
        label_selector: part, min_domains, node_affinity_policy: named(NodeInclusionPolicy),
        node_taints_policy: named(NodeInclusionPolicy), match_label_keys: set,
    }
}

fn one_requirement(
    requirement: Option<wire::LabelSelectorRequirement>,
    at: &MessagePlace<'_>,
) -> Option<Vec<LabelSelectorRequirement>> {
    requirement.convert(at).map(|requirement| vec![requirement])
}

fn taint_effect(effect: i32, at: &MessagePlace<'_>) -> Option<String> {
    if effect == i32::from(wire::TaintEffect::NoScheduleNoAdmit) {
        at.problem(expected("an effect that Kubernetes has").kind("NO_SCHEDULE_NO_ADMIT"));
    }
    named::<wire::TaintEffect>(effect, at)
}

/// The message is one term and can't say whether it is required; the stricter reading keeps the promise that
/// anti-affinity makes. An empty message is no term.
fn one_term(message: Option<wire::PodAntiAffinity>, at: &MessagePlace<'_>) -> Option<PodAntiAffinity> {
    let message = message?;
    let is_term = message != wire::PodAntiAffinity::default();
    Some(PodAntiAffinity {
        required_during_scheduling_ignored_during_execution: is_term.then(|| vec![message.convert(at)]),
        ..PodAntiAffinity::default()
    })
}
