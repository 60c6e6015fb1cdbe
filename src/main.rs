//! The `native-submit` command.

fn main() {}
