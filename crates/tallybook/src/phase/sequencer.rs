//! [`Sequencer`]: numbers for what happens on many threads, in an order in which no effect comes before its cause.

use super::sync::{AtomicU64, Ordering::Relaxed};
use crossbeam_utils::CachePadded;

/// How many numbers there are in a run: so rarely does a thread write when it is alone.
const RUN: u64 = if cfg!(tallybook_small) { 2 } else { 64 };

/// How far somebody gets in a run who does little else than to take numbers, and then meets another.
const DENSE: u64 = 8;

/// How long the pause is, in spin hints: a tenth or two of a microsecond, as long as the line takes to travel to and fro.
const PAUSE: u32 = 8;

/// Gives out numbers in runs, and says where the latest of them begins.
///
/// A thread goes on in its run for as long as that is the latest, and otherwise takes a new one. So while it is alone it
/// reads a word that nobody writes. Where several take numbers at once each goes on in its run for as long as the news of
/// another's takes to arrive, and pays for the line no more often than that; a counter costs it each time. Where two do
/// hardly anything else, the line would still be on its way most of the time. So whoever got far in its run pauses before
/// it takes another, in which time the other gets far, too. The pause has its length and ends by itself: nobody waits for
/// anybody.
///
/// Why the order is right: the beginnings of runs only grow, in the one order of the modifications of `latest`. If A
/// happened before B, then by coherence B finds the beginning of A's run or a later one. If what it finds is its own, then
/// A's run is B's own, in which numbers grow, or an earlier one; if not, B's run begins after all that there were.
pub(crate) struct Sequencer {
    latest: CachePadded<AtomicU64>,
}

/// Where somebody is in a run. Used by one thread at a time.
pub(crate) struct Run {
    /// Where it begins; 0 at first, when there are no numbers in it.
    first: AtomicU64,
    /// The next number, or the multiple of [`RUN`] where there is none.
    next: AtomicU64,
}

impl Sequencer {
    pub(crate) fn new() -> Self {
        Sequencer { latest: CachePadded::new(AtomicU64::new(0)) }
    }

    /// The next number: greater than 0, than all in this run before, and than all whose taking happened before.
    pub(crate) fn next(&self, run: &Run) -> u64 {
        self.next_within(run).unwrap_or_else(|| self.begin(run))
    }

    /// The same, if it is in the run that there is; in a new one there are others.
    #[inline(always)]
    pub(crate) fn next_within(&self, run: &Run) -> Option<u64> {
        // Relaxed, here and below: coherence is all that is needed, see above, and the run is only used by one thread at a
        // time.
        let next = run.next.load(Relaxed);
        if next.is_multiple_of(RUN) || self.latest.load(Relaxed) != run.first.load(Relaxed) {
            return None;
        }
        run.next.store(next + 1, Relaxed);
        Some(next)
    }

    /// The first number of a new run.
    fn begin(&self, run: &Run) -> u64 {
        // Not where there are none left: then it is alone, or as good as that.
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

    /// There are no more numbers in it: whoever uses it next, after another on the same thread, begins one at once.
    pub(crate) fn end(&self) {
        self.next.store(0, Relaxed);
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_greater_than_all_before_whoever_takes_it() {
        let sequencer = Sequencer::new();
        let runs: Vec<Run> = (0..10).map(|_| Run::new()).collect();
        let mut last = 0;
        for round in 0..10_000 {
            // In turns, and for a while for longer than a run.
            let turn = if round < 5_000 { round } else { round / 100 };
            let run = &runs[turn * 7 % 10];
            let number = sequencer.next(run);
            assert!(number > last, "{number} after {last}");
            last = number;
        }
    }

    #[test]
    fn a_run_that_was_ended_is_not_gone_on_with() {
        let (sequencer, run) = (Sequencer::new(), Run::new());
        assert_eq!(sequencer.next(&run), RUN);
        run.end();
        assert_eq!(sequencer.next(&run), 2 * RUN);
    }

    #[test]
    fn one_alone_skips_no_number() {
        let (sequencer, run) = (Sequencer::new(), Run::new());
        let numbers: Vec<u64> = (0..5 * RUN).map(|_| sequencer.next(&run)).collect();
        assert_eq!(numbers, (RUN..6 * RUN).collect::<Vec<_>>());
    }
}
