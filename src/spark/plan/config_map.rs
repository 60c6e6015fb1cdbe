//! The driver's `ConfigMap`: its properties and the files of `SPARK_CONF_DIR` (Spark's
//! `KubernetesClientUtils.buildConfigMap` and `Client`).

use super::{
    ConfigMapPlan,
    command::{CONF_DIR, PROPERTIES_FILE},
    draft::Draft,
};
use crate::spark::submission::{Feature, NamedFile, Refusal, is_config_map_key, properties};
use serde_json::json;
use std::{borrow::Cow, collections::BTreeMap};

const VOLUME: &str = "spark-conf-volume-driver";

/// The key by which Spark passes the namespace along; it is stored, and not mounted.
const NAMESPACE_KEY: &str = "spark.kubernetes.namespace";

/// How large all files of a `ConfigMap` may be at most, and are unless the conf says less.
const MAX_SIZE: usize = 1 << 20;

/// The permissions of the mounted files, 0644.
const MODE: u32 = 0o644;

/// Mounts the `ConfigMap` and points the driver to it. The last change to the pod, as in Spark.
pub(super) fn apply(draft: &mut Draft<'_>) -> Result<ConfigMapPlan, Refusal> {
    let name = draft.names.config_map();
    let mut data = conf_files(draft)?;
    let comment = format!("Java properties built from Kubernetes config map with name: {name}");
    data.insert(
        PROPERTIES_FILE.to_owned(),
        properties::write(&comment, &draft.properties),
    );
    let items: Vec<_> = data
        .keys()
        .map(|file| json!({"key": file, "mode": MODE, "path": file}))
        .collect();
    data.insert(NAMESPACE_KEY.to_owned(), draft.names.namespace.clone());
    draft.pod.add_env("SPARK_CONF_DIR", CONF_DIR);
    draft.pod.mount(
        VOLUME,
        CONF_DIR,
        json!({"configMap": {"name": name, "items": items}}),
    );
    Ok(ConfigMapPlan {
        role: "driver".to_owned(),
        name,
        data,
    })
}

fn conf_files(draft: &Draft<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    const KEY: &str = "spark.kubernetes.configMap.maxSize";
    let allowed = format!("a number of bytes up to {MAX_SIZE}");
    let max_size = draft.conf.number::<i64>(KEY, &allowed)?;
    // Into less than nothing no file fits.
    let max_size = max_size.map_or(MAX_SIZE, |size| usize::try_from(size).unwrap_or(0));
    if max_size > MAX_SIZE {
        let value = draft.conf.text(KEY)?.unwrap_or_default();
        return Err(draft.conf.wrong(KEY, &value, &allowed));
    }
    Ok(that_fit(&draft.submission.files.conf_dir, max_size))
}

/// The files of `SPARK_CONF_DIR` that fit, smallest first, as Spark chooses them: one file by its bytes, all together
/// by their characters (Java's, of UTF-16).
fn that_fit(files: &[NamedFile], max_size: usize) -> BTreeMap<String, String> {
    let mut candidates: Vec<_> = files
        .iter()
        .filter(|file| is_wanted(&file.name))
        .map(|file| (file.name.len() + file.contents.len(), file))
        .filter(|(size, _)| *size <= max_size)
        .collect();
    candidates.sort_by(|(a_size, a), (b_size, b)| a_size.cmp(b_size).then_with(|| a.name.cmp(&b.name)));
    let mut total = 0;
    let mut fitting = BTreeMap::new();
    for (_, file) in candidates {
        let Ok(text) = std::str::from_utf8(&file.contents) else {
            continue;
        };
        let characters = file.name.len() + text.encode_utf16().count();
        if total + characters < max_size {
            total += characters;
            fitting.insert(file.name.clone(), text.to_owned());
        }
    }
    fitting
}

/// Archives, templates, and Spark's own conf files stay behind; so does what can't be a key of a `ConfigMap`.
fn is_wanted(name: &str) -> bool {
    let ends_with = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    let sparks_own = name.starts_with("spark") && ends_with(&["conf", "properties"]);
    !sparks_own && !ends_with(&[".gz", ".zip", ".jar", ".tar", ".template"]) && is_config_map_key(name)
}

/// Files as the data of a `ConfigMap`; all must be text.
pub(super) fn text_files(
    draft: &Draft<'_>,
    subject: &str,
    files: &[NamedFile],
) -> Result<BTreeMap<String, String>, Refusal> {
    let strict = draft.has(Feature::StrictUtf8);
    files
        .iter()
        .map(|file| match text(&file.contents, strict) {
            Some(text) => Ok((file.name.clone(), text)),
            None => Err(Refusal::new(
                subject,
                format!("file {} is not UTF-8 text", file.name),
            )),
        })
        .collect()
}

/// The text of a file. Before Spark 4.1, which is strict, what isn't UTF-8 is replaced by U+FFFD.
fn text(contents: &[u8], strict: bool) -> Option<String> {
    match String::from_utf8_lossy(contents) {
        Cow::Owned(_) if strict => None,
        text => Some(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, contents: &str) -> NamedFile {
        NamedFile {
            name: name.to_owned(),
            contents: contents.into(),
        }
    }

    #[test]
    fn one_file_counts_by_bytes_and_all_by_characters() {
        // 13 bytes and 7 characters, with the name.
        let files = [file("a", "äöüäöü"), file("b", "äöüäöü")];
        let names = |max_size| {
            that_fit(&files, max_size)
                .into_keys()
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(names(12), "");
        assert_eq!(names(13), "a");
        assert_eq!(names(14), "a");
        assert_eq!(names(15), "a,b");
    }

    #[test]
    fn what_spark_leaves_behind_and_what_is_no_key_is_not_among_the_files() {
        let names = [
            "log4j2.properties",
            "spark-defaults.conf",
            "spark.properties",
            "x.jar",
            "x.template",
            "a b",
            "spark-env.sh",
        ];
        let files: Vec<_> = names.into_iter().map(|name| file(name, "x")).collect();
        let kept: Vec<_> = that_fit(&files, MAX_SIZE).into_keys().collect();
        assert_eq!(kept, ["log4j2.properties", "spark-env.sh"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_unless_the_version_is_strict() {
        assert_eq!(text(b"a\xffb", false).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(text(b"a\xffb", true), None);
        for strict in [false, true] {
            assert_eq!(text("ä\0".as_bytes(), strict).as_deref(), Some("ä\0"));
        }
    }
}
