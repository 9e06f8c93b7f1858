//! Rates for consumers with their own intervals, whatever happens to ticks, clocks and registries.

#[path = "support/jumping_clock.rs"]
mod jumping_clock;
#[path = "support/parked.rs"]
mod parked;

use jumping_clock::JumpingClock;
use parked::Parked;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tallybook::{
    Collector, Counter, Difference, Entry, Family, Histogram, Max, RateTracker, Registry, Set,
    Snapshot, Stats,
};

/// A node.
#[derive(Stats)]
struct Node {
    count: Counter,
    largest: Max,
    sizes: Histogram,
}

struct World {
    clock: Arc<JumpingClock>,
    registry: Registry,
    node: Set<Node>,
    peers: Family<u8, Node>,
    collector: Collector,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(JumpingClock::default());
        let builder = Registry::builder().clock(clock.clone()).patience(Duration::ZERO);
        let registry = builder.build();
        World {
            clock,
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            collector: registry.collector().unwrap(),
            registry,
        }
    }

    fn tracker(&self) -> RateTracker {
        RateTracker::new(self.registry.reader())
    }

    /// Records `n`, lets `millis` pass, and ticks.
    fn step(&mut self, n: u64, millis: u64) -> Arc<Snapshot> {
        self.node.record(|node| record(node, n));
        self.clock.advance(Duration::from_millis(millis));
        self.collector.tick()
    }

    /// Rate, increase, and the elapsed milliseconds of an answer.
    fn answer(&self, difference: &Difference) -> (f64, u64, u128) {
        let (rates, values) = (difference.rates(&self.node), difference.set(&self.node));
        assert_eq!(rates.sizes.sum, rates.count);
        (rates.count, values.count, difference.elapsed().as_millis())
    }
}

fn record(node: &Node, n: u64) {
    node.count.add(n);
    node.largest.observe(n);
    node.sizes.record(n);
}

#[test]
fn the_first_call_is_zero_whenever_it_is() {
    let mut world = World::new();
    let before = world.tracker();
    let first = before.update();
    assert_eq!((world.answer(&first), first.later().epoch()), ((0.0, 0, 0), 0));
    (1..=10).for_each(|n| drop(world.step(n, 1_000)));
    let late = world.tracker();
    let first = late.update();
    assert_eq!((world.answer(&first), first.later().epoch()), ((0.0, 0, 0), 10));
    assert_eq!(first.set(&world.node), NodeSnapshot::default());
    assert_eq!(world.answer(&before.update()), (5.5, 55, 10_000));
    world.step(3, 1_000);
    assert_eq!(world.answer(&late.update()), (3.0, 3, 1_000));
    assert!(format!("{late:?}").contains("RateTracker"));
}

#[test]
fn without_anything_newer_the_answer_is_the_same_one() {
    let mut world = World::new();
    let tracker = world.tracker();
    let zero = tracker.update();
    assert!(Arc::ptr_eq(&zero, &tracker.update()));
    world.step(7, 500);
    let answer = tracker.update();
    assert_eq!(world.answer(&answer), (14.0, 7, 500));
    for _ in 0..10 {
        world.node.record(|node| record(node, 1_000_000));
        assert!(Arc::ptr_eq(&answer, &tracker.update()));
    }
}

#[test]
fn cuts_that_are_too_near_are_passed_over_until_there_is_enough_time() {
    let mut world = World::new();
    let tracker = world.tracker().with_min_interval(Duration::from_millis(10));
    assert_eq!(tracker.min_interval(), Duration::from_millis(10));
    let mut answer = tracker.update();
    let mut seen = 0;
    for n in 1..=100 {
        world.step(1, 3);
        let next = tracker.update();
        if n % 4 == 0 {
            // Nothing is lost: four ticks at once.
            assert_eq!(world.answer(&next), (4.0 / 0.012, 4, 12));
            seen += next.set(&world.node).count;
        } else {
            assert!(Arc::ptr_eq(&next, &answer));
        }
        answer = next;
    }
    assert_eq!(seen, 100);
}

#[test]
fn a_least_time_of_nothing_still_divides_by_something() {
    let mut world = World::new();
    let tracker = world.tracker().with_min_interval(Duration::ZERO);
    tracker.update();
    world.step(5, 0);
    assert_eq!(world.answer(&tracker.update()), (0.0, 0, 0));
    world.step(5, 1_000);
    assert_eq!(world.answer(&tracker.update()), (10.0, 10, 1_000));
    world.step(5, 0);
    assert_eq!(world.answer(&tracker.update()), (10.0, 10, 1_000));
    world.clock.advance(Duration::from_nanos(1));
    world.collector.tick();
    assert_eq!(tracker.update().rates(&world.node).count, 5e9);
    let never = world.tracker().with_min_interval(Duration::MAX);
    never.update();
    world.step(5, 1_000_000);
    assert_eq!(world.answer(&never.update()), (0.0, 0, 0));
}

