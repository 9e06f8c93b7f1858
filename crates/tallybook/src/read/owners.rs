//! [`Owners`]: the entries of rows, and [`Changed`]: the rows that changed. Snapshots of a family
//! share both with the collector.

use crate::record::Keyed;
use crate::support::user::Owned;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Entries to a page. Their counts are touched when a page is copied, which only new and retiring
/// entries cause.
pub(crate) const OWNERS: usize = 64;

/// A page of entries.
pub(crate) struct Owners<K, S> {
    pub(crate) entries: [Option<Arc<Keyed<K, S>>>; OWNERS],
}

impl<K, S> Clone for Owners<K, S> {
    fn clone(&self) -> Self {
        Owners { entries: self.entries.clone() }
    }
}

// One by one: a key whose drop panics keeps none of the others.
impl<K, S> Drop for Owners<K, S> {
    fn drop(&mut self) {
        self.entries.iter_mut().filter_map(Option::take).for_each(|entry| drop(Owned::new(entry)));
    }
}

impl<K, S> Owners<K, S> {
    pub(crate) fn new() -> Self {
        Owners { entries: [const { None }; OWNERS] }
    }

    /// The entry of a row, if it is one of this page's.
    pub(crate) fn of(&self, row: usize) -> Option<&Arc<Keyed<K, S>>> {
        self.entries[row % OWNERS].as_ref()
    }
}

/// The rows that changed in an interval, counted as long as a snapshot has them.
pub(crate) struct Changed {
    rows: Box<[u32]>,
    alive: Arc<AtomicUsize>,
}

impl Changed {
    pub(crate) fn new(rows: Vec<u32>, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(rows.len(), Relaxed);
        Changed { rows: rows.into(), alive: alive.clone() }
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.rows.len(), Relaxed);
    }
}

impl Deref for Changed {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.rows
    }
}
