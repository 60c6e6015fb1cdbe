//! Studio with more and more applications: from the save of a template until all of them were tried again.

use crate::{applications, chart::Curve, support::studio::Studio};
use std::{
    fs,
    time::{Duration, Instant},
};

/// Waits for templates after this generation with which all applications were tried. It looks every 2 ms, for that is a part of the
/// time that is measured.
fn next_after(studio: &Studio, generation: u64) -> u64 {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let summary = studio.summary();
        let now = summary["generation"].as_u64().unwrap();
        if now > generation && summary["is_complete"] == true {
            return now;
        }
        assert!(Instant::now() < end, "studio never completes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn saves() -> Curve {
    let points = [1, 10, 100].map(|size| {
        let directory = tempfile::tempdir().unwrap();
        let (apps, templates) = (directory.path().join("apps"), directory.path().join("templates"));
        applications(&apps, size);
        fs::create_dir(&templates).unwrap();
        let file = templates.join("driver-pod.patch.yaml.j2");
        fs::write(&file, "metadata: {labels: {team: none}}\n").unwrap();
        let studio = Studio::start(&templates, &["--apps", apps.to_str().unwrap()]);
        let mut generation = next_after(&studio, 0);
        let mut number = 0;
        let time = crate::median(|| {
            number += 1;
            // What comes before a save is no part of it.
            std::thread::sleep(Duration::from_millis(100));
            let begin = Instant::now();
            fs::write(&file, format!("metadata: {{labels: {{team: \"t{number}\"}}}}\n")).unwrap();
            generation = next_after(&studio, generation);
            begin.elapsed()
        });
        (size, time)
    });
    Curve {
        name: "applications in studio",
        points: points.to_vec(),
    }
}
