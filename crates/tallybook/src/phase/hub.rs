//! [`Hub`]: the epoch and the shards of one registry.

use super::fence::FenceKind;
use super::list::List;
use super::shard::{Epoch, Shard};
use super::sync::AtomicU64;
use crossbeam_utils::CachePadded;
use std::panic::Location;
use std::sync::Arc;

/// What the writers and the closer of one registry share.
pub(crate) struct Hub {
    /// Never 0, and never used twice in a process.
    id: u64,
    /// Where the user's program made its registry.
    made_at: &'static Location<'static>,
    pub(super) epoch: Epoch,
    pub(super) fence: FenceKind,
    shards: List<Arc<Shard>>,
    /// The shards that no thread owns.
    free: List<Arc<Shard>>,
    /// How many facts were refused since the collector last asked.
    refused: Statistic,
    /// How many shards were created.
    created: Statistic,
}

/// Not loom's atomic: nothing is synchronised through it.
type Statistic = std::sync::atomic::AtomicU64;

impl Hub {
    #[track_caller]
    pub(crate) fn new(fence: FenceKind) -> Arc<Self> {
        // The caller may ask for `membarrier` where there is none. `best` registers and finds out.
        let fence = if fence == FenceKind::Membarrier { FenceKind::best() } else { fence };
        Arc::new(Hub {
            id: next_id(),
            made_at: Location::caller(),
            // Starts at 1, so that 0 can mean "never" in what is kept per epoch.
            epoch: CachePadded::new(AtomicU64::new(1)),
            fence,
            shards: List::new(),
            free: List::new(),
            refused: Statistic::new(0),
            created: Statistic::new(0),
        })
    }

    #[inline(always)]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    pub(crate) fn fence(&self) -> FenceKind {
        self.fence
    }

    /// Makes the calling thread the owner of a shard, until it passes it to `release`. The list's
    /// lock makes visible what the previous owner wrote.
    pub(super) fn claim(&self) -> Arc<Shard> {
        self.free.pop().unwrap_or_else(|| {
            // Relaxed: only the number counts.
            let number = self.created.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let shard = Arc::new(Shard::new(number));
            self.shards.push(shard.clone());
            shard
        })
    }

    /// Gives up the ownership. What the cells hold is drained with its epoch, whoever owns the
    /// shard by then.
    pub(super) fn release(&self, shard: Arc<Shard>) {
        self.free.push(shard);
    }

    /// Adds the shards that are missing in `known`. Shards are never removed.
    pub(super) fn list_shards(&self, known: &mut Vec<Arc<Shard>>) {
        self.shards.list(known);
    }

    /// Counts a fact that is not recorded.
    #[cold]
    pub(super) fn refuse(&self) {
        // Relaxed, here and below: a statistic.
        self.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// How many facts were refused since the last call.
    pub(crate) fn take_refused(&self) -> u64 {
        self.refused.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

/// A number that this process has not used yet; never 0.
pub(super) fn next_id() -> u64 {
    // Relaxed: only the number counts. Not loom's atomic, as it outlives the run of a model.
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}
