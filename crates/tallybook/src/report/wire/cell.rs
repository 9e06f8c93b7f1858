//! [`Cell`]: one value of a row.
//!
//! | kind | cell |
//! | --- | --- |
//! | `counter` | its sum |
//! | `up_down_counter` | its sum |
//! | `gauge` | null, a number, or `[[source, number], ..]` where gauges were kept apart; what is no number in JSON is `"NaN"`, `"inf"` or `"-inf"` |
//! | `live` | `[opened, closed]` |
//! | `timed_live` | `[opened, seconds, nanoseconds, ages]`, ages as a histogram |
//! | `max`, `min` | null, or a number |
//! | `histogram` | null where nothing was recorded, or `[count, sum, sum / 2^64, min, max, zeros, [index, count, ..]]`, durations in nanoseconds |
//! | unknown | anything, skipped |

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) enum Cell {
    Nothing,
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Box<str>),
    List(Box<[Cell]>),
    /// What no known kind has.
    Other,
}

/// How deep lists lie in lists in what is known: deeper ones are skipped.
const DEEPEST: u8 = 4;

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Nothing | Cell::Other => to.serialize_none(),
            Cell::Unsigned(value) => to.serialize_u64(*value),
            Cell::Signed(value) => to.serialize_i64(*value),
            Cell::Float(value) => to.serialize_f64(*value),
            Cell::Text(text) => to.serialize_str(text),
            Cell::List(cells) => to.collect_seq(cells),
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Depth(0).deserialize(from)
    }
}

/// How deep a cell lies. Recursion ends at [`DEEPEST`].
#[derive(Clone, Copy)]
struct Depth(u8);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Cell;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Cell, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Cell, E> {
        Ok(Cell::Other)
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Cell, E> {
        Ok(Cell::Unsigned(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Cell, E> {
        Ok(u64::try_from(value).map_or(Cell::Signed(value), Cell::Unsigned))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Float(value))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.into()))
    }
    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Cell, E> {
        Ok(Cell::Other)
    }
    fn visit_unit<E: Error>(self) -> Result<Cell, E> {
        Ok(Cell::Nothing)
    }
    fn visit_none<E: Error>(self) -> Result<Cell, E> {
        Ok(Cell::Nothing)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Cell, D::Error> {
        self.deserialize(from)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Cell, D::Error> {
        self.deserialize(from)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Cell, A::Error> {
        if self.0 >= DEEPEST {
            while from.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Cell::Other);
        }
        // Grown as it comes: a length that is announced may be a lie.
        let mut cells = Vec::new();
        while let Some(cell) = from.next_element_seed(Depth(self.0 + 1))? {
            cells.push(cell);
        }
        Ok(Cell::List(cells.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Cell, A::Error> {
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }
}
