//! Files of the submitter that are part of a submission.

use super::{PodTemplate, Refusal, SubmitterContext, conf::ConfReader};
use std::{collections::BTreeMap, path::Path};

/// The contents of the submitter's files that go to the driver.
#[derive(Debug, Clone, Default)]
pub struct SubmitterFiles {
    /// The files of `SPARK_CONF_DIR`, by name.
    pub conf_dir: Vec<NamedFile>,
    /// The files of `HADOOP_CONF_DIR`, by name, where that is set.
    pub hadoop_conf: Option<Vec<NamedFile>>,
    /// `spark.kubernetes.kerberos.krb5.path`.
    pub krb5: Option<NamedFile>,
    /// `spark.kerberos.keytab`, unless it is `local:`.
    pub keytab: Option<NamedFile>,
    /// The driver's credentials, by the name of their key in the Secret.
    pub credentials: BTreeMap<&'static str, Vec<u8>>,
}

/// A file's own name and its contents.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The last part of its path.
    pub name: String,
    /// What is in it.
    pub contents: Vec<u8>,
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

/// Reads every file that the conf and environment name.
pub(super) fn read(conf: ConfReader<'_>, context: &SubmitterContext) -> Result<SubmitterFiles, Refusal> {
    let mut credentials = BTreeMap::new();
    for (key, name, what) in CREDENTIAL_FILES {
        if let Some(path) = conf.text(key)? {
            let resolved = context.reachable(key, &path)?;
            if !resolved.is_file() {
                return Err(Refusal::new(
                    key,
                    format!("{what} provided does not exist or is not a file"),
                ));
            }
            credentials.insert(name, context.read_file(key, &path)?);
        }
    }
    if let Some(token) = conf.text(CREDENTIAL_TOKEN)? {
        credentials.insert("oauth-token", token.into_bytes());
    }
    Ok(SubmitterFiles {
        conf_dir: conf_dir(context),
        hadoop_conf: hadoop_conf(conf, context)?,
        krb5: named(conf, context, "spark.kubernetes.kerberos.krb5.path", |_| true)?,
        keytab: named(conf, context, "spark.kerberos.keytab", |path| {
            !path.starts_with("local:")
        })?,
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
        return Err(super::conf::wrong(key, &path, "the path of a file"));
    }
    let contents = context.read_file(key, &path)?;
    let name = Path::new(&path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Some(NamedFile { name, contents }))
}

/// The files of `SPARK_CONF_DIR`, or of `$SPARK_HOME/conf`.
fn conf_dir(context: &SubmitterContext) -> Vec<NamedFile> {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    let directory = match (variable("SPARK_CONF_DIR"), variable("SPARK_HOME")) {
        (Some(directory), _) => context.working_directory.join(directory),
        (None, Some(home)) => context.working_directory.join(home).join("conf"),
        (None, None) => return Vec::new(),
    };
    regular_files(&directory)
}

fn hadoop_conf(conf: ConfReader<'_>, context: &SubmitterContext) -> Result<Option<Vec<NamedFile>>, Refusal> {
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
    Ok(Some(regular_files(&context.working_directory.join(directory))))
}

/// The regular files directly in `directory`, by name; those that can't be read are left out, as Spark does.
fn regular_files(directory: &Path) -> Vec<NamedFile> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| {
            let contents = std::fs::read(entry.path()).ok()?;
            Some(NamedFile {
                name: entry.file_name().to_string_lossy().into_owned(),
                contents,
            })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// Reads the pod template that `key` names.
pub(super) fn pod_template(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
    key: &str,
) -> Result<Option<PodTemplate>, Refusal> {
    let Some(path) = conf.text(key)? else {
        return Ok(None);
    };
    if super::uri::scheme(&path).is_some_and(|scheme| !scheme.eq_ignore_ascii_case("file")) {
        return Err(Refusal::new(
            key,
            "only a file of the submitter can be read; Spark would download this URI through Hadoop, which needs a JVM",
        ));
    }
    PodTemplate::from_yaml(key, &context.read_text(key, &path)?).map(Some)
}
