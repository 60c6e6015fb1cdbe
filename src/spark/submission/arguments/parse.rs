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
    /// An option with a line break in it, or in the value that is joined to it.
    #[error("Unrecognized option: {} is expected on one line, found a line break; give a value of several lines as an argument of its own", option_name(.0))]
    LineBreak(String),
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
    /// `--kill` and `--status` together, or one of them twice.
    #[error("Action cannot be both {0} and {1}.")]
    TwoOperations(&'static str, &'static str),
    /// Something that this command does not do; see the message.
    #[error("{option} is not for submitting an application: {instead}")]
    NotASubmission {
        /// The option.
        option: String,
        /// What to do instead.
        instead: &'static str,
    },
}

/// What a command line asks for.
#[derive(Debug)]
pub enum SparkSubmitCommand {
    /// An application is submitted.
    Submit(SparkSubmitArguments),
    /// Drivers are looked at or ended; the arguments say where, and as whom.
    Operation(SubmissionOperation, SparkSubmitArguments),
}

/// What `--status` and `--kill` ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmissionOperation {
    /// `--status [NAMESPACE:]POD`: what the drivers do.
    Status(String),
    /// `--kill [NAMESPACE:]POD`: an end of the drivers.
    Kill(String),
}

impl SubmissionOperation {
    /// The option that asks for it.
    pub fn option(&self) -> &'static str {
        match self {
            Self::Status(_) => "--status",
            Self::Kill(_) => "--kill",
        }
    }

    /// The submission's id, as it was given: `[NAMESPACE:]POD`, and `*` behind it for all that begin so.
    pub fn id(&self) -> &str {
        match self {
            Self::Status(id) | Self::Kill(id) => id,
        }
    }
}

/// Reads the command line of a submission, as [`parse_command`] does.
pub fn parse(argv: &[String]) -> Result<SparkSubmitArguments, ArgumentsError> {
    match parse_command(argv)? {
        SparkSubmitCommand::Submit(arguments) => Ok(arguments),
        SparkSubmitCommand::Operation(operation, _) => Err(ArgumentsError::NotASubmission {
            option: operation.option().to_owned(),
            instead: "call `native-submit spark-submit`, or delete or get the driver Pod with kubectl",
        }),
    }
}

/// Reads a command line, without the program's name. Carriage returns are dropped, as Spark's `spark-class` script drops
/// them from every argument. Options end at the first argument that is not one: that is
/// the primary resource, and all after it belongs to the application, whatever it looks like.
pub fn parse_command(argv: &[String]) -> Result<SparkSubmitCommand, ArgumentsError> {
    ENTRIES.holds("arguments", argv.len())?;
    for (index, argument) in argv.iter().enumerate() {
        if argument.len() > STRING.most {
            return Err(STRING.at(format_args!("arguments[{index}]")).into());
        }
    }
    let mut arguments = SparkSubmitArguments::default();
    let mut operation: Option<SubmissionOperation> = None;
    let mut rest = argv.iter();
    while let Some(given) = rest.next() {
        if let Some(option) = broken(given) {
            return Err(ArgumentsError::LineBreak(option.to_owned()));
        }
        let argument = &without_returns(given);
        let (name, joined) = split_joined(argument);
        if let Some(option) = value_option(name) {
            let value = match joined {
                Some(value) => value.to_owned(),
                None => rest
                    .next()
                    .map(|value| without_returns(value))
                    .ok_or_else(|| ArgumentsError::MissingValue(name.to_owned()))?,
            };
            let asked = match option {
                ValueOption::Kill => SubmissionOperation::Kill(value),
                ValueOption::Status => SubmissionOperation::Status(value),
                ValueOption::Argument(option) => {
                    arguments.take(option, value)?;
                    continue;
                }
            };
            if let Some(earlier) = &operation {
                return Err(ArgumentsError::TwoOperations(earlier.option(), asked.option()));
            }
            operation = Some(asked);
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
            option if OtherDash::of(option).is_some() => {
                let OtherDash { typed, dash } = OtherDash::of(option).unwrap_or_default();
                return Err(ArgumentsError::OtherDash { typed, dash });
            }
            option if option.starts_with('-') => {
                return Err(ArgumentsError::Unrecognized(name.to_owned()));
            }
            resource => {
                arguments.primary_resource = Some(resource.to_owned());
                arguments.arguments = rest.map(|argument| without_returns(argument)).collect();
                break;
            }
        }
    }
    Ok(match operation {
        None => SparkSubmitCommand::Submit(arguments),
        Some(operation) => SparkSubmitCommand::Operation(operation, arguments),
    })
}

/// Dashes that word processors and web pages put in place of hyphens. No file's name begins with one.
const DASHES: [char; 6] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}',
];

/// An argument that begins with another dash than a hyphen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OtherDash {
    /// The argument with hyphens.
    pub typed: String,
    /// The dash, `U+2013`.
    pub dash: String,
}

impl OtherDash {
    /// If there is another dash among those that an argument begins with.
    pub fn of(argument: &str) -> Option<Self> {
        let begin = argument
            .chars()
            .take_while(|begin| *begin == '-' || DASHES.contains(begin));
        let dash = begin.into_iter().find(|begin| *begin != '-')?;
        let word = argument.trim_start_matches(|begin| begin == '-' || DASHES.contains(&begin));
        let name = word.split('=').next().unwrap_or(word);
        let hyphens = if name.chars().nth(1).is_some() { "--" } else { "-" };
        Some(Self {
            typed: format!("{hyphens}{word}"),
            dash: format!("U+{:04X}", u32::from(dash)),
        })
    }
}

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

