//! [`Word`]: one cell.

use super::sync::{AtomicU64, Ordering::Relaxed};
use std::cell::Cell;
use std::marker::PhantomData;

/// A 64-bit cell with one user at a time: the thread that owns the shard, or the closer once the side is quiet.
///
/// Atomic only so that a mistake in the protocol would be a wrong number and not undefined behaviour; `Relaxed` compiles
/// to plain loads and stores, and what makes the values visible to the next user are the orderings of the shard's sequence
/// and the hub's epoch. Not `Sync`: a reference lent to a fact must not reach another thread, where an add could be lost.
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

    /// Reads and zeroes, writing only where there is something: a clean cell's line stays clean.
    #[inline(always)]
    pub(crate) fn take(&self) -> u64 {
        let value = self.get();
        if value != 0 {
            self.set(0);
        }
        value
    }
}
