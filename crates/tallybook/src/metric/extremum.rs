//! [`Max`] and [`Min`]: the extrema of one interval.

use super::field::{Metric, Sealed};
use crate::phase::Word;
use crate::row::{Drain, Extrema, Flows, Row, RowExtrema, Span};
use crate::schema::Kind;

macro_rules! extremum {
    ($(#[$doc:meta])* $metric:ident, $pick:path, $of:ident) => {
        $(#[$doc])*
        pub struct $metric {
            seen: Word,
            value: Word,
        }

        impl $metric {
            /// Takes `value` into account.
            #[inline]
            pub fn observe(&self, value: u64) {
                let value = if self.seen.get() == 0 { value } else { $pick(value, self.value.get()) };
                self.value.set(value);
                self.seen.set(1);
            }
        }

        impl Sealed for $metric {}

        /// A row is `[epoch + 1, value]`. The epoch of the last write says whether the value still
        /// belongs to the interval, so nothing has to be reset in an idle one.
        impl Metric for $metric {
            type Value = Option<u64>;
            type Rates = ();
            const WORDS: usize = 2;
            const EXTREMA: usize = 1;
            const STAMPED: bool = false;

            fn at_rest() -> Self {
                $metric { seen: Word::new(0), value: Word::new(0) }
            }
            fn merge(&self, into: &Self) {
                if self.seen.take() != 0 {
                    into.observe(self.value.get());
                }
            }
            fn drain(&self, into: &mut Drain<'_>) {
                let (span, words) = (into.span(), into.take(2));
                let seen = self.seen.take() != 0;
                if seen {
                    Self::fold(&[span.last + 1, self.value.get()], words, span);
                }
                into.take_extrema(seen.then(|| Extrema::of(self.value.get(), self.value.get())));
            }
            fn fold(from: &[u64], into: &mut [u64], span: Span) {
                if from[0] <= span.first {
                    return;
                }
                let value = if into[0] <= span.first { from[1] } else { $pick(from[1], into[1]) };
                into[0] = from[0].max(into[0]);
                into[1] = value;
            }
            fn read(row: &mut Row<'_>) -> Option<u64> {
                let [written, value] = row.take();
                (written > row.span().first).then_some(value)
            }
            fn difference(later: &Option<u64>, _: &Option<u64>) -> Option<u64> {
                *later
            }
            fn sum(one: &Option<u64>, other: &Option<u64>) -> Option<u64> {
                match (*one, *other) {
                    (Some(one), Some(other)) => Some($pick(one, other)),
                    (one, other) => one.or(other),
                }
            }
            fn observe(value: &mut Option<u64>, extrema: &mut RowExtrema<'_>) {
                *value = extrema.take().map(Extrema::$of);
            }
            fn rates(_: &mut Flows<'_>) {}
            fn kind() -> Kind {
                Kind::$metric
            }
        }
    };
}

extremum!(
    /// The largest value of the interval. Read as an `Option`, which is `None` if nothing was
    /// observed in the interval.
    Max,
    u64::max,
    max
);
extremum!(
    /// The smallest value of the interval. Read as an `Option`, which is `None` if nothing was
    /// observed in the interval.
    Min,
    u64::min,
    min
);
