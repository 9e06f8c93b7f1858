//! [`History`]: earlier cuts, to compare the latest with, and what was extreme between them.
//!
//! It is a list of *segments*, one after the other: the cut a segment begins at, and the extrema
//! that were seen until the next. A tick adds one. Two neighbours become one, and the cut between
//! them is dropped, when the two together are no longer than a [`RESOLUTION`]th of their age,
//! unless a reader holds that cut and may ask what happened since. So a window of any length up to
//! the longest begins at a cut that is at most that part, or one tick, too old; and the number of
//! segments grows with the logarithm of the longest window, as long as no reader holds their cuts.
//!
//! Cuts share what has not changed, so a kept one costs what was overwritten since; the extrema
//! cost what was touched. The list of segments itself is [shared](list) in the same way by the
//! snapshots that have it.

mod list;

use crate::read::{ExtremaBuffer, ExtremaList, Segment, Segments, Snapshot};
use crate::support::user::Owned;
use list::List;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A window is at most this part of itself too long.
pub(crate) const RESOLUTION: u32 = 16;

/// The collector's side.
pub(crate) struct History {
    list: List<Snapshot>,
    /// The bytes of all extrema that are held.
    extrema_alive: Arc<AtomicUsize>,
    longest: Duration,
    limit: usize,
}

impl History {
    /// A history for windows up to `longest`, of about `limit` bytes; none at all where that is
    /// zero.
    pub(crate) fn new(longest: Duration, limit: usize) -> Self {
        History { list: List::new(), extrema_alive: Arc::default(), longest, limit }
    }

    /// Adds what happened since `from`, up to a cut at `now`. `bytes` is what the cuts of the past
    /// take.
    pub(crate) fn add(
        &mut self,
        from: Arc<Snapshot>,
        now: Duration,
        gathered: &mut ExtremaBuffer,
        bytes: usize,
    ) -> Segments<Snapshot> {
        // The last owner of it, perhaps.
        let from = Owned::new(from);
        let gathered = gathered.take();
        if self.longest.is_zero() {
            return Segments::default();
        }
        let extrema = Arc::new(ExtremaList::new(gathered, &self.extrema_alive));
        self.thin(now);
        // Never joined at once, however short it is: it is the last interval.
        self.list.push(Segment { from, until: now, extrema });
        // Of those that begin before the longest window does, the youngest is enough.
        let start = now.checked_sub(self.longest);
        let too_old =
            |segment: &Segment<Snapshot>| start.is_some_and(|start| segment.from.at() <= start);
        let surplus = self.list.iter().take_while(|(_, segment)| too_old(segment)).count();
        self.list.drop_first(surplus.saturating_sub(1));
        if bytes + self.bytes() > self.limit {
            // A part of them at each tick: what they had is freed at the next.
            self.list.drop_first((self.len() / 4).max(2).min(self.len() - 1));
        }
        self.list.share()
    }

    /// The history of a cut at `now` that is not added to it.
    pub(crate) fn preview(
        &mut self,
        from: Arc<Snapshot>,
        now: Duration,
        gathered: &ExtremaBuffer,
    ) -> Segments<Snapshot> {
        if self.longest.is_zero() {
            return Segments::default();
        }
        let extrema = Arc::new(ExtremaList::new(gathered.to_vec(), &self.extrema_alive));
        self.list.share_with(Segment { from: Owned::new(from), until: now, extrema })
    }

    /// Joins the neighbours that are old enough for it.
    fn thin(&mut self, now: Duration) {
        let mut joins = Vec::new();
        let mut last: Option<(usize, Duration)> = None;
        for (number, next) in self.list.iter() {
            match last {
                Some((last, start)) if may_join(start, next, now) => joins.push((last, number)),
                _ => last = Some((number, next.from.at())),
            }
        }
        for (number, following) in joins {
            let next = self.list.take(following);
            self.list.update(number, |segment| join(segment, &next));
        }
    }

    /// How many bytes the list and the extrema take, what only snapshots have that readers keep
    /// included.
    pub(crate) fn bytes(&self) -> usize {
        self.list.bytes() + self.extrema_alive.load(Relaxed)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }
}

/// Whether a segment that begins at `start` and its neighbour are short enough for their age to
/// become one, and nobody else has the cut between them.
fn may_join(start: Duration, next: &Segment<Snapshot>, now: Duration) -> bool {
    let (length, age) = (next.until.saturating_sub(start), now.saturating_sub(next.until));
    length.saturating_mul(RESOLUTION) <= age && Arc::strong_count(&next.from.held) == 1
}

fn join(segment: &mut Segment<Snapshot>, next: &Segment<Snapshot>) {
    segment.extrema = Arc::new(segment.extrema.merged(&next.extrema));
    segment.until = next.until;
}
