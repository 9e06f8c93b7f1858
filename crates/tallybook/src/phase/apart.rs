//! [`Apart`]: marks where a fact must not join the fact that its thread is inside.
//!
//! Inside a fact the library sometimes changes the thread's cells in several steps, and runs code
//! from outside between them: the memory allocator, the `Hash` and `Eq` of an event's key, its
//! `coalesce`. If that code records a fact, the fact is not written to the same cells but to those
//! of a shard that is borrowed for it (see `Loan`). It is a fact of its own: whole and counted
//! exactly like any other, but not part of the fact around it.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// The depth at which facts are refused. User code that records again may nest a few levels deep;
/// an allocator that counts the allocations of its own counting would recurse without end.
pub(super) const MAX_DEPTH: u32 = 16;

/// While it lives, facts of this thread are facts of their own.
pub(crate) struct Apart {
    /// Belongs to this thread: neither `Send` nor `Sync`.
    _thread: PhantomData<*const ()>,
}

impl Apart {
    pub(crate) fn begin() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Apart { _thread: PhantomData }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// How many of them this thread is inside.
#[inline(always)]
pub(super) fn depth() -> u32 {
    DEPTH.get()
}
