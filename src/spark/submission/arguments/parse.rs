//! The command line of `spark-submit`, as Spark's `SparkSubmitOptionParser` reads it.

use super::{SparkOption, SparkSubmitArguments};
use crate::{
    limits::{ENTRIES, OverLimit, STRING},
    redaction::{hidden, shown},
    spark::submission::Feature,
};

/// What is wrong with a command line; `spark-submit` ends with exit code 1 then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// There are too many, or one is too long.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// An option that `spark-submit` does not have.
    #[error("Unrecognized option: {}", option_name(.0))]
    Unrecognized(String),
    /// An option that was pasted from a text that makes another dash of a hyphen.
    #[error("Unrecognized option: {} begins with the dash {}, not with a hyphen; write {}", option_name(.typed), .dash, option_name(.typed))]
    OtherDash {
        /// The option with hyphens.
        typed: String,
        /// The dash, `U+2013`.
        dash: String,
    },
    /// An option at the end of the command line, without its value.
    #[error("Missing argument for option '{0}'.")]
    MissingValue(String),
    /// `--conf` without `=`.
    #[error("Invalid argument to --conf: {} has no '='; expected KEY=VALUE", hidden(.0))]
    ConfWithoutEquals(String),
    /// A deploy mode that does not exist.
    #[error("--deploy-mode must be either \"client\" or \"cluster\", found {}", shown(.0))]
    DeployMode(String),
    /// Something that this command does not do; see the message.
    #[error("{option} is not for submitting an application: {instead}")]
    NotASubmission {
        /// The option.
        option: String,
        /// What to do instead.
        instead: &'static str,
    },
}

/// Reads a command line, without the program's name. Carriage returns are dropped, as Spark's `spark-class` script drops
/// them from every argument. Options end at the first argument that is not one: that is
/// the primary resource, and all after it belongs to the application, whatever it looks like.
pub fn parse(argv: &[String]) -> Result<SparkSubmitArguments, ArgumentsError> {
    ENTRIES.holds("arguments", argv.len())?;
    for (index, argument) in argv.iter().enumerate() {
        if argument.len() > STRING.most {
            return Err(STRING.at(format_args!("arguments[{index}]")).into());
        }
    }
    let argv: Vec<String> = argv.iter().map(|argument| argument.replace('\r', "")).collect();
    let mut arguments = SparkSubmitArguments::default();
    let mut rest = argv.iter();
    while let Some(argument) = rest.next() {
        let (name, joined) = split_joined(argument);
        if let Some(option) = value_option(name) {
            let value = match joined {
                Some(value) => value.to_owned(),
                None => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| ArgumentsError::MissingValue(name.to_owned()))?,
            };
            arguments.take(option, value)?;
            continue;
        }
        // A switch with a joined value is still the switch, as Spark has it.
        match name {
            "--verbose" | "-v" | "--supervise" => {}
            "--load-spark-defaults" => {
                arguments.load_spark_defaults = true;
                arguments
                    .newer_options
                    .insert("--load-spark-defaults", Feature::LoadSparkDefaults);
            }
            "--help" | "-h" | "--usage-error" | "--version" => {
                return Err(ArgumentsError::NotASubmission {
                    option: name.to_owned(),
                    instead: "see `native-submit --help` and `native-submit --version`",
                });
            }
            option if option.starts_with('-') => {
                return Err(ArgumentsError::Unrecognized(name.to_owned()));
            }
            option if option.starts_with(DASHES) => {
                let dash = option.chars().next().unwrap_or_default();
                let word = option.trim_start_matches(DASHES).trim_start_matches('-');
                let hyphens = if word.chars().nth(1).is_some() { "--" } else { "-" };
                return Err(ArgumentsError::OtherDash {
                    typed: format!("{hyphens}{word}"),
                    dash: format!("U+{:04X}", u32::from(dash)),
                });
            }
            resource => {
                arguments.primary_resource = Some(resource.to_owned());
                arguments.arguments = rest.cloned().collect();
                break;
            }
        }
    }
    Ok(arguments)
}

