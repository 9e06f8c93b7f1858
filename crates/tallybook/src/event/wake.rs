//! [`Wake`]: asking the collector to close an epoch, or to make a cut, ahead of time.

use crate::support::signal::{Listener, Signal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Shared by the actors of a registry and its collector.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// Whether an epoch is to be closed, and whether a cut is to be made.
    is_epoch_asked: AtomicBool,
    is_cut_asked: AtomicBool,
    changed: Arc<Signal>,
}

impl Wake {
    /// Asks for the open epoch to be closed. Wakes the collector once until it has come.
    pub(crate) fn ask(&self) {
        self.set(&self.is_epoch_asked);
    }

    /// Asks for a cut in the same way.
    pub(crate) fn ask_for_cut(&self) {
        self.set(&self.is_cut_asked);
    }

    fn set(&self, asked: &AtomicBool) {
        // Relaxed: the signal's lock orders it.
        if !asked.swap(true, Relaxed) {
            self.changed.notify();
        }
    }

    /// Wakes the collector for another reason.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn notify(&self) {
        self.changed.notify();
    }

    /// Whether anything has been asked for that has not been taken yet.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_epoch_asked() || self.is_cut_asked.load(Relaxed)
    }

    /// Whether an epoch is to be closed.
    pub(crate) fn is_epoch_asked(&self) -> bool {
        self.is_epoch_asked.load(Relaxed)
    }

    /// Takes the request for an epoch, if there is one: the open epoch is about to be closed.
    pub(crate) fn take(&self) {
        self.is_epoch_asked.swap(false, Relaxed);
    }

    /// Takes the request for a cut, and answers whether there was one.
    pub(crate) fn take_cut(&self) -> bool {
        self.is_cut_asked.swap(false, Relaxed)
    }

    /// A listener for requests and notifications from now on.
    pub(crate) fn listen(&self) -> Listener {
        self.changed.listen()
    }
}
