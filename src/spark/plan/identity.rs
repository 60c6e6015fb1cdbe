//! Names and ids. All follow from the namespace, the driver pod's name and the submission id, so that a repeated
//! submission meets its own objects (Spark draws them at random: `KubernetesDriverConf`, `KubernetesConf`).

use crate::{
    hash::hex,
    spark::submission::{ConfReader, Refusal, SubmissionId},
};
use sha2::{Digest, Sha256};

/// The longest name of a Service.
const LONGEST_SERVICE_NAME: usize = 63;

/// The longest value of a label.
const LONGEST_LABEL: usize = 63;

/// The names of one submission's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// `spark-` and 32 hex digits.
    pub(super) application_id: String,
    /// `spark.app.name`.
    pub(super) application_name: String,
    /// The application's name as a label value.
    pub(super) application_label: String,
    /// The namespace.
    pub(super) namespace: String,
    /// The driver pod's name.
    pub(super) pod: String,
    /// What the names of most objects start with.
    pub(super) prefix: String,
    /// 16 hex digits.
    suffix: String,
    /// A UUID that follows from the submission, for the local directory.
    pub(super) local_directory_id: uuid::Uuid,
}

impl Names {
    pub(super) fn new(conf: ConfReader<'_>, namespace: &str, id: &SubmissionId) -> Result<Self, Refusal> {
        let application_name = conf.raw().get("spark.app.name").unwrap_or("spark").to_owned();
        let given_pod = conf.name("spark.kubernetes.driver.pod.name")?;
        // Without a given name, the pod's name has the suffix in it, which can't depend on itself.
        let stem = given_pod
            .clone()
            .unwrap_or_else(|| format!("{application_name}/"));
        let seed = format!("{namespace}\0{stem}\0{id}");
        let suffix = hex(&digest(&seed, "resources"), 8);
        let prefix = resource_prefix(&format!("{application_name}-{suffix}"));
        Ok(Self {
            application_id: format!("spark-{}", hex(&digest(&seed, "application"), 16)),
            application_label: label(&application_name),
            pod: given_pod.unwrap_or_else(|| format!("{prefix}-driver")),
            local_directory_id: uuid::Uuid::new_v5(&uuid::Uuid::nil(), seed.as_bytes()),
            application_name,
            namespace: namespace.to_owned(),
            prefix,
            suffix,
        })
    }

    /// The driver's Service: by the prefix, or by the suffix alone where that is too long.
    pub(super) fn service(&self) -> String {
        let preferred = format!("{}-driver-svc", self.prefix);
        if preferred.len() <= LONGEST_SERVICE_NAME {
            preferred
        } else {
            format!("spark-{}-driver-svc", self.suffix)
        }
    }

    /// The driver's `ConfigMap`.
    pub(super) fn config_map(&self) -> String {
        format!("spark-drv-{}-conf-map", self.suffix)
    }

    /// Another object of the submission.
    pub(super) fn object(&self, what: &str) -> String {
        format!("{}-{what}", self.prefix)
    }
}

pub(super) fn digest(seed: &str, purpose: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(seed)
        .chain_update([0])
        .chain_update(purpose)
        .finalize()
        .into()
}

/// Lower case, everything outside `[a-z0-9-]` a dash, runs of dashes one dash.
fn dashed(name: &str) -> String {
    let mut dashed = String::with_capacity(name.len());
    for character in name.trim_matches(|c| c <= ' ').to_lowercase().chars() {
        match character {
            'a'..='z' | '0'..='9' => dashed.push(character),
            _ if dashed.ends_with('-') => {}
            _ => dashed.push('-'),
        }
    }
    dashed
}

/// `KubernetesConf.getResourceNamePrefix`: must start with a letter, for Services are named after it.
pub(super) fn resource_prefix(name: &str) -> String {
    let dashed = dashed(name);
    let name = dashed.strip_prefix('-').unwrap_or(&dashed);
    match name.strip_prefix(|c: char| c.is_ascii_digit()) {
        Some(rest) => format!("x{rest}"),
        None => name.to_owned(),
    }
}

/// `KubernetesConf.getAppNameLabel`.
pub(super) fn label(name: &str) -> String {
    let mut label = dashed(name);
    label.truncate(LONGEST_LABEL);
    let label = label.strip_prefix('-').unwrap_or(&label);
    label.strip_suffix('-').unwrap_or(label).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{SparkConf, SubmitterContext};

    #[test]
    fn prefixes_and_labels_are_those_of_spark() {
        let long = "x".repeat(70);
        let table = [
            ("Spark Pi", "spark-pi-1", "spark-pi"),
            ("9app", "xapp-1", "9app"),
            ("-9app", "xapp-1", "9app"),
            ("__a__", "a-1", "a"),
            ("123-456", "x23-456-1", "123-456"),
            ("é", "x", ""),
            ("A.B.C", "a-b-c-1", "a-b-c"),
            (long.as_str(), &format!("{long}-1"), &long[..63]),
        ];
        for (name, prefix, expected) in table {
            assert_eq!(resource_prefix(&format!("{name}-1")), prefix, "{name}");
            assert_eq!(label(name), expected, "{name}");
        }
    }

    fn names(entries: &[(&str, &str)], id: &str) -> Names {
        names_in("default", entries, id)
    }

    fn names_in(namespace: &str, entries: &[(&str, &str)], id: &str) -> Names {
        let conf: SparkConf = entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let context = SubmitterContext::golden();
        let id = SubmissionId::new(id).unwrap();
        Names::new(ConfReader::new(&conf, &context), namespace, &id).unwrap()
    }

    #[test]
    fn names_follow_from_namespace_pod_and_submission() {
        let base = [
            ("spark.app.name", "pi"),
            ("spark.kubernetes.driver.pod.name", "pi-driver"),
        ];
        let first = names(&base, "a");
        assert_eq!(first, names(&base, "a"));
        for other in [
            names(&base, "b"),
            names(&[base[0], ("spark.kubernetes.driver.pod.name", "other")], "a"),
            names_in("n", &base, "a"),
        ] {
            assert_ne!(first.application_id, other.application_id);
            assert_ne!(first.config_map(), other.config_map());
            assert_ne!(first.local_directory_id, other.local_directory_id);
        }
        assert_eq!(first.application_id.len(), 38);
        assert_eq!(first.service(), format!("{}-driver-svc", first.prefix));
    }

    #[test]
    fn a_service_with_a_long_name_falls_back_to_the_suffix() {
        let long = names(&[("spark.app.name", &"x".repeat(46))], "a");
        assert_eq!(long.service(), format!("spark-{}-driver-svc", long.suffix));
        assert!(long.pod.starts_with(&long.prefix));
    }
}
