//! What a fact that times something costs, how much of it is the clock, and how good the clock is.

mod accuracy;

use crate::fixtures::each_count;
use crate::measure::{Contender, Effort, Times, compete, contender};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tallybook::clock::TscClock;
use tallybook::{Clock, Counter, Histogram, Registry, Set, Stats, SystemClock};

const ALONE: &str = "fact alone";
const CLOCKS: [&str; 3] = ["Instant", "SystemClock", "TscClock"];

#[derive(Stats)]
struct Lookups {
    /// Lookups.
    done: Counter,
    /// How long they took.
    took: Histogram<Duration>,
}

/// Something that tells the time.
trait Watch: Sync {
    type Stamp;
    fn now(&self) -> Self::Stamp;
    fn since(&self, stamp: Self::Stamp) -> Duration;
}

/// The standard library's, without a clock to ask.
struct Std;

impl Watch for Std {
    type Stamp = Instant;
    #[inline(always)]
    fn now(&self) -> Instant {
        Instant::now()
    }
    #[inline(always)]
    fn since(&self, stamp: Instant) -> Duration {
        stamp.elapsed()
    }
}

impl<C: Clock> Watch for C {
    type Stamp = Duration;
    #[inline(always)]
    fn now(&self) -> Duration {
        Clock::now(self)
    }
    #[inline(always)]
    fn since(&self, stamp: Duration) -> Duration {
        self.elapsed_since(stamp)
    }
}

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let lookups = registry.set::<Lookups>("lookups")?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let clocks = (Std, SystemClock::new(), TscClock::new());
    let runs = each_count(|threads| {
        let mut contenders = vec![contender(ALONE, |_| {
            |_| count(black_box(&lookups), black_box(Duration::from_nanos(40)))
        })];
        contenders.extend(timed(CLOCKS[0], &clocks.0, &lookups));
        contenders.extend(timed(CLOCKS[1], &clocks.1, &lookups));
        contenders.extend(timed(CLOCKS[2], &clocks.2, &lookups));
        Ok(compete(effort, threads, &contenders))
    })?;

    let mut report = Report::new(
        "Durations",
        "A timed fact reads a clock at the start and at the end of nothing, and then counts one and records the \
         difference in a histogram, in one fact. `TscClock` is the processor's time stamp counter, the others are the \
         system's monotonic clock.",
    );
    report.table(Table::of_times("Timing something", ALONE, &runs));
    report.table(shares(&runs[0].1));
    report.table(accuracy::table(effort, &clocks.2));
    Ok(report)
}

#[inline(always)]
fn count(lookups: &Set<Lookups>, took: Duration) {
    lookups.record(|lookups| {
        lookups.done.inc();
        lookups.took.record(took);
    });
}

/// One read, two reads and the time between them, and all of it.
fn timed<'a, W: Watch>(name: &str, clock: &'a W, lookups: &'a Set<Lookups>) -> [Contender<'a>; 3] {
    [
        contender(one_read(name), move |_| {
            move |_| {
                black_box(black_box(clock).now());
            }
        }),
        contender(two_reads(name), move |_| {
            move |_| {
                let started = black_box(black_box(clock).now());
                black_box(black_box(clock).since(started));
            }
        }),
        contender(timed_fact(name), move |_| {
            move |_| {
                let started = black_box(black_box(clock).now());
                let took = black_box(black_box(clock).since(started));
                count(black_box(lookups), took);
            }
        }),
    ]
}

fn one_read(clock: &str) -> String {
    format!("{clock}, one read")
}

fn two_reads(clock: &str) -> String {
    format!("{clock}, start and stop")
}

fn timed_fact(clock: &str) -> String {
    format!("{clock}, timed fact")
}

fn shares(times: &Times) -> Table {
    let mut table = Table::new(
        "Of it the clock, one thread",
        ["", "of it the clock, %", "× Instant, one read", "× Instant, timed fact"],
    );
    for clock in CLOCKS {
        let share = 100.0 * times.ratio(&two_reads(clock), &timed_fact(clock));
        let read = times.ratio(&one_read(clock), &one_read(CLOCKS[0]));
        let fact = times.ratio(&timed_fact(clock), &timed_fact(CLOCKS[0]));
        table.row([clock.into(), digits(share, 0), digits(read, 2), digits(fact, 2)]);
    }
    table
}
