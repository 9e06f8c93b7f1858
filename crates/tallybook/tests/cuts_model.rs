//! Random facts and ticks, with and without cuts on demand in between: the published snapshots are
//! equal, and each cut is what a tick would have published in its place.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tallybook::{
    Actor, Collector, Counter, Difference, Entry, Event, Family, Gauge, Histogram, Live,
    ManualClock, Max, Min, Reducer, Registry, Set, Snapshot, Stats, TimedLive,
};

/// Everything that an interval matters to, and some that it does not.
#[derive(Stats)]
struct Work {
    done: Counter,
    largest: Max,
    smallest: Min,
    level: Gauge,
    sizes: Histogram,
    open: Live,
    timed: TimedLive,
}

fn record(work: &Work, n: u64) {
    work.done.add(n);
    work.largest.observe(n);
    work.smallest.observe(n);
    work.level.set(n as i64);
    work.sizes.record(n);
}

#[derive(Event)]
enum Change {
    Add { n: u64 },
}

#[derive(Default)]
struct Sum(u64);

impl Reducer for Sum {
    type Event = Change;
    type Snapshot = u64;
    fn apply(&mut self, Change::Add { n }: Change, _: Duration) {
        self.0 += n;
    }
    fn snapshot(&self) -> u64 {
        self.0
    }
}

const KEYS: u8 = 4;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Record(u8, u64),
    Hold(u8),
    Release(u8),
    /// Opens guards on the set, or on an entry that is held.
    Open(Option<u8>),
    Close(usize),
    Send(u64),
    /// Milliseconds.
    Advance(u64),
    Pump,
    Tick,
    Cut,
    /// Keeps the latest snapshot.
    Keep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, n) = (0..KEYS, 1..1_000_u64);
    let step = prop_oneof![
        8 => (key.clone(), n.clone()).prop_map(|(key, n)| Step::Record(key, n)),
        3 => key.clone().prop_map(Step::Hold),
        3 => key.clone().prop_map(Step::Release),
        2 => prop::option::of(key).prop_map(Step::Open),
        2 => (0..9_usize).prop_map(Step::Close),
        2 => n.prop_map(Step::Send),
        4 => (0..2_000_u64).prop_map(Step::Advance),
        1 => Just(Step::Pump),
        5 => Just(Step::Tick),
        6 => Just(Step::Cut),
        1 => Just(Step::Keep),
    ];
    prop::collection::vec(step, 1..if cfg!(miri) { 20 } else { 120 })
}

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    collector: Collector,
    work: Set<Work>,
    peers: Family<u8, Work>,
    sum: Actor<Sum>,
    held: BTreeMap<u8, Entry<u8, Work>>,
    guards: Vec<Box<dyn Send>>,
    done: u64,
    kept: Vec<Arc<Snapshot>>,
    /// All of them are kept, which changes nothing either.
    cuts: Vec<Arc<Snapshot>>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let registry = Registry::builder().clock(clock.clone()).patience(Duration::ZERO);
        let registry = registry.windows([1, 5].map(Duration::from_secs)).build();
        World {
            clock,
            collector: registry.collector().unwrap(),
            work: registry.set("work").unwrap(),
            peers: registry.family_builder("peer", "n").averages().register().unwrap(),
            sum: registry.actor("sum", Sum::default()).unwrap(),
            registry,
            held: BTreeMap::new(),
            guards: Vec::new(),
            done: 0,
            kept: Vec::new(),
            cuts: Vec::new(),
        }
    }

    /// Takes a step, and returns what is published by it.
    fn take(&mut self, step: &Step) -> Option<Arc<Snapshot>> {
        match *step {
            Step::Record(key, n) => {
                self.done += n;
                self.work.record(|work| {
                    record(work, n);
                    if let Some(entry) = self.held.get(&key) {
                        entry.record(|work| record(work, n));
                    }
                });
            }
            Step::Hold(key) => {
                self.held.entry(key).or_insert_with(|| self.peers.entry(key).unwrap());
            }
            Step::Release(key) => drop(self.held.remove(&key)),
            Step::Open(None) => {
                self.guards.push(Box::new(self.work.open(Work::open)));
                self.guards.push(Box::new(self.work.open(Work::timed)));
            }
            Step::Open(Some(key)) => {
                if let Some(entry) = self.held.get(&key) {
                    self.guards.push(Box::new(entry.open(Work::timed)));
                }
            }
            Step::Close(n) if !self.guards.is_empty() => {
                drop(self.guards.swap_remove(n % self.guards.len()));
            }
            Step::Close(_) => {}
            Step::Send(n) => self.sum.sender().send(Change::Add { n }),
            Step::Advance(millis) => self.clock.advance(Duration::from_millis(millis)),
            Step::Pump => assert!(self.collector.close_epoch()),
            Step::Tick => return Some(self.collector.tick()),
            Step::Cut => self.cut(),
            Step::Keep => self.kept.push(self.registry.reader().latest()),
        }
        None
    }

    fn cut(&mut self) {
        let before = self.registry.reader().latest();
        let cut = self.collector.cut().unwrap();
        assert!(Arc::ptr_eq(&before, &self.registry.reader().latest()), "it was published");
        assert!(cut.epoch() > before.epoch() && !cut.is_stale());
        assert_eq!(cut.set(&self.work).done, self.done);
        self.cuts.push(cut);
    }

    fn show(&self, cut: &Arc<Snapshot>) -> Shown {
        let peers = cut.family(&self.peers);
        let own = cut.set(&self.registry.collector_stats());
        let average = |constant: &Duration| {
            let averaged = cut.averaged(*constant).unwrap();
            let entry = |key| averaged.entry(&self.peers, &key);
            let entries: Vec<_> = (0..KEYS).map(entry).collect();
            (averaged.set(&self.work), averaged.total(&self.peers), entries)
        };
        let averages: Vec<_> = cut.time_constants().iter().map(average).collect();
        let windows = [0, 300, 1_000, 5_000, 60_000].map(Duration::from_millis);
        let windows = windows.map(|length| self.window(&cut.window(length)));
        let since = self.kept.iter().map(|kept| self.window(&cut.since(kept).unwrap()));
        let entry = |(key, values): (&u8, WorkSnapshot)| {
            (*key, Has { created: peers.created_at(key), done: values.done, all: text(&values) })
        };
        let changed: BTreeMap<_, _> = peers.changed().map(entry).collect();
        Shown {
            times: (cut.at(), cut.interval(), cut.wall()),
            ticks: (own.ticks, own.stale),
            all: text(&(
                cut.set(&self.work),
                peers.total(),
                changed,
                averages.iter().map(|(set, total, _)| (set, total)).collect::<Vec<_>>(),
                &windows[0].0,
                (cut.state(&self.sum), cut.events(&self.sum)),
            )),
            entries: peers.iter().map(entry).collect(),
            retired: (peers.retired().done, text(&peers.retired())),
            of_entries: text(&(averages, windows, since.collect::<Vec<_>>())),
        }
    }

    /// What happened to all, and to each.
    fn window(&self, window: &Difference) -> (String, String) {
        let entries: BTreeMap<_, _> = window.entries(&self.peers).collect();
        let all = (window.elapsed(), window.set(&self.work), window.total(&self.peers));
        (text(&all), text(&entries))
    }
}

