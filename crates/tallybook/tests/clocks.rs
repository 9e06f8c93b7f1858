//! Clocks: what a registry does with one of the program's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, SystemTime};
use tallybook::{Clock, Counter, ManualClock, Max, Registry, Stats, TimedLive, clock};

/// What has times.
#[derive(Stats)]
struct Work {
    done: Counter,
    largest: Max,
    open: TimedLive,
}

/// A clock whose reads may be out of order, so that it takes differences in its own way.
struct Coarse;

impl Clock for Coarse {
    fn now(&self) -> Duration {
        Duration::from_secs(10)
    }
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
    fn elapsed_since(&self, _: Duration) -> Duration {
        Duration::from_secs(7)
    }
}

#[test]
fn a_shared_clock_keeps_what_it_overrides() {
    let shared: Arc<dyn Clock> = Arc::new(Coarse);
    assert_eq!(Coarse.elapsed_since(Duration::ZERO), Duration::from_secs(7));
    assert_eq!(Arc::new(Coarse).elapsed_since(Duration::ZERO), Duration::from_secs(7));
    assert_eq!(Arc::new(shared).elapsed_since(Duration::ZERO), Duration::from_secs(7));
}

#[test]
fn a_clock_is_made_from_functions() {
    let seconds = Arc::new(AtomicU64::new(3));
    let now = seconds.clone();
    let clock = clock::from_fn(move || Duration::from_secs(now.load(SeqCst)))
        .with_wall(|| SystemTime::UNIX_EPOCH);
    let registry = Registry::builder().clock(clock).build();
    let mut collector = registry.collector().unwrap();
    seconds.store(5, SeqCst);
    let cut = collector.tick();
    assert_eq!((cut.at().as_secs(), cut.interval().as_secs()), (5, 2));
    assert_eq!(cut.wall(), SystemTime::UNIX_EPOCH);
    // By itself it has the system's time of day.
    let before = SystemTime::now();
    assert!(clock::from_fn(|| Duration::ZERO).wall() >= before);
}

/// Times as large as there are: they saturate, and the registry goes on.
fn goes_far_ahead(clock: impl Clock, jump: impl Fn(Duration)) {
    let registry = Registry::builder().clock(clock).build();
    let work = registry.set::<Work>("work").unwrap();
    let family = registry.family_builder::<u8, Work>("peer", "n").averages().register().unwrap();
    let mut collector = registry.collector().unwrap();
    let mut guards = Vec::new();
    let jumps = [1, u64::MAX / 2, u64::MAX / 4, u64::MAX / 4, u64::MAX, 1].map(Duration::from_secs);
    for (n, by) in (1..).zip(jumps) {
        jump(by);
        let entry = family.entry(n as u8).unwrap();
        guards.push(entry.open(Work::open));
        drop(work.open(Work::open));
        work.record(|w| {
            w.done.inc();
            w.largest.observe(n);
            entry.record(|w| w.done.inc());
        });
        let cut = collector.tick();
        assert_eq!((cut.set(&work).done, cut.set(&work).largest), (n, Some(n)));
        assert_eq!((cut.family(&family).len() as u64, cut.family(&family).total().done), (n, n));
        assert!(cut.panics().is_empty(), "{:?}", cut.panics());
        for constant in cut.time_constants() {
            let averaged = cut.averaged(*constant).unwrap();
            let rates = [averaged.set(&work).done, averaged.total(&family).done];
            assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0), "{rates:?}");
        }
        for length in [Duration::ZERO, Duration::from_secs(60), Duration::MAX] {
            let window = cut.window(length);
            assert!(window.rates(&work).done.is_finite());
            assert!(window.set(&work).largest.is_some());
        }
        assert_eq!(collector.cut().unwrap().set(&work).done, n);
    }
    drop(guards);
    let last = collector.stop().unwrap();
    let open = last.family(&family).total().open;
    assert_eq!((open.live(), last.panics().len()), (0, 0));
}

#[test]
fn a_manual_clock_far_in_the_future_ends_no_registry() {
    let clock = Arc::new(ManualClock::new());
    goes_far_ahead(clock.clone(), |by| clock.advance(by));
}

#[test]
fn a_clock_of_ones_own_far_in_the_future_ends_no_registry() {
    let time = Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let now = time.clone();
    let clock = clock::from_fn(move || *now.lock().unwrap());
    goes_far_ahead(clock, |by| {
        let mut time = time.lock().unwrap();
        *time = time.saturating_add(by);
    });
}
