//! The built-in templates, and which document comes from which of them, for what, and in which order.

use crate::spark::plan::DriverPlan;

/// The folder under which the built-in templates stay in reach of overrides: `builtin/driver-pod.yaml.j2`.
pub(crate) const PREFIX: &str = "builtin/";

/// The template of the executor pod template, whose text another template carries.
pub(crate) const EXECUTOR_POD: &str = "executor-pod.yaml.j2";

/// The template that carries it.
pub(crate) const EXECUTOR_CONFIG_MAP: &str = "executor-configmap.yaml.j2";

macro_rules! embedded {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),*] };
}

/// Name and source of each built-in template.
pub(crate) const SOURCES: &[(&str, &str)] = embedded![
    "configmap.yaml.j2",
    "driver-configmap.yaml.j2",
    "driver-pod.yaml.j2",
    "driver-service.yaml.j2",
    "executor-configmap.yaml.j2",
    "executor-pod.yaml.j2",
    "network-policy.yaml.j2",
    "persistent-volume-claim.yaml.j2",
    "pod-group.yaml.j2",
    "secret.yaml.j2",
];

/// One sort of document.
pub(crate) struct DocumentKind {
    /// The template's name.
    pub template: &'static str,
    /// What of the plan it is rendered for.
    pub subjects: fn(&DriverPlan) -> Vec<DocumentSubject>,
}

/// What one document is rendered for.
pub(crate) struct DocumentSubject {
    /// The document's role.
    pub role: String,
    /// Where in the context its `object` is: a list, and the index in it.
    pub object: Option<(&'static str, usize)>,
}

impl DocumentSubject {
    fn whole(role: &str) -> Self {
        Self {
            role: role.to_owned(),
            object: None,
        }
    }

    fn whole_if(is_there: bool, role: &str) -> Vec<Self> {
        is_there.then(|| Self::whole(role)).into_iter().collect()
    }
}

/// Every document in the order of Spark's own creation (its `KubernetesDriverBuilder`): the Pod, what each feature
/// step adds, the driver's `ConfigMap` last.
pub(crate) const DOCUMENTS: &[DocumentKind] = &[
    DocumentKind {
        template: "driver-pod.yaml.j2",
        subjects: |_| vec![DocumentSubject::whole("pod-driver")],
    },
    DocumentKind {
        template: "pod-group.yaml.j2",
        subjects: |plan| DocumentSubject::whole_if(plan.pod_group.is_some(), "podgroup-driver"),
    },
    DocumentKind {
        template: "secret.yaml.j2",
        subjects: |plan| secrets(plan, |role| role == CREDENTIALS),
    },
    DocumentKind {
        template: "driver-service.yaml.j2",
        subjects: |plan| DocumentSubject::whole_if(plan.service.is_some(), "service-driver"),
    },
    DocumentKind {
        template: "network-policy.yaml.j2",
        subjects: |plan| DocumentSubject::whole_if(plan.network_policy.is_some(), "networkpolicy-executor"),
    },
    DocumentKind {
        template: "persistent-volume-claim.yaml.j2",
        subjects: |plan| {
            (0..plan.persistent_volume_claims.len())
                .map(|index| DocumentSubject {
                    role: format!("persistentvolumeclaim-{index}"),
                    object: Some(("persistent_volume_claims", index)),
                })
                .collect()
        },
    },
    DocumentKind {
        template: "configmap.yaml.j2",
        subjects: |plan| {
            let objects = plan.config_maps.iter().enumerate();
            objects
                .map(|(index, object)| DocumentSubject {
                    role: format!("configmap-{}", object.role),
                    object: Some(("config_maps", index)),
                })
                .collect()
        },
    },
    DocumentKind {
        template: "secret.yaml.j2",
        subjects: |plan| secrets(plan, |role| role != CREDENTIALS),
    },
    DocumentKind {
        template: EXECUTOR_CONFIG_MAP,
        subjects: |plan| DocumentSubject::whole_if(plan.executor.is_some(), "configmap-executor-template"),
    },
    DocumentKind {
        template: "driver-configmap.yaml.j2",
        subjects: |_| vec![DocumentSubject::whole("configmap-driver")],
    },
];

/// The role of the Secret that Spark creates before all else that the Pod owns.
const CREDENTIALS: &str = "credentials";

fn secrets(plan: &DriverPlan, chosen: impl Fn(&str) -> bool) -> Vec<DocumentSubject> {
    let objects = plan.secrets.iter().enumerate();
    objects
        .filter(|(_, object)| chosen(&object.role))
        .map(|(index, object)| DocumentSubject {
            role: format!("secret-{}", object.role),
            object: Some(("secrets", index)),
        })
        .collect()
}

/// The source of a built-in template, by the name that its override would have.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    SOURCES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, source)| *source)
}