/// Dashes that word processors and web pages put in place of hyphens. No file's name begins with one.
const DASHES: [char; 6] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}',
];

/// What of an argument that is no option may be said: what looks like an option's name. A value may be joined to it, by `=` or,
/// as in `-psecret1`, by nothing.
fn option_name(argument: &str) -> String {
    let name = argument.split('=').next().unwrap_or(argument);
    let is_name = |name: &str| {
        let word = name.strip_prefix("--").or_else(|| name.strip_prefix('-'));
        word.is_some_and(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
        })
    };
    if is_name(name) {
        shown(name)
    } else {
        hidden(argument)
    }
}

/// Splits `--option=value`; the value must have at least one character to count as joined.
fn split_joined(argument: &str) -> (&str, Option<&str>) {
    match argument.split_once('=') {
        Some((name, value)) if name.len() > 2 && name.starts_with("--") && !value.is_empty() => {
            (name, Some(value))
        }
        _ => (argument, None),
    }
}

/// The options that take a value.
#[derive(Clone, Copy)]
enum ValueOption {
    Spark(SparkOption),
    Conf,
    PropertiesFile,
    ExtraPropertiesFile,
    DriverDefaultClassPath,
    Kill,
    Status,
}

fn value_option(name: &str) -> Option<ValueOption> {
    Some(match name {
        "--conf" | "-c" => ValueOption::Conf,
        "--properties-file" => ValueOption::PropertiesFile,
        "--extra-properties-file" => ValueOption::ExtraPropertiesFile,
        "--driver-default-class-path" => ValueOption::DriverDefaultClassPath,
        "--kill" => ValueOption::Kill,
        "--status" => ValueOption::Status,
        _ => ValueOption::Spark(*SparkOption::ALL.iter().find(|option| option.name() == name)?),
    })
}

