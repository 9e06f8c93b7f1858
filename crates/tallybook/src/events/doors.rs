//! [`Doors`]: which events an actor takes.

use super::Close;
use crate::metric::Label;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Of all events at first. Relaxed everywhere: whoever sends at the same time may be before or after a change, and whoever
/// sends after it finds it.
pub(crate) struct Doors {
    /// Whether there was a change, ever: all that most senders look at.
    is_changed: AtomicBool,
    /// How the actor was closed, or 0.
    closing: AtomicU8,
    /// By kind.
    is_off: Box<[AtomicBool]>,
}

/// What becomes of an event.
pub(crate) enum Door {
    Open,
    /// It is counted as sent and as dropped.
    Closed,
    /// It is as if it had not been sent.
    Off,
}

impl Doors {
    pub(crate) fn new(kinds: usize) -> Self {
        let is_off = (0..kinds).map(|_| AtomicBool::new(false)).collect();
        Doors { is_changed: AtomicBool::new(false), closing: AtomicU8::new(0), is_off }
    }

    /// Whether all events enter.
    #[inline(always)]
    pub(crate) fn are_open(&self) -> bool {
        !self.is_changed.load(Relaxed)
    }

    pub(crate) fn of<K: Label>(&self, kind: K) -> Door {
        if self.is_off[kind.index()].load(Relaxed) {
            Door::Off
        } else if self.closing.load(Relaxed) != 0 {
            Door::Closed
        } else {
            Door::Open
        }
    }

    pub(crate) fn turn<K: Label>(&self, kind: K, is_off: bool) {
        self.is_off[kind.index()].store(is_off, Relaxed);
        self.is_changed.store(true, Relaxed);
    }

    /// Closes it for good; dropping what waits wins over draining it.
    pub(crate) fn close(&self, how: Close) {
        self.closing.fetch_max(how as u8, Relaxed);
        self.is_changed.store(true, Relaxed);
    }

    /// Whether what waits is to be dropped.
    pub(crate) fn drops(&self) -> bool {
        self.closing.load(Relaxed) == Close::Drop as u8
    }
}
