//! The enums of the contract, and what Kubernetes and the operator call their values.

use super::convert::EnumName;
use crate::operator::wire;

macro_rules! names {
    ($($of:ident: $unspecified:ident, $($value:ident = $name:literal),*;)*) => {$(
        impl EnumName for wire::$of {
            fn name(self) -> Option<&'static str> {
                match self {
                    Self::$unspecified => None,
                    $(Self::$value => Some($name),)*
                }
            }
        }
    )*};
}

names! {
    SparkApplicationType: Unspecified, Java = "Java", Scala = "Scala", Python = "Python", R = "R";
    DeployMode: Unspecified,
        Cluster = "cluster", Client = "client", InClusterClient = "in-cluster-client";
    ServiceType: Unspecified,
        ClusterIp = "ClusterIP", NodePort = "NodePort", LoadBalancer = "LoadBalancer", ExternalName = "ExternalName";
    ManagedFieldsOperationType: Unspecified, Apply = "Apply", Update = "Update";
    SecretType: Unspecified,
        GcpServiceAccount = "GCPServiceAccount", HadoopDelegationToken = "HadoopDelegationToken", Generic = "Generic";

    DnsPolicy: Unspecified,
        ClusterFirstWithHostNet = "ClusterFirstWithHostNet", ClusterFirst = "ClusterFirst", Default = "Default",
        None = "None";
    PodConditionType: Unspecified,
        ContainersReady = "ContainersReady", Initialized = "Initialized", Ready = "Ready",
        PodScheduled = "PodScheduled", DisruptionTarget = "DisruptionTarget",
        PodReadyToStartContainers = "PodReadyToStartContainers";

    ContainerRestartPolicy: Unspecified, Always = "Always";
    TerminationMessagePolicy: Unspecified,
        File = "File", TerminationMessageFallbackToLogsOnError = "FallbackToLogsOnError";
    PullPolicy: Unspecified, Always = "Always", Never = "Never", IfNotPresent = "IfNotPresent";
    Protocol: Unspecified, Tcp = "TCP", Udp = "UDP", Sctp = "SCTP";
    UriScheme: UrischemeUnspecified, UrischemeHttp = "HTTP", UrischemeHttps = "HTTPS";
    ResourceResizeRestartPolicy: Unspecified, NotRequired = "NotRequired", RestartContainer = "RestartContainer";

    NodeSelectorOperator: Unspecified,
        In = "In", NotIn = "NotIn", Exists = "Exists", DoesNotExist = "DoesNotExist", Gt = "Gt", Lt = "Lt";
    LabelSelectorOperator: Unspecified,
        In = "In", NotIn = "NotIn", Exists = "Exists", DoesNotExist = "DoesNotExist";
    TolerationOperator: Unspecified, Exists = "Exists", Equal = "Equal";
    TaintEffect: Unspecified,
        NoSchedule = "NoSchedule", PreferNoSchedule = "PreferNoSchedule", NoScheduleNoAdmit = "NoScheduleNoAdmit",
        NoExecute = "NoExecute";
    UnsatisfiableConstraintAction: Unspecified,
        DoNotSchedule = "DoNotSchedule", ScheduleAnyway = "ScheduleAnyway";
    NodeInclusionPolicy: Unspecified, NodeInclusionPolciyIgnore = "Ignore", NodeInclusionPolciyHonor = "Honor";

    PodFsGroupChangePolicy: Unspecified, OnRootMismatch = "OnRootMismatch", Always = "Always";
    ProcMountType: Unspecified, Default = "Default", Unmasked = "Unmasked";
    SeccompProfileType: Unspecified,
        Localhost = "Localhost", RuntimeDefault = "RuntimeDefault", Unconfined = "Unconfined";
}
