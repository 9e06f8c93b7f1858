//! Sums: [`Counter`], which only grows, and [`UpDownCounter`], which goes both ways.

use super::field::{Metric, Sealed};
use crate::phase::Word;
use crate::row::{Drain, Flows, Row, Span};
use crate::schema::Kind;

/// A number that only grows. Read as `u64`.
///
/// If the later of two values is smaller, the counter was reset in between (by another run of the
/// program, say), and their difference is the later value.
pub struct Counter(Word);

impl Counter {
    /// Adds `n`. The total wraps at 2^64.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        self.0.add(n);
    }

    /// Adds 1.
    #[inline(always)]
    pub fn inc(&self) {
        self.0.add(1);
    }
}

/// A signed sum, to which any thread adds. Read as `i64`.
///
/// For what opens and closes use [`Live`](crate::Live), which also counts both.
pub struct UpDownCounter(Word);

impl UpDownCounter {
    /// Adds `n`, which may be negative. The sum wraps at the ends of `i64`.
    #[inline(always)]
    pub fn add(&self, n: i64) {
        self.0.add(n as u64);
    }
}

macro_rules! sum_metric {
    ($metric:ident, $value:ty, $words:expr, $difference:path, $kind:expr) => {
        impl Sealed for $metric {}

        impl Metric for $metric {
            type Value = $value;
            type Rates = f64;
            const WORDS: usize = $words;
            const FLOWS: usize = 1;
            const STAMPED: bool = false;

            fn at_rest() -> Self {
                $metric(Word::new(0))
            }
            fn merge(&self, into: &Self) {
                let n = self.0.take();
                if n != 0 {
                    into.0.add(n);
                }
            }
            fn drain(&self, into: &mut Drain<'_>) {
                let into = into.take(1);
                into[0] = into[0].wrapping_add(self.0.take());
            }
            fn fold(from: &[u64], into: &mut [u64], _: Span) {
                into[0] = into[0].wrapping_add(from[0]);
            }
            fn read(row: &mut Row<'_>) -> $value {
                let [sum] = row.take();
                sum as $value
            }
            fn difference(later: &$value, earlier: &$value) -> $value {
                $difference(*later, *earlier)
            }
            fn sum(one: &$value, other: &$value) -> $value {
                one.wrapping_add(*other)
            }
            fn flows(increase: &$value, flows: &mut Vec<f64>) {
                flows.push(*increase as f64);
            }
            fn rates(flows: &mut Flows<'_>) -> f64 {
                flows.take()
            }
            fn kind() -> Kind {
                $kind
            }
        }
    };
}

sum_metric!(Counter, u64, 1, increase, Kind::Counter);
sum_metric!(UpDownCounter, i64, 1, i64::wrapping_sub, Kind::UpDownCounter);

/// The increase of a number that only grows. One that is smaller than before was reset to zero.
fn increase(later: u64, earlier: u64) -> u64 {
    later.checked_sub(earlier).unwrap_or(later)
}
