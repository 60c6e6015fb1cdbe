//! Golden files: what each case becomes, object by object, kept beside it and compared byte for byte; and expectations of
//! single fields, for those who don't want whole files.

use super::{
    case::{APPLICATION, Case, CaseError, EXECUTOR, EXPECTATIONS, REFUSAL, SETTINGS},
    expect::{self, Made, Unmet},
    mask::SetHash,
    refusal::Refusal,
    text_file::read_text,
};
use crate::{
    finding::counted,
    kubernetes::{annotations::NOT_CREATED, to_documents, to_yaml},
    strict,
    submitter::{self, SubmitError},
    templates::TemplateSets,
    whole_file,
};
use serde_json::Value;
use similar::TextDiff;
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    io::{self, Write as _},
    path::Path,
};

/// The lines around a difference that are shown.
const CONTEXT_LINES: usize = 3;

/// What the executor's file says where there is no Pod to show.
const UNKNOWN_EXECUTOR: &str = "# The executor Pod can't be known before the driver makes it.\n";

/// One way in which a case isn't what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is refused, and nothing says that it must be.
    Refused {
        /// Why.
        reason: Refusal,
        /// How many golden files it has, of which none is made now.
        files: usize,
    },
    /// It must be refused, and isn't.
    NotRefused {
        /// The text of `error.txt`.
        expected: String,
    },
    /// It is refused for another reason.
    OtherReason {
        /// The text of `error.txt`.
        expected: String,
        /// Why it is refused now.
        reason: Refusal,
    },
    /// A golden file isn't what is rendered now.
    File {
        /// The file's name.
        file: String,
        /// The difference, as `diff -u` writes it.
        diff: String,
    },
    /// An expectation isn't met.
    Unmet(Unmet),
}

impl Mismatch {
    /// What of the case it is about, in a word or two.
    pub fn subject(&self) -> &str {
        match self {
            Self::Refused { .. } => "is refused",
            Self::NotRefused { .. } => "is not refused",
            Self::OtherReason { .. } => REFUSAL,
            Self::File { file, .. } => file,
            Self::Unmet(_) => EXPECTATIONS,
        }
    }
}

/// What was found, with a line break at the end; a file's difference as `diff -u` writes it.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason, files } => {
                writeln!(f, "is refused, and has no {REFUSAL}:")?;
                indented(f, &reason.located)?;
                match *files {
                    0 => Ok(()),
                    files => writeln!(
                        f,
                        "  ({} can't be compared with anything)",
                        counted(files, "golden file")
                    ),
                }
            }
            Self::NotRefused { expected } => {
                writeln!(f, "is not refused; {REFUSAL} expects a refusal with the text:")?;
                indented(f, expected)
            }
            Self::OtherReason { expected, reason } => {
                writeln!(f, "is refused with the text:")?;
                indented(f, &reason.located)?;
                writeln!(f, "{REFUSAL} expects in it the text:")?;
                indented(f, expected)
            }
            Self::File { diff, .. } => f.write_str(diff),
            Self::Unmet(unmet) => writeln!(f, "{unmet}"),
        }
    }
}

fn indented(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| writeln!(f, "  {line}"))
}

/// The objects of a case, with the set's content hash masked; or why it is refused.
///
/// # Errors
/// The refusal.
fn made(case: &Case, sets: &TemplateSets) -> Result<(Made, String), Refusal> {
    let plain = |error: SubmitError| Refusal::plain(&error);
    let (submission, context) = case.submission().map_err(plain)?;
    let set = sets.choose(&submission).map_err(|error| plain(error.into()))?;
    let hash = SetHash::of(set.id());
    let manifests = submitter::manifests(&submission, &context, &set).map_err(|error| {
        Refusal::of(&error, &submission, &context, &set).map(|text| hash.masked_text(text))
    })?;
    let shown = |mut object: Value| {
        hash.mask(&mut object);
        object
    };
    let mut made: Made = manifests
        .for_files()
        .map(|(file, object)| (role(&file).to_owned(), vec![shown(object)]))
        .collect();
    let executor = manifests.executor_for_show();
    if executor.is_empty() {
        let mut text = UNKNOWN_EXECUTOR.to_owned();
        let about = |line: &String| line.starts_with("executor Pod");
        for line in manifests.warnings.lines().map(String::from).filter(about) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {line}");
        }
        return Ok((made, text));
    }
    made.insert(EXECUTOR.to_owned(), executor.into_iter().map(shown).collect());
    Ok((made, String::new()))
}

