//! [`Gauge`]: the last value set.
//!
//! Of two values the last is that of the later epoch and, within an epoch, that of the later fact.
//! All gauges that one fact sets carry one time stamp, read from a clock that never runs backwards
//! between threads, so the gauges of a fact win or lose together: no snapshot mixes two facts.
//! Within a fact, values are ordered by a number that grows from call to call, whatever cells they
//! were written to. A shared cell could not promise that, and a shared sequence number would be a
//! read-modify-write on a line that all threads write.

use super::field::{Metric, Sealed, Value};
use crate::phase::{self, Stamp, Word};
use crate::row::{Drain, Flows, Row, Span};
use crate::schema::{Kind, Number};
use std::fmt::Debug;
use std::marker::PhantomData;

/// The last value set, an `i64` or (as `Gauge<f64>`) an `f64`. Read as an `Option`, which is `None`
/// until the gauge is set.
///
/// Setting gauges reads the clock once per fact. A gauge has no total over the entries of a family:
/// it reads as `None` there.
pub struct Gauge<T = i64> {
    /// The fact's stamp, or 0.
    fact: Word,
    /// The call's stamp.
    call: Word,
    bits: Word,
    number: PhantomData<fn() -> T>,
}

impl<T: GaugeNumber> Gauge<T> {
    /// Sets the value. Within a fact the last call wins; between facts, the later in the order of
    /// the cuts.
    #[inline]
    pub fn set(&self, value: T) {
        let Stamp { fact, call } = phase::stamp(self);
        self.fact.set(fact);
        self.call.set(call);
        self.bits.set(value.to_bits());
    }

    fn stamp(&self) -> Stamp {
        Stamp { fact: self.fact.get(), call: self.call.get() }
    }
}

/// The number types that a [`Gauge`] can hold: `i64` and `f64`.
#[diagnostic::on_unimplemented(
    message = "a gauge cannot hold `{Self}`",
    label = "not a number that a gauge can hold",
    note = "write `Gauge` for an `i64`, `Gauge<f64>` for an `f64`"
)]
pub trait GaugeNumber: Copy + Debug + PartialEq + Value {
    #[doc(hidden)]
    const NUMBER: Number;
    #[doc(hidden)]
    fn to_bits(self) -> u64;
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;
}

impl GaugeNumber for i64 {
    const NUMBER: Number = Number::Integer;
    fn to_bits(self) -> u64 {
        self as u64
    }
    fn from_bits(bits: u64) -> Self {
        bits as i64
    }
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

impl GaugeNumber for f64 {
    const NUMBER: Number = Number::Float;
    fn to_bits(self) -> u64 {
        self.to_bits()
    }
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl<T: GaugeNumber> Sealed for Gauge<T> {}

/// A row is `[epoch, the fact's stamp, the call's stamp, bits]`. The stamp of a gauge that was
/// never set is 0.
impl<T: GaugeNumber> Metric for Gauge<T> {
    type Value = Option<T>;
    type Rates = ();
    const WORDS: usize = 4;
    const STAMPED: bool = true;

    fn at_rest() -> Self {
        let [fact, call, bits] = [(); 3].map(|()| Word::new(0));
        Gauge { fact, call, bits, number: PhantomData }
    }
    fn merge(&self, into: &Self) {
        let stamp = self.stamp();
        if self.fact.take() != 0 && stamp >= into.stamp() {
            into.fact.set(stamp.fact);
            into.call.set(stamp.call);
            into.bits.set(self.bits.get());
        }
    }
    fn drain(&self, into: &mut Drain<'_>) {
        let span = into.span();
        let row = [span.last, self.fact.take(), self.call.get(), self.bits.get()];
        Self::fold(&row, into.take(4), span);
    }
    fn fold(from: &[u64], into: &mut [u64], _: Span) {
        if from[1] != 0 && from[..3] >= into[..3] {
            into.copy_from_slice(from);
        }
    }
    fn carry(_: &[u64], _: &mut [u64], _: Span) {}
    fn read(row: &mut Row<'_>) -> Option<T> {
        let [_, fact, _, bits] = row.take();
        (fact != 0).then(|| T::from_bits(bits))
    }
    fn difference(later: &Option<T>, _: &Option<T>) -> Option<T> {
        *later
    }
    fn sum(one: &Option<T>, other: &Option<T>) -> Option<T> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.plus(*other)),
            (one, other) => one.or(*other),
        }
    }
    fn rates(_: &mut Flows<'_>) {}
    fn kind() -> Kind {
        Kind::Gauge(T::NUMBER)
    }
}
