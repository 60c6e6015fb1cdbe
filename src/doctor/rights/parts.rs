//! What `deploy/rbac` consists of, and who needs which part.

/// One file of `deploy/rbac`, and what it is to those who lack it.
pub(super) struct Part {
    pub(super) file: &'static str,
    /// What `kubectl apply -k` takes to give it.
    pub(super) folder: &'static str,
    /// A `ClusterRole` and its binding.
    pub(super) text: &'static str,
    pub(super) need: Need,
}

pub(super) enum Need {
    /// No submission succeeds without it.
    Everyone,
    /// Only submissions of this kind need it.
    Some(&'static str),
    /// Only submissions of this kind, and only on clusters that serve this API group.
    SomeWhere(&'static str, Served),
}

/// An API group that tells whether anybody here can need a part.
pub(super) struct Served {
    pub(super) group_version: &'static str,
    pub(super) otherwise: &'static str,
}

macro_rules! part {
    ($file:literal, $need:expr) => {
        Part {
            file: concat!("deploy/rbac/", $file, ".yaml"),
            folder: "deploy/rbac",
            text: include_str!(concat!("../../../deploy/rbac/", $file, ".yaml")),
            need: $need,
        }
    };
}

macro_rules! component {
    ($name:literal, $need:expr) => {
        Part {
            file: concat!("deploy/rbac/", $name, "/", $name, ".yaml"),
            folder: concat!("deploy/rbac/", $name),
            text: include_str!(concat!("../../../deploy/rbac/", $name, "/", $name, ".yaml")),
            need: $need,
        }
    };
}

pub(super) const PARTS: [Part; 10] = [
    part!("role", Need::Everyone),
    part!("spark-4.2", Need::Some("Spark 4.2 or later")),
    part!("claims", Need::Some("drivers with OnDemand claims")),
    part!("events", Need::Some("Events on refused applications")),
    part!("webhook", Need::Some("OPERATOR_WEBHOOK=auto")),
    component!(
        "credentials",
        Need::Some("Kerberos and spark.kubernetes.authenticate.driver.*")
    ),
    component!(
        "waiting",
        Need::Some("drop-ins that wait for their driver's end, --status and --kill")
    ),
    component!(
        "namespaces",
        Need::Some("policies that read namespace.labels or namespace.annotations")
    ),
    component!(
        "volcano",
        Need::SomeWhere(
            "Volcano",
            Served {
                group_version: "scheduling.volcano.sh/v1beta1",
                otherwise: "no Volcano here",
            }
        )
    ),
    // Nobody can ask which admission plugins are on.
    component!(
        "owner-references",
        Need::SomeWhere(
            "clusters with OwnerReferencesPermissionEnforcement, as OpenShift has it",
            Served {
                group_version: "config.openshift.io/v1",
                otherwise: "no OpenShift here, and so probably no OwnerReferencesPermissionEnforcement",
            }
        )
    ),
];
