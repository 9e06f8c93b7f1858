//! User code that runs in the collector: what its panics cost, and where they are reported.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/poll.rs"]
mod poll;

use clock::manual;
use poll::poll_once;
use std::convert::identity;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, SystemTime};
use tallybook::{Clock, Counter, ManualClock, Registry, Set, Snapshot, Stats};

/// Work that must be counted whatever panics.
#[derive(Stats)]
struct Work {
    done: Counter,
}

/// A clock that panics at chosen calls.
#[derive(Default)]
struct Faulty {
    clock: ManualClock,
    /// A bit for each of the next calls of `now`, the lowest one first: the call panics if it is
    /// set. The same for `wall`.
    now: AtomicU64,
    wall: AtomicU64,
}

impl Faulty {
    fn step(bits: &AtomicU64, what: &str) {
        let now = bits.load(Relaxed);
        bits.store(now >> 1, Relaxed);
        assert!(now & 1 == 0, "{what}");
    }
}

impl Clock for Faulty {
    fn now(&self) -> Duration {
        Self::step(&self.now, "no time");
        self.clock.now()
    }
    fn wall(&self) -> SystemTime {
        Self::step(&self.wall, "no day");
        self.clock.wall()
    }
}

fn reported(cut: &Snapshot) -> Vec<(String, u64, String)> {
    let text = |panics: &tallybook::snapshot::UserPanics| {
        (panics.name.to_string(), panics.count, panics.last.to_string())
    };
    cut.panics().iter().map(text).collect()
}

fn counted(registry: &Registry) -> Set<Work> {
    registry.set("work").unwrap()
}

#[test]
fn a_clock_that_panics_leaves_the_time_where_it_was() {
    for calls in 0..8_u64 {
        let clock = Arc::new(Faulty::default());
        let registry = Registry::builder().clock(clock.clone()).build();
        let work = counted(&registry);
        let mut collector = registry.collector().unwrap();
        clock.clock.advance(Duration::from_secs(1));
        assert!(collector.tick().panics().is_empty());
        clock.clock.advance(Duration::from_secs(1));
        work.record(|w| w.done.inc());
        clock.now.store(calls, Relaxed);
        clock.wall.store(calls & 1, Relaxed);
        let cut = collector.tick();
        assert_eq!((cut.epoch(), cut.set(&work).done), (2, 1));
        assert!(cut.at() >= Duration::from_secs(1) && cut.at() <= Duration::from_secs(2));
        work.record(|w| w.done.inc());
        let cut = collector.tick();
        assert_eq!((cut.epoch(), cut.set(&work).done, cut.is_stale()), (3, 2, false));
        let panics = u64::from(calls.count_ones()) + (calls & 1);
        assert_eq!(cut.set(&registry.collector_stats()).panics, panics);
        match reported(&cut).as_slice() {
            [] => assert_eq!(panics, 0),
            [(name, count, _)] => assert_eq!((name.as_str(), *count), ("tallybook", panics)),
            more => panic!("{more:?}"),
        }
        drop(collector);
        registry.collector().unwrap();
    }
}

/// A time that no system clock can represent.
#[test]
fn a_clock_at_the_end_of_time_is_no_panic() {
    let (registry, clock) = manual(identity);
    let work = counted(&registry);
    let mut collector = registry.collector().unwrap();
    for _ in 0..3 {
        clock.advance(Duration::MAX);
        work.record(|w| w.done.inc());
        collector.tick();
    }
    let cut = collector.tick();
    assert_eq!((cut.epoch(), cut.set(&work).done), (4, 3));
    assert!(cut.panics().is_empty());
}

#[test]
fn a_waker_that_panics_ends_no_tick() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("no wake");
        }
    }
    let registry = Registry::new();
    let work = counted(&registry);
    let reader = registry.reader();
    let mut collector = registry.collector().unwrap();
    {
        let mut waiting = pin!(reader.next(0));
        let waker = Waker::from(Arc::new(Bomb));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        work.record(|w| w.done.inc());
        assert_eq!(collector.tick().epoch(), 1);
    }
    let cut = collector.tick();
    assert_eq!(cut.set(&work).done, 1);
    assert_eq!(reported(&cut), [("tallybook".to_owned(), 1, "no wake".to_owned())]);
    // Others can still wait.
    let mut waiting = pin!(reader.next(2));
    assert!(poll_once(waiting.as_mut()).is_pending());
    collector.tick();
    assert!(poll_once(waiting.as_mut()).is_ready());
}

/// The collector's own statistics are a set like any other: facts that others record on it are
/// counted, and do no harm.
#[test]
fn facts_on_the_collectors_own_statistics_are_counted() {
    let registry = Registry::new();
    let (own, work) = (registry.collector_stats(), counted(&registry));
    let mut collector = registry.collector().unwrap();
    collector.tick();
    own.record(|own| own.ticks.add(1_000));
    work.record(|w| w.done.inc());
    let cut = collector.tick();
    assert_eq!((cut.set(&own).ticks, cut.set(&work).done), (1_002, 1));
    drop(collector);
    assert_eq!(registry.collector().unwrap().tick().set(&own).ticks, 1_004);
}

/// A panic in a fact goes to the caller, and what the fact changed before is counted.
#[test]
fn a_fact_that_panics_is_its_callers() {
    let registry = Registry::new();
    let work = counted(&registry);
    let mut collector = registry.collector().unwrap();
    let fact = AssertUnwindSafe(|| {
        work.record(|w| {
            w.done.inc();
            panic!("mine");
        });
    });
    catch_unwind(fact).unwrap_err();
    let cut = collector.tick();
    assert_eq!((cut.set(&work).done, cut.is_stale()), (1, false));
    assert!(cut.panics().is_empty());
}
