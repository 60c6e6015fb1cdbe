//! The limits of one submission, each with its value, and what is left of them while it is read.
//!
//! A submission has one [`Budget`]. Every reader and every stage draws on it, so that many small documents can't ask for
//! more than one large one may. `SECURITY.md` has the same table, and a test holds the two together.

mod output;

pub use output::*;

use std::{fmt, sync::Arc};

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Its name, as in `SECURITY.md`.
    pub name: &'static str,
    /// The most that is allowed.
    pub most: usize,
    /// What is counted, in the plural.
    pub of: &'static str,
}

impl Limit {
    const fn new(name: &'static str, most: usize, of: &'static str) -> Self {
        Self { name, most, of }
    }

    /// Whether `count` is allowed at `path`.
    ///
    /// # Errors
    /// Where it is more than the limit.
    pub fn holds(self, path: &str, count: usize) -> Result<(), OverLimit> {
        if count > self.most {
            Err(self.at(path))
        } else {
            Ok(())
        }
    }

    /// The error that this limit does not hold at `path`.
    pub fn at(self, path: impl fmt::Display) -> OverLimit {
        OverLimit {
            path: shortened(&path.to_string()),
            limit: self,
        }
    }
}

/// A request as it arrives. `MAX_REQUEST_BYTES` sets another value; it is the only limit that is a setting.
pub const REQUEST: Limit = Limit::new("request", 4 << 20, "bytes (MAX_REQUEST_BYTES)");

/// Mappings, lists and scalars of all documents of a submission. `status` and `metadata.managedFields` don't count.
pub const NODES: Limit = Limit::new("nodes", 100_000, "values in one submission");

/// Mappings with an entry. Each takes 650 bytes in memory, however short it is, which is ten times what a scalar takes; and there are two
/// copies of a document at once. So many, with all else that is allowed, fit into the memory that submissions share ([`Memory`]).
pub const MAPPINGS: Limit = Limit::new("mappings", 20_000, "mappings in one submission");

/// What YAML's merge keys (`<<`) repeat: the library that reads YAML keeps each of them, 1 KiB apiece, before it is counted here.
pub const MERGED: Limit = Limit::new(
    "merged values",
    10_000,
    "values repeated by merge keys (`<<`) in one document",
);

/// How deep a document nests.
pub const DEPTH: Limit = Limit::new("depth", 64, "levels of nesting");

/// Items of one list, entries of one mapping, arguments of one command line, keys of a conf.
pub const ENTRIES: Limit = Limit::new("entries", 10_000, "entries in one list or mapping");

/// Containers of a Pod, init containers and ephemeral ones among them.
pub const CONTAINERS: Limit = Limit::new("containers", 200, "containers in one Pod");

/// Volumes of a Pod. A volume that was read as Kubernetes' type takes 3 KiB, however short it is.
pub const VOLUMES: Limit = Limit::new("volumes", 1_000, "volumes in one Pod");

/// One string, be it a value or a key.
pub const STRING: Limit = Limit::new("string", 1 << 20, "bytes in one string");

/// A key of a mapping. Kubernetes' longest has 317 bytes, and YAML's plain ones end at 1,024 characters. Paths are made of keys, so
/// a long one would be repeated in everything that is said of what stands below it.
pub const KEY: Limit = Limit::new("key", 1 << 10, "bytes in one key");

/// The text of all strings and keys of a submission's documents. YAML's aliases repeat it.
pub const TEXT: Limit = Limit::new("text", 4 << 20, "bytes of text in one submission");

/// `${…}` that are looked up in the conf of a submission.
pub const REFERENCES: Limit = Limit::new("references", 10_000, "references (`${…}`) in one submission");

/// The text that `${…}` stand for, all together.
pub const REFERENCED_TEXT: Limit = Limit::new(
    "referenced text",
    4 << 20,
    "bytes of text made by references (`${…}`) in one submission",
);

/// One file that is read for a submission. All of them end in a `ConfigMap` or Secret, or are smaller by nature.
pub const FILE: Limit = Limit::new("file", 1 << 20, "bytes in one file");

/// Files of a directory that is read for a submission (`SPARK_CONF_DIR`, `HADOOP_CONF_DIR`).
pub const FILES: Limit = Limit::new("files", 1_000, "files in one directory");

/// Bytes of all files of one directory. Spark fills a `ConfigMap` of 1 MiB by characters, of which each has at most 3 bytes.
pub const FILES_BYTES: Limit = Limit::new("bytes of files", 4 << 20, "bytes in the files of one directory");

/// The data of one `ConfigMap` or Secret, decoded, as Kubernetes limits it.
pub const CONFIG_DATA: Limit = Limit::new("ConfigMap or Secret", 1 << 20, "bytes of data");

/// The JSON of one object that is to be created.
pub const OBJECT: Limit = Limit::new("object", 3 << 20, "bytes of JSON");

