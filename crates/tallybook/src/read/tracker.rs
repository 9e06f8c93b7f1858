//! [`RateTracker`]: rates for a consumer with a rhythm of its own.

use super::difference::Difference;
use super::reader::Reader;
use super::snapshot::Snapshot;
use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Rates since the previous call: for a screen that updates every half second, or a scrape every
/// fifteen. Each tracker has its own baseline. Any number of trackers, and of threads that share
/// one, run without disturbing each other.
///
/// A call returns the difference between the latest snapshot and the one that was the latest at the
/// previous call:
/// - The first call has nothing to compare with: all rates are zero.
/// - Where no newer snapshot has been published since, or one that is less than [the minimum
///   interval](Self::min_interval) newer, the previous answer is returned again: never a division
///   by nearly nothing.
/// - Threads that call at once get the same answer, or one of them the next: the baseline moves on
///   once per snapshot, not once per call.
/// - A stale snapshot is as old as the cut that it shows.
/// - Where the registry is another one than at the previous call
///   ([`update_from`](Self::update_from)), or the clock has gone backwards, a new segment begins as
///   with the first call: the numbers before and after cannot be compared. A clock that jumps ahead
///   makes one answer too slow, never too fast.
/// - The snapshots of an answer have no [windows](Snapshot::window): a tracker keeps what it
///   compares, and no history.
/// - A key that left and came back is a new entry that started from zero; see
///   [`Difference::entry`].
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tallybook::{Counter, ManualClock, RateTracker, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Torrent {
///     received: Counter,
/// }
///
/// let clock = Arc::new(ManualClock::new());
/// let registry = Registry::builder().clock(clock.clone()).build();
/// let torrent = registry.set::<Torrent>("torrent")?;
/// let mut collector = registry.collector()?;
/// let screen = RateTracker::new(registry.reader());
///
/// collector.tick();
/// assert_eq!(screen.update().rates(&torrent).received, 0.0);
/// torrent.record(|t| t.received.add(3000));
/// clock.advance(Duration::from_secs(2));
/// collector.tick();
/// assert_eq!(screen.update().rates(&torrent).received, 1500.0);
/// assert_eq!(screen.update().rates(&torrent).received, 1500.0); // nothing newer
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RateTracker {
    reader: Reader,
    min_interval: Duration,
    /// The last answer. Its later snapshot is the next baseline.
    last: ArcSwapOption<Difference>,
}

impl RateTracker {
    /// A tracker of what a reader reads. The minimum interval is a millisecond.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        RateTracker { reader, min_interval: Duration::from_millis(1), last: ArcSwapOption::empty() }
    }

    /// The same with another minimum interval between two cuts: what comes sooner is answered with
    /// the rates before.
    #[must_use]
    pub fn with_min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// The minimum interval between two cuts that are compared.
    #[must_use]
    pub fn min_interval(&self) -> Duration {
        self.min_interval
    }

    /// What happened since the previous call. Never blocks.
    pub fn update(&self) -> Arc<Difference> {
        self.update_from(&self.reader.latest())
    }

    /// What happened until this snapshot, which may be one of another registry: of the one that
    /// replaced the registry of the calls before, for instance. Never waits.
    pub fn update_from(&self, latest: &Arc<Snapshot>) -> Arc<Difference> {
        let mut last = self.last.load();
        loop {
            let next = match &*last {
                None => Difference::nothing(latest).without_history(),
                Some(last) => match self.next(last, latest) {
                    Some(next) => next,
                    None => return last.clone(),
                },
            };
            let next = Arc::new(next);
            let found = self.last.compare_and_swap(&*last, Some(next.clone()));
            let is_swapped = match (&*last, &*found) {
                (None, None) => true,
                (Some(last), Some(found)) => Arc::ptr_eq(last, found),
                _ => false,
            };
            if is_swapped {
                return next;
            }
            // Another call was faster. If its snapshot is as new as ours, its answer is ours.
            last = found;
        }
    }

    /// The answer after `last`; `None` if it is still `last`.
    fn next(&self, last: &Difference, latest: &Arc<Snapshot>) -> Option<Difference> {
        let baseline = last.later();
        let is_other = latest.registry != baseline.registry;
        if !is_other && latest.epoch() <= baseline.epoch() {
            return None;
        }
        if is_other || latest.at() < baseline.at() {
            return Some(Difference::nothing(latest).without_history());
        }
        // With a minimum interval of zero, no time at all is still too little to divide by.
        let min = self.min_interval.max(Duration::from_nanos(1));
        if latest.at() - baseline.at() < min {
            return None;
        }
        latest.since(baseline).ok().map(Difference::without_history)
    }
}

impl fmt::Debug for RateTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateTracker")
            .field("min_interval", &self.min_interval)
            .field("last", &self.last.load())
            .finish_non_exhaustive()
    }
}
