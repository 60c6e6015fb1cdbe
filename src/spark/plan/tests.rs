//! Plans of arguments whose reading the differential fuzzer found to differ from Spark's (`tests/parity/differential`).

use super::*;
use crate::spark::submission::{Reach, Refusal, Request, SubmitterContext, arguments, resolve};

const MAX_SIZE: &str = "spark.kubernetes.configMap.maxSize";
const ACCESS_MODE: &str = "spark.kubernetes.legacy.useReadWriteOnceAccessMode";

/// What is planned of these settings, with the variables of the submitter's process.
fn planned(
    version: &str,
    settings: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<DriverPlan, Refusal> {
    let fixed = "--master k8s://https://h --deploy-mode cluster --class a.B --conf spark.kubernetes.container.image=i";
    let mut argv: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
    for (key, value) in settings {
        argv.extend(["--conf".to_owned(), format!("{key}={value}")]);
    }
    argv.push("local:///a.jar".to_owned());
    let context = SubmitterContext {
        spark_version: Some(version.parse().unwrap()),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        reach: Reach::Process,
        user: "login".to_owned(),
        ..SubmitterContext::golden()
    };
    let submission = resolve(arguments::parse(&argv).unwrap(), Request::default(), &context)?;
    plan(&submission, &context)
}

/// The value of the driver's variable.
fn variable(plan: &DriverPlan, name: &str) -> Option<String> {
    let text = serde_json::to_value(plan).unwrap();
    let found = text.pointer("/driver/env").and_then(Value::as_array)?;
    let entry = found.iter().find(|entry| entry["name"] == name)?;
    entry["value"].as_str().map(str::to_owned)
}

#[test]
fn an_empty_user_is_a_user_and_a_proxy_comes_before_it_from_4_3_on() {
    let user = |version, environment: &[_]| {
        variable(&planned(version, &[], environment).unwrap(), "SPARK_USER").unwrap()
    };
    for version in ["3.5.9", "4.2.1", "4.3.0"] {
        assert_eq!(user(version, &[]), "login", "{version}");
        assert_eq!(user(version, &[("SPARK_USER", "")]), "", "{version}");
        assert_eq!(user(version, &[("SPARK_USER", "ada")]), "ada", "{version}");
    }
}

#[test]
fn files_of_a_config_map_have_a_size_of_at_most_a_mebibyte() {
    for (size, fits) in [
        ("1048576", true),
        (" 600 ", true),
        ("0", true),
        ("-1", true),
        ("1048577", false),
        ("9223372036854775808", false),
        ("1k", false),
        ("", false),
    ] {
        let refused = planned("4.3.0", &[(MAX_SIZE, size)], &[]).err();
        assert_eq!(refused.is_none(), fits, "{size}: {refused:?}");
        assert!(
            refused.is_none_or(|refusal| refusal.subject == MAX_SIZE),
            "{size}"
        );
    }
}

#[test]
fn the_access_mode_of_claims_is_read_where_no_claim_is_made() {
    let refused = planned("3.5.9", &[(ACCESS_MODE, "no")], &[]).unwrap_err();
    assert_eq!(refused.subject, ACCESS_MODE);
    assert!(planned("3.5.9", &[(ACCESS_MODE, " TRUE ")], &[]).is_ok());
}
