//! [`Summary`]: what a `/stats` route answers.

use crate::distribution::AnyDistribution;
use crate::metric::LiveCount;
use crate::read::{DeclarationKind, Difference, Snapshot};
use crate::walk::{Entries, Item, Rate, Rates, Sample, Values};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A snapshot in short, to be serialised: without buckets, with quantiles and with rates; made by
/// [`Snapshot::summary`].
///
/// ```text
/// { "epoch", "wall", "stale", "window": seconds,
///   "sets": { name: fields },
///   "families": { name: { "labels": [name], "total": fields, "refused",
///                         "entries": [ { "labels": { name: value }, "since", .. fields } ] } },
///   "actors": { name: { "events": { kind: fields }, "failure" } } }
/// ```
///
/// A counter is `{ "total", "per_second" }`, a live `{ "live", "opened", "closed",
/// "opened_per_second", "closed_per_second" }`, a histogram `{ "count", "sum", "min", "max",
/// "mean", "per_second", "p50", .. }` with durations in seconds; gauges and extrema are numbers, or
/// null. Numbers are those of the snapshot; rates are over the window.
#[derive(Clone, Debug)]
pub struct Summary {
    snapshot: Arc<Snapshot>,
    window: Difference,
    quantiles: Vec<(String, f64)>,
}

impl Snapshot {
    /// The snapshot in short, with rates over the last ten seconds and the quantiles 0.5, 0.9 and
    /// 0.99.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tallybook::{Counter, Histogram, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Requests { answered: Counter, latency: Histogram<Duration> }
    ///
    /// let registry = Registry::new();
    /// let requests = registry.set::<Requests>("requests")?;
    /// let mut collector = registry.collector()?;
    /// requests.record(|r| { r.answered.inc(); r.latency.record(Duration::from_millis(5)) });
    ///
    /// let summary = collector.tick().summary().quantiles([0.5, 0.999]);
    /// let json = serde_json::to_value(&summary)?;
    /// assert_eq!(json["sets"]["requests"]["answered"]["total"], 1);
    /// assert_eq!(json["sets"]["requests"]["latency"]["p99.9"], 0.005);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn summary(self: &Arc<Self>) -> Summary {
        let window = self.window(Duration::from_secs(10));
        let summary = Summary { snapshot: self.clone(), window, quantiles: Vec::new() };
        summary.quantiles([0.5, 0.9, 0.99])
    }
}

impl Summary {
    /// Rates over the last `length` of time: see [`Snapshot::window`].
    #[must_use]
    pub fn window(mut self, length: Duration) -> Self {
        self.window = self.snapshot.window(length);
        self
    }

    /// These quantiles, from 0 to 1. The name of 0.99 is `p99`.
    #[must_use]
    pub fn quantiles(mut self, quantiles: impl IntoIterator<Item = f64>) -> Self {
        let valid = quantiles.into_iter().filter(|q| (0.0..=1.0).contains(q));
        // To the digits that are meant: 0.999 times 100 is not 99.9.
        let name = |q: f64| format!("p{}", (q * 1e8).round() / 1e6);
        self.quantiles = valid.map(|q| (name(q), q)).collect();
        self
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let wall = self.snapshot.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let items = |kind| Items { summary: self, kind };
        let mut all = to.serialize_struct("Summary", 7)?;
        all.serialize_field("epoch", &self.snapshot.epoch())?;
        all.serialize_field("wall", &wall.as_secs_f64())?;
        all.serialize_field("stale", &self.snapshot.is_stale())?;
        all.serialize_field("window", &self.window.elapsed().as_secs_f64())?;
        all.serialize_field("sets", &items(DeclarationKind::Set))?;
        all.serialize_field("families", &items(DeclarationKind::Family))?;
        all.serialize_field("actors", &items(DeclarationKind::Actor))?;
        all.end()
    }
}

struct Items<'a> {
    summary: &'a Summary,
    kind: DeclarationKind,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // Both walks are over what the same snapshot declares.
        let items = self.summary.snapshot.walk();
        let increases = self.summary.window.walk();
        let own = items.items().zip(increases.items()).filter(|(item, _)| item.kind() == self.kind);
        to.collect_map(own.map(|(item, increase)| {
            (item.name(), One { item, increase, quantiles: &self.summary.quantiles })
        }))
    }
}

type Quantiles<'a> = &'a [(String, f64)];

struct One<'a> {
    item: Item<'a>,
    increase: Item<'a>,
    quantiles: Quantiles<'a>,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let One { item, increase, quantiles } = *self;
        let (own, increase_of) = (item.values(), increase.values());
        let fields = Fields { values: own.values(), rates: increase_of.rates(), quantiles };
        let mut map = to.serialize_map(None)?;
        match item.kind() {
            DeclarationKind::Set => fields.serialize_into(&mut map)?,
            DeclarationKind::Family => {
                map.serialize_entry("labels", item.labels())?;
                map.serialize_entry("total", &fields)?;
                map.serialize_entry("refused", &item.refused())?;
                let entries = RefCell::new((item.entries(), increase.entries()));
                map.serialize_entry("entries", &AllEntries { entries, quantiles })?;
            }
            DeclarationKind::Actor => {
                fields.serialize_into(&mut map)?;
                map.serialize_entry("failure", &item.failure())?;
            }
        }
        map.end()
    }
}