#[test]
fn a_registry_that_replaces_another_begins_anew_and_never_with_a_spike() {
    let (mut old, mut new) = (World::new(), World::new());
    let tracker = old.tracker();
    for n in 1..=20 {
        let latest = old.step(1_000, 1_000);
        let answer = tracker.update_from(&latest);
        assert_eq!(old.answer(&answer), if n == 1 { (0.0, 0, 0) } else { (1_000.0, 1_000, 1_000) });
    }
    // The new one starts at zero, and its clock is behind or ahead of the last snapshot seen.
    for start in [0, 100_000] {
        new.clock.advance(Duration::from_secs(start));
        let latest = new.step(2, 500);
        let answer = tracker.update_from(&latest);
        assert_eq!(new.answer(&answer), (0.0, 0, 0));
        let handles = catch_unwind(AssertUnwindSafe(|| answer.rates(&old.node).count));
        assert!(handles.is_err(), "a handle of the old registry");
        let latest = new.step(3, 500);
        assert_eq!(new.answer(&tracker.update_from(&latest)), (6.0, 3, 500));
        // Back to the old one, as if both existed.
        let latest = old.step(1_000, 1_000);
        assert_eq!(old.answer(&tracker.update_from(&latest)), (0.0, 0, 0));
        let latest = old.step(5, 1_000);
        assert_eq!(old.answer(&tracker.update_from(&latest)), (5.0, 5, 1_000));
    }
}

#[test]
fn a_key_that_left_and_came_back_started_from_zero() {
    let mut world = World::new();
    let tracker = world.tracker();
    let enter = |world: &World, n| -> Entry<u8, Node> {
        let entry = world.peers.entry(1).unwrap();
        entry.record(|node| record(node, n));
        entry
    };
    let rates = |world: &World, answer: &Difference| {
        let entry = answer.entry_rates(&world.peers, &1).map(|rates| rates.count);
        (entry, answer.total_rates(&world.peers).count)
    };
    let entry = enter(&world, 1_000);
    world.step(0, 1_000);
    tracker.update();
    drop(entry);
    (0..3).for_each(|_| drop(world.step(0, 1_000)));
    let entry = enter(&world, 20);
    world.step(0, 1_000);
    // Four seconds since the previous call, which saw the 1,000.
    assert_eq!(rates(&world, &tracker.update()), (Some(5.0), 5.0));
    drop(entry);
    (0..3).for_each(|_| drop(world.step(0, 1_000)));
    assert_eq!(rates(&world, &tracker.update()), (None, 0.0));
    drop(enter(&world, 6));
    (0..3).for_each(|_| drop(world.step(0, 1_000)));
    // The entry came and went between two calls, so only the total shows it.
    assert_eq!(rates(&world, &tracker.update()), (None, 2.0));
}

#[test]
fn a_clock_that_jumps_ahead_makes_one_answer_slow() {
    let mut world = World::new();
    let tracker = world.tracker();
    tracker.update();
    world.step(10, 1_000);
    assert_eq!(world.answer(&tracker.update()), (10.0, 10, 1_000));
    world.step(10, 10_000_000);
    assert_eq!(world.answer(&tracker.update()), (0.001, 10, 10_000_000));
    world.step(10, 1_000);
    assert_eq!(world.answer(&tracker.update()), (10.0, 10, 1_000));
}

#[test]
fn a_clock_that_goes_backwards_begins_a_new_segment() {
    let mut world = World::new();
    let tracker = world.tracker();
    tracker.update();
    for _ in 0..3 {
        world.clock.set(Duration::from_secs(1_000));
        world.step(10, 1_000);
        world.step(10, 1_000);
        assert!(tracker.update().rates(&world.node).count <= 10.0);
        world.clock.set(Duration::from_secs(5));
        let cut = world.step(10, 1_000);
        assert_eq!((cut.at(), cut.interval()), (Duration::from_secs(6), Duration::ZERO));
        assert_eq!(world.answer(&tracker.update()), (0.0, 0, 0));
        world.step(30, 2_000);
        assert_eq!(world.answer(&tracker.update()), (15.0, 30, 2_000));
        for length in [0, 1, 10, 60, 1_000].map(Duration::from_secs) {
            let window = cut.window(length);
            assert!((0.0..=100.0).contains(&window.rates(&world.node).count), "{window:?}");
        }
        for constant in cut.time_constants() {
            let average = cut.averaged(*constant).unwrap().set(&world.node).count;
            assert!((0.0..=10.0).contains(&average), "{average}");
        }
    }
}

