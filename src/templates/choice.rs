//! Which set a submission asks for, and which it is given.
//!
//! The application's annotation comes first, then the first rule for its namespace, then the first rule for its type, then
//! the default set.

use super::{directory::is_set_name, files::ALWAYS, parts::DEFAULT_SET};
use crate::{
    finding::expected,
    spark::submission::{PrimaryResource, Refusal, Submission, TEMPLATE_SET_ANNOTATION},
};
use std::{fmt, str::FromStr};

/// What an admin says about who gets which set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetRules {
    /// What becomes of the annotation.
    pub annotation: SetAnnotation,
    /// In their order (`TEMPLATE_SETS`).
    pub rules: Vec<SetRule>,
}

/// What becomes of an application's annotation `native-submit/template-set` (`TEMPLATE_SET_ANNOTATION`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SetAnnotation {
    /// It chooses the set.
    #[default]
    Allow,
    /// The submission is refused.
    Refuse,
}

/// One rule: `namespace:NAME=SET`, where `*` at the end stands for any further text, or `type:Java|Python|R=SET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetRule {
    subject: Subject,
    set: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Namespace(String),
    NamespacesFrom(String),
    Type(ApplicationType),
}

/// What Spark tells apart by the main application file. Scala is Java here: `spark-submit` knows no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ApplicationType {
    Java,
    Python,
    R,
}

impl ApplicationType {
    fn of(resource: &PrimaryResource) -> Self {
        match resource {
            PrimaryResource::Java(_) => Self::Java,
            PrimaryResource::Python(_) => Self::Python,
            PrimaryResource::R(_) => Self::R,
        }
    }
}

/// As it is written in a rule.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(name) => write!(f, "namespace:{name}"),
            Self::NamespacesFrom(prefix) => write!(f, "namespace:{prefix}*"),
            Self::Type(of) => write!(f, "type:{of:?}"),
        }
    }
}

impl FromStr for SetRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "expected namespace:NAME=SET, namespace:PREFIX*=SET or type:Java|Python|R=SET".to_owned();
        let (subject, set) = text.split_once('=').ok_or_else(wrong)?;
        if !is_set_name(set) {
            return Err("a set's name has lowercase letters, digits and `-` only".to_owned());
        }
        if set == ALWAYS {
            return Err(format!(
                "`{ALWAYS}` is no set: what its folder holds applies to every set"
            ));
        }
        let subject = match subject.split_once(':').ok_or_else(wrong)? {
            ("type", "Java") => Subject::Type(ApplicationType::Java),
            ("type", "Python") => Subject::Type(ApplicationType::Python),
            ("type", "R") => Subject::Type(ApplicationType::R),
            ("type", "Scala") => {
                return Err("spark-submit can't tell Scala from Java: say type:Java".to_owned());
            }
            ("namespace", name) => match name.strip_suffix('*') {
                Some(prefix) => Subject::NamespacesFrom(prefix.to_owned()),
                None if is_set_name(name) => Subject::Namespace(name.to_owned()),
                None => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        Ok(Self {
            subject,
            set: set.to_owned(),
        })
    }
}

