//! [`PerLabel`]: the same metric, or the same set, once for each variant of an enum.

use super::field::{Metric, Value};
use crate::row::{Drain, Flows, Row, RowExtrema, Span};
use crate::schema::Kind;
use std::fmt;
use std::ops::Index;

/// An enum without fields whose variants are the values of a label. Implemented by `#[derive(Label)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a label",
    label = "not a label",
    note = "a label is an enum without fields: write `#[derive(Clone, Copy, Label)]` for it"
)]
pub trait Label: Copy + Send + Sync + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// The label's values, one per variant, in the order of their declaration.
    const VALUES: &'static [&'static str];
    /// One `T` per variant.
    type Each<T>: AsRef<[T]> + AsMut<[T]>;

    /// Makes one `T` per variant, in the order of their declaration.
    fn each<T>(make: impl FnMut(usize) -> T) -> Self::Each<T>;
    /// The variant's place in [`VALUES`](Label::VALUES).
    fn index(self) -> usize;
}

/// One `T` for each variant of `L`: as a field of a set, one metric or nested set per variant; in a snapshot, their values.
///
/// Indexed by the variant, which costs a bounds check at most.
pub struct PerLabel<L: Label, T>(L::Each<T>);

impl<L: Label, T> Index<L> for PerLabel<L, T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, label: L) -> &T {
        &self.0.as_ref()[label.index()]
    }
}

impl<L: Label, T> PerLabel<L, T> {
    /// The label's values and what stands under each, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        L::VALUES.iter().copied().zip(self.0.as_ref())
    }

    fn zip<U, V>(&self, other: &PerLabel<L, U>, mut f: impl FnMut(&T, &U) -> V) -> PerLabel<L, V> {
        PerLabel(L::each(|i| f(&self.0.as_ref()[i], &other.0.as_ref()[i])))
    }
}

impl<L: Label, T: Clone> Clone for PerLabel<L, T> {
    fn clone(&self) -> Self {
        PerLabel(L::each(|i| self.0.as_ref()[i].clone()))
    }
}

impl<L: Label, T: Default> Default for PerLabel<L, T> {
    fn default() -> Self {
        PerLabel(L::each(|_| T::default()))
    }
}

impl<L: Label, T: PartialEq> PartialEq for PerLabel<L, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl<L: Label, T: fmt::Debug> fmt::Debug for PerLabel<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl<L: Label, T: serde::Serialize> serde::Serialize for PerLabel<L, T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<L: Label, M: Metric> Metric for PerLabel<L, M>
where
    L::Each<M>: Send,
    PerLabel<L, M::Value>: Value,
    PerLabel<L, M::Rates>: Value,
{
    type Value = PerLabel<L, M::Value>;
    type Rates = PerLabel<L, M::Rates>;
    const WORDS: usize = L::VALUES.len() * M::WORDS;
    const BUCKETS: usize = L::VALUES.len() * M::BUCKETS;
    const EXTREMA: usize = L::VALUES.len() * M::EXTREMA;
    const FLOWS: usize = L::VALUES.len() * M::FLOWS;
    const STAMPED: bool = M::STAMPED;

    fn at_rest() -> Self {
        PerLabel(L::each(|_| M::at_rest()))
    }
    fn merge(&self, into: &Self) {
        for (from, into) in self.0.as_ref().iter().zip(into.0.as_ref()) {
            from.merge(into);
        }
    }
    fn drain(&self, into: &mut Drain<'_>) {
        self.0.as_ref().iter().for_each(|each| each.drain(into));
    }
    fn fold(from: &[u64], into: &mut [u64], span: Span) {
        let words = M::WORDS.max(1);
        for (from, into) in from.chunks_exact(words).zip(into.chunks_exact_mut(words)) {
            M::fold(from, into, span);
        }
    }
    fn carry(from: &[u64], into: &mut [u64], span: Span) {
        let words = M::WORDS.max(1);
        for (from, into) in from.chunks_exact(words).zip(into.chunks_exact_mut(words)) {
            M::carry(from, into, span);
        }
    }
    fn read(row: &mut Row<'_>) -> Self::Value {
        PerLabel(L::each(|_| M::read(row)))
    }
    fn difference(later: &Self::Value, earlier: &Self::Value) -> Self::Value {
        later.zip(earlier, M::difference)
    }
    fn sum(one: &Self::Value, other: &Self::Value) -> Self::Value {
        one.zip(other, M::sum)
    }
    fn observe(value: &mut Self::Value, extrema: &mut RowExtrema<'_>) {
        value.0.as_mut().iter_mut().for_each(|each| M::observe(each, extrema));
    }
    fn flows(increase: &Self::Value, flows: &mut Vec<f64>) {
        increase.0.as_ref().iter().for_each(|each| M::flows(each, flows));
    }
    fn rates(flows: &mut Flows<'_>) -> Self::Rates {
        PerLabel(L::each(|_| M::rates(flows)))
    }
    fn kind() -> Kind {
        Kind::per_label(L::NAME, L::VALUES, M::kind())
    }
}
