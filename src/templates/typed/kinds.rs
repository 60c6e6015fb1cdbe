//! The types of what templates read: Kubernetes' kinds, and the context.

use crate::{
    kubernetes::{Fields, PodGroup, Scalar, Shape},
    spark::plan::DriverPlan,
};
use k8s_openapi::{
    api::{
        core::v1::{
            ConfigMap, Container, ContainerPort, EnvVar, LocalObjectReference, PersistentVolumeClaim, Pod,
            PodSpec, ResourceRequirements, Secret, Service, ServicePort, Volume, VolumeMount,
        },
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use std::sync::{Arc, LazyLock};

macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// The shape of a kind's objects; of one without a type the metadata alone is known.
        pub(in crate::templates) fn shape_of(kind: &str) -> Shape {
            $(if kind == stringify!($kind) {
                static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<$kind>);
                return SHAPE.clone();
            })*
            of_any_kind().clone()
        }
    };
}

kinds!(
    Pod,
    Service,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    NetworkPolicy,
    Ingress,
    PodDisruptionBudget,
    PodGroup,
);

/// An object of which no more than its metadata has a type.
fn of_any_kind() -> &'static Shape {
    static ANY: LazyLock<Shape> = LazyLock::new(traced_metadata);
    &ANY
}

fn traced_metadata() -> Shape {
    let fields = [
        ("apiVersion", Shape::Scalar(Scalar::Any)),
        ("kind", Shape::Scalar(Scalar::Any)),
        ("metadata", Shape::of::<ObjectMeta>()),
    ];
    Shape::Object(Arc::new(Fields::new("object", fields, true)))
}

/// The shape of the context: the plan's own, and Kubernetes' where the plan holds what Kubernetes has a type for.
pub(in crate::templates) fn plan() -> &'static Shape {
    static PLAN: LazyLock<Shape> = LazyLock::new(traced_plan);
    &PLAN
}

fn traced_plan() -> Shape {
    let plan = Shape::of::<DriverPlan>();
    let of = |name: &str| plan.field(name).cloned().unwrap_or(Shape::Open);
    let metadata =
        |at: &'static [(&'static str, &'static str)]| Shape::of::<ObjectMeta>().without(at.iter().copied());
    let pod_spec = Shape::of::<PodSpec>();
    let pod = of("pod").with([
        ("owner_references", Shape::of::<OwnerReference>().list()),
        (
            "other_metadata",
            metadata(&[
                ("name", "pod.name"),
                ("namespace", "application.namespace"),
                ("labels", "pod.labels"),
                ("annotations", "pod.annotations"),
                ("ownerReferences", "pod.owner_references"),
            ]),
        ),
        ("image_pull_secrets", Shape::of::<LocalObjectReference>().list()),
        ("init_containers", Shape::of::<Container>().list()),
        ("sidecars", Shape::of::<Container>().list()),
        ("volumes", Shape::of::<Volume>().list()),
        (
            "other_spec",
            pod_spec.without([
                ("restartPolicy", "pod.restart_policy"),
                ("schedulerName", "pod.scheduler_name"),
                ("nodeSelector", "pod.node_selector"),
                ("imagePullSecrets", "pod.image_pull_secrets"),
                ("initContainers", "pod.init_containers"),
                ("containers", "pod.sidecars"),
                ("volumes", "pod.volumes"),
            ]),
        ),
        (
            "other",
            Shape::of::<Pod>().without([("metadata", "pod.other_metadata"), ("spec", "pod.other_spec")]),
        ),
    ]);
    let resources = Shape::of::<ResourceRequirements>().without([
        ("requests", "driver.resources.requests"),
        ("limits", "driver.resources.limits"),
    ]);
    let driver = of("driver");
    let driver_resources = driver.field("resources").cloned().unwrap_or(Shape::Open);
    let driver = driver.with([
        ("env", Shape::of::<EnvVar>().list()),
        ("ports", Shape::of::<ContainerPort>().list()),
        ("volume_mounts", Shape::of::<VolumeMount>().list()),
        ("resources", driver_resources.with([("other", resources)])),
        (
            "other",
            Shape::of::<Container>().without([
                ("name", "driver.name"),
                ("image", "driver.image"),
                ("imagePullPolicy", "driver.image_pull_policy"),
                ("args", "driver.args"),
                ("env", "driver.env"),
                ("ports", "driver.ports"),
                ("volumeMounts", "driver.volume_mounts"),
                ("resources", "driver.resources"),
            ]),
        ),
    ]);
    let executor = of("executor").with([
        ("metadata", Shape::of::<ObjectMeta>()),
        ("spec", pod_spec),
        (
            "other",
            Shape::of::<Pod>().without([("metadata", "executor.metadata"), ("spec", "executor.spec")]),
        ),
    ]);
    let group = Shape::of::<PodGroup>();
    let pod_group = of("pod_group").with([
        (
            "other_metadata",
            metadata(&[("name", "pod_group.name"), ("namespace", "application.namespace")]),
        ),
        ("spec", group.field("spec").cloned().unwrap_or(Shape::Open)),
        (
            "other",
            group.without([
                ("metadata", "pod_group.other_metadata"),
                ("spec", "pod_group.spec"),
            ]),
        ),
    ]);
    let service = of("service").with([("ports", Shape::of::<ServicePort>().list())]);
    plan.with([
        ("pod", pod),
        ("driver", driver),
        ("executor", executor),
        ("pod_group", pod_group),
        ("service", service),
        ("template_set", Shape::Scalar(Scalar::Any)),
    ])
}
