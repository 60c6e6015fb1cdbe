//! Compiles the gRPC contract. protox is a protobuf compiler in Rust, so that a build needs no protoc.

use protox::{
    prost::Message as _,
    prost_reflect::prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorSet, MessageOptions,
        field_descriptor_proto::{Label, Type},
    },
};
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CONTRACT: &str = "proto/spark_submit.proto";

/// Between the drop-in and a server, on one machine.
const DROP_IN: &str = "proto/drop_in.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    println!("cargo::rerun-if-changed={DROP_IN}");

    let mut files = protox::compile([CONTRACT], ["proto"])?;
    let drop_in = protox::compile([DROP_IN], ["proto"])?;
    for files in [&files, &drop_in] {
        tonic_prost_build::configure()
            .btree_map(".")
            .codec_path("crate::operator::wire::BoundedCodec")
            .compile_fds(files.clone())?;
    }
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("wire_messages.rs"),
        messages(&[
            (&files, "crate::operator::wire"),
            (&drop_in, "crate::operator::wire::drop_in"),
        ])?,
    )?;

    head_log();

    // For reflection and for the tests of the contract, neither of which needs the comments.
    for file in &mut files.file {
        file.source_code_info = None;
    }
    // The static binary relocates itself: packed, its half a MiB of relocations is some KiB. A dynamic one would need glibc 2.36.
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }

    fs::write(Path::new(&out).join("spark_submit.fds"), files.encode_to_vec())?;
    Ok(())
}

/// Tells `src/main.rs` where git's log of HEAD is, if this is a work tree of git. The log itself is no reason to run again: the
/// program that has it compiled in depends on it, and nothing else does.
fn head_log() {
    println!("cargo::rustc-check-cfg=cfg(head_log)");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Ok(ours) = env::var("CARGO_MANIFEST_DIR") else {
        return;
    };
    // In sources that somebody unpacked inside another repository its commit would mean nothing.
    let root = git(&["rev-parse", "--show-toplevel"]);
    let is_ours = root.is_some_and(|root| fs::canonicalize(root).ok() == fs::canonicalize(ours).ok());
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).map(PathBuf::from);
    let log = log.and_then(|log| fs::canonicalize(log).ok());
    if let (true, Some(log)) = (is_ours, log) {
        println!("cargo::rustc-cfg=head_log");
        println!("cargo::rustc-env=NATIVE_SUBMIT_HEAD_LOG={}", log.display());
    }
}

/// What messages have which fields, as a table by which a message is counted before it is decoded (`src/operator/wire/bounded.rs`).
fn messages(sets: &[(&FileDescriptorSet, &str)]) -> Result<String, Box<dyn Error>> {
    let mut all: BTreeMap<String, &DescriptorProto> = BTreeMap::new();
    for file in sets.iter().flat_map(|(files, _)| &files.file) {
        for message in &file.message_type {
            collect(&format!(".{}", file.package()), message, &mut all);
        }
    }
    let index = |name: &str| {
        all.keys()
            .position(|known| known == name)
            .ok_or("a message that no file has")
    };
    let mut text = "static MESSAGES: &[Message] = &[\n".to_owned();
    for message in all.values() {
        text.push_str("Message { fields: &[");
        for field in &message.field {
            let (name, number) = (field.name(), field.number());
            let kind = kind(field, &all, index)?;
            let repeated = field.label() == Label::Repeated;
            write!(
                text,
                "Field {{ number: {number}, name: {name:?}, kind: {kind}, repeated: {repeated} }},"
            )?;
        }
        text.push_str("] },\n");
    }
    text.push_str("];\n");
    for (files, module) in sets {
        let services = files.file.iter().flat_map(|file| &file.service);
        let mut ends: Vec<&str> = services
            .flat_map(|service| &service.method)
            .flat_map(|method| [method.input_type(), method.output_type()])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        for name in ends {
            let (_, short) = name.rsplit_once('.').ok_or("a message without a package")?;
            let index = index(name)?;
            writeln!(
                text,
                "impl Counted for {module}::{short} {{ const MESSAGE: usize = {index}; }}"
            )?;
        }
    }
    Ok(text)
}

fn collect<'m>(parent: &str, message: &'m DescriptorProto, all: &mut BTreeMap<String, &'m DescriptorProto>) {
    let name = format!("{parent}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested, all);
    }
    all.insert(name, message);
}

fn kind(
    field: &FieldDescriptorProto,
    all: &BTreeMap<String, &DescriptorProto>,
    index: impl Fn(&str) -> Result<usize, &'static str>,
) -> Result<String, Box<dyn Error>> {
    Ok(match field.r#type() {
        Type::String => "Kind::Text".to_owned(),
        Type::Bytes => "Kind::Bytes".to_owned(),
        Type::Message | Type::Group => {
            let name = field.type_name();
            let options = all.get(name).and_then(|message| message.options.as_ref());
            let kind = if options.is_some_and(MessageOptions::map_entry) {
                "Entry"
            } else {
                "Message"
            };
            format!("Kind::{kind}({})", index(name)?)
        }
        Type::Double | Type::Fixed64 | Type::Sfixed64 => "Kind::Scalar(Some(8))".to_owned(),
        Type::Float | Type::Fixed32 | Type::Sfixed32 => "Kind::Scalar(Some(4))".to_owned(),
        _ => "Kind::Scalar(None)".to_owned(),
    })
}
