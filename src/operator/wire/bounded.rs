//! Messages are counted on the wire, and decoded only if they are within the limits.
//!
//! An empty message takes two bytes on the wire and some hundred in memory; so what decoding would make of a message has to be
//! known before it is done.

use crate::{
    limits::{Budget, CONTAINERS, DEPTH, ENTRIES, Limit, MAPPINGS, NODES, OverLimit, STRING, TEXT, VOLUMES},
    strict::Place,
};
use prost::bytes::Buf as _;
use std::marker::PhantomData;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

/// A kind of message, by the fields that it has.
struct Message {
    fields: &'static [Field],
}

struct Field {
    number: u32,
    name: &'static str,
    kind: Kind,
    repeated: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A number or boolean; with the bytes that each has where that is fixed.
    Scalar(Option<usize>),
    Text,
    /// Bytes, which are a document in themselves and are counted by who reads that.
    Bytes,
    /// The message of this index.
    Message(usize),
    /// The same, of a mapping's entry: key and value.
    Entry(usize),
}

/// A message that is counted by the table.
pub trait Counted {
    /// Its index in the table.
    const MESSAGE: usize;
}

include!(concat!(env!("OUT_DIR"), "/wire_messages.rs"));

/// The fields that hold a Pod's containers, of which each is large even where it is empty.
const CONTAINER_LISTS: [&str; 4] = [
    "containers",
    "init_containers",
    "ephemeral_containers",
    "sidecars",
];

/// Why a message is not decoded.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    OverLimit(OverLimit),
    /// It is not protobuf, at this path.
    Malformed(String),
}

/// Counts `bytes` as the message of this index.
fn count(bytes: &[u8], message: usize, budget: &mut Budget) -> Result<(), Fault> {
    counted(bytes, message, &Place::Document, 0, budget)
}

fn counted(
    mut rest: &[u8],
    message: usize,
    place: &Place<'_>,
    depth: usize,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let over = |limit: Limit, place: &Place<'_>| Fault::OverLimit(limit.at(place));
    let malformed = || Fault::Malformed(place.to_string());
    if depth > DEPTH.most {
        return Err(over(DEPTH, place));
    }
    let fields = MESSAGES.get(message).map_or(&[][..], |message| message.fields);
    let mut counts = vec![0_usize; fields.len()];
    // Groups are unknown to this contract, and so is all in them.
    let mut groups = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest).ok_or_else(malformed)?;
        let number = u32::try_from(key >> 3).map_err(|_| malformed())?;
        let index = fields
            .iter()
            .position(|field| field.number == number && groups == 0);
        let (value, one_scalar): (&[u8], bool) = match key & 7 {
            0 => {
                varint(&mut rest).ok_or_else(malformed)?;
                (&[], true)
            }
            1 => (take(&mut rest, 8).ok_or_else(malformed)?, true),
            2 => {
                let length = varint(&mut rest).and_then(|length| usize::try_from(length).ok());
                let value = length.and_then(|length| take(&mut rest, length));
                (value.ok_or_else(malformed)?, false)
            }
            3 => {
                groups += 1;
                if groups > DEPTH.most {
                    return Err(over(DEPTH, place));
                }
                (&[], true)
            }
            4 if groups > 0 => {
                groups -= 1;
                continue;
            }
            5 => (take(&mut rest, 4).ok_or_else(malformed)?, true),
            _ => return Err(malformed()),
        };
        let Some(index) = index else {
            if !budget.nodes(1) {
                return Err(over(NODES, place));
            }
            continue;
        };
        let field = &fields[index];
        let at = Place::Field(place, field.name);
        // Of a list of numbers in one piece each counts.
        let values = match field.kind {
            Kind::Scalar(Some(each)) if !one_scalar => value.len() / each,
            Kind::Scalar(None) if !one_scalar => value.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        };
        if !budget.nodes(values) {
            return Err(over(NODES, &at));
        }
        let before = counts[index];
        counts[index] += values;
        let entries = match field.name {
            name if CONTAINER_LISTS.contains(&name) => CONTAINERS,
            "volumes" => VOLUMES,
            _ => ENTRIES,
        };
        if field.repeated && counts[index] > entries.most {
            return Err(over(entries, &at));
        }
        if matches!(field.kind, Kind::Message(_)) && !value.is_empty() && !budget.mapping() {
            return Err(over(MAPPINGS, &at));
        }
        match field.kind {
            Kind::Scalar(_) | Kind::Bytes => {}
            Kind::Text => text(value.len(), &at, budget)?,
            Kind::Message(message) if field.repeated => {
                counted(value, message, &Place::Item(&at, before), depth + 1, budget)?;
            }
            Kind::Message(message) => counted(value, message, &at, depth + 1, budget)?,
            // Key and value are the mapping's own.
            Kind::Entry(message) => counted(value, message, &at, depth, budget)?,
        }
    }
    if groups == 0 { Ok(()) } else { Err(malformed()) }
}

