//! Compiles the gRPC contract. protox is a protobuf compiler in Rust, so that a build needs no protoc.

use protox::prost::Message as _;
use std::{env, error::Error, fs, path::Path};

const CONTRACT: &str = "proto/spark_submit.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CONTRACT}");

    let mut files = protox::compile([CONTRACT], ["proto"])?;
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(files.clone())?;

    // For reflection and for the tests of the contract, neither of which needs the comments.
    for file in &mut files.file {
        file.source_code_info = None;
    }
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("spark_submit.fds"), files.encode_to_vec())?;
    Ok(())
}
