//! Golden files: what each case becomes, object by object, kept beside it and compared byte for byte.

use super::case::{APPLICATION, Case, CaseError, REFUSAL, SETTINGS};
use crate::{
    kubernetes::to_yaml,
    submitter::{self, SubmitError},
    templates::TemplateSets,
    whole_file,
};
use similar::TextDiff;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
};

/// The lines around a difference that are shown.
const CONTEXT_LINES: usize = 3;

/// A golden file that isn't what is rendered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// The file's name.
    pub file: String,
    /// The difference, as `diff -u` writes it.
    pub diff: String,
}

/// The files that a case must have: the objects, or the refusal.
pub fn rendered(case: &Case, sets: &TemplateSets) -> BTreeMap<String, String> {
    let manifests = || -> Result<_, SubmitError> {
        let (submission, context) = case.submission()?;
        submitter::manifests_by(&submission, &context, sets)
    };
    match manifests() {
        Ok(manifests) => manifests
            .for_files()
            .map(|(name, object)| (name, to_yaml(&object)))
            .collect(),
        Err(refusal) => BTreeMap::from([(REFUSAL.to_owned(), format!("{refusal}\n"))]),
    }
}

/// The golden files that a folder has. Other files, such as a README, are the author's own.
pub fn kept(folder: &Path) -> Result<BTreeMap<String, String>, CaseError> {
    let mut kept = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(CaseError::unusable(folder))? {
        let path = entry.map_err(CaseError::unusable(folder))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_given = [APPLICATION, SETTINGS].contains(&name.as_str());
        let is_golden = name == REFUSAL
            || Path::new(&name)
                .extension()
                .is_some_and(|ending| ending == "yaml");
        if is_golden && !is_given && !name.starts_with('.') && !path.is_dir() {
            let text = fs::read_to_string(&path).map_err(CaseError::unusable(&path))?;
            kept.insert(name, text);
        }
    }
    Ok(kept)
}

/// What differs between the golden files of a folder and what is rendered now.
pub fn verify(folder: &Path, sets: &TemplateSets) -> Result<Vec<Differing>, CaseError> {
    let case = Case::read(folder)?;
    let (kept, rendered) = (kept(folder)?, rendered(&case, sets));
    let mut names: Vec<_> = kept.keys().chain(rendered.keys()).collect();
    names.sort();
    names.dedup();
    let differing = names.into_iter().filter_map(|file| {
        let (before, after) = (kept.get(file), rendered.get(file));
        (before != after).then(|| Differing {
            file: file.clone(),
            diff: unified(&format!("{}/{file}", case.name), before, after),
        })
    });
    Ok(differing.collect())
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

/// Writes the golden files of a folder anew, and tells which changed.
pub fn update(folder: &Path, sets: &TemplateSets) -> Result<Vec<String>, CaseError> {
    let case = Case::read(folder)?;
    let (kept, rendered) = (kept(folder)?, rendered(&case, sets));
    let mut changed = Vec::new();
    for file in kept.keys().filter(|file| !rendered.contains_key(*file)) {
        let path = folder.join(file);
        fs::remove_file(&path).map_err(CaseError::unusable(&path))?;
        changed.push(file.clone());
    }
    for (file, text) in &rendered {
        if kept.get(file) != Some(text) {
            let path = folder.join(file);
            write(&path, text).map_err(CaseError::unusable(&path))?;
            changed.push(file.clone());
        }
    }
    changed.sort();
    Ok(changed)
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    whole_file::replace(path, 0o666, |file| file.write_all(text.as_bytes()))
}
