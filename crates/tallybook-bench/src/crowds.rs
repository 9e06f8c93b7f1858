//! How fresh snapshots stay where more threads record than there are cores.

use crate::measure::Effort;
use crate::report::{Report, Table, digits};
use anyhow::Result;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tallybook::{Counter, Reader, Registry, Stats};

const THREADS: [usize; 4] = [2, 16, 64, 256];
const INTERVAL: Duration = Duration::from_millis(100);

/// What hot threads do.
#[derive(Stats)]
struct Work {
    done: Counter,
}

/// What was seen of a collector that was to tick so often.
struct Seen {
    fresh: u64,
    stale: u64,
    longest: Duration,
}

pub fn report(effort: Effort) -> Result<Report> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let length = if effort.quick { Duration::from_millis(300) } else { Duration::from_secs(10) };
    let intro = format!(
        "Threads that do nothing but record facts, half of their time inside of one, on {cores} cores; a collector in \
         a thread of its own that is to tick every {INTERVAL:?}, for {length:?}. A cut is finished when each thread that \
         was preempted inside a fact has run again, which takes a round of the scheduler: the threads to a core times a \
         time slice. A tick waits for that for up to 20 ms times the threads to a core, and no longer than a second; \
         then it shows an older cut, and the new one as soon as it is there."
    );
    let mut report = Report::new("More threads than cores", intro);
    let columns = ["threads", "fresh snapshots", "stale ticks", "longest time without a fresh one"];
    let mut table = Table::new("Snapshots", columns);
    let mut all = Vec::new();
    for threads in THREADS {
        let seen = watch(threads, length)?;
        let longest = format!("{} s", digits(seen.longest.as_secs_f64(), 2));
        table.row([threads.to_string(), seen.fresh.to_string(), seen.stale.to_string(), longest]);
        all.push((threads, seen));
    }
    report.table(table);
    for (threads, seen) in all {
        let ticks = (seen.fresh + seen.stale).max(1);
        let share = 100.0 * seen.fresh as f64 / ticks as f64;
        report.at_least(format!("fresh ticks, hot threads: {threads}"), share, 50.0, "%");
        let longest = seen.longest.as_secs_f64();
        report.at_most(format!("longest gap, hot threads: {threads}"), longest, 1.0, "s");
    }
    Ok(report)
}

fn watch(threads: usize, length: Duration) -> Result<Seen> {
    let registry = Registry::new();
    let work = registry.set::<Work>("work")?;
    let (stop, reader) = (&AtomicBool::new(false), registry.reader());
    let longest = std::thread::scope(|scope| -> Result<Duration> {
        let _stop = Stop(stop);
        for _ in 0..threads {
            let work = work.clone();
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    work.record(|w| {
                        w.done.inc();
                        std::hint::spin_loop();
                    });
                    std::hint::spin_loop();
                }
            });
        }
        let ticker = registry.collect_every(INTERVAL)?;
        let longest = longest_gap(&reader, length);
        stop.store(true, Relaxed);
        ticker.stop()?;
        Ok(longest)
    })?;
    let own = reader.latest().set(&registry.collector_stats());
    Ok(Seen { fresh: own.ticks, stale: own.stale, longest })
}

/// Stops the threads however their scope ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The longest time between two snapshots of different epochs, or between one and the end.
fn longest_gap(reader: &Reader, length: Duration) -> Duration {
    let started = Instant::now();
    let (mut last, mut longest) = (started, Duration::ZERO);
    let mut epoch = reader.latest().epoch();
    while let Some(left) = length.checked_sub(started.elapsed()) {
        if let Ok(next) = reader.wait_next(epoch, left) {
            epoch = next.epoch();
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
    }
    longest.max(last.elapsed())
}
