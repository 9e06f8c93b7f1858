//! The two halves of a store-load fence between writers and the closer.

use super::sync::{Ordering::SeqCst, fence};

/// How the writers of a registry and its collector order a store before a load.
///
/// Chosen when the registry is made. [`Barrier::best`] is what [`Registry::new`](crate::Registry::new) uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Barrier {
    /// Writers pay nothing (a compiler fence); closing an epoch asks the kernel to make every running thread of the
    /// process pass a fence: `membarrier`, private expedited (Linux 4.14 or later).
    Membarrier,
    /// Writers and the collector issue a sequentially consistent fence each. Works everywhere; a fact costs some
    /// nanoseconds more.
    Fence,
    /// None at all, to show that the models notice.
    #[cfg(tallybook_loom)]
    Broken,
}

impl Barrier {
    /// [`Barrier::Membarrier`] where this process can use it, else [`Barrier::Fence`].
    #[must_use]
    pub fn best() -> Self {
        if register() { Barrier::Membarrier } else { Barrier::Fence }
    }

    /// The writer's half, between making its sequence odd and reading the epoch.
    #[inline(always)]
    pub(super) fn light(self) {
        match self {
            // SeqCst: the strongest compiler fence keeps the two accesses in program order, and the kernel's barrier in
            // `heavy` is the processor's fence at whatever point of the two this thread is.
            #[cfg(not(any(tallybook_loom, miri, tallybook_small)))]
            Barrier::Membarrier => std::sync::atomic::compiler_fence(SeqCst),
            #[cfg(tallybook_loom)]
            Barrier::Broken => {}
            // SeqCst: pairs with the fence in `heavy`. One of the two fences comes first in the total order, so either
            // this writer sees the new epoch or the closer sees the odd sequence. Checkers do not know `membarrier`.
            _ => fence(SeqCst),
        }
    }

    /// The closer's half, between storing the new epoch and reading the sequences.
    pub(super) fn heavy(self) {
        #[cfg(tallybook_loom)]
        if self == Barrier::Broken {
            return;
        }
        // SeqCst: pairs with the fence in `light`; beside `membarrier` it orders the closer's own store.
        fence(SeqCst);
        if self == Barrier::Membarrier {
            system::barrier();
        }
    }
}

/// Whether this process may use `membarrier`. Registers it for that, which is idempotent.
fn register() -> bool {
    system::register()
}

#[cfg(all(target_os = "linux", not(any(tallybook_loom, miri))))]
mod system {
    use rustix::thread::{MembarrierCommand, membarrier};

    pub(super) fn register() -> bool {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    }

    /// # Panics
    /// If the kernel takes back what it granted to `register`; going on without a barrier would give wrong numbers.
    pub(super) fn barrier() {
        membarrier(MembarrierCommand::PrivateExpedited)
            .expect("membarrier works after the process has registered for it");
    }
}

#[cfg(not(all(target_os = "linux", not(any(tallybook_loom, miri)))))]
mod system {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn barrier() {}
}
