//! Random facts, ticks and windows, compared with a model that keeps every fact with its epoch.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tallybook::distribution::Measure;
use tallybook::metric::LiveCount;
use tallybook::{
    Collector, Counter, Difference, Distribution, Entry, Family, Histogram, Label, Live,
    ManualClock, Max, Min, PerLabel, Registry, Set, Snapshot, Stats,
};

#[derive(Clone, Copy, Debug, Label, PartialEq)]
enum Way {
    In,
    Out,
}

/// One of each metric that has a window.
#[derive(Stats)]
struct Node {
    count: Counter,
    open: Live,
    largest: Max,
    smallest: Min,
    sizes: Histogram,
    ways: PerLabel<Way, Histogram<u64, 5>>,
    inner: Inner,
}

#[derive(Stats)]
struct Inner {
    facts: Counter,
    times: Histogram<Duration, 1>,
    longest: Max,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Seen(u64, Way),
    Opened,
    Closed,
}

/// The number of the entry that a fact is on, from 1; 0 is the set.
type On = usize;

/// What is done; times are milliseconds.
#[derive(Clone, Debug)]
enum Step {
    Record { key: Option<u8>, n: u64, way: Way, elsewhere: bool },
    Open(Option<u8>),
    Close(usize),
    Leave(u8),
    Tick(u64),
    Ticks(u8, u64),
    Check(u64),
    Keep,
}

const KEYS: u8 = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || prop::option::of(0..KEYS);
    let size = (any::<u64>(), 0..64_u32).prop_map(|(n, shift)| n >> shift);
    let way = prop_oneof![Just(Way::In), Just(Way::Out)];
    let step = prop_oneof![
        12 => (key(), size, way, any::<u8>()).prop_map(|(key, n, way, other)| {
            Step::Record { key, n, way, elsewhere: other < 40 }
        }),
        2 => key().prop_map(Step::Open),
        2 => (0..9_usize).prop_map(Step::Close),
        4 => (0..KEYS).prop_map(Step::Leave),
        8 => (0..3_000_u64).prop_map(Step::Tick),
        2 => (1..40_u8, 1..500_u64).prop_map(|(n, millis)| Step::Ticks(n, millis)),
        4 => prop_oneof![0..2_000_u64, 0..70_000_u64].prop_map(Step::Check),
        1 => Just(Step::Keep),
    ];
    prop::collection::vec(step, 1..if cfg!(miri) { 20 } else { 120 })
}

/// What the model knows of a key that is in the family.
struct Known {
    number: On,
    since: u64,
    held: Option<Entry<u8, Node>>,
    guards: usize,
    released: u64,
}

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    collector: Collector,
    node: Set<Node>,
    peers: Family<u8, Node>,
    longest: u64,
    known: BTreeMap<u8, Known>,
    entries: usize,
    guards: Vec<(On, Option<u8>, Box<dyn Send>)>,
    facts: Vec<(u64, On, What)>,
    /// The times of all cuts, by epoch.
    cuts: Vec<u64>,
    now: u64,
    kept: Vec<Arc<Snapshot>>,
}

fn record(node: &Node, n: u64, way: Way) {
    node.count.add(n >> 20);
    node.largest.observe(n);
    node.smallest.observe(n);
    node.sizes.record(n);
    node.ways[way].record(n);
    node.inner.facts.inc();
    node.inner.times.record(Duration::from_nanos(n));
    node.inner.longest.observe(n / 2);
}

impl World {
    fn new(windows: &[u64]) -> Self {
        let lengths = windows.iter().map(|millis| Duration::from_millis(*millis));
        let (registry, clock) = manual(|builder| builder.windows(lengths));
        World {
            clock,
            collector: registry.collector().unwrap(),
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            registry,
            longest: windows.iter().copied().max().unwrap_or(0),
            known: BTreeMap::new(),
            entries: 0,
            guards: Vec::new(),
            facts: Vec::new(),
            cuts: vec![0],
            now: 0,
            kept: Vec::new(),
        }
    }

    /// The epoch that is open.
    fn epoch(&self) -> u64 {
        self.cuts.len() as u64
    }

    fn note(&mut self, on: On, what: What) {
        self.facts.push((self.epoch(), on, what));
    }

