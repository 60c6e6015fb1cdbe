//! docs/parity.md as a table: which cases may differ, and in what.

use std::{collections::BTreeMap, fs, path::Path};

/// How a case differs.
pub(crate) enum Difference {
    /// One refuses, the other does not: the message.
    Refusal(String),
    /// The objects differ: the object, a space and the path in it, and what is there.
    Object { path: String, values: String },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refusal(message) => f.write_str(message),
            Self::Object { path, values } => write!(f, "{path}: {values}"),
        }
    }
}

/// What a row says of a decided difference.
struct Allowed {
    /// What the refusal must contain.
    refusal: Vec<String>,
    /// The objects, each with the beginning of a path, that may differ.
    paths: Vec<String>,
}

/// The cases that the page names.
pub(crate) struct Page(BTreeMap<String, Allowed>);

impl Page {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md")).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let page = Self(rows.map(decided).collect());
        let cases = page.0.len();
        assert!(
            text.contains(&format!("There are many cases ({cases})")),
            "docs/parity.md: expected its number of cases, {cases}"
        );
        let by_cause = text.lines().filter_map(|line| {
            line.strip_prefix("| ")?
                .split(" | ")
                .next()?
                .parse::<usize>()
                .ok()
        });
        assert_eq!(by_cause.sum::<usize>(), cases, "docs/parity.md: cases by cause");
        page
    }

    pub(crate) fn cases(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Whether a case may differ like this.
    pub(crate) fn allows(&self, case: &str, difference: &Difference) -> bool {
        self.0.get(case).is_some_and(|allowed| match difference {
            Difference::Refusal(message) => {
                !allowed.refusal.is_empty() && allowed.refusal.iter().all(|quote| message.contains(quote))
            }
            Difference::Object { path, .. } => allowed.paths.iter().any(|start| path.starts_with(start)),
        })
    }
}

/// A row: case, what the refusal contains and after "differs in" the paths that do, what native-submit does, why.
fn decided(row: &str) -> (String, Allowed) {
    let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect();
    let [case, about, does, why] = cells[..] else {
        panic!("docs/parity.md: a row needs 4 cells, as its heading says: {row}");
    };
    assert!(!does.is_empty() && !why.is_empty(), "docs/parity.md: {row}");
    let quoted =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let (refusal, paths) = about.split_once("differs in").unwrap_or((about, ""));
    let allowed = Allowed {
        refusal: quoted(refusal),
        paths: quoted(paths),
    };
    (quoted(case).concat(), allowed)
}
