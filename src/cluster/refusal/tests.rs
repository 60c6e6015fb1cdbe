use super::*;
use crate::cluster::resource::Target;
use serde_json::{Value, json};

fn refused(code: u16, status: Value) -> ApiFailure {
    ApiFailure::Refused(Box::new(Refusal::new(
        code,
        serde_json::from_value(status).unwrap(),
        None,
    )))
}

fn error(code: u16, status: Value) -> ApplyError {
    let target = Target::owned("configmaps/pi-conf-map", "ns").unwrap();
    refused(code, status).into_error(&ApiCall::Create(&target, &Value::Null))
}

fn said(code: u16, message: &str) -> ApplyError {
    error(
        code,
        json!({"message": message, "reason": if code == 403 { "Forbidden" } else { "" }}),
    )
}

/// Messages as kube-apiserver writes them; each holds a canary where a user's value would be.
#[test]
fn each_refusal_has_its_error_and_no_value_is_shown() {
    let cases = [
        (
            403,
            r#"configmaps "pi" is forbidden: User "system:serviceaccount:a:b" cannot create resource "configmaps""#,
            500,
            "may not create configmaps in namespace `ns`: add {apiGroups: [\"\"], resources: [\"configmaps\"], \
             verbs: [\"create\"]}",
        ),
        (
            403,
            r#"configmaps "pi" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=1, limited: pods=1"#,
            503,
            "exceeds quota `compute` of namespace `ns`",
        ),
        (
            403,
            r#"pods "pi" is forbidden: failed quota: compute: must specify limits.cpu for: canary"#,
            422,
            "each container must have the requests and limits",
        ),
        (
            403,
            r#"pods "pi" is forbidden: unable to create new content in namespace ns because it is being terminated"#,
            400,
            "namespace `ns` is being deleted",
        ),
        (
            403,
            r#"pods "pi" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "canary" must set x), seccompProfile (pod "canary", y)"#,
            422,
            "Pod Security level `restricted:latest` of the namespace denies configmaps/pi-conf-map: \
             allowPrivilegeEscalation != false, seccompProfile",
        ),
        (
            403,
            r#"pods "pi" is forbidden: error looking up service account ns/canary: serviceaccount "canary" not found"#,
            422,
            "the ServiceAccount that the Pod names does not exist",
        ),
        (
            403,
            r#"admission webhook "policy.example.org" denied the request: image canary is not allowed"#,
            422,
            "admission webhook `policy.example.org` denies configmaps/pi-conf-map",
        ),
        (
            403,
            r#"admission webhook "mutate-pod.sparkoperator.k8s.io" denied the request: SparkApplication "canary" not found"#,
            500,
            "does not know the SparkApplication",
        ),
        (
            500,
            r#"Internal error occurred: failed calling webhook "mutate-pod.sparkoperator.k8s.io": connection refused"#,
            500,
            "admission webhook `mutate-pod.sparkoperator.k8s.io`, which must admit",
        ),
        (
            422,
            r"pods is forbidden: ValidatingAdmissionPolicy 'no-root' with binding 'b' denied request: canary",
            422,
            "ValidatingAdmissionPolicy `no-root` denies",
        ),
        (
            400,
            r#"Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field Container.spec.containers.env of type []v1.EnvVar canary"#,
            422,
            "Container.spec.containers.env: the value has the wrong type",
        ),
        (
            400,
            "quantities must match the regular expression canary",
            422,
            "a quantity cannot be read",
        ),
        (413, "canary", 422, "too large"),
        (500, "etcdserver: request is too large", 422, "too large"),
        (
            500,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2 vs. 1) canary",
            422,
            "too large",
        ),
        (401, "Unauthorized", 500, "credentials"),
        (429, "too many requests, canary", 503, "429"),
        (503, "canary", 503, "cannot be reached"),
        (500, "canary", 500, "answers 500 (no reason given)"),
        (418, "canary", 500, "answers 418"),
    ];
    for (code, message, status, expected) in cases {
        let error = said(code, message);
        let text = error.to_string();
        assert!(text.contains(expected), "{message}\n{text}");
        assert_eq!(error.code().http_status(), status, "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn invalid_fields_are_named_without_their_values() {
    let error = error(
        422,
        json!({
            "reason": "Invalid",
            "message": "Pod \"pi\" is invalid: spec.containers[0].image: Invalid value: \"canary\"",
            "details": {"causes": [
                {"reason": "FieldValueInvalid", "field": "spec.containers[0].image", "message": "Invalid value: \"canary\""},
                {"reason": "FieldValueRequired", "field": "spec.volumes[1].name", "message": "Required value: canary"},
            ]},
        }),
    );
    assert_eq!(
        error.to_string(),
        "the API server refuses configmaps/pi-conf-map as invalid: spec.containers[0].image: the value is not \
         valid; spec.volumes[1].name: a value is required"
    );
}

#[test]
fn a_missing_namespace_is_not_a_missing_object() {
    let error = error(
        404,
        json!({"reason": "NotFound", "details": {"kind": "namespaces", "name": "ns"}}),
    );
    assert_eq!(
        error,
        ApplyError::NamespaceMissing {
            namespace: "ns".into()
        }
    );
}

/// Where a cluster has no such kind, kube-apiserver answers `404 page not found`, which is not even JSON.
#[test]
fn a_missing_kind_says_what_to_install() {
    let of = |text: &str| Target::owned(text, "ns").unwrap();
    let (group, core) = (of("podgroups.scheduling.volcano.sh/pi"), of("configmaps/pi"));
    let missing = |call: &ApiCall<'_>| refused(404, json!({})).into_error(call);
    for call in [
        ApiCall::Create(&group, &Value::Null),
        ApiCall::DryRun(&group, &Value::Null),
    ] {
        let error = missing(&call);
        assert_eq!(
            error.to_string(),
            "the API server knows no podgroups.scheduling.volcano.sh (scheduling.volcano.sh/v1beta1): install Volcano with \
             its CRD podgroups.scheduling.volcano.sh, or submit without its VolcanoFeatureStep and scheduler"
        );
        assert_eq!(error.code().http_status(), 500);
    }
    for call in [
        ApiCall::Create(&core, &Value::Null),
        ApiCall::Patch(&group, &Value::Null),
    ] {
        assert!(matches!(missing(&call), ApplyError::Internal { .. }));
    }
}

#[test]
fn a_forbidden_network_policy_also_names_the_spark_version() {
    let target = Target::owned("networkpolicies.networking.k8s.io/pi", "ns").unwrap();
    let error = refused(403, json!({}))
        .into_error(&ApiCall::Create(&target, &Value::Null))
        .to_string();
    for part in [
        "apiGroups: [\"networking.k8s.io\"]",
        "resources: [\"networkpolicies\"]",
        "SPARK_VERSION",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_is_tried_again() {
    let target = Target::owned("configmaps/pi", "ns").unwrap();
    let create = ApiCall::Create(&target, &Value::Null);
    let behind = "admission webhook \"x.sparkoperator.k8s.io\" denied the request: app not found";
    for (failure, retryable, may_have_acted) in [
        (refused(429, json!({})), true, false),
        (refused(500, json!({})), true, true),
        (refused(503, json!({})), true, true),
        (refused(504, json!({})), true, true),
        (refused(403, json!({"message": behind})), true, false),
        (refused(409, json!({"reason": "Conflict"})), true, false),
        (refused(409, json!({"reason": "AlreadyExists"})), false, false),
        (refused(403, json!({})), false, false),
        (refused(422, json!({})), false, false),
        (ApiFailure::Lost(String::new()), true, true),
        (ApiFailure::TimedOut(Duration::ZERO), true, true),
        (ApiFailure::OutOfTime, false, false),
    ] {
        assert_eq!(
            (failure.retryable(&create), failure.may_have_acted()),
            (retryable, may_have_acted),
            "{failure:?}"
        );
    }
}
