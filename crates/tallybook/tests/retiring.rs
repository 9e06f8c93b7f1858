//! When an entry retires: random holds, facts, releases, pumps and ticks, compared with a plain
//! model.

#[path = "support/cases.rs"]
mod cases;

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tallybook::{Counter, Entry, Family, Registry, Stats};

/// A peer.
#[derive(Stats)]
struct Peer {
    bytes: Counter,
}

type Peers = Family<u8, Peer>;

#[derive(Clone, Copy, Debug)]
enum Step {
    Hold(u8),
    Record(u8, u64),
    /// Drops one handle.
    Release(u8),
    Pump,
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..4_u8;
    prop_oneof![
        3 => key.clone().prop_map(Step::Hold),
        3 => (key.clone(), 1..100_u64).prop_map(|(key, n)| Step::Record(key, n)),
        4 => key.prop_map(Step::Release),
        2 => Just(Step::Pump),
        3 => Just(Step::Tick),
    ]
}

/// What is expected of one entry.
#[derive(Clone, Copy, Default)]
struct Expected {
    bytes: u64,
    holders: usize,
    /// Whether it was made, changed or released in this interval.
    is_touched: bool,
}

/// What is expected of the family.
#[derive(Default)]
struct Model {
    live: BTreeMap<u8, Expected>,
    retired: u64,
}

impl Model {
    fn touch(&mut self, key: u8) -> &mut Expected {
        let entry = self.live.entry(key).or_default();
        entry.is_touched = true;
        entry
    }

    /// Returns the entries that changed. An entry that nobody holds retires, unless it was touched
    /// in this interval.
    fn tick(&mut self) -> BTreeSet<u8> {
        let gone: Vec<u8> = self
            .live
            .iter()
            .filter(|(_, entry)| entry.holders == 0 && !entry.is_touched)
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.retired += self.live.remove(&key).unwrap().bytes;
        }
        let changed = self.live.iter().filter(|(_, entry)| entry.is_touched);
        let changed = changed.map(|(key, _)| *key).collect();
        self.live.values_mut().for_each(|entry| entry.is_touched = false);
        changed
    }
}

proptest! {
    #![proptest_config(cases::config(512, 8, Some("proptest-regressions/retiring.txt")))]
    #[test]
    fn an_entry_goes_when_its_last_change_was_shown(steps in prop::collection::vec(step(), 1..80)) {
        let registry = Registry::new();
        let peers: Peers = registry.family("peer", "id").unwrap();
        let mut collector = registry.collector().unwrap();
        let mut model = Model::default();
        let mut held: BTreeMap<u8, Vec<Entry<u8, Peer>>> = BTreeMap::new();
        let mut total_before = 0;
        for step in steps.into_iter().chain([Step::Tick; 3]) {
            match step {
                Step::Hold(key) => {
                    let known = model.live.contains_key(&key);
                    held.entry(key).or_default().push(peers.entry(key).unwrap());
                    if known {
                        model.live.get_mut(&key).unwrap().holders += 1;
                    } else {
                        model.touch(key).holders += 1;
                    }
                }
                Step::Record(key, n) => {
                    if let Some(entry) = held.get(&key).and_then(|all| all.first()) {
                        entry.record(|peer| peer.bytes.add(n));
                        model.touch(key).bytes += n;
                    }
                }
                Step::Release(key) => {
                    if held.get_mut(&key).and_then(Vec::pop).is_some() {
                        model.touch(key).holders -= 1;
                    }
                }
                Step::Pump => _ = collector.close_epoch(),
                Step::Tick => {
                    let cut = collector.tick();
                    let family = cut.family(&peers);
                    let changed = model.tick();
                    let shown: BTreeMap<u8, u64> =
                        family.iter().map(|(key, peer)| (*key, peer.bytes)).collect();
                    let expected: BTreeMap<u8, u64> =
                        model.live.iter().map(|(key, entry)| (*key, entry.bytes)).collect();
                    prop_assert_eq!(&shown, &expected);
                    prop_assert_eq!(family.retired().bytes, model.retired);
                    let total = family.total().bytes;
                    prop_assert_eq!(total, model.retired + expected.values().sum::<u64>());
                    prop_assert!(total >= total_before);
                    total_before = total;
                    let listed: Vec<u8> = family.changed().map(|(key, _)| *key).collect();
                    prop_assert_eq!(listed.len(), changed.len());
                    prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), changed);
                    for key in 0..4 {
                        let found = family.get(&key).map(|peer| peer.bytes);
                        prop_assert_eq!(found, expected.get(&key).copied());
                    }
                }
            }
        }
    }
}

#[test]
fn a_change_before_a_pump_is_shown_before_the_entry_goes() {
    let registry = Registry::new();
    let peers: Peers = registry.family("peer", "id").unwrap();
    let mut collector = registry.collector().unwrap();
    peers.entry(7).unwrap().record(|peer| peer.bytes.inc());
    assert_eq!(collector.tick().family(&peers).get(&7).unwrap().bytes, 1);
    peers.entry(7).unwrap().record(|peer| peer.bytes.add(100));
    collector.close_epoch();
    let cut = collector.tick();
    assert_eq!(cut.family(&peers).get(&7).map(|peer| peer.bytes), Some(101));
    assert_eq!(cut.family(&peers).changed().count(), 1);
    let cut = collector.tick();
    assert_eq!((cut.family(&peers).len(), cut.family(&peers).retired().bytes), (0, 101));
}

/// An entry that is held and released in each of many epochs is listed once.
#[test]
fn an_entry_that_is_let_go_in_many_epochs_goes_once() {
    let registry = Registry::new();
    let peers: Peers = registry.family("peer", "id").unwrap();
    let mut collector = registry.collector().unwrap();
    for _ in 0..100 {
        peers.entry(7).unwrap().record(|peer| peer.bytes.inc());
        collector.close_epoch();
    }
    let cut = collector.tick();
    assert_eq!((cut.family(&peers).len(), cut.family(&peers).changed().count()), (1, 1));
    let cut = collector.tick();
    assert_eq!((cut.family(&peers).len(), cut.family(&peers).retired().bytes), (0, 100));
}
