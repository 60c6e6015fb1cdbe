//! Keys of the conf that Spark would not know: misspelled ones, which it ignores in silence.
//!
//! Only the family `spark.kubernetes.` is looked at, where a slip costs most: a limit or a node selector that isn't there. A key
//! that resembles none may be a plugin's own, and passes.

use crate::{
    finding::Warnings,
    limits::{FINDINGS, SUGGESTED_NAME},
    redaction::shown,
    spark::submission::SparkConf,
};

/// What the keys begin with.
const FAMILY: &str = "spark.kubernetes.";

/// How many letters may differ between a key and the one that is meant.
const SLIPS: usize = 2;

/// Keys that Spark 3.5 to 4.3 register, without [`FAMILY`].
const KEYS: &[&str] = &[
    "allocation.batch.delay",
    "allocation.batch.size",
    "allocation.driver.readinessTimeout",
    "allocation.executor.timeout",
    "allocation.maxPendingPods",
    "allocation.maxPendingPodsPerRp",
    "allocation.maximum",
    "allocation.pods.allocator",
    "allocation.recoveryMode.enabled",
    "appKillPodDeletionGracePeriod",
    "authenticate.driver.oauthToken",
    "authenticate.driver.serviceAccountName",
    "authenticate.executor.serviceAccountName",
    "configMap.maxSize",
    "container.image",
    "container.image.pullPolicy",
    "container.image.pullSecrets",
    "context",
    "decommission.script",
    "driver.annotateExitException",
    "driver.connectionTimeout",
    "driver.container.image",
    "driver.limit.cores",
    "driver.master",
    "driver.ownPersistentVolumeClaim",
    "driver.pod.excludedFeatureSteps",
    "driver.pod.featureSteps",
    "driver.pod.name",
    "driver.podTemplateContainerName",
    "driver.podTemplateFile",
    "driver.request.cores",
    "driver.requestTimeout",
    "driver.resourceNamePrefix",
    "driver.reusePersistentVolumeClaim",
    "driver.scheduler.name",
    "driver.securityContext.allowPrivilegeEscalation",
    "driver.service.deleteOnTermination",
    "driver.service.ipFamilies",
    "driver.service.ipFamilyPolicy",
    "driver.service.publishNotReadyAddresses",
    "driver.waitToReusePersistentVolumeClaim",
    "dynamicAllocation.deleteGracePeriod",
    "executor.apiPollingInterval",
    "executor.checkAllContainers",
    "executor.container.image",
    "executor.decommissionLabel",
    "executor.decommissionLabelValue",
    "executor.deleteOnTermination",
    "executor.deletedExecutorsCacheTimeout",
    "executor.disableConfigMap",
    "executor.enableApiPolling",
    "executor.enableApiWatcher",
    "executor.enablePollingWithResourceVersion",
    "executor.eventProcessingInterval",
    "executor.limit.cores",
    "executor.minTasksPerExecutorBeforeRolling",
    "executor.missingPodDetectDelta",
    "executor.pod.excludedFeatureSteps",
    "executor.pod.featureSteps",
    "executor.podDeletionCost",
    "executor.podNamePrefix",
    "executor.podTemplateContainerName",
    "executor.podTemplateFile",
    "executor.pvc.resizeFactor",
    "executor.pvc.resizeInterval",
    "executor.pvc.resizeThreshold",
    "executor.request.cores",
    "executor.resizeFactor",
    "executor.resizeInterval",
    "executor.resizeThreshold",
    "executor.rollInterval",
    "executor.rollPolicy",
    "executor.scheduler.name",
    "executor.securityContext.allowPrivilegeEscalation",
    "executor.terminationGracePeriodSeconds",
    "executor.useDriverPodIP",
    "executor.hadoopConfigMapName",
    "executorSnapshotsSubscribersShutdownGracePeriod",
    "file.upload.path",
    "hadoop.configMapName",
    "jars.avoidDownloadSchemes",
    "kerberos.krb5.configMapName",
    "kerberos.krb5.path",
    "kerberos.tokenSecret.itemKey",
    "kerberos.tokenSecret.name",
    "legacy.useReadWriteOnceAccessMode",
    "local.dirs.tmpfs",
    "memoryOverheadFactor",
    "namespace",
    "pyspark.pythonVersion",
    "report.interval",
    "resource.type",
    "scheduler.name",
    "securityContext.allowPrivilegeEscalation",
    "submission.connectionTimeout",
    "submission.requestTimeout",
    "submission.waitAppCompletion",
    "submitInDriver",
    "trust.certificates",
];