#[test]
fn a_stale_snapshot_is_no_newer_than_the_one_it_repeats() {
    let mut world = World::new();
    let tracker = world.tracker();
    tracker.update();
    world.step(10, 1_000);
    let before = tracker.update();
    let parked = Parked::inside(&world.node, |_| (), |node| record(node, 40));
    for _ in 0..3 {
        assert!(world.step(10, 1_000).is_stale());
        assert!(Arc::ptr_eq(&before, &tracker.update()));
    }
    let late = world.tracker();
    assert_eq!(world.answer(&late.update()), (0.0, 0, 0));
    parked.release();
    world.step(10, 1_000);
    assert_eq!(world.answer(&tracker.update()), (20.0, 80, 4_000));
    assert_eq!(world.answer(&late.update()), (20.0, 80, 4_000));
    world.step(10, 1_000);
    assert_eq!(world.answer(&tracker.update()), (10.0, 10, 1_000));
}

#[test]
fn a_tracker_that_is_older_than_all_history_is_exact() {
    let mut world = World::new();
    let tracker = world.tracker();
    world.step(1_000, 1_000);
    tracker.update();
    let ticks = if cfg!(miri) { 70 } else { 1_000 };
    (1..=ticks).for_each(|n| drop(world.step(n, 1_000)));
    let answer = tracker.update();
    let sum = ticks * (ticks + 1) / 2;
    let rate = sum as f64 / ticks as f64;
    assert_eq!(world.answer(&answer), (rate, sum, u128::from(ticks) * 1_000));
    let sizes = answer.set(&world.node).sizes;
    assert_eq!((sizes.count(), sizes.sum()), (ticks, sum.into()));
    assert!(sizes.max() >= Some(ticks) && sizes.max() <= Some(1_000));
}

/// A cut that a tracker holds is kept as long as the longest window reaches back to it.
#[test]
fn extremes_of_answers_are_exact_whatever_the_rhythm() {
    for rhythm in [1, 13, 150, 590] {
        let mut world = World::new();
        let tracker = world.tracker();
        let mut from = 0;
        let wanted = |from, until| (from + 1..=until).map(|tick: u64| 1_000 - tick * 31 % 997);
        tracker.update();
        for tick in 1..=1_800_u64 {
            world.step(1_000 - tick * 31 % 997, 100);
            if tick % rhythm == 0 {
                let answer = tracker.update().set(&world.node);
                let (min, max) = (wanted(from, tick).min(), wanted(from, tick).max());
                assert_eq!(answer.largest, max, "every {rhythm} ticks, at {tick}");
                assert_eq!((answer.sizes.min(), answer.sizes.max()), (min, max));
                from = tick;
            }
        }
    }
}

#[test]
fn trackers_of_all_rhythms_have_baselines_of_their_own_and_no_gaps() {
    let mut world = World::new();
    let mut trackers: Vec<_> = (0..8).map(|_| (world.tracker(), None, 0)).collect();
    let mut sum = 0;
    for tick in 0..840_u64 {
        sum += tick * 7919 % 1_000;
        world.step(tick * 7919 % 1_000, 1 + tick * 31 % 100);
        for (n, (tracker, last, seen)) in trackers.iter_mut().enumerate() {
            if (tick + 1) % (n as u64 + 1) != 0 {
                continue;
            }
            let answer = tracker.update();
            let (rate, increase, _) = world.answer(&answer);
            let [later, earlier] =
                [answer.later(), answer.earlier()].map(|cut| cut.set(&world.node).count);
            assert_eq!(increase, later - earlier);
            if let Some(last) = last.replace(answer.later().clone()) {
                assert!(Arc::ptr_eq(&last, answer.earlier()), "a gap");
                assert_eq!(rate, increase as f64 / answer.elapsed().as_secs_f64());
                *seen += increase;
            } else {
                assert_eq!(increase, 0);
                *seen = later;
            }
            assert_eq!(*seen, sum);
        }
    }
}

#[test]
fn where_nothing_is_counted_nothing_is_told() {
    let registry = Registry::disabled();
    let node: Set<Node> = registry.set("node").unwrap();
    let tracker = RateTracker::new(registry.reader());
    for _ in 0..3 {
        node.record(|node| record(node, 1));
        let answer = tracker.update();
        assert_eq!((answer.rates(&node), answer.elapsed()), (NodeRates::default(), Duration::ZERO));
    }
}

#[test]
fn a_set_that_is_newer_than_the_baseline_started_from_zero() {
    let mut world = World::new();
    let tracker = world.tracker();
    tracker.update();
    let late: Set<Node> = world.registry.set("late").unwrap();
    assert_eq!(tracker.update().rates(&late).count, 0.0);
    late.record(|node| record(node, 8));
    world.step(1, 2_000);
    assert_eq!(tracker.update().rates(&late).count, 4.0);
}
