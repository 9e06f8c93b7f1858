//! Ticks, pumps and writers that hold them up, in any order, compared with a plain model: what an
//! interval is, what each snapshot holds, and which keys it shows.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/sum.rs"]
mod sum;

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use sum::{Number, NumberKind, Sum};
use tallybook::{
    Actor, Collector, Counter, Entry, Family, Histogram, Max, Registry, Set, Snapshot, Stats,
};

/// What is recorded, on the set and on its entries alike.
#[derive(Stats)]
struct Work {
    done: Counter,
    largest: Max,
    sizes: Histogram,
}

fn record(work: &Work, n: u64) {
    work.done.add(n);
    work.largest.observe(n);
    work.sizes.record(n);
}

const WRITERS: usize = 3;
const KEYS: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// A thread that is not inside a fact records one on the set and, if the key is held, on its
    /// entry.
    Record(usize, u8, u64),
    /// A thread enters a fact, and later completes and leaves it.
    Enter(usize),
    Leave(usize, u64),
    Hold(u8),
    Release(u8),
    Send(u64),
    Pump,
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let (writer, key, n) = (0..WRITERS, 0..KEYS, 1..100_u64);
    prop_oneof![
        6 => (writer.clone(), key.clone(), n.clone()).prop_map(|(w, k, n)| Step::Record(w, k, n)),
        2 => writer.clone().prop_map(Step::Enter),
        3 => (writer, n.clone()).prop_map(|(w, n)| Step::Leave(w, n)),
        3 => key.clone().prop_map(Step::Hold),
        3 => key.prop_map(Step::Release),
        2 => n.prop_map(Step::Send),
        3 => Just(Step::Pump),
        3 => Just(Step::Tick),
    ]
}

/// A thread that executes orders, and reports when each is done.
struct Writer {
    to: Sender<Order>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

enum Order {
    Record(Option<Entry<u8, Work>>, u64),
    Enter,
    Leave(u64),
}

impl Writer {
    fn new(work: Set<Work>) -> Self {
        let (to, orders) = channel();
        let (tell, done) = channel();
        let thread = thread::spawn(move || {
            for order in &orders {
                match order {
                    Order::Record(entry, n) => work.record(|work| {
                        record(work, n);
                        if let Some(entry) = &entry {
                            entry.record(|work| record(work, n));
                        }
                        // Dropped by this thread, inside the fact.
                        drop(entry);
                    }),
                    Order::Enter => work.record(|work| {
                        tell.send(()).unwrap();
                        if let Ok(Order::Leave(n)) = orders.recv() {
                            record(work, n);
                        }
                    }),
                    Order::Leave(_) => unreachable!("only who is inside leaves"),
                }
                tell.send(()).unwrap();
            }
        });
        Writer { to, done, thread }
    }

    fn tell(&self, order: Order) {
        self.to.send(order).unwrap();
        self.done.recv().unwrap();
    }
}

/// One entry as the model sees it.
#[derive(Clone, Debug, Default)]
struct Modelled {
    created: u64,
    /// The epoch of the last release.
    released: u64,
    is_held: bool,
    /// What was recorded, with the epoch.
    facts: Vec<(u64, u64)>,
}

impl Modelled {
    fn done(&self, until: u64) -> u64 {
        self.facts.iter().filter(|(epoch, _)| *epoch <= until).map(|(_, n)| n).sum()
    }
}

/// The reference: every fact, with the epoch in which it began.
#[derive(Default)]
struct Model {
    open: u64,
    pending: Option<u64>,
    drained: u64,
    /// The first epoch that is not published, and the last that is.
    first: u64,
    published: u64,
    /// The first epoch of the last snapshot's interval.
    begun: u64,
    facts: Vec<(u64, u64)>,
    sent: Vec<(u64, u64)>,
    inside: [Option<u64>; WRITERS],
    entries: BTreeMap<u8, Modelled>,
    retired: u64,
}

impl Model {
    /// Closes an epoch. Returns whether everything that ended before is drained.
    fn close(&mut self) -> bool {
        let mut is_begun = false;
        loop {
            let epoch = *self.pending.get_or_insert_with(|| {
                is_begun = true;
                self.open += 1;
                self.open - 1
            });
            if self.inside.contains(&Some(epoch)) {
                return false;
            }
            (self.drained, self.pending) = (epoch, None);
            if is_begun {
                return true;
            }
        }
    }

    fn publish(&mut self) {
        if self.drained < self.first {
            return;
        }
        let (first, drained) = (self.first, self.drained);
        (self.begun, self.published, self.first) = (first, drained, drained + 1);
        // An entry retires if an earlier snapshot showed its last change.
        let is_over =
            |entry: &Modelled| !entry.is_held && entry.created < first && entry.released < first;
        let retired = &mut self.retired;
        self.entries.retain(|_, entry| {
            let stays = !is_over(entry);
            *retired += if stays { 0 } else { entry.done(drained) };
            stays
        });
    }

    fn sum(facts: &[(u64, u64)], epochs: std::ops::RangeInclusive<u64>) -> u64 {
        facts.iter().filter(|(epoch, _)| epochs.contains(epoch)).map(|(_, n)| n).sum()
    }

