//! The compiled gRPC contract is the one that `wire_contract.txt` spells out.
#![allow(clippy::unwrap_used)]

use native_submit::operator::wire::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
    field_descriptor_proto::{Label, Type},
};
use std::collections::BTreeSet;

const TABLE: &str = include_str!("wire_contract.txt");

fn contract() -> FileDescriptorProto {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    set.file
        .into_iter()
        .find(|file| file.package() == "spark")
        .unwrap()
}

fn scalar(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().rsplit('.').next().unwrap().to_owned(),
        other => other.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    }
}

fn type_of(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let name = scalar(field);
    let entry = message.nested_type.iter().find(|nested| {
        nested.name() == name && nested.options.as_ref().is_some_and(MessageOptions::map_entry)
    });
    if let Some(entry) = entry {
        return format!("map<{}, {}>", scalar(&entry.field[0]), scalar(&entry.field[1]));
    }
    let label = match (field.label(), field.proto3_optional(), field.oneof_index) {
        (Label::Repeated, _, _) => "repeated ",
        (_, true, _) => "optional ",
        (_, false, Some(_)) => "oneof ",
        _ => "",
    };
    format!("{label}{name}")
}

fn compiled() -> BTreeSet<String> {
    let file = contract();
    let fields = file.message_type.iter().flat_map(|message| {
        message.field.iter().map(move |field| {
            format!(
                "{} {} {} {}",
                message.name(),
                field.name(),
                field.number(),
                type_of(field, message)
            )
        })
    });
    let values = file.enum_type.iter().flat_map(|of| {
        of.value
            .iter()
            .map(move |value| format!("{} {} {} enum", of.name(), value.name(), value.number()))
    });
    fields.chain(values).collect()
}

#[test]
fn every_field_has_the_name_number_and_type_of_the_contract() {
    let table: BTreeSet<String> = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let compiled = compiled();
    let missing: Vec<_> = table.difference(&compiled).collect();
    let surplus: Vec<_> = compiled.difference(&table).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not as in tests/wire_contract.txt\nmissing: {missing:#?}\nsurplus: {surplus:#?}"
    );
}

#[test]
fn the_contract_is_complete() {
    let file = contract();
    assert_eq!(file.message_type.len(), 91);
    assert_eq!(file.enum_type.len(), 23);
}

#[test]
fn the_service_is_found_under_its_path() {
    let file = contract();
    assert_eq!(file.syntax(), "proto3");
    assert_eq!(file.service.len(), 1);
    let service = &file.service[0];
    assert_eq!(service.name(), "SparkSubmitService");
    assert_eq!(service.method.len(), 1);
    let method = &service.method[0];
    assert_eq!(method.name(), "RunAltSparkSubmit");
    assert_eq!(method.input_type(), ".spark.RunAltSparkSubmitRequest");
    assert_eq!(method.output_type(), ".spark.RunAltSparkSubmitResponse");
    assert!(!method.client_streaming() && !method.server_streaming());
}
