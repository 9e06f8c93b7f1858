//! Windows of the entries of a family: new ones, retired ones, and ones that return.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;
use tallybook::{
    Collector, Counter, Difference, Family, Histogram, ManualClock, Max, Min, Registry, Snapshot,
    Stats,
};

/// A peer.
#[derive(Stats)]
struct Peer {
    count: Counter,
    largest: Max,
    smallest: Min,
    sizes: Histogram,
}

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    peers: Family<u8, Peer>,
    collector: Collector,
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(identity);
        let peers = registry.family("peer", "n").unwrap();
        World { clock, peers, collector: registry.collector().unwrap(), registry }
    }

    fn tick(&mut self) -> Arc<Snapshot> {
        self.clock.advance(Duration::from_secs(1));
        self.collector.tick()
    }

    /// Records one fact on an entry that nobody else holds.
    fn record(&self, key: u8, n: u64) {
        self.peers.entry(key).unwrap().record(|peer| {
            peer.count.add(n);
            peer.largest.observe(n);
            peer.smallest.observe(n);
            peer.sizes.record(n);
        });
    }

    /// Ticks until all entries have retired.
    fn retire_all(&mut self) {
        while !self.tick().family(&self.peers).is_empty() {}
    }
}

fn window(cut: &Arc<Snapshot>, seconds: u64) -> Difference {
    cut.window(Duration::from_secs(seconds))
}

/// The counter, the extrema, and the histogram's count and sum.
fn seen(peer: &PeerSnapshot) -> (u64, [Option<u64>; 4], [u128; 2]) {
    let extrema = [peer.smallest, peer.largest, peer.sizes.min(), peer.sizes.max()];
    (peer.count, extrema, [peer.sizes.count().into(), peer.sizes.sum()])
}

fn both(min: u64, max: u64) -> [Option<u64>; 4] {
    [Some(min), Some(max), Some(min), Some(max)]
}

#[test]
fn an_entry_that_is_younger_than_the_window_is_in_it_as_a_whole() {
    let mut world = World::new();
    (0..20).for_each(|_| drop(world.tick()));
    let held = world.peers.entry(1).unwrap();
    world.record(1, 30);
    world.tick();
    world.record(1, 50);
    let cut = world.tick();
    let (one, ten) = (window(&cut, 1), window(&cut, 10));
    assert_eq!(seen(&one.entry(&world.peers, &1).unwrap()), (50, both(50, 50), [1, 50]));
    assert_eq!(seen(&ten.entry(&world.peers, &1).unwrap()), (80, both(30, 50), [2, 80]));
    // Over the whole window, not over the two seconds for which the entry has existed.
    assert_eq!(ten.entry_rates(&world.peers, &1).unwrap().count, 8.0);
    assert_eq!(ten.total_rates(&world.peers).count, 8.0);
    assert_eq!(ten.entry(&world.peers, &2), None);
    drop(held);
}

#[test]
fn one_that_comes_back_has_neither_the_counts_nor_the_extremes_of_the_one_before() {
    let mut world = World::new();
    world.record(7, 1);
    world.record(7, 1_000);
    world.retire_all();
    world.record(7, 20);
    let cut = world.tick();
    for seconds in [1, 10, 60] {
        let window = window(&cut, seconds);
        assert_eq!(seen(&window.entry(&world.peers, &7).unwrap()), (20, both(20, 20), [1, 20]));
        let entries: Vec<_> = window.entries(&world.peers).collect();
        assert_eq!((entries.len(), seen(&entries[0].1)), (1, (20, both(20, 20), [1, 20])));
        let total = window.total(&world.peers);
        let expected = if seconds == 1 { 20 } else { 1_021 };
        assert_eq!((total.count, total.sizes.sum()), (expected, expected.into()));
    }
    let total = window(&cut, 60).total(&world.peers);
    assert_eq!(seen(&total), (1_021, both(1, 1_000), [3, 1_021]));
}

#[test]
fn one_with_another_key_that_got_the_row_has_nothing_of_the_one_before() {
    let mut world = World::new();
    for key in 0..100 {
        world.record(key, 1 + 1_000 * u64::from(key));
        world.retire_all();
        // A row is free, and the next key takes it.
        world.record(200, 20);
        let cut = world.tick();
        let window = window(&cut, 60);
        let found = window.entry(&world.peers, &200).unwrap();
        assert_eq!(seen(&found), (20, both(20, 20), [1, 20]), "after {key}");
        assert_eq!(window.entry(&world.peers, &key), None);
        world.retire_all();
    }
}

#[test]
fn one_that_comes_back_before_it_has_retired_is_the_same() {
    let mut world = World::new();
    world.record(7, 5);
    world.tick();
    for n in 6..30 {
        world.record(7, n);
        let cut = world.tick();
        let found = window(&cut, 60).entry(&world.peers, &7).unwrap();
        let sum: u64 = (5..=n).sum();
        assert_eq!(seen(&found), (sum, both(5, n), [u128::from(n) - 4, sum.into()]));
        let one = window(&cut, 1).entry(&world.peers, &7).unwrap();
        assert_eq!(seen(&one), (n, both(n, n), [1, n.into()]));
    }
}

#[test]
fn one_that_is_gone_is_in_windows_that_end_before_and_in_totals() {
    let mut world = World::new();
    world.record(3, 9);
    let there = world.tick();
    world.retire_all();
    let gone = world.tick();
    assert_eq!(window(&gone, 60).entry(&world.peers, &3), None);
    assert_eq!(window(&gone, 60).entries(&world.peers).count(), 0);
    assert_eq!(seen(&window(&gone, 60).total(&world.peers)), (9, both(9, 9), [1, 9]));
    assert_eq!(window(&gone, 1).total(&world.peers), PeerSnapshot::default());
    // The old snapshot still finds the entry, although it has retired and a new one has its key.
    world.record(3, 100);
    let again = world.tick();
    for (cut, n) in [(&there, 9), (&again, 100)] {
        let found = window(cut, 60).entry(&world.peers, &3).unwrap();
        assert_eq!(seen(&found), (n, both(n, n), [1, n.into()]));
    }
}

#[test]
fn a_family_that_is_registered_late_started_from_zero() {
    let mut world = World::new();
    (0..5).for_each(|_| drop(world.tick()));
    let late: Family<u8, Peer> = world.registry.family("late", "n").unwrap();
    let cut = world.registry.reader().latest();
    assert_eq!(window(&cut, 10).total(&late), PeerSnapshot::default());
    assert_eq!(window(&cut, 10).entry(&late, &1), None);
    let held = late.entry(1).unwrap();
    held.record(|peer| peer.largest.observe(6));
    let cut = world.tick();
    assert_eq!(window(&cut, 10).total(&late).largest, Some(6));
    assert_eq!(window(&cut, 10).entry(&late, &1).unwrap().largest, Some(6));
    drop(held);
}

#[test]
fn an_entry_without_a_fact_in_the_window_has_no_extremes_there() {
    let mut world = World::new();
    let held = world.peers.entry(1).unwrap();
    world.record(1, 30);
    (0..30).for_each(|_| drop(world.tick()));
    let cut = world.tick();
    let found = window(&cut, 10).entry(&world.peers, &1).unwrap();
    assert_eq!(seen(&found), (0, [None; 4], [0, 0]));
    assert_eq!(window(&cut, 60).entry(&world.peers, &1).unwrap().largest, Some(30));
    drop(held);
}
