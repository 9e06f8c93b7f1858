//! [`Gate`]: which events an actor accepts.

use crate::metric::Label;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// What is done with events that are sent, or wait, once an actor is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Those that were sent before are applied.
    Drain = 1,
    /// Those that have not been applied yet are dropped, and counted as dropped.
    Drop = 2,
}

/// All kinds start open. Relaxed everywhere: a send concurrent with a change may be before or after it, and a send that
/// happens after a change sees it.
pub(crate) struct Gate {
    /// Whether there was a change, ever: all that most senders look at.
    is_changed: AtomicBool,
    /// How the actor was closed, or 0.
    closing: AtomicU8,
    /// By kind.
    is_off: Box<[AtomicBool]>,
}

/// What becomes of an event.
pub(crate) enum Admission {
    Accept,
    /// It is counted as sent and as dropped.
    Refuse,
    /// It is not counted at all.
    Ignore,
}

impl Gate {
    pub(crate) fn new(kinds: usize) -> Self {
        let is_off = (0..kinds).map(|_| AtomicBool::new(false)).collect();
        Gate { is_changed: AtomicBool::new(false), closing: AtomicU8::new(0), is_off }
    }

    /// Whether all events enter.
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
