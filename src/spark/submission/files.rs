//! Files of the submitter that are part of a submission.

use super::{
    Feature, PodTemplate, Refusal, SparkVersion, SubmitterContext,
    conf::ConfReader,
    excluded_steps::ExcludedSteps,
    refusal::wrong_text,
    regular_file::{self, SubmitterFileError},
    uri,
};
use crate::{
    finding::Warnings,
    limits::{FILES, FILES_BYTES},
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The contents of the submitter's files that go to the driver.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SubmitterFiles {
    /// The files of `SPARK_CONF_DIR`, by name.
    pub conf_dir: Vec<NamedFile>,
    /// The files of `HADOOP_CONF_DIR`, by name, where that is set.
    pub hadoop_conf: Option<Vec<NamedFile>>,
    /// `spark.kubernetes.kerberos.krb5.path`.
    pub krb5: Option<NamedFile>,
    /// `spark.kerberos.keytab`, unless it is `local:`.
    pub keytab: Option<NamedFile>,
    /// The driver's credentials, each by the name of its key in the Secret.
    pub credentials: Vec<NamedFile>,
}

/// A file's own name and its contents.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    /// The last part of its path.
    pub name: String,
    /// What is in it.
    #[serde(with = "as_base64")]
    pub contents: Vec<u8>,
}

/// Bytes as one text, where a list of numbers would be four times as long.
mod as_base64 {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}

impl std::fmt::Debug for NamedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.contents.len())
    }
}

/// The files that Spark's `DriverKubernetesCredentialsFeatureStep` puts into a Secret: conf key, key in the
/// Secret, and Spark's word for it.
const CREDENTIAL_FILES: [(&str, &str, &str); 3] = [
    (
        "spark.kubernetes.authenticate.driver.caCertFile",
        "ca-cert",
        "Driver CA cert file",
    ),
    (
        "spark.kubernetes.authenticate.driver.clientKeyFile",
        "client-key",
        "Driver client key file",
    ),
    (
        "spark.kubernetes.authenticate.driver.clientCertFile",
        "client-cert",
        "Driver client cert file",
    ),
];

/// The token that goes into the same Secret, given as a value.
const CREDENTIAL_TOKEN: &str = "spark.kubernetes.authenticate.driver.oauthToken";

/// Reads the files that the conf and environment name, without those of which an excluded step would make an object: Spark never opens
/// them. The credentials are read by the constructor of their step.
pub(super) fn read(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    excluded: &ExcludedSteps,
) -> Result<SubmitterFiles, Refusal> {
    let mut credentials = Vec::new();
    for (key, name, what) in CREDENTIAL_FILES {
        // Spark reads these as they are, `${…}` and all.
        if let Some(path) = conf.raw().get(key) {
            let resolved = context.reachable(key, path)?;
            if !resolved.is_file() {
                return Err(Refusal::new(
                    key,
                    format!("{what} provided does not exist or is not a file"),
                ));
            }
            credentials.push(NamedFile {
                name: name.to_owned(),
                contents: context.read_file(key, path)?,
            });
        }
    }
    if let Some(token) = conf.raw().get(CREDENTIAL_TOKEN) {
        credentials.push(NamedFile {
            name: "oauth-token".to_owned(),
            contents: token.as_bytes().to_vec(),
        });
    }
    let is_kerberos_excluded = excluded.has("KerberosConfDriverFeatureStep");
    let krb5 = if is_kerberos_excluded {
        None
    } else {
        named(conf, context, "spark.kubernetes.kerberos.krb5.path", |_| true)?
    };
    // That this one exists is looked at before any step.
    let keytab = named(conf, context, "spark.kerberos.keytab", |path| {
        !path.starts_with("local:")
    })?;
    Ok(SubmitterFiles {
        conf_dir: conf_dir(context)?,
        hadoop_conf: hadoop_conf(conf, context, excluded)?,
        krb5,
        keytab: keytab.filter(|_| !is_kerberos_excluded),
        credentials,
    })
}