    /// Returns the entry of a key, which is held from now on.
    fn enter(&mut self, key: u8) -> (On, Entry<u8, Node>) {
        let entry = self.peers.entry(key).unwrap();
        let since = self.epoch();
        let known = self.known.entry(key).or_insert_with(|| {
            self.entries += 1;
            Known { number: self.entries, since, held: None, guards: 0, released: 0 }
        });
        known.held = Some(entry.clone());
        (known.number, entry)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Record { key, n, way, elsewhere } => {
                let (on, entry) = match key.map(|key| self.enter(key)) {
                    Some((on, entry)) => (on, Some(entry)),
                    None => (0, None),
                };
                let node = self.node.clone();
                let fact = move || match &entry {
                    Some(entry) => entry.record(|entry| record(entry, n, way)),
                    None => node.record(|node| record(node, n, way)),
                };
                if elsewhere {
                    thread::spawn(fact).join().unwrap()
                } else {
                    fact()
                }
                self.note(on, What::Seen(n, way));
            }
            Step::Open(None) => {
                self.guards.push((0, None, Box::new(self.node.open(Node::open))));
                self.note(0, What::Opened);
            }
            Step::Open(Some(key)) => {
                let (on, entry) = self.enter(key);
                self.guards.push((on, Some(key), Box::new(entry.open(Node::open))));
                self.known.get_mut(&key).unwrap().guards += 1;
                self.note(on, What::Opened);
            }
            Step::Close(n) => self.close(n),
            Step::Leave(key) => {
                let epoch = self.epoch();
                if let Some(known) = self.known.get_mut(&key)
                    && known.held.take().is_some()
                {
                    known.released = epoch;
                }
            }
            Step::Tick(millis) => drop(self.tick(millis)),
            Step::Ticks(n, millis) => (0..n).for_each(|_| drop(self.tick(millis))),
            Step::Check(length) => {
                let latest = self.registry.reader().latest();
                self.check_window(&latest, length);
            }
            Step::Keep => self.kept.push(self.registry.reader().latest()),
        }
    }

    fn close(&mut self, n: usize) {
        if self.guards.is_empty() {
            return;
        }
        let (on, key, guard) = self.guards.swap_remove(n % self.guards.len());
        drop(guard);
        self.note(on, What::Closed);
        let epoch = self.epoch();
        if let Some(known) = key.and_then(|key| self.known.get_mut(&key)) {
            known.guards -= 1;
            known.released = epoch;
        }
    }

    fn tick(&mut self, millis: u64) -> Arc<Snapshot> {
        self.now += millis;
        self.clock.advance(Duration::from_millis(millis));
        let epoch = self.epoch();
        let is_gone =
            |known: &Known| known.held.is_none() && known.guards == 0 && known.released < epoch;
        self.known.retain(|_, known| !is_gone(known));
        self.cuts.push(self.now);
        let cut = self.collector.tick();
        self.check_window(&cut, [0, 1_000, 10_000, 60_000][epoch as usize % 4]);
        cut
    }

    /// Checks the facts on `is_on` of the epochs after `from`.
    fn check_values(&self, is_on: impl Fn(On) -> bool, from: u64, found: &NodeSnapshot) {
        let facts = self.facts.iter();
        let facts =
            facts.filter(|(epoch, on, _)| (from + 1..self.epoch()).contains(epoch) && is_on(*on));
        let (mut open, mut seen) = (LiveCount::default(), Vec::new());
        for (_, _, what) in facts {
            match what {
                What::Opened => open.opened += 1,
                What::Closed => open.closed += 1,
                What::Seen(n, way) => seen.push((*n, *way)),
            }
        }
        let all = || seen.iter().map(|(n, _)| *n);
        let of = |way| seen.iter().filter(move |(_, of)| *of == way).map(|(n, _)| *n);
        assert_eq!(found.count, all().map(|n| n >> 20).sum::<u64>());
        assert_eq!(found.open, open);
        assert_eq!((found.smallest, found.largest), (all().min(), all().max()));
        assert_eq!(found.sizes, Distribution::of(3, all()));
        assert_eq!(found.ways[Way::In], Distribution::of(5, of(Way::In)));
        assert_eq!(found.ways[Way::Out], Distribution::of(5, of(Way::Out)));
        assert_eq!(found.inner.facts, seen.len() as u64);
        assert_eq!(found.inner.times, Distribution::of(1, all().map(Duration::from_nanos)));
        assert_eq!(found.inner.longest, all().map(|n| n / 2).max());
    }

    fn check_window(&self, cut: &Arc<Snapshot>, length: u64) {
        let window = cut.window(Duration::from_millis(length));
        let from = window.earlier().epoch();
        assert_eq!((cut.epoch(), from <= cut.epoch()), (self.epoch() - 1, true));
        let began = self.cuts[from as usize];
        assert_eq!(window.earlier().at(), Duration::from_millis(began));
        assert_eq!(window.elapsed(), Duration::from_millis(self.now - began));
        if self.longest > 0 && length <= self.longest {
            self.check_beginning(length, began);
        }
        self.check_all(&window);
    }

    /// Whether a window began where it should: at the nearest cut within a sixteenth, or at the
    /// youngest that is old enough.
    fn check_beginning(&self, length: u64, began: u64) {
        let off = |at: u64| (self.now - at).abs_diff(length);
        let is_near = |at: u64| 16 * off(at) <= length;
        let cuts = self.cuts.iter().copied().enumerate().rev().skip(1);
        // The first of those that are equally near is the shortest window.
        let nearest = cuts.clone().filter(|(_, at)| is_near(*at)).min_by_key(|(_, at)| off(*at));
        let old_enough = cuts.clone().find(|(_, at)| self.now - *at >= length);
        let (index, wanted) = nearest.or(old_enough).unwrap_or((0, 0));
        // It may have been joined with its neighbours, but only where they are near enough for its
        // age.
        let before = self.cuts[index.saturating_sub(1)];
        let after = self.cuts[index + 1];
        let may_be_gone = 16 * (after - before) <= self.now - after;
        let is_good = is_near(began) || Some(began) == old_enough.map(|(_, at)| at);
        assert!(
            began == wanted || may_be_gone && is_good,
            "{began} instead of {wanted} for {length} at {}: {:?}",
            self.now,
            self.cuts
        );
    }

    fn check_all(&self, window: &Difference) {
        let from = window.earlier().epoch();
        self.check_values(|on| on == 0, from, &window.set(&self.node));
        self.check_values(|on| on > 0, from, &window.total(&self.peers));
        let seconds = window.elapsed().as_secs_f64();
        let rate = |n: f64| if seconds > 0.0 { n / seconds } else { 0.0 };
        let (increase, rates) = (window.set(&self.node), window.rates(&self.node));
        assert_eq!(rates.count, rate(increase.count as f64));
        assert_eq!(rates.ways[Way::Out].sum, rate(increase.ways[Way::Out].sum() as f64));
        assert_eq!(rates.inner.times.count, rate(increase.inner.times.count() as f64));
        let mut entries: BTreeMap<_, _> = window.entries(&self.peers).collect();
        for key in 0..KEYS {
            let found = window.entry(&self.peers, &key);
            assert_eq!(found, entries.remove(&key));
            // An entry that is newer than the latest snapshot is not in it yet.
            let known = self.known.get(&key).filter(|known| known.since < self.epoch());
            assert_eq!(found.is_some(), known.is_some(), "key {key}");
            if let (Some(found), Some(known)) = (found, known) {
                self.check_values(|on| on == known.number, from, &found);
            }
        }
        assert!(entries.is_empty());
    }

    /// Checks the difference to a snapshot that need not be the start of any window.
    fn check_since(&self, earlier: &Arc<Snapshot>) {
        let latest = self.registry.reader().latest();
        let found = latest.since(earlier).unwrap();
        if latest.epoch() == earlier.epoch() {
            return self.check_all(&found);
        }
        let is_known = |length| latest.window(length).earlier().epoch() == earlier.epoch();
        if is_known(latest.at() - earlier.at()) {
            return self.check_all(&found);
        }
        let from = earlier.epoch() + 1..self.epoch();
        let seen: Distribution = self
            .facts
            .iter()
            .filter(|(epoch, on, _)| from.contains(epoch) && *on == 0)
            .filter_map(|(_, _, what)| if let What::Seen(n, _) = what { Some(*n) } else { None })
            .collect();
        let sizes = found.set(&self.node).sizes;
        assert_eq!(
            (sizes.count(), sizes.sum(), sizes.zeros()),
            (seen.count(), seen.sum(), seen.zeros())
        );
        assert!(sizes.buckets().eq(seen.buckets()));
        assert!(sizes.min() <= seen.min() && sizes.max() >= seen.max());
        assert!(slot(sizes.min()) == slot(seen.min()) && slot(sizes.max()) == slot(seen.max()));
    }
}

fn slot(n: Option<u64>) -> Option<usize> {
    n.map(<u64 as Measure>::bucket::<3>)
}

proptest! {
    #![proptest_config(cases::config(64, 2, Some("proptest-regressions/windows_model.txt")))]

    #[test]
    fn every_window_equals_the_model(
        windows in prop_oneof![
            Just(vec![]), Just(vec![1_000]), Just(vec![1_000, 10_000, 60_000]), Just(vec![7]),
        ],
        steps in steps(),
    ) {
        let mut world = World::new(&windows);
        // Before anything is recorded: another test covers facts recorded at time zero.
        world.tick(1);
        for step in steps {
            world.step(step);
        }
        world.tick(500);
        world.kept.iter().for_each(|kept| world.check_since(kept));
    }
}
