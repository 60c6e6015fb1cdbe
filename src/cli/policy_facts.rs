//! What policies see of a submission, and what no file of the application says.

use crate::spark::submission::{EntryPoint, NamespaceMetadata, SubmitterContext};

/// The heading of these in a command's help.
const HEADING: &str = "What policies see";

/// What policies see beside the objects, on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PolicyFacts {
    /// A label of the application's namespace, for policies that read namespace.labels; may be given several times
    #[arg(long = "namespace-label", value_name = "KEY=VALUE", value_parser = pair, help_heading = HEADING)]
    labels: Vec<(String, String)>,

    /// An annotation of the application's namespace, for policies that read namespace.annotations
    #[arg(long = "namespace-annotation", value_name = "KEY=VALUE", value_parser = pair, help_heading = HEADING)]
    annotations: Vec<(String, String)>,

    /// The entry point that policies see
    #[arg(long, value_enum, default_value = "command-line", value_name = "ENTRY_POINT", help_heading = HEADING)]
    entry_point: EntryPoint,
}

impl PolicyFacts {
    /// The context with these.
    pub(super) fn within(&self, context: SubmitterContext) -> SubmitterContext {
        let is_given = !self.labels.is_empty() || !self.annotations.is_empty();
        SubmitterContext {
            entry_point: self.entry_point,
            namespace: is_given.then(|| NamespaceMetadata {
                labels: self.labels.iter().cloned().collect(),
                annotations: self.annotations.iter().cloned().collect(),
            }),
            ..context
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
