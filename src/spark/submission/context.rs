//! Who submits, when, and what of the submitter a submission may reach.

use super::{
    distribution::installed_version,
    hadoop_user,
    refusal::Refusal,
    refusal::wrong_text,
    regular_file::{self, SubmitterFileError},
    spark_env::spark_env,
    version::SparkVersion,
};
use crate::finding::{expected, io_words};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The user for whom Hadoop's login stands in.
const PROXY_USER: &str = "HADOOP_PROXY_USER";
const USER_NAME: &str = "HADOOP_USER_NAME";

/// Everything that a submission takes from where it is submitted. Built in `cli/` or `server/`; below them no
/// environment, clock, user or file is read by any other way, so that the same submission and context give the
/// same manifests, byte for byte.
#[derive(Debug, Clone)]
pub struct SubmitterContext {
    /// `spark.app.submitTime`, in ms since 1970.
    pub submit_time_ms: u64,
    /// `SPARK_USER` of the driver where no proxy user is given.
    pub user: String,
    /// Why Hadoop can't log in the submitting user. [`resolve`](super::resolve()) refuses where Spark has it do so.
    pub no_login: Option<Refusal>,
    /// The master URL of a `SparkApplication`, which names none: `k8s://https://host:port`.
    pub master: String,
    /// The environment that submissions see (`SPARK_LOCAL_DIRS`, `PYSPARK_PYTHON`, `${env:…}`, …).
    pub environment: BTreeMap<String, String>,
    /// The Spark version of a submission that names none.
    pub spark_version: Option<SparkVersion>,
    /// What relative paths are relative to.
    pub working_directory: PathBuf,
    /// Which files and variables of the submitter a submission may reach.
    pub reach: Reach,
    /// What becomes of a submission whose executors can't start.
    pub executor_check: ExecutorCheck,
    /// How submissions come. For policies alone.
    pub entry_point: EntryPoint,
    /// What is known of the namespace. For policies alone: no part of a plan.
    pub namespace: Option<NamespaceMetadata>,
}

/// How a submission comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EntryPoint {
    /// The operator's gRPC contract.
    Grpc,
    /// The operator's REST contract.
    Rest,
    /// The drop-in `spark-submit`, with a server or without.
    SparkSubmit,
    /// The other commands.
    #[default]
    CommandLine,
}

impl EntryPoint {
    /// The entry point as policies see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Rest => "rest",
            Self::SparkSubmit => "spark-submit",
            Self::CommandLine => "command-line",
        }
    }

    /// The entry point as metrics and logs name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::SparkSubmit => "drop-in",
            other => other.name(),
        }
    }
}

/// The metadata of a namespace that policies may read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceMetadata {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What becomes of a submission whose executors can't start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorCheck {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes with a warning.
    Warn,
}

/// Which files and variables of the submitter a submission may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A service's callers: files below these roots only, and no variable. The service runs with the operator's
    /// rights, which the authors of applications don't have.
    Roots(Vec<PathBuf>),
    /// A command's caller, whose own process it is.
    Process,
}

impl SubmitterContext {
    /// The context of golden files: the same wherever it runs.
    pub fn golden() -> Self {
        Self {
            submit_time_ms: 0,
            user: "spark".to_owned(),
            no_login: None,
            master: "k8s://https://kubernetes.default.svc:443".to_owned(),
            environment: BTreeMap::new(),
            spark_version: None,
            working_directory: PathBuf::from("/"),
            reach: Reach::Roots(Vec::new()),
            executor_check: ExecutorCheck::default(),
            entry_point: EntryPoint::CommandLine,
            namespace: None,
        }
    }

    /// The context of a process that stands for `spark-submit`: the environment after `spark-env.sh`, the user as Spark's
    /// `Utils.getCurrentUserName` finds it with `login_name` as the last resort, and the version of `SPARK_HOME`.
    ///
    /// # Errors
    /// Where `spark-env.sh` can't be sourced.
    pub fn of_spark_submit(
        environment: BTreeMap<String, String>,
        login_name: Option<String>,
        working_directory: PathBuf,
        submit_time_ms: u64,
    ) -> Result<Self, Refusal> {
        let environment = spark_env(environment)?;
        let golden = Self::golden();
        let of_spark = environment.get("SPARK_USER").filter(|user| !user.is_empty());
        let (of_hadoop, no_login) = match hadoop_login(&environment) {
            Ok(user) => (user, None),
            Err(refusal) => (None, Some(refusal)),
        };
        let user = of_spark.cloned().or(of_hadoop);
        let installed = environment
            .get("SPARK_HOME")
            .and_then(|home| installed_version(&working_directory.join(home)));
        Ok(Self {
            submit_time_ms,
            user: user.or(login_name).unwrap_or(golden.user),
            no_login,
            spark_version: installed,
            environment,
            working_directory,
            reach: Reach::Process,
            master: golden.master,
            executor_check: golden.executor_check,
            entry_point: golden.entry_point,
            namespace: golden.namespace,
        })
    }

    /// Reads the submitter's file `path`, which `subject` (a conf key or option) names: a regular file within the limit.
    pub(super) fn read_file(&self, subject: &str, path: &str) -> Result<Vec<u8>, Refusal> {
        let resolved = self.reachable(subject, path)?;
        let read = match self.reach {
            // The links on the way were followed and checked against the roots. None may come in between.
            Reach::Roots(_) => regular_file::read_there(&resolved),
            Reach::Process => regular_file::read(&resolved),
        };
        read.map_err(|unreadable| match unreadable {
            SubmitterFileError::TooLong(limit) => limit.at(subject).into(),
            SubmitterFileError::Failed(kind) => wrong_text(
                subject,
                path,
                &format!("a file that can be read ({})", io_words(kind)),
            ),
            SubmitterFileError::NotRegular => wrong_text(subject, path, "a regular file"),
        })
    }

