//! [`Loan`]: a shard that is borrowed for one fact.

use super::apart::Apart;
use super::hub::Hub;
use super::shard::Shard;
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

thread_local! {
    // Has no destructor, so it can be used until the thread ends.
    /// The innermost loan of the facts that this thread is inside, or null.
    static LOANS: Cell<*const Loan> = const { Cell::new(ptr::null()) };
}

/// A shard for one fact and those that join it: a fact in the destructor of a thread-local, after
/// the thread has released its shards, or a fact that stands apart.
pub(super) struct Loan {
    hub: Arc<Hub>,
    shard: Arc<Shard>,
    /// How many [`Apart`]s the thread was inside when the fact began.
    depth: u32,
    /// The next outer loan of this thread, or null.
    outer: *const Loan,
}

/// Whether this thread is inside a fact on a borrowed shard.
pub(super) fn is_any() -> bool {
    !LOANS.get().is_null()
}

impl Loan {
    /// The shard that this thread has already borrowed from the hub at this depth.
    pub(super) fn known(hub: &Arc<Hub>, depth: u32) -> Option<*const Shard> {
        let mut known = LOANS.get();
        // SAFETY: loans end in reverse order and each restores what it found, so all in the chain
        // live.
        while let Some(loan) = unsafe { known.as_ref() } {
            if Arc::ptr_eq(&loan.hub, hub) && loan.depth == depth {
                return Some(loan.shard());
            }
            known = loan.outer;
        }
        None
    }

    /// Borrows a shard. [`link`](Self::link) the loan before it is used.
    ///
    /// It is not on the heap: freeing that memory would call the allocator again.
    pub(super) fn new(hub: &Arc<Hub>, depth: u32) -> Self {
        Loan { hub: hub.clone(), shard: hub.claim(), depth, outer: LOANS.get() }
    }

    /// Makes this the innermost loan, until it is dropped.
    ///
    /// # Safety
    /// The loan is dropped where it is now: neither moved nor leaked.
    pub(super) unsafe fn link(&self) {
        LOANS.set(self);
    }

    pub(super) fn shard(&self) -> *const Shard {
        Arc::as_ptr(&self.shard)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        LOANS.set(self.outer);
        let _apart = Apart::begin();
        self.hub.release(self.shard.clone());
    }
}
