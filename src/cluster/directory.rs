//! The directory sink: one file for each object, for `kubectl apply -f DIR`.
//!
//! A file appears whole or not at all (written beside its place, flushed, renamed). Of a set, the Pod's file
//! goes first when anything changes and comes last: a directory with a Pod is complete, one without starts
//! nothing. What an earlier submission of the same Pod wrote and this one lacks is removed; which files those
//! are stands in `.native-submit`, a name that kubectl passes over. Other files are never touched.

use super::{ApplyError, Outcome, Submitted, keyed_lock::KeyedLock, resource::is_name};
use crate::{
    finding::error_words,
    kubernetes::to_yaml,
    manifest::{Identity, Manifest, Manifests},
    whole_file,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio::{task, time};

const INDEX: &str = ".native-submit";

/// Where the files of a submission go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Directly into the directory, which then belongs to one submission: for `submit`.
    Flat,
    /// Into `<namespace>/<driver Pod's name>/` below it: for `serve`.
    PerSubmission,
}

/// Writes manifests as YAML files. The objects have no owner reference to the Pod, as it has no uid yet.
#[derive(Debug, Clone)]
pub struct DirectorySink {
    path: PathBuf,
    layout: Layout,
    turns: Arc<KeyedLock<PathBuf>>,
}

/// What `.native-submit` holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    /// Namespace and name of the driver Pod.
    pod: String,
    /// The files written, by name.
    files: Vec<String>,
    /// What they were made of, once all of them were there.
    #[serde(default)]
    made: Option<Made>,
}

/// What a set of files was made of. The same submission at another time is the same plan, and has other files only in that.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    submission_id: String,
    plan_hash: String,
    template_set: String,
    /// The hash of all files, in the order of [`Index::files`].
    contents: String,
}

impl Made {
    fn of(identity: &Identity, contents: String) -> Self {
        Self {
            submission_id: identity.submission_id.clone(),
            plan_hash: identity.plan_hash.clone(),
            template_set: identity.template_set.clone(),
            contents,
        }
    }
}

