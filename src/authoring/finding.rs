//! What a check of templates finds, and where.

use crate::kubernetes;
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A server would refuse the set, or an application of it.
    Error,
    /// Odd, and perhaps not meant so.
    Warning,
}

/// What sort of finding it is: its name is stable, for filters and baselines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A file that can't be a template.
    File,
    /// A template doesn't compile.
    Syntax,
    /// A template uses a variable or a field that isn't there.
    Undefined,
    /// A template ran out of its budget, depth or output size.
    Limit,
    /// A template refused an application, by `refuse()`.
    Refused,
    /// A template failed while it was rendered.
    Render,
    /// A rendered object isn't right.
    Manifest,
    /// An object has a field that Kubernetes' types of this release don't have, and `TEMPLATE_UNKNOWN_FIELDS` lets it pass.
    NewerField,
    /// The API server refuses a rendered object.
    ApiServer,
    /// A case can't be rendered, whatever the templates say.
    Case,
    /// A file that is left out.
    IgnoredFile,
    /// A template that nothing renders.
    UnusedTemplate,
    /// An override that is the built-in template.
    SameAsBuiltin,
    /// A block that is never written, because another override has its place.
    ShadowedBlock,
    /// A block that the extended template doesn't have.
    UnknownBlock,
    /// A block leaves out what the built-in template writes there.
    LostEntries,
    /// Text outside of the blocks of a template that extends another one.
    StrayText,
    /// A call of `refuse` or `warn` that no sample and no case comes to.
    NeverFired,
    /// `TEMPLATE_SETS` names a set that isn't there.
    MissingSet,
    /// Additional objects of several applications have the same name.
    SharedName,
    /// Policies that let nothing through.
    RefusesAll,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 21] = [
        Self::File,
        Self::Syntax,
        Self::Undefined,
        Self::Limit,
        Self::Refused,
        Self::Render,
        Self::Manifest,
        Self::NewerField,
        Self::ApiServer,
        Self::Case,
        Self::IgnoredFile,
        Self::UnusedTemplate,
        Self::SameAsBuiltin,
        Self::ShadowedBlock,
        Self::UnknownBlock,
        Self::LostEntries,
        Self::StrayText,
        Self::NeverFired,
        Self::MissingSet,
        Self::SharedName,
        Self::RefusesAll,
    ];

    /// Its name, as it is serialized.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Syntax => "syntax",
            Self::Undefined => "undefined",
            Self::Limit => "limit",
            Self::Refused => "refused",
            Self::Render => "render",
            Self::Manifest => "manifest",
            Self::NewerField => "newer-field",
            Self::ApiServer => "api-server",
            Self::Case => "case",
            Self::IgnoredFile => "ignored-file",
            Self::UnusedTemplate => "unused-template",
            Self::SameAsBuiltin => "same-as-builtin",
            Self::ShadowedBlock => "shadowed-block",
            Self::UnknownBlock => "unknown-block",
            Self::LostEntries => "lost-entries",
            Self::StrayText => "stray-text",
            Self::NeverFired => "never-fired",
            Self::MissingSet => "missing-set",
            Self::SharedName => "shared-name",
            Self::RefusesAll => "refuses-all",
        }
    }

    /// What it finds, in one sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::File => {
                "A file can't be a template: its name is unknown, it is empty, unreadable or not UTF-8."
            }
            Self::Syntax => "A template doesn't compile.",
            Self::Undefined => "A template uses a variable or a field that isn't there.",
            Self::Limit => "A template runs out of its budget, its depth or its output size.",
            Self::Refused => "A template refuses an application.",
            Self::Render => "A template fails while it is rendered.",
            Self::Manifest => "A rendered object is one that Kubernetes would refuse or Spark couldn't use.",
            Self::NewerField => {
                "A rendered object has a field that this release's types of Kubernetes don't have."
            }
            Self::ApiServer => "The API server refuses a rendered object.",
            Self::Case => "A case can't be rendered, whatever the templates say.",
            Self::IgnoredFile => "A file is left out, because its name isn't a template's.",
            Self::UnusedTemplate => "Nothing renders a template.",
            Self::SameAsBuiltin => "An override is the built-in template word for word.",
            Self::ShadowedBlock => {
                "A block is never written, because an override of a block around it has its place."
            }
            Self::UnknownBlock => {
                "A block is never written, because the extended template has none of that name."
            }
            Self::LostEntries => {
                "A block without super() leaves out entries that the built-in template writes in its place."
            }
            Self::StrayText => {
                "Text outside of the blocks of a template that extends another one goes nowhere."
            }
            Self::NeverFired => "No sample and no case comes to a call of refuse or warn.",
            Self::MissingSet => "TEMPLATE_SETS names a set, and there is no folder of that name.",
            Self::SharedName => {
                "An additional object has the same name for several applications, of which one can have it."
            }
            Self::RefusesAll => "Policies refuse every sample and every case.",
        }
    }

    /// How bad it is.
    pub fn level(self) -> Level {
        match self {
            Self::File
            | Self::Syntax
            | Self::Undefined
            | Self::Limit
            | Self::Refused
            | Self::Render
            | Self::Manifest
            | Self::ApiServer
            | Self::Case
            | Self::UnknownBlock
            | Self::MissingSet => Level::Error,
            _ => Level::Warning,
        }
    }
}

