//! The status page of a server.

use crate::{browser::Browser, support::serve::Serve};
use serde_json::json;
use std::fs;

const PI: &str = include_str!("../../examples/spark-pi.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_shows_submissions_and_sets_without_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    fs::create_dir_all(templates.join("gpu")).unwrap();
    fs::write(templates.join("_x.j2"), "{% macro x() %}{% endmacro %}\n").unwrap();
    fs::write(templates.join("gpu/driver-pod.yaml.j2"), "{{ nothing }}\n").unwrap();
    let out = format!("dir:{}", folder.path().join("out").display());
    let serve = Serve::start(
        &["--apply-to", &out, "--template-dir", templates.to_str().unwrap()],
        &[],
    );
    for number in 0..12 {
        let application = PI.replacen("name: spark-pi", &format!("name: report-{number}"), 1);
        let application = match number % 5 {
            4 => application.replace("cores: 1", "cores: -1"),
            _ => application,
        };
        serve.submit(&application, &format!("id-{number}")).await;
    }
    let browser = Browser::start(1200, 900);
    browser.open(&format!("http://{}/", serve.health));
    browser.wait(
        "the page",
        "document.querySelectorAll('svg.stages').length === 12",
    );
    let text = browser.text("body");
    for shown in [
        "default/report-11",
        "rejected",
        "gpu/driver-pod.yaml.j2",
        "of 256 submissions in flight",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert_eq!(browser.text("#status"), "template-set-rejected");
    let wide = "return document.querySelector('rect').getBoundingClientRect().height > 5 && document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(wide, &[]), json!(true));
    assert_eq!(browser.run("return document.scripts.length", &[]), json!(0));
    if let Some(images) = std::env::var_os("STUDIO_SCREENSHOTS") {
        browser.screenshot(&std::path::Path::new(&images).join("status.png"));
    }
    let log = browser.log();
    assert!(!log.contains("Security"), "{log}");
}
