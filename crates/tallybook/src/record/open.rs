//! [`Open`]: the guard of something live.

use super::recorder::Record;
use crate::metric::{Live, LiveField, Openable};
use std::fmt;
use std::time::Duration;

/// Something is open as long as this lives: the guard of a [`Live`] or a [`TimedLive`](crate::TimedLive), made by
/// [`Set::open`] and [`Entry::open`](crate::Entry::open).
///
/// `Send` where its parts are: it may be dropped on another thread, in a task that moved, or by a future that is
/// cancelled. Exactly one closing is counted. A guard that is leaked (`std::mem::forget`) stays open.
#[must_use = "what it opened closes when it is dropped"]
pub struct Open<R: Record, F = LiveField<<R as Record>::Stats>, L: Openable = Live>
where
    F: Fn(&R::Stats) -> &L,
{
    on: R,
    field: F,
    opened: L::Opened,
}

impl<R: Record, L: Openable, F: Fn(&R::Stats) -> &L> Open<R, F, L> {
    #[inline(always)]
    pub(crate) fn new(on: R, field: F) -> Self {
        // Stays the default in a disabled registry, where nothing will be closed either.
        let mut opened = L::Opened::default();
        if L::TIMED {
            on.record_fact(|stats| opened = field(stats).on_open(|| on.now()));
        } else {
            // Apart, so that the fact needs nothing of the handle, which can then stay in registers.
            on.record_fact(|stats| opened = field(stats).on_open(|| Duration::ZERO));
        }
        Open { on, field, opened }
    }

    /// What it was opened on, to record more there.
    pub fn on(&self) -> &R {
        &self.on
    }
}

impl<R: Record, L: Openable, F: Fn(&R::Stats) -> &L> Drop for Open<R, F, L> {
    #[inline(always)]
    fn drop(&mut self) {
        let opened = self.opened;
        if L::TIMED {
            self.on.record_fact(|stats| (self.field)(stats).on_close(opened, || self.on.now()));
        } else {
            self.on.record_fact(|stats| (self.field)(stats).on_close(opened, || Duration::ZERO));
        }
    }
}

impl<R: Record + fmt::Debug, L: Openable, F: Fn(&R::Stats) -> &L> fmt::Debug for Open<R, F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("on", &self.on).finish_non_exhaustive()
    }
}
