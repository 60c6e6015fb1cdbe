//! The order of rooms: a file imports from its own room and from those before it, and no two files import each other.
//!
//! The order is the line "Order:" in `docs/architecture.md`. Only `use` lines count, and not those of unit tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module's path below the crate: `["cluster", "apply"]`.
type Module = Vec<String>;

/// The sources: what each module imports, and what it re-exports under its own path.
#[derive(Default)]
struct Sources {
    modules: BTreeMap<Module, File>,
}

#[derive(Default)]
struct File {
    imports: Vec<Module>,
    /// Name here, and the path that it stands for.
    exports: BTreeMap<String, Module>,
}

#[test]
fn a_room_imports_only_what_comes_before_it() {
    let page = fs::read_to_string("docs/architecture.md").unwrap();
    let order = order(&page);
    let sources = Sources::read(Path::new("src"));
    let rooms: BTreeSet<_> = sources
        .modules
        .keys()
        .filter_map(|module| module.first())
        .collect();
    let unnamed: Vec<_> = rooms.iter().filter(|room| !order.contains_key(**room)).collect();
    assert!(
        unnamed.is_empty(),
        "docs/architecture.md has no place for {unnamed:?}"
    );
    let upward = sources.upward(&order);
    assert!(upward.is_empty(), "imports upward:\n{}", upward.join("\n"));
}

#[test]
fn no_files_import_each_other() {
    let sources = Sources::read(Path::new("src"));
    let circles = sources.circles();
    assert!(
        circles.is_empty(),
        "files import each other:\n{}",
        circles.join("\n")
    );
}

#[test]
fn an_upward_import_and_a_circle_are_found() {
    let sources = Sources::of(&[
        ("a", "use crate::b::Thing;"),
        ("b", "pub use c::Thing;\nuse d::Other;"),
        ("b/c", "use super::d::Other;"),
        ("b/d", "use super::Thing;"),
        (
            "e",
            "use crate::b::{c::Thing, d};\n#[cfg(test)]\nmod tests { use crate::f::X; }",
        ),
        ("f", "use super::e::{self as other, Y};"),
    ]);
    let order = order("Order: b < a < e < f. Rest.");
    assert_eq!(sources.upward(&order), Vec::<String>::new());
    assert_eq!(sources.circles(), ["b::c, b::d"]);
    let order = self::order("Order: a < b, e < f.");
    assert_eq!(sources.upward(&order), ["a imports b::c"]);
}

/// The place of each room in the line of the page that begins with "Order:". Rooms between two `<` may import each other's
/// items as long as no two files do.
fn order(page: &str) -> BTreeMap<String, usize> {
    let line = page
        .split("Order:")
        .nth(1)
        .expect("a line that begins with Order:");
    let line = line.split_once('.').map_or(line, |(order, _)| order);
    let groups = line.split('<').enumerate();
    groups
        .flat_map(|(place, group)| group.split(',').map(move |room| (room.trim().to_owned(), place)))
        .collect()
}