    fn largest(facts: &[(u64, u64)], epochs: std::ops::RangeInclusive<u64>) -> Option<u64> {
        facts.iter().filter(|(epoch, _)| epochs.contains(epoch)).map(|(_, n)| *n).max()
    }
}

struct World {
    work: Set<Work>,
    peers: Family<u8, Work>,
    sum: Actor<Sum>,
    collector: Collector,
    writers: Vec<Writer>,
    held: BTreeMap<u8, Entry<u8, Work>>,
    model: Model,
}

impl World {
    fn new() -> Self {
        let registry = Registry::builder().patience(Duration::ZERO);
        let registry = registry.shutdown_timeout(Duration::ZERO).build();
        let work = registry.set::<Work>("work").unwrap();
        let collector = registry.collector().unwrap();
        World {
            writers: (0..WRITERS).map(|_| Writer::new(work.clone())).collect(),
            peers: registry.family("peer", "n").unwrap(),
            sum: registry.actor("sum", Sum::default()).unwrap(),
            work,
            collector,
            held: BTreeMap::new(),
            model: Model { open: 1, first: 1, ..Model::default() },
        }
    }

    fn take(&mut self, step: &Step) {
        let open = self.model.open;
        match *step {
            Step::Record(writer, key, n) if self.model.inside[writer].is_none() => {
                let entry = self.held.get(&key).cloned();
                if let Some(entry) = self.model.entries.get_mut(&key).filter(|_| entry.is_some()) {
                    entry.facts.push((open, n));
                    // The clone was dropped.
                    entry.released = open;
                }
                self.writers[writer].tell(Order::Record(entry, n));
                self.model.facts.push((open, n));
            }
            Step::Enter(writer) if self.model.inside[writer].is_none() => {
                self.writers[writer].tell(Order::Enter);
                self.model.inside[writer] = Some(open);
            }
            Step::Leave(writer, n) => {
                if let Some(epoch) = self.model.inside[writer].take() {
                    self.writers[writer].tell(Order::Leave(n));
                    self.model.facts.push((epoch, n));
                }
            }
            Step::Hold(key) => {
                self.held.entry(key).or_insert_with(|| self.peers.entry(key).unwrap());
                let made = Modelled { created: open, ..Modelled::default() };
                self.model.entries.entry(key).or_insert(made).is_held = true;
            }
            Step::Release(key) => {
                if self.held.remove(&key).is_some() {
                    let entry = self.model.entries.get_mut(&key).unwrap();
                    (entry.is_held, entry.released) = (false, open);
                }
            }
            Step::Send(n) => {
                self.sum.sender().send(Number::Add(n));
                self.model.sent.push((open, n));
            }
            Step::Pump => assert_eq!(self.collector.close_epoch(), self.model.close()),
            Step::Tick => {
                let cut = self.collector.tick();
                let is_whole = self.model.close();
                self.model.publish();
                assert_eq!(cut.is_stale(), !is_whole);
                self.check(&cut);
            }
            Step::Record(..) | Step::Enter(_) => {}
        }
    }

    fn check(&self, cut: &std::sync::Arc<Snapshot>) {
        let model = &self.model;
        let (until, interval) = (model.published, model.begun..=model.published);
        assert_eq!(cut.epoch(), until);
        let now = cut.set(&self.work);
        assert_eq!(now.done, Model::sum(&model.facts, 0..=until));
        assert_eq!(now.largest, Model::largest(&model.facts, interval.clone()));
        assert_eq!(now.sizes.sum(), u128::from(now.done));
        let last = cut.last_interval();
        assert_eq!(last.set(&self.work).done, Model::sum(&model.facts, interval.clone()));
        let largest = Model::largest(&model.facts, interval.clone());
        assert_eq!(last.set(&self.work).sizes.max(), largest);

        assert_eq!(*cut.state(&self.sum), Model::sum(&model.sent, 0..=until));
        let account = &cut.events(&self.sum)[NumberKind::Add];
        let sent = model.sent.iter().filter(|(epoch, _)| *epoch <= until).count() as u64;
        assert_eq!((account.sent, account.applied), (sent, sent));

        let peers = cut.family(&self.peers);
        let shown: BTreeMap<u8, u64> = peers.iter().map(|(key, now)| (*key, now.done)).collect();
        let wanted = model.entries.iter().filter(|(_, entry)| entry.created <= until);
        let wanted: BTreeMap<u8, u64> =
            wanted.map(|(key, entry)| (*key, entry.done(until))).collect();
        assert_eq!(shown, wanted);
        assert_eq!(peers.retired().done, model.retired);
        assert_eq!(peers.total().done, model.retired + wanted.values().sum::<u64>());
        for (key, entry) in model.entries.iter().filter(|(_, entry)| entry.created <= until) {
            let largest = Model::largest(&entry.facts, interval.clone());
            let found = last.entry(&self.peers, key).unwrap();
            assert_eq!(found.sizes.max(), largest, "{key}: {entry:?}");
            assert_eq!(found.done, Model::sum(&entry.facts, interval.clone()));
            assert_eq!(peers.get(key).unwrap().done, entry.done(until));
        }
    }

    /// All writers leave, and the last cut is exact.
    fn end(mut self) {
        (0..WRITERS).for_each(|writer| self.take(&Step::Leave(writer, 1)));
        self.take(&Step::Tick);
        for Writer { to, thread, .. } in self.writers {
            drop(to);
            thread.join().unwrap();
        }
    }
}

proptest! {
    #![proptest_config(cases::config(300, 2, None))]

    #[test]
    fn every_snapshot_holds_what_the_model_holds(
        steps in prop::collection::vec(step(), 1..if cfg!(miri) { 40 } else { 120 })
    ) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.take(step));
        world.end();
    }
}
