//! [`PerLabel`]: one value for each variant of a label.

use super::field::{Metric, Sealed, Value};
use super::label::Label;
use crate::row::{Drain, Flows, Row, RowExtrema, Span};
use crate::schema::Kind;
use std::fmt;
use std::iter::{Copied, Zip};
use std::ops::Index;
use std::slice::Iter;

/// One `T` for each variant of `L`: as a field of a set, one metric or nested set per variant; in
/// a snapshot, their values.
///
/// Indexed by the variant, which costs a bounds check at most.
///
/// The third parameter says where the values are: [`Inline`], as in a set and its snapshot, or
/// [`Boxed`], as in [`ByKind`](crate::event::ByKind).
///
/// ```
/// use tallybook::{Counter, Label, PerLabel, Registry, Stats};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Label)]
/// enum Direction {
///     Received,
///     Sent,
/// }
///
/// #[derive(Stats)]
/// struct Link {
///     messages: PerLabel<Direction, Counter>,
/// }
///
/// let registry = Registry::new();
/// let link = registry.set::<Link>("link")?;
/// link.record(|l| l.messages[Direction::Sent].inc());
///
/// let messages = registry.collector()?.tick().set(&link).messages;
/// assert_eq!(messages[Direction::Sent], 1);
/// for (direction, count) in &messages {
///     println!("{}: {count}", direction.value()); // received: 0, sent: 1
/// }
/// let busiest = messages.iter().max_by_key(|(_, count)| **count).map(|(direction, _)| direction);
/// assert_eq!(busiest, Some(Direction::Sent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PerLabel<L: Label, T, P: Placement = Inline>(P::Of<L, T>);

/// Where a [`PerLabel`] has its values: [`Inline`] or [`Boxed`].
pub trait Placement: placement::Sealed {
    /// The values.
    #[doc(hidden)]
    type Of<L: Label, T>: AsRef<[T]> + AsMut<[T]>;
    /// Makes one value per variant, in the order of their declaration.
    #[doc(hidden)]
    fn each<L: Label, T>(make: impl FnMut(usize) -> T) -> Self::Of<L, T>;
}

/// The values of a [`PerLabel`] lie in it, as in an array.
#[derive(Debug)]
pub enum Inline {}

/// The values of a [`PerLabel`] lie on the heap. So it is `Send` and `Sync` where they are, for
/// any label.
#[derive(Debug)]
pub enum Boxed {}

impl Placement for Inline {
    type Of<L: Label, T> = L::Each<T>;
    fn each<L: Label, T>(make: impl FnMut(usize) -> T) -> L::Each<T> {
        L::each(make)
    }
}

impl Placement for Boxed {
    type Of<L: Label, T> = Box<[T]>;
    fn each<L: Label, T>(make: impl FnMut(usize) -> T) -> Box<[T]> {
        (0..L::VALUES.len()).map(make).collect()
    }
}

mod placement {
    /// Seals [`Placement`](super::Placement).
    pub trait Sealed {}
    impl Sealed for super::Inline {}
    impl Sealed for super::Boxed {}
}

impl<L: Label, T, P: Placement> PerLabel<L, T, P> {
    pub(crate) fn each(make: impl FnMut(usize) -> T) -> Self {
        PerLabel(P::each::<L, T>(make))
    }

    /// The values in the order of the variants' declaration.
    #[inline(always)]
    pub(crate) fn all(&self) -> &[T] {
        self.0.as_ref()
    }

    /// The variants and their values, in the order of declaration. [`Label::value`] is a
    /// variant's name.
    pub fn iter(&self) -> Zip<Copied<Iter<'static, L>>, Iter<'_, T>> {
        L::ALL.iter().copied().zip(self.all())
    }

    fn zip<U, V>(
        &self,
        other: &PerLabel<L, U, P>,
        mut f: impl FnMut(&T, &U) -> V,
    ) -> PerLabel<L, V, P> {
        PerLabel::each(|i| f(&self.all()[i], &other.all()[i]))
    }
}

impl<L: Label, T, P: Placement> Index<L> for PerLabel<L, T, P> {
    type Output = T;

    #[inline(always)]
    fn index(&self, label: L) -> &T {
        &self.all()[label.index()]
    }
}

impl<'a, L: Label, T, P: Placement> IntoIterator for &'a PerLabel<L, T, P> {
    type Item = (L, &'a T);
    type IntoIter = Zip<Copied<Iter<'static, L>>, Iter<'a, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<L: Label, T: Clone, P: Placement> Clone for PerLabel<L, T, P> {
    fn clone(&self) -> Self {
        PerLabel::each(|i| self.all()[i].clone())
    }
}

impl<L: Label, T: Default, P: Placement> Default for PerLabel<L, T, P> {
    fn default() -> Self {
        PerLabel::each(|_| T::default())
    }
}

impl<L: Label, T: PartialEq, P: Placement> PartialEq for PerLabel<L, T, P> {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

impl<L: Label, T: fmt::Debug, P: Placement> fmt::Debug for PerLabel<L, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(L::VALUES.iter().zip(self.all())).finish()
    }
}

#[cfg(feature = "serde")]
impl<L: Label, T: serde::Serialize, P: Placement> serde::Serialize for PerLabel<L, T, P> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(L::VALUES.iter().zip(self.all()))
    }
}

impl<L: Label, M: Metric, P: Placement> Sealed for PerLabel<L, M, P> {}

impl<L: Label, M: Metric, P: Placement + 'static> Metric for PerLabel<L, M, P>
where
    PerLabel<L, M, P>: Send,
    PerLabel<L, M::Value, P>: Value,
    PerLabel<L, M::Rates, P>: Value,
{
    type Value = PerLabel<L, M::Value, P>;
    type Rates = PerLabel<L, M::Rates, P>;
    const WORDS: usize = L::VALUES.len() * M::WORDS;
    const BUCKETS: usize = L::VALUES.len() * M::BUCKETS;
    const EXTREMA: usize = L::VALUES.len() * M::EXTREMA;
    const FLOWS: usize = L::VALUES.len() * M::FLOWS;
    const STAMPED: bool = M::STAMPED;

    fn at_rest() -> Self {
        PerLabel::each(|_| M::at_rest())
    }
    fn merge(&self, into: &Self) {
        self.all().iter().zip(into.all()).for_each(|(from, into)| from.merge(into));
    }
    fn drain(&self, into: &mut Drain<'_>) {
        self.all().iter().for_each(|each| each.drain(into));
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
        PerLabel::each(|_| M::read(row))
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
        increase.all().iter().for_each(|each| M::flows(each, flows));
    }
    fn rates(flows: &mut Flows<'_>) -> Self::Rates {
        PerLabel::each(|_| M::rates(flows))
    }
    fn kind() -> Kind {
        Kind::per_label(L::NAME, L::VALUES, M::kind())
    }
}
