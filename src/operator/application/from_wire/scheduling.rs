//! Affinity, tolerations, topology spread.

use super::convert::{At, Convert, named, required, set};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    api::core::v1::{
        Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity,
        PodAffinityTerm, PodAntiAffinity, PreferredSchedulingTerm, Toleration, TopologySpreadConstraint,
        WeightedPodAffinityTerm,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
};

impl Convert for wire::Affinity {
    type To = Affinity;

    fn convert(self, at: &At<'_>) -> Affinity {
        let Self {
            node_affinity,
            pod_affinity,
            pod_anti_affinity,
        } = self;
        Affinity {
            node_affinity: node_affinity.convert(&at.field("node_affinity")),
            pod_affinity: pod_affinity.convert(&at.field("pod_affinity")),
            pod_anti_affinity: pod_anti_affinity.convert(&at.field("pod_anti_affinity")),
        }
    }
}

const REQUIRED: &str = "required_during_scheduling_ignored_during_execution";
const PREFERRED: &str = "preferred_during_scheduling_ignored_during_execution";

impl Convert for wire::NodeAffinity {
    type To = NodeAffinity;

    fn convert(self, at: &At<'_>) -> NodeAffinity {
        let Self {
            required_during_scheduling_ignored_during_execution,
            preferred_during_scheduling_ignored_during_execution,
        } = self;
        NodeAffinity {
            required_during_scheduling_ignored_during_execution:
                required_during_scheduling_ignored_during_execution.convert(&at.field(REQUIRED)),
            preferred_during_scheduling_ignored_during_execution: set(
                preferred_during_scheduling_ignored_during_execution.convert(&at.field(PREFERRED)),
            ),
        }
    }
}

impl Convert for wire::PreferredSchedulingTerm {
    type To = PreferredSchedulingTerm;

    fn convert(self, at: &At<'_>) -> PreferredSchedulingTerm {
        let Self { weight, preference } = self;
        PreferredSchedulingTerm {
            weight,
            preference: preference.unwrap_or_default().convert(&at.field("preference")),
        }
    }
}

impl Convert for wire::NodeSelector {
    type To = NodeSelector;

    fn convert(self, at: &At<'_>) -> NodeSelector {
        let Self { node_selector_terms } = self;
        NodeSelector {
            node_selector_terms: node_selector_terms.convert(&at.field("node_selector_terms")),
        }
    }
}

impl Convert for wire::NodeSelectorTerm {
    type To = NodeSelectorTerm;

    fn convert(self, at: &At<'_>) -> NodeSelectorTerm {
        let Self {
            match_expressions,
            match_fields,
        } = self;
        NodeSelectorTerm {
            match_expressions: set(match_expressions.convert(&at.field("match_expressions"))),
            match_fields: set(match_fields.convert(&at.field("match_fields"))),
        }
    }
}

impl Convert for wire::NodeSelectorRequirement {
    type To = NodeSelectorRequirement;

    fn convert(self, at: &At<'_>) -> NodeSelectorRequirement {
        let Self {
            key,
            operator,
            values,
        } = self;
        NodeSelectorRequirement {
            key,
            operator: required::<wire::NodeSelectorOperator>(operator, &at.field("operator")),
            values: set(values),
        }
    }
}

impl Convert for wire::PodAffinity {
    type To = PodAffinity;

    fn convert(self, at: &At<'_>) -> PodAffinity {
        let Self {
            required_during_scheduling_ignored_during_execution,
            preferred_during_scheduling_ignored_during_execution,
        } = self;
        PodAffinity {
            required_during_scheduling_ignored_during_execution: set(
                required_during_scheduling_ignored_during_execution.convert(&at.field(REQUIRED)),
            ),
            preferred_during_scheduling_ignored_during_execution: set(
                preferred_during_scheduling_ignored_during_execution.convert(&at.field(PREFERRED)),
            ),
        }
    }
}

impl Convert for wire::WeightedPodAffinityTerm {
    type To = WeightedPodAffinityTerm;

    fn convert(self, at: &At<'_>) -> WeightedPodAffinityTerm {
        let Self {
            weight,
            pod_affinity_term,
        } = self;
        WeightedPodAffinityTerm {
            weight,
            pod_affinity_term: pod_affinity_term
                .unwrap_or_default()
                .convert(&at.field("pod_affinity_term")),
        }
    }
}

