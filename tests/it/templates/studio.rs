//! `native-submit studio` as a program that is not its page sees it.

use crate::support::{
    serve::binary,
    studio::{OVERRIDE, PI, Studio},
    template_directory::templates as directory,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::symlink,
    process::Command,
    time::{Duration, Instant},
};

fn of_pi() -> Value {
    json!({"application": PI})
}

#[test]
fn who_has_no_token_or_comes_from_elsewhere_gets_403_for_every_path() {
    let directory = directory(&[("driver-pod.yaml.j2", OVERRIDE)]);
    let studio = Studio::start(directory.path(), &[]);
    let (host, cookie) = (studio.host(), studio.cookie());
    let own = format!("http://{host}");
    let paths = [
        "/",
        "/main.js",
        "/style.css",
        "/api/summary",
        "/api/events",
        "/api/config-map",
        "/nothing",
    ];
    let refused: &[&[(&str, &str)]] = &[
        &[("Host", &host)],
        &[("Host", &host), ("Cookie", "native-submit-studio-1=0")],
        &[("Host", "studio.evil.example"), ("Cookie", &cookie)],
        &[("Host", "127.0.0.1:1"), ("Cookie", &cookie)],
        &[
            ("Host", &host),
            ("Cookie", &cookie),
            ("Origin", "http://evil.example"),
        ],
        &[("Host", &host), ("Cookie", &cookie), ("Origin", "null")],
        &[
            ("Host", &host),
            ("Cookie", &cookie),
            ("Sec-Fetch-Site", "cross-site"),
        ],
    ];
    for path in paths {
        for headers in refused {
            let (status, head, _) = studio.send("GET", path, headers, "");
            assert_eq!(status, 403, "{path} {headers:?}");
            assert!(
                head.contains("content-security-policy: default-src 'self';"),
                "{head}"
            );
        }
    }
    for path in ["/api/view", "/api/save", "/api/drop"] {
        for headers in refused
            .iter()
            .chain(&[&[("Host", &host[..]), ("Cookie", &cookie[..])][..]])
        {
            assert_eq!(
                studio.send("POST", path, headers, "{}").0,
                403,
                "{path} {headers:?}"
            );
        }
    }
    let token = format!("/?token={}", studio.token);
    let (status, head, page) = studio.send("GET", &token, &[("Host", &host)], "");
    assert_eq!(status, 200);
    let set_cookie = format!("set-cookie: {cookie}; HttpOnly; SameSite=Strict; Path=/");
    assert!(head.contains(&set_cookie), "{head}");
    assert!(
        !page.contains("<script>") && !page.contains("onclick") && !page.contains("style="),
        "{page}"
    );
    assert_eq!(
        studio
            .send("GET", "/main.js", &[("Host", &host), ("Cookie", &cookie)], "")
            .0,
        200
    );
    for method in ["PUT", "DELETE", "OPTIONS", "HEAD"] {
        let headers = [("Host", &host[..]), ("Cookie", &cookie), ("Origin", &own)];
        assert_eq!(
            studio.send(method, "/api/summary", &headers, "").0,
            403,
            "{method}"
        );
    }
}

/// The template and its line that wrote a line of an object.
fn written_by(view: &Value, list: &str, line: &str) -> Option<(String, u64)> {
    view[list].as_array()?.iter().find_map(|object| {
        let text = object["text"].as_str()?;
        let index = text.lines().position(|found| found.trim() == line)?;
        let from = &object["from"][index];
        let number = usize::try_from(from[0].as_u64()?).ok()?;
        let template = view["templates"][number].as_str()?;
        Some((template.to_owned(), from[1].as_u64()?))
    })
}

