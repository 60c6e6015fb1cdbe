//! What template sets promise, through their public interface.

mod analysis;
mod builtin;
mod depth;
mod errors;
mod hostile;
mod layers;
mod overrides;
mod reload;
mod sets;
mod typed;

use super::{LoadError, Rendered, TemplateError, TemplateSet};
use crate::strict;
use serde_json::Value;

fn load(files: &[(&str, &str)]) -> Result<TemplateSet, LoadError> {
    TemplateSet::load(
        &files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect(),
    )
}

fn render(files: &[(&str, &str)]) -> Result<Rendered, TemplateError> {
    load(files).unwrap().render(&super::sample::plan())
}

fn parsed(rendered: &Rendered, role: &str) -> Value {
    let document = rendered
        .documents
        .iter()
        .find(|document| document.role == role)
        .unwrap();
    let value = strict::parse_yaml(&document.text);
    let mut value = value.unwrap_or_else(|problem| panic!("{problem}\n{}", document.text));
    // What is null counts as not written.
    crate::manifest::drop_nulls(&mut value);
    value
}
