//! [`Entry`]: the handle to one entry of a family.

use super::key::Key;
use super::keyed::Keyed;
use super::open::{Open, OpenLabel};
use super::recorder::{Record, sealed};
use super::select::Labelled;
use super::shared::Shared;
use super::timer::{Timer, TimerLabel};
use crate::event::Counted;
use crate::metric::{LabelledField, Openable, Stats, Timed};
use crate::phase::{record_entry, release_entry, touch_entry};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A handle to one entry of a family, `Send` and `Sync`. The entry is in snapshots while it is
/// held.
///
/// Cloning or dropping a handle is a read-modify-write on a counter that all holders of the entry
/// share; recording is not. An entry counts its holders in 32 bits: one that had four billion at
/// once, leaked ones included, never retires.
pub struct Entry<K: Key, S: Stats> {
    held: Option<Held<K, S>>,
}

struct Held<K, S> {
    shared: Arc<Shared<K, S>>,
    entry: Arc<Keyed<K, S>>,
    home: u32,
}

impl<K: Key, S: Stats> Entry<K, S> {
    /// The handle of a disabled registry.
    pub(super) fn nowhere() -> Self {
        Entry { held: None }
    }

    /// A handle, for a holder that the entry has already counted.
    pub(super) fn new(shared: Arc<Shared<K, S>>, entry: Arc<Keyed<K, S>>, is_new: bool) -> Self {
        // Spreads the entries over the cache lines.
        let home = entry.meta.serial as u32;
        let handle = Entry { held: Some(Held { shared, entry, home }) };
        if let (true, Some(held)) = (is_new, &handle.held) {
            // So that the next snapshot shows the entry, with zeros, even if nothing is recorded.
            touch_entry(&held.shared.place, &held.entry, home);
        }
        handle
    }

    /// The key; `None` in a disabled registry, which keeps no keys.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.held.as_ref().map(|held| &held.entry.meta.key)
    }

    /// Records one fact on this entry. See [`Set::record`](crate::Set::record).
    ///
    /// Recording never waits for another thread. It takes locks and allocates only for a thread's
    /// first fact in this family, and when threads that lost their core delay a merge; and for
    /// histograms, as on a set.
    #[inline(always)]
    pub fn record(&self, fact: impl FnOnce(&S)) {
        if let Some(held) = &self.held {
            record_entry(&held.shared.place, &held.entry, held.home, fact);
        }
    }

    /// Counts an event on this entry, as one fact. See [`Set::count`](crate::Set::count).
    #[inline(always)]
    pub fn count(&self, event: &impl Counted<Stats = S>) {
        self.record(|stats| event.count(stats));
    }

    /// Counts an opening now, and its closing when the guard is dropped. The guard holds the entry.
    /// See [`Set::open`](crate::Set::open).
    #[inline]
    pub fn open<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<Self, F, L> {
        Open::new(self.clone(), field)
    }

    /// Like [`open`](Entry::open), with a guard that borrows the handle, which saves the shared
    /// reference counts.
    #[inline]
    pub fn open_borrowed<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<&Self, F, L> {
        Open::new(self, field)
    }

    /// Like [`open`](Entry::open), for a field under a value of a label. See
    /// [`Set::open_label`](crate::Set::open_label).
    #[inline]
    pub fn open_label<L: Copy, M: Openable>(
        &self,
        field: LabelledField<S, L, M>,
        label: L,
    ) -> OpenLabel<Self, L, M> {
        Open::new(self.clone(), Labelled::new(field, label))
    }

    /// Like [`open_label`](Entry::open_label), with a guard that borrows the handle.
    #[inline]
    pub fn open_label_borrowed<L: Copy, M: Openable>(
        &self,
        field: LabelledField<S, L, M>,
        label: L,
    ) -> OpenLabel<&Self, L, M> {
        Open::new(self, Labelled::new(field, label))
    }

    /// Starts a timer, which records the duration up to its end. The timer holds the entry. See
    /// [`Set::timer`](crate::Set::timer).
    #[inline]
    pub fn timer<H: Timed, F: Fn(&S) -> &H>(&self, field: F) -> Timer<Self, F, H> {
        Timer::new(self.clone(), field)
    }

    /// Like [`timer`](Entry::timer), with a timer that borrows the handle.
    #[inline]
    pub fn timer_borrowed<H: Timed, F: Fn(&S) -> &H>(&self, field: F) -> Timer<&Self, F, H> {
        Timer::new(self, field)
    }

    /// Like [`timer`](Entry::timer), for a histogram under a value of a label. See
    /// [`Set::timer_label`](crate::Set::timer_label).
    #[inline]
    pub fn timer_label<L: Copy, H: Timed>(
        &self,
        field: LabelledField<S, L, H>,
        label: L,
    ) -> TimerLabel<Self, L, H> {
        Timer::new(self.clone(), Labelled::new(field, label))
    }

    /// Like [`timer_label`](Entry::timer_label), with a timer that borrows the handle.
    #[inline]
    pub fn timer_label_borrowed<L: Copy, H: Timed>(
        &self,
        field: LabelledField<S, L, H>,
        label: L,
    ) -> TimerLabel<&Self, L, H> {
        Timer::new(self, Labelled::new(field, label))
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
    fn record(&self, fact: impl FnOnce(&S)) {
        Entry::record(self, fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        self.held.as_ref().map_or(Duration::ZERO, |held| held.shared.place.now())
    }
}
