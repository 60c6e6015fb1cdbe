//! Blocks that the extended template doesn't have: they would never be written.

use super::{Analysis, statement};
use crate::templates::{TemplateErrorKind, typed::nearest};
use minijinja::machinery::ast;

impl<'a> Analysis<'a> {
    /// Finds the blocks of a template that none of those it extends has, `is_whole` where these are all.
    pub(super) fn blocks(
        &mut self,
        name: &'a str,
        tree: &'a ast::Stmt<'a>,
        chain: &[&'a str],
        is_whole: bool,
    ) {
        let Some(parent) = chain.first().filter(|_| is_whole) else {
            return;
        };
        let of_parents = chain.iter().filter_map(|name| self.trees.get(name));
        let known: Vec<&str> = of_parents
            .flat_map(statement::blocks)
            .map(|block| block.name)
            .collect();
        self.template = name;
        // A block of its own, inside of one that a parent has, is written there.
        for (block, span) in statement::outer_blocks(tree) {
            if known.contains(&block.name) {
                continue;
            }
            let advice = match nearest(block.name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", known.join(", ")),
            };
            let message = format!(
                "{parent} has no block `{}`, so this one would never be written; {advice}",
                block.name
            );
            self.wrong(TemplateErrorKind::Block, span, message);
        }
    }
}
