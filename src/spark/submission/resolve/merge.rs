//! Conf from everywhere, by Spark's order of precedence.

use super::super::{
    Reach, Refusal, SparkConf, SparkSubmitArguments, SubmitterContext, properties,
    regular_file::{self, SubmitterFileError},
};
use crate::{
    finding::{Cut, Warnings, io_words},
    limits::{ENTRIES, PATH_CHARACTERS},
};
use std::path::PathBuf;

/// `--conf` over extra properties files over `--properties-file` over `spark-defaults.conf`.
pub(super) fn properties(
    arguments: &SparkSubmitArguments,
    context: &SubmitterContext,
    warnings: &mut Warnings,
) -> Result<SparkConf, Refusal> {
    let mut merged = SparkConf::default();
    if arguments.properties_file.is_none() || arguments.load_spark_defaults {
        match spark_defaults(context)? {
            Some(defaults) => {
                for (key, value) in defaults {
                    merged.set(key, value);
                }
            }
            // The operator's REST submitter may give the option for what its own image has.
            None if arguments.load_spark_defaults => warnings.push(match context.reach {
                Reach::Process => {
                    "--load-spark-defaults: SPARK_CONF_DIR and $SPARK_HOME/conf have no spark-defaults.conf to load"
                }
                Reach::Roots(_) => {
                    "--load-spark-defaults: this service has no spark-defaults.conf, and loads none; put its keys into the \
                     application's sparkConf"
                }
            }),
            None => {}
        }
    }
    let files = arguments
        .properties_file
        .iter()
        .map(|path| ("--properties-file", path))
        .chain(
            arguments
                .extra_properties_files
                .iter()
                .map(|path| ("--extra-properties-file", path)),
        );
    for (option, path) in files {
        // Java's reader replaces what is not UTF-8.
        let bytes = context.read_file(option, path)?;
        let text = String::from_utf8_lossy(&bytes);
        for (key, value) in read(option, &text)? {
            merged.set(key, value);
        }
    }
    for (key, value) in &arguments.conf {
        merged.set(key.as_str(), value.as_str());
    }
    let foreign: Vec<_> = merged
        .iter()
        .map(|(key, _)| key.to_owned())
        .filter(|key| !key.starts_with("spark."))
        .collect();
    for key in foreign {
        warnings.push_with(|| {
            let key = key.escape_debug().to_string();
            format!(
                "Ignoring non-Spark config property: {}",
                Cut(&key, PATH_CHARACTERS)
            )
        });
        merged.remove(&key);
    }
    Ok(merged)
}

/// The entries of `spark-defaults.conf`, if there is one.
fn spark_defaults(context: &SubmitterContext) -> Result<Option<Vec<(String, String)>>, Refusal> {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    let directory = variable("SPARK_CONF_DIR")
        .map(PathBuf::from)
        .or_else(|| variable("SPARK_HOME").map(|home| PathBuf::from(home).join("conf")));
    let Some(path) = directory.map(|directory| {
        context
            .working_directory
            .join(directory)
            .join("spark-defaults.conf")
    }) else {
        return Ok(None);
    };
    if !path.is_file() {
        return Ok(None);
    }
    let subject = "spark-defaults.conf";
    let bytes = regular_file::read(&path).map_err(|unreadable| match unreadable {
        SubmitterFileError::TooLong(limit) => limit.at(subject).into(),
        SubmitterFileError::Failed(kind) => {
            Refusal::new(subject, format!("can't be read: {}", io_words(kind)))
        }
        SubmitterFileError::NotRegular => Refusal::new(subject, "can't be read: it is no regular file"),
    })?;
    read(subject, &String::from_utf8_lossy(&bytes)).map(Some)
}

/// Reads a properties file; values are trimmed as Spark trims them, which keeps line breaks.
fn read(subject: &str, text: &str) -> Result<Vec<(String, String)>, Refusal> {
    // Before any is read. A line that goes on in the next one counts twice.
    let lines = text.split(['\n', '\r']).map(str::trim_start);
    let entries = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    ENTRIES.holds(subject, entries.count())?;
    let entries = properties::read(text).map_err(|error| Refusal::new(subject, error.to_string()))?;
    let blank = |c: char| c <= ' ' && c != '\r' && c != '\n';
    Ok(entries
        .into_iter()
        .map(|(key, value)| (key, value.trim_matches(blank).to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_that_are_to_be_loaded_and_are_not_there_are_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let context = |set: bool| {
            let mut context = SubmitterContext::golden();
            if set {
                let directory = folder.path().to_str().unwrap().to_owned();
                context.environment.insert("SPARK_CONF_DIR".to_owned(), directory);
            }
            context
        };
        let warned = |load: bool, set: bool| {
            let arguments = SparkSubmitArguments {
                load_spark_defaults: load,
                ..SparkSubmitArguments::default()
            };
            let mut warnings = Warnings::default();
            let merged = properties(&arguments, &context(set), &mut warnings).unwrap();
            (warnings.lines().count(), merged.get("spark.a").map(str::to_owned))
        };
        assert_eq!(warned(true, false), (1, None));
        assert_eq!(warned(true, true), (1, None), "a directory without the file");
        assert_eq!(warned(false, false), (0, None));
        std::fs::write(folder.path().join("spark-defaults.conf"), "spark.a b\n").unwrap();
        assert_eq!(warned(true, true), (0, Some("b".to_owned())));
    }

    #[test]
    fn a_properties_file_has_no_more_entries_than_allowed_and_as_many_comments_as_it_likes() {
        let text = |entries: usize| "# comment\n\n".repeat(20_000) + &"a=b\n".repeat(entries);
        assert_eq!(read("f", &text(ENTRIES.most)).unwrap().len(), 1);
        let refused = read("f", &text(ENTRIES.most + 1)).unwrap_err();
        assert!(refused.over_limit, "{refused}");
    }
}