/// A line that is shown with a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownLine {
    /// Its number, from 1.
    pub number: usize,
    /// The text. Of a rendered line the values are left out, but those of closed grammar.
    pub text: String,
    /// Whether it is the line that the finding is about.
    pub meant: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateFinding {
    /// What sort.
    pub rule: Rule,
    /// The file: its path as the command was given the directory, or `builtin/…`.
    pub file: String,
    /// The line in it, from 1, where it is known.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// More about it: through which templates it came, what could be meant.
    pub notes: Vec<String>,
    /// The line of the template.
    pub source: Vec<ShownLine>,
    /// What was rendered there, and the lines around it.
    pub rendered: Vec<ShownLine>,
    /// The applications on which it was met; none where it is about the templates as such.
    pub applications: Vec<String>,
    /// What it is without the names and values of one application: findings of the same line with the same are one.
    #[serde(skip)]
    pub likeness: String,
    /// The message without values, for `/readyz` and the log; none where nobody made one.
    #[serde(skip)]
    pub(super) brief: Option<String>,
    /// What is wrong with one rendered object, as parts; none where the finding is about something else, or about more.
    #[serde(skip)]
    pub(super) of_object: Option<Box<kubernetes::Finding>>,
}

impl TemplateFinding {
    /// A finding about a file as a whole, until more is known.
    pub fn new(rule: Rule, file: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            rule,
            file: file.into(),
            line: None,
            column: None,
            likeness: message.clone(),
            brief: None,
            of_object: None,
            message,
            notes: Vec::new(),
            source: Vec::new(),
            rendered: Vec::new(),
            applications: Vec::new(),
        }
    }

    /// The same at a line.
    #[must_use]
    pub fn at(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Says it in other words, which have the former: the message, and the one without values.
    pub(super) fn reword(&mut self, words: impl Fn(&str) -> String) {
        self.message = words(&self.message);
        self.brief = self.brief.as_deref().map(words);
    }

    /// What makes a rendered object one that Kubernetes would refuse or Spark couldn't use, as parts.
    pub(super) fn manifest(&self) -> Option<&kubernetes::Finding> {
        self.of_object.as_deref().filter(|_| self.rule == Rule::Manifest)
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.rule.level()
    }

    /// Whether another application showed the same.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        (self.rule, self.line, self.column) == (other.rule, other.line, other.column)
            && self.file == other.file
            && self.likeness == other.likeness
    }
}
