//! [`Gate`]: which events an actor accepts.

use crate::metric::Label;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// What happens to queued events when an actor is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Close {
    /// Events that were sent before are applied.
    Drain = 1,
    /// Events that have not been applied are dropped and counted as dropped.
    Drop = 2,
}

/// All kinds start open. Relaxed everywhere: a send that is concurrent with a change may come
/// before or after it, and a send that happens after a change sees it.
pub(crate) struct Gate {
    /// Whether anything was ever changed. Most senders look at nothing else.
    is_changed: AtomicBool,
    /// How the actor was closed; 0 if it is open.
    closing: AtomicU8,
    /// By kind, whether it is switched off.
    is_off: Box<[AtomicBool]>,
}

/// Whether an event is accepted.
pub(crate) enum Admission {
    Accept,
    /// The event is counted as sent and as dropped.
    Refuse,
    /// The event is not counted at all.
    Ignore,
}

impl Gate {
    pub(crate) fn new(kinds: usize) -> Self {
        let is_off = (0..kinds).map(|_| AtomicBool::new(false)).collect();
        Gate { is_changed: AtomicBool::new(false), closing: AtomicU8::new(0), is_off }
    }

    /// Whether all events are accepted.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        !self.is_changed.load(Relaxed)
    }

    pub(crate) fn of<K: Label>(&self, kind: K) -> Admission {
        if self.is_off[kind.index()].load(Relaxed) {
            Admission::Ignore
        } else if self.closing.load(Relaxed) != 0 {
            Admission::Refuse
        } else {
            Admission::Accept
        }
    }

    pub(crate) fn switch<K: Label>(&self, kind: K, is_off: bool) {
        self.is_off[kind.index()].store(is_off, Relaxed);
        self.is_changed.store(true, Relaxed);
    }

    /// Closes the actor permanently. `Drop` wins over `Drain`.
    pub(crate) fn close(&self, how: Close) {
        self.closing.fetch_max(how as u8, Relaxed);
        self.is_changed.store(true, Relaxed);
    }

    /// Whether queued events are to be dropped.
    pub(crate) fn drops(&self) -> bool {
        self.closing.load(Relaxed) == Close::Drop as u8
    }
}
