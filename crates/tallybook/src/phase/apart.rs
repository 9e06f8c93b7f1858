//! [`Apart`]: when a fact must not join the one that its thread is inside of.
//!
//! Inside a fact the library sometimes works on the thread's cells in a way that leaves them between two states while code
//! of others runs: the memory allocator, the `Hash` and `Eq` of an event's key, its `coalesce`. A fact that such code
//! records is not written to the same cells but to those of a shard that is borrowed for it (see `Loan`), so it is a fact
//! of its own: as whole and as exactly counted as any, only not one with the fact around it.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How deep this may go before a fact is refused. Code of the user that comes back may be a few deep; an allocator that
/// counts what its own counting allocates would go on for ever.
pub(super) const DEEPEST: u32 = 16;

/// As long as it lives, facts of this thread are facts of their own.
pub(crate) struct Apart {
    /// It is of this thread alone.
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

/// How many of them this thread is inside of.
#[inline(always)]
pub(super) fn depth() -> u32 {
    DEPTH.get()
}