/// What keys begin with that end with a name of the user's, without [`FAMILY`].
const PREFIXES: &[&str] = &[
    "authenticate.",
    "driver.annotation.",
    "driver.label.",
    "driver.node.selector.",
    "driver.secretKeyRef.",
    "driver.secrets.",
    "driver.service.annotation.",
    "driver.service.label.",
    "driver.volumes.",
    "driverEnv.",
    "executor.annotation.",
    "executor.label.",
    "executor.node.selector.",
    "executor.secretKeyRef.",
    "executor.secrets.",
    "executor.service.annotation.",
    "executor.service.label.",
    "executor.volumes.",
    "executorEnv.",
    "node.selector.",
    "scheduler.volcano.",
];

/// How many keys that Spark doesn't have are compared with those that it has: one takes some 50 µs.
const MOST_COMPARED: usize = 1_000;

/// A warning for each key that is almost one that Spark has; after the first few, whose warnings are kept, no more are looked for.
pub(super) fn misspelled(conf: &SparkConf) -> Warnings {
    let unknown = conf
        .below(FAMILY)
        .filter(|(key, _)| !KEYS.contains(key) && !PREFIXES.iter().any(|prefix| key.starts_with(prefix)));
    let near = unknown
        .take(MOST_COMPARED)
        .filter_map(|(key, _)| Some((key, meant(key)?)));
    let lines = near.take(FINDINGS + 1).map(|(key, meant)| {
        format!(
            "{FAMILY}{}: Spark has no such key and ignores it; did you mean {FAMILY}{meant}?",
            shown(key).trim_matches('`')
        )
    });
    lines.collect()
}

/// The key or the prefix that is meant; none where the key resembles none.
fn meant(key: &str) -> Option<String> {
    // The distance takes the product of both lengths.
    if key.len() <= SUGGESTED_NAME.most
        && let Some(known) = KEYS.iter().find(|known| is_near(key, known))
    {
        return Some((*known).to_owned());
    }
    // As many parts as the prefix has, and what stands behind them is the user's.
    PREFIXES.iter().find_map(|prefix| {
        let parts = prefix.matches('.').count();
        let (end, _) = key.match_indices('.').nth(parts - 1)?;
        let begins = &key[..=end];
        (begins.len() <= SUGGESTED_NAME.most && is_near(begins, prefix)).then(|| format!("{prefix}…"))
    })
}

fn is_near(found: &str, known: &str) -> bool {
    // Known keys are ASCII. A distance is at least the difference of the lengths, and most keys differ by more.
    found.chars().count().abs_diff(known.len()) <= SLIPS
        && (found.eq_ignore_ascii_case(known) || strsim::damerau_levenshtein(found, known) <= SLIPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_almost_a_key_is_reported_and_what_is_not_passes() {
        for (key, meant) in [
            ("driver.limit.core", "driver.limit.cores"),
            ("driver.limits.cores", "driver.limit.cores"),
            ("namspace", "namespace"),
            ("container.image.pullpolicy", "container.image.pullPolicy"),
            ("drivre.label.team", "driver.label.…"),
            ("driver.labels.team.of/mine", "driver.label.…"),
            ("executor.annotations.a", "executor.annotation.…"),
            ("node.selectors.disk", "node.selector.…"),
        ] {
            let conf: SparkConf = [(format!("{FAMILY}{key}"), "x".to_owned())].into_iter().collect();
            let said: Vec<_> = misspelled(&conf)
                .lines()
                .map(std::borrow::Cow::into_owned)
                .collect();
            assert_eq!(said.len(), 1, "{key}: {said:?}");
            assert!(
                said[0].ends_with(&format!("did you mean {FAMILY}{meant}?")),
                "{said:?}"
            );
            assert!(said[0].starts_with(&format!("{FAMILY}{key}:")), "{said:?}");
        }
        for key in [
            "driver.label.limit.core",
            "namespace",
            "my.plugin.queue",
            "authenticate.submission.oauthToken",
            "scheduler.volcano.podGroupTemplateFile",
            "executor.volumes.hostPath.a.mount.path",
        ] {
            let conf: SparkConf = [(format!("{FAMILY}{key}"), "x".to_owned())].into_iter().collect();
            assert_eq!(misspelled(&conf).lines().count(), 0, "{key}");
        }
        let many: SparkConf = (0..100)
            .map(|number| (format!("{FAMILY}driver.limit.core{number}"), String::new()))
            .collect();
        let said: Vec<_> = misspelled(&many)
            .lines()
            .map(std::borrow::Cow::into_owned)
            .collect();
        assert_eq!(said.len(), FINDINGS + 1);
        assert!(said[FINDINGS].starts_with("and 1 more"), "{said:?}");
        let long: SparkConf = [(format!("{FAMILY}{}", "x.".repeat(10_000)), String::new())]
            .into_iter()
            .collect();
        assert_eq!(misspelled(&long).lines().count(), 0);
    }
}
