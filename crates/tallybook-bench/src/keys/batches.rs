//! Keys in batches: all created, then all let go.

use crate::cpu;
use crate::fixtures::One;
use crate::measure::{Effort, median};
use crate::memory::Eight;
use crate::report::{Report, Table, digits};
use anyhow::Result;
use dashmap::DashMap;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::array;
use std::hash::Hash;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tallybook::{Registry, Stats};

/// Nanoseconds of CPU time per key in each of a round's steps.
type Steps = [f64; 5];

const STEPS: [&str; 5] = [
    "create",
    "tick that shows them",
    "drop",
    "tick that shows their last change",
    "tick that retires them",
];

/// What one batch took.
struct Round {
    /// Nothing is recorded.
    created: Steps,
    /// One fact on each key.
    recorded: Steps,
    map: f64,
    client: f64,
    client_numbers: f64,
}

pub fn size(effort: Effort) -> u64 {
    if effort.quick { 1_000 } else { 10_000 }
}

pub fn answer(effort: Effort, report: &mut Report) -> Result<()> {
    let one = rounds::<1, One>(effort, One::count)?;
    let eight = rounds::<8, Eight>(effort, Eight::count)?;
    report.table(table("Create and retire, one counter", &one));
    report.table(table("Create and retire, eight counters", &eight));
    let over = |rounds: &[Round], value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value));
    let ratio = |of: &Round| whole(&of.created) / of.map;
    report.at_most("create and retire, ticks included, × dashmap", over(&eight, &ratio), 3.0, "×");
    let ratio = |of: &Round| (of.created[0] + of.created[2]) / of.map;
    report.at_most("create and retire, ticks excluded, × dashmap", over(&eight, &ratio), 3.0, "×");
    for (how, ours) in [
        ("", (|of| whole(&of.created)) as fn(&Round) -> f64),
        ("with a fact each, ", |of| whole(&of.recorded)),
    ] {
        let what = format!("create and retire, {how}one counter, × prometheus-client");
        report.at_most(what, over(&one, &|of| ours(of) / of.client), 1.0, "×");
        let what = format!("create and retire, {how}eight counters, faster than prometheus-client");
        report.at_least(what, over(&eight, &|of| of.client / ours(of)), 5.0, "×");
    }
    Ok(())
}

fn whole(steps: &Steps) -> f64 {
    steps.iter().sum()
}

fn table(title: &str, rounds: &[Round]) -> Table {
    let mut table =
        Table::new(title, ["", "× prometheus-client", "× dashmap", "ns for each key here"]);
    let mut row = |name: String, of: &dyn Fn(&Round) -> f64| {
        let client = median(rounds.iter().map(|round| of(round) / round.client));
        let map = median(rounds.iter().map(|round| of(round) / round.map));
        let ns = median(rounds.iter().map(of));
        table.row([name, digits(client, 2), digits(map, 2), digits(ns, 0)]);
    };
    row("dashmap, insert and remove".into(), &|round| round.map);
    row("family, ticks included".into(), &|round| whole(&round.created));
    for (at, name) in STEPS.iter().enumerate() {
        row(format!("— {name}"), &|round| round.created[at]);
    }
    row("family, with a fact on each key".into(), &|round| whole(&round.recorded));
    for (at, name) in STEPS.iter().enumerate() {
        row(format!("— {name}"), &|round| round.recorded[at]);
    }
    row("prometheus-client, get_or_create and remove".into(), &|round| round.client);
    row("prometheus-client, u64 keys".into(), &|round| round.client_numbers);
    table
}

fn rounds<const N: usize, S: Stats>(effort: Effort, fact: fn(&S)) -> Result<Vec<Round>> {
    let batch = size(effort);
    let (mut created, mut recorded) = (entries::<S>(batch, None)?, entries(batch, Some(fact))?);
    let mut map = map::<N>(batch);
    let mut client = labels::<N, _>(batch, |key| vec![("key".to_string(), key.to_string())]);
    let mut client_numbers = labels::<N, _>(batch, |key| key);
    let mut round = || Round {
        created: created(),
        recorded: recorded(),
        map: map(),
        client: client(),
        client_numbers: client_numbers(),
    };
    // The first round, in which everything grows, does not count.
    round();
    Ok((0..effort.rounds.min(31)).map(|_| round()).collect())
}

fn entries<S: Stats>(batch: u64, fact: Option<fn(&S)>) -> Result<impl FnMut() -> Steps> {
    let registry = Registry::new();
    let family = registry.family::<u64, S>("peer", "key")?;
    let mut collector = registry.collector()?;
    Ok(move || {
        let mut clock = Lap::new(batch);
        let create = |key| {
            let entry = family.entry(key).expect("there is no limit");
            if let Some(fact) = fact {
                entry.record(fact);
            }
            entry
        };
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

fn map<const N: usize>(batch: u64) -> impl FnMut() -> f64 {
    let map: DashMap<u64, Arc<[AtomicU64; N]>> = DashMap::new();
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

fn labels<const N: usize, K: Clone + Hash + Eq>(
    batch: u64,
    label: impl Fn(u64) -> K,
) -> impl FnMut() -> f64 {
    let families: [Family<K, Counter>; N] = array::from_fn(|_| Family::default());
    move || {
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

/// CPU time since the last lap, per key.
struct Lap {
    since: Duration,
    batch: u64,
}

impl Lap {
    fn new(batch: u64) -> Self {
        Lap { since: cpu::of_thread(), batch }
    }

    fn lap(&mut self) -> f64 {
        let now = cpu::of_thread();
        let lap = (now - self.since).as_nanos() as f64 / self.batch as f64;
        self.since = now;
        lap
    }
}