#[test]
fn each_line_leads_to_the_template_line_that_wrote_it_and_a_broken_set_shows_its_last_good_objects() {
    let directory = directory(&[
        ("driver-pod.yaml.j2", OVERRIDE),
        (
            "always/driver-pod.patch.yaml.j2",
            "metadata:\n  labels:\n    owner: {{ application.namespace }}\n",
        ),
        (
            "always/executor-pod.patch.yaml.j2",
            "spec:\n  hostNetwork: false\n",
        ),
    ]);
    let studio = Studio::start(directory.path(), &[]);
    let view = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(view["findings"], json!([]));
    let expected = |name: &str, line| Some((name.to_owned(), line));
    assert_eq!(
        written_by(&view, "objects", "example.com/a: \"1\""),
        expected("driver-pod.yaml.j2", 4)
    );
    assert_eq!(
        written_by(&view, "objects", "owner: default"),
        expected("always/driver-pod.patch.yaml.j2", 3)
    );
    let (template, line) = written_by(&view, "objects", "restartPolicy: Never").unwrap();
    assert_eq!(template, "builtin/driver-pod.yaml.j2");
    let source = studio.ask("/api/source", &json!({"file": template})).unwrap();
    let source = source
        .as_str()
        .unwrap()
        .lines()
        .nth(usize::try_from(line).unwrap() - 1)
        .unwrap();
    assert!(source.contains("restartPolicy"), "{source}");
    assert_eq!(
        written_by(&view, "executor", "hostNetwork: false"),
        expected("always/executor-pod.patch.yaml.j2", 2)
    );
    let path = directory.path().join("driver-pod.yaml.j2");
    fs::write(&path, OVERRIDE.replace("{{ super() }}", "{{ supper( }}")).unwrap();
    studio.settled("broken", |summary| summary["files"][0]["errors"] == 1);
    let broken = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(broken["findings"][0]["file"], "driver-pod.yaml.j2");
    assert_eq!(broken["findings"][0]["line"], 3);
    assert_eq!(
        (&broken["is_stale"], &broken["objects"]),
        (&json!(true), &view["objects"])
    );
    // As an editor saves: another file, renamed.
    let saved = directory.path().join(".driver-pod.swp");
    fs::write(&saved, OVERRIDE.replace("\"1\"", "\"2\"")).unwrap();
    fs::rename(&saved, &path).unwrap();
    let summary = studio.settled("repaired", |summary| summary["files"][0]["errors"] == 0);
    let repaired = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(repaired["generation"], summary["generation"]);
    assert_eq!(repaired["is_stale"], false);
    assert!(written_by(&repaired, "objects", "example.com/a: \"2\"").is_some());
    fs::remove_dir_all(directory.path()).unwrap();
    studio.settled("gone", |summary| summary["files"] == json!([]));
    let gone = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(gone["is_stale"], true, "{gone:#}");
    fs::create_dir_all(directory.path()).unwrap();
    fs::write(&path, OVERRIDE).unwrap();
    studio.settled("back", |summary| summary["files"][0]["errors"] == 0);
}