fn without_returns(argument: &str) -> String {
    argument.replace('\r', "")
}

/// What ends a line for Java: a joined value has none of them.
const LINE_ENDS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// The name of an option with a joined value of several lines, which Spark doesn't recognize. Its launcher sees the carriage returns,
/// too, also in a name.
fn broken(argument: &str) -> Option<&str> {
    let name = argument.split('=').next().unwrap_or(argument);
    let (_, joined) = split_joined(argument);
    let is_broken = name.contains('\r') || joined.is_some_and(|value| value.contains(LINE_ENDS));
    (is_broken && argument.starts_with('-')).then_some(argument)
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
    Argument(ArgumentOption),
    Kill,
    Status,
}

/// Those of them that say something about the application.
#[derive(Clone, Copy)]
enum ArgumentOption {
    Spark(SparkOption),
    Conf,
    PropertiesFile,
    ExtraPropertiesFile,
    DriverDefaultClassPath,
}

fn value_option(name: &str) -> Option<ValueOption> {
    Some(ValueOption::Argument(match name {
        "--kill" => return Some(ValueOption::Kill),
        "--status" => return Some(ValueOption::Status),
        "--conf" | "-c" => ArgumentOption::Conf,
        "--properties-file" => ArgumentOption::PropertiesFile,
        "--extra-properties-file" => ArgumentOption::ExtraPropertiesFile,
        "--driver-default-class-path" => ArgumentOption::DriverDefaultClassPath,
        _ => ArgumentOption::Spark(*SparkOption::ALL.iter().find(|option| option.name() == name)?),
    }))
}

impl SparkSubmitArguments {
    fn take(&mut self, option: ArgumentOption, value: String) -> Result<(), ArgumentsError> {
        match option {
            ArgumentOption::Spark(SparkOption::DeployMode) if value != "client" && value != "cluster" => {
                return Err(ArgumentsError::DeployMode(value));
            }
            // Spark's launcher makes conf of these before Spark itself sees them: of option and --conf the later wins.
            ArgumentOption::Spark(
                option @ (SparkOption::DriverClassPath
                | SparkOption::DriverJavaOptions
                | SparkOption::DriverLibraryPath
                | SparkOption::DriverMemory),
            ) => {
                for key in option.conf_keys() {
                    self.set_conf((*key).to_owned(), value.clone());
                }
            }
            ArgumentOption::Spark(option) => {
                self.options.insert(option, value);
            }
            ArgumentOption::Conf => match value.split_once('=') {
                Some((key, value)) => self.set_conf(key.to_owned(), value.to_owned()),
                None => return Err(ArgumentsError::ConfWithoutEquals(value)),
            },
            ArgumentOption::PropertiesFile => self.properties_file = Some(value),
            ArgumentOption::ExtraPropertiesFile => {
                self.extra_properties_files.push(value);
                self.newer_options
                    .insert("--extra-properties-file", Feature::ExtraPropertiesFile);
            }
            ArgumentOption::DriverDefaultClassPath => {
                self.set_conf("spark.driver.defaultExtraClassPath".to_owned(), value);
                self.newer_options
                    .insert("--driver-default-class-path", Feature::DriverDefaultClassPath);
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
    fn an_operation_keeps_the_conf_around_it_and_is_no_submission() {
        let line = "--master k8s://h --kill ns:a* --conf spark.a=b";
        let SparkSubmitCommand::Operation(operation, arguments) = parse_command(&argv(line)).unwrap() else {
            panic!("no operation");
        };
        assert_eq!(operation, SubmissionOperation::Kill("ns:a*".to_owned()));
        assert_eq!(arguments.conf["spark.a"], "b");
        assert_eq!(arguments.options[&SparkOption::Master], "k8s://h");
        assert!(matches!(
            parse(&argv(line)),
            Err(ArgumentsError::NotASubmission { .. })
        ));
        let twice = parse_command(&argv("--kill a --status b")).unwrap_err();
        assert_eq!(twice.to_string(), "Action cannot be both --kill and --status.");
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
    fn a_joined_value_has_one_line() {
        for argument in [
            "--name=a\nb",
            "--name=a\r",
            "--conf=spark.a=b\rc",
            "--name=a\u{85}b",
            "--name=a\u{2028}b",
            "--name=\u{2029}",
            "--verbose=a\nb",
            "--na\rme=a",
            "-v\r",
        ] {
            let refused = parse(&[argument.to_owned(), "x.jar".to_owned()]);
            assert!(
                matches!(refused, Err(ArgumentsError::LineBreak(_))),
                "{argument:?}: {refused:?}"
            );
        }
        for argument in ["--name=a\u{b}b", "--name=a b"] {
            parse(&[argument.to_owned(), "x.jar".to_owned()]).unwrap();
        }
        // As arguments of their own, behind an option or the application.
        let own = ["--name", "--name=a\nb", "x\r.jar", "--name=a\nb"];
        let read = parse(&own.map(str::to_owned)).unwrap();
        assert_eq!(read.arguments, ["--name=a\nb"]);
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