impl Sources {
    fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        sources.folder(root, &mut Vec::new());
        sources.resolved()
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let mut sources = Self::default();
        for (path, text) in files {
            sources.file(path.split('/').map(str::to_owned).collect(), text);
        }
        sources.resolved()
    }

    fn folder(&mut self, folder: &Path, module: &mut Module) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_root = module.is_empty() && ["lib", "main"].contains(&stem.as_str());
            let is_test = ["tests", "sample"].contains(&stem.as_str());
            if is_root || is_test {
                continue;
            }
            module.push(stem);
            if path.is_dir() {
                self.folder(&path, module);
            } else {
                self.file(module.clone(), &fs::read_to_string(&path).unwrap());
            }
            module.pop();
        }
    }

    fn file(&mut self, module: Module, text: &str) {
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let mut file = File::default();
        for statement in uses(text) {
            for leaf in leaves(statement.tree) {
                let (path, name) = match leaf.split_once(" as ") {
                    Some((path, name)) => (path.to_owned(), name.to_owned()),
                    None => (leaf.clone(), leaf.rsplit("::").next().unwrap().to_owned()),
                };
                let path = path.strip_suffix("::self").unwrap_or(&path);
                let segments: Module = path.split("::").map(str::to_owned).collect();
                if statement.exported {
                    file.exports.insert(name, segments);
                } else {
                    file.imports.push(segments);
                }
            }
        }
        self.modules.insert(module, file);
    }

    /// Makes every path absolute, and drops those of other crates.
    fn resolved(mut self) -> Self {
        let known: BTreeSet<Module> = self.modules.keys().cloned().collect();
        for (module, file) in &mut self.modules {
            let absolute = |path: &Module| absolute(path, module, &known);
            file.imports = file.imports.iter().filter_map(absolute).collect();
            file.exports = std::mem::take(&mut file.exports)
                .into_iter()
                .filter_map(|(name, path)| Some((name, absolute(&path)?)))
                .collect();
        }
        self
    }

    /// The file that holds what a path names, through re-exports.
    fn holder(&self, path: &Module) -> Option<Module> {
        let mut path = path.clone();
        for _ in 0..8 {
            let depth = (1..=path.len())
                .rev()
                .find(|depth| self.modules.contains_key(&path[..*depth]))?;
            let (module, rest) = path.split_at(depth);
            let Some(next) = rest
                .first()
                .and_then(|name| self.modules[module].exports.get(name))
            else {
                return Some(module.to_vec());
            };
            path = next.iter().chain(&rest[1..]).cloned().collect();
        }
        None
    }

    fn edges(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let edges = self.modules.iter().map(|(module, file)| {
            let holders = file.imports.iter().chain(file.exports.values());
            let holders = holders
                .filter_map(|path| self.holder(path))
                .filter(|holder| holder != module);
            (module, holders.collect())
        });
        edges.collect()
    }

    fn upward(&self, order: &BTreeMap<String, usize>) -> Vec<String> {
        let place = |module: &Module| order.get(&module[0]).copied();
        let mut found = Vec::new();
        for (module, holders) in self.edges() {
            let upward = holders.iter().filter(|holder| place(holder) > place(module));
            found.extend(upward.map(|holder| format!("{} imports {}", module.join("::"), holder.join("::"))));
        }
        found
    }

    /// Groups of files that reach each other. A file and the modules around it are one idea, and may use each other.
    fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let reach: BTreeMap<&Module, BTreeSet<Module>> = edges
            .keys()
            .map(|module| {
                let mut reached = BTreeSet::new();
                let mut open = vec![(*module).clone()];
                while let Some(next) = open.pop() {
                    for holder in edges.get(&next).into_iter().flatten() {
                        let around = next.starts_with(holder);
                        if !around && reached.insert(holder.clone()) {
                            open.push(holder.clone());
                        }
                    }
                }
                (*module, reached)
            })
            .collect();
        let mut circles = BTreeSet::new();
        for (module, reached) in &reach {
            if reached.contains(*module) {
                let circle = reached.iter().filter(|other| reach[other].contains(*module));
                circles.insert(
                    circle
                        .map(|module| module.join("::"))
                        .collect::<Vec<_>>()
                        .join(", "),
                );
            }
        }
        circles.into_iter().collect()
    }
}

struct Use<'t> {
    tree: &'t str,
    exported: bool,
}

/// The `use` statements of a file, each at the beginning of a line as rustfmt writes it.
fn uses(text: &str) -> Vec<Use<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let visibility = line.split("use ").next().unwrap();
        let exported = matches!(visibility.trim_end(), "pub" | "pub(crate)" | "pub(super)")
            || visibility.starts_with("pub(in ") && visibility.ends_with(") ");
        if visibility.len() < line.len() && (exported || visibility.is_empty()) {
            let from = start + visibility.len() + "use ".len();
            let end = text[from..].find(';').map_or(text.len(), |end| from + end);
            found.push(Use {
                tree: &text[from..end],
                exported,
            });
        }
        start += line.len();
    }
    found
}

/// The paths that a tree of imports names.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    expand("", &tree, &mut found);
    found
}

fn expand(prefix: &str, tree: &str, into: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        into.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inner = &tree[open + 1..tree.rfind('}').unwrap()];
    let mut depth = 0;
    let mut start = 0;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                expand(&prefix, &inner[start..at], into);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        expand(&prefix, &inner[start..], into);
    }
}

fn absolute(path: &Module, module: &Module, known: &BTreeSet<Module>) -> Option<Module> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "super" => Some(
            module[..module.len() - supers]
                .iter()
                .chain(&path[supers..])
                .cloned()
                .collect(),
        ),
        "self" => Some(module.iter().chain(&path[1..]).cloned().collect()),
        first => {
            let child: Module = module.iter().cloned().chain([first.to_owned()]).collect();
            known
                .contains(&child)
                .then(|| module.iter().chain(path).cloned().collect())
        }
    }
}
