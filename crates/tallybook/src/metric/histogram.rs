//! [`Histogram`]: the distribution of values.
//!
//! The cells of one thread are the sum, the extrema, and a table of counts that is as large as it
//! has to be: an open hash table whose hash is the bucket's number itself. So values that lie close
//! together never collide, a table that has room for all buckets is a plain array, and in a family,
//! where a cache line sees a few values per tick, it has four cells.

use super::field::{Metric, Sealed};
use crate::distribution::{Distribution, Measure, bucket_count};
use crate::phase::{Word, Words};
use crate::row::{Drain, Extrema, Flows, Row, RowExtrema, Span};
use crate::schema::Kind;
use std::marker::PhantomData;
use std::time::Duration;

/// The distribution of values: of `u64` values, or (as `Histogram<Duration>`) of durations. Read as
/// a [`Distribution`](crate::Distribution): count, sum, extrema, quantiles, buckets.
///
/// Buckets are base-2 exponential, as in Prometheus' native histograms and OTLP's exponential
/// histograms: at scale `s` a bucket's inclusive upper bound is `2^(1 / 2^s)` times its lower
/// bound. At the default scale 3 there are eight buckets to a doubling, and a quantile is off by at
/// most 4.5 %; `Histogram<u64, 5>` has 32 and is off by at most 1.1 %. Scales range from 0 to 8.
/// All of `u64` is in range: zero has a bucket of its own, and the largest value is in the last.
/// Durations are kept in whole nanoseconds, in buckets of seconds; those above 584 years count as
/// 584 years.
///
/// Count, sum, extrema and buckets of one snapshot always agree, because one fact writes all of
/// them. The sum, the minimum and the maximum are exact.
///
/// [`Set::timer`](crate::Set::timer) measures and records a duration.
///
/// # Memory
/// A histogram takes 56 bytes, and a table of counts from the first value on. The table has 32
/// bytes at first and doubles when more than three quarters of it are in use, or when two values
/// want one cell of a small table, up to 8 KiB at scale 3. A set has two histograms per thread. A
/// family has two per key and two per cache line of a thread, each with a table only if it was
/// needed. A snapshot has one to three bytes for each bucket in use, more where a count is above a
/// million, and 8 to 40 bytes besides.
///
/// ```
/// use std::time::{Duration, Instant};
/// use tallybook::{Counter, Histogram, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Requests {
///     answered: Counter,
///     latency: Histogram<Duration>,
/// }
///
/// let registry = Registry::new();
/// let requests = registry.set::<Requests>("requests")?;
/// let mut collector = registry.collector()?;
///
/// let started = Instant::now();
/// let took = started.elapsed();
/// requests.record(|r| {
///     r.answered.inc();
///     r.latency.record(took); // one fact: they always agree
/// });
///
/// let now = collector.tick().set(&requests);
/// assert_eq!(now.latency.count(), now.answered);
/// assert_eq!(now.latency.max(), Some(took));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Histogram<V = u64, const SCALE: u8 = 3> {
    sum_low: Word,
    sum_high: Word,
    /// The complement of the minimum, so that zero means that there is none.
    min_complement: Word,
    max: Word,
    /// The number of cells of the table that are in use.
    used: Word,
    /// A cell is a bucket's number plus one, in the upper bits, and its count; zero if it is free.
    table: Words,
    values: PhantomData<fn() -> V>,
}

/// The first bit of the bucket's number in a cell. A count has 48 bits, and continues in another
/// cell of the same bucket.
const TAG: u32 = 48;
const MAX_IN_CELL: u64 = (1 << TAG) - 1;
/// The cells of the first table: as many as most entries of a family need between two ticks, and
/// half a cache line.
const FIRST: usize = 4;
/// The size up to which a table grows to keep two buckets from sharing a cell.
const ROOMY: usize = 64;

impl<V: Measure, const SCALE: u8> Histogram<V, SCALE> {
    /// Takes a value into account.
    #[inline(always)]
    pub fn record(&self, value: V) {
        let units = value.to_units();
        self.count(V::bucket::<SCALE>(units), 1);
        self.sum(units, 0);
        self.see(!units, units);
    }