/// A file's name without `.yaml`.
fn role(file: &str) -> &str {
    file.strip_suffix(".yaml").unwrap_or(file)
}

/// The files of a case: one for each object, and one for the executor Pod.
fn files(made: &Made, unknown_executor: String) -> BTreeMap<String, String> {
    let mut files: BTreeMap<_, _> = made
        .iter()
        .map(|(role, objects)| {
            let text = match &objects[..] {
                [one] => to_yaml(one),
                several => to_documents(several),
            };
            (format!("{role}.yaml"), text)
        })
        .collect();
    if !unknown_executor.is_empty() {
        files.insert(format!("{EXECUTOR}.yaml"), unknown_executor);
    }
    files
}

/// The files that a case must have: the objects and the executor Pod, or the refusal.
pub fn rendered(case: &Case, sets: &TemplateSets) -> BTreeMap<String, String> {
    match made(case, sets) {
        Ok((made, unknown_executor)) => files(&made, unknown_executor),
        Err(refusal) => BTreeMap::from([(REFUSAL.to_owned(), refusal.lasting + "\n")]),
    }
}

/// The YAML files of a folder that are not what it was given.
fn yaml_files(folder: &Path) -> Result<BTreeMap<String, String>, CaseError> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(CaseError::unusable(folder))? {
        let path = entry.map_err(CaseError::unusable(folder))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_given = [APPLICATION, SETTINGS, EXPECTATIONS].contains(&name.as_str());
        let is_yaml = Path::new(&name)
            .extension()
            .is_some_and(|ending| ending == "yaml");
        if is_yaml && !is_given && !name.starts_with('.') && !path.is_dir() {
            let text = read_text(&path).map_err(CaseError::unusable(&path))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

/// The golden files that a folder has, `error.txt` not among them. Other files are the author's own: a file is golden if the case
/// becomes one of its name, or if it has the form that `update` writes.
fn kept(folder: &Path, rendered: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, CaseError> {
    let mut files = yaml_files(folder)?;
    files.retain(|name, text| rendered.contains_key(name) || is_written_by_update(name, text));
    Ok(files)
}

/// Whether `update` wrote a file: it has the name of a role, and one object in the form of golden files. The executor's
/// file may have several, or none.
fn is_written_by_update(name: &str, text: &str) -> bool {
    let role = role(name);
    if role == EXECUTOR {
        return text.starts_with(UNKNOWN_EXECUTOR) || text.contains(NOT_CREATED);
    }
    expect::is_role(role)
        && strict::parse_yaml(text).is_ok_and(|object| {
            let has = |pointer: &str| object.pointer(pointer).is_some_and(Value::is_string);
            ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"]
                .into_iter()
                .all(has)
                && to_yaml(&object) == text
        })
}

/// The text of `error.txt`, if the case has one.
fn refusal_expected(folder: &Path) -> Result<Option<String>, CaseError> {
    let path = folder.join(REFUSAL);
    match read_text(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CaseError::unusable(&path)(error)),
    }
}

/// Whether a refusal is the expected one: the expected text occurs in it. Space around the text doesn't count.
fn is_expected(reason: &Refusal, expected: &str) -> bool {
    reason.has(expected.trim())
}

/// In what a case isn't as its golden files, its `error.txt` and its `expect.yaml` say.
///
/// # Errors
/// Where the folder can't be read, or a file of it has a mistake.
pub fn verify(folder: &Path, sets: &TemplateSets) -> Result<Vec<Mismatch>, CaseError> {
    let case = Case::read(folder)?;
    let expectations = expect::read(folder)?;
    let expected = refusal_expected(folder)?;
    if expectations.is_some() && expected.is_some() {
        return Err(CaseError::Settings {
            path: folder.join(EXPECTATIONS),
            message: format!("expected no such file beside {REFUSAL}: a case that is refused has no objects"),
        });
    }
    let (made, unknown_executor) = match (made(&case, sets), expected) {
        (Ok(made), None) => made,
        (Ok(_), Some(expected)) => return Ok(vec![Mismatch::NotRefused { expected }]),
        (Err(reason), None) => {
            let files = kept(folder, &BTreeMap::new())?.len();
            return Ok(vec![Mismatch::Refused { reason, files }]);
        }
        (Err(reason), Some(expected)) if is_expected(&reason, &expected) => return Ok(Vec::new()),
        (Err(reason), Some(expected)) => return Ok(vec![Mismatch::OtherReason { expected, reason }]),
    };
    let rendered = files(&made, unknown_executor);
    let kept = kept(folder, &rendered)?;
    let mut mismatches = Vec::new();
    if !(expectations.is_some() && kept.is_empty()) {
        mismatches.extend(differing(&case.name, &kept, &rendered));
    }
    if let Some(expectations) = expectations {
        let unmet = expectations.unmet(&made, sets)?;
        mismatches.extend(unmet.into_iter().map(Mismatch::Unmet));
    }
    Ok(mismatches)
}

fn differing<'f>(
    case: &str,
    kept: &'f BTreeMap<String, String>,
    rendered: &'f BTreeMap<String, String>,
) -> impl Iterator<Item = Mismatch> + use<'f> {
    let mut names: Vec<_> = kept.keys().chain(rendered.keys()).collect();
    names.sort();
    names.dedup();
    let case = case.to_owned();
    names.into_iter().filter_map(move |file| {
        let (before, after) = (kept.get(file), rendered.get(file));
        (before != after).then(|| Mismatch::File {
            file: file.clone(),
            diff: unified(&format!("{case}/{file}"), before, after),
        })
    })
}

