//! Which Spark version a submission is for, and what differs by version.

use crate::{kubernetes::grammar::is_label_value, redaction::shown};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A Spark version, `v?MAJOR.MINOR[.PATCH][suffix]`. It is the driver's label `spark-version`, and so what a label can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SparkVersion {
    major: u16,
    minor: u16,
    text: String,
}

/// What a Spark version does on submission that earlier ones do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `spark.driver.minMemoryOverhead`; before, the minimum is 384 MiB.
    MinMemoryOverhead,
    /// File modes with a leading zero in a pod template are octal; before, decimal.
    OctalModes,
    /// `{{APP_ID}}` and `{{EXECUTOR_ID}}` are replaced in driver labels.
    PlaceholdersInLabels,
    /// `label.*` and `annotation.*` of claims, `mount.subPathExpr`, `options.type` of hostPath, and the check for
    /// sizes without a unit.
    VolumeDetails,
    /// Claims made on demand are `ReadWriteOncePod`; before, `ReadWriteOnce`.
    ReadWriteOncePod,
    /// `--load-spark-defaults`.
    LoadSparkDefaults,
    /// `--driver-default-class-path`.
    DriverDefaultClassPath,
    /// `--extra-properties-file`.
    ExtraPropertiesFile,
    /// `spark.kubernetes.pyspark.pythonVersion` is a key like any other; before, only 3 is allowed.
    AnyPythonVersion,
    /// `SPARK_USER` of the driver is the proxy user, whatever the submitter's own `SPARK_USER` is.
    ProxyUserBeforeSparkUser,
    /// A driver's Java options are split into words before one of them is found to set the heap; before, `Xmx` may be nowhere in
    /// them.
    JavaOptionsSplit,
    /// Files that go into a `ConfigMap` must be UTF-8; before, other bytes are replaced.
    StrictUtf8,
    /// The port of Spark Connect on the driver and its Service.
    ConnectPort,
    /// Hadoop logs in the submitting user only where something asks for that user; before, for delegation tokens too.
    LoginOnDemand,
    /// `{{SPARK_VERSION}}` is replaced in the image.
    VersionInImage,
    /// `spark.kubernetes.driver.pod.excludedFeatureSteps`.
    ExcludedFeatureSteps,
    /// Sizes may have a binary suffix: `1gi`, `1gib`.
    BinarySuffixes,
    /// A `NetworkPolicy` for the executors (SPARK-55653).
    NetworkPolicy,
    /// `appProtocol: grpc` on the Service's port of Spark Connect.
    ConnectAppProtocol,
    /// `VolcanoFeatureStep` is part of the distribution.
    VolcanoStep,
    /// `publishNotReadyAddresses` is written to the Service.
    PublishNotReadyAddresses,
    /// `allowPrivilegeEscalation` is written to the driver container, and to the executors'.
    AllowPrivilegeEscalation,
    /// `spark.executor.defaultExtraClassPath` stands before an executor's class path.
    DefaultExtraClassPath,
    /// With a log URL of its own an executor has its ids as attributes.
    LogUrlAttributes,
    /// The delay between batches of executors must be above 0.1 s; before, above 0.
    BatchDelayAboveTenth,
    /// `spark.executor.defaultJavaOptions` stand once before an executor's Java options; before, three times.
    DefaultJavaOptionsOnce,
    /// `spark.executor.defaultJavaOptions` are checked as `spark.executor.extraJavaOptions` are.
    DefaultJavaOptionsChecked,
    /// `terminationGracePeriodSeconds` is written to the executors.
    ExecutorGracePeriod,
    /// The CPU limit of an executor must not be below its request.
    CpuLimitChecked,
    /// `spark.kubernetes.allocation.maximum` and `maxPendingPodsPerRp`.
    AllocationMaximum,
    /// `spark.kubernetes.executor.useDriverPodIP`.
    UseDriverPodIp,
    /// Executors reach the driver by its Pod's IP unless the conf says otherwise.
    DriverPodIpByDefault,
    /// A `resizePolicy` for CPU and memory is added to the executor container.
    ResizePolicy,
    /// The allocator `deployment`.
    DeploymentAllocator,
    /// `spark.kubernetes.allocation.recoveryMode.enabled`.
    RecoveryMode,
    /// `spark.executor.extraLibraryPath` reaches the executors' environment.
    ExecutorLibraryPath,
    /// `spark.task.cpus` may be a fraction.
    FractionalTaskCpus,
    /// Whether executors and the driver's Service are deleted is read when the driver stops; before, when it starts.
    DeletionReadAtTheEnd,
    /// The line that says what is waited for has a `}` behind the application's name, by mistake.
    BraceWhileWaiting,
    /// That line has no `}` any more.
    NoBraceWhileWaiting,
    /// `--kill` says that there is no such driver; before, it says nothing then.
    KillSaysNotFound,
}

