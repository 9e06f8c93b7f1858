//! What the history keeps: how many cuts, how much memory, and how a limit shortens windows.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;
use tallybook::registry::RegistryBuilder;
use tallybook::{
    Collector, Counter, Entry, Family, Histogram, Label, ManualClock, Max, PerLabel, Registry, Set,
    Snapshot, Stats,
};

/// A node.
#[derive(Stats)]
struct Node {
    count: Counter,
    largest: Max,
    sizes: Histogram,
}

/// A counter and nothing else.
#[derive(Stats)]
struct Plain {
    count: Counter,
}

#[derive(Clone, Copy, Label)]
enum One {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
}

#[derive(Clone, Copy, Label)]
enum Two {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
}

/// Sixty-four extrema: almost no memory in a cut, but 2.5 KB in each stretch between two cuts.
#[derive(Stats)]
struct Extrema {
    largest: PerLabel<One, PerLabel<Two, Max>>,
}

const ONES: [One; 8] = [One::A, One::B, One::C, One::D, One::E, One::F, One::G, One::H];
const TWOS: [Two; 8] = [Two::A, Two::B, Two::C, Two::D, Two::E, Two::F, Two::G, Two::H];

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    node: Set<Node>,
    peers: Family<u64, Node>,
    collector: Collector,
}

impl World {
    fn new(build: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        let (registry, clock) = manual(build);
        World {
            clock,
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            collector: registry.collector().unwrap(),
            registry,
        }
    }

    fn tick_after(&mut self, time: Duration) -> Arc<Snapshot> {
        self.clock.advance(time);
        self.collector.tick()
    }

    fn kept(&self, cut: &Snapshot) -> (usize, usize) {
        let own = cut.set(&self.registry.collector_stats());
        (own.history.unwrap() as usize, own.history_memory.unwrap() as usize)
    }

    fn entries(&self, keys: u64) -> Vec<Entry<u64, Node>> {
        (0..keys).map(|key| self.peers.entry(key).unwrap()).collect()
    }
}