    /// Takes a value into account several times.
    #[inline]
    pub fn record_n(&self, value: V, times: u32) {
        if times == 0 {
            return;
        }
        let units = value.to_units();
        self.count(V::bucket::<SCALE>(units), u64::from(times));
        let sum = u128::from(units) * u128::from(times);
        self.sum(sum as u64, (sum >> 64) as u64);
        self.see(!units, units);
    }

    #[inline(always)]
    fn sum(&self, low: u64, high: u64) {
        let (sum, is_carried) = self.sum_low.get().overflowing_add(low);
        self.sum_low.set(sum);
        let high = high.wrapping_add(u64::from(is_carried));
        if high != 0 {
            self.sum_high.add(high);
        }
    }

    #[inline(always)]
    fn see(&self, low: u64, max: u64) {
        if low > self.min_complement.get() {
            self.min_complement.set(low);
        }
        if max > self.max.get() {
            self.max.set(max);
        }
    }

    /// Adds `n`, which fits a cell, to a bucket.
    #[inline(always)]
    fn count(&self, bucket: usize, n: u64) {
        let at = bucket & self.table.len().wrapping_sub(1);
        if let Some(cell) = self.table.get(at)
            && let Some(cell) = plus(cell, bucket, n)
        {
            return self.table.set(at, cell);
        }
        self.count_elsewhere(bucket, n);
    }

    /// Adds to a bucket that is not in its preferred cell, or that has no cell yet.
    #[cold]
    #[inline(never)]
    fn count_elsewhere(&self, bucket: usize, n: u64) {
        let mask = self.table.len().wrapping_sub(1);
        for step in 0..self.table.len() {
            let at = bucket.wrapping_add(step) & mask;
            let cell = self.table.get(at).unwrap_or_default();
            let is_free = cell == 0;
            if is_free && self.is_full() {
                break;
            }
            let own = if is_free { tag(bucket) } else { cell };
            if let Some(cell) = plus(own, bucket, n) {
                if step > 0 && !is_free && self.table.len() < ROOMY {
                    // It would take this path again and again, past the cell of another bucket, as
                    // doublings do, whose buckets are eight apart.
                    break;
                }
                self.used.add(u64::from(is_free));
                return self.table.set(at, cell);
            }
        }
        self.grow();
        self.count(bucket, n);
    }

    /// Whether so many cells are in use that a search takes long. A table with a cell for each
    /// bucket may be full.
    fn is_full(&self) -> bool {
        let len = self.table.len();
        len < bucket_count::<V>(SCALE) && self.used.get() as usize >= len - len / 4
    }

    fn grow(&self) {
        let old = self.table.renew((self.table.len() * 2).max(FIRST));
        self.used.set(0);
        for cell in (0..old.len()).filter_map(|at| old.get(at)).filter(|cell| *cell != 0) {
            self.count(bucket_of(cell), cell & MAX_IN_CELL);
        }
    }

    /// Calls `f` with each bucket that has a count, in no particular order, and empties the table.
    fn take_counts(&self, mut f: impl FnMut(usize, u64)) {
        if self.used.take() == 0 {
            return;
        }
        for at in 0..self.table.len() {
            match self.table.get(at) {
                None | Some(0) => {}
                Some(cell) => {
                    self.table.set(at, 0);
                    f(bucket_of(cell), cell & MAX_IN_CELL);
                }
            }
        }
    }
}

/// A cell that stands for the bucket, without a count.
#[inline(always)]
fn tag(bucket: usize) -> u64 {
    (bucket as u64 + 1) << TAG
}

fn bucket_of(cell: u64) -> usize {
    (cell >> TAG) as usize - 1
}

/// The cell with `n` added, if it is the bucket's and has room.
#[inline(always)]
fn plus(cell: u64, bucket: usize, n: u64) -> Option<u64> {
    // Another bucket's tag leaves bits above the count.
    let count = cell ^ tag(bucket);
    (count <= MAX_IN_CELL - n).then(|| cell + n)
}

impl<V: Measure, const SCALE: u8> Sealed for Histogram<V, SCALE> {}

