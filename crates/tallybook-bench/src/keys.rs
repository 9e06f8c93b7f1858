//! What it costs that a key comes and goes.

use crate::measure::{Effort, median};
use crate::memory::Eight;
use crate::report::{Report, Table, digits};
use anyhow::Result;
use dashmap::DashMap;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::array;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tallybook::Registry;

/// Nanoseconds per key in each of a round's steps.
type Steps = [f64; 5];

const STEPS: [&str; 5] = [
    "create",
    "tick that shows them",
    "drop",
    "tick that shows their last change",
    "tick that retires them",
];

pub fn report(effort: Effort) -> Result<Report> {
    let batch: u64 = if effort.quick { 1_000 } else { 10_000 };
    let (mut entries, mut map, mut labels) = (entries(batch)?, map(batch), labels(batch));
    // The first round, in which everything grows, does not count.
    let mut round = || [entries(), [map(), 0.0, 0.0, 0.0, 0.0], [labels(), 0.0, 0.0, 0.0, 0.0]];
    round();
    let rounds: Vec<_> = (0..effort.rounds.min(31)).map(|_| round()).collect();
    let whole = |steps: &Steps| steps.iter().sum::<f64>();
    let without_ticks = |steps: &Steps| steps[0] + steps[2];
    let all = median(rounds.iter().map(|[entries, map, _]| whole(entries) / map[0]));
    let calls = median(rounds.iter().map(|[entries, map, _]| without_ticks(entries) / map[0]));

    let mut report = Report::new(
        "Keys that come and go",
        format!(
            "Per key, in batches of {batch}: a family of eight counters, whose keys are all created, then all dropped; \
             and a map from the key to an `Arc` of eight cells, all inserted, then all removed."
        ),
    );
    let mut table = Table::new("Create and retire", ["", "× dashmap", "ns here"]);
    let mut row = |name: &str, of: &dyn Fn(&[Steps; 3]) -> f64| {
        let ratio = median(rounds.iter().map(|round| of(round) / round[1][0]));
        let ns = median(rounds.iter().map(of));
        table.row([name.into(), digits(ratio, 2), digits(ns, 0)]);
    };
    row("dashmap, insert and remove", &|round| round[1][0]);
    row("family, ticks included", &|round| whole(&round[0]));
    for (at, name) in STEPS.iter().enumerate() {
        row(&format!("— {name}"), &|round| round[0][at]);
    }
    row("prometheus-client, get_or_create and remove", &|round| round[2][0]);
    report.table(table);
    report.at_most("create and retire, ticks included, × dashmap", all, 3.0, "×");
    report.at_most("create and retire, ticks excluded, × dashmap", calls, 3.0, "×");
    Ok(report)
}

fn entries(batch: u64) -> Result<impl FnMut() -> Steps> {
    let registry = Registry::new();
    let family = registry.family::<u64, Eight>("peer", "key")?;
    let mut collector = registry.collector()?;
    Ok(move || {
        let mut clock = Lap::new(batch);
        let create = |key| family.entry(key).expect("there is no limit");
        let created: Vec<_> = (0..batch).map(create).collect();
        let create = clock.lap();
        collector.tick();
        let shown = clock.lap();
        drop(created);
        let dropped = clock.lap();
        collector.tick();
        let last = clock.lap();
        collector.tick();
        [create, shown, dropped, last, clock.lap()]
    })
}

fn map(batch: u64) -> impl FnMut() -> f64 {
    let map: DashMap<u64, Arc<[AtomicU64; 8]>> = DashMap::new();
    move || {
        let mut clock = Lap::new(batch);
        let insert = |key| {
            let cells = Arc::new(array::from_fn(|_| AtomicU64::new(0)));
            map.insert(key, cells.clone());
            cells
        };
        let inserted: Vec<_> = (0..batch).map(insert).collect();
        (0..batch).for_each(|key| drop(black_box(map.remove(&key))));
        drop(inserted);
        clock.lap()
    }
}

fn labels(batch: u64) -> impl FnMut() -> f64 {
    let families: [Family<Vec<(String, String)>, Counter>; 8] =
        array::from_fn(|_| Family::default());
    move || {
        let label = |key: u64| vec![("key".to_string(), key.to_string())];
        let mut clock = Lap::new(batch);
        for family in &families {
            (0..batch).for_each(|key| drop(black_box(family.get_or_create_owned(&label(key)))));
        }
        for family in &families {
            (0..batch).for_each(|key| assert!(black_box(family.remove(&label(key)))));
        }
        clock.lap()
    }
}

/// Time since the last lap, per key.
struct Lap {
    since: Instant,
    batch: u64,
}

impl Lap {
    fn new(batch: u64) -> Self {
        Lap { since: Instant::now(), batch }
    }

    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let lap = (now - self.since).as_nanos() as f64 / self.batch as f64;
        self.since = now;
        lap
    }
}
