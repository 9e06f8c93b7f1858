//! Reports in MessagePack: the compact form.

use super::contents::Report;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes that were received are not a report.
#[derive(Debug, Error)]
#[error("the bytes are not a report in MessagePack: {0}")]
pub struct MsgpackError(#[source] rmp_serde::decode::Error);

impl Report {
    /// The report in [MessagePack](https://msgpack.org), with named fields.
    ///
    /// # Panics
    /// If memory is exhausted.
    #[must_use]
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut to = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        self.serialize(&mut to).expect("a vector takes whatever is written");
        bytes
    }

    /// A report from MessagePack.
    ///
    /// The memory that this takes is at most some dozen times the length of `bytes`, whatever they
    /// say.
    ///
    /// # Errors
    /// If the bytes are no MessagePack, or no report.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, MsgpackError> {
        Report::deserialize(&mut rmp_serde::Deserializer::from_read_ref(bytes))
            .map_err(MsgpackError)
    }
}
