//! The reference of what a template can use, written from the types' doc comments and from what is registered in the
//! engine: `docs/template-reference.md`.

mod callables;
mod policies;
mod variables;

pub(crate) use variables::variables;

use super::context;
use crate::{
    spark::plan::CONTEXT_VERSION,
    templates::{TemplateOutline, builtin_sources},
};
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = "\
# Template reference

This page lists everything that a template can use. `UPDATE_GOLDEN=1 cargo test --test it templates::reference` writes
it from the program's own types, so don't edit it.

`native-submit context FILE` prints the variables of your application, and `native-submit context --schema` their JSON
Schema. `native-submit check DIR` checks a directory of templates.
";

const VARIABLES: &str = "\
Every template can use each variable; its section names exceptions. A value is always written as JSON, with its own
quotes. A field whose type has `or null` exists in every context, and is `null` if it has no value: test it with
`{% if pod.service_account is not none %}`. If Kubernetes has a type for a thing (an environment variable, a volume),
the value has that shape, so that `- {{ volume }}` writes it.
";

const BLOCKS: &str = "\
A template that begins with `{% extends \"builtin/<name>\" %}` writes what the built-in one writes, except for the
blocks that it overrides. In a block, `{{ super() }}` writes what the built-in one has there. A block inside another
one is indented.
";

/// The page. `contexts` are those from which the examples are taken, the first that has something to show.
pub fn page(contexts: &[Value]) -> Result<String, String> {
    let mut page = HEAD.to_owned();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## Variables\n\nContext version {CONTEXT_VERSION} (`context_version`). It grows when a variable is removed or changes its \
         meaning.\nA new variable doesn't change it.\n\n{VARIABLES}"
    );
    variables::write(&mut page, &context::schema(), contexts);
    callables::write(&mut page)?;
    policies::write(&mut page)?;
    let _ = write!(
        page,
        "\n## Blocks and macros of the built-in templates\n\n{BLOCKS}"
    );
    for (name, source) in builtin_sources() {
        blocks(&mut page, name, source);
    }
    Ok(page)
}

fn blocks(page: &mut String, name: &str, source: &str) {
    let outline = TemplateOutline::of(source);
    // Writing to a String cannot fail.
    let _ = write!(page, "\n### {name}\n\n");
    if outline.blocks.is_empty() {
        page.push_str("No blocks.\n");
    }
    for (index, block) in outline.blocks.iter().enumerate() {
        let around = |index: &usize| outline.blocks[*index].parent;
        let depth = std::iter::successors(outline.blocks[index].parent, around).count();
        let _ = writeln!(page, "{:indent$}- `{}`", "", block.name, indent = depth * 2);
    }
    if !outline.macros.is_empty() {
        let names: Vec<_> = outline
            .macros
            .iter()
            .map(|named| format!("`{}`", named.name))
            .collect();
        let _ = writeln!(page, "\nMacros: {}.", names.join(", "));
    }
}

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