/// A file with applications on the command line.
pub const APPLICATION_LIST: Limit = Limit::new(
    "list of applications",
    256 << 20,
    "bytes in a file with applications",
);

/// Fields of one document that the types here don't have. A newer Kubernetes may know them, but not so many.
pub const UNKNOWN_FIELDS: Limit = Limit::new("unknown fields", 1_000, "unknown fields in one document");

/// A name for which the nearest known name is looked for.
pub const SUGGESTED_NAME: Limit = Limit::new("suggested name", 64, "bytes in a name that gets a suggestion");

/// All limits of what comes in.
pub const ALL: [Limit; 22] = [
    REQUEST,
    NODES,
    MAPPINGS,
    MERGED,
    DEPTH,
    ENTRIES,
    CONTAINERS,
    VOLUMES,
    STRING,
    KEY,
    TEXT,
    UNKNOWN_FIELDS,
    REFERENCES,
    REFERENCED_TEXT,
    FILE,
    FILES,
    FILES_BYTES,
    CONFIG_DATA,
    OBJECT,
    APPLICATION_LIST,
    SUGGESTED_NAME,
    // The name of a submission is a label value: `submission/id.rs` says it in its own words.
    Limit::new("submission id", 63, "characters in a submission id"),
];

/// Something is larger than a limit allows. Only the caller can correct it, and trying again is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct OverLimit {
    /// Where, as in `spec.driver.env`; empty for the submission or the document itself. Cut where it is very long.
    pub path: String,
    /// The limit that does not hold.
    pub limit: Limit,
}

impl OverLimit {
    /// What is wrong, without the path.
    pub fn message(&self) -> String {
        format!(
            "expected at most {} {}, found more",
            self.limit.most, self.limit.of
        )
    }

    /// The same below a field: `field` in front of the path.
    #[must_use]
    pub fn below(self, field: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        Self {
            path: shortened(&format!("{field}{dot}{}", self.path)),
            ..self
        }
    }
}

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message())
    }
}

/// How much of a path is shown: a key may have a MiB.
const LONGEST_PATH: usize = 256;

/// The end of a long path says more than its beginning.
fn shortened(path: &str) -> String {
    let length = path.chars().count();
    if length <= LONGEST_PATH {
        return path.to_owned();
    }
    let end: String = path.chars().skip(length - LONGEST_PATH).collect();
    format!("…{end}")
}

/// What one submission takes of the memory that all at work share.
pub trait Memory: fmt::Debug + Send + Sync {
    /// Takes what lacks for so many bytes in all; `false` where there is no room for them now.
    fn hold(&self, bytes: usize) -> bool;
}

/// What a value, a mapping and a byte of text take at most in memory, with all copies that there are of it at once.
const NODE_BYTES: usize = 128;
const MAPPING_BYTES: usize = 1_408;
const TEXT_COPIES: usize = 8;

/// The memory that all submissions at work share, in bytes. One that is large in every way takes all of it, and is alone then. With what
/// the server keeps, its connections and the pieces that the allocator can't use, this stays below 128 MiB.
pub const SHARED_MEMORY: usize = 28 << 20;

/// How often a growing submission asks for memory: each time it took so many bytes more.
const MEMORY_STEP: usize = 16 << 10;

/// What is left of a submission's budget. A clone has as much left, and the two are drawn on apart.
///
/// All are equal, for what is left of it is no part of what is read.
#[derive(Debug, Clone)]
pub struct Budget {
    nodes: usize,
    mappings: usize,
    text: usize,
    references: usize,
    referenced_text: usize,
    memory: Option<Arc<dyn Memory>>,
    /// The bytes of memory that are held.
    held: usize,
}

impl PartialEq for Budget {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Default for Budget {
    /// All of it.
    fn default() -> Self {
        Self {
            nodes: NODES.most,
            mappings: MAPPINGS.most,
            text: TEXT.most,
            references: REFERENCES.most,
            referenced_text: REFERENCED_TEXT.most,
            memory: None,
            held: 0,
        }
    }
}

impl Budget {
    /// All of it, which holds `memory` as it is drawn on. Where there is none left, it is as if a limit were passed; who made the
    /// budget knows better.
    pub fn within(memory: Arc<dyn Memory>) -> Self {
        Self {
            memory: Some(memory),
            ..Self::default()
        }
    }

    /// For what a template makes of a submission: it may have some more than the submission itself had.
    pub(crate) fn of_rendered() -> Self {
        Self {
            nodes: 2 * NODES.most,
            mappings: 2 * MAPPINGS.most,
            text: 2 * TEXT.most,
            ..Self::default()
        }
    }

    /// Draws `count` nodes; `false` where there are not so many left.
    #[must_use]
    pub fn nodes(&mut self, count: usize) -> bool {
        draw(&mut self.nodes, count) && self.has_memory()
    }

