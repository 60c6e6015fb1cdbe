//! Kinds that no template may write, even if an admin lists them: the right to write templates would become a wider right.
//!
//! The tables are of what is widely installed. A `CustomResourceDefinition` that isn't in them and makes Pods can still be allowed.

use std::fmt;

/// Why a kind can't be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Its objects hand out rights, or say who gets some.
    Rights,
    /// Its objects make Pods, which no policy would see.
    Pods,
    /// Its objects make any others, the two above among them.
    Anything,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rights => "it hands out rights",
            Self::Pods => "it makes Pods, which no policy would see",
            Self::Anything => "it makes other objects, which may be Pods or hand out rights",
        })
    }
}

/// Groups, each with all below it: `cattle.io` is `management.cattle.io` too.
#[rustfmt::skip]
static GROUPS: [(&str, Closed); 56] = [
    // Kubernetes' own.
    ("rbac.authorization.k8s.io", Closed::Rights),
    ("authorization.k8s.io", Closed::Rights),
    ("authentication.k8s.io", Closed::Rights),
    ("admissionregistration.k8s.io", Closed::Rights),
    ("apiregistration.k8s.io", Closed::Rights),
    ("apiextensions.k8s.io", Closed::Rights),
    ("certificates.k8s.io", Closed::Rights),
    ("flowcontrol.apiserver.k8s.io", Closed::Rights),
    ("imagepolicy.k8s.io", Closed::Rights),
    ("apps", Closed::Pods),
    ("batch", Closed::Pods),
    ("extensions", Closed::Pods),
    // Distributions and tenancy.
    ("security.openshift.io", Closed::Rights),
    ("authorization.openshift.io", Closed::Rights),
    ("oauth.openshift.io", Closed::Rights),
    ("user.openshift.io", Closed::Rights),
    ("config.openshift.io", Closed::Rights),
    ("operator.openshift.io", Closed::Rights),
    ("machineconfiguration.openshift.io", Closed::Rights),
    ("apps.openshift.io", Closed::Pods),
    ("build.openshift.io", Closed::Pods),
    ("template.openshift.io", Closed::Anything),
    ("cattle.io", Closed::Rights),
    ("hnc.x-k8s.io", Closed::Rights),
    ("capsule.clastix.io", Closed::Rights),
    ("tenancy.kiosk.sh", Closed::Rights),
    // Policies of the cluster.
    ("kyverno.io", Closed::Rights),
    ("gatekeeper.sh", Closed::Rights),
    ("policies.kubewarden.io", Closed::Rights),
    // What installs.
    ("operators.coreos.com", Closed::Anything),
    ("olm.operatorframework.io", Closed::Anything),
    ("argoproj.io", Closed::Anything),
    ("fluxcd.io", Closed::Anything),
    ("crossplane.io", Closed::Anything),
    ("crossplane.upbound.io", Closed::Anything),
    ("helm.sh", Closed::Anything),
    ("kro.run", Closed::Anything),
    ("oam.dev", Closed::Anything),
    ("work.karmada.io", Closed::Anything),
    ("open-cluster-management.io", Closed::Anything),
    ("workload.codeflare.dev", Closed::Anything),
    // What runs.
    ("sparkoperator.k8s.io", Closed::Pods),
    ("spark.apache.org", Closed::Pods),
    ("spark.stackable.tech", Closed::Pods),
    ("flink.apache.org", Closed::Pods),
    ("kubeflow.org", Closed::Pods),
    ("ray.io", Closed::Pods),
    ("batch.volcano.sh", Closed::Pods),
    ("flow.volcano.sh", Closed::Pods),
    ("jobset.x-k8s.io", Closed::Pods),
    ("leaderworkerset.x-k8s.io", Closed::Pods),
    ("kruise.io", Closed::Pods),
    ("serving.knative.dev", Closed::Pods),
    ("serving.kserve.io", Closed::Pods),
    ("tekton.dev", Closed::Pods),
    ("kubevirt.io", Closed::Pods),
];

/// First parts of a group's name, as vendors begin those of rights: `iam.aws.upbound.io`.
static FIRST_LABELS: [(&str, Closed); 7] = [
    ("iam", Closed::Rights),
    ("rbac", Closed::Rights),
    ("authorization", Closed::Rights),
    ("authentication", Closed::Rights),
    ("oauth", Closed::Rights),
    ("admissionregistration", Closed::Rights),
    ("apiextensions", Closed::Rights),
];

