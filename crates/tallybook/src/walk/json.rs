//! A walk as a serde data structure.
//!
//! ```text
//! { "instance", "incarnation", "started", "epoch", "at", "wall", "interval", "stale", "elapsed": times in seconds,
//!   "sets": { name: values },
//!   "families": { name: { "labels": [name], "total": values, "retired": values, "refused",
//!                         "entries": [ { "labels": { name: value }, "id", "since", "changed", "values": values } ] } },
//!   "actors": { name: { "events": { kind: values }, "failure", "state" } } }
//! ```
//!
//! Where there are rates, in a difference and in averages, each `values` is `{ "values", "rates"
//! }`.

use super::entries::{Entries, Entry};
use super::item::Item;
use super::rates::{LabelledRates, Rate, Rates};
use super::values::{Labelled, Sample, Values};
use super::{GaugeValue, Walk};
use crate::distribution::AnyDistribution;
use crate::metric::{LiveCount, TimedLiveCount};
use crate::read::{Averaged, DeclarationKind, Difference, Snapshot};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use std::cell::RefCell;
use std::time::{Duration, SystemTime};

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Serialize for Walk<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let cut = self.cut();
        let mut all = to.serialize_struct("Snapshot", 12)?;
        if let Some(identity) = cut.identity {
            all.serialize_field("instance", &*identity.instance)?;
            all.serialize_field("incarnation", &format_args!("{:032x}", identity.incarnation))?;
            all.serialize_field("started", &seconds(identity.started))?;
        }
        all.serialize_field("epoch", &cut.epoch)?;
        all.serialize_field("at", &cut.at.as_secs_f64())?;
        all.serialize_field("wall", &seconds(cut.wall))?;
        all.serialize_field("interval", &cut.interval.as_secs_f64())?;
        all.serialize_field("stale", &cut.stale)?;
        if let Some(elapsed) = cut.elapsed {
            all.serialize_field("elapsed", &elapsed.as_secs_f64())?;
        }
        all.serialize_field("sets", &Items(*self, DeclarationKind::Set))?;
        all.serialize_field("families", &Items(*self, DeclarationKind::Family))?;
        all.serialize_field("actors", &Items(*self, DeclarationKind::Actor))?;
        all.end()
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.walk().serialize(to)
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.walk().serialize(to)
    }
}

impl Serialize for Averaged<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.walk().serialize(to)
    }
}

/// The items of one kind.
struct Items<'a>(Walk<'a>, DeclarationKind);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let items = self.0.items().filter(|item| item.kind() == self.1);
        to.collect_map(items.map(|item| (item.name(), item)))
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let own = self.values();
        let values = Rated(own.values(), own.rates());
        match self.kind() {
            DeclarationKind::Set => values.serialize(to),
            DeclarationKind::Family => {
                let retired = self.retired();
                let retired =
                    retired.as_ref().map(|retired| Rated(retired.values(), retired.rates()));
                let mut family = to.serialize_struct("Family", 5)?;
                family.serialize_field("labels", self.labels())?;
                family.serialize_field("total", &values)?;
                family.serialize_field("retired", &retired)?;
                family.serialize_field("refused", &self.refused())?;
                family.serialize_field("entries", &AllEntries(RefCell::new(self.entries())))?;
                family.end()
            }
            DeclarationKind::Actor => {
                let mut actor = to.serialize_map(None)?;
                match values.1 {
                    None => {
                        for (field, sample) in values.0.iter() {
                            actor.serialize_entry(&field.name, &sample)?;
                        }
                    }
                    Some(_) => actor.serialize_entry("events", &values)?,
                }
                actor.serialize_entry("failure", &self.failure())?;
                if let Some(state) = self.state() {
                    actor.serialize_entry("state", state)?;
                }
                actor.end()
            }
        }
    }
}

/// Values, and their rates where there are any.
struct Rated<'a>(Values<'a>, Option<Rates<'a>>);

impl Serialize for Rated<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Some(rates) = &self.1 else { return self.0.serialize(to) };
        let mut both = to.serialize_struct("Rated", 2)?;
        both.serialize_field("values", &self.0)?;
        both.serialize_field("rates", rates)?;
        both.end()
    }
}

struct AllEntries<'a>(RefCell<Entries<'a>>);

impl Serialize for AllEntries<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut entries = self.0.borrow_mut();
        let mut all = to.serialize_seq(None)?;
        while let Some(entry) = entries.next_entry() {
            all.serialize_element(&entry)?;
        }
        all.end()
    }
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut entry = to.serialize_struct("Entry", 5)?;
        entry.serialize_field("labels", &Labels(self))?;
        entry.serialize_field("id", &self.id())?;
        entry.serialize_field("since", &seconds(self.created()))?;
        entry.serialize_field("changed", &self.is_changed())?;
        entry.serialize_field("values", &Rated(self.values(), self.rates()))?;
        entry.end()
    }
}

struct Labels<'a>(&'a Entry<'a>);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.labels().map(|(name, value)| (name, value.to_string())))
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|(field, sample)| (&*field.name, sample)))
    }
}

impl Serialize for Labelled<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl Serialize for GaugeValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            GaugeValue::Integer(value) => to.serialize_i64(*value),
            GaugeValue::Float(value) => to.serialize_f64(*value),
        }
    }
}

impl Serialize for AnyDistribution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            AnyDistribution::Integers(it) => it.serialize(to),
            AnyDistribution::Durations(it) => it.serialize(to),
        }
    }
}

/// As the typed value is.
impl Serialize for Sample<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Sample::Counter(value) => value.serialize(to),
            Sample::UpDownCounter(value) => value.serialize(to),
            Sample::Gauge(value) => value.serialize(to),
            Sample::Gauges(values) => {
                to.collect_map(values.iter().map(|(source, value)| (source.to_string(), value)))
            }
            Sample::Live(live) => live.serialize(to),
            Sample::TimedLive { count, time, ages } => timed(count, time, ages, to),
            Sample::Max(value) | Sample::Min(value) => value.serialize(to),
            Sample::Histogram(it) => it.serialize(to),
            Sample::Group(values) => values.serialize(to),
            Sample::PerLabel(labelled) => labelled.serialize(to),
        }
    }
}

fn timed<S: Serializer>(
    LiveCount { opened, closed }: LiveCount,
    time: Duration,
    ages: &AnyDistribution,
    to: S,
) -> Result<S::Ok, S::Error> {
    let ages = match ages {
        AnyDistribution::Durations(ages) => ages.clone(),
        AnyDistribution::Integers(_) => Default::default(),
    };
    TimedLiveCount { opened, closed, time, ages }.serialize(to)
}

impl Serialize for Rates<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|(field, rate)| (&*field.name, rate)))
    }
}

impl Serialize for LabelledRates<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl Serialize for Rate<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Rate::None => to.serialize_unit(),
            Rate::Number(rate) => to.serialize_f64(rate),
            Rate::Live(rates) => rates.serialize(to),
            Rate::Histogram(rates) => rates.serialize(to),
            Rate::Group(rates) => rates.serialize(to),
            Rate::PerLabel(rates) => rates.serialize(to),
        }
    }
}