fn unified(path: &str, before: Option<&String>, after: Option<&String>) -> String {
    let header = |text: Option<&String>, name: &str| match text {
        Some(_) => name.to_owned(),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (header(before, path), header(after, "rendered now"));
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    TextDiff::from_lines(text(before), text(after))
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&old, &new)
        .to_string()
}

/// What `update` may do beyond writing the files of a case that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateOptions {
    /// A case that is refused and has no `error.txt`, or one with another reason, gets one and loses its golden files. Otherwise it
    /// stays as it is.
    pub accept_refusals: bool,
    /// A case with an `expect.yaml` and without golden files gets them.
    pub whole_files: bool,
}

/// What `update` did to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Updated {
    /// These files were changed.
    Files(Vec<FileChange>),
    /// Nothing: the case is refused now, and that was not accepted.
    Refused(Refusal),
}

/// One file that `update` changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file's name.
    pub file: String,
    /// Whether it is gone; else it was written.
    pub deleted: bool,
}

/// Writes the golden files of a folder anew, and tells which changed. Files that are not golden stay.
///
/// # Errors
/// Where the folder can't be read or written.
pub fn update(folder: &Path, sets: &TemplateSets, options: UpdateOptions) -> Result<Updated, CaseError> {
    let case = Case::read(folder)?;
    let expected = refusal_expected(folder)?;
    let mut rendered = match made(&case, sets) {
        Ok((made, unknown_executor)) => files(&made, unknown_executor),
        Err(reason) => match &expected {
            // A part of the text is enough, and its author chose it.
            Some(expected) if is_expected(&reason, expected) => {
                BTreeMap::from([(REFUSAL.to_owned(), expected.clone())])
            }
            // A template's defect must not stand in for a refusal that was accepted.
            _ if !options.accept_refusals => return Ok(Updated::Refused(reason)),
            _ => BTreeMap::from([(REFUSAL.to_owned(), reason.lasting + "\n")]),
        },
    };
    let mut kept = kept(folder, &rendered)?;
    let has_expectations = folder.join(EXPECTATIONS).exists();
    if has_expectations && kept.is_empty() && !options.whole_files {
        rendered.retain(|file, _| file == REFUSAL);
    }
    kept.extend(expected.map(|text| (REFUSAL.to_owned(), text)));
    let mut changes = Vec::new();
    for file in kept.keys().filter(|file| !rendered.contains_key(*file)) {
        let path = folder.join(file);
        fs::remove_file(&path).map_err(CaseError::unusable(&path))?;
        changes.push(FileChange {
            file: file.clone(),
            deleted: true,
        });
    }
    for (file, text) in &rendered {
        if kept.get(file) != Some(text) {
            let path = folder.join(file);
            write(&path, text).map_err(CaseError::unusable(&path))?;
            changes.push(FileChange {
                file: file.clone(),
                deleted: false,
            });
        }
    }
    changes.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(Updated::Files(changes))
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    whole_file::replace(path, 0o666, |file| file.write_all(text.as_bytes()))
}