    /// As [`Self::read_file`], for text.
    pub(super) fn read_text(&self, subject: &str, path: &str) -> Result<String, Refusal> {
        String::from_utf8(self.read_file(subject, path)?)
            .map_err(|_| Refusal::new(subject, "the file it names is not UTF-8 text"))
    }

    /// The real path of a file that the submission may reach: links are followed first, then the path is checked against the roots.
    pub(crate) fn reachable(&self, subject: &str, path: &str) -> Result<PathBuf, Refusal> {
        let path = Path::new(
            path.strip_prefix("file://")
                .or_else(|| path.strip_prefix("file:"))
                .unwrap_or(path),
        );
        let absolute = self.working_directory.join(path);
        let Reach::Roots(roots) = &self.reach else {
            return Ok(absolute);
        };
        let refused = || {
            Refusal::new(
                subject,
                "names a file of the submitter, which a request can't reach (SUBMITTER_FILE_ROOTS lists what it can); \
                 put the contents into the application, or mount them into the pods",
            )
        };
        if roots.is_empty() {
            return Err(refused());
        }
        let real = absolute.canonicalize().map_err(|_| refused())?;
        let inside = roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .any(|root| real.starts_with(root));
        if inside { Ok(real) } else { Err(refused()) }
    }
}

/// The user that Hadoop logs in, if the environment names one. Of two it takes the proxy, and must be able to read both.
fn hadoop_login(environment: &BTreeMap<String, String>) -> Result<Option<String>, Refusal> {
    let named = |key: &str| {
        let name = environment.get(key);
        let short =
            name.map(|name| hadoop_user::short_name(name).ok_or_else(|| hadoop_user::malformed(key, name)));
        short.transpose()
    };
    let user = named(USER_NAME)?;
    // An empty `HADOOP_USER_NAME` is a name like any other.
    if environment.get(PROXY_USER).is_some_and(String::is_empty) {
        return Err(Refusal::saying(
            PROXY_USER,
            expected("the name of a user")
                .nothing()
                .advice("unset it: Hadoop makes no user of an empty name"),
        ));
    }
    Ok(named(PROXY_USER)?.or(user).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FILE;

    #[test]
    fn a_request_reaches_files_below_the_roots_only() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(root.path().join("in"), "yes").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        let roots = Reach::Roots(vec![root.path().to_owned()]);
        let context = SubmitterContext {
            reach: roots,
            ..SubmitterContext::golden()
        };
        let read = |name: &str| context.read_file("some.key", &root.path().join(name).to_string_lossy());
        assert_eq!(read("in").unwrap(), b"yes");
        for refused in ["out", "../", "missing"] {
            assert!(
                read(refused)
                    .unwrap_err()
                    .to_string()
                    .starts_with("some.key: names a file"),
                "{refused}"
            );
        }
        let wide = std::fs::File::create(root.path().join("wide")).unwrap();
        for (length, fits) in [
            (FILE.most as u64, true),
            (FILE.most as u64 + 1, false),
            (5 << 30, false),
        ] {
            wide.set_len(length).unwrap();
            let found = read("wide").map(|bytes| bytes.len() as u64);
            match found {
                Ok(found) => assert!(fits && found == length, "{found}"),
                Err(refusal) => assert!(!fits && refusal.over_limit, "{refusal}"),
            }
        }
        let pipe = root.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        for (name, not_one) in [("pipe", "a regular file"), (".", "a regular file")] {
            let refusal = read(name).unwrap_err().to_string();
            assert!(refusal.contains(not_one), "{name}: {refusal}");
        }
        let closed = SubmitterContext::golden();
        assert!(closed.read_file("k", "/etc/passwd").is_err());
    }

    #[test]
    fn the_user_is_found_as_hadoop_finds_it() {
        let (spark, proxy, hadoop) = ("SPARK_USER", "HADOOP_PROXY_USER", "HADOOP_USER_NAME");
        for (variables, user, refused) in [
            (vec![], "login", None),
            (vec![(spark, "s"), (hadoop, "h")], "s", None),
            (vec![(spark, ""), (proxy, "p"), (hadoop, "h")], "p", None),
            (vec![(hadoop, "")], "", None),
            (vec![(spark, "s"), (proxy, ""), (hadoop, "h")], "s", Some(proxy)),
            (vec![(proxy, ""), (hadoop, "h")], "login", Some(proxy)),
            (vec![(spark, ""), (proxy, "")], "login", Some(proxy)),
            (vec![(proxy, "p@R"), (hadoop, "h")], "p", None),
            (vec![(hadoop, "h/host@R")], "h", None),
            (vec![(spark, "s@R")], "s@R", None),
            (vec![(spark, "s@")], "s@", None),
            (vec![(proxy, "@R")], "login", Some(proxy)),
            (vec![(hadoop, "h@")], "login", Some(hadoop)),
            (vec![(proxy, "p"), (hadoop, "h@")], "login", Some(hadoop)),
            (vec![(spark, "s"), (hadoop, "h@")], "s", Some(hadoop)),
        ] {
            let environment = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let login_name = Some("login".to_owned());
            let context = SubmitterContext::of_spark_submit(environment, login_name, PathBuf::from("/"), 0);
            let context = context.unwrap();
            assert_eq!(context.user, user, "{variables:?}");
            let subject = context.no_login.map(|refusal| refusal.subject);
            assert_eq!(subject.as_deref(), refused, "{variables:?}");
        }
    }
}
