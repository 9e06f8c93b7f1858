//! [`Wake`]: asking the collector to close an epoch ahead of time.

use event_listener::{Event, EventListener};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Shared by the actors of a registry and its collector.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    is_asked: AtomicBool,
    changed: Event,
}

impl Wake {
    /// Asks for it. Wakes the collector once until it has come.
    pub(crate) fn ask(&self) {
        // Relaxed: the notification brings its own fence, and so does listening.
        if !self.is_asked.swap(true, Relaxed) {
            self.changed.notify(usize::MAX);
        }
    }

    /// Wakes the collector to look at something else.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn notify(&self) {
        self.changed.notify(usize::MAX);
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
    pub(crate) fn listen(&self) -> EventListener {
        self.changed.listen()
    }
}
