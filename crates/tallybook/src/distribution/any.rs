//! [`AnyDistribution`]: a distribution of either type, for code that reads without types.

use super::combine::aligned;
#[cfg(feature = "serde")]
use super::measure::ends;
use super::measure::{Measured, bucket_count, index_of_bucket};
use super::{Bucket, Distribution, Measure};
use std::fmt;
use std::time::Duration;

/// A [`Distribution`] of integers or of durations.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyDistribution {
    /// Of integers.
    Integers(Distribution<u64>),
    /// Of durations.
    Durations(Distribution<Duration>),
}

/// Calls the same on a distribution of either type.
macro_rules! either {
    ($any:expr, $distribution:ident => $call:expr) => {
        match $any {
            AnyDistribution::Integers($distribution) => $call,
            AnyDistribution::Durations($distribution) => $call,
        }
    };
}

impl AnyDistribution {
    /// What it measures.
    #[must_use]
    pub fn measured(&self) -> Measured {
        match self {
            AnyDistribution::Integers(_) => Measured::Integer,
            AnyDistribution::Durations(_) => Measured::Duration,
        }
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        either!(self, it => it.count())
    }

    /// How many of the values were zero.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        either!(self, it => it.zeros())
    }

    /// The scale: there are `2^scale` buckets per octave.
    #[must_use]
    pub fn scale(&self) -> i32 {
        either!(self, it => it.scale())
    }

    /// The sum of all values, in seconds where durations are measured.
    #[must_use]
    pub fn sum(&self) -> f64 {
        either!(self, it => it.sum_f64())
    }

    /// The sum of all values, exact: in nanoseconds where durations are measured.
    #[must_use]
    pub fn sum_units(&self) -> u128 {
        either!(self, it => it.units())
    }

    /// The smallest and the largest value, in nanoseconds where durations are measured. `None` if
    /// nothing was recorded.
    #[must_use]
    pub fn range_units(&self) -> Option<[u64; 2]> {
        either!(self, it => it.range())
    }

    /// The value at a quantile, in seconds where durations are measured: see
    /// [`Distribution::quantile`].
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        match self {
            AnyDistribution::Integers(it) => it.quantile(q),
            AnyDistribution::Durations(it) => it.quantile(q).map(|it| it.as_secs_f64()),
        }
    }

    /// The buckets with values in them, in ascending order: see [`Distribution::buckets`].
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        let (integers, durations) = match self {
            AnyDistribution::Integers(it) => (Some(it), None),
            AnyDistribution::Durations(it) => (None, Some(it)),
        };
        let integers = integers.into_iter().flat_map(Distribution::buckets);
        integers.chain(durations.into_iter().flat_map(Distribution::buckets))
    }

    /// The buckets with values in them by index at the scale, in ascending order.
    #[must_use]
    pub fn indexed_buckets(&self) -> &[(i32, u64)] {
        either!(self, it => &it.buckets)
    }

    /// An empty one.
    pub(crate) fn empty(of: Measured, scale: i32) -> Self {
        match of {
            Measured::Integer => AnyDistribution::Integers(Distribution::empty(scale)),
            Measured::Duration => AnyDistribution::Durations(Distribution::empty(scale)),
        }
    }

    /// One that was received, if it does not contradict itself: `[count, min, max, zeros]`, and
    /// buckets in ascending order.
    #[cfg(feature = "serde")]
    pub(crate) fn checked(
        of: Measured,
        scale: i32,
        head: [u64; 4],
        sum: u128,
        buckets: Vec<(i32, u64)>,
    ) -> Result<Self, &'static str> {
        match of {
            Measured::Integer => {
                Distribution::checked(scale, head, sum, buckets).map(AnyDistribution::Integers)
            }
            Measured::Duration => {
                Distribution::checked(scale, head, sum, buckets).map(AnyDistribution::Durations)
            }
        }
    }

    /// Replaces the contents, keeping the allocation. `each_bucket` tells numbers of buckets in
    /// ascending order, and counts.
    pub(crate) fn refill(
        &mut self,
        scale: u8,
        [count, min, max]: [u64; 3],
        sum: u128,
        each_bucket: impl FnOnce(usize, &mut dyn FnMut(usize, u64)),
    ) {
        match self {
            AnyDistribution::Integers(it) => it.refill(scale, [count, min, max], sum, each_bucket),
            AnyDistribution::Durations(it) => it.refill(scale, [count, min, max], sum, each_bucket),
        }
    }

    /// Puts the exact extrema in the place of those that are known, in units.
    pub(crate) fn observed(&mut self, min: u64, max: u64) {
        either!(self, it => it.observed(min, max));
    }

    /// The same at a coarser scale.
    pub(crate) fn downscaled(&self, scale: i32) -> Self {
        match self {
            AnyDistribution::Integers(it) => AnyDistribution::Integers(it.downscaled(scale)),
            AnyDistribution::Durations(it) => AnyDistribution::Durations(it.downscaled(scale)),
        }
    }

    /// What was recorded since `earlier`. All of it, if that is not an earlier state of the same
    /// histogram.
    pub(crate) fn subtract(&mut self, earlier: &Self) {
        match (self, earlier) {
            (AnyDistribution::Integers(it), AnyDistribution::Integers(earlier)) => {
                *it = it.difference(earlier);
            }
            (AnyDistribution::Durations(it), AnyDistribution::Durations(earlier)) => {
                *it = it.difference(earlier);
            }
            _ => {}
        }
    }
}