impl Convert for wire::PodAffinityTerm {
    type To = PodAffinityTerm;

    fn convert(self, at: &At<'_>) -> PodAffinityTerm {
        let Self {
            label_selector,
            namespaces,
            topology_key,
            namespace_selector,
            match_label_keys,
            mismatch_label_keys,
        } = self;
        PodAffinityTerm {
            label_selector: label_selector.convert(&at.field("label_selector")),
            namespaces: set(namespaces),
            topology_key,
            namespace_selector: namespace_selector.convert(&at.field("namespace_selector")),
            match_label_keys: set(match_label_keys),
            mismatch_label_keys: set(mismatch_label_keys),
        }
    }
}

impl Convert for wire::PodAntiAffinity {
    type To = PodAntiAffinity;

    /// The message is one term and can't say whether it is required; the stricter reading keeps the promise that
    /// anti-affinity makes. An empty message is no term.
    fn convert(self, at: &At<'_>) -> PodAntiAffinity {
        if self == Self::default() {
            return PodAntiAffinity::default();
        }
        let Self {
            label_selector,
            namespaces,
            topology_key,
            namespace_selector,
            match_label_keys,
            mismatch_label_keys,
        } = self;
        let term = wire::PodAffinityTerm {
            label_selector,
            namespaces,
            topology_key,
            namespace_selector,
            match_label_keys,
            mismatch_label_keys,
        };
        PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term.convert(at)]),
            ..PodAntiAffinity::default()
        }
    }
}

impl Convert for wire::LabelSelector {
    type To = LabelSelector;

    fn convert(self, at: &At<'_>) -> LabelSelector {
        let Self {
            match_labels,
            match_expressions,
        } = self;
        LabelSelector {
            match_labels: set(match_labels),
            match_expressions: match_expressions
                .convert(&at.field("match_expressions"))
                .map(|requirement| vec![requirement]),
        }
    }
}

impl Convert for wire::LabelSelectorRequirement {
    type To = LabelSelectorRequirement;

    fn convert(self, at: &At<'_>) -> LabelSelectorRequirement {
        let Self {
            key,
            operator,
            values,
        } = self;
        LabelSelectorRequirement {
            key,
            operator: required::<wire::LabelSelectorOperator>(operator, &at.field("operator")),
            values: set(values),
        }
    }
}

impl Convert for wire::Toleration {
    type To = Toleration;

    fn convert(self, at: &At<'_>) -> Toleration {
        let Self {
            key,
            operator,
            value,
            effect,
            toleration_seconds,
        } = self;
        let effect_at = at.field("effect");
        if effect == i32::from(wire::TaintEffect::NoScheduleNoAdmit) {
            effect_at.problem(expected("an effect that Kubernetes has").kind("NO_SCHEDULE_NO_ADMIT"));
        }
        Toleration {
            key: set(key),
            operator: named::<wire::TolerationOperator>(operator, &at.field("operator")),
            value: set(value),
            effect: named::<wire::TaintEffect>(effect, &effect_at),
            toleration_seconds,
        }
    }
}

impl Convert for wire::TopologySpreadConstraint {
    type To = TopologySpreadConstraint;

    fn convert(self, at: &At<'_>) -> TopologySpreadConstraint {
        let Self {
            max_skew,
            topology_key,
            when_unsatisfiable,
            label_selector,
            min_domains,
            node_affinity_policy,
            node_taints_policy,
            match_label_keys,
        } = self;
        TopologySpreadConstraint {
            max_skew,
            topology_key,
            when_unsatisfiable: required::<wire::UnsatisfiableConstraintAction>(
                when_unsatisfiable,
                &at.field("when_unsatisfiable"),
            ),
            label_selector: label_selector.convert(&at.field("label_selector")),
            min_domains,
            node_affinity_policy: named::<wire::NodeInclusionPolicy>(
                node_affinity_policy,
                &at.field("node_affinity_policy"),
            ),
            node_taints_policy: named::<wire::NodeInclusionPolicy>(
                node_taints_policy,
                &at.field("node_taints_policy"),
            ),
            match_label_keys: set(match_label_keys),
        }
    }
}
