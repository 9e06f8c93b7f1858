//! Rate trackers that many threads call while ticks continue and producers record.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/stop_flag.rs"]
mod stop_flag;

use clock::manual;
use std::collections::BTreeMap;
use std::convert::identity;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use stop_flag::StopOnDrop;
use tallybook::{
    Collector, Counter, Difference, Family, Histogram, ManualClock, RateTracker, Registry, Set,
    Snapshot, Stats,
};

/// A node.
#[derive(Stats)]
struct Node {
    count: Counter,
    sizes: Histogram,
}

const SMALL: bool = cfg!(tallybook_small) || cfg!(miri);
const THREADS: usize = if SMALL { 12 } else { 100 };
const CALLS: usize = if SMALL { 500 } else { 10_000 };
/// How many snapshots are taken meanwhile, at least.
const EPOCHS: u64 = if SMALL { 30 } else { 40 };

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    node: Set<Node>,
    peers: Family<u64, Node>,
    /// How many threads still call trackers.
    busy: AtomicUsize,
    over: AtomicBool,
}

impl World {
    fn new(busy: usize) -> Self {
        let (registry, clock) = manual(identity);
        World {
            clock,
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            registry,
            busy: AtomicUsize::new(busy),
            over: AtomicBool::new(false),
        }
    }

    /// One fact over the set and an entry that comes and goes.
    fn produce(&self) {
        for n in 0.. {
            let peer = self.peers.entry(n % 10).unwrap();
            self.node.record(|node| {
                node.count.add(3);
                node.sizes.record(3);
                peer.record(|peer| {
                    peer.count.add(3);
                    peer.sizes.record(3);
                });
            });
            if self.over.load(Relaxed) {
                break;
            }
        }
    }

    /// Ticks while any thread is busy, after `rhythm(tick)` milliseconds each time.
    fn collect(&self, collector: &mut Collector, rhythm: impl Fn(u64) -> u64) {
        // Stops the producers on failure, too.
        let _stop = StopOnDrop(&self.over);
        for tick in 0.. {
            self.clock.advance(Duration::from_millis(rhythm(tick)));
            collector.tick();
            if self.busy.load(Relaxed) == 0 {
                break;
            }
        }
    }

    /// Checks that the answer is the difference of the two snapshots that it names.
    fn check(&self, answer: &Difference) {
        let seconds = answer.elapsed().as_secs_f64();
        let of = |cut: &Snapshot| (cut.set(&self.node), cut.family(&self.peers).total());
        let ((later, later_peers), (earlier, _)) = (of(answer.later()), of(answer.earlier()));
        assert_eq!(later.count, later_peers.count);
        let increase = later.count - earlier.count;
        let rates = [answer.rates(&self.node), answer.total_rates(&self.peers)];
        for rates in rates {
            let rate = if seconds > 0.0 { increase as f64 / seconds } else { 0.0 };
            assert_eq!((rates.count, rates.sizes.sum), (rate, rate), "{answer:?}");
            assert!(rates.count.is_finite() && rates.count >= 0.0);
            assert!((rates.sizes.count * 3.0 - rate).abs() <= rate * 1e-12);
            assert!((rate * seconds - increase as f64).abs() <= increase as f64 * 1e-12);
        }
        for (key, peer) in answer.entries(&self.peers) {
            assert_eq!(u128::from(peer.count), peer.sizes.sum(), "{key}");
            assert!(peer.count <= increase, "{key}");
        }
    }
}

/// Counts a thread as done, also if it fails.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[test]
fn eight_readers_with_eight_rhythms_disturb_nobody() {
    const READERS: u64 = 8;
    let world = World::new(READERS as usize);
    let mut collector = world.registry.collector().unwrap();
    let answers = if SMALL { 20 } else { 150 };
    thread::scope(|scope| {
        scope.spawn(|| world.produce());
        for rhythm in 1..=READERS {
            let world = &world;
            scope.spawn(move || {
                let _done = Done(&world.busy);
                let reader = world.registry.reader();
                let tracker = RateTracker::new(reader.clone());
                let mut last = tracker.update();
                let (mut seen, mut found) = (0, 0);
                assert_eq!(last.elapsed(), Duration::ZERO);
                let start = last.later().set(&world.node).count;
                while found < answers {
                    // After `rhythm` ticks or more.
                    let after = last.later().epoch() + rhythm - 1;
                    let Ok(_) = reader.wait_next(after, Duration::from_secs(60)) else {
                        panic!("no tick in a minute");
                    };
                    let next = tracker.update();
                    assert!(next.later().epoch() >= last.later().epoch() + rhythm);
                    assert!(Arc::ptr_eq(next.earlier(), last.later()), "a gap");
                    world.check(&next);
                    seen += next.set(&world.node).count;
                    assert_eq!(start + seen, next.later().set(&world.node).count);
                    (last, found) = (next, found + 1);
                }
            });
        }
        world.collect(&mut collector, |tick| 1 + tick % 7);
    });
}

