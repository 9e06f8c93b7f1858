//! The form in which a report travels.
//!
//! A map, in any format of serde that describes itself (JSON, CBOR, MessagePack with named fields);
//! fields that are not known are skipped. Times of day are nanoseconds since 1970, others
//! nanoseconds on the registry's clock.
//!
//! ```text
//! { "format": 1, "saturated": bool, "fingerprint": hexadecimal,
//!   "sources": [ { "instance", "incarnation": hexadecimal, "started", "epoch", "at", "wall", "interval", "stale" } ],
//!   "items": [ { "name", "kind": "set" | "family" | "actor", "labels": [name], "help", "created",
//!                "fields": [ { "name", "help", "unit", "kind", .. } ],
//!                "total": row, "retired": row, "refused", "failure",
//!                "entries": [ { "labels": [value], "id", "created", "changed", "row": row } ] } ] }
//! ```
//!
//! Fields come one after the other, each before those below it: `group` and `per_label` say by
//! `below` how many of the fields after them are theirs. A row is a list with one cell for each
//! value, in the order of the fields, and of the values of a label: see [`cell`].

pub(super) mod cell;
pub(super) mod fields;
pub(super) mod row;

use cell::Cell;
use fields::WireField;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Serialize, Deserialize)]
pub(super) struct WireReport<'a> {
    pub(super) format: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) saturated: bool,
    #[serde(default)]
    pub(super) fingerprint: String,
    pub(super) sources: Vec<WireSource>,
    pub(super) items: Vec<WireItem<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireSource {
    #[serde(default)]
    pub(super) instance: String,
    pub(super) incarnation: String,
    #[serde(default)]
    pub(super) started: u64,
    #[serde(default)]
    pub(super) epoch: u64,
    #[serde(default)]
    pub(super) at: u64,
    #[serde(default)]
    pub(super) wall: u64,
    #[serde(default)]
    pub(super) interval: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) stale: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireItem<'a> {
    pub(super) name: String,
    pub(super) kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(super) help: String,
    #[serde(default)]
    pub(super) created: u64,
    #[serde(default)]
    pub(super) fields: Vec<WireField>,
    #[serde(default)]
    pub(super) total: Vec<Cell>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retired: Option<Vec<Cell>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) refused: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) entries: Vec<WireEntry>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireEntry {
    pub(super) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    #[serde(default)]
    pub(super) created: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) changed: bool,
    pub(super) row: Vec<Cell>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
