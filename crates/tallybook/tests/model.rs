//! Random steps on several threads, one step at a time: every snapshot equals a plain model.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;
#[path = "support/workers.rs"]
mod workers;

use clock::manual;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;
use tallybook::metric::LiveCount;
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Live, ManualClock, Max, Min, Open, Registry, Set,
    Snapshot, Stats, UpDownCounter,
};
use workers::Workers;

/// One of each metric.
#[derive(Stats)]
struct Node {
    count: Counter,
    sum: UpDownCounter,
    open: Live,
    level: Gauge,
    largest: Max,
    smallest: Min,
}

const THREADS: usize = 3;
const KEYS: u8 = 6;
const MAX_KEYS: usize = 4;

/// Where a value is recorded.
#[derive(Clone, Debug)]
enum On {
    Set,
    Held(usize),
    /// One fact over the set and two entries, one nested in the other.
    Nested(usize, usize),
}

/// What is done, and by which thread. Indices of handles and guards are taken modulo their number.
#[derive(Clone, Debug)]
enum Step {
    Enter(usize, u8),
    Clone(usize),
    Leave(usize, usize),
    Record(usize, On, i8),
    Open(usize, On),
    Close(usize, usize),
    /// The thread ends, and another takes its place.
    Exit(usize),
    Advance(u8),
    Tick,
    /// The collector is dropped, which ticks, and another one takes over.
    HandOn,
}

fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let thread = || 0..THREADS;
    let on = || {
        prop_oneof![
            1 => Just(On::Set),
            3 => (0..9_usize).prop_map(On::Held),
            2 => (0..9_usize, 0..9_usize).prop_map(|(one, two)| On::Nested(one, two)),
        ]
    };
    let step = prop_oneof![
        6 => (thread(), 0..KEYS).prop_map(|(t, key)| Step::Enter(t, key)),
        2 => (0..9_usize).prop_map(Step::Clone),
        5 => (thread(), 0..9_usize).prop_map(|(t, n)| Step::Leave(t, n)),
        12 => (thread(), on(), any::<i8>()).prop_map(|(t, on, n)| Step::Record(t, on, n)),
        3 => (thread(), on()).prop_map(|(t, on)| Step::Open(t, on)),
        4 => (thread(), 0..9_usize).prop_map(|(t, n)| Step::Close(t, n)),
        1 => thread().prop_map(Step::Exit),
        1 => any::<u8>().prop_map(Step::Advance),
        7 => Just(Step::Tick),
        1 => Just(Step::HandOn),
    ];
    prop::collection::vec(step, 1..max)
}

/// What the model knows of an entry.
#[derive(Default)]
struct Known {
    since: Duration,
    now: NodeSnapshot,
    holders: usize,
    /// The epoch of the last release.
    released: u64,
}

type Handle = (u8, Arc<Entry<u8, Node>>);

/// A guard, and the key of the entry that it is of.
enum Guard {
    Set { _open: Open<Set<Node>> },
    Entry { key: u8, _open: Open<Entry<u8, Node>> },
}

struct World {
    threads: Workers,
    clock: Arc<ManualClock>,
    registry: Registry,
    collector: Option<Collector>,
    node: Set<Node>,
    family: Family<u8, Node>,
    handles: Vec<Handle>,
    guards: Vec<Guard>,
    epoch: u64,
    time: Duration,
    set: NodeSnapshot,
    known: BTreeMap<u8, Known>,
    total: NodeSnapshot,
    retired: NodeSnapshot,
    refused: u64,
    changed: BTreeSet<u8>,
}

fn note(value: &mut NodeSnapshot, n: i8) {
    let size = u64::from(n.unsigned_abs());
    value.count += size;
    value.sum += i64::from(n);
    value.level = Some(n.into());
    value.largest = value.largest.max(Some(size));
    value.smallest = Some(value.smallest.map_or(size, |before| before.min(size)));
}

