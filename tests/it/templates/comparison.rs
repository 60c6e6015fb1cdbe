//! docs/comparison.md: each row names a test that shows it, each number has its source, and what native-submit lacks is argued.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

const PAGE: &str = include_str!("../../../docs/comparison.md");

/// All code of the everyday tests.
fn tests(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn each_row_is_shown_by_a_test_and_has_its_sources_and_what_is_missing_is_argued() {
    let mut code = String::new();
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut code);
    let (_, lacking) = PAGE
        .split_once("\n## What native-submit doesn't do, and why\n")
        .unwrap();
    let (lacking, _) = lacking.split_once("\n## ").unwrap();
    let (_, sources) = PAGE.split_once("\n## Sources\n").unwrap();
    let rows = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<_>> = rows.map(|row| row.split(" | ").collect()).skip(2).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 8, "{row:?}");
        let (ours, shown_by) = (row[6], row[7]);
        if ours.starts_with('✓') {
            let test = shown_by.trim_matches('`');
            assert!(
                code.contains(&format!("fn {test}()")),
                "{}: there is no test {test}",
                row[0]
            );
        } else {
            assert_eq!(shown_by, "see below", "{}", row[0]);
        }
        for number in row.iter().flat_map(|cell| cell.split('[').skip(1)) {
            let (number, _) = number.split_once(']').unwrap();
            assert!(
                sources.contains(&format!("\n{number}. <https://")),
                "{}: [{number}]",
                row[0]
            );
        }
    }
    let missing = rows.iter().filter(|row| !row[6].starts_with('✓')).count();
    assert_eq!(
        lacking.matches("\n- **").count(),
        missing,
        "each that is missing has its reason"
    );
}