fn record(node: &Node, n: u64) {
    node.count.add(n);
    node.largest.observe(n);
    node.sizes.record(n);
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The maximum number of cuts that are kept. Two adjacent stretches that are not joined are
/// together longer than a sixteenth of their age, so of the cuts older than 32 ticks, each is at
/// least 17/16 as old as the one two places after it.
fn max_cuts(tick: Duration, longest: Duration) -> usize {
    let octaves = (longest.as_secs_f64() / (32.0 * tick.as_secs_f64())).max(1.0).ln();
    32 + (2.0 * octaves / (17.0_f64 / 16.0).ln()).ceil() as usize + 4
}

#[test]
fn a_hundred_thousand_ticks_keep_two_hundred_cuts() {
    let ticks = if cfg!(miri) { 60 } else { 100_000 };
    let mut world = World::new(identity);
    let entries = world.entries(4);
    let max_kept = max_cuts(millis(10), Duration::from_secs(60));
    assert_eq!(max_kept, 209);
    let (mut max_memory, mut early) = (0, 0);
    for tick in 1..=ticks {
        world.node.record(|n| record(n, tick % 100));
        entries[tick as usize % 4].record(|n| record(n, tick % 100));
        let cut = world.tick_after(millis(10));
        // A cut is counted by the tick after its own.
        let (kept, memory) = world.kept(&cut);
        assert!(kept <= max_kept, "{kept} cuts at tick {tick}");
        max_memory = memory.max(max_memory);
        if tick == 10_000 {
            early = max_memory;
        }
    }
    assert!(max_memory <= early * 3 / 2 || early == 0, "{early}, later {max_memory} bytes");
    let cut = world.registry.reader().latest();
    assert_eq!(cut.set(&world.node).count, (1..=ticks).map(|tick| tick % 100).sum::<u64>());
}

#[test]
fn a_clock_that_stands_still_keeps_few_cuts() {
    let mut world = World::new(identity);
    for tick in 1..=1_000 {
        world.node.record(|n| record(n, tick));
        let cut = world.tick_after(Duration::ZERO);
        assert!(world.kept(&cut).0 <= 2);
        assert_eq!(cut.set(&world.node).count, (1..=tick).sum::<u64>());
    }
}

#[test]
fn with_no_windows_no_cut_is_kept() {
    let mut world = World::new(|builder| builder.windows([]));
    for tick in 1..=100 {
        world.node.record(|n| record(n, tick));
        let cut = world.tick_after(millis(500));
        assert_eq!(world.kept(&cut).0, 0);
        for window in [cut.last_interval(), cut.window(millis(1)), cut.window(Duration::MAX)] {
            assert_eq!(window.elapsed(), Duration::ZERO);
            assert_eq!(window.set(&world.node).count, 0);
        }
    }
}

/// The memory kept may exceed the limit by what one tick adds, and by what is freed only at the
/// next tick.
#[test]
fn a_small_limit_shortens_windows_and_nothing_else() {
    const LIMIT: usize = 100_000;
    let mut world = World::new(|builder| builder.history_limit(LIMIT));
    let entries = world.entries(50);
    let mut shortest = Duration::MAX;
    for tick in 1..=600_u64 {
        entries.iter().for_each(|entry| entry.record(|n| record(n, tick)));
        world.node.record(|n| record(n, 50 * tick));
        let cut = world.tick_after(millis(100));
        let window = cut.window(Duration::from_secs(10));
        let (from, until) = (window.earlier().epoch(), window.later().epoch());
        let wanted: u64 = (from + 1..=until).map(|tick| 50 * tick).sum();
        let total = window.total(&world.peers);
        assert_eq!((window.set(&world.node).count, total.count), (wanted, wanted));
        assert_eq!((total.largest, total.sizes.max()), (Some(tick), Some(tick)));
        assert_eq!(total.sizes.min(), Some(from + 1));
        assert_eq!(window.elapsed(), millis(100 * (until - from)));
        assert_eq!(cut.last_interval().set(&world.node).count, 50 * tick);
        assert_eq!(cut.set(&world.node).count, (1..=tick).map(|tick| 50 * tick).sum::<u64>());
        assert_eq!(cut.family(&world.peers).total().count, cut.set(&world.node).count);
        if tick > 200 {
            shortest = shortest.min(window.elapsed());
            let (_, memory) = world.kept(&cut);
            assert!(memory <= 2 * LIMIT, "{memory} bytes at tick {tick}");
        }
    }
    assert!(shortest < Duration::from_secs(10), "the limit was never met");
}

// If the limit dropped one cut per tick while each tick adds one, the number of cuts would never
// decrease.
#[test]
fn the_limit_holds_where_little_happened_for_long_and_then_much() {
    const LIMIT: usize = 200_000;
    let mut world = World::new(|builder| builder.history_limit(LIMIT));
    let entries = world.entries(1_000);
    for tick in 0..300 {
        world.node.record(|n| record(n, tick));
        world.tick_after(millis(100));
    }
    let mut memory = 0;
    for tick in 0..300 {
        entries.iter().for_each(|entry| entry.record(|n| n.count.add(tick)));
        let cut = world.tick_after(millis(100));
        memory = world.kept(&cut).1;
    }
    let cut = world.tick_after(millis(100));
    // A tick overwrites at least 1,000 rows of eight words each.
    assert!(memory <= 2 * LIMIT, "{memory} bytes in {} cuts", world.kept(&cut).0);
}

#[test]
fn the_limit_is_one_of_extremes_too() {
    const LIMIT: usize = 100_000;
    let mut world = World::new(|builder| builder.history_limit(LIMIT));
    let sets: Vec<Set<Extrema>> =
        (0..8).map(|n| world.registry.set(&format!("extrema{n}")).unwrap()).collect();
    let mut memory = 0;
    for tick in 0..400 {
        for set in &sets {
            set.record(|set| {
                for (one, two) in ONES.iter().flat_map(|one| TWOS.map(|two| (*one, two))) {
                    set.largest[one][two].observe(tick);
                }
            });
        }
        let cut = world.tick_after(millis(100));
        memory = world.kept(&cut).1;
        let window = cut.window(Duration::from_secs(10));
        assert_eq!(window.set(&sets[3]).largest[One::C][Two::G], Some(tick));
    }
    assert!(memory <= 2 * LIMIT, "{memory} bytes");
}

#[test]
fn a_limit_of_nothing_leaves_the_last_interval() {
    let mut world = World::new(|builder| builder.history_limit(0));
    let entries = world.entries(10);
    for tick in 1..=200_u64 {
        entries.iter().for_each(|entry| entry.record(|n| record(n, tick)));
        let cut = world.tick_after(millis(100));
        let last = cut.last_interval();
        assert_eq!((last.elapsed(), last.total(&world.peers).count), (millis(100), 10 * tick));
        assert_eq!(cut.family(&world.peers).total().count, (1..=tick).map(|n| 10 * n).sum::<u64>());
    }
    let cut = world.tick_after(millis(100));
    assert!(world.kept(&cut).0 <= 2, "{:?}", world.kept(&cut));
}

/// Everything that a snapshot shows, including its windows.
fn said(world: &World, cut: &Arc<Snapshot>) -> String {
    let peers = cut.family(&world.peers);
    let mut entries: Vec<_> = peers.iter().map(|(key, value)| (*key, value)).collect();
    entries.sort_by_key(|(key, _)| *key);
    let windows: Vec<_> = [0, 300, 1_000, 5_000, 60_000]
        .map(millis)
        .iter()
        .map(|length| cut.window(*length))
        .map(|window| {
            let entries = window.entries(&world.peers);
            let mut entries: Vec<_> = entries.map(|(key, values)| (*key, values)).collect();
            entries.sort_by_key(|(key, _)| *key);
            let epochs = (window.earlier().epoch(), window.later().epoch());
            (epochs, window.set(&world.node), window.total(&world.peers), entries)
        })
        .collect();
    let averages: Vec<_> = cut
        .time_constants()
        .iter()
        .map(|constant| cut.averaged(*constant).unwrap())
        .map(|averaged| (averaged.set(&world.node), averaged.total(&world.peers)))
        .collect();
    let own = (cut.epoch(), cut.at(), cut.set(&world.node), peers.total(), peers.retired());
    let said = format!("{own:?} {entries:?} {windows:?} {averages:?}");
    #[cfg(feature = "serde")]
    let said = said + &serde_json::to_string(&**cut).unwrap();
    said
}

#[test]
fn a_snapshot_that_is_kept_says_the_same_for_ever() {
    let mut world = World::new(|builder| builder.history_limit(50_000));
    let mut held = Vec::new();
    let mut kept = Vec::new();
    for tick in 1..=400_u64 {
        if tick % 3 == 0 {
            held.push(world.peers.entry(tick * 7 % 12).unwrap());
        }
        if held.len() > 5 {
            held.remove(tick as usize % 5);
        }
        held.iter().enumerate().for_each(|(n, entry)| entry.record(|e| record(e, tick + n as u64)));
        world.node.record(|n| record(n, tick));
        let cut = world.tick_after(millis(tick * 31 % 211));
        if tick % 23 == 0 {
            let said = said(&world, &cut);
            kept.push((cut, said));
        }
        if tick % 100 == 0 {
            // Drops some of them, not only the oldest.
            kept.retain(|(cut, _)| cut.epoch() % 2 == 0);
        }
    }
    assert!(kept.len() > 5);
    for (cut, before) in &kept {
        assert_eq!(said(&world, cut), *before, "epoch {}", cut.epoch());
    }
    drop(world.collector);
    world.collector = world.registry.collector().unwrap();
    assert!(kept.iter().all(|(cut, before)| said(&world, cut) == *before));
}

#[test]
fn what_is_not_used_is_there_all_the_same() {
    let mut world = World::new(|builder| builder.windows([Duration::ZERO, millis(5), millis(5)]));
    let plain: Set<Plain> = world.registry.set("plain").unwrap();
    let cut = world.tick_after(millis(1));
    assert_eq!(cut.windows(), [millis(5)]);
    assert_eq!(cut.window(millis(5)).rates(&plain).count, 0.0);
}