/// The words of a row are `[count, sum, sum's upper half, complement of the minimum, max]`.
impl<V: Measure, const SCALE: u8> Metric for Histogram<V, SCALE> {
    type Value = Distribution<V>;
    type Rates = HistogramRates;
    const WORDS: usize = 5;
    const BUCKETS: usize = {
        assert!(SCALE <= 8, "the scale of a histogram is 0 to 8");
        bucket_count::<V>(SCALE)
    };
    const EXTREMA: usize = 1;
    const FLOWS: usize = 2;
    const STAMPED: bool = false;

    fn at_rest() -> Self {
        Histogram {
            sum_low: Word::new(0),
            sum_high: Word::new(0),
            min_complement: Word::new(0),
            max: Word::new(0),
            used: Word::new(0),
            table: Words::new(),
            values: PhantomData,
        }
    }

    fn merge(&self, into: &Self) {
        if self.used.get() == 0 {
            return;
        }
        into.sum(self.sum_low.take(), self.sum_high.take());
        into.see(self.min_complement.take(), self.max.take());
        if into.used.get() == 0 && into.table.len() == self.table.len() {
            // Only for tables of the same size: otherwise one of the two would have to grow again.
            into.used.set(self.used.take());
            into.table.swap(&self.table);
        } else {
            self.take_counts(|bucket, n| into.count(bucket, n));
        }
    }

    fn drain(&self, into: &mut Drain<'_>) {
        let words = into.take(5);
        let is_used = self.used.get() != 0;
        let seen = is_used
            .then(|| Extrema { min_complement: self.min_complement.take(), max: self.max.take() });
        let mut count = 0_u64;
        into.take_buckets(Self::BUCKETS, |each| {
            self.take_counts(|bucket, n| {
                count = count.wrapping_add(n);
                each(bucket, n);
            });
        });
        into.take_extrema(seen);
        if let Some(seen) = seen {
            let sum = [self.sum_low.take(), self.sum_high.take()];
            Self::fold(&[count, sum[0], sum[1], seen.min_complement, seen.max], words, into.span());
        }
    }

    fn fold(from: &[u64], into: &mut [u64], _: Span) {
        into[0] = into[0].wrapping_add(from[0]);
        let (low, is_carried) = into[1].overflowing_add(from[1]);
        into[1] = low;
        into[2] = into[2].wrapping_add(from[2]).wrapping_add(u64::from(is_carried));
        into[3] = into[3].max(from[3]);
        into[4] = into[4].max(from[4]);
    }

    fn read(row: &mut Row<'_>) -> Distribution<V> {
        read_histogram(row, SCALE)
    }
    fn difference(later: &Distribution<V>, earlier: &Distribution<V>) -> Distribution<V> {
        later.difference(earlier)
    }
    fn sum(one: &Distribution<V>, other: &Distribution<V>) -> Distribution<V> {
        one.merged(other)
    }
    fn observe(value: &mut Distribution<V>, extrema: &mut RowExtrema<'_>) {
        if let Some(seen) = extrema.take() {
            value.observed(seen.min(), seen.max);
        }
    }
    fn flows(increase: &Distribution<V>, flows: &mut Vec<f64>) {
        flows.extend([increase.count() as f64, increase.units() as f64 / V::UNITS_PER_ONE]);
    }
    fn rates(flows: &mut Flows<'_>) -> HistogramRates {
        HistogramRates { count: flows.take(), sum: flows.take() }
    }
    fn kind() -> Kind {
        Kind::Histogram { of: V::MEASURED, scale: SCALE as i8 }
    }
}

/// Reads a histogram of any scale.
fn read_histogram<V: Measure>(row: &mut Row<'_>, scale: u8) -> Distribution<V> {
    let [count, low, high, min, max] = row.take();
    let taken = row.take_buckets(bucket_count::<V>(scale));
    let sum = u128::from(high) << 64 | u128::from(low);
    Distribution::from_buckets(scale, count, sum, !min, max, taken)
}

/// A metric that a timer records durations on: a `Histogram<Duration>` of any scale. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be timed",
    label = "not a `Histogram<Duration>`",
    note = "a timer records on a field that is a `Histogram<Duration>`; `timer_label` records on one in a `PerLabel`"
)]
pub trait Timed: Sealed + 'static {
    #[doc(hidden)]
    fn record_time(&self, took: Duration);
}

