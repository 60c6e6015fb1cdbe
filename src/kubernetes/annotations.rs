//! The annotations and the label of native-submit's own.

/// How all of them begin.
pub(crate) const PREFIX: &str = "native-submit/";

/// The attempt's id, as its caller gave it.
pub(crate) const SUBMISSION_ID: &str = "native-submit/submission-id";

/// The hash of the plan.
pub(crate) const PLAN_HASH: &str = "native-submit/plan-hash";

/// On a driver Pod the template set that it came from, with its content hash; on an application the set that it asks for.
pub const TEMPLATE_SET: &str = "native-submit/template-set";

/// Which call works on an object: `NAME` by the call that created it, `NAME@TIME` by one that took it over. Written by the
/// cluster sink alone, and no part of the plan or of golden files.
pub const CALL_ANNOTATION: &str = "native-submit/call";

/// What a driver Pod is to own: `configmaps/a,services/b`. It is how a later attempt, under another submission id and so
/// with other names, can tell whether a submission was ever completed. Written by the cluster sink alone.
pub const OBJECTS_ANNOTATION: &str = "native-submit/objects";

/// On objects that are only shown.
pub(crate) const NOT_CREATED: &str = "native-submit/not-created";

/// The label of an object that was created before the driver Pod that is to own it: its value is the uid of their
/// `SparkApplication`. The Pod's taking it over takes the label away.
pub(crate) const WAITING_LABEL: &str = "native-submit/waiting";
