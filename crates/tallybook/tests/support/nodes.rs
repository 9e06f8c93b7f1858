//! Two versions of a program that report what they count.

use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tallybook::report::Report;
use tallybook::{
    Counter, Family, Gauge, Histogram, Label, Live, ManualClock, Max, Min, PerLabel, Registry, Set,
    Snapshot, Stats, TimedLive, UpDownCounter,
};

use super::clock::manual;

#[derive(Clone, Copy, Debug, Label)]
pub enum Side {
    Left,
    Right,
}

/// Another program's sides.
#[derive(Clone, Copy, Debug, Label)]
#[label(name = "side")]
pub enum MoreSides {
    Back,
    Left,
    Right,
}

#[derive(Stats)]
pub struct Node {
    pub counter: Counter,
    pub sum: UpDownCounter,
    pub live: Live,
    pub timed: TimedLive,
    pub gauge: Gauge,
    pub ratio: Gauge<f64>,
    pub max: Max,
    pub min: Min,
    pub sizes: Histogram,
    pub times: Histogram<Duration, 5>,
    pub by_side: PerLabel<Side, Counter>,
}

/// The same in a later version of the program: fields in another order, some new, one gone, another
/// scale.
#[derive(Stats)]
pub struct NewNode {
    pub added: Counter,
    pub by_side: PerLabel<MoreSides, Counter>,
    pub counter: Counter,
    pub gauge: Gauge,
    pub times: Histogram<Duration, 2>,
    pub timed: TimedLive,
    pub live: Live,
    pub max: Max,
    pub min: Min,
    pub ratio: Gauge<f64>,
    pub sizes: Histogram,
    pub nested: Nested,
}

#[derive(Stats)]
pub struct Nested {
    pub opened: Live,
    pub gauge: Gauge,
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Count(u32),
    Sum(i32),
    Gauge(i64),
    Value(u64),
    Time(u64),
    OpenAndClose(u16),
    Open,
}

pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u32>().prop_map(Step::Count),
        any::<i32>().prop_map(Step::Sum),
        (-1000..1000_i64).prop_map(Step::Gauge),
        prop_oneof![0..10_u64, any::<u64>()].prop_map(Step::Value),
        prop_oneof![0..10_u64, any::<u64>()].prop_map(Step::Time),
        any::<u16>().prop_map(Step::OpenAndClose),
        Just(Step::Open),
    ]
}

pub fn record(node: &Node, step: Step) {
    match step {
        Step::Count(n) => {
            node.counter.add(n.into());
            let side = if n % 2 == 0 { Side::Left } else { Side::Right };
            node.by_side[side].inc();
        }
        Step::Sum(n) => node.sum.add(n.into()),
        Step::Gauge(n) => {
            node.gauge.set(n);
            node.ratio.set(n as f64 / 4.0);
        }
        Step::Value(n) => {
            node.max.observe(n);
            node.min.observe(n);
            node.sizes.record(n);
        }
        Step::Time(n) => node.times.record(Duration::from_nanos(n)),
        Step::OpenAndClose(_) | Step::Open => {}
    }
}

pub fn record_new(node: &NewNode, step: Step) {
    match step {
        Step::Count(n) => {
            node.counter.add(n.into());
            node.by_side[MoreSides::Back].inc();
            node.by_side[MoreSides::Left].add(2);
            node.by_side[MoreSides::Right].add(3);
            node.added.inc();
        }
        Step::Sum(n) => node.nested.gauge.set(n.into()),
        Step::Gauge(n) => {
            node.gauge.set(n);
            node.ratio.set(n as f64 / 4.0);
        }
        Step::Value(n) => {
            node.max.observe(n);
            node.min.observe(n);
            node.sizes.record(n);
        }
        Step::Time(n) => node.times.record(Duration::from_nanos(n)),
        Step::OpenAndClose(_) | Step::Open => {}
    }
}

/// A registry with a set and a family of one type.
pub struct Program<S: Stats> {
    pub registry: Registry,
    pub clock: Arc<ManualClock>,
    pub set: Set<S>,
    pub family: Family<u8, S>,
}

impl<S: Stats> Program<S> {
    pub fn new(instance: &str) -> Self {
        let (registry, clock) = manual(|builder| builder.instance(instance));
        let set = registry.set("node").unwrap();
        let family = registry.family("nodes", "key").unwrap();
        Program { registry, clock, set, family }
    }
}

/// What a step does to a set of a program.
pub trait Steps: Stats {
    fn step(&self, step: Step);
    fn timed(&self) -> &TimedLive;
    fn live(&self) -> &Live;
}

impl Steps for Node {
    fn step(&self, step: Step) {
        record(self, step);
    }
    fn timed(&self) -> &TimedLive {
        &self.timed
    }
    fn live(&self) -> &Live {
        &self.live
    }
}

impl Steps for NewNode {
    fn step(&self, step: Step) {
        record_new(self, step);
    }
    fn timed(&self) -> &TimedLive {
        &self.timed
    }
    fn live(&self) -> &Live {
        &self.live
    }
}

/// The snapshots after each of the parts of what happens.
pub fn run<S: Steps>(program: &Program<S>, parts: &[Vec<(u8, Step)>]) -> Vec<Arc<Snapshot>> {
    let mut collector = program.registry.collector().unwrap();
    let mut open = Vec::new();
    let mut cuts = Vec::new();
    for part in parts {
        for &(key, step) in part {
            let entry = program.family.entry(key).unwrap();
            program.set.record(|set| {
                set.step(step);
                entry.record(|own| own.step(step));
            });
            let guards = (entry.open(S::timed), entry.open(S::live));
            match step {
                Step::Open => open.push(guards),
                Step::OpenAndClose(millis) => {
                    program.clock.advance(Duration::from_millis(millis.into()));
                }
                _ => {}
            }
        }
        program.clock.advance(Duration::from_secs(1));
        cuts.push(collector.tick());
    }
    std::mem::forget(open);
    cuts
}

pub fn happenings() -> impl Strategy<Value = Vec<Vec<(u8, Step)>>> {
    let part = prop::collection::vec((0..3_u8, steps()), 0..12);
    prop::collection::vec(part, 2..4)
}

pub fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// A report as it arrives: as JSON, and as MessagePack.
pub fn there_and_back(report: &Report) -> [Report; 2] {
    let text = serde_json::to_string(report).unwrap();
    [serde_json::from_str(&text).unwrap(), Report::from_msgpack(&report.to_msgpack()).unwrap()]
}

/// A report of a registry in which little has happened.
pub fn small() -> Report {
    let program = Program::<Node>::new("a");
    let parts = [vec![(1, Step::Count(3)), (2, Step::Value(9))], vec![(1, Step::Gauge(4))]];
    Report::of(run(&program, &parts).last().unwrap())
}