/// A hundred threads share a tracker, and some ticks come too soon.
fn many_threads_share(least: Duration, rhythm: impl Fn(u64) -> u64) {
    let world = World::new(THREADS);
    let mut collector = world.registry.collector().unwrap();
    let tracker = RateTracker::new(world.registry.reader()).with_min_interval(least);
    let start = Barrier::new(THREADS + 1);
    let answers = thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| world.produce())));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let _done = Done(&world.busy);
                    start.wait();
                    let (mut last, mut ends) = (None::<Arc<Difference>>, Vec::new());
                    let is_over = |calls, last: &Option<Arc<Difference>>| {
                        let epoch = last.as_ref().map_or(0, |last| last.later().epoch());
                        calls >= CALLS && epoch >= EPOCHS
                    };
                    for calls in 0.. {
                        if is_over(calls, &last) {
                            break;
                        }
                        let answer = tracker.update();
                        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &answer)) {
                            continue;
                        }
                        let (earlier, later) = (answer.earlier().epoch(), answer.later().epoch());
                        let is_newer = |last: &Arc<Difference>| last.later().epoch() < later;
                        assert!(last.as_ref().is_none_or(is_newer), "went back");
                        assert!(earlier == later || answer.elapsed() >= least, "{answer:?}");
                        world.check(&answer);
                        ends.push((later, earlier));
                        last = Some(answer);
                    }
                    ends
                })
            })
            .collect();
        start.wait();
        world.collect(&mut collector, rhythm);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    // Each answer begins where another ends, except for the first.
    let mut by_end = BTreeMap::new();
    for (later, earlier) in answers {
        assert_eq!(*by_end.entry(later).or_insert(earlier), earlier, "two answers end at {later}");
    }
    let mut ends = by_end.into_iter();
    let (mut before, first) = ends.next().unwrap();
    assert_eq!(before, first);
    for (later, earlier) in ends {
        assert_eq!(earlier, before, "a gap, or two answers that overlap");
        before = later;
    }
}

#[test]
fn a_hundred_threads_on_one_tracker_agree() {
    many_threads_share(Duration::from_millis(1), |_| 1);
}

#[test]
fn a_hundred_threads_on_one_tracker_never_divide_by_too_little() {
    many_threads_share(Duration::from_millis(5), |tick| [0, 1, 0, 9, 2, 30][tick as usize % 6]);
}

#[test]
fn threads_that_bring_snapshots_of_two_registries_see_only_segments_of_one() {
    let mut worlds = [World::new(1), World::new(1)];
    worlds[1].clock.advance(Duration::from_secs(1_000));
    let tracker = RateTracker::new(worlds[0].registry.reader());
    let (threads, calls) = (4, if SMALL { 50 } else { 2_000 });
    let busy = AtomicUsize::new(threads);
    worlds.iter_mut().for_each(|world| world.busy = AtomicUsize::new(threads));
    thread::scope(|scope| {
        for world in &worlds {
            scope.spawn(|| world.produce());
            scope.spawn(|| {
                let mut collector = world.registry.collector().unwrap();
                world.collect(&mut collector, |_| 1);
            });
        }
        for thread in 0..threads {
            let (worlds, tracker, busy) = (&worlds, &tracker, &busy);
            scope.spawn(move || {
                let (_one, _other) = (Done(&worlds[0].busy), Done(&worlds[1].busy));
                let _done = Done(busy);
                for call in 0..calls {
                    let which = usize::from(call / 10 % 2 == thread % 2);
                    let answer = tracker.update_from(&worlds[which].registry.reader().latest());
                    let is_of = |world: &&World| answer.later().try_set(&world.node).is_ok();
                    let world = worlds.iter().find(is_of).unwrap();
                    world.check(&answer);
                    let is_first = answer.earlier().epoch() == answer.later().epoch();
                    assert!(is_first || answer.elapsed() >= tracker.min_interval(), "{answer:?}");
                }
            });
        }
    });
    assert_eq!(busy.load(Relaxed), 0);
}