/// The hash of files in this order; `None` where one can't be read.
fn contents<'f>(directory: &Path, files: impl Iterator<Item = &'f String>) -> Option<String> {
    let mut hash = Sha256::new();
    for name in files {
        let text = fs::read(directory.join(name)).ok()?;
        hash.update(text.len().to_le_bytes());
        hash.update(&text);
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

struct File {
    name: String,
    text: String,
    secret: bool,
}

impl DirectorySink {
    /// A sink into `path`, which is created when needed.
    pub fn new(path: impl Into<PathBuf>, layout: Layout) -> Self {
        Self {
            path: path.into(),
            layout,
            turns: Arc::default(),
        }
    }

    /// Writes all files of one submission, or finds them there.
    pub async fn apply(
        &self,
        manifests: Arc<Manifests>,
        deadline: Option<Instant>,
    ) -> Result<Submitted, ApplyError> {
        let directory = self.directory(&manifests)?;
        let turn = self.turns.wait(directory.clone());
        let turn = match deadline {
            Some(deadline) => {
                time::timeout_at(deadline.into(), turn)
                    .await
                    .map_err(|_| ApplyError::Timeout {
                        doing: format!("waiting to write into `{}`", directory.display()),
                    })?
            }
            None => turn.await,
        };
        let within = self.path.clone();
        let written = task::spawn_blocking(move || {
            let submitted = write_set(&directory, &within, &manifests);
            drop(turn);
            submitted
        });
        written.await.unwrap_or_else(|_| {
            Err(ApplyError::Internal {
                what: "writing files ended in a panic or by shutdown".to_owned(),
            })
        })
    }

    fn directory(&self, manifests: &Manifests) -> Result<PathBuf, ApplyError> {
        if self.layout == Layout::Flat {
            return Ok(self.path.clone());
        }
        let identity = &manifests.identity;
        Ok(self
            .path
            .join(component(&identity.namespace)?)
            .join(component(&identity.pod_name)?))
    }
}

/// A name that stays in its directory, and is not hidden.
fn component(name: &str) -> Result<&str, ApplyError> {
    if is_name(name) {
        return Ok(name);
    }
    Err(ApplyError::Internal {
        what: format!("{} cannot be the name of a file", crate::redaction::shown(name)),
    })
}

fn write_set(directory: &Path, within: &Path, manifests: &Manifests) -> Result<Submitted, ApplyError> {
    let identity = &manifests.identity;
    let pod = format!("{}/{}", identity.namespace, identity.pod_name);
    make_directory(directory, within)?;
    let index = read_index(directory)?;
    if let Some(index) = index.as_ref().filter(|index| index.pod != pod) {
        return Err(ApplyError::DirectoryTaken {
            directory: directory.display().to_string(),
            found: index.pod.clone(),
        });
    }
    let index = index.unwrap_or_default();
    let pod_file = file(&manifests.driver_pod)?;
    let owned: Vec<File> = manifests.owned.iter().map(file).collect::<Result<_, _>>()?;
    let names: Vec<String> = owned
        .iter()
        .chain([&pod_file])
        .map(|file| file.name.clone())
        .collect();
    let paths = [&pod_file].into_iter().chain(&owned);
    let mut submitted = Submitted {
        outcome: Outcome::Found,
        namespace: identity.namespace.clone(),
        pod_name: identity.pod_name.clone(),
        pod_uid: None,
        application_id: identity.application_id.clone(),
        template_set: identity.template_set.clone(),
        objects: paths
            .map(|file| directory.join(&file.name).display().to_string())
            .collect(),
    };

    let same =
        |file: &File| fs::read(directory.join(&file.name)).is_ok_and(|text| text == file.text.as_bytes());
    let stale: Vec<&String> = index.files.iter().filter(|name| !names.contains(name)).collect();
    let found = contents(directory, index.files.iter());
    // The same plan and templates: but for the submit time the files are what they would be now.
    if found.is_some_and(|found| index.made.as_ref() == Some(&Made::of(identity, found))) {
        return Ok(submitted);
    }
    if stale.is_empty() && same(&pod_file) && owned.iter().all(same) {
        return Ok(submitted);
    }

    remove(&directory.join(&pod_file.name))?;
    // Old and new names, so that after a crash here the next submission still knows all of them.
    let mut known = names.clone();
    known.extend(stale.iter().map(|name| (*name).clone()));
    write_index(directory, &pod, known, None)?;
    for name in stale.into_iter().filter(|name| is_name(name)) {
        remove(&directory.join(name))?;
    }
    for file in &owned {
        write(directory, file)?;
    }
    write_index(directory, &pod, names.clone(), None)?;
    write(directory, &pod_file)?;
    let made = contents(directory, names.iter()).map(|contents| Made::of(identity, contents));
    write_index(directory, &pod, names, made)?;
    submitted.outcome = Outcome::Written;
    Ok(submitted)
}

/// Makes the sink's directory `within`, and one of a submission below it. A link below it could lead elsewhere: it is refused.
fn make_directory(directory: &Path, within: &Path) -> Result<(), ApplyError> {
    fs::create_dir_all(within).map_err(failed(within))?;
    let mut path = within.to_owned();
    for component in directory.strip_prefix(within).into_iter().flatten() {
        path.push(component);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&path)(error)),
            Err(_) if path.is_symlink() => {
                return Err(ApplyError::File {
                    path: path.display().to_string(),
                    reason: "expected a directory, found a link".to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn file(manifest: &Manifest) -> Result<File, ApplyError> {
    Ok(File {
        name: format!("{}.yaml", component(&manifest.role)?),
        text: to_yaml(&manifest.value),
        secret: manifest.kind.name() == "Secret",
    })
}

fn read_index(directory: &Path) -> Result<Option<Index>, ApplyError> {
    let path = directory.join(INDEX);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|_| ApplyError::File {
                path: path.display().to_string(),
                reason: "it is not native-submit's: move it away".to_owned(),
            }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path)(error)),
    }
}

fn write_index(
    directory: &Path,
    pod: &str,
    files: Vec<String>,
    made: Option<Made>,
) -> Result<(), ApplyError> {
    let index = Index {
        pod: pod.to_owned(),
        files,
        made,
    };
    let text = serde_json::to_string(&index).map_err(|error| ApplyError::Internal {
        what: error.to_string(),
    })?;
    write(
        directory,
        &File {
            name: INDEX.to_owned(),
            text,
            secret: false,
        },
    )
}

/// A symlink of that name is replaced, not followed.
fn write(directory: &Path, file: &File) -> Result<(), ApplyError> {
    let path = directory.join(&file.name);
    let mode = if file.secret { 0o600 } else { 0o666 };
    whole_file::replace(&path, mode, |open| open.write_all(file.text.as_bytes())).map_err(failed(&path))
}

fn remove(path: &Path) -> Result<(), ApplyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ApplyError {
    let path = path.display().to_string();
    move |error| ApplyError::File {
        path: path.clone(),
        reason: error_words(&error),
    }
}

#[cfg(test)]
mod tests;