    /// Draws a mapping that has an entry, beside its node; `false` where there are not so many left.
    #[must_use]
    pub fn mapping(&mut self) -> bool {
        draw(&mut self.mappings, 1) && self.has_memory()
    }

    /// Draws the text of a string or key; `false` where there is not so much left.
    #[must_use]
    pub fn text(&mut self, bytes: usize) -> bool {
        draw(&mut self.text, bytes) && self.has_memory()
    }

    fn has_memory(&mut self) -> bool {
        let Some(memory) = &self.memory else {
            return true;
        };
        let used = |most: usize, left: usize| most.saturating_sub(left);
        let bytes = used(NODES.most, self.nodes) * NODE_BYTES
            + used(MAPPINGS.most, self.mappings) * MAPPING_BYTES
            + used(TEXT.most, self.text) * TEXT_COPIES;
        if bytes <= self.held {
            return true;
        }
        self.held = (bytes + MEMORY_STEP).min(SHARED_MEMORY);
        memory.hold(self.held)
    }

    /// Draws a reference; `false` where there is none left.
    #[must_use]
    pub fn reference(&mut self) -> bool {
        draw(&mut self.references, 1)
    }

    /// Draws the text that a reference stands for; `false` where there is not so much left.
    #[must_use]
    pub fn referenced_text(&mut self, bytes: usize) -> bool {
        draw(&mut self.referenced_text, bytes)
    }
}

fn draw(left: &mut usize, count: usize) -> bool {
    match left.checked_sub(count) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_drawn_on_to_its_last_and_a_clone_apart() {
        let mut budget = Budget::default();
        assert!(budget.nodes(NODES.most - 1));
        let mut clone = budget.clone();
        assert!(!budget.nodes(2));
        assert!(budget.nodes(1) && !budget.nodes(1));
        assert!(clone.nodes(1) && !clone.nodes(1));
        assert!(budget.referenced_text(REFERENCED_TEXT.most) && !budget.referenced_text(1));
        for _ in 0..REFERENCES.most {
            assert!(budget.reference());
        }
        assert!(!budget.reference());
    }

    #[test]
    fn each_limit_says_what_is_expected() {
        let said = ALL.map(|limit| limit.at("").to_string());
        let expected = [
            "4194304 bytes (MAX_REQUEST_BYTES)",
            "100000 values in one submission",
            "20000 mappings in one submission",
            "10000 values repeated by merge keys (`<<`) in one document",
            "64 levels of nesting",
            "10000 entries in one list or mapping",
            "200 containers in one Pod",
            "1000 volumes in one Pod",
            "1048576 bytes in one string",
            "1024 bytes in one key",
            "4194304 bytes of text in one submission",
            "1000 unknown fields in one document",
            "10000 references (`${…}`) in one submission",
            "4194304 bytes of text made by references (`${…}`) in one submission",
            "1048576 bytes in one file",
            "1000 files in one directory",
            "4194304 bytes in the files of one directory",
            "1048576 bytes of data",
            "3145728 bytes of JSON",
            "268435456 bytes in a file with applications",
            "64 bytes in a name that gets a suggestion",
            "63 characters in a submission id",
        ];
        assert_eq!(
            said,
            expected.map(|what| format!("expected at most {what}, found more"))
        );
    }

    #[test]
    fn a_limit_that_does_not_hold_is_reported_with_its_place_and_a_long_place_is_cut() {
        assert_eq!(ENTRIES.holds("a", ENTRIES.most), Ok(()));
        let over = ENTRIES.holds("env", ENTRIES.most + 1).unwrap_err();
        assert_eq!(
            over.clone().below("spec.driver").to_string(),
            "spec.driver.env: expected at most 10000 entries in one list or mapping, found more"
        );
        assert_eq!(
            over.below(&"x".repeat(1 << 20)).path.chars().count(),
            LONGEST_PATH + 1
        );
    }

    /// Every row of the table in `SECURITY.md`: name and value.
    #[test]
    fn the_table_in_security_md_is_true() {
        let page = include_str!("../SECURITY.md");
        let (_, section) = page.split_once("## Limits\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows: Vec<(String, String)> = section
            .lines()
            .filter(|line| {
                line.starts_with("| ") && !line.starts_with("| name") && !line.starts_with("| ---")
            })
            .map(|line| {
                let mut cells = line.trim_matches('|').split('|').map(str::trim);
                (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned())
            })
            .collect();
        for limit in ALL {
            let (_, value) = rows
                .iter()
                .find(|(name, _)| name == limit.name)
                .unwrap_or_else(|| panic!("SECURITY.md has no row {}", limit.name));
            let number: String = value.chars().filter(char::is_ascii_digit).collect();
            let mut number: usize = number.parse().unwrap();
            for (unit, shift) in [("KiB", 10), ("MiB", 20)] {
                number <<= if value.ends_with(unit) { shift } else { 0 };
            }
            assert_eq!(number, limit.most, "{}", limit.name);
        }
    }
}