fn text(bytes: usize, place: &Place<'_>, budget: &mut Budget) -> Result<(), Fault> {
    if bytes > STRING.most {
        return Err(Fault::OverLimit(STRING.at(place)));
    }
    if budget.text(bytes) {
        Ok(())
    } else {
        Err(Fault::OverLimit(TEXT.at(place)))
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// prost's codec, behind the limits. What is refused is `INVALID_ARGUMENT`: the same message will not be taken later.
#[derive(Debug, Clone)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: prost::Message + Send + 'static,
    U: prost::Message + Counted + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::new().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// Decodes what is within the limits.
#[derive(Debug)]
pub struct BoundedDecoder<U>(PhantomData<U>);

impl<U: prost::Message + Counted + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = source.copy_to_bytes(source.remaining());
        count(&bytes, U::MESSAGE, &mut Budget::default())
            .map_err(|fault| Status::invalid_argument(said(fault)))?;
        // prost names message and field, and never the value.
        U::decode(bytes)
            .map(Some)
            .map_err(|error| Status::invalid_argument(format!("expected the contract's message: {error}")))
    }
}

fn said(fault: Fault) -> String {
    match fault {
        Fault::OverLimit(over) => over.to_string(),
        Fault::Malformed(path) if path.is_empty() => {
            "expected a protobuf message, found other bytes".to_owned()
        }
        Fault::Malformed(path) => format!("{path}: expected a protobuf message, found other bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::wire::{
        Container, DriverSpec, EnvVar, RunAltSparkSubmitRequest, SparkApplication, SparkApplicationSpec,
    };
    use prost::Message as _;

    fn request(change: impl FnOnce(&mut DriverSpec)) -> Vec<u8> {
        let mut driver = DriverSpec::default();
        change(&mut driver);
        let application = SparkApplication {
            spec: Some(SparkApplicationSpec {
                driver: Some(driver),
                ..SparkApplicationSpec::default()
            }),
            ..SparkApplication::default()
        };
        let request = RunAltSparkSubmitRequest {
            submission_id: "a".to_owned(),
            spark_application: Some(application),
            ..RunAltSparkSubmitRequest::default()
        };
        request.encode_to_vec()
    }

    fn refused(bytes: &[u8]) -> Option<String> {
        count(bytes, RunAltSparkSubmitRequest::MESSAGE, &mut Budget::default())
            .err()
            .map(|fault| format!("{fault:?}"))
    }

    /// `count` times a field that the contract doesn't have, with the value 0.
    fn unknown(count: usize) -> Vec<u8> {
        [0xf8, 0xff, 0x07, 0x00].repeat(count)
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_with_their_place() {
        for (path, says) in [
            ("", "expected a protobuf message, found other bytes"),
            (
                "spec.driver",
                "spec.driver: expected a protobuf message, found other bytes",
            ),
        ] {
            assert_eq!(said(Fault::Malformed(path.to_owned())), says);
        }
    }

    #[test]
    fn each_limit_holds_on_the_wire_and_not_before() {
        let env = |count: usize| {
            request(|driver| {
                driver.spark_pod_spec.get_or_insert_default().env = vec![EnvVar::default(); count]
            })
        };
        let labels = |count: usize| {
            request(|driver| {
                let labels = (0..count).map(|n| (n.to_string(), String::new()));
                driver.spark_pod_spec.get_or_insert_default().labels = labels.collect();
            })
        };
        let sidecars = |count: usize| {
            request(|driver| {
                driver.spark_pod_spec.get_or_insert_default().sidecars = vec![Container::default(); count]
            })
        };
        let image = |bytes: usize| {
            request(|driver| driver.spark_pod_spec.get_or_insert_default().image = "x".repeat(bytes))
        };
        let texts = |count: usize, more: &str| {
            request(|driver| {
                let pod = driver.spark_pod_spec.get_or_insert_default();
                let entry = |n| (format!("{n:04}"), "x".repeat((1 << 20) - 4));
                pod.labels = (0..count).map(entry).collect();
                pod.image = more.to_owned();
            })
        };
        let table: [(Vec<u8>, Vec<u8>, &str, &str); 6] = [
            (
                env(ENTRIES.most),
                env(ENTRIES.most + 1),
                "spec.driver.spark_pod_spec.env",
                "entries",
            ),
            (
                labels(ENTRIES.most),
                labels(ENTRIES.most + 1),
                "spec.driver.spark_pod_spec.labels",
                "entries",
            ),
            (
                sidecars(CONTAINERS.most),
                sidecars(CONTAINERS.most + 1),
                "spec.driver.spark_pod_spec.sidecars",
                "containers",
            ),
            (
                image(STRING.most),
                image(STRING.most + 1),
                "spec.driver.spark_pod_spec.image",
                "string",
            ),
            // The id is a byte of text.
            (
                texts(3, &"x".repeat((1 << 20) - 1)),
                texts(3, &"x".repeat(1 << 20)),
                "submission_id",
                "text",
            ),
            (unknown(NODES.most), unknown(NODES.most + 1), "", "nodes"),
        ];
        for (fits, more, path, limit) in table {
            assert_eq!(refused(&fits), None, "{limit}");
            match count(&more, RunAltSparkSubmitRequest::MESSAGE, &mut Budget::default()) {
                Err(Fault::OverLimit(over)) => {
                    assert_eq!(over.limit.name, limit);
                    assert!(over.path.ends_with(path), "{over}");
                }
                other => panic!("{limit}: {other:?}"),
            }
        }
    }

    #[test]
    fn numbers_in_one_piece_count_each() {
        let fields = MESSAGES.iter().flat_map(|message| message.fields);
        let numbers = fields.filter(|field| field.repeated && matches!(field.kind, Kind::Scalar(_)));
        // Where the contract has such a list one day, the next lines are its test.
        for field in numbers {
            let message = MESSAGES
                .iter()
                .position(|message| message.fields.iter().any(|other| std::ptr::eq(other, field)))
                .unwrap();
            let each = match field.kind {
                Kind::Scalar(Some(each)) => each,
                _ => 1,
            };
            let packed = |count: usize| {
                let mut bytes = Vec::new();
                prost::encoding::encode_key(
                    field.number,
                    prost::encoding::WireType::LengthDelimited,
                    &mut bytes,
                );
                prost::encoding::encode_varint((count * each) as u64, &mut bytes);
                bytes.resize(bytes.len() + count * each, 0);
                bytes
            };
            assert_eq!(
                count(&packed(ENTRIES.most), message, &mut Budget::default()),
                Ok(())
            );
            assert!(count(&packed(ENTRIES.most + 1), message, &mut Budget::default()).is_err());
        }
    }

    #[test]
    fn what_is_no_protobuf_is_reported_as_such_and_groups_are_passed_over() {
        for bytes in [
            &b"\x0a"[..],
            b"\x0a\x05ab",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x0f\x00",
            b"\x7b",
            b"\x7c",
        ] {
            let malformed = count(bytes, RunAltSparkSubmitRequest::MESSAGE, &mut Budget::default());
            assert_eq!(malformed, Err(Fault::Malformed(String::new())), "{bytes:?}");
        }
        assert_eq!(refused(b"\x7b\x0a\x01\xff\x7c"), None);
        assert!(
            refused(&b"\x7b".repeat(DEPTH.most + 1))
                .unwrap()
                .contains("depth")
        );
    }
}
