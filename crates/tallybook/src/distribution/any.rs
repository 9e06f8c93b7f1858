//! [`AnyDistribution`]: a distribution of either type, for code that reads without types.

use super::measure::{Measured, bucket_count, index_of_bucket};
use super::{Bucket, Distribution, Measure};
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

    /// The smallest and the largest value, in nanoseconds where durations are measured. `None` if nothing was recorded.
    #[must_use]
    pub fn range_units(&self) -> Option<[u64; 2]> {
        either!(self, it => it.range())
    }

    /// The value at a quantile, in seconds where durations are measured: see [`Distribution::quantile`].
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

    /// Replaces the contents, keeping the allocation. `each_bucket` tells numbers of buckets in ascending order, and counts.
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

    /// What was recorded since `earlier`. All of it, if that is not an earlier state of the same histogram.
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

    fn sum_f64(&self) -> f64 {
        self.sum as f64 / V::UNITS_PER_ONE
    }

    fn range(&self) -> Option<[u64; 2]> {
        (!self.is_empty()).then_some([self.min, self.max])
    }
}
