//! [`Closer`]: closes epochs and hands out what they hold.

use super::hub::Hub;
use super::shard::{PlacedBlock, Shard, side_of};
use super::sync::{Ordering, spin_loop, yield_now};
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The one that closes the epochs of a hub; there is at most one per hub at a time.
pub(crate) struct Closer {
    hub: Arc<Hub>,
    shards: Vec<Arc<Shard>>,
    /// What was seen of each shard.
    seen: Vec<Seen>,
    pending: Option<Pending>,
    /// How often a writer had to be waited for.
    waits: u64,
}

#[derive(Clone, Default)]
struct Seen {
    /// The sequence when the last two epochs were drained: that of the last even epoch, then that of the last odd one.
    seq: [u64; 2],
    blocks: Vec<PlacedBlock>,
}

/// An epoch whose successor is open but which a writer may still be inside of.
struct Pending {
    epoch: u64,
    /// How many shards are known to be quiet.
    quiet: usize,
    /// The odd sequence that the next shard was first seen with.
    odd: Option<u64>,
}

/// A writer has been inside a fact of this epoch for longer than the closer was willing to wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) epoch: u64,
}

impl Closer {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Closer { hub, shards: Vec::new(), seen: Vec::new(), pending: None, waits: 0 }
    }

    /// Closes the open epoch, or goes on with the one that was stuck, and returns its number. Every fact of it is over:
    /// its sides are quiet until this is called again.
    ///
    /// Waits no longer than `patience` for writers inside a fact, and then returns [`Stuck`]: nothing of that epoch may
    /// be read, and the next call goes on with it.
    pub(crate) fn close(&mut self, patience: Duration) -> Result<u64, Stuck> {
        let mut pending = self.pending.take().unwrap_or_else(|| self.open_next());
        let mut patience = Patience::new(patience);
        while pending.quiet < self.shards.len() {
            let seq = self.shards[pending.quiet].seq();
            let odd = *pending.odd.get_or_insert(seq);
            if odd & 1 == 0 || seq != odd {
                self.waits += odd & 1;
                pending.quiet += 1;
                pending.odd = None;
            } else if patience.is_over() {
                let epoch = pending.epoch;
                self.pending = Some(pending);
                return Err(Stuck { epoch });
            }
        }
        Ok(pending.epoch)
    }

    /// Opens the next epoch and makes sure that every writer from now on sees it or is seen.
    fn open_next(&mut self) -> Pending {
        // Relaxed: only the closer writes it.
        let epoch = self.hub.epoch.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `Shard::enter`. The next epoch's sides are those that were drained last;
        // their next user must see them empty.
        self.hub.epoch.store(epoch + 1, Ordering::Release);
        self.hub.barrier.heavy();
        // After the store: a shard that is not in the list yet belongs to a thread that will take the list's lock after
        // this, and will therefore see the new epoch.
        self.hub.list_shards(&mut self.shards);
        self.seen.resize(self.shards.len(), Seen::default());
        Pending { epoch, quiet: 0, odd: None }
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

/// Spins a little, then yields, until the time is over.
struct Patience {
    spins: u32,
    left: Duration,
    /// When yielding began.
    since: Option<Instant>,
}

impl Patience {
    fn new(left: Duration) -> Self {
        Patience { spins: 0, left, since: None }
    }

    fn is_over(&mut self) -> bool {
        if self.spins < 64 && !cfg!(tallybook_loom) {
            self.spins += 1;
            spin_loop();
            return self.left.is_zero();
        }
        yield_now();
        !cfg!(tallybook_loom) && self.since.get_or_insert_with(Instant::now).elapsed() >= self.left
    }
}
