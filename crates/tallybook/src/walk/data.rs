//! [`RowData`]: the values of a row without their types, and without anything that only this process understands.
//!
//! Rows of the collector hold epochs, stamps and complements; here are the values themselves, so
//! rows of different registries can be added, and a report can carry them. A row has three lists,
//! each in the order of the fields: the
//! *words* of counters, lives and extrema; the *readings* of gauges that were set; and a *distribution* per histogram. A
//! buffer is filled again and again, so reading many entries allocates for the first of them only.

use crate::distribution::{AnyDistribution, Measured};
use crate::metric::{Counter, Gauge, Live, Max, Metric, Min, UpDownCounter, time_open};
use crate::row::{Row, RowExtrema};
use crate::schema::{AGES_SCALE, Group, Kind, Number};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowData {
    pub(crate) words: Vec<u64>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) distributions: Vec<AnyDistribution>,
}

/// What a gauge was set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Which gauge of the row it is.
    pub(crate) gauge: u32,
    /// Which of the report's sources has set it.
    pub(crate) source: u32,
    pub(crate) value: GaugeValue,
}

/// What a gauge holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GaugeValue {
    /// Of a `Gauge`.
    Integer(i64),
    /// Of a `Gauge<f64>`.
    Float(f64),
}

impl GaugeValue {
    /// As a floating-point number, which may round an integer beyond 2^53.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            GaugeValue::Integer(value) => value as f64,
            GaugeValue::Float(value) => value,
        }
    }
}

/// How much of each list a value takes: words, gauges, distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) words: usize,
    pub(crate) gauges: usize,
    pub(crate) distributions: usize,
}

impl Size {
    pub(crate) fn of(kind: &Kind) -> Self {
        let size = |words, gauges, distributions| Size { words, gauges, distributions };
        match kind {
            Kind::Counter => size(1, 0, 0),
            Kind::UpDownCounter | Kind::Live | Kind::Max | Kind::Min => size(2, 0, 0),
            Kind::Gauge(_) => size(0, 1, 0),
            Kind::Histogram { .. } => size(0, 0, 1),
            Kind::TimedLive => size(3, 0, 1),
            Kind::Group(group) => Size::of_group(group),
            Kind::PerLabel { values, each, .. } => {
                let (each, n) = (Size::of(each), values.len());
                size(each.words * n, each.gauges * n, each.distributions * n)
            }
        }
    }

    pub(crate) fn of_group(group: &Group) -> Self {
        group.fields.iter().fold(Size::default(), |sum, field| {
            let own = Size::of(&field.kind);
            Size {
                words: sum.words + own.words,
                gauges: sum.gauges + own.gauges,
                distributions: sum.distributions + own.distributions,
            }
        })
    }
}

/// Calls `f` with the kind of each value of a row, nested ones included, in order.
pub(crate) fn each_leaf(group: &Group, f: &mut impl FnMut(&Kind)) {
    group.fields.iter().for_each(|field| each_leaf_of(&field.kind, f));
}

pub(crate) fn each_leaf_of(kind: &Kind, f: &mut impl FnMut(&Kind)) {
    match kind {
        Kind::Group(group) => each_leaf(group, f),
        Kind::PerLabel { values, each, .. } => values.iter().for_each(|_| each_leaf_of(each, f)),
        leaf => f(leaf),
    }
}

pub(crate) fn signed(words: [u64; 2]) -> i128 {
    (u128::from(words[1]) << 64 | u128::from(words[0])) as i128
}

