//! Windows of a scripted producer on a clock that the test moves: every number is known exactly.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/parked.rs"]
mod parked;
#[path = "support/random.rs"]
mod random;

use clock::manual;
use parked::Parked;
use random::Random;
use std::sync::Arc;
use std::time::Duration;
use tallybook::{
    Collector, Counter, Difference, Family, Histogram, Live, ManualClock, Max, Min, Registry, Set,
    Snapshot, Stats,
};

/// A node.
#[derive(Stats)]
struct Node {
    count: Counter,
    open: Live,
    largest: Max,
    smallest: Min,
    sizes: Histogram,
}

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    node: Set<Node>,
    peers: Family<u8, Node>,
    collector: Collector,
}

impl World {
    fn with_windows(windows: &[u64]) -> Self {
        let windows = windows.iter().map(|millis| Duration::from_millis(*millis));
        let (registry, clock) = manual(|builder| builder.windows(windows).patience(Duration::ZERO));
        World {
            clock,
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            collector: registry.collector().unwrap(),
            registry,
        }
    }

    fn new() -> Self {
        Self::with_windows(&[1_000, 10_000, 60_000])
    }

    fn tick_after(&mut self, millis: u64) -> Arc<Snapshot> {
        self.clock.advance(Duration::from_millis(millis));
        self.collector.tick()
    }

    /// Records `n` on the set, lets `millis` pass, and ticks.
    fn step(&mut self, n: u64, millis: u64) -> Arc<Snapshot> {
        self.node.record(|node| record(node, n));
        self.tick_after(millis)
    }
}

fn record(node: &Node, n: u64) {
    node.count.add(n);
    node.largest.observe(n);
    node.smallest.observe(n);
    node.sizes.record(n);
}

fn window(cut: &Arc<Snapshot>, millis: u64) -> Difference {
    cut.window(Duration::from_millis(millis))
}

fn elapsed(window: &Difference) -> u128 {
    window.elapsed().as_millis()
}

/// What a histogram shows besides its buckets.
fn spread(node: &NodeSnapshot) -> (u64, u128, Option<u64>, Option<u64>) {
    (node.sizes.count(), node.sizes.sum(), node.sizes.min(), node.sizes.max())
}

#[test]
fn a_steady_producer_has_the_same_rate_in_every_window() {
    let mut world = World::new();
    for tick in 1..=400_u64 {
        let cut = world.step(50, 500);
        for length in [0, 1_000, 10_000, 60_000] {
            let window = window(&cut, length);
            let rates = window.rates(&world.node);
            assert_eq!((rates.count, rates.sizes.count, rates.sizes.sum), (100.0, 2.0, 100.0));
            // The clock began with the registry, so a young one has a shorter window.
            let expected = u128::from(length.clamp(500, tick * 500));
            assert!(elapsed(&window) >= expected - u128::from(length / 16).min(expected));
            assert!(elapsed(&window) <= (expected + expected / 16).max(500), "{window:?}");
            assert_eq!(u128::from(window.set(&world.node).count) * 10, elapsed(&window));
        }
    }
}

#[test]
fn a_burst_is_in_the_windows_that_reach_back_to_it_and_stops_with_them() {
    let mut world = World::new();
    (0..30).for_each(|_| drop(world.tick_after(1_000)));
    world.step(6_000, 1_000);
    // Cuts of ages 0 to 15 are not joined: ten seconds are exactly ten ticks.
    for age in 1..=40 {
        let cut = world.tick_after(1_000);
        let (one, ten, sixty) = (window(&cut, 1_000), window(&cut, 10_000), window(&cut, 60_000));
        assert_eq!((elapsed(&one), one.set(&world.node).count), (1_000, 0));
        let is_in_ten = age < 10;
        let expected = if is_in_ten { (600.0, Some(6_000)) } else { (0.0, None) };
        let found = (ten.rates(&world.node).count, ten.set(&world.node).largest);
        assert_eq!((elapsed(&ten), found), (10_000, expected), "age {age}");
        assert_eq!(ten.set(&world.node).sizes.max(), expected.1);
        let rate = 6_000.0 / sixty.elapsed().as_secs_f64();
        assert_eq!(sixty.rates(&world.node).count, rate);
    }
}

#[test]
fn a_producer_that_stops_and_starts_again() {
    let mut world = World::new();
    (0..20).for_each(|_| drop(world.step(7, 1_000)));
    (0..20).for_each(|_| drop(world.tick_after(1_000)));
    let stopped = world.registry.reader().latest();
    assert_eq!(window(&stopped, 10_000).set(&world.node), NodeSnapshot::default());
    for n in 1..=10 {
        let cut = world.step(3 + n, 1_000);
        let ten = window(&cut, 10_000).set(&world.node);
        let sum: u64 = (1..=n).map(|n| 3 + n).sum();
        assert_eq!((ten.count, ten.smallest, ten.largest), (sum, Some(4), Some(3 + n)));
        assert_eq!(spread(&ten), (n, sum.into(), Some(4), Some(3 + n)));
    }
}

