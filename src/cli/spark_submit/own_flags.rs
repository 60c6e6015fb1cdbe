//! The flags of native-submit that may precede `spark-submit`'s own arguments: cluster and namespace as the other commands have
//! them, and shadow mode. Spark has no option of these names.

use super::Ending;
use crate::{
    settings::ClusterAccess,
    spark::submission::{Refusal, SparkSubmitArguments},
};
use clap::Parser;
use std::{ffi::OsString, path::PathBuf};

/// The flags whose value may be a word of its own.
const WITH_VALUE: [&str; 4] = ["--context", "--kubeconfig", "--namespace", "-n"];

/// What the flags say.
#[derive(Debug, Default, Parser)]
#[command(no_binary_name = true, disable_help_flag = true, args_override_self = true)]
pub(super) struct OwnFlags {
    /// Let the real spark-submit do the work, and compare.
    #[arg(long)]
    pub(super) shadow: bool,

    #[command(flatten)]
    access: ClusterAccess,

    /// Namespace of the application, or of the driver that --status or --kill names
    #[arg(short, long)]
    namespace: Option<String>,
}

/// The flags at the beginning, and `spark-submit`'s arguments. What the flags say in Spark's words is among these as
/// `--conf`, so that the real `spark-submit` obeys it too.
///
/// # Errors
/// A flag without its value.
pub(super) fn split(words: &[OsString]) -> Result<(OwnFlags, Vec<OsString>), Ending> {
    let mut own = 0;
    while let Some(flag) = words.get(own).and_then(|word| word.to_str()) {
        own += match flag {
            "--shadow" => 1,
            _ if WITH_VALUE.contains(&flag) => 2,
            _ if has_joined_value(flag) => 1,
            _ => break,
        };
    }
    let (own, rest) = words.split_at(own.min(words.len()));
    let flags = OwnFlags::try_parse_from(own).map_err(|error| {
        Ending::Failed(
            error
                .to_string()
                .trim_start_matches("error: ")
                .trim_end()
                .to_owned(),
        )
    })?;
    let conf = flags.conf().into_iter().flat_map(|(_, key, value)| {
        let pair = format!("{key}={value}");
        [OsString::from("--conf"), OsString::from(pair)]
    });
    let arguments = conf.chain(rest.iter().cloned()).collect();
    Ok((flags, arguments))
}

/// Whether it is one of the flags and its value: `--context=NAME`, `-nNAME`.
fn has_joined_value(word: &str) -> bool {
    WITH_VALUE.iter().any(|flag| {
        let value = word.strip_prefix(flag);
        value.is_some_and(|value| !flag.starts_with("--") || value.starts_with('='))
    })
}

impl OwnFlags {
    /// What Spark's conf has a key for: flag, key, value.
    fn conf(&self) -> Vec<(&'static str, &'static str, &str)> {
        let pairs = [
            ("--context", "spark.kubernetes.context", &self.access.context),
            ("--namespace", "spark.kubernetes.namespace", &self.namespace),
        ];
        let given = pairs.into_iter().filter_map(|(flag, key, value)| {
            let value = value.as_deref().filter(|value| !value.is_empty())?;
            Some((flag, key, value))
        });
        given.collect()
    }

    /// Refuses arguments that say something else than a flag: which of both is meant can't be known, and a driver of
    /// the wrong cluster may be ended.
    pub(super) fn agree(&self, arguments: &SparkSubmitArguments) -> Result<(), Ending> {
        for (flag, key, _) in self.conf() {
            if arguments.changed_conf.contains_key(key) {
                let wrong = format!("expected the value of {key}, which --conf sets too, found another");
                return Err(Refusal::new(flag, wrong).into());
            }
        }
        Ok(())
    }

    /// The kubeconfig that is to be read.
    pub(super) fn kubeconfig(&self) -> Option<PathBuf> {
        self.access.client_settings().kubeconfig
    }

    /// The namespace that is to be used.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether they say which cluster is meant: a server has its own.
    pub(super) fn name_cluster(&self) -> bool {
        let said = self.access.client_settings();
        said.context.is_some() || said.kubeconfig.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(line: &str) -> Result<(OwnFlags, String), String> {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        match split(&words) {
            Ok((flags, rest)) => {
                let rest: Vec<_> = rest.iter().filter_map(|word| word.to_str()).collect();
                Ok((flags, rest.join(" ")))
            }
            Err(Ending::Failed(message) | Ending::NeedsSpark(message)) => Err(message),
        }
    }

    #[test]
    fn flags_before_the_arguments_are_ours_and_later_ones_are_sparks() {
        let context = "--conf spark.kubernetes.context=two";
        let namespace = "--conf spark.kubernetes.namespace=jobs";
        for (line, shadow, kubeconfig, rest) in [
            (
                "a.jar -n x --shadow",
                false,
                None,
                "a.jar -n x --shadow".to_owned(),
            ),
            (
                "--master k --context x",
                false,
                None,
                "--master k --context x".to_owned(),
            ),
            (
                "--context two -n jobs a",
                false,
                None,
                format!("{context} {namespace} a"),
            ),
            (
                "--namespace=jobs --shadow --context=two a",
                true,
                None,
                format!("{context} {namespace} a"),
            ),
            ("-njobs a", false, None, format!("{namespace} a")),
            ("-n x -n jobs a", false, None, format!("{namespace} a")),
            ("--kubeconfig f --shadow", true, Some("f"), String::new()),
            ("--kubeconfig= --context= -n= a", false, None, "a".to_owned()),
            ("--contextual a", false, None, "--contextual a".to_owned()),
            ("--name a", false, None, "--name a".to_owned()),
        ] {
            let (flags, split) = split_words(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(split, rest, "{line}");
            assert_eq!(flags.shadow, shadow, "{line}");
            assert_eq!(flags.kubeconfig(), kubeconfig.map(PathBuf::from), "{line}");
        }
        let error = split_words("--shadow --context")
            .map(|(_, rest)| rest)
            .unwrap_err();
        assert!(
            error.starts_with("a value is required for '--context <NAME>'"),
            "{error}"
        );
    }
}