/// A set, and who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<'c> {
    /// The application's author.
    Asked(&'c str),
    /// The admin, or nobody.
    Given(&'c str),
}

impl SetRules {
    /// The name of the set that a submission gets.
    pub(super) fn choose<'c>(&'c self, submission: &'c Submission) -> Choice<'c> {
        if let Some(name) = &submission.template_set {
            return Choice::Asked(name);
        }
        let namespace = submission.namespace();
        let application_type = ApplicationType::of(&submission.resource);
        let of_namespace = |rule: &&SetRule| match &rule.subject {
            Subject::Namespace(name) => name == namespace,
            Subject::NamespacesFrom(prefix) => namespace.starts_with(prefix),
            Subject::Type(_) => false,
        };
        let of_type = |rule: &&SetRule| rule.subject == Subject::Type(application_type);
        let rule = self.rules.iter().find(of_namespace);
        let rule = rule.or_else(|| self.rules.iter().find(of_type));
        Choice::Given(rule.map_or(DEFAULT_SET, |rule| &rule.set))
    }

    /// Why a submission is refused that asks for a set where the admin lets nobody ask.
    pub(crate) fn refusal(&self, submission: &Submission) -> Option<Refusal> {
        let refuses = self.annotation == SetAnnotation::Refuse && submission.template_set.is_some();
        let said = expected("no template set")
            .advice("TEMPLATE_SET_ANNOTATION is refuse, so an administrator chooses it");
        refuses.then(|| Refusal::saying(TEMPLATE_SET_ANNOTATION, said))
    }

    /// Why a submission gets its set, in words for an admin.
    pub(crate) fn why(&self, submission: &Submission) -> String {
        if submission.template_set.is_some() {
            return "the application's annotation native-submit/template-set names it".to_owned();
        }
        let name = self.name_for(submission);
        let namespace = submission.namespace();
        let application_type = ApplicationType::of(&submission.resource);
        let of = |wanted: &dyn Fn(&Subject) -> bool| self.rules.iter().find(|rule| wanted(&rule.subject));
        let of_namespace = of(&|subject| match subject {
            Subject::Namespace(name) => name == namespace,
            Subject::NamespacesFrom(prefix) => namespace.starts_with(prefix.as_str()),
            Subject::Type(_) => false,
        });
        match of_namespace.or_else(|| of(&|subject| *subject == Subject::Type(application_type))) {
            Some(rule) => format!("the rule {}={name} of TEMPLATE_SETS", rule.subject),
            None => "no annotation and no rule of TEMPLATE_SETS chooses another".to_owned(),
        }
    }

    /// The name of the set that a submission gets, whether there is one or not.
    pub(crate) fn name_for<'c>(&'c self, submission: &'c Submission) -> &'c str {
        match self.choose(submission) {
            Choice::Asked(name) | Choice::Given(name) => name,
        }
    }

    /// The sets that rules name.
    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.set.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spark::submission::{Request, SubmissionId, SubmitterContext, arguments, resolve};

    fn submission(namespace: &str, file: &str, asked: Option<&str>) -> Submission {
        let arguments = [
            "--master",
            "k8s://https://h:1",
            "--deploy-mode",
            "cluster",
            "--name",
            "a",
        ];
        let conf = [
            format!("spark.kubernetes.namespace={namespace}"),
            "spark.kubernetes.container.image=i".to_owned(),
        ];
        let asked =
            asked.map(|set| format!("spark.kubernetes.driver.annotation.native-submit/template-set={set}"));
        let mut arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        for conf in conf.into_iter().chain(asked) {
            arguments.extend(["--conf".to_owned(), conf]);
        }
        arguments.extend(
            ["--class".to_owned(), "C".to_owned()]
                .into_iter()
                .filter(|_| file.ends_with("jar")),
        );
        arguments.push(file.to_owned());
        let arguments = arguments::parse(&arguments).unwrap();
        let request = Request {
            default_id: Some(SubmissionId::nil()),
            ..Request::default()
        };
        resolve(arguments, request, &SubmitterContext::golden()).unwrap()
    }

    #[test]
    fn the_annotation_comes_first_then_namespace_then_type() {
        let rules = [
            "type:Python=py",
            "namespace:team-*=team",
            "namespace:team-a=never",
            "namespace:ops=default",
        ];
        let rules = SetRules {
            annotation: SetAnnotation::Allow,
            rules: rules.map(|rule| rule.parse().unwrap()).to_vec(),
        };
        let (given, asked_for) = (Choice::Given, Choice::Asked);
        let no_rule = "no annotation and no rule of TEMPLATE_SETS chooses another";
        let annotation = "the application's annotation native-submit/template-set names it";
        for (namespace, file, asked, expected, why) in [
            ("x", "local:///a.jar", None, given("default"), no_rule),
            (
                "x",
                "local:///a.py",
                None,
                given("py"),
                "the rule type:Python=py of TEMPLATE_SETS",
            ),
            (
                "team-a",
                "local:///a.py",
                None,
                given("team"),
                "the rule namespace:team-*=team of TEMPLATE_SETS",
            ),
            (
                "ops",
                "local:///a.py",
                None,
                given("default"),
                "the rule namespace:ops=default of TEMPLATE_SETS",
            ),
            (
                "team-a",
                "local:///a.py",
                Some("gpu"),
                asked_for("gpu"),
                annotation,
            ),
        ] {
            let submission = submission(namespace, file, asked);
            assert_eq!(rules.choose(&submission), expected, "{namespace} {file}");
            assert_eq!(rules.why(&submission), why, "{namespace} {file}");
        }
    }

    #[test]
    fn a_rule_is_read_strictly() {
        for text in [
            "",
            "a=b",
            "namespace:=b",
            "namespace:A=b",
            "type:java=b",
            "type:Scala=b",
            "type:R=B",
            "type:R=",
            "user:a=b",
            "namespace:a=always",
        ] {
            assert!(text.parse::<SetRule>().is_err(), "{text}");
        }
    }
}
