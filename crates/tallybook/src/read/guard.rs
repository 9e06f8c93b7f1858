//! [`SnapshotGuard`]: the latest snapshot, borrowed.

use super::snapshot::Snapshot;
use arc_swap::Guard;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The latest snapshot when it was loaded; made by [`Reader::load`](crate::Reader::load). The
/// snapshot does not change, and lives at least as long as its guard.
///
/// A guard is for a short look. A thread has eight places for guards, shared by all registries: as
/// long as one is free, loading and dropping a guard writes no memory that other threads write.
/// Without a free one, and where a newer snapshot was published meanwhile, it costs as much as an
/// `Arc`. To keep a snapshot, or to hold it across an `.await`, take
/// [`Reader::latest`](crate::Reader::latest) or [`into_arc`](Self::into_arc).
#[must_use = "a guard that is dropped at once shows nothing"]
pub struct SnapshotGuard(Guard<Arc<Snapshot>>);

impl SnapshotGuard {
    pub(super) fn new(guard: Guard<Arc<Snapshot>>) -> Self {
        SnapshotGuard(guard)
    }

    /// The snapshot, to be kept.
    ///
    /// An associated function, so that it hides no method of the snapshot.
    #[must_use]
    pub fn into_arc(guard: Self) -> Arc<Snapshot> {
        Guard::into_inner(guard.0)
    }
}

impl Deref for SnapshotGuard {
    type Target = Snapshot;
    #[inline]
    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl fmt::Debug for SnapshotGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SnapshotGuard").field(&**self).finish()
    }
}
