//! The messages and the service of the gRPC contract, as generated from `proto/spark_submit.proto`.
//!
//! What a message means, and how it becomes a [`SparkApplication`](crate::operator::application::SparkApplication), is in
//! [`crate::operator::application::from_wire`].
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]

mod bounded;

pub use bounded::BoundedCodec;

tonic::include_proto!("spark");

/// What the drop-in and a server say to each other on one machine (`proto/drop_in.proto`).
pub mod drop_in {
    tonic::include_proto!("nativesubmit.v1");
}

/// The contract as a serialized `FileDescriptorSet`, with what it imports: for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/spark_submit.fds"));
