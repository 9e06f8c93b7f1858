//! [`Word`]: a 64-bit number in a block.

use super::sync::{AtomicU64, Ordering::Relaxed};
use std::cell::Cell;
use std::marker::PhantomData;

/// A 64-bit number with one user at a time: the thread that owns the shard, or the closer once the
/// side is quiet.
///
/// It is atomic only so that a mistake in the protocol would cause a wrong number and not undefined
/// behaviour. `Relaxed` compiles to plain loads and stores; the orderings of the shard's sequence
/// and the hub's epoch make the values visible to the next user. It is not `Sync`: a reference that
/// is lent to a fact must not reach another thread, where an addition could be lost.
pub(crate) struct Word {
    value: AtomicU64,
    unshared: PhantomData<Cell<u64>>,
}

impl Word {
    pub(crate) fn new(value: u64) -> Self {
        Word { value: AtomicU64::new(value), unshared: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.value.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        self.value.store(value, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }

    /// Reads and zeroes. Writes only if the word is not zero, so that a clean cache line stays
    /// clean.
    #[inline(always)]
    pub(crate) fn take(&self) -> u64 {
        let value = self.get();
        if value != 0 {
            self.set(0);
        }
        value
    }
}
