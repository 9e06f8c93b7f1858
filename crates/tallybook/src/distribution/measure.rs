//! [`Measure`]: what a histogram can hold.

use super::scale::{self, Cells};
use std::fmt::Debug;
use std::time::Duration;

/// What a histogram holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measured {
    /// `u64`, with bounds that are powers of the unit.
    Integer,
    /// `Duration`, in nanoseconds, with bounds that are powers of a second.
    Duration,
}

/// What a histogram can hold: `u64`, and [`Duration`].
///
/// A duration is kept in whole nanoseconds, at most `u64::MAX` of them (584 years; a longer one
/// counts as that). Its buckets have their bounds in seconds all the same, so that one second is a
/// bound at every scale, as Prometheus and OpenTelemetry want it.
#[diagnostic::on_unimplemented(
    message = "a histogram cannot hold `{Self}`",
    label = "not what a histogram can hold",
    note = "write `Histogram` for integers, `Histogram<Duration>` for durations"
)]
pub trait Measure: Copy + Debug + PartialOrd + Send + Sync + sealed::Sealed + 'static {
    /// What means and quantiles come as: `f64` for integers, [`Duration`] for durations.
    type Real: Copy + Debug + PartialEq + PartialOrd + Send + Sync + 'static;
    /// What a sum comes as: `u128` for integers, [`Duration`] for durations.
    type Sum: Copy + Debug + PartialEq + PartialOrd + Send + Sync + 'static;

    /// What it is to those that walk a schema.
    #[doc(hidden)]
    const MEASURED: Measured;
    /// The exponent of the lowest octave that a value above zero can lie in.
    #[doc(hidden)]
    const LOWEST: i32;
    /// How many octaves there are.
    #[doc(hidden)]
    const OCTAVES: usize;
    /// How many of the units that are kept make the one unit that bounds are given in.
    #[doc(hidden)]
    const UNITS_PER_ONE: f64;
    /// The buckets within an octave of the units that are kept.
    #[doc(hidden)]
    const CELLS: &'static Cells;

    /// The value in the units that are kept.
    #[doc(hidden)]
    fn to_units(self) -> u64;
    #[doc(hidden)]
    fn from_units(units: u64) -> Self;
    #[doc(hidden)]
    fn sum_from_units(units: u128) -> Self::Sum;
    /// Clamped to the range of the type: nothing below zero, and zero for what is not a number.
    #[doc(hidden)]
    fn real(units: f64) -> Self::Real;
    /// As exact as the type can be.
    #[doc(hidden)]
    fn real_from_units(units: u64) -> Self::Real;
    /// In the unit that bounds are given in.
    #[doc(hidden)]
    fn real_to_f64(real: Self::Real) -> f64;

    /// The place of a value in an array of all buckets: 0 for zero, then the buckets in the order
    /// of their index.
    #[doc(hidden)]
    #[inline]
    fn bucket<const SCALE: u8>(units: u64) -> usize {
        if units == 0 {
            return 0;
        }
        let shift = units.leading_zeros() & 63;
        let octave = (63 - shift) as usize;
        1 + (octave << SCALE) + Self::CELLS.part::<SCALE>(units << shift)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for std::time::Duration {}
}

/// How many buckets there are at a scale.
pub(crate) const fn bucket_count<V: Measure>(scale: u8) -> usize {
    2 + (V::OCTAVES << scale)
}

/// The index of the bucket of that number. Number 0 is the bucket of zero, which has no index.
pub(crate) fn index_of_bucket<V: Measure>(bucket: usize, scale: u8) -> i32 {
    bucket as i32 - 1 + V::LOWEST * (1 << scale)
}

/// The indexes of the first and the last bucket at any scale.
#[cfg(feature = "serde")]
pub(crate) fn ends<V: Measure>(scale: i32) -> [i32; 2] {
    let finest = scale::FINEST;
    let at_finest = [V::LOWEST << finest, (V::LOWEST + V::OCTAVES as i32) << finest];
    at_finest.map(|index| scale::downscaled(index, finest.abs_diff(scale)))
}

