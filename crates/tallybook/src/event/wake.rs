//! [`Wake`]: asks the collector to close an epoch early.

use crate::support::signal::{Listener, Signal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Shared by the actors of a registry and its collector.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    is_asked: AtomicBool,
    changed: Arc<Signal>,
}

impl Wake {
    /// Asks for it, and wakes the collector unless it was already asked.
    pub(crate) fn ask(&self) {
        // Relaxed: the signal's lock orders it.
        if !self.is_asked.swap(true, Relaxed) {
            self.changed.notify();
        }
    }

    /// Wakes the collector for another reason.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn notify(&self) {
        self.changed.notify();
    }

    /// Whether there was a request since the last [`take`](Self::take).
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Relaxed)
    }

    /// Takes the request, if there is one: the open epoch is about to be closed.
    pub(crate) fn take(&self) {
        self.is_asked.swap(false, Relaxed);
    }

    /// A listener for requests and notifications from now on.
    pub(crate) fn listen(&self) -> Listener {
        self.changed.listen()
    }
}
