//! No line of a page has more than 120 characters, but for tables, code and the order of rooms, which a test reads.

use super::links::pages;
use std::{fs, path::Path};

/// Pages that are longer still. The list gets shorter.
const NOT_YET: [&str; 1] = ["CHANGELOG.md"];

fn long(page: &str) -> Vec<usize> {
    let (mut long, mut fenced) = (Vec::new(), false);
    for (nth, line) in page.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        let other = fenced || line.starts_with('|') || line.starts_with("    ");
        if !other && !line.starts_with("Order: ") && line.chars().count() > 120 {
            long.push(nth + 1);
        }
    }
    long
}

#[test]
fn no_line_of_a_page_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in pages() {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let long = long(&fs::read_to_string(&path).unwrap());
        if !long.is_empty() && !NOT_YET.contains(&name.as_str()) {
            found.push(format!("{name}: lines {long:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn tables_and_code_may_be_long() {
    let text = "x".repeat(121);
    assert_eq!(
        long(&format!(
            "{text}\n| {text} |\n```sh\n{text}\n```\n    {text}\n- {text}\n"
        )),
        [1, 7]
    );
}