/// The author opens a directory that never was good, and must see what is wrong with what it makes.
#[test]
fn objects_that_the_checks_refuse_are_shown_where_no_good_ones_were_seen() {
    let directory = directory(&[(
        "driver-pod.patch.yaml.j2",
        "spec:\n  nodeSelectr: {pool: spark}\n",
    )]);
    let studio = Studio::start(directory.path(), &[]);
    let view = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(view["findings"][0]["file"], "driver-pod.patch.yaml.j2");
    assert_eq!(
        (&view["is_unchecked"], &view["is_stale"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        written_by(&view, "objects", "nodeSelectr:"),
        Some(("driver-pod.patch.yaml.j2".to_owned(), 2))
    );
    let file = directory.path().join("driver-pod.patch.yaml.j2");
    fs::write(&file, "spec:\n  nodeSelector: {pool: spark}\n").unwrap();
    studio.settled("repaired", |summary| summary["files"][0]["errors"] == 0);
    let view = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(view["is_unchecked"], false);
    // Now good ones were seen.
    fs::write(&file, "spec:\n  nodeSelectr: {pool: spark}\n").unwrap();
    studio.settled("broken", |summary| summary["files"][0]["errors"] == 1);
    let view = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(
        (&view["is_unchecked"], &view["is_stale"]),
        (&json!(false), &json!(true))
    );
}

#[test]
fn names_lead_nowhere_else_and_requests_are_read_strictly() {
    let directory = directory(&[
        ("templates/driver-pod.yaml.j2", OVERRIDE),
        ("secret.j2", "outside"),
    ]);
    let templates = directory.path().join("templates");
    let cases = directory.path().join("cases");
    let studio = Studio::start(&templates, &["--cases", cases.to_str().unwrap()]);
    for file in [
        "../secret.j2",
        "/etc/passwd",
        "builtin/../../secret.j2",
        "default/../secret.j2",
        "",
        "x",
    ] {
        let error = studio.ask("/api/source", &json!({"file": file})).unwrap_err();
        assert_eq!(error["error"], "there is no such template", "{file}");
    }
    for name in ["../x", "a/b", "/tmp/x", "", ".", "x y"] {
        let request = json!({"application": PI, "name": name});
        assert!(studio.ask("/api/save", &request).is_err(), "{name}");
    }
    assert!(!cases.exists());
    for request in [
        json!({"application": PI, "extra": 1}),
        json!({"application": 1}),
        json!({"application": PI, "switches": {"type": "Go"}}),
        json!([]),
    ] {
        assert!(studio.ask("/api/view", &request).is_err(), "{request}");
    }
    let switches = json!({"namespace": "other", "webhook": true});
    let saved = studio
        .ask(
            "/api/save",
            &json!({"application": PI, "switches": switches, "name": "pi"}),
        )
        .unwrap();
    assert_eq!(saved, cases.join("pi").to_str().unwrap());
    let verified = Command::new(binary())
        .args(["golden", "verify", "--template-dir"])
        .arg(&templates)
        .arg("--cases")
        .arg(&cases)
        .status()
        .unwrap();
    assert!(verified.success());
    let settings = fs::read_to_string(cases.join("pi/case.yaml")).unwrap();
    assert_eq!(settings, "webhook: \"on\"\n");
    // A set that leads outside is no set, and studio goes on.
    symlink(directory.path(), templates.join("gpu")).unwrap();
    let summary = studio.settled("a linked set", |summary| {
        summary["sets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|set| set["name"] == "gpu" && set["errors"] == 1)
    });
    assert!(!summary.to_string().contains("secret.j2"), "{summary:#}");
    assert!(studio.ask("/api/view", &of_pi()).unwrap()["findings"] == json!([]));
}

#[test]
fn secrets_are_masked_in_every_document() {
    let directory = directory(&[("templates/driver-pod.yaml.j2", OVERRIDE)]);
    let application = include_str!("../../../examples/spark-pi.yaml");
    let application = application.replace("  arguments: [\"5000\"]\n", "").replacen(
        "spec:\n",
        "spec:\n  sparkConf: {spark.my.password: hunter2, spark.executorEnv.MY_TOKEN: hunter2}\n  arguments: [\"--password\", \"hunter2\"]\n",
        1,
    );
    let path = directory.path().join("app.yaml");
    fs::write(&path, application).unwrap();
    let templates = directory.path().join("templates");
    let given = ["--apps", path.to_str().unwrap()];
    let studio = Studio::start(&templates, &given);
    let request = json!({"application": path.to_str().unwrap()});
    let with = |with: &str| json!({"application": path.to_str().unwrap(), "with": with});
    let view = studio.ask("/api/view", &request).unwrap();
    assert_eq!(view["findings"], json!([]), "{view:#}");
    assert!(view.to_string().contains("spark.my.password"));
    for shown in [
        view,
        studio.ask("/api/variables", &request).unwrap(),
        studio.ask("/api/difference", &with("builtin")).unwrap(),
        studio.settled("complete", |_| true),
    ] {
        assert!(!shown.to_string().contains("hunter2"), "{shown:#}");
    }
    let shown = Studio::start(&templates, &[&given[..], &["--show-secrets"]].concat());
    assert!(
        shown
            .ask("/api/view", &request)
            .unwrap()
            .to_string()
            .contains("hunter2")
    );
}

#[test]
fn a_template_without_an_end_and_many_pages_leave_studio_answering() {
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}\n";
    let directory = directory(&[("driver-pod.yaml.j2", &format!("{endless}kind: Pod\n"))]);
    let studio = Studio::start(directory.path(), &[]);
    let view = studio.ask("/api/view", &of_pi()).unwrap();
    assert_eq!(view["findings"][0]["rule"], "limit", "{view:#}");
    let again = Instant::now();
    let view = studio
        .ask("/api/view", &json!({"application": "examples/java-etl.yaml"}))
        .unwrap();
    assert_eq!(view["findings"][0]["rule"], "limit");
    assert!(again.elapsed() < Duration::from_secs(60));
    let pages: Vec<_> = (0..40)
        .map(|_| {
            let mut page = TcpStream::connect(("127.0.0.1", studio.port)).unwrap();
            page.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let (host, cookie) = (studio.host(), studio.cookie());
            write!(
                page,
                "GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
            )
            .unwrap();
            let mut status = [0; 12];
            page.read_exact(&mut status).unwrap();
            (page, String::from_utf8_lossy(&status).into_owned())
        })
        .collect();
    let taken = pages
        .iter()
        .filter(|(_, status)| status == "HTTP/1.1 200")
        .count();
    assert_eq!(taken, 32);
    drop(pages);
    fs::write(directory.path().join("driver-pod.yaml.j2"), OVERRIDE).unwrap();
    studio.settled("repaired", |summary| summary["files"][0]["errors"] == 0);
    assert_eq!(studio.ask("/api/view", &of_pi()).unwrap()["findings"], json!([]));
}