impl Measure for u64 {
    type Real = f64;
    type Sum = u128;
    const MEASURED: Measured = Measured::Integer;
    const LOWEST: i32 = 0;
    const OCTAVES: usize = 64;
    const UNITS_PER_ONE: f64 = 1.0;
    const CELLS: &'static Cells = &scale::ONES;

    #[inline]
    fn to_units(self) -> u64 {
        self
    }
    fn from_units(units: u64) -> u64 {
        units
    }
    fn sum_from_units(units: u128) -> u128 {
        units
    }
    fn real(units: f64) -> f64 {
        if units > 0.0 { units.min(f64::MAX) } else { 0.0 }
    }
    fn real_from_units(units: u64) -> f64 {
        units as f64
    }
    fn real_to_f64(real: f64) -> f64 {
        real
    }
}

/// Whole nanoseconds per second.
const NANOS: u64 = 1_000_000_000;

impl Measure for Duration {
    type Real = Duration;
    type Sum = Duration;
    const MEASURED: Measured = Measured::Duration;
    const LOWEST: i32 = -30;
    const OCTAVES: usize = 65;
    const UNITS_PER_ONE: f64 = NANOS as f64;
    const CELLS: &'static Cells = &scale::NANOS;

    #[inline]
    fn to_units(self) -> u64 {
        if self.as_secs() >= u64::MAX / NANOS {
            return longest(self);
        }
        self.as_secs() * NANOS + u64::from(self.subsec_nanos())
    }
    fn from_units(units: u64) -> Duration {
        Duration::from_nanos(units)
    }
    fn sum_from_units(units: u128) -> Duration {
        let nanos = (units % u128::from(NANOS)) as u32;
        u64::try_from(units / u128::from(NANOS))
            .map_or(Duration::MAX, |seconds| Duration::new(seconds, nanos))
    }
    fn real(units: f64) -> Duration {
        // The conversion clamps, and makes a zero of what is not a number.
        Duration::from_nanos(units.round() as u64)
    }
    fn real_from_units(units: u64) -> Duration {
        Duration::from_nanos(units)
    }
    fn real_to_f64(real: Duration) -> f64 {
        real.as_secs_f64()
    }
}

/// The nanoseconds of a duration that may be too long for them.
#[cold]
fn longest(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_indexes() {
        fn ends<V: Measure>(lowest: u64) {
            for scale in 0..=8 {
                let of = |bucket| index_of_bucket::<V>(bucket, scale);
                assert_eq!(
                    of(bucket_count::<V>(scale) - 1),
                    (V::LOWEST + V::OCTAVES as i32) << scale
                );
                assert_eq!(of(1), V::LOWEST * (1 << scale));
            }
            assert_eq!(V::bucket::<0>(0), 0);
            assert_eq!(V::bucket::<0>(lowest), bucket_count::<V>(0) - V::OCTAVES);
            assert_eq!(V::bucket::<0>(u64::MAX), bucket_count::<V>(0) - 1);
            assert!(V::bucket::<8>(u64::MAX) < bucket_count::<V>(8));
        }
        ends::<u64>(2);
        ends::<Duration>(1);
    }

    #[test]
    fn conversions_clamp() {
        assert_eq!(Duration::MAX.to_units(), u64::MAX);
        for nanos in
            [u64::MAX, u64::MAX - 1, u64::MAX / NANOS * NANOS, u64::MAX / NANOS * NANOS - 1]
        {
            assert_eq!(Duration::from_nanos(nanos).to_units(), nanos);
        }
        let beyond = Duration::from_nanos(u64::MAX) + Duration::from_nanos(1);
        assert_eq!(beyond.to_units(), u64::MAX);
        assert_eq!(Duration::new(2, 3).to_units(), 2_000_000_003);
        assert_eq!(Duration::sum_from_units(u128::MAX), Duration::MAX);
        assert_eq!(Duration::sum_from_units(2_000_000_003), Duration::new(2, 3));
        for (units, wanted) in [(f64::NAN, 0), (-1.0, 0), (1.5, 2), (f64::INFINITY, u64::MAX)] {
            assert_eq!(Duration::real(units), Duration::from_nanos(wanted));
        }
        assert_eq!(u64::real(f64::NAN), 0.0);
        assert_eq!(u64::real(f64::INFINITY), f64::MAX);
    }
}
