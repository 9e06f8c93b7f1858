//! What is kept of threads that have ended.

use crate::ALLOCATED;
use crate::fixtures::One;
use crate::measure::Effort;
use crate::report::{Report, Table, digits};
use anyhow::Result;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tallybook::{Collector, Entry, ManualClock, Registry};

const INTERVAL: Duration = Duration::from_millis(100);
/// How many ticks a minute has.
const MINUTE: usize = 600;
/// So many keys of the family fill a thread's cache.
const KEYS: [usize; 2] = [16, 4096];

/// Bytes more than before the threads began.
struct Kept {
    keys: usize,
    living: usize,
    ended: usize,
    minute: usize,
    again: usize,
}

/// A registry without windows, and a family whose entries are held.
struct Stage {
    clock: Arc<ManualClock>,
    collector: Collector,
    entries: Vec<Entry<u64, One>>,
}

pub fn report(effort: Effort) -> Result<Report> {
    let threads = if effort.quick { 8 } else { 100 };
    let mut report = Report::new(
        "Threads that end",
        format!(
            "{threads} threads at once record on so many keys of a family with one counter, and \
             end. A tick every 100 ms, on a clock that is moved by hand; no windows. The same \
             again: as many threads once more, a minute later, and what is kept when they live."
        ),
    );
    let columns =
        ["keys touched", "while they live", "one tick after", "a minute after", "the same again"];
    let mut table = Table::new("KiB for each thread", columns);
    for keys in KEYS {
        let kept = Stage::new(keys)?.run(threads);
        let each = |bytes: usize| digits(bytes as f64 / 1024.0 / threads as f64, 1);
        table.row([
            kept.keys.to_string(),
            each(kept.living),
            each(kept.ended),
            each(kept.minute),
            each(kept.again),
        ]);
        let share = kept.minute as f64 / kept.living as f64;
        let what =
            format!("kept of threads that ended a minute ago, keys: {keys}, × while they lived");
        report.at_most(what, share, 0.1, "×");
    }
    report.table(table);
    Ok(report)
}

impl Stage {
    fn new(keys: usize) -> Result<Self> {
        let clock = Arc::new(ManualClock::new());
        let registry = Registry::builder().clock(clock.clone()).windows([]).averages([]).build();
        let family = registry.family::<u64, One>("peer", "key")?;
        let entries = (0..keys as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
        let mut stage = Stage { clock, collector: registry.collector()?, entries };
        // So that what this thread, the rows and the entries take is there before.
        for _ in 0..3 {
            stage.entries.iter().for_each(|entry| entry.record(One::count));
            stage.tick();
        }
        Ok(stage)
    }

    fn tick(&mut self) {
        self.clock.advance(INTERVAL);
        self.collector.tick();
    }

    fn run(mut self, threads: usize) -> Kept {
        let before = ALLOCATED.allocated();
        let since = || ALLOCATED.allocated().saturating_sub(before);
        let living = self.crowd(threads, since);
        self.tick();
        let ended = since();
        (0..MINUTE).for_each(|_| self.tick());
        let minute = since();
        let again = self.crowd(threads, since);
        Kept { keys: self.entries.len(), living, ended, minute, again }
    }

    /// Lets so many threads record, and tells what is kept before they end.
    fn crowd(&mut self, threads: usize, kept: impl Fn() -> usize) -> usize {
        let (recorded, end) = (&Barrier::new(threads + 1), &Barrier::new(threads + 1));
        let Stage { clock, collector, entries } = self;
        let entries = &*entries;
        std::thread::scope(|scope| {
            let record = || {
                // Both sides of a shard are in use.
                for _ in 0..2 {
                    entries.iter().for_each(|entry| entry.record(One::count));
                    recorded.wait();
                    end.wait();
                }
            };
            let recording: Vec<_> = (0..threads).map(|_| scope.spawn(record)).collect();
            let mut living = 0;
            for _ in 0..2 {
                recorded.wait();
                clock.advance(INTERVAL);
                collector.tick();
                living = kept();
                end.wait();
            }
            // Unlike the end of the scope this waits for what the threads free at their very end,
            // too.
            recording.into_iter().for_each(|thread| thread.join().expect("no entry panics"));
            living
        })
    }
}
