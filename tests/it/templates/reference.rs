//! `docs/template-reference.md` is what the types' doc comments and the engine's registry say, and every variable has a
//! meaning and an example. `UPDATE_GOLDEN=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::kept_text;
use native_submit::{
    authoring::{
        case::{self, Case},
        context, reference,
    },
    spark::submission::{Reach, Request, Submission, SubmissionId, SubmitterContext, arguments, resolve},
};
use serde_json::Value;
use std::path::Path;

/// The contexts of the samples, and of what the golden cases have beyond them.
fn contexts() -> Vec<Value> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let golden = case::folders(&golden).unwrap();
    let cases = golden.iter().map(|folder| Case::read(folder).unwrap());
    let extra = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/template_reference");
    let extra = case::folders(&extra).unwrap();
    let extra = extra.iter().map(|folder| Case::read(folder).unwrap());
    Case::samples()
        .into_iter()
        .chain(cases)
        .chain(extra)
        .filter_map(|case| case.submission().ok())
        .chain([with_secrets()])
        .filter_map(|(submission, submitter)| {
            let context = context::of(&submission, &submitter, "default@0123456789ab").ok()?;
            Some(serde_json::to_value(context).unwrap())
        })
        .collect()
}

/// Neither a `SparkApplication` nor a request can have the conf from which Spark makes Secrets; the drop-in's arguments can.
fn with_secrets() -> (Submission, SubmitterContext) {
    let arguments = "--master k8s://https://kubernetes.default.svc:443 --deploy-mode cluster --class org.example.Main \
                     --conf spark.kubernetes.container.image=apache/spark:4.2.0 \
                     --conf spark.kubernetes.authenticate.driver.oauthToken=not-a-real-token local:///opt/main.jar";
    let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
    let request = Request {
        default_id: Some(SubmissionId::nil()),
        ..Request::default()
    };
    let context = SubmitterContext {
        reach: Reach::Process,
        ..SubmitterContext::golden()
    };
    (
        resolve(arguments::parse(&arguments).unwrap(), request, &context).unwrap(),
        context,
    )
}

/// What a newer Kubernetes or Volcano may have, or a pod template from a file: and so nothing here.
const WITHOUT_EXAMPLE: [&str; 3] = [
    "| `other` | mapping |  | What else the pod template has (`apiVersion`, `kind`).",
    "| `other` | mapping |  | What else the pod template has beside",
    "| `other` | mapping |  | What else its template has.",
];

fn page() -> String {
    reference::page(&contexts()).unwrap()
}

#[test]
fn the_page_is_up_to_date() {
    kept_text::verify("docs/template-reference.md", &page());
}

#[test]
fn every_variable_has_a_type_a_meaning_and_an_example() {
    let mut rows = 0;
    for line in page()
        .lines()
        .skip_while(|line| *line != "## Variables")
        .take_while(|line| *line != "## Filters")
    {
        let cells: Vec<_> = line.replace("\\|", "/").split(" | ").map(str::to_owned).collect();
        if line.starts_with("| `") {
            rows += 1;
            let [_, kind, _, meaning, example] = &cells[..] else {
                panic!("{line}")
            };
            assert!(!kind.is_empty() && !meaning.is_empty(), "{line}");
            let has_none = WITHOUT_EXAMPLE.iter().any(|row| line.starts_with(row));
            assert!(
                has_none || example.trim_end_matches(" |").len() > 2,
                "no example: {line}"
            );
        }
    }
    assert!(rows > 60, "{rows} variables");
}