impl SparkSubmitArguments {
    fn take(&mut self, option: ValueOption, value: String) -> Result<(), ArgumentsError> {
        match option {
            ValueOption::Spark(SparkOption::DeployMode) if value != "client" && value != "cluster" => {
                return Err(ArgumentsError::DeployMode(value));
            }
            // Spark's launcher makes conf of these before Spark itself sees them: of option and --conf the later wins.
            ValueOption::Spark(
                option @ (SparkOption::DriverClassPath
                | SparkOption::DriverJavaOptions
                | SparkOption::DriverLibraryPath
                | SparkOption::DriverMemory),
            ) => {
                for key in option.conf_keys() {
                    self.set_conf((*key).to_owned(), value.clone());
                }
            }
            ValueOption::Spark(option) => {
                self.options.insert(option, value);
            }
            ValueOption::Conf => match value.split_once('=') {
                Some((key, value)) => self.set_conf(key.to_owned(), value.to_owned()),
                None => return Err(ArgumentsError::ConfWithoutEquals(value)),
            },
            ValueOption::PropertiesFile => self.properties_file = Some(value),
            ValueOption::ExtraPropertiesFile => {
                self.extra_properties_files.push(value);
                self.newer_options
                    .insert("--extra-properties-file", Feature::ExtraPropertiesFile);
            }
            ValueOption::DriverDefaultClassPath => {
                self.set_conf("spark.driver.defaultExtraClassPath".to_owned(), value);
                self.newer_options
                    .insert("--driver-default-class-path", Feature::DriverDefaultClassPath);
            }
            ValueOption::Kill | ValueOption::Status => {
                return Err(ArgumentsError::NotASubmission {
                    option: if matches!(option, ValueOption::Kill) {
                        "--kill"
                    } else {
                        "--status"
                    }
                    .to_owned(),
                    instead: "delete or get the driver Pod with kubectl",
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_in_both_forms_and_end_at_the_primary_resource() {
        let read = parse(&argv(
            "--master=k8s://h --name n -c spark.a=b=c --conf=spark.d= --verbose local:///x.jar --name other -v",
        ))
        .unwrap();
        assert_eq!(read.options[&SparkOption::Master], "k8s://h");
        assert_eq!(read.options[&SparkOption::Name], "n");
        assert_eq!(read.conf["spark.a"], "b=c");
        assert_eq!(read.conf["spark.d"], "");
        assert_eq!(read.primary_resource.as_deref(), Some("local:///x.jar"));
        assert_eq!(read.arguments, ["--name", "other", "-v"]);
    }

    #[test]
    fn of_a_launchers_option_and_its_conf_the_later_wins() {
        let read = parse(&argv(
            "--driver-memory 2g --conf spark.driver.memory=5g --driver-cores 2 x.jar",
        ))
        .unwrap();
        assert_eq!(read.conf["spark.driver.memory"], "5g");
        let read = parse(&argv("--conf spark.driver.memory=5g --driver-memory 2g x.jar")).unwrap();
        assert_eq!(read.conf["spark.driver.memory"], "2g");
    }

    #[test]
    fn a_key_that_a_later_argument_changed_is_known_by_its_first_value() {
        let read = parse(&argv(
            "-c spark.a=1 -c spark.a=2 -c spark.a=1 -c spark.b=1 --conf=spark.b=1 --driver-memory 1g \
             -c spark.driver.memory=2g x.jar",
        ))
        .unwrap();
        let changed = [("spark.a", "1"), ("spark.driver.memory", "1g")];
        let changed = changed.map(|(key, first)| (key.to_owned(), first.to_owned()));
        assert_eq!(read.changed_conf, changed.into());
    }

    #[test]
    fn carriage_returns_are_dropped_as_by_spark_class() {
        let read = parse(&[
            "--conf".to_owned(),
            "spark.a=b\rc".to_owned(),
            "x\r.jar".to_owned(),
        ])
        .unwrap();
        assert_eq!(
            (read.conf["spark.a"].as_str(), read.primary_resource.as_deref()),
            ("bc", Some("x.jar"))
        );
    }

    #[test]
    fn wrong_command_lines_are_refused_in_sparks_words() {
        let table = [
            ("--frobnicate x", "Unrecognized option: `--frobnicate`"),
            ("--frobnicate=x y", "Unrecognized option: `--frobnicate`"),
            ("-Dpassword=hunter2 y", "Unrecognized option: `-Dpassword`"),
            ("-phunter2 y", "Unrecognized option: <redacted, 9 bytes>"),
            ("--=hunter2 y", "Unrecognized option: <redacted, 10 bytes>"),
            ("- y", "Unrecognized option: <redacted, 1 bytes>"),
            ("--name", "Missing argument for option '--name'."),
            (
                "--conf spark.a x",
                "Invalid argument to --conf: <redacted, 7 bytes> has no '='; expected KEY=VALUE",
            ),
            (
                "--deploy-mode x",
                "--deploy-mode must be either \"client\" or \"cluster\", found `x`",
            ),
        ];
        for (line, message) in table {
            assert_eq!(parse(&argv(line)).unwrap_err().to_string(), message, "{line}");
        }
    }

    #[test]
    fn arguments_are_bounded_in_number_and_length() {
        let many = |count: usize| vec!["x".to_owned(); count];
        assert!(parse(&many(ENTRIES.most)).is_ok());
        assert_eq!(
            parse(&many(ENTRIES.most + 1)).unwrap_err().to_string(),
            "arguments: expected at most 10000 entries in one list or mapping, found more"
        );
        let long = |bytes: usize| vec!["x.jar".to_owned(), "x".repeat(bytes)];
        assert!(parse(&long(STRING.most)).is_ok());
        assert_eq!(
            parse(&long(STRING.most + 1)).unwrap_err().to_string(),
            "arguments[1]: expected at most 1048576 bytes in one string, found more"
        );
    }

    #[test]
    fn every_option_stands_in_the_table_with_its_own_name() {
        for option in SparkOption::ALL {
            assert!(option.name().starts_with("--"), "{option:?}");
            assert_eq!(
                SparkOption::ALL
                    .iter()
                    .filter(|other| other.name() == option.name())
                    .count(),
                1
            );
        }
    }
}
