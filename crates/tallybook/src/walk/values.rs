//! [`Values`]: the values of a set, field by field.

use super::data::{GaugeValue, Reading, RowData, Size, signed};
use crate::distribution::AnyDistribution;
use crate::metric::LiveCount;
use crate::schema::{Field, Group, Kind};
use std::fmt;
use std::time::Duration;

/// The values of a set, or of an entry of a family: a view that copies nothing.
///
/// In a walk over a difference they are increases; see [`Walk`](super::Walk).
#[derive(Clone, Copy)]
pub struct Values<'a> {
    group: &'a Group,
    data: Part<'a>,
}

/// A part of a [`RowData`].
#[derive(Clone, Copy)]
struct Part<'a> {
    words: &'a [u64],
    /// Those of the whole row.
    readings: &'a [Reading],
    /// The number of the first gauge.
    gauge: u32,
    distributions: &'a [AnyDistribution],
}

/// One value: what a field, or one label of a field, is in a snapshot.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Sample<'a> {
    /// Of a [`Counter`](crate::Counter).
    Counter(u64),
    /// Of an [`UpDownCounter`](crate::UpDownCounter).
    UpDownCounter(i64),
    /// Of a [`Gauge`](crate::Gauge): `None` until it is set.
    Gauge(Option<GaugeValue>),
    /// Of a gauge in a report that was folded from several with their gauges kept apart.
    Gauges(GaugeReadings<'a>),
    /// Of a [`Live`](crate::Live).
    Live(LiveCount),
    /// Of a [`TimedLive`](crate::TimedLive).
    TimedLive {
        /// How many have been opened, and how many of them closed.
        count: LiveCount,
        /// For how long all of them together have been open.
        time: Duration,
        /// The ages of those that are closed.
        ages: &'a AnyDistribution,
    },
    /// Of a [`Max`](crate::Max): `None` if nothing was observed.
    Max(Option<u64>),
    /// Of a [`Min`](crate::Min): `None` if nothing was observed.
    Min(Option<u64>),
    /// Of a [`Histogram`](crate::Histogram).
    Histogram(&'a AnyDistribution),
    /// Of a nested set.
    Group(Values<'a>),
    /// Of a [`PerLabel`](crate::PerLabel).
    PerLabel(Labelled<'a>),
}

/// The values of a gauge in several sources.
#[derive(Clone, Copy, Debug)]
pub struct GaugeReadings<'a>(&'a [Reading]);

impl GaugeReadings<'_> {
    /// The number of each source in [`Report::sources`](crate::report::Report::sources), and what
    /// it has set the gauge to.
    pub fn iter(&self) -> impl Iterator<Item = (usize, GaugeValue)> {
        self.0.iter().map(|reading| (reading.source as usize, reading.value))
    }
}

/// The same metric, or set, for each value of a label.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    kind: &'a Kind,
    data: Part<'a>,
}

impl<'a> Values<'a> {
    pub(super) fn new(group: &'a Group, row: &'a RowData) -> Self {
        let RowData { words, readings, distributions } = row;
        Values { group, data: Part { words, readings, gauge: 0, distributions } }
    }

    /// The declaration of the set.
    #[must_use]
    pub fn group(&self) -> &'a Group {
        self.group
    }

    /// The fields and their values, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Field, Sample<'a>)> + use<'a> {
        let mut rest = self.data;
        self.group.fields.iter().map(move |field| (field, rest.take(&field.kind)))
    }

    /// The value of a field; `None` if there is none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Sample<'a>> {
        self.iter().find_map(|(field, sample)| (field.name == name).then_some(sample))
    }

    /// Calls `f` with each metric below, nested sets and labels taken apart.
    ///
    /// ```
    /// use tallybook::{Counter, Label, PerLabel, Registry, Stats};
    ///
    /// #[derive(Clone, Copy, Label)]
    /// enum Status { Ok, Failed }
    ///
    /// #[derive(Stats)]
    /// struct Requests { answered: PerLabel<Status, Counter> }
    ///
    /// let registry = Registry::new();
    /// let requests = registry.set::<Requests>("requests")?;
    /// let mut collector = registry.collector()?;
    /// requests.record(|r| r.answered[Status::Failed].inc());
    /// let snapshot = collector.tick();
    ///
    /// let mut lines = Vec::new();
    /// let item = snapshot.walk().get("requests").expect("it is registered");
    /// item.values().values().each_metric(|metric| {
    ///     lines.push(format!("{} {:?} {:?}", metric.path.join("_"), metric.labels, metric.sample));
    /// });
    /// assert_eq!(lines[1], r#"answered [("status", "failed")] Counter(1)"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn each_metric(&self, mut f: impl FnMut(&NamedSample<'_>)) {
        each_metric(*self, &mut Vec::new(), &mut Vec::new(), &mut f);
    }
}

