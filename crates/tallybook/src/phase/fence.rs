//! [`FenceKind`]: the asymmetric store-load fence between writers and the closer.

use super::sync::{Ordering::SeqCst, fence};

/// How the writers of a registry and its collector order a store before a later load.
///
/// It is chosen when the registry is built. [`Registry::new`](crate::Registry::new) uses
/// [`FenceKind::best`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceKind {
    /// Writers issue a compiler fence, which costs nothing at run time. To close an epoch, the
    /// collector asks the kernel to make every running thread of the process execute a fence
    /// (`membarrier`, private expedited; Linux 4.14 or later).
    Membarrier,
    /// Writers and the collector issue a sequentially consistent fence each. Works on every target,
    /// and makes a fact some nanoseconds more expensive.
    Fence,
    /// No fence at all, to show that the models notice.
    #[cfg(tallybook_loom)]
    Broken,
}

impl FenceKind {
    /// [`FenceKind::Membarrier`] if this process can use it, otherwise [`FenceKind::Fence`].
    #[must_use]
    pub fn best() -> Self {
        if register() { FenceKind::Membarrier } else { FenceKind::Fence }
    }

    /// The writer's half, between making its sequence odd and reading the epoch.
    #[inline(always)]
    pub(super) fn light(self) {
        match self {
            // SeqCst: the strongest compiler fence keeps the two accesses in program order. The
            // kernel's barrier in `heavy` is the processor's fence, wherever between the two
            // accesses this thread is.
            #[cfg(not(any(tallybook_loom, miri, tallybook_small)))]
            FenceKind::Membarrier => std::sync::atomic::compiler_fence(SeqCst),
            #[cfg(tallybook_loom)]
            FenceKind::Broken => {}
            // SeqCst: pairs with the fence in `heavy`. One of the two fences comes first in the
            // total order, so either this writer sees the new epoch or the closer sees the odd
            // sequence. Also used for `Membarrier` under checkers, which do not know it.
            _ => fence(SeqCst),
        }
    }

    /// The closer's half, between storing the new epoch and reading the sequences.
    pub(super) fn heavy(self) {
        #[cfg(tallybook_loom)]
        if self == FenceKind::Broken {
            return;
        }
        // SeqCst: pairs with the fence in `light`. With `membarrier`, it orders the closer's own
        // store before the call.
        fence(SeqCst);
        if self == FenceKind::Membarrier {
            system::barrier();
        }
    }
}

/// Registers the process for `membarrier`, and returns whether it may use it. Idempotent.
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
    /// If the kernel refuses after `register` succeeded: going on without a barrier would give
    /// wrong numbers.
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
