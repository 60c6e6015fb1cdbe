//! What Spark refuses before it talks to Kubernetes, in its own words.

use super::{
    super::{
        ConfReader, Feature, PrimaryResource, Refusal, SparkConf, SparkVersion, SubmitterContext,
        arguments::SparkOption,
        blanks, hadoop_user,
        java_options::{self, Unclosed},
        refusal::{wrong, wrong_text},
        units,
    },
    Options,
    dependencies::has_files_of_hadoop,
};
use crate::{
    finding::expected,
    redaction::{hidden, shown},
};

/// The options that must be sizes above zero.
const SIZES: [(SparkOption, &str); 2] = [
    (
        SparkOption::DriverMemory,
        "Driver memory must be a positive number",
    ),
    (
        SparkOption::ExecutorMemory,
        "Executor memory must be a positive number",
    ),
];

/// The options that must be integers above zero.
const COUNTS: [(SparkOption, &str); 3] = [
    (SparkOption::DriverCores, "Driver cores must be a positive number"),
    (
        SparkOption::ExecutorCores,
        "Executor cores must be a positive number",
    ),
    (
        SparkOption::TotalExecutorCores,
        "Total executor cores must be a positive number",
    ),
];

/// Spark's `SparkSubmitArguments.validateSubmitArguments`.
pub(super) fn options(options: &Options, conf: &SparkConf, version: &SparkVersion) -> Result<(), Refusal> {
    for (option, message) in SIZES {
        if let Some(value) = options.get(option)
            && !units::byte_count(value, version).is_ok_and(|bytes| bytes > 0)
        {
            return Err(about(option, value, message, units::SIZE_GRAMMAR));
        }
    }
    for (option, message) in COUNTS {
        if let Some(value) = options.get(option)
            && !value.parse::<i32>().is_ok_and(|count| count > 0)
        {
            return Err(about(option, value, message, "an integer above 0"));
        }
    }
    let dynamic = conf
        .get("spark.dynamicAllocation.enabled")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if let Some(value) = options.get(SparkOption::NumExecutors)
        && !dynamic
        && !value.parse::<i32>().is_ok_and(|count| count > 0)
    {
        return Err(about(
            SparkOption::NumExecutors,
            value,
            "Number of executors must be a positive number",
            "an integer above 0",
        ));
    }
    if let Some(remote) = options.get(SparkOption::Remote) {
        return Err(wrong_text(
            "--remote",
            remote,
            "nothing beside a master: Remote cannot be specified with master and/or deploy mode",
        ));
    }
    if let Some(user) = options.get(SparkOption::ProxyUser) {
        if user.is_empty() {
            return Err(wrong("--proxy-user", "", "the name of a user"));
        }
        if hadoop_user::short_name(user).is_none() {
            return Err(hadoop_user::malformed("--proxy-user", user));
        }
    }
    if options.get(SparkOption::ProxyUser).is_some() && options.get(SparkOption::Principal).is_some() {
        return Err(Refusal::new(
            "--proxy-user",
            "Only one of --proxy-user or --principal can be provided.",
        ));
    }
    for key in ["spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions"] {
        java_options(key, conf.get(key).unwrap_or_default(), version)?;
    }
    Ok(())
}

