//! Distributions made from others. All of it is exact: no count moves between buckets but as a
//! whole.

use super::Distribution;
use super::measure::Measure;
use super::scale;
use std::cmp::Ordering;

impl<V: Measure> Distribution<V> {
    /// The same at a coarser scale: what would have been recorded at that scale. At its own scale,
    /// or a finer one, it stays as it is; below -4, where a bucket covers 16 octaves, nothing is
    /// lowered.
    ///
    /// ```
    /// let fine = tallybook::Distribution::of(5, 1..=1000_u64);
    /// assert_eq!(fine.downscaled(2), tallybook::Distribution::of(2, 1..=1000_u64));
    /// ```
    #[must_use]
    pub fn downscaled(&self, scale: i32) -> Self {
        let scale = scale.clamp(scale::COARSEST, self.scale);
        let by = self.scale.abs_diff(scale);
        if by == 0 {
            return self.clone();
        }
        let mut lowered = Distribution { buckets: Vec::new(), scale, ..*self };
        for &(index, count) in &self.buckets {
            lowered.push(scale::downscaled(index, by), count);
        }
        lowered
    }

    /// Both together, at the coarser of both scales. The order of merging makes no difference, and
    /// an empty distribution changes nothing.
    ///
    /// ```
    /// use tallybook::Distribution;
    ///
    /// let low: Distribution = (1..=10_u64).collect();
    /// let high: Distribution = (11..=20_u64).collect();
    /// assert_eq!(low.merged(&high), (1..=20).collect());
    /// ```
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return if other.is_empty() { self.clone() } else { other.clone() };
        }
        let scale = self.scale.min(other.scale);
        let (one, other) = (self.downscaled(scale), other.downscaled(scale));
        let mut merged = Distribution {
            count: one.count.wrapping_add(other.count),
            sum: one.sum.wrapping_add(other.sum),
            min: one.min.min(other.min),
            max: one.max.max(other.max),
            zeros: one.zeros.wrapping_add(other.zeros),
            ..Self::empty(scale)
        };
        for (index, one, other) in aligned(&one.buckets, &other.buckets) {
            merged.push(index, one.wrapping_add(other));
        }
        merged
    }

    /// What was recorded between two states of one histogram, at the coarser of both scales.
    ///
    /// Minimum and maximum are known to the bucket: they are the lower end of the first bucket of
    /// the difference and the upper end of the last, within the minimum and maximum of the later
    /// state. With an empty earlier state they are exact.
    ///
    /// If the earlier state has more in a bucket, it is not an earlier one: the histogram was
    /// reset, or is another. Then the difference is all of the later state.
    ///
    /// ```
    /// let earlier: tallybook::Distribution = [1_u64, 70].into_iter().collect();
    /// let later: tallybook::Distribution = [1_u64, 3, 3, 70].into_iter().collect();
    /// let between = later.difference(&earlier);
    /// assert_eq!((between.count(), between.sum(), between.max()), (2, 6, Some(3)));
    /// ```
    #[must_use]
    pub fn difference(&self, earlier: &Self) -> Self {
        if earlier.is_empty() {
            return self.clone();
        }
        let scale = self.scale.min(earlier.scale);
        let (later, earlier) = (self.downscaled(scale), earlier.downscaled(scale));
        later.minus(&earlier).unwrap_or_else(|| self.clone())
    }

    /// The difference of two that have the same scale; `None` if something would be negative.
    fn minus(&self, earlier: &Self) -> Option<Self> {
        let mut made = Distribution {
            count: self.count.checked_sub(earlier.count)?,
            sum: self.sum.checked_sub(earlier.sum)?,
            zeros: self.zeros.checked_sub(earlier.zeros)?,
            ..Self::empty(self.scale)
        };
        for (index, later, earlier) in aligned(&self.buckets, &earlier.buckets) {
            made.push(index, later.checked_sub(earlier)?);
        }
        // What each bucket can hold, as far as the extrema of the later state allow.
        let lowest = made.buckets.first().filter(|_| made.zeros == 0);
        let min = lowest.map_or(0, |bucket| self.held(bucket.0).0);
        let max = made.buckets.last().map_or(0, |bucket| self.held(bucket.0).1);
        made.observed(min, max);
        Some(made)
    }
}

/// The buckets of two distributions side by side, in ascending order, with a count of zero where
/// one has none.
pub(super) fn aligned<'a>(
    mut one: &'a [(i32, u64)],
    mut other: &'a [(i32, u64)],
) -> impl Iterator<Item = (i32, u64, u64)> + 'a {
    std::iter::from_fn(move || {
        let order = match (one.first(), other.first()) {
            (Some(one), Some(other)) => one.0.cmp(&other.0),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let first = if order.is_le() { one.split_off_first() } else { None };
        let second = if order.is_ge() { other.split_off_first() } else { None };
        let &(index, _) = first.or(second)?;
        let count = |bucket: Option<&(i32, u64)>| bucket.map_or(0, |bucket| bucket.1);
        Some((index, count(first), count(second)))
    })
}
