//! The engine that every template set runs in: what a template can use, and how much of it.
//!
//! There is no loader, no file, no environment variable, no clock and no network: a template sees the plan and
//! the other templates of its set. Each render has a budget (fuel), a depth and an output size.

use super::{escape, filters};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig};
use std::sync::LazyLock;

/// The budget of one document. One unit pays for one instruction or about 64 bytes of data, a sixteenth of that
/// where a list or map is written whole: enough for a document of [`MOST_BYTES`] in every shape, and a fraction
/// of a second for an endless loop.
const FUEL: u64 = 1_500_000;

/// How deep includes (10 each), macros (4 each), loops and blocks (1 each) may nest. Blocks may take 22 KiB of
/// stack each in a build without optimization, and a worker thread has 2 MiB.
const RECURSION: usize = 60;

/// The name of our escaping. A name that the engine doesn't know makes its own escaping fail instead of writing
/// something of its own.
const ESCAPING: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("yaml"));

/// The most that one document may have, in bytes. An object over 1.5 MiB doesn't fit into etcd.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// An environment without templates. What it has is made once, and shared by all.
pub(crate) fn environment() -> Environment<'static> {
    static EMPTY: LazyLock<Environment<'static>> = LazyLock::new(empty);
    EMPTY.clone()
}

fn empty() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_reload(false);
    environment.set_auto_escape_callback(|_| ESCAPING);
    environment.set_formatter(escape::write);
    // Printing, looping over and looking into what isn't there fail; `{% if x %}` may ask for it. `Strict` would
    // forbid the question too, and admins would work around it with `is defined` everywhere.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Names what was undefined, in errors. Our errors never print the values that the engine then records.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_syntax(syntax());
    filters::install(&mut environment);
    environment
}

/// A tag on a line of its own leaves no line behind.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_default()
}
