//! Driver and executor, and what they are called where.

/// One of the two kinds of pod of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Driver,
    Executor,
}

impl Role {
    /// The word in conf keys and field paths.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Driver => "driver",
            Role::Executor => "executor",
        }
    }

    /// The Spark container's name in a template of the operator's.
    pub(super) fn container_name(self) -> &'static str {
        match self {
            Role::Driver => "spark-kubernetes-driver",
            Role::Executor => "spark-kubernetes-executor",
        }
    }

    /// The names by which the webhook finds the Spark container.
    pub(super) fn container_names(self) -> &'static [&'static str] {
        match self {
            Role::Driver => &["spark-kubernetes-driver"],
            Role::Executor => &["executor", "spark-kubernetes-executor"],
        }
    }

    /// The conf prefix of the role's environment.
    pub(super) fn environment_prefix(self) -> &'static str {
        match self {
            Role::Driver => "spark.kubernetes.driverEnv.",
            Role::Executor => "spark.executorEnv.",
        }
    }
}
