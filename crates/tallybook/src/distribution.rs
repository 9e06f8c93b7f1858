//! [`Distribution`]: what a snapshot shows of a histogram.

mod any;
mod combine;
mod display;
#[cfg(feature = "serde")]
mod json;
mod measure;
mod quantile;
mod scale;

pub use any::AnyDistribution;
pub(crate) use measure::bucket_count;
pub use measure::{Measure, Measured};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// How many values were recorded, and of what size: a histogram with exponential buckets, as it was
/// at one moment.
///
/// The bucket with index `i` at scale `s` holds the values above `2^((i - 1) / 2^s)` up to and
/// including `2^(i / 2^s)`: the native histograms of Prometheus. Those of OpenTelemetry are the
/// same, and their indexes are lower by one. Zero has a bucket of its own. Count, sum, minimum and
/// maximum are exact, everything else is as near as the buckets are narrow: see
/// [`relative_error`](Self::relative_error).
///
/// Values are `u64`, or [`Duration`](std::time::Duration) with bounds in seconds. A distribution
/// can also be made from values at hand:
///
/// ```
/// use tallybook::Distribution;
///
/// let sizes: Distribution = (1..=1000_u64).collect();
/// assert_eq!(sizes.count(), 1000);
/// assert_eq!(sizes.mean(), Some(500.5));
/// let median = sizes.quantile(0.5).unwrap();
/// assert!((median - 500.0).abs() <= 500.0 * sizes.relative_error());
/// ```
#[derive(Clone)]
pub struct Distribution<V: Measure = u64> {
    scale: i32,
    count: u64,
    /// In units, as are the next two, which mean nothing while the count is zero.
    sum: u128,
    min: u64,
    max: u64,
    zeros: u64,
    /// Indexes in ascending order, and no count of zero.
    buckets: Vec<(i32, u64)>,
    measure: PhantomData<V>,
}

/// A bucket of a [`Distribution`], with the bounds as numbers, in seconds where durations are
/// measured.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bucket {
    /// Its number at the scale of the distribution: the bucket that ends at 1 has index 0.
    pub index: i32,
    /// The values in it are above this.
    pub lower: f64,
    /// The largest value that it can hold.
    pub upper: f64,
    /// How many values are in it, at least one.
    pub count: u64,
}

impl<V: Measure> Distribution<V> {
    fn empty(scale: i32) -> Self {
        let (count, sum, min, max, zeros) = (0, 0, 0, 0, 0);
        Distribution {
            scale,
            count,
            sum,
            min,
            max,
            zeros,
            buckets: Vec::new(),
            measure: PhantomData,
        }
    }

    /// From the buckets of a histogram in ascending order; see [`Measure::bucket`].
    pub(crate) fn from_buckets(
        scale: u8,
        count: u64,
        sum: u128,
        min: u64,
        max: u64,
        buckets: impl IntoIterator<Item = (usize, u64)>,
    ) -> Self {
        let mut made = Distribution { count, sum, min, max, ..Self::empty(scale.into()) };
        for (bucket, count) in buckets {
            match bucket {
                0 => made.zeros = made.zeros.wrapping_add(count),
                _ => made.push(measure::index_of_bucket::<V>(bucket, scale), count),
            }
        }
        made
    }

    /// Adds to a bucket that no other is above.
    fn push(&mut self, index: i32, count: u64) {
        match self.buckets.last_mut() {
            Some(last) if last.0 == index => last.1 = last.1.wrapping_add(count),
            _ => self.buckets.push((index, count)),
        }
        // A count may have wrapped to zero.
        self.buckets.pop_if(|last| last.1 == 0);
    }

    /// Replaces the known extrema by the exact ones, in units.
    pub(crate) fn observed(&mut self, min: u64, max: u64) {
        if self.count > 0 {
            (self.min, self.max) = (min, max);
        }
    }

