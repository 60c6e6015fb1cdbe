use super::*;

const APPLICATION: &str = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: a, namespace: jobs}\n\
                           spec: {sparkVersion: 3.5.5, driver: {}, executor: {}}\n";
const SCHEDULE: &str = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: ScheduledSparkApplication\nmetadata: {name: s, labels: {a: b}}\n\
                        spec: {schedule: '@daily', template: {sparkVersion: 3.5.5, driver: {}, executor: {}}}\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";

/// Place and name of each, or what is wrong.
fn found(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let count = each_document(text, &mut |place, document| {
        let parsed = document.and_then(|document| {
            let name = document.name();
            document.parse(UnknownFields::Refuse).map(|_| name)
        });
        found.push((place, parsed.unwrap_or_else(|error| error.to_string())));
    });
    assert_eq!(count, found.len(), "{text}");
    found
}

#[test]
fn documents_are_found_where_they_are() {
    let other = OTHER;
    let one = APPLICATION;
    let bad = APPLICATION.replace("driver", "drivr");
    let only = |name: &str| vec![(String::new(), name.to_owned())];
    let at = |number: usize, name: &str| (format!("document {number}"), name.to_owned());
    let table = [
        (one.to_owned(), only("jobs/a")),
        (format!("---\n{one}"), only("jobs/a")),
        (format!("{one}---\n"), only("jobs/a")),
        (format!("{one}---\n\n# nothing\n---\n...\n"), only("jobs/a")),
        (
            format!("%YAML 1.2\n--- # the application\n{one}...\n"),
            only("jobs/a"),
        ),
        (
            format!("---\r\n{}---\r\n", one.replace('\n', "\r\n")),
            only("jobs/a"),
        ),
        (format!("{other}---\n{one}"), vec![at(2, "jobs/a")]),
        (format!("{one}---\n{SCHEDULE}"), vec![at(1, "jobs/a"), at(2, "s")]),
        (SCHEDULE.to_owned(), only("s")),
        (format!("{other}---\n{other}"), vec![]),
        (String::new(), vec![]),
    ];
    for (text, expected) in table {
        assert_eq!(found(&text), expected, "{text}");
    }
    let both = found(&format!("{bad}---\n{one}"));
    assert!(both[0].1.contains("spec.drivr: unknown field"), "{both:?}");
    assert_eq!(both[1], at(2, "jobs/a"));
}

#[test]
fn a_list_is_taken_apart() {
    let json = |text: &str| strict::parse_yaml(text).unwrap();
    let (application, schedule) = (json(APPLICATION), json(SCHEDULE));
    let other = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    let list = |kind: &str, items: Value| {
        serde_json::json!({"apiVersion": "v1", "items": items, "kind": kind, "metadata": {"resourceVersion": ""}}).to_string()
    };
    let text = list("List", serde_json::json!([application, other, schedule]));
    let expected = [
        ("items[0]".to_owned(), "jobs/a".to_owned()),
        ("items[2]".to_owned(), "s".to_owned()),
    ];
    assert_eq!(found(&text), expected);
    assert_eq!(found(&format!("# yaml\n{text}")), expected);
    // The API server itself gives items without a kind.
    let mut bare = application.clone();
    bare.as_object_mut()
        .unwrap()
        .retain(|field, _| ["metadata", "spec"].contains(&field.as_str()));
    let text = list("SparkApplicationList", serde_json::json!([bare]));
    assert_eq!(found(&text), expected[..1]);
    assert_eq!(found(&list("List", serde_json::json!([]))), []);
    // A bad one doesn't hide the others, and a list may have more values than one document.
    let mut bad = application.clone();
    bad["spec"]["drivr"] = 1.into();
    let mut many = vec![bad; 8_000];
    many.push(application);
    let all = found(&list("List", many.into()));
    assert_eq!(all.len(), 8_001);
    assert!(all[7].1.contains("spec.drivr"), "{:?}", all[7]);
    assert_eq!(all[8_000], ("items[8000]".to_owned(), "jobs/a".to_owned()));
}

#[test]
fn a_mistake_has_the_line_of_the_whole_text_and_the_path_in_the_schedule() {
    let broken = found(&format!("{APPLICATION}---\na: [\n"));
    assert!(
        broken[1].1.contains("line 6") || broken[1].1.contains("line 7"),
        "{broken:?}"
    );
    let schedule = SCHEDULE.replace("sparkVersion", "sprakVersion");
    assert!(
        found(&schedule)[0]
            .1
            .starts_with("spec.template.sprakVersion: unknown field"),
        "{schedule}"
    );
    let schedule = SCHEDULE.replace("schedule:", "shedule:");
    assert_eq!(found(&schedule)[0].1, "spec.shedule: unknown field");
    let kind = APPLICATION.replace("SparkApplication", "SparkAplication");
    let both = found(&format!("{OTHER}---\n{kind}"));
    assert!(
        both.iter()
            .any(|(_, said)| said.contains("expected `SparkApplication`, found `SparkAplication`")),
        "{both:?}"
    );
}
