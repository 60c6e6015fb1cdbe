//! Every relative link of a Markdown file leads to a file or folder that is there, and every anchor to a heading.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Folders with pages; the repository's own folder is read without its subfolders.
const FOLDERS: [&str; 8] = [
    "docs",
    "deploy",
    "tests",
    "fuzz",
    "golden",
    "examples",
    "templates",
    "benches",
];

fn collect(folder: &Path, deep: bool, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if deep && path.file_name().is_some_and(|name| name != "target") {
                collect(&path, deep, pages);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// All pages of the repository.
pub(super) fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    collect(root, false, &mut pages);
    for folder in FOLDERS {
        collect(&root.join(folder), true, &mut pages);
    }
    pages
}

/// The page without code: what stands in fences and between backquotes is blank.
fn prose(page: &str) -> String {
    let mut prose = String::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            for (nth, part) in line.split('`').enumerate() {
                prose.push_str(if nth.is_multiple_of(2) { part } else { "code" });
            }
        }
        prose.push('\n');
    }
    prose
}

/// The targets of `[text](target)`, with the number of their line.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (nth, line) in prose(page).lines().enumerate() {
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                links.push((nth + 1, target.to_owned()));
            }
        }
    }
    links
}

/// Anchors as GitHub makes them of headings: lowercase, without punctuation, a hyphen for each blank, numbered where one is there twice.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut fenced = false;
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some((_, heading)) = line
            .split_once("# ")
            .filter(|(marks, _)| !fenced && marks.chars().all(|mark| mark == '#'))
        else {
            continue;
        };
        let anchor: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let numbered = (1..).map(|nth| format!("{anchor}-{nth}"));
        let free = std::iter::once(anchor.clone())
            .chain(numbered)
            .find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

/// What is wrong with the links of one page.
fn broken(path: &Path, page: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (line, target) in links(page) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target
            .split_once('#')
            .map_or((target.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let linked = if file.is_empty() {
            path.to_owned()
        } else {
            path.parent().unwrap().join(file)
        };
        let right = match anchor {
            None => linked.exists(),
            Some(anchor) if file.is_empty() => anchors(page).contains(anchor),
            Some(anchor) => fs::read_to_string(&linked).is_ok_and(|page| anchors(&page).contains(anchor)),
        };
        if !right {
            broken.push(format!("{}:{line}: {target}", path.display()));
        }
    }
    broken
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() >= 15, "{pages:?}");
    let broken: Vec<_> = pages
        .iter()
        .flat_map(|path| broken(path, &fs::read_to_string(path).unwrap()))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_wrong_file_or_anchor_is_found_and_code_is_left_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/page.md");
    let page = "# Head, `code` & more\n\n# Twice\n\n# Twice\n\n[a](#head-code--more) [b](#twice-1) [c](../README.md) [d](https://example.com)\n\
                `[e](nowhere.md)`\n```text\n# No heading\n[f](nowhere.md)\n```\n[g](nowhere.md) [h](#no-heading) [i](../README.md#nothing)\n";
    let found = broken(&path, page);
    let ends: Vec<_> = found
        .iter()
        .map(|line| line.rsplit(": ").next().unwrap())
        .collect();
    assert_eq!(ends, ["nowhere.md", "#no-heading", "../README.md#nothing"]);
}

/// The index has every page, so that nobody finds a page by chance alone.
#[test]
fn the_index_lists_every_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let listed: BTreeSet<_> = links(&index).into_iter().map(|(_, target)| target).collect();
    let mut pages = Vec::new();
    collect(&folder, false, &mut pages);
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README.md" || listed.contains(&name),
            "docs/README.md lacks {name}"
        );
    }
}