/// Kinds by name, in whatever group.
#[rustfmt::skip]
static KINDS: [(&str, Closed); 20] = [
    ("ServiceAccount", Closed::Rights),
    ("SecurityContextConstraints", Closed::Rights),
    ("CertificateSigningRequest", Closed::Rights),
    ("CustomResourceDefinition", Closed::Rights),
    ("APIService", Closed::Rights),
    ("Pod", Closed::Pods),
    ("PodTemplate", Closed::Pods),
    ("ReplicationController", Closed::Pods),
    ("ReplicaSet", Closed::Pods),
    ("DaemonSet", Closed::Pods),
    ("StatefulSet", Closed::Pods),
    ("Deployment", Closed::Pods),
    ("DeploymentConfig", Closed::Pods),
    ("SparkApplication", Closed::Pods),
    ("ScheduledSparkApplication", Closed::Pods),
    ("SparkConnect", Closed::Pods),
    ("SparkCluster", Closed::Pods),
    ("Workflow", Closed::Pods),
    ("CronWorkflow", Closed::Pods),
    ("HelmRelease", Closed::Anything),
];

/// Ends of kinds: `ClusterRoleBinding`, `PyTorchJob`.
static ENDS: [(&str, Closed); 6] = [
    ("Role", Closed::Rights),
    ("RoleBinding", Closed::Rights),
    ("RoleTemplate", Closed::Rights),
    ("WebhookConfiguration", Closed::Rights),
    ("Job", Closed::Pods),
    ("JobSet", Closed::Pods),
];

/// Why nothing of this group can be allowed; `None` where it can.
pub(crate) fn closed_group(group: &str) -> Option<Closed> {
    let is_below = |known: &str| {
        let rest = group.strip_suffix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let first = group.split('.').next().unwrap_or(group);
    let of_group = GROUPS.iter().find(|(known, _)| is_below(known));
    let row = of_group.or_else(|| FIRST_LABELS.iter().find(|(known, _)| *known == first));
    row.map(|(_, closed)| *closed)
}

/// Why this kind of this group can't be allowed; `None` where it can.
pub(crate) fn closed(kind: &str, group: &str) -> Option<Closed> {
    let by_name = KINDS.iter().find(|(known, _)| *known == kind);
    let row = by_name.or_else(|| ENDS.iter().find(|(end, _)| kind.ends_with(end)));
    closed_group(group).or_else(|| row.map(|(_, closed)| *closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hands_out_rights_or_makes_pods_is_closed() {
        for (kind, group, reason) in [
            ("RoleBinding", "rbac.authorization.k8s.io", Closed::Rights),
            (
                "ValidatingWebhookConfiguration",
                "admissionregistration.k8s.io",
                Closed::Rights,
            ),
            ("SubjectAccessReview", "authorization.k8s.io", Closed::Rights),
            ("TokenReview", "authentication.k8s.io", Closed::Rights),
            ("APIService", "apiregistration.k8s.io", Closed::Rights),
            ("CertificateSigningRequest", "certificates.k8s.io", Closed::Rights),
            ("CustomResourceDefinition", "apiextensions.k8s.io", Closed::Rights),
            (
                "SecurityContextConstraints",
                "security.openshift.io",
                Closed::Rights,
            ),
            ("RoleBinding", "authorization.openshift.io", Closed::Rights),
            ("OAuthClient", "oauth.openshift.io", Closed::Rights),
            (
                "ProjectRoleTemplateBinding",
                "management.cattle.io",
                Closed::Rights,
            ),
            ("Policy", "iam.aws.upbound.io", Closed::Rights),
            ("ManagedRole", "example.com", Closed::Rights),
            ("Pod", "example.com", Closed::Pods),
            ("Deployment", "apps", Closed::Pods),
            ("Job", "batch", Closed::Pods),
            ("PyTorchJob", "training.example.com", Closed::Pods),
            ("SparkApplication", "sparkoperator.k8s.io", Closed::Pods),
            ("ScheduledSparkApplication", "sparkoperator.k8s.io", Closed::Pods),
            ("SparkConnect", "sparkoperator.k8s.io", Closed::Pods),
            ("SparkCluster", "spark.apache.org", Closed::Pods),
            ("Service", "serving.knative.dev", Closed::Pods),
            ("Application", "argoproj.io", Closed::Anything),
        ] {
            assert_eq!(closed(kind, group), Some(reason), "{kind} of {group}");
        }
    }

    #[test]
    fn a_group_that_only_ends_alike_is_open() {
        for (kind, group) in [
            ("A", "myapps"),
            ("A", "apps.example.com"),
            ("A", "notcattle.io"),
            ("Route", "route.openshift.io"),
            ("Workload", "kueue.x-k8s.io"),
            ("PodGroup", "scheduling.k8s.io"),
            ("VolumeSnapshot", "snapshot.storage.k8s.io"),
            ("HTTPRoute", "gateway.networking.k8s.io"),
            ("NetworkPolicy", "projectcalico.org"),
            ("Certificate", "cert-manager.io"),
            ("ResourceClaim", "resource.k8s.io"),
        ] {
            assert_eq!(closed(kind, group), None, "{kind} of {group}");
        }
    }
}
