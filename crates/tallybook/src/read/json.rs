//! A snapshot as a serde data structure, walked along the schema.
//!
//! ```text
//! { "epoch", "at", "wall", "interval": seconds, "stale",
//!   "sets": { name: values },
//!   "families": { name: { "label", "total": values, "retired": values, "refused",
//!                         "entries": [ { "key", "since": seconds, "values": values } ] } } }
//! ```

use super::declaration::Declaration;
use super::family_part::AnyFamily;
use super::part::Part;
use super::snapshot::Snapshot;
use crate::metric::{
    Counter, Gauge, Live, Max, Metric, Min, TimedLive, UpDownCounter, read_histogram,
};
use crate::row::Row;
use crate::schema::{Group, Kind, Measured, Number};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use std::time::{Duration, SystemTime};

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let wall = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut all = to.serialize_struct("Snapshot", 7)?;
        all.serialize_field("epoch", &self.epoch())?;
        all.serialize_field("at", &self.at().as_secs_f64())?;
        all.serialize_field("wall", &wall.as_secs_f64())?;
        all.serialize_field("interval", &self.interval.as_secs_f64())?;
        all.serialize_field("stale", &self.stale)?;
        all.serialize_field("sets", &Sets(self))?;
        all.serialize_field("families", &Families(self))?;
        all.end()
    }
}

struct Sets<'a>(&'a Snapshot);

impl Serialize for Sets<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Sets(snapshot) = self;
        to.collect_map(snapshot.schema.iter().filter_map(|declared| {
            let row = snapshot.parts.get(declared.place)?.set()?.row(snapshot.span);
            Some((&*declared.name, Values { group: &declared.group, row }))
        }))
    }
}

struct Families<'a>(&'a Snapshot);

impl Serialize for Families<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Families(snapshot) = self;
        to.collect_map(snapshot.schema.iter().filter_map(|declared| {
            let Some(Part::Family(part)) = snapshot.parts.get(declared.place) else { return None };
            Some((&*declared.name, OneFamily { snapshot, declared, part: &**part }))
        }))
    }
}

struct OneFamily<'a> {
    snapshot: &'a Snapshot,
    declared: &'a Declaration,
    part: &'a dyn AnyFamily,
}

impl Serialize for OneFamily<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let values = |row| Values { group: &self.declared.group, row };
        let [total, retired] = self.part.totals(self.snapshot.span);
        let mut family = to.serialize_struct("Family", 5)?;
        family.serialize_field("label", &self.declared.label.as_deref())?;
        family.serialize_field("total", &values(total))?;
        family.serialize_field("retired", &values(retired))?;
        family
            .serialize_field("refused", &self.snapshot.metric::<Counter>(self.declared.refusals))?;
        family.serialize_field("entries", &Entries(self))?;
        family.end()
    }
}

struct Entries<'a>(&'a OneFamily<'a>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let OneFamily { snapshot, declared, part } = self.0;
        let mut entries = to.serialize_seq(None)?;
        let mut failed = None;
        part.each(snapshot.span, &mut |key, since, row| {
            if failed.is_none() {
                let values = Values { group: &declared.group, row };
                let entry = OneEntry { key: key.to_string(), since: since.as_secs_f64(), values };
                failed = entries.serialize_element(&entry).err();
            }
        });
        failed.map_or_else(|| entries.end(), Err)
    }
}

struct OneEntry<'a> {
    key: String,
    since: f64,
    values: Values<'a>,
}

impl Serialize for OneEntry<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut entry = to.serialize_struct("Entry", 3)?;
        entry.serialize_field("key", &self.key)?;
        entry.serialize_field("since", &self.since)?;
        entry.serialize_field("values", &self.values)?;
        entry.end()
    }
}

/// The values of one row of a set.
struct Values<'a> {
    group: &'a Group,
    row: Row<'a>,
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.group.fields.len()))?;
        let mut rest = self.row.clone();
        for field in &self.group.fields {
            let row = rest.split(&field.kind);
            map.serialize_entry(field.name, &OneValue { kind: &field.kind, row })?;
        }
        map.end()
    }
}

struct OneValue<'a> {
    kind: &'a Kind,
    row: Row<'a>,
}

impl Serialize for OneValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut row = self.row.clone();
        match self.kind {
            Kind::Counter => Counter::read(&mut row).serialize(to),
            Kind::UpDownCounter => UpDownCounter::read(&mut row).serialize(to),
            Kind::Live => Live::read(&mut row).serialize(to),
            Kind::TimedLive => TimedLive::read(&mut row).serialize(to),
            Kind::Gauge(Number::Integer) => Gauge::<i64>::read(&mut row).serialize(to),
            Kind::Gauge(Number::Float) => Gauge::<f64>::read(&mut row).serialize(to),
            Kind::Max => Max::read(&mut row).serialize(to),
            Kind::Min => Min::read(&mut row).serialize(to),
            Kind::Histogram { of: Measured::Integer, scale } => {
                read_histogram::<u64>(&mut row, *scale).serialize(to)
            }
            Kind::Histogram { of: Measured::Duration, scale } => {
                read_histogram::<Duration>(&mut row, *scale).serialize(to)
            }
            Kind::Group(group) => Values { group, row }.serialize(to),
            Kind::PerLabel { values, each, .. } => to.collect_map(values.iter().map(|value| {
                let row = row.split(each);
                (value, OneValue { kind: each, row })
            })),
        }
    }
}