fn record(node: &Node, n: i8) {
    let size = u64::from(n.unsigned_abs());
    node.count.add(size);
    node.sum.add(n.into());
    node.level.set(n.into());
    node.largest.observe(size);
    node.smallest.observe(size);
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(identity);
        let node = registry.set("node").unwrap();
        let family = registry.family_builder("peer", "n").max_keys(MAX_KEYS).register().unwrap();
        World {
            threads: Workers::start(THREADS),
            collector: Some(registry.collector().unwrap()),
            clock,
            registry,
            node,
            family,
            handles: Vec::new(),
            guards: Vec::new(),
            epoch: 1,
            time: Duration::ZERO,
            set: NodeSnapshot::default(),
            known: BTreeMap::new(),
            total: NodeSnapshot::default(),
            retired: NodeSnapshot::default(),
            refused: 0,
            changed: BTreeSet::new(),
        }
    }

    fn handle(&self, n: usize) -> Option<Handle> {
        self.handles.get(n % self.handles.len().max(1)).cloned()
    }

    fn note_entry(&mut self, key: u8, f: impl Fn(&mut NodeSnapshot)) {
        self.changed.insert(key);
        f(&mut self.known.get_mut(&key).unwrap().now);
        f(&mut self.total);
        self.total.level = None;
    }

    fn note_release(&mut self, key: u8) {
        self.changed.insert(key);
        let known = self.known.get_mut(&key).unwrap();
        known.holders -= 1;
        known.released = self.epoch;
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Enter(thread, key) => self.enter(thread, key),
            Step::Clone(n) => {
                if let Some((key, entry)) = self.handle(n) {
                    self.known.get_mut(&key).unwrap().holders += 1;
                    self.handles.push((key, Arc::new(Entry::clone(&entry))));
                }
            }
            Step::Leave(thread, n) => {
                if !self.handles.is_empty() {
                    let (key, entry) = self.handles.swap_remove(n % self.handles.len());
                    self.threads.run(thread, move || drop(entry));
                    self.note_release(key);
                }
            }
            Step::Record(thread, on, n) => self.record(thread, on, n),
            Step::Open(thread, on) => self.open(thread, on),
            Step::Close(thread, n) => {
                if !self.guards.is_empty() {
                    let guard = self.guards.swap_remove(n % self.guards.len());
                    self.close(thread, guard);
                }
            }
            Step::Exit(thread) => self.threads.replace(thread),
            Step::Advance(seconds) => {
                self.time += Duration::from_secs(seconds.into());
                self.clock.advance(Duration::from_secs(seconds.into()));
            }
            Step::Tick => {
                let cut = self.collector.as_mut().unwrap().tick();
                self.check(&cut);
            }
            Step::HandOn => {
                self.collector = None;
                self.check(&self.registry.reader().latest());
                self.collector = Some(self.registry.collector().unwrap());
            }
        }
    }

    fn enter(&mut self, thread: usize, key: u8) {
        let family = self.family.clone();
        let entry = self.threads.run(thread, move || family.entry(key));
        let is_new = !self.known.contains_key(&key);
        if is_new && self.known.len() == MAX_KEYS {
            assert_eq!(entry.unwrap_err().key, key);
            self.refused += 1;
            return;
        }
        if is_new {
            self.changed.insert(key);
            self.known.insert(key, Known { since: self.time, ..Known::default() });
        }
        self.known.get_mut(&key).unwrap().holders += 1;
        self.handles.push((key, Arc::new(entry.unwrap())));
    }

    fn record(&mut self, thread: usize, on: On, n: i8) {
        let node = self.node.clone();
        match on {
            On::Set => {
                self.threads.run(thread, move || node.record(|s| record(s, n)));
                note(&mut self.set, n);
            }
            On::Held(held) => {
                let Some((key, entry)) = self.handle(held) else { return };
                self.threads.run(thread, move || entry.record(|e| record(e, n)));
                self.note_entry(key, |value| note(value, n));
            }
            On::Nested(one, two) => {
                let Some((outer_key, outer)) = self.handle(one) else { return };
                let Some((inner_key, inner)) = self.handle(two) else { return };
                self.threads.run(thread, move || {
                    node.record(|s| {
                        record(s, n);
                        outer.record(|e| {
                            record(e, n);
                            inner.record(|e| record(e, n / 2));
                        });
                    });
                });
                note(&mut self.set, n);
                self.note_entry(outer_key, |value| note(value, n));
                self.note_entry(inner_key, |value| note(value, n / 2));
            }
        }
    }

    fn open(&mut self, thread: usize, on: On) {
        let (On::Held(n) | On::Nested(n, _)) = on else {
            let node = self.node.clone();
            let _open = self.threads.run(thread, move || node.open(Node::open));
            self.set.open.opened += 1;
            return self.guards.push(Guard::Set { _open });
        };
        let Some((key, entry)) = self.handle(n) else { return };
        let _open = self.threads.run(thread, move || entry.open(Node::open));
        self.known.get_mut(&key).unwrap().holders += 1;
        self.note_entry(key, |value| value.open.opened += 1);
        self.guards.push(Guard::Entry { key, _open });
    }

    fn close(&mut self, thread: usize, guard: Guard) {
        match &guard {
            Guard::Set { .. } => self.set.open.closed += 1,
            Guard::Entry { key, .. } => {
                let key = *key;
                self.note_entry(key, |value| value.open.closed += 1);
                self.note_release(key);
            }
        }
        self.threads.run(thread, move || drop(guard));
    }

    /// Checks the snapshot of the epoch that ends here.
    fn check(&mut self, cut: &Snapshot) {
        let (retired, epoch) = (&mut self.retired, self.epoch);
        self.known.retain(|_, known| {
            if known.holders > 0 || known.released >= epoch {
                return true;
            }
            retired.count += known.now.count;
            retired.sum += known.now.sum;
            retired.open.opened += known.now.open.opened;
            retired.open.closed += known.now.open.closed;
            false
        });
        let family = cut.family(&self.family);
        assert_eq!((cut.epoch(), cut.at(), cut.is_stale()), (self.epoch, self.time, false));
        assert_eq!(cut.set(&self.node), self.set);
        let entries: BTreeMap<_, _> = family.iter().map(|(key, value)| (*key, value)).collect();
        let expected: BTreeMap<_, _> =
            self.known.iter().map(|(key, known)| (*key, known.now.clone())).collect();
        assert_eq!(entries, expected);
        for key in 0..KEYS {
            assert_eq!(family.get(&key).as_ref(), expected.get(&key));
            assert_eq!(family.created_at(&key), self.known.get(&key).map(|known| known.since));
        }
        assert_eq!((family.len(), family.is_empty()), (expected.len(), expected.is_empty()));
        assert_eq!((family.total(), family.retired()), (self.total.clone(), self.retired.clone()));
        assert_eq!(family.refused(), self.refused);
        let changed: Vec<_> = family.changed().map(|(key, value)| (*key, value)).collect();
        assert_eq!(changed.len(), self.changed.len(), "one listed twice: {changed:?}");
        for (key, value) in changed {
            assert!(self.changed.contains(&key), "{key}");
            assert_eq!(value, expected[&key]);
        }
        let own = cut.set(&self.registry.collector_stats());
        assert_eq!((own.ticks, own.entries), (self.epoch, Some(expected.len() as i64)));
        self.begin();
    }

    /// Begins the next epoch.
    fn begin(&mut self) {
        self.epoch += 1;
        self.changed.clear();
        let all = self.known.values_mut().map(|known| &mut known.now);
        for value in all.chain([&mut self.set, &mut self.total]) {
            (value.largest, value.smallest) = (None, None);
        }
    }
}

proptest! {
    #![proptest_config(cases::config(192, 2, Some("proptest-regressions/model.txt")))]

    #[test]
    fn every_snapshot_equals_the_model(steps in steps(if cfg!(miri) { 25 } else { 150 })) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        // Once everything is dropped, the totals hold all that was ever counted.
        while let Some(guard) = world.guards.pop() {
            world.close(0, guard);
        }
        while !world.handles.is_empty() {
            world.step(Step::Leave(1, 0));
        }
        (0..3).for_each(|_| world.step(Step::Tick));
        prop_assert!(world.known.is_empty());
        prop_assert_eq!(world.retired.open, LiveCount { ..world.total.open });
        prop_assert_eq!(world.retired, world.total);
    }
}
