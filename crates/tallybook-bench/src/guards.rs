//! What a guard costs that counts an opening and a closing, and what a clone of a handle costs.

use crate::fixtures::{One, each_count};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table};
use anyhow::Result;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tallybook::{Entry, Live, Registry, Stats};

const ATOMICS: &str = "two fetch_add";
const ARC: &str = "Arc";

#[derive(Stats)]
struct Sessions {
    /// Sessions.
    sessions: Live,
}

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let open = each_count(|threads| open(effort, threads, &registry))?;
    let clones = each_count(|threads| clones(effort, threads, &registry))?;

    let mut report = Report::new(
        "Guards",
        "Made and dropped at once, all threads on the same metric where nothing else is said. A \
         borrowed guard borrows its handle; the others hold what they count in. A collector ticks \
         every 100 ms meanwhile.",
    );
    report.table(Table::of_times("Open and close", ATOMICS, &open));
    report.table(Table::of_times("A handle cloned and dropped", ARC, &clones));
    for (of, limit) in [("set", 1.5), ("entry", 2.0)] {
        let (owning, borrowed) = (format!("{of}.open"), format!("{of}.open_borrowed"));
        for (threads, times) in &open {
            let what = format!("{owning}, threads: {threads}, × {borrowed}");
            report.at_most(what, times.ratio(&owning, &borrowed), limit, "×");
        }
        let most = open.iter().map(|run| run.1.ns(&owning)).fold(0.0, f64::max);
        let what = format!("{owning}, most threads against one");
        report.at_most(what, most / open[0].1.ns(&owning), 1.2, "×");
    }
    Ok(report)
}

fn open(effort: Effort, threads: usize, registry: &Registry) -> Result<Times> {
    let set = registry.set::<Sessions>(&format!("set_{threads}"))?;
    let family = registry.family::<u64, Sessions>(&format!("family_{threads}"), "key")?;
    let entry = family.entry(0)?;
    let entry_of: Vec<Entry<u64, Sessions>> =
        (1..=threads as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
    let cells = || CachePadded::new([const { AtomicU64::new(0) }; 2]);
    let (shared, own) = (cells(), (0..threads).map(|_| cells()).collect::<Vec<_>>());
    let gauge = prometheus::IntGauge::new("sessions", "Sessions.")?;
    let (set, entry, entry_of) = (&set, &entry, &*entry_of);
    let (shared, own, gauge) = (&*shared, &*own, &gauge);
    let contenders = [
        contender(ATOMICS, move |_| move |_| two(black_box(shared))),
        contender("set.open_borrowed", move |_| {
            move |_| drop(black_box(set).open_borrowed(Sessions::sessions))
        }),
        contender("set.open", move |_| move |_| drop(black_box(set).open(Sessions::sessions))),
        contender("entry.open_borrowed", move |_| {
            move |_| drop(black_box(entry).open_borrowed(Sessions::sessions))
        }),
        contender("entry.open", move |_| move |_| drop(black_box(entry).open(Sessions::sessions))),
        contender("prometheus, inc and dec", move |_| {
            move |_| {
                black_box(gauge).inc();
                black_box(gauge).dec();
            }
        }),
        contender("two fetch_add, two atomics per thread", move |thread| {
            let own = &*own[thread];
            move |_| two(black_box(own))
        }),
        contender("entry.open, an entry per thread", move |thread| {
            let entry = &entry_of[thread];
            move |_| drop(black_box(entry).open(Sessions::sessions))
        }),
    ];
    Ok(compete(effort, threads, &contenders))
}

#[inline(always)]
fn two([opened, closed]: &[AtomicU64; 2]) {
    opened.fetch_add(1, Relaxed);
    closed.fetch_add(1, Relaxed);
}

fn clones(effort: Effort, threads: usize, registry: &Registry) -> Result<Times> {
    let set = registry.set::<One>(&format!("cloned_{threads}"))?;
    let family = registry.family::<u64, One>(&format!("clones_{threads}"), "key")?;
    let (entry, arc) = (family.entry(0)?, Arc::new(AtomicU64::new(0)));
    let (set, entry, arc) = (&set, &entry, &arc);
    let contenders = [
        contender(ARC, move |_| move |_| drop(black_box(black_box(arc).clone()))),
        contender("set", move |_| move |_| drop(black_box(black_box(set).clone()))),
        contender("entry", move |_| move |_| drop(black_box(black_box(entry).clone()))),
    ];
    Ok(compete(effort, threads, &contenders))
}
