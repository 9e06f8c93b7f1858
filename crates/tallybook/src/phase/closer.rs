//! [`Closer`]: closes epochs and drains them.

use super::hub::Hub;
#[cfg(all(test, tallybook_loom))]
use super::patience::Patience;
use super::shard::{PlacedBlock, Shard, side_of};
use super::sync::Ordering;
use crate::support::user;
use std::any::Any;
use std::sync::Arc;

/// Closes the epochs of a hub. There is at most one per hub at a time.
pub(crate) struct Closer {
    hub: Arc<Hub>,
    shards: Vec<Arc<Shard>>,
    /// The last observation of each shard.
    seen: Vec<Seen>,
    pending: Option<Pending>,
    /// How many times a writer was found inside a fact since `take_waits`.
    waits: u64,
    /// How many threads can run in parallel.
    cores: usize,
}

#[derive(Clone, Default)]
struct Seen {
    /// The sequence when the last two epochs were drained: the last even epoch's, then the last odd
    /// epoch's.
    seq: [u64; 2],
    blocks: Vec<PlacedBlock>,
}

/// An epoch that is no longer open, but that writers may still be inside.
struct Pending {
    epoch: u64,
    /// The shards whose owners were inside a fact when the next epoch opened and still are, with
    /// the odd sequence of that fact. All others are quiet: a fact that begins after the heavy
    /// fence sees the new epoch.
    inside: Vec<(usize, u64)>,
    /// How many active threads there are per core, at least 1. A thread is active if it has
    /// recorded since the last epoch was drained, or is inside a fact.
    crowd: u32,
}

/// An epoch cannot be drained yet, because writers are inside facts of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) epoch: u64,
    /// How many threads compete for each core; see [`Patience`](super::Patience).
    pub(crate) crowd: u32,
}

impl Closer {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Closer { hub, shards: Vec::new(), seen: Vec::new(), pending: None, waits: 0, cores }
    }

    /// Closes the open epoch, or continues to close the pending one, and returns its number. Every
    /// fact of the epoch has ended: its sides are quiet until the next call.
    ///
    /// Does not wait.
    ///
    /// # Errors
    /// If a writer is inside a fact of the epoch. Nothing of the epoch may be read, and the next
    /// call continues to close it.
    pub(crate) fn close(&mut self) -> Result<u64, Stuck> {
        let mut pending = self.pending.take().unwrap_or_else(|| self.open_next());
        let shards = &self.shards;
        pending.inside.retain(|(shard, odd)| shards[*shard].seq() == *odd);
        let (epoch, crowd) = (pending.epoch, pending.crowd);
        if pending.inside.is_empty() {
            return Ok(epoch);
        }
        self.pending = Some(pending);
        Err(Stuck { epoch, crowd })
    }

    /// As [`close`](Self::close), and waits for writers until the patience is over.
    ///
    /// # Errors
    /// As [`close`](Self::close).
    #[cfg(all(test, tallybook_loom))]
    pub(crate) fn close_within(&mut self, patience: &mut Patience) -> Result<u64, Stuck> {
        loop {
            match self.close() {
                Err(stuck) if patience.wait(stuck.crowd) => {}
                result => return result,
            }
        }
    }

    /// Opens the next epoch. From then on each writer sees it, or is seen inside a fact.
    fn open_next(&mut self) -> Pending {
        // Relaxed: only the closer writes it.
        let epoch = self.hub.epoch.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `Shard::try_enter`. The next epoch's sides are those
        // that were drained last; their next user must see them empty.
        self.hub.epoch.store(epoch + 1, Ordering::Release);
        self.hub.fence.heavy();
        // After the store: the owner of a shard that is not in the list yet will take the list's
        // lock after this, and will therefore see the new epoch.
        self.hub.list_shards(&mut self.shards);
        self.seen.resize(self.shards.len(), Seen::default());
        let mut inside = Vec::new();
        let mut active = 0;
        // All at once: a writer that is outside now is never inside a fact of this epoch again,
        // whatever it does in the meantime.
        for (index, (shard, seen)) in self.shards.iter().zip(&self.seen).enumerate() {
            let seq = shard.seq();
            let is_inside = seq & 1 == 1;
            if is_inside {
                inside.push((index, seq));
            }
            // An equal sequence: no fact since the previous epoch was drained.
            active += usize::from(is_inside || seq != seen.seq[side_of(epoch + 1)]);
        }
        self.waits += inside.len() as u64;
        let crowd = u32::try_from(active.div_ceil(self.cores)).unwrap_or(u32::MAX).max(1);
        Pending { epoch, inside, crowd }
    }

    /// Calls `f` with the place and the block of everything that may hold something of the closed
    /// `epoch`. Skips shards in which no fact has begun since that epoch opened.
    pub(crate) fn drain(
        &mut self,
        epoch: u64,
        mut f: impl FnMut(usize, &(dyn Any + Send + Sync), Quiet),
    ) {
        debug_assert!(self.pending.is_none(), "a stuck epoch must not be drained");
        let side = side_of(epoch);
        for (shard, seen) in self.shards.iter().zip(&mut self.seen) {
            let seq = shard.seq();
            // The sequence seen two drains ago was read before this epoch opened. If it is still
            // the same, and even, no fact of this epoch was entered in the shard.
            if seq != seen.seq[side] || seq & 1 == 1 {
                shard.list_blocks(&mut seen.blocks);
                for placed in &seen.blocks {
                    f(placed.index, &*placed.block, Quiet { side });
                }
            }
            seen.seq[side] = seq;
        }
    }

    /// Removes the blocks of places, given by their ids, from all shards. Dropping the returned
    /// value frees their memory, which may run code of the user, as what an event owns is dropped
    /// with its queue.
    ///
    /// To be called once nothing holds the places any more, as [`owners`](super::owners) says, and
    /// every epoch in which a thread may have recorded there has been drained. Threads may still
    /// have the addresses of these blocks in their tables, but only under the ids of these places,
    /// which no other place gets.
    pub(crate) fn forget(&mut self, places: &[u64]) -> impl Drop + use<> {
        let mut gone = Forgotten(Vec::new());
        // A shard whose blocks have never been listed has none that was drained; all have been by
        // now.
        for (shard, seen) in self.shards.iter().zip(&mut self.seen) {
            let forget = |place: &u64| shard.forget(*place, &mut seen.blocks);
            gone.0.extend(places.iter().flat_map(forget));
        }
        gone
    }

    /// How many times a writer was found inside a fact since the last call.
    pub(crate) fn take_waits(&mut self) -> u64 {
        std::mem::take(&mut self.waits)
    }

    /// How many facts were refused since the last call.
    pub(crate) fn take_refused(&self) -> u64 {
        self.hub.take_refused()
    }

    /// Whether an epoch is pending: not all writers have left it.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// How many bytes the shards take.
    pub(crate) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.bytes()).sum()
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }
}

/// Blocks that no shard has any more.
struct Forgotten(Vec<PlacedBlock>);

// One by one: a drop that panics must not keep the others from being dropped.
impl Drop for Forgotten {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|block| drop(user::Owned::new(block)));
    }
}

/// The proof that a side is quiet. Only [`Closer::drain`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Quiet {
    pub(super) side: usize,
}