fn named(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    key: &str,
    is_file: impl Fn(&str) -> bool,
) -> Result<Option<NamedFile>, Refusal> {
    let Some(path) = conf.text(key)?.filter(|path| is_file(path)) else {
        return Ok(None);
    };
    // Spark takes the value for a path, so a URI names no file.
    if super::uri::scheme(&path).is_some() {
        return Err(wrong_text(key, &path, "the path of a file"));
    }
    let contents = context.read_file(key, &path)?;
    let name = Path::new(&path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Some(NamedFile { name, contents }))
}

/// The files of `SPARK_CONF_DIR`, or of `$SPARK_HOME/conf`.
fn conf_dir(context: &SubmitterContext) -> Result<Vec<NamedFile>, Refusal> {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    let directory = match (variable("SPARK_CONF_DIR"), variable("SPARK_HOME")) {
        (Some(directory), _) => context.working_directory.join(directory),
        (None, Some(home)) => context.working_directory.join(home).join("conf"),
        (None, None) => return Ok(Vec::new()),
    };
    regular_files("SPARK_CONF_DIR", &directory, TooMuch::LeftOut)
}

fn hadoop_conf(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    excluded: &ExcludedSteps,
) -> Result<Option<Vec<NamedFile>>, Refusal> {
    let key = "spark.kubernetes.hadoop.configMapName";
    let Some(directory) = context.environment.get("HADOOP_CONF_DIR") else {
        return Ok(None);
    };
    if conf.text(key)?.is_some() {
        return Err(Refusal::new(
            key,
            "Do not specify both the `HADOOP_CONF_DIR` in your ENV and the ConfigMap of this key",
        ));
    }
    if excluded.has("HadoopConfDriverFeatureStep") {
        return Ok(None);
    }
    let directory = context.working_directory.join(directory);
    regular_files("HADOOP_CONF_DIR", &directory, TooMuch::Refused).map(Some)
}

/// What becomes of files that are too long, alone or together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TooMuch {
    /// They stay behind, as Spark leaves what doesn't fit into its `ConfigMap`: it takes the smallest first.
    LeftOut,
    /// All of them are needed.
    Refused,
}

/// What never goes into Spark's `ConfigMap`, whatever its size.
const ARCHIVES: [&str; 5] = [".gz", ".zip", ".jar", ".tar", ".template"];

