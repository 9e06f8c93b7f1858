//! What a key takes: its text, its handle, its cells and its place, all in.

use crate::ALLOCATED;
use crate::fixtures::One;
use crate::measure::Effort;
use crate::memory::{Eight, held};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::array;
use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tallybook::{Entry, Registry, Stats};

const THREADS: [usize; 2] = [1, 16];
const CLIENT: &str = "prometheus-client, Family";

/// What was found: names and bytes.
type Found = Vec<(String, usize)>;

pub fn answer(effort: Effort, report: &mut Report) -> Result<()> {
    let keys = if effort.quick { 5_000 } else { 100_000 };
    let one = found::<1, One>(keys, One::count)?;
    let eight = found::<8, Eight>(keys, Eight::count)?;
    report.table(table::<1>(keys, &one));
    report.table(table::<8>(keys, &eight));
    let each = |found: &Found, name: &str| {
        let bytes = found.iter().find(|known| known.0 == name).map_or(0, |known| known.1);
        bytes as f64 / keys as f64
    };
    for threads in THREADS {
        let (name, what) = (family(threads), "bytes per key of one counter");
        report.at_most(format!("{what}, {name}"), each(&one, &name), 120.0, "bytes");
        let leanest = each(&one, &name) / each(&one, CLIENT);
        report.at_most(format!("{what}, {name}, × prometheus-client"), leanest, 1.0, "×");
    }
    let name = family(16);
    let what = format!("bytes per counter of eight, {name}");
    report.at_most(what, each(&eight, &name) / 8.0, 60.0, "bytes");
    Ok(())
}

fn family(threads: usize) -> String {
    format!("family, threads: {threads}")
}

fn table<const N: usize>(keys: usize, found: &Found) -> Table {
    let title = format!("{keys} keys of 20 bytes, counters: {N}");
    let columns = ["", "× prometheus-client", "bytes per key", "bytes per counter"];
    let mut table = Table::new(title, columns);
    let client = found.iter().find(|known| known.0 == CLIENT).map_or(0, |known| known.1);
    for (name, bytes) in found {
        let each = *bytes as f64 / keys as f64;
        let ratio = digits(*bytes as f64 / client as f64, 2);
        table.row([name.clone(), ratio, digits(each, 1), digits(each / N as f64, 1)]);
    }
    table
}

fn found<const N: usize, S: Stats>(keys: usize, fact: fn(&S)) -> Result<Found> {
    let mut found = Vec::new();
    for threads in THREADS {
        found.push((family(threads), entries(keys, threads, fact)?));
    }
    let handles = keys * size_of::<Entry<String, S>>();
    found.push(("— of it handles".into(), handles));
    found.push((CLIENT.into(), held(|| Ok(client::<N>(keys)))?));
    found.push(("prometheus, IntCounterVec".into(), held(|| prometheus::<N>(keys))?));
    found.push(("HashMap<String, [AtomicU64; N]>".into(), held(|| Ok(map::<N>(keys)))?));
    Ok(found)
}

/// Exactly as many bytes as it has.
fn text(key: usize) -> String {
    format!("10.20.30.40:{key:08}").into_boxed_str().into_string()
}

/// With threads that still live, each of which has recorded on all keys in two epochs.
fn entries<S: Stats>(keys: usize, threads: usize, fact: fn(&S)) -> Result<usize> {
    let before = ALLOCATED.allocated();
    let registry = Registry::builder().windows([]).averages([]).build();
    let family = registry.family::<String, S>("peer", "addr")?;
    let mut collector = registry.collector()?;
    let mut entries: Vec<Entry<String, S>> = Vec::with_capacity(keys);
    for key in 0..keys {
        entries.push(family.entry(text(key))?);
    }
    let (recorded, ticked) = (&Barrier::new(threads + 1), &Barrier::new(threads + 1));
    let all = &*entries;
    Ok(std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for _ in 0..2 {
                    // All in one order, and each from a key of its own.
                    (0..keys).for_each(|i| all[(i + thread * 613) * 7919 % keys].record(fact));
                    recorded.wait();
                    ticked.wait();
                }
            });
        }
        let mut bytes = 0;
        for _ in 0..2 {
            recorded.wait();
            collector.tick();
            collector.tick();
            bytes = ALLOCATED.allocated() - before;
            ticked.wait();
        }
        bytes
    }))
}

fn client<const N: usize>(keys: usize) -> [Family<String, Counter>; N] {
    array::from_fn(|_| {
        let family = Family::<String, Counter>::default();
        (0..keys).for_each(|key| {
            family.get_or_create(&text(key)).inc();
        });
        family
    })
}

fn prometheus<const N: usize>(keys: usize) -> Result<Vec<IntCounterVec>> {
    let counters = |at| Ok(IntCounterVec::new(Opts::new(format!("c_{at}"), "Count."), &["addr"])?);
    let families: Vec<IntCounterVec> = (0..N).map(counters).collect::<Result<_>>()?;
    for family in &families {
        (0..keys).for_each(|key| family.with_label_values(&[text(key)]).inc());
    }
    Ok(families)
}

fn map<const N: usize>(keys: usize) -> HashMap<String, [AtomicU64; N]> {
    let mut map: HashMap<String, [AtomicU64; N]> = HashMap::new();
    for key in 0..keys {
        let cells = map.entry(text(key)).or_insert_with(|| array::from_fn(|_| AtomicU64::new(0)));
        cells.iter().for_each(|cell| {
            cell.fetch_add(1, Relaxed);
        });
    }
    map
}
