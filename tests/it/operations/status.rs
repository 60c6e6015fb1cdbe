//! The status page and its JSON.

use crate::support::serve::Serve;
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

const PI: &str = include_str!("../../../examples/spark-pi.yaml");

/// Head and body of a page, as a client with these headers gets it.
fn get(address: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_and_rejected_sets_are_reported_by_name_on_the_machine_and_by_number_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    fs::create_dir_all(templates.join("gpu")).unwrap();
    fs::write(templates.join("_x.j2"), "{% macro x() %}{% endmacro %}\n").unwrap();
    fs::write(templates.join("gpu/driver-pod.yaml.j2"), "kind: <b>Pod</b>\n").unwrap();
    let out = format!("dir:{}", folder.path().join("out").display());
    let templates = templates.to_str().unwrap();
    let serve = Serve::start(&["--apply-to", &out, "--template-dir", templates], &[]);
    let accepted = serve.submit(PI, "a").await;
    assert!(accepted.success, "{accepted:?}");
    let secret = PI.replace("arguments: [\"5000\"]", "arguments: [\"hunter2\"]");
    let refused = secret.replace("cores: 1", "cores: -1");
    assert!(!serve.submit(&refused, "b").await.success);
    let own = format!("Host: {}\r\n", serve.health);
    let (head, body) = get(&serve.health, "/status", &own);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&status["ready"], &status["names_hidden"]),
        (&Value::from(true), &Value::from(false))
    );
    let [second, first] = &status["submissions"].as_array().unwrap()[..] else {
        panic!("two submissions: {status:#}");
    };
    assert_eq!(first["application"], "spark-pi");
    assert_eq!(first["namespace"], "default");
    assert_eq!(first["outcome"], "written");
    assert_eq!(first["stages"].as_array().unwrap().len(), 7);
    assert!(first["template_set"].as_str().unwrap().starts_with("default@"));
    assert!(first["total_ms"].as_f64().unwrap() > 0.0);
    assert!(second["code"].is_string(), "{second:#}");
    let gpu = status["template_sets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|set| set["name"] == "gpu")
        .unwrap();
    assert_eq!(gpu["is_rejected"], true);
    assert!(
        gpu["findings"]
            .as_str()
            .unwrap()
            .contains("gpu/driver-pod.yaml.j2"),
        "{gpu:#}"
    );
    let (head, page) = get(&serve.health, "/", &own);
    assert!(head.contains("default-src 'none'; style-src 'self'"), "{head}");
    assert!(
        page.contains("spark-pi") && page.contains("driver-pod.yaml.j2") && page.contains("<rect"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("style=") && !page.contains("onload"),
        "{page}"
    );
    for (what, headers) in [
        ("a name that leads here", "Host: evil.example\r\n".to_owned()),
        (
            "a page of elsewhere",
            format!("{own}Origin: http://evil.example\r\n"),
        ),
        (
            "a page of elsewhere, by its site",
            format!("{own}Sec-Fetch-Site: cross-site\r\n"),
        ),
    ] {
        for path in ["/", "/status"] {
            let (_, body) = get(&serve.health, path, &headers);
            for name in ["spark-pi", "gpu", "driver-pod.yaml.j2", "<b>"] {
                assert!(!body.contains(name), "{what} {path} {name}: {body}");
            }
            assert!(
                body.contains("written") && body.contains("rejected"),
                "{what}: {body}"
            );
        }
    }
    for path in ["/", "/status"] {
        assert!(!get(&serve.health, path, &own).1.contains("hunter2"));
    }
    let (_, style) = get(&serve.health, "/style.css", &own);
    assert!(style.contains("rect.stage-apply"));
}
