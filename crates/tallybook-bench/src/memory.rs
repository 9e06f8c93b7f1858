//! What many keys take, with many threads recording over all of them.

mod histograms;
mod keys;

use crate::ALLOCATED;
use crate::measure::Effort;
use crate::peers::{Metrics, OpenTelemetry};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use opentelemetry::KeyValue;
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::{counter::Counter as ClientCounter, family::Family};
use std::array;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tallybook::{Counter, Entry, Registry, Stats};

const THREADS: usize = 16;
const COUNTERS: usize = 8;

/// Eight counters.
#[derive(Stats)]
pub struct Eight {
    a: Counter,
    b: Counter,
    c: Counter,
    d: Counter,
    e: Counter,
    f: Counter,
    g: Counter,
    h: Counter,
}

impl Eight {
    pub fn count(&self) {
        let Eight { a, b, c, d, e, f, g, h } = self;
        [a, b, c, d, e, f, g, h].into_iter().for_each(Counter::inc);
    }
}

/// Bytes that are allocated and not freed.
struct Found {
    end: usize,
    most: usize,
    handles: usize,
    says: i64,
}

pub fn report(effort: Effort) -> Result<Report> {
    let keys = if effort.quick { 5_000 } else { 100_000 };
    let time = Duration::from_millis(if effort.quick { 300 } else { 4_000 });
    let without = Registry::builder().windows([]).averages([]).build();
    let found = family(without, keys, time)?;
    let per_counter = |bytes: usize| bytes as f64 / (keys * COUNTERS) as f64;
    let mega = |bytes: usize| bytes as f64 / 1e6;

    let mut report = Report::new(
        "Memory",
        format!(
            "{keys} keys with {COUNTERS} counters, counted by the allocator. {THREADS} threads record on all keys of the \
             family while a collector ticks every 100 ms; the latest snapshot is held, and one handle per key, which \
             all threads share. There are no windows here: what they take is a question of its own. The peers hold what \
             their registry holds."
        ),
    );
    let mut table = Table::new("Bytes", ["", "× family", "bytes per counter", "MB"]);
    let mut row = |name: &str, bytes: usize| {
        let ratio = bytes as f64 / found.end as f64;
        table.row([
            name.into(),
            digits(ratio, 2),
            digits(per_counter(bytes), 1),
            digits(mega(bytes), 1),
        ]);
    };
    row("family, in all", found.end);
    row("family, the most at any time", found.most);
    row("— of it handles", found.handles);
    row("— what the collector says", usize::try_from(found.says)?);
    for (name, bytes) in peers(keys)? {
        row(name, bytes);
    }
    report.table(table);
    keys::answer(effort, &mut report)?;
    report.table(histograms::of_sets(effort)?);
    report.table(histograms::of_entries(effort)?);
    let limit = 56.0 * keys as f64 / 100_000.0;
    report.at_most("family in all, in the end, no windows", mega(found.end), limit, "MB");
    report.at_most(
        "family in all, the most at any time, no windows",
        mega(found.most),
        limit,
        "MB",
    );
    Ok(report)
}

fn family(registry: Registry, keys: usize, time: Duration) -> Result<Found> {
    let before = ALLOCATED.allocated();
    let family = registry.family::<u64, Eight>("peer", "key")?;
    let collecting = registry.collect_every(Duration::from_millis(100))?;
    let mut entries: Vec<Entry<u64, Eight>> = Vec::with_capacity(keys);
    for key in 0..keys as u64 {
        entries.push(family.entry(key)?);
    }
    let handles = entries.capacity() * size_of::<Entry<u64, Eight>>();
    let (stop, full) = (AtomicBool::new(false), AtomicUsize::new(0));
    let most = std::thread::scope(|scope| {
        let (entries, stop, full) = (&entries, &stop, &full);
        let record = |thread| scope.spawn(move || record_over_all(entries, thread, stop, full));
        let recording: Vec<_> = (0..THREADS).map(record).collect();
        // Until every thread has been at every key, and the time is over.
        let started = Instant::now();
        let mut most = 0;
        while started.elapsed() < time || full.load(Relaxed) < THREADS {
            most = most.max(ALLOCATED.allocated() - before);
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Relaxed);
        // Unlike the end of the scope this waits for what the threads free at their very end, too.
        recording.into_iter().for_each(|thread| thread.join().expect("no entry panics"));
        most
    });
    drop(collecting);
    let snapshot = registry.reader().latest();
    let end = ALLOCATED.allocated() - before;
    let says = snapshot.set(&registry.collector_stats()).memory;
    Ok(Found { end, most: most.max(end), handles, says: says.unwrap_or(0) })
}

/// All in one order, and each from a key of its own.
fn record_over_all(
    entries: &[Entry<u64, Eight>],
    thread: usize,
    stop: &AtomicBool,
    full: &AtomicUsize,
) {
    let mut at = thread * 613 % entries.len();
    for i in 1.. {
        entries[at].record(Eight::count);
        at = (at + 7919) % entries.len();
        if i == 4 * entries.len() {
            full.fetch_add(1, Relaxed);
        }
        if i % 1024 == 0 && stop.load(Relaxed) {
            return;
        }
    }
}

/// What the same numbers take elsewhere.
fn peers(keys: usize) -> Result<Vec<(&'static str, usize)>> {
    Ok(vec![
        ("prometheus, IntCounterVec", held(|| prometheus(keys))?),
        ("prometheus-client, Family", held(|| Ok(client(keys)))?),
        ("metrics, registry", held(|| Ok(metrics(keys)))?),
        ("opentelemetry, counters", held(|| Ok(opentelemetry(keys)))?),
    ])
}

/// What is allocated as long as the result lives.
fn held<T>(make: impl FnOnce() -> Result<T>) -> Result<usize> {
    let before = ALLOCATED.allocated();
    let _made = make()?;
    Ok(ALLOCATED.allocated() - before)
}

const NAMES: [&str; COUNTERS] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn prometheus(keys: usize) -> Result<prometheus::Registry> {
    let registry = prometheus::Registry::new();
    for name in NAMES {
        let counters = IntCounterVec::new(Opts::new(name, "Count."), &["key"])?;
        registry.register(Box::new(counters.clone()))?;
        (0..keys).for_each(|key| counters.with_label_values(&[key.to_string()]).inc());
    }
    Ok(registry)
}

fn client(keys: usize) -> [Family<Vec<(String, String)>, ClientCounter>; COUNTERS] {
    array::from_fn(|_| {
        let family = Family::<Vec<(String, String)>, ClientCounter>::default();
        for key in 0..keys {
            family.get_or_create(&vec![("key".into(), key.to_string())]).inc();
        }
        family
    })
}

fn metrics(keys: usize) -> Metrics {
    let registry = Metrics::new();
    for name in NAMES {
        (0..keys).for_each(|key| registry.counter(name, Some(key.to_string())).increment(1));
    }
    registry
}

fn opentelemetry(keys: usize) -> OpenTelemetry {
    let provider = OpenTelemetry::new();
    for name in NAMES {
        let counter = provider.counter(name);
        (0..keys).for_each(|key| counter.add(1, &[KeyValue::new("key", key.to_string())]));
    }
    provider
}
