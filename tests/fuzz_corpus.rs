//! The fuzz targets' committed corpus, and what they once found, without a fuzzer. Fuzzing itself: `fuzz/run`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, missing_docs)]
mod targets;

use std::{fs, path::Path};

/// What a target does with its bytes.
type Target = fn(&[u8]);

#[test]
fn the_corpus_passes_every_target() {
    let all: [(&str, Target); 6] = [
        ("argv", targets::argv),
        ("properties", targets::properties),
        ("spark_application", targets::spark_application),
        ("proto", targets::proto),
        ("template", targets::template),
        ("strict", targets::strict),
    ];
    for (name, target) in all {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        let files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(files.len() >= 3, "{name} has {} files", files.len());
        for file in files {
            let data = fs::read(&file).unwrap();
            let ran = std::panic::catch_unwind(|| target(&data));
            assert!(ran.is_ok(), "{}", file.display());
        }
    }
}
