//! [`Wake`]: asking the collector to close an epoch ahead of time.

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
    /// Asks for it. Wakes the collector once until it has come.
    pub(crate) fn ask(&self) {
        // Relaxed: the signal's lock orders it.
        if !self.is_asked.swap(true, Relaxed) {
            self.changed.notify();
        }
    }

    /// Wakes the collector to look at something else.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn notify(&self) {
        self.changed.notify();
    }

    /// Whether it has been asked for since the last [`take`](Self::take).
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Relaxed)
    }

    /// Takes the request, if there is one: an epoch that is open now is about to be closed.
    pub(crate) fn take(&self) {
        self.is_asked.swap(false, Relaxed);
    }

    /// Notified when something may have changed from now on.
    pub(crate) fn listen(&self) -> Listener {
        self.changed.listen()
    }
}