#[test]
fn jitter_of_half_a_tick_shifts_no_rate() {
    let mut world = World::new();
    let mut random = Random::new(1);
    for _ in 0..600 {
        let millis = 500 + random.below(1_001);
        // One per millisecond, so that the rate is exactly 1,000 in every window.
        let cut = world.step(millis, millis);
        for length in [0, 1_000, 10_000, 30_000, 60_000] {
            let window = window(&cut, length);
            assert_eq!(u128::from(window.set(&world.node).count), elapsed(&window));
            assert!((window.rates(&world.node).count - 1_000.0).abs() < 1e-9);
            let longest = u128::from((length + length / 16).max(length + 1_500));
            assert!(elapsed(&window) <= longest, "{window:?} for {length}");
        }
    }
}

#[test]
fn ticks_that_are_slower_than_the_window_make_it_one_tick_long() {
    let mut world = World::new();
    for n in 1..=40 {
        let cut = world.step(n, 25_000);
        let (one, ten, sixty) = (window(&cut, 1_000), window(&cut, 10_000), window(&cut, 60_000));
        assert_eq!([&one, &ten].map(elapsed), [25_000; 2]);
        assert_eq!(one.set(&world.node).count, n);
        assert_eq!(ten.rates(&world.node).count, n as f64 / 25.0);
        assert_eq!(elapsed(&sixty), u128::from((n * 25_000).min(75_000)));
        assert_eq!(sixty.set(&world.node).smallest, Some(n.saturating_sub(2).max(1)));
    }
}

/// At every tick, for lengths from one tick to a minute: half of a sixteenth, or one tick, off at
/// most.
#[test]
fn ticks_that_are_much_faster_than_the_window_leave_a_cut_for_every_length() {
    let ticks = if cfg!(miri) { 100 } else { 7_500 };
    let mut world = World::new();
    for tick in 1..=ticks {
        let cut = world.step(10, 10);
        let step = if tick % 1_250 == 0 { 10 } else { 10 + 10 * (tick % 389) };
        for length in (10..=60_000).step_by(step as usize) {
            let window = window(&cut, length);
            let found = window.elapsed().as_millis() as u64;
            let expected = length.min(tick * 10);
            let most = (length / 32).max(9);
            assert!(found.abs_diff(expected) <= most, "{found} for {length} at tick {tick}");
            if length % 7_000 == 10 {
                assert_eq!(window.set(&world.node).count, found);
            }
        }
    }
}

/// Ticks that are a hair early or late: a second is five of them, and not six.
#[test]
fn ticks_that_jitter_make_no_window_longer() {
    let mut world = World::new();
    for tick in 1..=300_u64 {
        let cut = world.tick_after(if tick % 2 == 0 { 199 } else { 201 });
        if tick >= 50 {
            assert!(elapsed(&window(&cut, 1_000)).abs_diff(1_000) <= 1);
            assert!(elapsed(&window(&cut, 200)).abs_diff(200) <= 1);
            assert!(elapsed(&window(&cut, 10_000)).abs_diff(10_000) <= 10_000 / 32);
        }
    }
}

/// A sixteenth too short is near enough, and a little more is not.
#[test]
fn the_tolerance_of_a_window() {
    for (age, expected) in [(1_000, 1_000), (938, 938), (937, 1_937), (1_050, 1_050)] {
        let mut world = World::new();
        (0..5).for_each(|_| drop(world.tick_after(1_000)));
        let cut = world.tick_after(age);
        assert_eq!(elapsed(&window(&cut, 1_000)), expected, "{age}");
    }
    // The nearer of two that are both within it; the shorter where they are equally near.
    for (ages, expected) in [([990, 20], 990), ([980, 30], 1_010), ([990, 25], 990)] {
        let mut world = World::new();
        (0..5).for_each(|_| drop(world.tick_after(1_000)));
        world.tick_after(ages[1]);
        let cut = world.tick_after(ages[0]);
        assert_eq!(elapsed(&window(&cut, 1_000)), expected, "{ages:?}");
    }
}

#[test]
fn where_the_history_is_younger_windows_begin_with_it() {
    let mut world = World::new();
    world.clock.advance(Duration::from_secs(3));
    let first = world.step(8, 1_000);
    for length in [0, 1_000, 10_000, 60_000, u64::MAX] {
        let window = window(&first, length);
        assert_eq!((window.earlier().epoch(), elapsed(&window)), (0, 4_000));
        assert_eq!(window.rates(&world.node).count, 2.0);
        assert_eq!(window.set(&world.node).largest, Some(8));
    }
    let before = World::new().registry.reader().latest();
    let window = before.window(Duration::from_secs(10));
    assert_eq!((elapsed(&window), window.earlier().epoch()), (0, 0));
}

