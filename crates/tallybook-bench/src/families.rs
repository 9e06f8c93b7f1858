//! What a fact on an entry of a family costs, where its line is in the thread's cache and where it
//! mostly is not.

mod fields;
mod hits;
mod random;
mod turn;

use crate::fixtures::{One, Three, each_count, sets};
use crate::measure::Effort;
use crate::report::{Report, Table};
use anyhow::Result;
use fields::Fields;
use std::time::Duration;
use tallybook::{Entry, Registry};

const TICK: Duration = Duration::from_millis(100);
const KEYS: usize = 10_000;
const ENTRY: &str = "entry";
const ATOMICS: &str = "shared atomics";

type Entries<S> = Vec<Entry<u64, S>>;

pub fn report(effort: Effort) -> Result<Report> {
    let many = if effort.quick { 50_000 } else { 1_000_000 };
    let mut report = Report::new(
        "Families",
        "Facts through entries that are held. A thread's cache of a family has 1,024 lines, so at \
         random over 10,000 keys nine accesses of ten miss. The shared atomics lie in an array, as \
         dense as they go unless it says otherwise; behind an `Arc` for each key they are reached \
         as entries are. A collector ticks every 100 ms meanwhile unless it says otherwise.",
    );
    hits::<1, One>(effort, &mut report)?;
    hits::<3, Three>(effort, &mut report)?;
    random::<1, One>(effort, KEYS, &mut report)?;
    random::<3, Three>(effort, KEYS, &mut report)?;
    random::<1, One>(effort, many, &mut report)?;
    random::<3, Three>(effort, many, &mut report)?;
    in_turn::<1, One>(effort, &mut report)?;
    in_turn::<3, Three>(effort, &mut report)?;
    Ok(report)
}

fn entries<const N: usize, S: Fields<N>>(registry: &Registry, keys: usize) -> Result<Entries<S>> {
    let family = registry.family::<u64, S>("peer", "key")?;
    Ok((0..keys as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?)
}

fn hits<const N: usize, S: Fields<N>>(effort: Effort, report: &mut Report) -> Result<()> {
    let registry = Registry::new();
    let sets = sets::<S>(&registry, "set")?;
    let entries = entries(&registry, KEYS)?;
    let _collecting = registry.collect_every(TICK)?;
    let runs = each_count(|threads| Ok(hits::times(effort, threads, &sets, &entries)))?;
    report.table(Table::of_times(format!("Hits, fields: {N}"), "set, same", &runs));
    for (entry, set) in [("entry, one key", "set, same"), ("entry, 64 in turn", "set, 64 in turn")]
    {
        for (threads, times) in &runs {
            let what = format!("{entry}, fields: {N}, threads: {threads}, × {set}");
            report.at_most(what, times.ratio(entry, set), 1.3, "×");
        }
    }
    Ok(())
}

fn random<const N: usize, S: Fields<N>>(
    effort: Effort,
    keys: usize,
    report: &mut Report,
) -> Result<()> {
    let registry = Registry::new();
    let entries = entries::<N, S>(&registry, keys)?;
    let measure = || each_count(|threads| Ok(random::times(effort.warm(), threads, &entries)));
    let title = format!("{keys} keys at random, fields: {N}");
    if keys == KEYS {
        report.table(Table::of_times(format!("{title}, no collector"), ATOMICS, &measure()?));
    }
    let _collecting = registry.collect_every(TICK)?;
    let runs = measure()?;
    report.table(Table::of_times(&title, ATOMICS, &runs));
    for (threads, times) in &runs {
        let limit = if keys == KEYS && N == 3 && *threads > 1 { 0.6 } else { 1.0 };
        let what = format!("entry, {title}, threads: {threads}, × {ATOMICS}");
        report.at_most(what, times.ratio(ENTRY, ATOMICS), limit, "×");
    }
    Ok(())
}

fn in_turn<const N: usize, S: Fields<N>>(effort: Effort, report: &mut Report) -> Result<()> {
    let registry = Registry::new();
    let entries = entries::<N, S>(&registry, KEYS)?;
    let _collecting = registry.collect_every(TICK)?;
    let runs = each_count(|threads| Ok(turn::times(effort.warm(), threads, &entries)))?;
    let title =
        format!("{KEYS} keys, each recorded by one thread and then by the next, fields: {N}");
    report.table(Table::of_times(title, ATOMICS, &runs));
    Ok(())
}