impl<const SCALE: u8> Timed for Histogram<Duration, SCALE> {
    #[inline]
    fn record_time(&self, took: Duration) {
        self.record(took);
    }
}

/// The rates of a [`Histogram`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramRates {
    /// Values per second.
    pub count: f64,
    /// Their sum per second. For durations, in seconds, this is the mean number in progress.
    pub sum: f64,
}

#[cfg(feature = "serde")]
impl serde::Serialize for HistogramRates {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut row = to.serialize_struct("HistogramRates", 2)?;
        row.serialize_field("count", &self.count)?;
        row.serialize_field("sum", &self.sum)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Sparse;
    use std::collections::BTreeMap;

    fn drained<V: Measure, const SCALE: u8>(
        cells: &Histogram<V, SCALE>,
    ) -> (Vec<u64>, BTreeMap<usize, u64>) {
        let (mut words, mut rest) = (vec![0; 5], Sparse::default());
        cells.drain(&mut Drain::new(&mut words, &mut rest, Span::default()));
        let mut buckets = BTreeMap::new();
        rest.buckets.into_iter().for_each(|(bucket, n)| *buckets.entry(bucket).or_default() += n);
        (words, buckets)
    }

    fn check<V: Measure, const SCALE: u8>(values: impl Fn(u64) -> V) {
        let [cells, other] = [(); 2].map(|()| Histogram::<V, SCALE>::at_rest());
        for round in 0..4_u64 {
            let mut model = BTreeMap::new();
            let mut sum = 0_u128;
            let mut random = round + 1;
            for step in 0..if cfg!(miri) { 100 } else { 5000_u64 } {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let value = values(random >> (random >> 59 << 1).min(63));
                let times = if step % 7 == 0 { u32::MAX } else { 1 };
                let cells = if step % 3 == 0 { &other } else { &cells };
                if times == 1 {
                    cells.record(value)
                } else {
                    cells.record_n(value, times)
                }
                *model.entry(V::bucket::<SCALE>(value.to_units())).or_default() += u64::from(times);
                sum += u128::from(value.to_units()) * u128::from(times);
            }
            other.merge(&cells);
            let (words, buckets) = drained(&cells);
            assert_eq!(buckets, model);
            assert_eq!(words[0], model.values().sum::<u64>());
            assert_eq!(u128::from(words[2]) << 64 | u128::from(words[1]), sum);
            assert_eq!(drained(&other), (vec![0; 5], BTreeMap::new()));
        }
    }

    #[test]
    fn the_table_counts_what_a_map_counts() {
        check::<u64, 0>(|n| n);
        check::<u64, 3>(|n| n);
        check::<u64, 8>(|n| n);
        check::<Duration, 3>(Duration::from_nanos);
        check::<u64, 3>(|n| n & 1);
        check::<u64, 3>(|n| 1 << (n & 63));
    }

    #[test]
    fn a_cell_that_is_full_goes_on_in_another() {
        let cells = Histogram::<u64>::at_rest();
        for _ in 0..1000 {
            cells.count(7, u64::from(u32::MAX));
        }
        for _ in 0..3 {
            cells.count(7, MAX_IN_CELL);
        }
        let (words, buckets) = drained(&cells);
        let expected = 1000 * u64::from(u32::MAX) + 3 * MAX_IN_CELL;
        assert_eq!((words[0], buckets), (expected, BTreeMap::from([(7, expected)])));
        assert!(cells.table.len() <= 16);
    }

    #[test]
    fn a_few_values_take_a_few_cells() {
        let cells = Histogram::<Duration>::at_rest();
        assert_eq!(cells.table.len(), 0);
        (0..6).for_each(|n| cells.record(Duration::from_micros(90 << n)));
        assert_eq!(cells.table.len(), 8);
        (0..64).for_each(|n| cells.record(Duration::from_nanos(1 << n)));
        assert_eq!(cells.table.len(), 128);
        let narrow = Histogram::<Duration>::at_rest();
        (0..3).for_each(|n| narrow.record(Duration::from_micros(90 + 10 * n)));
        assert_eq!(narrow.table.len(), 4);
    }
}