/// The first version of each feature. No version is compared anywhere else.
const SINCE: [(Feature, (u16, u16)); 41] = [
    (Feature::LoginOnDemand, (4, 0)),
    (Feature::DefaultJavaOptionsChecked, (4, 0)),
    (Feature::MinMemoryOverhead, (4, 0)),
    (Feature::OctalModes, (4, 0)),
    (Feature::PlaceholdersInLabels, (4, 0)),
    (Feature::VolumeDetails, (4, 0)),
    (Feature::ReadWriteOncePod, (4, 0)),
    (Feature::LoadSparkDefaults, (4, 0)),
    (Feature::JavaOptionsSplit, (4, 0)),
    (Feature::DriverDefaultClassPath, (4, 0)),
    (Feature::StrictUtf8, (4, 1)),
    (Feature::ConnectPort, (4, 1)),
    (Feature::VersionInImage, (4, 1)),
    (Feature::AnyPythonVersion, (4, 1)),
    (Feature::ExcludedFeatureSteps, (4, 1)),
    (Feature::BinarySuffixes, (4, 2)),
    (Feature::NetworkPolicy, (4, 2)),
    (Feature::ConnectAppProtocol, (4, 2)),
    (Feature::VolcanoStep, (4, 2)),
    (Feature::ExtraPropertiesFile, (4, 2)),
    (Feature::PublishNotReadyAddresses, (4, 3)),
    (Feature::AllowPrivilegeEscalation, (4, 3)),
    (Feature::ProxyUserBeforeSparkUser, (4, 3)),
    (Feature::DefaultExtraClassPath, (4, 0)),
    (Feature::LogUrlAttributes, (4, 0)),
    (Feature::BatchDelayAboveTenth, (4, 0)),
    (Feature::DefaultJavaOptionsOnce, (4, 1)),
    (Feature::ExecutorGracePeriod, (4, 1)),
    (Feature::CpuLimitChecked, (4, 1)),
    (Feature::AllocationMaximum, (4, 1)),
    (Feature::UseDriverPodIp, (4, 1)),
    (Feature::ResizePolicy, (4, 2)),
    (Feature::DeploymentAllocator, (4, 2)),
    (Feature::RecoveryMode, (4, 2)),
    (Feature::DriverPodIpByDefault, (4, 3)),
    (Feature::ExecutorLibraryPath, (4, 1)),
    (Feature::FractionalTaskCpus, (4, 3)),
    (Feature::DeletionReadAtTheEnd, (4, 2)),
    (Feature::BraceWhileWaiting, (4, 0)),
    (Feature::NoBraceWhileWaiting, (4, 1)),
    (Feature::KillSaysNotFound, (4, 1)),
];

impl SparkVersion {
    /// The newest version whose behaviour is known; a newer one is treated as this one.
    pub fn newest() -> Self {
        Self {
            major: 4,
            minor: 3,
            text: "4.3.0".to_owned(),
        }
    }

    /// The oldest version whose behaviour is recorded.
    pub fn oldest() -> Self {
        Self {
            major: 3,
            minor: 5,
            text: "3.5.0".to_owned(),
        }
    }

    /// The first number.
    pub(crate) fn major(&self) -> u16 {
        self.major
    }

    /// Whether this version has `feature`.
    pub fn has(&self, feature: Feature) -> bool {
        SINCE
            .iter()
            .any(|(known, since)| *known == feature && (self.major, self.minor) >= *since)
    }
}

impl fmt::Display for SparkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that is not a Spark version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not a Spark version: expected MAJOR.MINOR or MAJOR.MINOR.PATCH, such as 4.0.1, and behind it letters, digits, `-`, \
     `_` and `.` only, 63 in all, with a letter or digit last: it is a label of the driver", shown(.0)
)]
pub struct NotAVersion(pub String);

impl TryFrom<String> for SparkVersion {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        text.parse()
    }
}

impl From<SparkVersion> for String {
    fn from(version: SparkVersion) -> Self {
        version.text
    }
}

impl FromStr for SparkVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let wrong = || NotAVersion(text.to_owned());
        let bare = text.strip_prefix('v').unwrap_or(text);
        let (major, rest) = bare.split_once('.').ok_or_else(wrong)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let minor = &rest[..end];
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if is_label_value(bare) => Ok(Self {
                major,
                minor,
                text: bare.to_owned(),
            }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_prefix_and_suffix() {
        for (text, shown) in [
            ("4.0.1", "4.0.1"),
            ("v3.5", "3.5"),
            ("4.3.0-SNAPSHOT", "4.3.0-SNAPSHOT"),
            ("4.0.1_amzn.0", "4.0.1_amzn.0"),
        ] {
            assert_eq!(text.parse::<SparkVersion>().unwrap().to_string(), shown);
        }
        let long = format!("4.0.1-{}", "x".repeat(58));
        for text in [
            "",
            "4",
            "four.zero",
            "4.x",
            "4.0.1 beta",
            "-4.0",
            "+4.0",
            "4.0.1+amzn-0",
            "4.0.1-",
            "4.0.",
            &long,
        ] {
            assert!(text.parse::<SparkVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_feature_is_there_from_its_version_on() {
        let has = |text: &str, feature| text.parse::<SparkVersion>().unwrap().has(feature);
        assert!(!has("4.1.9", Feature::NetworkPolicy));
        assert!(has("4.2.0", Feature::NetworkPolicy));
        assert!(has("5.0.0", Feature::NetworkPolicy));
        assert!(!has("3.5.9", Feature::ConnectPort));
    }

    #[test]
    fn every_feature_is_in_the_table_once() {
        for (feature, _) in SINCE {
            assert_eq!(
                SINCE.iter().filter(|(other, _)| *other == feature).count(),
                1,
                "{feature:?}"
            );
            assert!(SparkVersion::newest().has(feature), "{feature:?}");
        }
    }
}