/// The regular files directly in `directory`, by name; those that can't be read are left out, as Spark does.
fn regular_files(subject: &str, directory: &Path, too_much: TooMuch) -> Result<Vec<NamedFile>, Refusal> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Ok(Vec::new());
    };
    let entries: Vec<_> = entries.take(FILES.most + 1).collect();
    FILES.holds(subject, entries.len())?;
    let mut found: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = std::fs::metadata(entry.path()).ok()?;
            metadata.is_file().then(|| (metadata.len(), name, entry.path()))
        })
        .collect();
    if too_much == TooMuch::LeftOut {
        found.retain(|(_, name, _)| !ARCHIVES.iter().any(|end| name.ends_with(end)));
    }
    found.sort();
    let mut bytes = 0;
    let mut files = Vec::with_capacity(found.len());
    for (_, name, path) in found {
        let contents = match regular_file::read(&path) {
            Ok(contents) => contents,
            Err(SubmitterFileError::TooLong(limit)) if too_much == TooMuch::Refused => {
                return Err(limit.at(subject).into());
            }
            Err(_) => continue,
        };
        bytes += contents.len();
        if bytes > FILES_BYTES.most {
            match too_much {
                TooMuch::LeftOut => break,
                TooMuch::Refused => return Err(FILES_BYTES.at(subject).into()),
            }
        }
        files.push(NamedFile { name, contents });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Reads the driver's pod template.
pub(super) fn driver_template(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    version: &SparkVersion,
) -> Result<Option<PodTemplate>, Refusal> {
    let key = "spark.kubernetes.driver.podTemplateFile";
    template(conf, key, version, |path| context.read_text(key, path))
}

/// Reads the executors' pod template. Spark carries its text to the driver unread; one that the driver can't load
/// is better refused before there is a driver.
pub(super) fn executor_template(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    version: &SparkVersion,
) -> Result<Option<PodTemplate>, Refusal> {
    let key = "spark.kubernetes.executor.podTemplateFile";
    template(conf, key, version, |path| {
        if version.has(Feature::StrictUtf8) {
            return context.read_text(key, path);
        }
        Ok(String::from_utf8_lossy(&context.read_file(key, path)?).into_owned())
    })
}

fn template(
    conf: ConfReader<'_>,
    key: &str,
    version: &SparkVersion,
    read: impl FnOnce(&str) -> Result<String, Refusal>,
) -> Result<Option<PodTemplate>, Refusal> {
    let Some(path) = template_path(conf, key)? else {
        return Ok(None);
    };
    let text = read(&path)?;
    conf.raw()
        .budgeted(|budget| PodTemplate::from_yaml(key, &text, version, budget))
        .map(Some)
}

/// The path that `key` names. A `local:` one is a file of the submitter, as every other (Spark's `Utils.fetchFile`).
fn template_path(conf: ConfReader<'_>, key: &str) -> Result<Option<String>, Refusal> {
    let Some(path) = conf.text(key)? else {
        return Ok(None);
    };
    if !uri::is_legal(&path) {
        return Err(Refusal::new(
            key,
            "is not a URI: a space or another character that a URI can't have must be percent-encoded or avoided",
        ));
    }
    match uri::scheme(&path) {
        None => Ok(Some(path)),
        Some(scheme) if scheme.eq_ignore_ascii_case("file") => Ok(Some(path)),
        Some("local") => Ok(Some(local_path(&path).to_owned())),
        Some(_) => Err(Refusal::new(
            key,
            "only a file of the submitter can be read; Spark would download this URI through Hadoop, which needs a JVM",
        )),
    }
}

/// `/path` of `local:///path` and `local:/path`.
fn local_path(uri: &str) -> &str {
    let rest = uri.trim_start_matches("local:");
    rest.strip_prefix("//").unwrap_or(rest)
}

/// What of `SPARK_CONF_DIR` the API server would not take as a key of a `ConfigMap`, said to the user.
pub(super) fn unusable_names(files: &SubmitterFiles) -> Warnings {
    files
        .conf_dir
        .iter()
        .filter(|file| !is_config_map_key(&file.name))
        .map(|file| {
            format!(
                "SPARK_CONF_DIR: file {} is left out: the name of a key in a ConfigMap has letters, digits, `-`, `_` \
                 and `.` only, and is at most 253 long",
                crate::redaction::shown(&file.name)
            )
        })
        .collect()
}

/// Kubernetes' `IsConfigMapKey`.
pub(crate) fn is_config_map_key(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{Reach, SparkConf};

    fn context(directory: &Path) -> SubmitterContext {
        SubmitterContext {
            reach: Reach::Process,
            working_directory: directory.to_owned(),
            ..SubmitterContext::golden()
        }
    }

    #[test]
    fn a_pod_template_is_found_by_path_and_by_file_and_local_uris() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("t.yaml"), "spec: {containers: []}").unwrap();
        std::fs::write(directory.path().join("a b.yaml"), "spec: {containers: []}").unwrap();
        let context = context(directory.path());
        let root = directory.path().to_str().unwrap();
        let read = |path: &str| {
            let mut conf = SparkConf::default();
            for role in ["driver", "executor"] {
                conf.set(format!("spark.kubernetes.{role}.podTemplateFile"), path);
            }
            let conf = ConfReader::new(&conf, &context);
            let version = SparkVersion::newest();
            let driver = driver_template(conf, &context, &version).map_err(|error| error.to_string());
            let executor = executor_template(conf, &context, &version).map_err(|error| error.to_string());
            assert_eq!(driver.is_ok(), executor.is_ok(), "{path}");
            driver.map(|template| template.is_some())
        };
        for path in [
            "t.yaml".to_owned(),
            format!("{root}/t.yaml"),
            format!("file://{root}/t.yaml"),
            format!("local://{root}/t.yaml"),
            format!("local:{root}/t.yaml"),
        ] {
            assert_eq!(read(&path), Ok(true), "{path}");
        }
        for (path, message) in [
            ("a b.yaml", "is not a URI"),
            ("s3a://b/t.yaml", "only a file of the submitter"),
            ("missing.yaml", "a file that can be read"),
        ] {
            assert!(read(path).unwrap_err().contains(message), "{path}");
        }
    }

    #[test]
    fn directories_are_read_within_limits() {
        let folder = tempfile::tempdir().unwrap();
        let create = |name: &str, length: usize| {
            std::fs::File::create(folder.path().join(name))
                .unwrap()
                .set_len(length as u64)
                .unwrap();
        };
        let read = |too_much| {
            let files = regular_files("D", folder.path(), too_much).map_err(|refusal| {
                assert!(refusal.over_limit, "{refusal}");
                refusal.to_string()
            })?;
            Ok::<_, String>(files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        for name in ["a", "b", "c", "d"] {
            create(name, 1 << 20);
        }
        for too_much in [TooMuch::LeftOut, TooMuch::Refused] {
            assert_eq!(read(too_much), Ok(["a", "b", "c", "d"].map(str::to_owned).into()));
        }
        create("0", 1);
        assert_eq!(
            read(TooMuch::LeftOut),
            Ok(["0", "a", "b", "c"].map(str::to_owned).into())
        );
        assert!(
            read(TooMuch::Refused)
                .unwrap_err()
                .contains("4194304 bytes in the files")
        );
        for name in ["0", "a", "b", "c"] {
            create(name, 0);
        }
        create("d", (1 << 20) + 1);
        assert_eq!(
            read(TooMuch::LeftOut),
            Ok(["0", "a", "b", "c"].map(str::to_owned).into())
        );
        assert!(
            read(TooMuch::Refused)
                .unwrap_err()
                .contains("1048576 bytes in one file")
        );
        create("d", 0);
        for nth in 5..FILES.most {
            create(&format!("x{nth}"), 0);
        }
        assert_eq!(read(TooMuch::Refused).map(|files| files.len()), Ok(FILES.most));
        create("one more", 0);
        for too_much in [TooMuch::LeftOut, TooMuch::Refused] {
            assert!(
                read(too_much)
                    .unwrap_err()
                    .contains("1000 files in one directory")
            );
        }
    }

    #[test]
    fn an_executor_template_that_is_not_utf8_is_read_as_the_version_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("t.yaml"), b"# \xff\nspec: {containers: []}").unwrap();
        let context = context(directory.path());
        let mut conf = SparkConf::default();
        conf.set("spark.kubernetes.executor.podTemplateFile", "t.yaml");
        let read = |version: &str| {
            executor_template(
                ConfReader::new(&conf, &context),
                &context,
                &version.parse().unwrap(),
            )
        };
        assert!(read("4.0.4").unwrap().is_some());
        assert!(read("4.1.0").unwrap_err().to_string().contains("not UTF-8"));
    }

    #[test]
    fn a_file_whose_name_is_no_key_is_named() {
        let file = |name: &str| NamedFile {
            name: name.to_owned(),
            contents: Vec::new(),
        };
        let files = SubmitterFiles {
            conf_dir: ["ok-_.1", "a:b", "with space", "ü"].map(file).into(),
            ..SubmitterFiles::default()
        };
        let warnings = unusable_names(&files);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(
            warnings[0].starts_with("SPARK_CONF_DIR: file `a:b` is left out"),
            "{warnings:?}"
        );
    }
}
