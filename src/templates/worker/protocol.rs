//! What is said between the server and a render worker: frames of a length (four bytes, big-endian) and `MessagePack`, which is
//! written and read faster than JSON.

use crate::{
    spark::plan::DriverPlan,
    templates::{Finished, Judgement, LoadError, PolicyName, Rendered, TemplateError, parts::Source},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    io::{self, Read},
    time::Duration,
};

/// The bytes of a frame's length.
pub(super) const LENGTH: usize = 4;

/// The longest request, in bytes: a set's files, a plan or finished objects.
pub(super) const MOST_REQUEST: usize = 32 << 20;

/// How deep the values of a frame may be nested: what readers of submissions let pass is less deep.
const MOST_DEPTH: usize = 128;

/// What a worker does.
#[allow(clippy::large_enum_variant, reason = "one at a time, and it is sent at once")]
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WorkerRequest<'r> {
    /// Compiles a set, and keeps it.
    Load(Cow<'r, Source>),
    /// Writes all documents of one submission with a set that it keeps.
    Render {
        set: Cow<'r, str>,
        plan: Cow<'r, DriverPlan>,
    },
    /// Runs the policies of a set that it keeps over the finished objects.
    Judge {
        set: Cow<'r, str>,
        finished: Cow<'r, Finished>,
    },
}

/// What is known of a set that was compiled.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::templates) struct Loaded {
    /// What is odd about its files.
    pub(in crate::templates) warnings: Vec<String>,
    /// Its policies.
    pub(in crate::templates) policies: Vec<PolicyName>,
    /// Whether one of them reads the namespace's metadata.
    pub(in crate::templates) reads_namespace: bool,
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Loaded(Loaded),
    NotLoaded(LoadError),
    /// It keeps no set of this id.
    UnknownSet,
    Rendered(Rendered),
    Judged(Judgement),
    Failed(TemplateError),
    /// It requested more memory than an address can name.
    Memory,
    /// The answer would be longer than [`MOST_ANSWER`](super::MOST_ANSWER).
    TooLong,
    /// A defect of the engine's or ours.
    Defect,
}

/// An answer, and what is known of the worker after it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Framed {
    pub(super) answer: Answer,
    /// The CPU time of the worker so far.
    pub(super) cpu: Duration,
    /// Whether the templates left memory behind that can't be freed, so that it must end.
    pub(super) spent: bool,
}

/// A value as a frame.
pub(super) fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LENGTH];
    let mut writer = rmp_serde::Serializer::new(&mut bytes)
        .with_struct_map()
        .with_human_readable();
    value.serialize(&mut writer).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - LENGTH).map_err(|_| io::ErrorKind::FileTooLarge)?;
    if let Some(head) = bytes.first_chunk_mut() {
        *head = length.to_be_bytes();
    }
    Ok(bytes)
}

/// Reads a frame of at most `most` bytes; none at the end.
pub(super) fn read<T: DeserializeOwned>(mut from: impl Read, most: usize) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    value(&bytes).map(Some)
}

/// The value of a frame's bytes behind its length.
pub(super) fn value<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    // The other side may be an attacker's by now, and recursion takes stack.
    reader.set_max_depth(MOST_DEPTH);
    T::deserialize(&mut reader).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DEPTH;
    use serde_json::{Value, json};

    #[test]
    fn a_frame_comes_back_and_one_that_is_too_long_is_not_read() {
        let bytes = frame(&"text").unwrap();
        assert_eq!(read::<String>(&bytes[..], 5).unwrap().as_deref(), Some("text"));
        assert_eq!(
            read::<String>(&bytes[..], 4).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert!(read::<String>(&[][..], 5).unwrap().is_none());
        assert!(read::<String>(&bytes[..6], 6).is_err());
    }

    #[test]
    fn what_a_submission_may_hold_comes_back_as_it_was_and_what_is_nested_deeper_does_not() {
        let nested = |levels| {
            (0..levels).fold(
                json!({"a": -1, "b": [u64::MAX, 0.1, null, "\u{0}é", {}]}),
                |inner, _| json!([inner]),
            )
        };
        let returns = |value: &Value| read::<Value>(&frame(value).unwrap()[..], 1 << 20).unwrap();
        let deepest = nested(DEPTH.most);
        assert_eq!(returns(&deepest), Some(deepest));
        assert!(read::<Value>(&frame(&nested(MOST_DEPTH)).unwrap()[..], 1 << 20).is_err());
        // Lengths that aren't there are not believed.
        assert!(read::<Value>(&[0, 0, 0, 5, 0xdd, 0xff, 0xff, 0xff, 0xff][..], 5).is_err());
        assert!(read::<String>(&[0, 0, 0, 5, 0xdb, 0xff, 0xff, 0xff, 0xff][..], 5).is_err());
    }
}