/// One metric of a set, with the way that leads to it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NamedSample<'a> {
    /// The names of the fields on the way to it, the outermost first; joined by `_` they follow the
    /// name of the set.
    pub path: &'a [&'a str],
    /// The labels on the way to it, and their values, the outermost first.
    pub labels: &'a [(&'a str, &'a str)],
    /// The field.
    pub field: &'a Field,
    /// Its value: neither a group nor one per label.
    pub sample: Sample<'a>,
}

fn each_metric<'a>(
    values: Values<'a>,
    path: &mut Vec<&'a str>,
    labels: &mut Vec<(&'a str, &'a str)>,
    f: &mut dyn FnMut(&NamedSample<'_>),
) {
    for (field, sample) in values.iter() {
        path.push(&field.name);
        each_sample(field, sample, path, labels, f);
        path.pop();
    }
}

fn each_sample<'a>(
    field: &'a Field,
    sample: Sample<'a>,
    path: &mut Vec<&'a str>,
    labels: &mut Vec<(&'a str, &'a str)>,
    f: &mut dyn FnMut(&NamedSample<'_>),
) {
    match sample {
        Sample::Group(values) => each_metric(values, path, labels, f),
        Sample::PerLabel(labelled) => {
            for (value, sample) in labelled.iter() {
                labels.push((labelled.label(), value));
                each_sample(field, sample, path, labels, f);
                labels.pop();
            }
        }
        sample => f(&NamedSample { path, labels, field, sample }),
    }
}

impl<'a> Labelled<'a> {
    fn parts(&self) -> (&'a str, &'a [crate::schema::Text], &'a Kind) {
        match self.kind {
            Kind::PerLabel { label, values, each } => (label, values, each),
            kind => ("", &[], kind),
        }
    }

    /// The label's name.
    #[must_use]
    pub fn label(&self) -> &'a str {
        self.parts().0
    }

    /// The label's values, and the value under each.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Sample<'a>)> + use<'a> {
        let (mut rest, (_, values, each)) = (self.data, self.parts());
        values.iter().map(move |value| (&**value, rest.take(each)))
    }
}

impl<'a> Part<'a> {
    /// Takes the value of a field of this kind.
    fn take(&mut self, kind: &'a Kind) -> Sample<'a> {
        let size = Size::of(kind);
        let words = self.words.split_off(..size.words).unwrap_or_default();
        let distributions = self.distributions.split_off(..size.distributions).unwrap_or_default();
        let own = Part { words, distributions, ..*self };
        self.gauge += size.gauges as u32;
        match (kind, words, distributions) {
            (Kind::Counter, [sum], _) => Sample::Counter(*sum),
            (Kind::UpDownCounter, &[low, high], _) => {
                let sum = signed([low, high]);
                let clamped = sum.clamp(i64::MIN.into(), i64::MAX.into());
                Sample::UpDownCounter(clamped as i64)
            }
            (Kind::Live, &[opened, closed], _) => Sample::Live(LiveCount { opened, closed }),
            (Kind::TimedLive, &[opened, low, high], [ages]) => {
                let count = LiveCount { opened, closed: ages.count() };
                Sample::TimedLive { count, time: duration(signed([low, high])), ages }
            }
            (Kind::Max, &[seen, value], _) => Sample::Max((seen != 0).then_some(value)),
            (Kind::Min, &[seen, value], _) => Sample::Min((seen != 0).then_some(value)),
            (Kind::Histogram { .. }, _, [it]) => Sample::Histogram(it),
            (Kind::Group(group), ..) => Sample::Group(Values { group, data: own }),
            (Kind::PerLabel { .. }, ..) => Sample::PerLabel(Labelled { kind, data: own }),
            // Only gauges are left: all others have the size that they were made with.
            _ => own.gauge(),
        }
    }

    fn gauge(&self) -> Sample<'a> {
        let start = self.readings.partition_point(|reading| reading.gauge < self.gauge);
        let end = self.readings.partition_point(|reading| reading.gauge <= self.gauge);
        match &self.readings[start..end] {
            [] => Sample::Gauge(None),
            [reading] => Sample::Gauge(Some(reading.value)),
            several => Sample::Gauges(GaugeReadings(several)),
        }
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(field, sample)| (&field.name, sample))).finish()
    }
}

impl fmt::Debug for Labelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn duration(nanos: i128) -> Duration {
    let nanos = u128::try_from(nanos).unwrap_or(0);
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, (nanos % 1_000_000_000) as u32)
}