/// As the distribution that it is.
impl fmt::Display for AnyDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        either!(self, it => it.fmt(f))
    }
}

impl<V: Measure> Distribution<V> {
    fn refill(
        &mut self,
        scale: u8,
        [count, min, max]: [u64; 3],
        sum: u128,
        each_bucket: impl FnOnce(usize, &mut dyn FnMut(usize, u64)),
    ) {
        self.buckets.clear();
        (self.scale, self.zeros) = (scale.into(), 0);
        (self.count, self.sum, self.min, self.max) = (count, sum, min, max);
        each_bucket(bucket_count::<V>(scale), &mut |bucket, count| match bucket {
            0 => self.zeros = self.zeros.wrapping_add(count),
            _ => self.push(index_of_bucket::<V>(bucket, scale), count),
        });
    }

    /// Adds another, of the same or another scale. Numbers that do not fit are the largest that do.
    /// Answers whether there were such.
    pub(crate) fn fold(&mut self, other: &Self) -> bool {
        if other.is_empty() && other.buckets.is_empty() {
            return false;
        }
        let scale = self.scale.min(other.scale);
        let (own, other) = (self.downscaled(scale), other.downscaled(scale));
        let [one, two] =
            [&own, &other].map(|it| if it.is_empty() { None } else { Some((it.min, it.max)) });
        let (min, max) = match (one, two) {
            (Some(one), Some(two)) => (one.0.min(two.0), one.1.max(two.1)),
            (one, two) => one.or(two).unwrap_or_default(),
        };
        let mut saturated = false;
        let mut plus = |one: u64, other: u64| {
            one.checked_add(other).unwrap_or_else(|| {
                saturated = true;
                u64::MAX
            })
        };
        let mut made = Distribution {
            count: plus(own.count, other.count),
            zeros: plus(own.zeros, other.zeros),
            min,
            max,
            ..Self::empty(scale)
        };
        for (index, one, other) in aligned(&own.buckets, &other.buckets) {
            made.buckets.push((index, plus(one, other)));
        }
        let (sum, is_over) = own.sum.overflowing_add(other.sum);
        made.sum = if is_over { u128::MAX } else { sum };
        *self = made;
        saturated || is_over
    }

    #[cfg(feature = "serde")]
    fn checked(
        scale: i32,
        [count, min, max, zeros]: [u64; 4],
        sum: u128,
        buckets: Vec<(i32, u64)>,
    ) -> Result<Self, &'static str> {
        // The last bucket ends at the largest value that there is.
        let [first, last] = ends::<V>(scale);
        if buckets.iter().any(|(index, _)| !(first..=last).contains(index)) {
            return Err("a bucket is out of range");
        }
        if !buckets.is_sorted_by(|one, next| one.0 < next.0) {
            return Err("the buckets are not in ascending order");
        }
        if buckets.iter().any(|(_, n)| *n == 0) {
            return Err("a bucket is empty");
        }
        let counted = buckets.iter().fold(zeros, |sum, (_, n)| sum.saturating_add(*n));
        if counted != count || count == 0 {
            return Err("the count of a histogram is not that of its buckets");
        }
        if min > max {
            return Err("the minimum of a histogram is larger than its maximum");
        }
        let measure = std::marker::PhantomData;
        Ok(Distribution { scale, count, sum, min, max, zeros, buckets, measure })
    }

    fn sum_f64(&self) -> f64 {
        self.sum as f64 / V::UNITS_PER_ONE
    }

    fn range(&self) -> Option<[u64; 2]> {
        (!self.is_empty()).then_some([self.min, self.max])
    }
}
