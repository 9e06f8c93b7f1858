//! What a fact on an entry of a family costs, where its line is in the thread's cache and where it
//! never is.

use crate::fixtures::{SETS, Three, add_three, each_count, plain_add, sets};
use crate::measure::{Contender, Effort, Times, compete, contender};
use crate::report::{Report, Table};
use anyhow::Result;
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tallybook::{Entry, Registry, Set};

const KEYS: usize = 10_000;
const ATOMICS: &str = "three shared atomics";
const ENTRY: &str = "entry";
const SET: &str = "set";

type Entries = Vec<Entry<u64, Three>>;
type Cells = Vec<CachePadded<[AtomicU64; 3]>>;

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let sets = sets::<Three>(&registry, "three")?;
    let family = registry.family::<u64, Three>("peer", "key")?;
    let entries: Entries =
        (0..KEYS as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
    let hit = {
        let _collecting = registry.collect_every(Duration::from_millis(100))?;
        each_count(|threads| Ok(hits(effort, threads, &sets, &entries)))?
    };
    let still = each_count(|threads| Ok(misses(effort, threads, &entries)))?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let ticking = each_count(|threads| Ok(misses(effort, threads, &entries)))?;

    let mut report = Report::new(
        "Families",
        "Facts of three fields. The cache has 1,024 lines, so at random over 10,000 keys nine accesses of ten miss.",
    );
    report.table(Table::of_times("Hits", "set, same", &hit));
    report.table(Table::of_times("10,000 keys at random, no collector", ATOMICS, &still));
    report.table(Table::of_times("10,000 keys at random, a tick every 100 ms", ATOMICS, &ticking));
    for (entry, set) in [("entry, one key", "set, same"), ("entry, 64 in turn", "set, 64 in turn")]
    {
        report.at_most(format!("{entry}, × {set}"), hit[0].1.ratio(entry, set), 1.5, "×");
    }
    for (how, runs) in [("no collector", &still), ("ticking", &ticking)] {
        for (threads, times) in runs {
            let what = format!("entry, all misses, {how}, threads: {threads}, × {ATOMICS}");
            report.at_most(what, times.ratio(ENTRY, ATOMICS), 1.0, "×");
        }
    }
    Ok(report)
}

fn hits(effort: Effort, threads: usize, sets: &[Set<Three>], entries: &Entries) -> Times {
    let (set, entry) = (&sets[3], &entries[3]);
    let few = &entries[..SETS];
    let contenders = [
        contender(format!("{SET}, same"), move |_| {
            move |i| black_box(set).record(|three| three.count(i))
        }),
        contender("entry, one key", move |_| {
            move |i| black_box(entry).record(|three| three.count(i))
        }),
        contender(format!("{SET}, 64 in turn"), move |_| {
            move |i| black_box(sets)[i as usize % SETS].record(|three| three.count(i))
        }),
        contender("entry, 64 in turn", move |_| {
            move |i| black_box(few)[i as usize % SETS].record(|three| three.count(i))
        }),
    ];
    compete(effort, threads, &contenders)
}

fn misses(effort: Effort, threads: usize, entries: &Entries) -> Times {
    let cells = || (0..KEYS).map(|_| CachePadded::new([const { AtomicU64::new(0) }; 3]));
    let shared: Cells = cells().collect();
    let own: Vec<Cells> = (0..threads).map(|_| cells().collect()).collect();
    compete(effort, threads, &contenders(entries, &shared, &own))
}

fn contenders<'a>(entries: &'a Entries, shared: &'a Cells, own: &'a [Cells]) -> [Contender<'a>; 3] {
    [
        contender(ATOMICS, move |_| move |i| add_three(&black_box(shared)[any(i)], i)),
        contender(ENTRY, move |_| {
            move |i| black_box(entries)[any(i)].record(|three| three.count(i))
        }),
        contender("cells per thread and key", move |thread| {
            let own = &own[thread];
            move |i| {
                let cells = &black_box(own)[any(i)];
                plain_add(&cells[0], 1);
                plain_add(&cells[1], i);
                plain_add(&cells[2], 7);
            }
        }),
    ]
}

/// A key at random.
#[inline(always)]
fn any(i: u64) -> usize {
    (i.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1) >> 33) as usize % KEYS
}
