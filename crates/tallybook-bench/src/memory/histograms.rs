//! What histograms take, which depends on the values.

use crate::ALLOCATED;
use crate::fixtures::{One, SETS, sets};
use crate::measure::Effort;
use crate::report::{Table, digits};
use crate::values;
use anyhow::Result;
use std::sync::Barrier;
use std::time::Duration;
use tallybook::{Histogram, Registry, Set, Stats};

/// All slots of a `Histogram` at scale 3.
const DENSE: usize = 514 * size_of::<u64>();

/// With values in nanoseconds.
#[derive(Stats)]
struct Sizes {
    /// Sizes.
    sizes: Histogram,
}

#[derive(Stats)]
struct Waits {
    /// How long it took.
    took: Histogram<Duration>,
}

/// What one more thread takes on each of its sets, and what a set takes besides.
pub fn of_sets(effort: Effort) -> Result<Table> {
    let most = if effort.quick { 4 } else { 16 };
    let spread = |table: &values::Table<u64>| {
        on_set(most, |set: &Set<Sizes>, i| set.record(|sizes| sizes.sizes.record(table.at(i))))
    };
    let title = format!(
        "Histograms of sets: bytes per set, of {SETS} sets on which {most} threads record 4,096 values between two ticks; \
         both copies"
    );
    let mut table = Table::new(title, ["", "for each thread", "× dense", "besides"]);
    for (name, [each, besides]) in [
        ("a counter", on_set(most, |set: &Set<One>, _| set.record(One::count))?),
        ("a histogram, 1 ms to 1.5 ms", spread(&values::Table::narrow())?),
        ("a histogram, latencies", spread(&values::Table::latencies())?),
        ("a histogram, 10 µs to 10 ms", spread(&values::Table::wide())?),
        ("two dense arrays of 514 cells", [2.0 * DENSE as f64, 0.0]),
    ] {
        let ratio = each / (2.0 * DENSE as f64);
        table.row([name.into(), digits(each, 0), digits(ratio, 2), digits(besides, 0)]);
    }
    Ok(table)
}

/// What `most` threads take more than one, for each of them and for each set; and what a set takes
/// besides.
fn on_set<S: Stats>(most: usize, record: impl Fn(&Set<S>, u64) + Copy + Sync) -> Result<[f64; 2]> {
    let of = |threads| Ok::<_, anyhow::Error>(on_threads(threads, record)? as f64 / SETS as f64);
    let (all, one) = (of(most)?, of(1)?);
    let each = (all - one) / (most - 1) as f64;
    Ok([each, one - each])
}

fn on_threads<S: Stats>(count: usize, record: impl Fn(&Set<S>, u64) + Sync) -> Result<usize> {
    let before = ALLOCATED.allocated();
    let registry = Registry::builder().windows([]).averages([]).build();
    let sets = &sets::<S>(&registry, "set")?;
    let mut collector = registry.collector()?;
    let (together, record) = (&Barrier::new(count + 1), &record);
    let bytes = std::thread::scope(|scope| {
        let recording = || {
            // Twice, so that both copies are used.
            for _ in 0..2 {
                sets.iter().for_each(|set| (0..4_096).for_each(|i| record(set, i)));
                together.wait();
                together.wait();
            }
            together.wait();
        };
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(recording)).collect();
        for _ in 0..2 {
            together.wait();
            collector.tick();
            together.wait();
        }
        let bytes = ALLOCATED.allocated() - before;
        together.wait();
        // Unlike the end of the scope this waits for what the threads free at their very end, too.
        threads.into_iter().for_each(|thread| thread.join().expect("no set panics"));
        bytes
    });
    Ok(bytes)
}

/// What a key takes.
pub fn of_entries(effort: Effort) -> Result<Table> {
    let keys = if effort.quick { 5_000 } else { 100_000 };
    let title = format!(
        "Histograms of a family of {keys} keys: bytes per key, recorded by one thread, half before a tick and half after"
    );
    let columns =
        ["", "values per key", "buckets per key", "bytes per key", "more than with a counter"];
    let mut table = Table::new(title, columns);
    let counter = of_keys(keys, 2, |one: &One, _| one.count(), |_| 0)?;
    table.row(["a counter", "—", "—", &digits(counter.bytes, 0), "0"]);
    let (latencies, narrow) = (&values::Table::latencies(), &values::Table::narrow());
    for (name, values, of_each) in [
        ("latencies", latencies, 1),
        ("latencies", latencies, 10),
        ("latencies", latencies, 1_000),
        ("1 ms to 1.5 ms", narrow, 1_000),
    ] {
        let record = |waits: &Waits, i| waits.took.record(Duration::from_nanos(values.at(i)));
        let found = of_keys(keys, of_each, record, |waits| waits.took.buckets().count())?;
        let more = digits(found.bytes - counter.bytes, 0);
        let (buckets, bytes) = (digits(found.buckets, 1), digits(found.bytes, 0));
        table.row([name.to_string(), of_each.to_string(), buckets, bytes, more]);
    }
    let dense = DENSE.to_string();
    table.row(["a dense array of 514 cells, for one thread", "any", "514", &dense, "—"]);
    Ok(table)
}

/// Of each key.
struct Found {
    bytes: f64,
    buckets: f64,
}

fn of_keys<S: Stats>(
    keys: usize,
    of_each: u64,
    record: impl Fn(&S, u64),
    buckets: impl Fn(&S::Value) -> usize,
) -> Result<Found> {
    let before = ALLOCATED.allocated();
    let registry = Registry::builder().windows([]).averages([]).build();
    let family = registry.family::<u64, S>("peer", "key")?;
    let mut collector = registry.collector()?;
    let entries: Vec<_> =
        (0..keys as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
    for values in [0..of_each / 2, of_each / 2..of_each] {
        for (key, entry) in entries.iter().enumerate() {
            let first = key as u64 * of_each;
            values.clone().for_each(|i| entry.record(|set| record(set, first + i)));
        }
        collector.tick();
    }
    let bytes = ALLOCATED.allocated() - before;
    let latest = registry.reader().latest();
    let seen: usize = latest.family(&family).iter().map(|(_, values)| buckets(&values)).sum();
    Ok(Found { bytes: bytes as f64 / keys as f64, buckets: seen as f64 / keys as f64 })
}
