//! The account of events: what became of those that were sent.

use crate::metric::{Counter, Label, Metric, Stats};
use crate::row::{Drain, Flows, Row, Span};
use crate::schema::{Field, Group, Kind};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;

/// What became of the events of one kind: in every snapshot `sent == applied + coalesced + dropped + lost`, for nothing is
/// queued at a cut.
#[derive(tallybook_derive::Stats)]
pub struct EventStats {
    /// Events sent.
    pub sent: Counter,
    /// Events that the reducer took. One that others were merged into counts once.
    pub applied: Counter,
    /// Events that were merged into another, because there was no room.
    pub coalesced: Counter,
    /// Events dropped, because there was no room or the actor was closed.
    pub dropped: Counter,
    /// Events that reached no reducer, because it had panicked, or a method of the event or its key did.
    pub lost: Counter,
}

/// Something for each kind of event.
pub struct ByKind<K, T> {
    all: Box<[T]>,
    kinds: PhantomData<fn() -> K>,
}

impl<K: Label, T> ByKind<K, T> {
    fn each(make: impl FnMut(usize) -> T) -> Self {
        ByKind { all: (0..K::VALUES.len()).map(make).collect(), kinds: PhantomData }
    }

    /// In the order of the kinds.
    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }

    /// The kinds' names and what stands under each, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        K::VALUES.iter().copied().zip(&self.all)
    }
}

impl<K: Label, T> Index<K> for ByKind<K, T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, kind: K) -> &T {
        &self.all[kind.index()]
    }
}

impl<K, T: Clone> Clone for ByKind<K, T> {
    fn clone(&self) -> Self {
        ByKind { all: self.all.clone(), kinds: PhantomData }
    }
}

impl<K: Label, T: Default> Default for ByKind<K, T> {
    fn default() -> Self {
        ByKind::each(|_| T::default())
    }
}

impl<K, T: PartialEq> PartialEq for ByKind<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl<K: Label, T: fmt::Debug> fmt::Debug for ByKind<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl<K: Label, T: serde::Serialize> serde::Serialize for ByKind<K, T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

/// The cells of an account.
pub(crate) struct Account<K>(pub(crate) ByKind<K, EventStats>);

impl<K: Label> Metric for Account<K> {
    type Value = ByKind<K, EventStatsSnapshot>;
    type Rates = ByKind<K, EventStatsRates>;
    const WORDS: usize = K::VALUES.len() * EventStats::WORDS;
    const FLOWS: usize = K::VALUES.len() * EventStats::FLOWS;
    const STAMPED: bool = false;

    fn at_rest() -> Self {
        Account(ByKind::each(|_| EventStats::at_rest()))
    }
    fn merge(&self, into: &Self) {
        self.0.all.iter().zip(&into.0.all).for_each(|(from, into)| from.merge(into));
    }
    fn drain(&self, into: &mut Drain<'_>) {
        self.0.all.iter().for_each(|each| each.drain(into));
    }
    fn fold(from: &[u64], into: &mut [u64], _: Span) {
        from.iter().zip(into).for_each(|(from, into)| *into = into.wrapping_add(*from));
    }
    fn read(row: &mut Row<'_>) -> Self::Value {
        ByKind::each(|_| EventStats::read(row))
    }
    fn difference(later: &Self::Value, earlier: &Self::Value) -> Self::Value {
        ByKind::each(|i| EventStats::difference(&later.all[i], &earlier.all[i]))
    }
    fn sum(one: &Self::Value, other: &Self::Value) -> Self::Value {
        ByKind::each(|i| EventStats::sum(&one.all[i], &other.all[i]))
    }
    fn flows(increase: &Self::Value, flows: &mut Vec<f64>) {
        increase.all.iter().for_each(|each| EventStats::flows(each, flows));
    }
    fn rates(flows: &mut Flows<'_>) -> Self::Rates {
        ByKind::each(|_| EventStats::rates(flows))
    }
    fn kind() -> Kind {
        Kind::per_label(K::NAME, K::VALUES, EventStats::kind())
    }
}

impl<K: Label> Stats for Account<K> {
    fn group() -> Group {
        let help = "What became of the events that were sent.";
        Group::new(help, vec![Field::new("events", help, None, Self::kind())])
    }
}
