//! What each key that was touched costs the collector.

use crate::cpu;
use crate::fixtures::One;
use crate::measure::{Effort, median, thread_counts};
use crate::memory::Eight;
use crate::report::{Report, Table, digits};
use anyhow::Result;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tallybook::{Collector, Entry, Registry, Stats};

const KEYS: usize = 10_000;
/// How often each thread records on each key between two ticks.
const FACTS: usize = 3;
const ATOMICS: &str = "an atomic for each key, read";
/// The one for which the target is.
const ONE: &str = "one counter, the default windows";

/// A family whose keys are all touched, and the same with atomics.
struct Touched<S: Stats> {
    collector: Collector,
    entries: Vec<Entry<u64, S>>,
    atomics: Vec<CachePadded<AtomicU64>>,
    fact: fn(&S),
}

/// Nanoseconds for each key: of a tick, and of reading the atomics.
type Each = [f64; 2];

pub fn answer(effort: Effort, report: &mut Report) -> Result<()> {
    let threads: Vec<usize> = thread_counts().into_iter().filter(|n| *n <= 2).collect();
    let columns = std::iter::once(String::new())
        .chain(threads.iter().map(|n| format!("× atomics, threads: {n}")))
        .chain(threads.iter().map(|n| format!("ns here, threads: {n}")));
    let mut table = Table::new(format!("{KEYS} keys touched: for each of them"), columns);
    let one = |windows| each_count(effort, &threads, windows, One::count as fn(&One));
    let eight = |windows| each_count(effort, &threads, windows, Eight::count as fn(&Eight));
    let kinds = [
        (ONE, one(true)?),
        ("one counter, no windows", one(false)?),
        ("eight counters, the default windows", eight(true)?),
        ("eight counters, no windows", eight(false)?),
    ];
    let mut row = |name: &str, runs: &[Vec<Each>], at: usize| {
        let over = |run: &Vec<Each>, value: &dyn Fn(&Each) -> f64| median(run.iter().map(value));
        let ratios = runs.iter().map(|run| digits(over(run, &|each| each[at] / each[1]), 1));
        let times = runs.iter().map(|run| digits(over(run, &|each| each[at]), 1));
        table.row(std::iter::once(name.to_string()).chain(ratios).chain(times));
    };
    row(ATOMICS, &kinds[0].1, 1);
    kinds.iter().for_each(|(name, runs)| row(name, runs, 0));
    report.table(table);
    for (threads, run) in threads.iter().zip(&kinds[0].1) {
        let ns = median(run.iter().map(|each| each[0]));
        let what = format!("the collector, for each touched key, {ONE}, threads: {threads}");
        report.at_most(what, ns, 60.0, "ns");
    }
    Ok(())
}

fn each_count<S: Stats>(
    effort: Effort,
    threads: &[usize],
    windows: bool,
    fact: fn(&S),
) -> Result<Vec<Vec<Each>>> {
    threads.iter().map(|n| Ok(Touched::new(windows, fact)?.rounds(effort, *n))).collect()
}

impl<S: Stats> Touched<S> {
    fn new(windows: bool, fact: fn(&S)) -> Result<Self> {
        let builder = Registry::builder();
        let builder = if windows { builder } else { builder.windows([]).averages([]) };
        let registry = builder.build();
        let family = registry.family::<u64, S>("peer", "key")?;
        let entries = (0..KEYS as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
        let atomics = (0..KEYS).map(|_| CachePadded::new(AtomicU64::new(0))).collect();
        Ok(Touched { collector: registry.collector()?, entries, atomics, fact })
    }

    fn rounds(mut self, effort: Effort, threads: usize) -> Vec<Each> {
        let rounds = effort.rounds;
        let (begin, end) = (&Barrier::new(threads + 1), &Barrier::new(threads + 1));
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let Touched { collector, entries, atomics, fact } = &mut self;
        let (entries, atomics, fact) = (&*entries, &*atomics, *fact);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let core = cores.get(thread).copied();
                scope.spawn(move || {
                    core.map(core_affinity::set_for_current);
                    for _ in 0..=rounds {
                        begin.wait();
                        touch(entries, atomics, thread, fact);
                        end.wait();
                    }
                });
            }
            let core = cores.last().copied();
            let ticking = scope.spawn(move || {
                core.map(core_affinity::set_for_current);
                let mut round = || {
                    begin.wait();
                    end.wait();
                    let tick = each_key(|| drop(collector.tick()));
                    [tick, each_key(|| read(atomics))]
                };
                // The first round, in which rows are made, does not count.
                round();
                (0..rounds).map(|_| round()).collect()
            });
            ticking.join().expect("no tick panics")
        })
    }
}

fn touch<S: Stats>(
    entries: &[Entry<u64, S>],
    atomics: &[CachePadded<AtomicU64>],
    thread: usize,
    fact: fn(&S),
) {
    for i in 0..FACTS * KEYS {
        let at = (i + thread * KEYS / 2) * 7919 % KEYS;
        entries[at].record(fact);
        atomics[at].fetch_add(1, Relaxed);
    }
}

fn read(atomics: &[CachePadded<AtomicU64>]) {
    let mut rows = Vec::with_capacity(KEYS);
    rows.extend(atomics.iter().map(|cell| cell.load(Relaxed)));
    black_box(rows);
}

/// Nanoseconds of CPU time for each key.
fn each_key(work: impl FnOnce()) -> f64 {
    let before = cpu::of_thread();
    work();
    (cpu::of_thread() - before).as_nanos() as f64 / KEYS as f64
}
