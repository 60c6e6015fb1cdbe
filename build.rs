//! Compiles the gRPC contract. protox is a protobuf compiler in Rust, so that a build needs no protoc.

use protox::prost::Message as _;
use std::{env, error::Error, fs, path::Path};

const CONTRACT: &str = "proto/spark_submit.proto";

/// Between the drop-in and a server, on one machine.
const DROP_IN: &str = "proto/drop_in.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    println!("cargo::rerun-if-changed={DROP_IN}");

    let mut files = protox::compile([CONTRACT], ["proto"])?;
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(files.clone())?;
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(protox::compile([DROP_IN], ["proto"])?)?;

    // For reflection and for the tests of the contract, neither of which needs the comments.
    for file in &mut files.file {
        file.source_code_info = None;
    }
    // The static binary relocates itself: packed, its half a MiB of relocations is some KiB. A dynamic one would need glibc 2.36.
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }

    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("spark_submit.fds"), files.encode_to_vec())?;
    Ok(())
}
