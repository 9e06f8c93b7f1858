//! [`Ledger`]: what should have been counted.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How often something was begun, and how often it was done. The library's count lies between the
/// two, and equals both unless a panic left it open.
#[derive(Default)]
pub struct Tally {
    begun: AtomicU64,
    done: AtomicU64,
}

impl Tally {
    /// Calls `f`, which counts. If it panics it may or may not have counted.
    pub fn around<T>(&self, f: impl FnOnce() -> T) -> T {
        self.begun.fetch_add(1, SeqCst);
        let value = f();
        self.done.fetch_add(1, SeqCst);
        value
    }

    /// Calls `f`, which counts unless it panics.
    pub fn unless_panics<T>(&self, f: impl FnOnce() -> T) -> T {
        /// Undoes `begun` if it is dropped early.
        struct Trial<'a>(&'a Tally, bool);
        impl Drop for Trial<'_> {
            fn drop(&mut self) {
                if !self.1 {
                    self.0.begun.fetch_sub(1, SeqCst);
                }
            }
        }
        self.begun.fetch_add(1, SeqCst);
        let mut trial = Trial(self, false);
        let value = f();
        trial.1 = true;
        self.done.fetch_add(1, SeqCst);
        value
    }

    /// Notes an attempt, which may or may not be counted.
    pub fn begin(&self) {
        self.begun.fetch_add(1, SeqCst);
    }

    /// Notes that an attempt was counted.
    pub fn done(&self) {
        self.done.fetch_add(1, SeqCst);
    }
}

/// What was recorded on a set, or on the entries of a family.
#[derive(Default)]
pub struct SetLedger {
    pub count: Tally,
    pub sizes: Tally,
    pub opened: Tally,
    pub closed: Tally,
    pub timed_opened: Tally,
    pub timed_closed: Tally,
}

/// The kinds of events, by their index.
pub const KINDS: usize = 5;
/// The kind that is switched off and on, so that its events may not be counted at all.
pub const SWITCHED: usize = 4;

/// All that happened in a world.
#[derive(Default)]
pub struct Ledger {
    pub set: SetLedger,
    pub other: SetLedger,
    pub family: SetLedger,
    pub refused: Tally,
    pub sent: [Tally; KINDS],
    pub applied: Tally,
    /// How often the callback of the observed set was called.
    pub observed: AtomicU64,
}

impl Ledger {
    /// In the order of [`NAMES`].
    fn each(&self) -> impl Iterator<Item = &Tally> {
        let sets = [&self.set, &self.other, &self.family];
        let sets = sets.into_iter().flat_map(|set| {
            let lives = [&set.opened, &set.closed, &set.timed_opened, &set.timed_closed];
            [&set.count, &set.sizes].into_iter().chain(lives)
        });
        sets.chain([&self.refused, &self.applied]).chain(&self.sent)
    }

    /// The lower bounds of the library's counts.
    pub fn lower_bounds(&self) -> Vec<u64> {
        self.each().map(|tally| tally.done.load(SeqCst)).collect()
    }

    /// The upper bounds of the library's counts.
    pub fn upper_bounds(&self) -> Vec<u64> {
        self.each().map(|tally| tally.begun.load(SeqCst)).collect()
    }
}

/// The names of the counts.
pub const NAMES: [&str; 20 + KINDS] = [
    "set count",
    "set sizes",
    "set opened",
    "set closed",
    "set timed opened",
    "set timed closed",
    "other count",
    "other sizes",
    "other opened",
    "other closed",
    "other timed opened",
    "other timed closed",
    "family count",
    "family sizes",
    "family opened",
    "family closed",
    "family timed opened",
    "family timed closed",
    "refused",
    "applied",
    "sent newest",
    "sent oldest",
    "sent merged",
    "sent loose",
    "sent switched",
];