#[test]
fn a_window_longer_than_the_longest_begins_where_the_history_does() {
    let mut world = World::with_windows(&[2_000]);
    for n in 1..=100 {
        let cut = world.step(n, 500);
        let (two, more) = (window(&cut, 2_000), window(&cut, 3_600_000));
        assert!(elapsed(&two) <= 2_500 && elapsed(&more) <= 3_000, "{two:?} {more:?}");
        assert_eq!(more.set(&world.node).largest, Some(n));
        assert!(elapsed(&more) >= elapsed(&two));
    }
}

#[test]
fn no_time_between_ticks_is_no_division() {
    let mut world = World::new();
    let peer = world.peers.entry(1).unwrap();
    for _ in 0..5 {
        peer.record(|node| record(node, 5));
        let cut = world.step(5, 0);
        for window in [cut.last_interval(), window(&cut, 1_000), cut.since(&cut).unwrap()] {
            assert_eq!(window.elapsed(), Duration::ZERO);
            let rates = [
                window.rates(&world.node),
                window.total_rates(&world.peers),
                window.entry_rates(&world.peers, &1).unwrap(),
            ];
            assert!(rates.iter().all(|rates| *rates == NodeRates::default()), "{rates:?}");
        }
    }
}

// Stretches between cuts of the same time have no length, and are joined at once.
#[test]
fn the_last_interval_is_the_last_one_even_where_the_clock_stands_still() {
    let mut world = World::new();
    world.step(1, 1_000);
    for n in 2..=20 {
        let cut = world.step(n, 0);
        let last = cut.last_interval();
        assert_eq!(last.earlier().epoch(), cut.epoch() - 1);
        let found = last.set(&world.node);
        assert_eq!((found.count, found.largest, found.smallest), (n, Some(n), Some(n)));
    }
}

#[test]
fn what_a_young_registry_saw_in_no_time_is_in_its_windows() {
    let mut world = World::new();
    world.step(5, 0);
    let cut = world.step(3, 1_000);
    let found = window(&cut, 10_000).set(&world.node);
    assert_eq!((found.count, found.largest), (8, Some(5)));
}

#[test]
fn a_stale_cut_has_the_windows_of_the_cut_that_it_repeats() {
    let mut world = World::new();
    (0..20).for_each(|_| drop(world.step(10, 1_000)));
    let before = world.registry.reader().latest();
    let parked = Parked::inside(&world.node, |node| record(node, 40), |_| ());
    for _ in 0..3 {
        let stale = world.step(10, 1_000);
        assert!(stale.is_stale());
        let (found, wanted) = (window(&stale, 10_000), window(&before, 10_000));
        assert_eq!(found.set(&world.node), wanted.set(&world.node));
        assert_eq!((found.elapsed(), wanted.elapsed()), (Duration::from_secs(10), found.elapsed()));
        assert_eq!(stale.since(&before).unwrap().set(&world.node).count, 0);
    }
    parked.release();
    // The epoch that was stuck, and the one that has been open since.
    let finished = world.step(10, 1_000);
    let last = finished.last_interval();
    assert_eq!((elapsed(&last), last.set(&world.node).count), (4_000, 80));
    assert_eq!(last.set(&world.node).largest, Some(40));
    let next = world.step(10, 1_000);
    let last = next.last_interval();
    assert_eq!((elapsed(&last), last.set(&world.node).count), (1_000, 10));
    assert_eq!(window(&next, 10_000).set(&world.node).count, 140);
    assert_eq!(elapsed(&window(&next, 10_000)), 10_000);
    assert_eq!(window(&next, 5_000).set(&world.node).largest, Some(40));
}

#[test]
fn a_set_that_is_registered_late_started_from_zero() {
    let mut world = World::new();
    (0..5).for_each(|_| drop(world.tick_after(1_000)));
    let late: Set<Node> = world.registry.set("late").unwrap();
    let cut = world.registry.reader().latest();
    assert_eq!(window(&cut, 10_000).set(&late), NodeSnapshot::default());
    let open = late.open(Node::open);
    late.record(|node| record(node, 6));
    let cut = world.tick_after(1_000);
    for (length, seconds) in [(0, 1.0), (3_000, 3.0), (60_000, 6.0)] {
        let window = window(&cut, length);
        let values = window.set(&late);
        assert_eq!((values.count, values.open.opened, values.largest), (6, 1, Some(6)));
        assert_eq!(window.rates(&late).count, 6.0 / seconds);
        assert_eq!(window.rates(&late).open.opened, 1.0 / seconds);
    }
    drop(open);
}
