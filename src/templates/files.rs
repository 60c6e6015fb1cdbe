//! What each file of a template set is, by its name.

use super::{EXTRA_ROLE, builtin, vocabulary};
use std::collections::BTreeMap;

/// The files of a set by name, as they are in the `ConfigMap`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The folder whose patches, additional objects and policies apply to every submission. It is no set.
pub const ALWAYS: &str = "always";

/// The file that says which namespaces are exempt from which policies of its folder.
pub const EXEMPT: &str = "exempt.yaml";

/// The ending of a file that is a template.
const TEMPLATE: &str = ".j2";

/// The ending of a template that writes an object.
const OBJECT: &str = ".yaml.j2";

/// The ending of a template that is merged onto what another wrote.
const PATCH: &str = ".patch.yaml.j2";

/// The ending of a template that may refuse finished objects.
const POLICY: &str = ".policy.j2";

/// What a template's name says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// In place of the built-in template of this name.
    Override,
    /// For `include` and `import`: the name begins with `_`.
    Partial,
    /// Merged onto what the template of the given name wrote: `driver-pod.patch.yaml.j2`.
    Patch(String),
    /// An additional object that the driver Pod owns.
    Extra,
    /// Refuses submissions by their finished objects.
    Policy,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// Whether each layer's applies beside the others'; else the file of a named set stands in for the default set's.
    pub(super) fn is_of_its_layer(&self) -> bool {
        matches!(self, Self::Patch(_) | Self::Policy)
    }
}

/// Whether a file of this name is a template.
pub(crate) fn is_template(name: &str) -> bool {
    name.ends_with(TEMPLATE)
}

/// Whether a file of this name is a part of a set: a template, or the exemptions of its policies.
pub(crate) fn is_part(name: &str) -> bool {
    is_template(name) || name == EXEMPT
}

/// Whether the file, with or without its layer's folder, is a policy.
pub(crate) fn is_policy(name: &str) -> bool {
    kind(name.rsplit('/').next().unwrap_or(name)) == FileKind::Policy
}

/// What the template of this name is.
pub(crate) fn kind(name: &str) -> FileKind {
    if name.starts_with('_') {
        FileKind::Partial
    } else if builtin::source(name).is_some() {
        FileKind::Override
    } else if name.strip_suffix(POLICY).is_some_and(is_plain) {
        FileKind::Policy
    } else if let Some(stem) = name.strip_suffix(PATCH) {
        FileKind::Patch(format!("{stem}{OBJECT}"))
    } else if stem(name).is_some_and(is_plain) {
        FileKind::Extra
    } else {
        FileKind::Unknown
    }
}

/// The role of the additional object that a file of this name writes, if it writes one.
pub(super) fn extra_role(name: &str) -> Option<String> {
    let is_extra = is_template(name) && kind(name) == FileKind::Extra;
    is_extra.then(|| format!("{EXTRA_ROLE}{}", stem(name).unwrap_or(name)))
}

/// A template's name without its ending: `driver-pod`.
pub(crate) fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(OBJECT)
}

/// The name that the patch of a template has.
pub(crate) fn patch_of(template: &str) -> String {
    format!("{}{PATCH}", stem(template).unwrap_or(template))
}

/// What is wrong with a file's name among these, where `extras` says whether additional objects are allowed.
pub(crate) fn name_error(name: &str, files: &Files, extras: bool) -> Option<String> {
    match kind(name) {
        FileKind::Override | FileKind::Partial | FileKind::Policy => None,
        FileKind::Patch(of) => {
            let is_extra = files.contains_key(&of) && kind(&of) == FileKind::Extra;
            let known = builtin::source(&of).is_some() || is_extra;
            (!known).then(|| {
                let near = did_you_mean(&of, patch_of);
                format!("it patches `{of}`, and no template has that name{near}")
            })
        }
        FileKind::Extra if extras => misspelled(name, files.get(name)).map(|known| {
            format!("an additional object needs a name of its own, and this is almost another's; did you mean `{known}`?")
        }),
        FileKind::Extra => {
            let contents = files.get(name);
            let near = misspelled(name, contents).or_else(|| {
                let is_unsaid = contents.and_then(|bytes| written_by(bytes)).is_none();
                is_unsaid.then(|| near(name)).flatten()
            });
            Some(unknown(
                "; for an additional object ALLOWED_EXTRA_KINDS must allow its kind, and it allows none",
                near,
            ))
        }
        FileKind::Unknown if name.contains("policy") => {
            Some(unknown("; a policy's is `NAME.policy.j2`, in lowercase letters, digits and `-`", None))
        }
        FileKind::Unknown => Some(unknown("", near(name))),
    }
}

/// What is wrong with a file's name in the layer `always`, where `set` are the files of the set below it.
pub(crate) fn name_error_of_always(name: &str, always: &Files, set: &Files, extras: bool) -> Option<String> {
    match kind(name) {
        FileKind::Override => Some(format!(
            "a template that replaces another one belongs to a set; in the layer `{ALWAYS}` write `{}`, an additional object or \
             a policy",
            patch_of(name)
        )),
        FileKind::Extra if set.contains_key(name) => Some(
            "the set has an additional object of this name, too, and only one layer may write it; rename one of the files"
                .to_owned(),
        ),
        _ => {
            let mut both = set.clone();
            both.extend(always.clone());
            name_error(name, &both, extras)
        }
    }
}