pub(crate) fn words_of(value: i128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// The words of an optional number.
pub(crate) fn optional(value: Option<u64>) -> [u64; 2] {
    [u64::from(value.is_some()), value.unwrap_or(0)]
}

impl RowData {
    /// Zeros.
    pub(crate) fn of(group: &Group) -> Self {
        let mut made = RowData::default();
        made.clear(group);
        made
    }

    /// Empties it into a row of zeros of this group.
    pub(crate) fn clear(&mut self, group: &Group) {
        let size = Size::of_group(group);
        self.words.clear();
        self.words.resize(size.words, 0);
        self.readings.clear();
        self.distributions.clear();
        each_leaf(group, &mut |kind| match kind {
            Kind::Histogram { of, scale } => {
                self.distributions.push(AnyDistribution::empty(*of, (*scale).into()));
            }
            Kind::TimedLive => {
                let ages = AnyDistribution::empty(Measured::Duration, AGES_SCALE.into());
                self.distributions.push(ages);
            }
            _ => {}
        });
    }

    /// Takes over the values of another, keeping allocations.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.words.clone_from(&other.words);
        self.readings.clone_from(&other.readings);
        self.distributions.clone_from(&other.distributions);
    }

    /// Takes over the values of a row of the collector.
    pub(crate) fn fill(&mut self, group: &Group, mut row: Row<'_>) {
        self.words.clear();
        self.readings.clear();
        let (mut gauge, mut used) = (0, 0);
        each_leaf(group, &mut |kind| match kind {
            Kind::Counter => self.words.push(Counter::read(&mut row)),
            Kind::UpDownCounter => {
                self.words.extend(words_of(UpDownCounter::read(&mut row).into()));
            }
            Kind::Live => {
                let live = Live::read(&mut row);
                self.words.extend([live.opened, live.closed]);
            }
            Kind::Max => self.words.extend(optional(Max::read(&mut row))),
            Kind::Min => self.words.extend(optional(Min::read(&mut row))),
            Kind::Gauge(number) => {
                let value = match number {
                    Number::Integer => Gauge::<i64>::read(&mut row).map(GaugeValue::Integer),
                    Number::Float => Gauge::<f64>::read(&mut row).map(GaugeValue::Float),
                };
                let reading = |value| Reading { gauge, source: 0, value };
                self.readings.extend(value.map(reading));
                gauge += 1;
            }
            Kind::Histogram { of, scale } => {
                self.fill_distribution(&mut used, *of, *scale as u8, &mut row);
            }
            Kind::TimedLive => {
                let at = row.span().at;
                let [opened, low, high] = row.take();
                self.fill_distribution(&mut used, Measured::Duration, AGES_SCALE, &mut row);
                let closed = self.distributions[used - 1].count();
                let time = time_open([opened, closed], [low, high], at).as_nanos();
                self.words.push(opened);
                self.words.extend(words_of(time as i128));
            }
            Kind::Group(_) | Kind::PerLabel { .. } => {}
        });
        self.distributions.truncate(used);
        debug_assert!(row.is_empty(), "the schema is as long as the row");
    }

    fn fill_distribution(&mut self, used: &mut usize, of: Measured, scale: u8, row: &mut Row<'_>) {
        let [count, low, high, min, max] = row.take();
        let sum = u128::from(high) << 64 | u128::from(low);
        match self.distributions.get(*used) {
            Some(known) if known.measured() == of => {}
            Some(_) => self.distributions[*used] = AnyDistribution::empty(of, scale.into()),
            None => self.distributions.push(AnyDistribution::empty(of, scale.into())),
        }
        let distribution = &mut self.distributions[*used];
        distribution.refill(scale, [count, !min, max], sum, |buckets, each| {
            row.each_bucket(buckets, each);
        });
        *used += 1;
    }

    /// Puts in the exact extrema of the time that a difference is about.
    pub(crate) fn observe(&mut self, group: &Group, extrema: &mut RowExtrema<'_>) {
        let (mut word, mut distribution) = (0, 0);
        each_leaf(group, &mut |kind| {
            match kind {
                Kind::Max | Kind::Min => {
                    let seen = extrema.take();
                    let max = matches!(kind, Kind::Max);
                    let value = seen.map(|seen| if max { seen.max() } else { seen.min() });
                    self.words[word..word + 2].copy_from_slice(&optional(value));
                }
                Kind::Histogram { .. } | Kind::TimedLive => {
                    if let Some(seen) = extrema.take() {
                        self.distributions[distribution].observed(seen.min(), seen.max());
                    }
                }
                _ => {}
            }
            let size = Size::of(kind);
            word += size.words;
            distribution += size.distributions;
        });
    }

    /// What happened since `earlier`, a row of the same group: as the differences of typed values.
    /// What is smaller than before was reset.
    pub(crate) fn subtract(&mut self, group: &Group, earlier: &RowData) {
        let RowData { words, distributions, .. } = self;
        let (mut words, mut before) = (&mut words[..], &earlier.words[..]);
        let (mut distributions, mut before_of) =
            (&mut distributions[..], &earlier.distributions[..]);
        each_leaf(group, &mut |kind| {
            let size = Size::of(kind);
            let later = words.split_off_mut(..size.words).unwrap_or_default();
            let earlier = before.split_off(..size.words).unwrap_or_default();
            let distribution =
                distributions.split_off_mut(..size.distributions).unwrap_or_default();
            let earlier_of = before_of.split_off(..size.distributions).unwrap_or_default();
            match (kind, &mut *later, earlier) {
                (Kind::Counter, [later], [earlier]) => {
                    *later = Counter::difference(later, earlier);
                }
                (Kind::UpDownCounter, later, earlier) => {
                    let [later_sum, earlier_sum] =
                        [&*later, earlier].map(|it| signed([it[0], it[1]]));
                    // Sums of this process wrap at the ends of `i64`.
                    let change = match (i64::try_from(later_sum), i64::try_from(earlier_sum)) {
                        (Ok(later), Ok(earlier)) => later.wrapping_sub(earlier).into(),
                        _ => later_sum.saturating_sub(earlier_sum),
                    };
                    later.copy_from_slice(&words_of(change));
                }
                (Kind::Live, [opened, closed], [before, closed_before])
                    if *opened >= *before && *closed >= *closed_before =>
                {
                    *opened -= *before;
                    *closed -= *closed_before;
                }
                (Kind::TimedLive, later, earlier) => {
                    let closed = |of: &[AnyDistribution]| of[0].count();
                    if later[0] < earlier[0] || closed(distribution) < closed(earlier_of) {
                        return;
                    }
                    later[0] -= earlier[0];
                    let [time, before] = [&*later, earlier].map(|it| signed([it[1], it[2]]));
                    later[1..].copy_from_slice(&words_of((time - before).max(0)));
                    distribution[0].subtract(&earlier_of[0]);
                }
                (Kind::Histogram { .. }, ..) => distribution[0].subtract(&earlier_of[0]),
                _ => {}
            }
        });
    }

    /// What of an increase has rates, in the order of the fields.
    pub(crate) fn flows(&self, group: &Group, flows: &mut Vec<f64>) {
        let (mut words, mut distributions) = (&self.words[..], &self.distributions[..]);
        each_leaf(group, &mut |kind| {
            let size = Size::of(kind);
            let own = words.split_off(..size.words).unwrap_or_default();
            let distribution = distributions.split_off(..size.distributions).unwrap_or_default();
            match (kind, own, distribution) {
                (Kind::Counter, [sum], _) => flows.push(*sum as f64),
                (Kind::UpDownCounter, own, _) => flows.push(signed([own[0], own[1]]) as f64),
                (Kind::Live, own, _) => flows.extend(own.iter().map(|n| *n as f64)),
                (Kind::TimedLive, own, [ages]) => {
                    flows.extend([own[0] as f64, ages.count() as f64]);
                }
                (Kind::Histogram { .. }, _, [it]) => flows.extend([it.count() as f64, it.sum()]),
                _ => {}
            }
        });
    }
}

/// How many rates a value of this kind has.
pub(crate) fn flows_of(kind: &Kind) -> usize {
    let mut flows = 0;
    each_leaf_of(kind, &mut |kind| {
        flows += match kind {
            Kind::Counter | Kind::UpDownCounter => 1,
            Kind::Live | Kind::TimedLive | Kind::Histogram { .. } => 2,
            _ => 0,
        }
    });
    flows
}
