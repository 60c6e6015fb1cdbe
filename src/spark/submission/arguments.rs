//! The arguments of `spark-submit`: its options, conf, primary resource and application arguments.

mod parse;

pub use parse::{ArgumentsError, OtherDash, SparkSubmitCommand, SubmissionOperation, parse, parse_command};

use super::Feature;
use std::collections::BTreeMap;

/// Everything that one `spark-submit` command line says, before properties files, environment and defaults.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SparkSubmitArguments {
    /// The dedicated options that were given, by option; they beat every conf.
    pub options: BTreeMap<SparkOption, String>,
    /// `--conf`, a later one of the same key wins.
    pub conf: BTreeMap<String, String>,
    /// The first value of each key of `conf` that a later argument changed. Spark doesn't mind; a service does, where the
    /// first is the operator's and the later its user's.
    pub changed_conf: BTreeMap<String, String>,
    /// `--properties-file`.
    pub properties_file: Option<String>,
    /// `--extra-properties-file`, which Spark uses internally; a later file wins.
    pub extra_properties_files: Vec<String>,
    /// `--load-spark-defaults`.
    pub load_spark_defaults: bool,
    /// The options given that not every Spark version has.
    pub newer_options: BTreeMap<&'static str, Feature>,
    /// The main application file, or `spark-internal` for none.
    pub primary_resource: Option<String>,
    /// The application's arguments.
    pub arguments: Vec<String>,
}

impl SparkSubmitArguments {
    /// Sets a conf key as a later argument does.
    fn set_conf(&mut self, key: String, value: String) {
        if let Some(earlier) = self.conf.get(&key).filter(|earlier| **earlier != value) {
            self.changed_conf
                .entry(key.clone())
                .or_insert_with(|| earlier.clone());
        }
        self.conf.insert(key, value);
    }
}

impl std::fmt::Debug for SparkSubmitArguments {
    /// Values may be secrets, so options and keys are shown without them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SparkSubmitArguments")
            .field("options", &self.options.keys())
            .field("conf", &self.conf.keys())
            .field("arguments", &self.arguments.len())
            .finish_non_exhaustive()
    }
}

macro_rules! options {
    ($($variant:ident $name:literal, [$($conf:literal),*], $environment:expr;)*) => {
        /// The options of `spark-submit` that take a value and say something about the application.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum SparkOption { $($variant),* }

        impl SparkOption {
            /// Every option.
            pub const ALL: &'static [SparkOption] = &[$(SparkOption::$variant),*];

            /// As written on the command line.
            pub fn name(self) -> &'static str {
                match self { $(SparkOption::$variant => $name),* }
            }

            /// The conf keys that stand for it: the first is what it is written to, and all of them, in order,
            /// are where it comes from when it is not given.
            pub fn conf_keys(self) -> &'static [&'static str] {
                match self { $(SparkOption::$variant => &[$($conf),*]),* }
            }

            /// The environment variable that it comes from when neither option nor conf is given.
            pub fn environment_variable(self) -> Option<&'static str> {
                match self { $(SparkOption::$variant => $environment),* }
            }
        }
    };
}

// Spark's SparkSubmitArguments.loadEnvironmentArguments and SparkSubmit.prepareSubmitEnvironment.
options! {
    Archives "--archives", ["spark.archives"], None;
    Class "--class", [], None;
    DeployMode "--deploy-mode", ["spark.submit.deployMode"], Some("DEPLOY_MODE");
    DriverClassPath "--driver-class-path", ["spark.driver.extraClassPath"], None;
    DriverCores "--driver-cores", ["spark.driver.cores"], None;
    DriverJavaOptions "--driver-java-options", ["spark.driver.extraJavaOptions"], None;
    DriverLibraryPath "--driver-library-path", ["spark.driver.extraLibraryPath"], None;
    DriverMemory "--driver-memory", ["spark.driver.memory"], Some("SPARK_DRIVER_MEMORY");
    ExcludePackages "--exclude-packages", ["spark.jars.excludes"], None;
    ExecutorCores "--executor-cores", ["spark.executor.cores"], Some("SPARK_EXECUTOR_CORES");
    ExecutorMemory "--executor-memory", ["spark.executor.memory"], Some("SPARK_EXECUTOR_MEMORY");
    Files "--files", ["spark.files"], None;
    Jars "--jars", ["spark.jars"], None;
    Keytab "--keytab", ["spark.kerberos.keytab", "spark.yarn.keytab"], None;
    Master "--master", ["spark.master"], Some("MASTER");
    Name "--name", ["spark.app.name"], None;
    NumExecutors "--num-executors", ["spark.executor.instances"], None;
    Packages "--packages", ["spark.jars.packages"], None;
    Principal "--principal", ["spark.kerberos.principal", "spark.yarn.principal"], None;
    ProxyUser "--proxy-user", [], None;
    PyFiles "--py-files", ["spark.submit.pyFiles"], None;
    Queue "--queue", [], None;
    Remote "--remote", ["spark.remote"], None;
    Repositories "--repositories", ["spark.jars.repositories"], None;
    TotalExecutorCores "--total-executor-cores", ["spark.cores.max"], None;
}
