//! [`Sequencer`]: numbers for events on many threads, in an order in which no effect precedes its
//! cause.

use super::sync::{AtomicU64, Ordering::Relaxed};
use crossbeam_utils::CachePadded;

/// How many numbers a run has. A thread that is alone writes to the shared word once per run.
const RUN: u64 = if cfg!(tallybook_small) { 2 } else { 64 };

/// How many numbers of a run a thread must have used, when another thread begins a run, for the
/// contention to count as dense.
const DENSE: u64 = 8;

/// The length of the pause, in spin hints: one or two tenths of a microsecond, about a round trip
/// of the cache line.
const PAUSE: u32 = 8;

/// Hands out runs of numbers, and holds where the latest run begins.
///
/// A thread takes numbers from its run as long as that run is the latest, and begins a new run
/// otherwise. So a thread that is alone reads a word that nobody writes. If several threads take
/// numbers at once, each continues its run until the write of another thread reaches it, and
/// fetches the cache line no more often than that; a shared counter would fetch it for each number.
///
/// If two threads do hardly anything but take numbers, the line would still be in transit most of
/// the time. So a thread that used many numbers of its run pauses before it begins another, and
/// meanwhile the other thread uses many of its own. The pause has a fixed length: no thread waits
/// for another.
///
/// # Why the order is right
/// The beginnings of runs grow in the modification order of `latest`. If A happened before B, then
/// by coherence B reads the beginning of A's run or of a later one. If that is the beginning of B's
/// own run, then A's run is the same, in which numbers grow, or an earlier one. If not, B begins a
/// run after all those that exist.
pub(crate) struct Sequencer {
    latest: CachePadded<AtomicU64>,
}

/// A position in a run. Used by one thread at a time.
pub(crate) struct Run {
    /// Where the run begins; 0 before the first run.
    first: AtomicU64,
    /// The next number; a multiple of [`RUN`] if the run has none left.
    next: AtomicU64,
}

impl Sequencer {
    pub(crate) fn new() -> Self {
        Sequencer { latest: CachePadded::new(AtomicU64::new(0)) }
    }

    /// The next number. It is greater than 0, than all numbers taken through `run` before, and than
    /// all numbers whose taking happened before this call.
    pub(crate) fn next(&self, run: &Run) -> u64 {
        self.next_within(run).unwrap_or_else(|| self.begin(run))
    }

    /// The next number of the current run; `None` if a new run has to begin.
    #[inline(always)]
    pub(crate) fn next_within(&self, run: &Run) -> Option<u64> {
        // Relaxed, here and below: coherence of `latest` is enough (see above), and the run has one
        // user at a time.
        let next = run.next.load(Relaxed);
        if next.is_multiple_of(RUN) || self.latest.load(Relaxed) != run.first.load(Relaxed) {
            return None;
        }
        run.next.store(next + 1, Relaxed);
        Some(next)
    }

    /// Begins a new run, and returns its first number.
    fn begin(&self, run: &Run) -> u64 {
        // A run that was used up ends at 0: then there is no contention to speak of.
        if run.next.load(Relaxed) % RUN >= DENSE {
            (0..PAUSE).for_each(|_| std::hint::spin_loop());
        }
        let first = self.latest.fetch_add(RUN, Relaxed) + RUN;
        run.first.store(first, Relaxed);
        run.next.store(first + 1, Relaxed);
        first
    }
}

impl Run {
    pub(crate) fn new() -> Self {
        Run { first: AtomicU64::new(0), next: AtomicU64::new(0) }
    }

    /// Drops the remaining numbers: the next use, which may follow the use of another run on the
    /// same thread, begins a new run.
    pub(crate) fn end(&self) {
        self.next.store(0, Relaxed);
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_greater_than_all_before_it_on_any_run() {
        let sequencer = Sequencer::new();
        let runs: Vec<Run> = (0..10).map(|_| Run::new()).collect();
        let mut last = 0;
        for round in 0..10_000 {
            // First in turns, then each for longer than a run.
            let turn = if round < 5_000 { round } else { round / 100 };
            let run = &runs[turn * 7 % 10];
            let number = sequencer.next(run);
            assert!(number > last, "{number} after {last}");
            last = number;
        }
    }

    #[test]
    fn a_run_that_was_ended_is_not_continued() {
        let (sequencer, run) = (Sequencer::new(), Run::new());
        assert_eq!(sequencer.next(&run), RUN);
        run.end();
        assert_eq!(sequencer.next(&run), 2 * RUN);
    }

    #[test]
    fn a_single_user_skips_no_number() {
        let (sequencer, run) = (Sequencer::new(), Run::new());
        let numbers: Vec<u64> = (0..5 * RUN).map(|_| sequencer.next(&run)).collect();
        assert_eq!(numbers, (RUN..6 * RUN).collect::<Vec<_>>());
    }
}