struct AllEntries<'a> {
    entries: RefCell<(Entries<'a>, Entries<'a>)>,
    quantiles: Quantiles<'a>,
}

impl Serialize for AllEntries<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (entries, increases) = &mut *self.entries.borrow_mut();
        let mut all = to.serialize_seq(None)?;
        // In the same order.
        while let (Some(entry), Some(increase)) = (entries.next_entry(), increases.next_entry()) {
            let labels = entry.labels().map(|(name, value)| (name, value.to_string())).collect();
            let since = entry.created().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let (values, rates) = (entry.values(), increase.rates());
            let fields = Fields { values, rates, quantiles: self.quantiles };
            all.serialize_element(&OneEntry { labels, since: since.as_secs_f64(), fields })?;
        }
        all.end()
    }
}

#[derive(serde::Serialize)]
struct OneEntry<'a> {
    labels: std::collections::BTreeMap<&'a str, String>,
    since: f64,
    #[serde(flatten)]
    fields: Fields<'a>,
}

/// The fields of a set, with their rates.
struct Fields<'a> {
    values: Values<'a>,
    rates: Option<Rates<'a>>,
    quantiles: Quantiles<'a>,
}

impl Fields<'_> {
    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let mut rates = self.rates.as_ref().map(|rates| rates.iter());
        for (field, sample) in self.values.iter() {
            let rate = rates.as_mut().and_then(|rates| rates.next()).map(|(_, rate)| rate);
            map.serialize_entry(&*field.name, &Value { sample, rate, quantiles: self.quantiles })?;
        }
        Ok(())
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

/// A value with its rate.
struct Value<'a> {
    sample: Sample<'a>,
    rate: Option<Rate<'a>>,
    quantiles: Quantiles<'a>,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let quantiles = self.quantiles;
        match (self.sample, self.rate) {
            (Sample::Group(values), rate) => {
                let rates = match rate {
                    Some(Rate::Group(rates)) => Some(rates),
                    _ => None,
                };
                Fields { values, rates, quantiles }.serialize(to)
            }
            (Sample::PerLabel(labelled), rate) => {
                let rates: Vec<Rate<'_>> = match rate {
                    Some(Rate::PerLabel(rates)) => rates.iter().map(|(_, rate)| rate).collect(),
                    _ => Vec::new(),
                };
                let all = labelled.iter().enumerate().map(|(at, (label, sample))| {
                    (label, Value { sample, rate: rates.get(at).copied(), quantiles })
                });
                to.collect_map(all)
            }
            (Sample::Counter(total), rate) => numbers(to, |map| {
                map.serialize_entry("total", &total)?;
                map.serialize_entry("per_second", &number(rate))
            }),
            (Sample::UpDownCounter(total), rate) => numbers(to, |map| {
                map.serialize_entry("total", &total)?;
                map.serialize_entry("per_second", &number(rate))
            }),
            (Sample::Live(count), rate) => numbers(to, |map| live(map, count, rate)),
            (Sample::TimedLive { count, time, ages }, rate) => numbers(to, |map| {
                live(map, count, rate)?;
                map.serialize_entry("time", &time.as_secs_f64())?;
                map.serialize_entry("ages", &Histogram { of: ages, rate: None, quantiles })
            }),
            (Sample::Histogram(of), rate) => {
                let rate = match rate {
                    Some(Rate::Histogram(rates)) => Some(rates.count),
                    _ => None,
                };
                Histogram { of, rate, quantiles }.serialize(to)
            }
            (gauge_or_extremum, _) => gauge_or_extremum.serialize(to),
        }
    }
}

fn numbers<S: Serializer>(
    to: S,
    entries: impl FnOnce(&mut S::SerializeMap) -> Result<(), S::Error>,
) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    entries(&mut map)?;
    map.end()
}

fn number(rate: Option<Rate<'_>>) -> Option<f64> {
    match rate {
        Some(Rate::Number(rate)) => Some(rate),
        _ => None,
    }
}

fn live<M: SerializeMap>(
    map: &mut M,
    count: LiveCount,
    rate: Option<Rate<'_>>,
) -> Result<(), M::Error> {
    map.serialize_entry("live", &count.live())?;
    map.serialize_entry("opened", &count.opened)?;
    map.serialize_entry("closed", &count.closed)?;
    if let Some(Rate::Live(rates)) = rate {
        map.serialize_entry("opened_per_second", &rates.opened)?;
        map.serialize_entry("closed_per_second", &rates.closed)?;
    }
    Ok(())
}

struct Histogram<'a> {
    of: &'a AnyDistribution,
    rate: Option<f64>,
    quantiles: Quantiles<'a>,
}

impl Serialize for Histogram<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let of = self.of;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("count", &of.count())?;
        map.serialize_entry("sum", &of.sum())?;
        map.serialize_entry("min", &of.quantile(0.0))?;
        map.serialize_entry("max", &of.quantile(1.0))?;
        let mean = (of.count() > 0).then(|| of.sum() / of.count() as f64);
        map.serialize_entry("mean", &mean)?;
        if let Some(rate) = self.rate {
            map.serialize_entry("per_second", &rate)?;
        }
        for (name, q) in self.quantiles {
            map.serialize_entry(name, &of.quantile(*q))?;
        }
        map.end()
    }
}