/// That no template has a name, `more` about that, and the template that may be meant.
fn unknown(more: &str, near: Option<&str>) -> String {
    let known: Vec<_> = builtin::SOURCES.iter().map(|(name, _)| *name).collect();
    let near = near.map(|near| format!("; did you mean `{near}`?"));
    format!(
        "no template has this name (known: {}; a partial's name begins with `_`{more}){}",
        known.join(", "),
        near.unwrap_or_default()
    )
}

/// How many letters may differ between a name and the one that is meant.
const MISSPELLED: usize = 2;

/// The built-in template that is meant, where a name is almost its: unless the file writes another kind of object, as
/// `driver-pdb.yaml.j2` does.
fn misspelled(name: &str, contents: Option<&Vec<u8>>) -> Option<&'static str> {
    let kind = contents.and_then(|bytes| written_by(bytes));
    let mut known = builtin::SOURCES.iter();
    let near = known.find(|(known, source)| {
        let is_another = kind.is_some() && kind != kind_written(source);
        !is_another && strsim::damerau_levenshtein(name, known) <= MISSPELLED
    });
    near.map(|(name, _)| *name)
}

fn written_by(contents: &[u8]) -> Option<&str> {
    kind_written(std::str::from_utf8(contents).ok()?)
}

/// The kind of object that a template writes, if it says so in plain text.
fn kind_written(source: &str) -> Option<&str> {
    let kind = source.lines().find_map(|line| line.strip_prefix("kind:"))?;
    let kind = kind.trim().trim_matches(['"', '\'']);
    let is_plain = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then_some(kind)
}

fn did_you_mean(name: &str, written: impl Fn(&str) -> String) -> String {
    near(name)
        .map(|near| format!("; did you mean `{}`?", written(near)))
        .unwrap_or_default()
}

/// The built-in template whose name is nearest.
fn near(name: &str) -> Option<&'static str> {
    let known: Vec<_> = builtin::SOURCES.iter().map(|(name, _)| *name).collect();
    vocabulary::nearest(name, &known)
}

/// Whether a stem can be part of an object file's name.
fn is_plain(stem: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !stem.is_empty() && stem.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_file_is() {
        for (name, expected) in [
            ("driver-pod.yaml.j2", FileKind::Override),
            ("_labels.j2", FileKind::Partial),
            (
                "driver-pod.patch.yaml.j2",
                FileKind::Patch("driver-pod.yaml.j2".to_owned()),
            ),
            ("budget.yaml.j2", FileKind::Extra),
            ("Budget.yaml.j2", FileKind::Unknown),
            ("budget.j2", FileKind::Unknown),
            (".yaml.j2", FileKind::Unknown),
            ("no-host-path.policy.j2", FileKind::Policy),
            (".policy.j2", FileKind::Unknown),
            ("_part.policy.j2", FileKind::Partial),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
        assert_eq!(patch_of("driver-pod.yaml.j2"), "driver-pod.patch.yaml.j2");
    }

    #[test]
    fn a_wrong_name_is_reported_with_what_was_meant() {
        let files = Files::from([("budget.yaml.j2".to_owned(), Vec::new())]);
        let error = |name: &str, extras| name_error(name, &files, extras);
        assert_eq!(error("budget.yaml.j2", true), None);
        assert_eq!(error("budget.patch.yaml.j2", true), None);
        assert_eq!(error("secret.patch.yaml.j2", false), None);
        for (name, says) in [
            ("budget.yaml.j2", "ALLOWED_EXTRA_KINDS"),
            ("driver-pd.yaml.j2", "did you mean `driver-pod.yaml.j2`?"),
            (
                "driver-pd.patch.yaml.j2",
                "did you mean `driver-pod.patch.yaml.j2`?",
            ),
            ("labels.j2", "a partial's name begins with `_`"),
        ] {
            let message = error(name, false).unwrap();
            assert!(message.contains(says), "{name}: {message}");
        }
    }

    #[test]
    fn a_name_like_a_builtin_templates_is_guessed_only_for_its_kind() {
        for (kind, is_guessed) in [("PodDisruptionBudget", false), ("Pod", true), ("{{ x }}", true)] {
            let files = Files::from([(
                "driver-pdb.yaml.j2".to_owned(),
                format!("kind: {kind}\n").into_bytes(),
            )]);
            let message = name_error("driver-pdb.yaml.j2", &files, false).unwrap();
            assert!(message.contains("ALLOWED_EXTRA_KINDS"), "{message}");
            assert_eq!(
                message.ends_with("did you mean `driver-pod.yaml.j2`?"),
                is_guessed,
                "{message}"
            );
        }
    }

    #[test]
    fn a_name_like_a_builtin_templates_is_fine_for_another_kind() {
        let error = |name: &str, kind: &str| {
            let text = format!("apiVersion: x\nkind: {kind}\n");
            name_error(name, &Files::from([(name.to_owned(), text.into_bytes())]), true)
        };
        assert_eq!(error("driver-pdb.yaml.j2", "PodDisruptionBudget"), None);
        for (name, kind) in [
            ("driver-pdb.yaml.j2", "Pod"),
            ("drivr-pod.yaml.j2", "\"Pod\""),
            ("drivr-pod.yaml.j2", "{{ x }}"),
        ] {
            assert!(error(name, kind).is_some(), "{name} {kind}");
        }
    }
}
