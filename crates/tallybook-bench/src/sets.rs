//! What a fact costs where a thread goes round many sets.

use crate::fixtures::{One, add, each_count, plain_add, so_many_sets};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table};
use anyhow::Result;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tallybook::{Registry, Set};

/// How many sets a thread goes round; powers of two, so that finding the next is one instruction.
const COUNTS: [usize; 4] = [1, 64, 256, 4096];
const MOST: usize = COUNTS[COUNTS.len() - 1];

type Cells = Vec<CachePadded<AtomicU64>>;

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let sets = so_many_sets::<One>(&registry, "one", MOST)?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let runs = each_count(|threads| Ok(in_turn(effort, threads, &sets)))?;

    let mut report = Report::new(
        "Many sets",
        format!(
            "Facts of one field, on so many of {MOST} sets in turn, and additions to as many \
             atomics. A collector ticks every 100 ms meanwhile. With two threads both go round \
             the same sets, and round the same atomics."
        ),
    );
    let floor = fact(64);
    report.table(Table::of_times("One field, so many in turn", &floor, &runs));
    for (threads, times) in &runs {
        for count in [256, 4096] {
            let what = format!("{}, threads: {threads}, × {floor}", fact(count));
            report.at_most(what, times.ratio(&fact(count), &floor), 2.0, "×");
        }
    }
    Ok(report)
}

fn fact(count: usize) -> String {
    format!("fact, sets: {count}")
}

fn in_turn(effort: Effort, threads: usize, sets: &[Set<One>]) -> Times {
    let cells = || (0..MOST).map(|_| CachePadded::new(AtomicU64::new(0))).collect();
    let shared: Cells = cells();
    let own: Vec<Cells> = (0..threads).map(|_| cells()).collect();
    let (shared, own) = (&*shared, &*own);
    let mut contenders = Vec::new();
    for count in COUNTS {
        let at = move |i: u64| i as usize & (count - 1);
        contenders.push(contender(fact(count), move |_| {
            move |i| black_box(sets)[at(i)].record(One::count)
        }));
        contenders.push(contender(format!("fetch_add, atomics: {count}"), move |_| {
            move |i| add(&black_box(shared)[at(i)])
        }));
        contenders.push(contender(format!("plain add, own cells: {count}"), move |thread| {
            let own = &*own[thread];
            move |i| plain_add(&black_box(own)[at(i)], 1)
        }));
    }
    compete(effort, threads, &contenders)
}