fn text(of: &impl Debug) -> String {
    format!("{of:?}")
}

/// What a snapshot shows, but for its epoch.
#[derive(Debug, PartialEq)]
struct Shown {
    times: (Duration, Duration, SystemTime),
    ticks: (u64, u64),
    all: String,
    entries: BTreeMap<u8, Has>,
    retired: (u64, String),
    of_entries: String,
}

#[derive(Debug, PartialEq)]
struct Has {
    created: Option<Duration>,
    done: u64,
    all: String,
}

/// All that is published, and the world in which it was.
fn published(steps: &[Step]) -> (World, Vec<Shown>) {
    let mut world = World::new();
    let mut shown = Vec::new();
    for step in steps {
        if let Some(snapshot) = world.take(step) {
            shown.push(world.show(&snapshot));
        }
    }
    (world, shown)
}

/// The same steps without cuts, and a tick.
fn without_cuts(steps: &[Step]) -> Vec<Step> {
    let kept = steps.iter().filter(|step| **step != Step::Cut).cloned();
    kept.chain([Step::Tick]).collect()
}

/// The last cut, beside the tick that there could have been in its place.
fn check_last_cut(steps: &[Step]) {
    let Some(last) = steps.iter().rposition(|step| *step == Step::Cut) else { return };
    let (world, _) = published(&steps[..=last]);
    let cut = world.show(world.cuts.last().unwrap());
    let tick = published(&without_cuts(&steps[..last])).1.pop().unwrap();
    assert_eq!((cut.times, &cut.all), (tick.times, &tick.all));
    assert_eq!(cut.ticks.0 + 1, tick.ticks.0);
    // A tick retires what nobody holds, and a cut does not.
    let mut stay = cut.entries;
    for (key, entry) in &tick.entries {
        assert_eq!(stay.remove(key).as_ref(), Some(entry));
    }
    assert_eq!(cut.retired.0 + stay.values().map(|entry| entry.done).sum::<u64>(), tick.retired.0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cuts_change_nothing_that_is_published(steps in steps()) {
        let with_cuts: Vec<_> = steps.iter().cloned().chain([Step::Tick]).collect();
        let (with, without) = (published(&with_cuts).1, published(&without_cuts(&steps)).1);
        prop_assert_eq!(with, without);
        check_last_cut(&steps);
    }
}
