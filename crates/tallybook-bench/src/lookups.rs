//! What it costs to find a metric by its key and to count in it.

mod number;
mod text;

use crate::fixtures::{One, each_count};
use crate::measure::{Effort, Times};
use crate::report::{Report, Table};
use anyhow::Result;
use std::fmt::Debug;
use std::time::Duration;
use tallybook::{Entry, Family, Key, Registry};

const COUNTS: [usize; 2] = [64, 10_000];

/// What the names of the family's own contenders begin with.
const OURS: &str = "family.";
const PROMETHEUS: &str = "prometheus";
const CLIENT: &str = "prometheus-client";
const OTEL: &str = "opentelemetry";
const DASHMAP: &str = "DashMap of atomics";
const HELD: &str = "entry that is held";

/// A family and its keys, with a handle for each, without which it would retire.
struct Held<K: Key> {
    family: Family<K, One>,
    keys: Vec<K>,
    entries: Vec<Entry<K, One>>,
}

pub fn report(effort: Effort) -> Result<Report> {
    let mut report = Report::new(
        "Look-ups",
        "One counter, found by its key each time, the keys at random and all in use before: \
         `with_label_values(&[&str])`, `get_or_create(&key)`, `add` with attributes, `get(&key)`; \
         and, without a look-up, an entry that is held. Attributes and keys that a call takes by \
         reference are made beforehand; what it takes by value is cloned for it. A collector \
         ticks every 100 ms meanwhile.",
    );
    for count in COUNTS {
        let text = |key| format!("10.20.30.40:{key:08}");
        let what = format!("String keys: {count}");
        answer(effort, &mut report, &what, count, text, text::times, &[PROMETHEUS, CLIENT])?;
        let what = format!("u64 keys: {count}");
        answer(effort, &mut report, &what, count, |key| key, number::times, &[CLIENT])?;
    }
    Ok(report)
}

fn answer<K: Key + Debug>(
    effort: Effort,
    report: &mut Report,
    what: &str,
    count: usize,
    key: impl Fn(u64) -> K,
    times: fn(Effort, usize, &Held<K>) -> Result<Times>,
    peers: &[&str],
) -> Result<()> {
    let registry = Registry::new();
    let family = registry.family::<K, One>("peer", "addr")?;
    let keys: Vec<K> = (0..count as u64).map(key).collect();
    let entries = keys.iter().map(|key| family.entry(key.clone())).collect::<Result<_, _>>()?;
    let held = Held { family, keys, entries };
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let runs = each_count(|threads| times(effort.warm(), threads, &held))?;
    report.table(Table::of_times(what, peers[0], &runs));
    for (threads, times) in &runs {
        for ours in times.names().iter().filter(|name| name.starts_with(OURS)) {
            for peer in peers {
                let what = format!("{ours}, {what}, threads: {threads}, × {peer}");
                report.at_most(what, times.ratio(ours, peer), 1.0, "×");
            }
        }
    }
    Ok(())
}
