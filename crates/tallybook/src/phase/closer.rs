//! [`Closer`]: closes epochs and hands out what they hold.

use super::hub::Hub;
#[cfg(all(test, tallybook_loom))]
use super::patience::Patience;
use super::shard::{PlacedBlock, Shard, side_of};
use super::sync::Ordering;
use std::any::Any;
use std::sync::Arc;

/// The one that closes the epochs of a hub; there is at most one per hub at a time.
pub(crate) struct Closer {
    hub: Arc<Hub>,
    shards: Vec<Arc<Shard>>,
    /// What was seen of each shard.
    seen: Vec<Seen>,
    pending: Option<Pending>,
    /// How often a writer had to be waited for.
    waits: u64,
    /// How many threads can run at once.
    cores: usize,
}

#[derive(Clone, Default)]
struct Seen {
    /// The sequence when the last two epochs were drained: that of the last even epoch, then that of the last odd one.
    seq: [u64; 2],
    blocks: Vec<PlacedBlock>,
}

/// An epoch whose successor is open but which writers may still be inside of.
struct Pending {
    epoch: u64,
    /// The shards whose owners were inside a fact when the next epoch opened and still are, and the odd sequence of that
    /// fact. All others are quiet: what begins after the barrier sees the new epoch.
    inside: Vec<(usize, u64)>,
    /// How many threads there are to a core, at least 1: of those that have recorded since the last epoch was drained, or are
    /// inside a fact.
    crowd: u32,
}

/// Writers are inside a fact of this epoch, so that it cannot be drained yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) epoch: u64,
    /// How many threads want each core; see [`Patience`](super::Patience).
    pub(crate) crowd: u32,
}

impl Closer {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Closer { hub, shards: Vec::new(), seen: Vec::new(), pending: None, waits: 0, cores }
    }

    /// Closes the open epoch, or goes on with the one that is pending, and returns its number. Every fact of it is over: its
    /// sides are quiet until this is called again.
    ///
    /// Waits for nobody.
    ///
    /// # Errors
    /// If somebody is inside a fact of it: nothing of that epoch may be read, and the next call goes on with it.
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

    /// The same, and goes on with it until the patience is over.
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

    /// Opens the next epoch and makes sure that every writer from now on sees it or is seen.
    fn open_next(&mut self) -> Pending {
        // Relaxed: only the closer writes it.
        let epoch = self.hub.epoch.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `Shard::enter`. The next epoch's sides are those that were drained last;
        // their next user must see them empty.
        self.hub.epoch.store(epoch + 1, Ordering::Release);
        self.hub.fence.heavy();
        // After the store: a shard that is not in the list yet belongs to a thread that will take the list's lock after
        // this, and will therefore see the new epoch.
        self.hub.list_shards(&mut self.shards);
        self.seen.resize(self.shards.len(), Seen::default());
        let mut inside = Vec::new();
        let mut active = 0;
        // All at once: who is outside now is so for good, as far as this epoch goes, whatever it does meanwhile.
        for (index, (shard, seen)) in self.shards.iter().zip(&self.seen).enumerate() {
            let seq = shard.seq();
            let is_inside = seq & 1 == 1;
            if is_inside {
                inside.push((index, seq));
            }
            // Or it has been outside of facts since the epoch before was drained.
            active += usize::from(is_inside || seq != seen.seq[side_of(epoch + 1)]);
        }
        self.waits += inside.len() as u64;
        let crowd = u32::try_from(active.div_ceil(self.cores)).unwrap_or(u32::MAX).max(1);
        Pending { epoch, inside, crowd }
    }

    /// Calls `f` with the place and the block of everything that may hold something of the closed `epoch`. Shards in
    /// which nothing has happened since that epoch opened are passed over.
    pub(crate) fn drain(
        &mut self,
        epoch: u64,
        mut f: impl FnMut(usize, &(dyn Any + Send + Sync), Quiet),
    ) {
        debug_assert!(self.pending.is_none(), "a stuck epoch must not be drained");
        let side = side_of(epoch);
        for (shard, seen) in self.shards.iter().zip(&mut self.seen) {
            let seq = shard.seq();
            // What was seen at the draining before last was seen before this epoch opened, so an equal (and even) number
            // says that no fact of it was entered here.
            if seq != seen.seq[side] || seq & 1 == 1 {
                shard.list_blocks(&mut seen.blocks);
                for (place, block) in &seen.blocks {
                    f(*place, &**block, Quiet { side });
                }
            }
            seen.seq[side] = seq;
        }
    }

    /// How often a writer inside a fact has been waited for since the last call.
    pub(crate) fn take_waits(&mut self) -> u64 {
        std::mem::take(&mut self.waits)
    }

    /// How many facts have been refused since the last call.
    pub(crate) fn take_refused(&self) -> u64 {
        self.hub.take_refused()
    }

    /// Whether the last epoch is still being waited for.
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

/// The proof that a side is quiet: only [`Closer::drain`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Quiet {
    pub(super) side: usize,
}
