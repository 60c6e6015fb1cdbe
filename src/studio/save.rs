//! Saves an application as a golden case: the one thing that studio writes, and only when the author says so.

use crate::{
    authoring::{
        case::{APPLICATION, Case, SETTINGS},
        golden::{self, UpdateOptions, Updated},
    },
    kubernetes::to_yaml,
    templates::{SetOptions, TemplateSets, is_set_name},
    whole_file,
};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Writes the case's folder and its golden files; the folder must not be there. Where it is written.
///
/// # Errors
/// What is wrong with the name, or why it can't be written; then nothing is left of it.
pub(super) fn save(cases: &Path, name: &str, case: &Case, options: &SetOptions) -> Result<PathBuf, String> {
    if !is_set_name(name) {
        return Err(
            "name: expected up to 63 lowercase letters, digits and `-`, found another text".to_owned(),
        );
    }
    let document = case.document().map_err(ToString::to_string)?;
    let sets = TemplateSets::load(options).map_err(|error| error.to_string())?;
    let folder = cases.join(name);
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(cases).map_err(|error| format!("{}: {error}", cases.display()))?;
    // An error where anything of that name is there already, be it a link.
    fs::create_dir(&folder).map_err(failed)?;
    let written = || -> Result<(), String> {
        write(&folder.join(APPLICATION), &to_yaml(&document.value)).map_err(failed)?;
        if let Some(settings) = case.settings() {
            write(&folder.join(SETTINGS), &settings).map_err(failed)?;
        }
        let options = UpdateOptions {
            accept_refusals: true,
            whole_files: true,
        };
        match golden::update(&folder, &sets, options) {
            Ok(Updated::Files(_)) => Ok(()),
            Ok(Updated::Refused(reason)) => Err(reason.located),
            Err(error) => Err(error.to_string()),
        }
    };
    if let Err(error) = written() {
        // It was made above, so all in it is of this case.
        let _ = fs::remove_dir_all(&folder);
        return Err(error);
    }
    Ok(folder)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    whole_file::replace(path, 0o666, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::TemplateSets;
    use std::os::unix::fs::symlink;

    fn case() -> Case {
        Case::samples().remove(0)
    }

    #[test]
    fn a_saved_case_is_verified_by_golden() {
        let directory = tempfile::tempdir().unwrap();
        let cases = directory.path().join("cases");
        let options = SetOptions::default();
        let folder = save(&cases, "pi", &case(), &options).unwrap();
        let sets = TemplateSets::load(&options).unwrap();
        assert_eq!(golden::verify(&folder, &sets).unwrap(), []);
        assert!(folder.join("pod-driver.yaml").exists());
        let again = save(&cases, "pi", &case(), &options).unwrap_err();
        assert!(again.contains("exists"), "{again}");
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let cases = directory.path().join("cases");
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/tmp/x",
            "A",
            "a\0b",
            "a b",
            "%2e%2e",
            &"x".repeat(64),
        ] {
            assert!(
                save(&cases, name, &case(), &SetOptions::default()).is_err(),
                "{name:?}"
            );
        }
        let outside = directory.path().join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(&cases).unwrap();
        symlink(&outside, cases.join("link")).unwrap();
        assert!(save(&cases, "link", &case(), &SetOptions::default()).is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}