/// The heap of a driver's JVM has an option of its own (the launcher's `checkJavaOptions`).
fn java_options(key: &str, options: &str, version: &SparkVersion) -> Result<(), Refusal> {
    let from = if version.has(Feature::JavaOptionsSplit) {
        let words = java_options::split(options).map_err(|Unclosed| {
            Refusal::saying(
                key,
                expected("Java options").kind("an open quote or a backslash at the end"),
            )
        })?;
        words
            .iter()
            .find_map(|word| word.strip_prefix("-Xmx"))
            .map(str::to_owned)
    } else {
        options.split_once("Xmx").map(|(_, from)| from.to_owned())
    };
    let Some(from) = from else {
        return Ok(());
    };
    // Digits and unit: what stands around them may be a secret.
    let digits = from.trim_start_matches(|c: char| c.is_ascii_digit());
    let unit = digits.starts_with(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']);
    let heap = format!("-Xmx{}", &from[..from.len() - digits.len() + usize::from(unit)]);
    Err(Refusal::new(
        key,
        format!(
            "Not allowed to specify max heap(Xmx) memory settings through java options (was {}). Use the \
             corresponding --driver-memory or spark.driver.memory configuration instead.",
            shown(&heap)
        ),
    ))
}

fn about(option: SparkOption, value: &str, message: &str, allowed: &str) -> Refusal {
    let key = option.conf_keys().first().copied().unwrap_or(option.name());
    let refusal = wrong(key, value, allowed);
    Refusal::new(key, format!("{message}: {}", refusal.said))
}

/// Classes that Spark does not run in cluster mode on Kubernetes.
const NOT_IN_CLUSTER_MODE: [(&str, &str); 4] = [
    (
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "Launching Spark Connect server in cluster deploy mode is supported only for YARN",
    ),
    (
        "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
        "Cluster deploy mode is not applicable to Spark Thrift server.",
    ),
    (
        "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver",
        "Cluster deploy mode is not applicable to Spark SQL shell.",
    ),
    (
        "org.apache.spark.repl.Main",
        "Cluster deploy mode is not applicable to Spark shells.",
    ),
];

/// Cluster mode alone is submitted, and not everything runs in it.
pub(super) fn deploy_mode(options: &Options, resource: &str) -> Result<(), Refusal> {
    let mode = options.get(SparkOption::DeployMode).unwrap_or("client");
    if mode != "cluster" {
        return Err(wrong(
            "--deploy-mode",
            mode,
            "cluster: native-submit creates drivers on the cluster",
        )
        .needing_spark());
    }
    if ["spark-shell", "pyspark-shell", "sparkr-shell"].contains(&resource) {
        return Err(Refusal::new(
            "",
            "Cluster deploy mode is not applicable to Spark shells.",
        ));
    }
    let class = options.get(SparkOption::Class).unwrap_or_default();
    match NOT_IN_CLUSTER_MODE.iter().find(|(refused, _)| *refused == class) {
        Some((_, message)) => Err(Refusal::new("--class", *message)),
        None => Ok(()),
    }
}

/// How the submitter authenticates itself.
pub(crate) const SUBMISSION_CREDENTIALS: &str = "spark.kubernetes.authenticate.submission.";

/// Refusals that depend on conf and version alone.
pub(super) fn conf(
    conf: ConfReader<'_>,
    resource: &PrimaryResource,
    version: &SparkVersion,
) -> Result<(), Refusal> {
    if conf.raw().get("spark.driver.bindAddress").is_some() {
        return Err(Refusal::new(
            "spark.driver.bindAddress",
            "is not supported in Kubernetes mode, as the driver's bind address is managed and set to the driver \
             pod's IP address; remove it",
        ));
    }
    let python = "spark.kubernetes.pyspark.pythonVersion";
    if !version.has(Feature::AnyPythonVersion)
        && matches!(resource, PrimaryResource::Python(_))
        && let Some(found) = conf.text(python)?.filter(|found| found != "3")
    {
        return Err(conf.wrong(python, &found, "3: Python 2 was dropped from Spark 3.1"));
    }
    conf.boolean("spark.kubernetes.submission.waitAppCompletion", true)?;
    for key in TIMEOUTS {
        conf.number::<i32>(key, "a whole number of ms")?;
    }
    packages(conf)
}

/// How long Spark's own client waits for the API server, in ms. native-submit has its own deadline, and checks these only.
const TIMEOUTS: [&str; 2] = [
    "spark.kubernetes.submission.connectionTimeout",
    "spark.kubernetes.submission.requestTimeout",
];

/// Refuses a user that Hadoop can't log in, where Spark has it do so.
pub(super) fn login(
    options: &Options,
    conf: &SparkConf,
    version: &SparkVersion,
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    // Tokens are obtained unless others are given, or a keytab with which the driver obtains them.
    let tokens = [
        "spark.kerberos.keytab",
        "spark.kubernetes.kerberos.tokenSecret.name",
    ];
    let obtains_tokens =
        !version.has(Feature::LoginOnDemand) && tokens.iter().all(|key| conf.get(key).is_none());
    let is_needed = obtains_tokens
        || options.get(SparkOption::ProxyUser).is_some()
        || !context.environment.contains_key("SPARK_USER")
        || has_files_of_hadoop(conf);
    match &context.no_login {
        Some(refusal) if is_needed => Err(refusal.clone()),
        _ => Ok(()),
    }
}

/// Spark's `SparkKubernetesClientFactory`: a token comes from one place, and files are there.
pub(super) fn submission_credentials(
    conf: ConfReader<'_>,
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    let key = |what: &str| format!("{SUBMISSION_CREDENTIALS}{what}");
    let (token, file) = (key("oauthToken"), key("oauthTokenFile"));
    if conf.raw().get(&token).is_some() && conf.raw().get(&file).is_some() {
        return Err(Refusal::new(
            token,
            format!("Cannot specify OAuth token through both a file {file} and a value; remove one of them"),
        ));
    }
    for key in [
        key("caCertFile"),
        key("clientKeyFile"),
        key("clientCertFile"),
        file,
    ] {
        // Spark reads these as they are, `${…}` and all.
        if let Some(path) = conf.raw().get(&key) {
            context.read_file(&key, path)?;
        }
    }
    Ok(())
}

/// Maven coordinates are checked here; the driver resolves them.
fn packages(conf: ConfReader<'_>) -> Result<(), Refusal> {
    let key = "spark.jars.packages";
    for (index, coordinate) in conf.list(key)?.iter().enumerate() {
        let parts: Vec<_> = coordinate.split(['/', ':']).collect();
        if parts.len() != 3 || parts.iter().any(|part| blanks::trim(part).is_empty()) {
            return Err(Refusal::new(
                key,
                format!(
                    "Provided Maven Coordinates must be in the form 'groupId:artifactId:version'. The coordinate \
                     provided is not: item {}, {}",
                    index + 1,
                    hidden(coordinate)
                ),
            ));
        }
    }
    Ok(())
}
