//! [`Entry`]: the handle to one entry of a family.

use super::key::Key;
use super::keyed::Keyed;
use super::open::Open;
use super::recorder::{Record, sealed};
use super::shared::Shared;
use crate::event::Counted;
use crate::metric::{Openable, Stats};
use crate::phase::{record_entry, release_entry, touch_entry};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A handle to one entry of a family. `Send` and `Sync`; as long as it is held, what is recorded through it appears in
/// snapshots. Cloning or dropping it is a read-modify-write on a counter that all holders of the entry share; recording
/// is not. As an entry counts its holders in 32 bits, one that has four billion at once, forgotten ones included, is held
/// for ever.
pub struct Entry<K: Key, S: Stats> {
    held: Option<Held<K, S>>,
}

struct Held<K, S> {
    shared: Arc<Shared<K, S>>,
    entry: Arc<Keyed<K, S>>,
    home: u32,
}

impl<K: Key, S: Stats> Entry<K, S> {
    /// That of a disabled registry.
    pub(super) fn nowhere() -> Self {
        Entry { held: None }
    }

    /// The handle of one holder of the entry.
    pub(super) fn new(shared: Arc<Shared<K, S>>, entry: Arc<Keyed<K, S>>, is_new: bool) -> Self {
        // Spreads the entries over the cache lines.
        let home = entry.meta.serial as u32;
        let handle = Entry { held: Some(Held { shared, entry, home }) };
        if let (true, Some(held)) = (is_new, &handle.held) {
            // So that the next snapshot shows it, with zeros, even if nothing else happens.
            touch_entry(&held.shared.place, &held.entry, home);
        }
        handle
    }

    /// The key; `None` in a disabled registry, which keeps none.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.held.as_ref().map(|held| &held.entry.meta.key)
    }

    /// Records one fact on this entry. See [`Set::record`](crate::Set::record), which is the same for a set.
    ///
    /// Never waits for another thread, and takes locks and allocates only on a thread's first fact in this family, or where
    /// many threads without a core hold up what is to be merged; see there for histograms.
    #[inline(always)]
    pub fn record(&self, fact: impl FnOnce(&S)) {
        if let Some(held) = &self.held {
            record_entry(&held.shared.place, &held.entry, held.home, fact);
        }
    }

    /// Counts an event on this entry, as one fact. See [`Set::count`](crate::Set::count), which is the same for a set.
    #[inline(always)]
    pub fn count(&self, event: &impl Counted<Stats = S>) {
        self.record(|stats| event.count(stats));
    }

    /// Counts an opening now, and its closing when the guard drops. The guard holds the entry.
    /// See [`Set::open`](crate::Set::open).
    #[inline]
    pub fn open<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<Self, F, L> {
        Open::new(self.clone(), field)
    }

    /// Like [`open`](Entry::open), with a guard that borrows the handle: it saves the shared reference counts.
    #[inline]
    pub fn open_borrowed<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<&Self, F, L> {
        Open::new(self, field)
    }
}

impl<K: Key, S: Stats> Clone for Entry<K, S> {
    fn clone(&self) -> Self {
        let clone = |held: &Held<K, S>| {
            let more = held.entry.hold();
            debug_assert!(more, "an entry does not retire while it is held");
            Held { shared: held.shared.clone(), entry: held.entry.clone(), home: held.home }
        };
        Entry { held: self.held.as_ref().map(clone) }
    }
}

impl<K: Key, S: Stats> Drop for Entry<K, S> {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            release_entry(&held.shared.place, &held.entry, held.home);
        }
    }
}

impl<K: Key + fmt::Debug, S: Stats> fmt::Debug for Entry<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key()).finish_non_exhaustive()
    }
}

impl<K: Key, S: Stats> sealed::Sealed for Entry<K, S> {}

impl<K: Key, S: Stats> Record for Entry<K, S> {
    type Stats = S;
    #[inline(always)]
    fn record_fact(&self, fact: impl FnOnce(&S)) {
        self.record(fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        self.held.as_ref().map_or(Duration::ZERO, |held| held.shared.place.now())
    }
}