    /// The distribution of these values at a scale of 0 to 8; a larger one counts as 8.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tallybook::Distribution;
    ///
    /// let waits = Distribution::of(5, [Duration::from_millis(3), Duration::from_millis(250)]);
    /// assert_eq!(waits.scale(), 5);
    /// assert_eq!(waits.max(), Some(Duration::from_millis(250)));
    /// ```
    #[must_use]
    pub fn of(scale: u8, values: impl IntoIterator<Item = V>) -> Self {
        const FINEST: u8 = scale::FINEST as u8;
        let (mut count, mut sum, mut min, mut max) = (0_u64, 0_u128, u64::MAX, 0);
        let mut buckets = BTreeMap::<usize, u64>::new();
        for value in values {
            let units = value.to_units();
            count = count.wrapping_add(1);
            sum = sum.wrapping_add(units.into());
            (min, max) = (units.min(min), units.max(max));
            *buckets.entry(V::bucket::<FINEST>(units)).or_default() += 1;
        }
        Self::from_buckets(FINEST, count, sum, min, max, buckets).downscaled(scale.into())
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum in the units that are kept.
    pub(crate) fn units(&self) -> u128 {
        self.sum
    }

    /// The sum of all values, exact: a `u128`, or a `Duration`, at most
    /// [`Duration::MAX`](std::time::Duration::MAX).
    #[must_use]
    pub fn sum(&self) -> V::Sum {
        V::sum_from_units(self.sum)
    }

    /// The sum divided by the count: an `f64`, or a `Duration`. `None` if nothing was recorded.
    #[must_use]
    pub fn mean(&self) -> Option<V::Real> {
        (!self.is_empty()).then(|| V::real(self.sum as f64 / self.count as f64))
    }

    /// The smallest value, exact but for a [`difference`](Self::difference). `None` if nothing was
    /// recorded.
    #[must_use]
    pub fn min(&self) -> Option<V> {
        (!self.is_empty()).then(|| V::from_units(self.min))
    }

    /// The largest value, exact but for a [`difference`](Self::difference). `None` if nothing was
    /// recorded.
    #[must_use]
    pub fn max(&self) -> Option<V> {
        (!self.is_empty()).then(|| V::from_units(self.max))
    }

    /// The scale: there are `2^scale` buckets per octave. From 8, the finest, to -4, the coarsest
    /// that [`downscaled`](Self::downscaled) makes.
    #[must_use]
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// How many of the values were zero.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The buckets with values in them, in ascending order. Zeros are in none; see
    /// [`zeros`](Self::zeros).
    ///
    /// ```
    /// let sizes = tallybook::Distribution::of(0, [0_u64, 3, 4, 5]);
    /// let ends: Vec<_> = sizes.buckets().map(|bucket| (bucket.upper, bucket.count)).collect();
    /// assert_eq!(ends, [(4.0, 2), (8.0, 1)]);
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.buckets.iter().map(|&(index, count)| {
            let lower = scale::bound(index - 1, self.scale);
            Bucket { index, lower, upper: scale::bound(index, self.scale), count }
        })
    }
}

/// Empty, at the finest scale: whatever is merged with it keeps its own.
impl<V: Measure> Default for Distribution<V> {
    fn default() -> Self {
        Self::empty(scale::FINEST)
    }
}

/// At scale 3, with 8 buckets per octave.
impl<V: Measure> FromIterator<V> for Distribution<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self::of(scale::DEFAULT, values)
    }
}

/// At the scale that it has.
impl<V: Measure> Extend<V> for Distribution<V> {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        let more = Self::of(scale::FINEST as u8, values);
        *self = self.merged(&more.downscaled(self.scale));
    }
}

/// Two empty ones are equal whatever their scale.
impl<V: Measure> PartialEq for Distribution<V> {
    fn eq(&self, other: &Self) -> bool {
        let all = |of: &Self| (of.scale, of.count, of.sum, of.min, of.max, of.zeros);
        let both_empty = self.is_empty() && other.is_empty();
        both_empty || all(self) == all(other) && self.buckets == other.buckets
    }
}

impl<V: Measure> Eq for Distribution<V> {}

/// The buckets are shown by their indexes.
impl<V: Measure> fmt::Debug for Distribution<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count)
            .field("sum", &self.sum())
            .field("min", &self.min())
            .field("max", &self.max())
            .field("scale", &self.scale)
            .field("zeros", &self.zeros)
            .field("buckets", &self.buckets)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_any_size() {
        let buckets = [(0, u64::MAX / 4), (1, u64::MAX / 4), (9, u64::MAX / 2)];
        let many = Distribution::<u64>::from_buckets(3, u64::MAX, 1, 0, 2, buckets);
        assert_eq!(many.quantiles([0.2, 0.4, 0.9]), Some([0.0, 1.0, 2.0]));
        // Wrapped: nothing is left of two buckets, and the count is one less.
        assert_eq!(many.merged(&many).count(), u64::MAX - 1);
        let half = Distribution::<u64>::from_buckets(3, 1 << 63, 1, 1, 1, [(1, 1 << 63)]);
        assert!(half.merged(&half).buckets().next().is_none());
    }

    #[test]
    fn extremes_can_be_put_in_place() {
        let mut some = Distribution::of(3, [100_u64, 200]);
        some.observed(101, 199);
        assert_eq!((some.min(), some.max()), (Some(101), Some(199)));
        let mut none = Distribution::<u64>::default();
        none.observed(1, 2);
        assert_eq!((none.min(), none.max()), (None, None));
    }
}
