//! Sets whose values are asked for at each tick: what they show, what they saw, and what slow or
//! broken callbacks cost.

#[path = "support/stop_flag.rs"]
mod stop_flag;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use stop_flag::StopOnDrop;
use tallybook::error::RegisterError;
use tallybook::registry::Totals;
use tallybook::{
    Counter, Gauge, Histogram, ManualClock, Max, Min, Observed, RateTracker, Registry, Snapshot,
    Stats, UpDownCounter,
};

/// Numbers that live elsewhere.
#[derive(Stats)]
struct Queue {
    length: Gauge,
    load: Gauge<f64>,
    passed: Counter,
    balance: UpDownCounter,
    deepest: Max,
    shallowest: Min,
    sizes: Histogram,
}

/// Facts that are recorded as they happen.
#[derive(Stats)]
struct Work {
    done: Counter,
}

fn registry() -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::builder().clock(clock.clone()).build(), clock)
}

/// A queue that says its numbers, and the number itself.
fn numbered(registry: &Registry) -> (Observed<Queue>, Arc<AtomicI64>) {
    let number = Arc::new(AtomicI64::new(0));
    let asked = number.clone();
    let observe = move |q: &Queue| {
        let n = asked.load(SeqCst);
        q.passed.add(n as u64);
        q.balance.add(-n);
        q.deepest.observe(n as u64);
        q.shallowest.observe(n as u64);
        q.sizes.record_n(n as u64, n as u32);
        if n % 2 == 0 {
            q.length.set(n);
            q.load.set(n as f64 / 2.0);
        }
    };
    (registry.observe("queue", observe).unwrap(), number)
}

#[test]
fn what_was_recorded_last_is_the_set() {
    let (registry, _) = registry();
    let (queue, number) = numbered(&registry);
    let mut collector = registry.collector().unwrap();
    assert_eq!(registry.reader().latest().set(&queue).passed, 0);
    for n in [4, 5, 2, 0, 1_000, 6] {
        number.store(n, SeqCst);
        let cut = collector.tick();
        let now = cut.set(&queue);
        let is_even = n % 2 == 0;
        assert_eq!(
            (now.length, now.load),
            (is_even.then_some(n), is_even.then_some(n as f64 / 2.0))
        );
        assert_eq!((now.passed, now.balance), (n as u64, -n));
        assert_eq!((now.deepest, now.shallowest), (Some(n as u64), Some(n as u64)));
        assert_eq!(now.sizes.count(), n as u64);
        assert_eq!(now.sizes.max(), (n > 0).then_some(n as u64));
        assert_eq!(now.sizes.buckets().map(|bucket| bucket.count).sum::<u64>(), n as u64);
    }
    assert_eq!((queue.name(), cut_names(&collector.tick())), ("queue", vec!["queue".to_owned()]));
}

fn cut_names(cut: &Snapshot) -> Vec<String> {
    cut.declarations().skip(1).map(|declared| declared.name.to_string()).collect()
}

#[test]
fn differences_windows_and_averages_work_as_for_any_other_set() {
    let (registry, clock) = registry();
    let mut collector = registry.collector().unwrap();
    let tracker = RateTracker::new(registry.reader());
    let before = collector.tick();
    let (queue, number) = numbered(&registry);
    // The first values are no increase: they did not begin now.
    for n in [1_000, 1_010, 1_030, 1_020] {
        number.store(n, SeqCst);
        clock.advance(Duration::from_secs(1));
        collector.tick();
        tracker.update();
    }
    let now = registry.reader().latest();
    let window = now.window(Duration::from_secs(2));
    assert_eq!(
        (window.set(&queue).deepest, window.set(&queue).shallowest),
        (Some(1_030), Some(1_020))
    );
    assert_eq!(window.set(&queue).balance, -10);
    let all = now.since(&before).unwrap();
    assert_eq!((all.set(&queue).length, all.rates(&queue).balance), (Some(1_020), -5.0));
    // A counter that has shrunk was reset, and has counted from zero since.
    assert_eq!(now.last_interval().set(&queue).passed, 1_020);
    assert_eq!(tracker.update().rates(&queue).passed, 1_020.0);
    // As much of a minute has passed as the increases took, and none of it before the first value.
    let minute = Duration::from_secs(60);
    let average = now.averaged(minute).unwrap().set(&queue).balance;
    let part = |n: f64, ago: f64| -n * (1.0 - (-1.0_f64 / 60.0).exp()) * (-ago / 60.0).exp();
    let expected = part(10.0, 2.0) + part(20.0, 1.0) + part(-10.0, 0.0);
    assert!((average - expected).abs() < 1e-9, "{average} {expected}");
}

#[test]
fn first_values_are_no_increase() {
    let (registry, clock) = registry();
    let mut collector = registry.collector().unwrap();
    let early = collector.tick();
    let (queue, number) = numbered(&registry);
    number.store(1_000, SeqCst);
    clock.advance(Duration::from_secs(1));
    let first = collector.tick();
    number.store(1_007, SeqCst);
    clock.advance(Duration::from_secs(1));
    let second = collector.tick();
    assert_eq!(first.since(&early).unwrap().set(&queue).passed, 0);
    assert_eq!(first.since(&early).unwrap().set(&queue).deepest, Some(1_000));
    assert_eq!(first.averaged(Duration::from_secs(60)).unwrap().set(&queue).passed, 0.0);
    assert_eq!(second.since(&first).unwrap().set(&queue).passed, 7);
    assert_eq!(second.since(&early).unwrap().set(&queue).passed, 7);
    let window = second.window(Duration::from_secs(60)).set(&queue);
    assert_eq!((window.passed, window.sizes.count(), window.sizes.max()), (7, 7, Some(1_007)));
}

/// A snapshot that holds a value holds the facts behind it.
#[test]
fn what_a_callback_sees_is_in_the_cut() {
    // No time passes on its clock: a callback is never too slow to be asked.
    let (registry, _) = registry();
    let work = registry.set::<Work>("work").unwrap();
    let over = Arc::new(AtomicI64::new(0));
    let asked = over.clone();
    let queue = registry.observe("queue", move |q: &Queue| q.length.set(asked.load(SeqCst)));
    let queue = queue.unwrap();
    let mut collector = registry.collector().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let stop = StopOnDrop(&is_over);
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    work.record(|w| w.done.inc());
                    over.fetch_add(1, SeqCst);
                }
            });
        }
        for _ in 0..if cfg!(miri) { 5 } else { 300 } {
            let before = over.load(SeqCst);
            let cut = collector.tick();
            let (done, seen) = (cut.set(&work).done as i64, cut.set(&queue).length.unwrap());
            if !cut.is_stale() {
                assert!(before <= seen && seen <= done, "{before} {seen} {done}");
            }
        }
        drop(stop);
    });
}

#[test]
fn a_callback_that_panics_keeps_its_last_values() {
    let (registry, _) = registry();
    let work = registry.set::<Work>("work").unwrap();
    let (calls, mut collector) = (Arc::new(AtomicU64::new(0)), registry.collector().unwrap());
    let called = calls.clone();
    let queue = registry.observe("queue", move |q: &Queue| {
        let call = called.fetch_add(1, SeqCst);
        q.passed.add(call);
        q.deepest.observe(call);
        assert!(call % 3 != 0, "call {call}");
    });
    let queue = queue.unwrap();
    let mut shown = Vec::new();
    for tick in 1..=7 {
        work.record(|w| w.done.inc());
        let cut = collector.tick();
        assert_eq!(cut.set(&work).done, tick);
        shown.push((cut.set(&queue).passed, cut.set(&queue).deepest));
    }
    let some = |n| (n, Some(n));
    // An interval in which nothing was recorded has no maximum.
    assert_eq!(shown, [(0, None), some(1), some(2), (2, None), some(4), some(5), (5, None)]);
    let cut = collector.tick();
    let told: Vec<_> = cut.panics().iter().map(|it| (&*it.name, it.count, &*it.last)).collect();
    assert_eq!(told, [("queue", 3, "call 6")]);
    assert_eq!(cut.set(&registry.collector_stats()).panics, 3);
}

#[test]
fn a_slow_callback_is_left_out_for_ten_times_as_long() {
    let (registry, clock) = registry();
    let (time, calls) = (clock.clone(), Arc::new(AtomicU64::new(0)));
    let called = calls.clone();
    let slow = registry.observe("slow", move |q: &Queue| {
        time.advance(Duration::from_millis(30));
        q.passed.add(called.fetch_add(1, SeqCst) + 1);
    });
    let (quick, number) = numbered(&registry);
    let slow = slow.unwrap();
    let mut collector = registry.collector().unwrap();
    let mut told = Vec::new();
    for tick in 0..12 {
        number.store(tick, SeqCst);
        clock.advance(Duration::from_millis(100));
        let cut = collector.tick();
        assert_eq!(cut.set(&quick).passed, tick as u64, "the others are always asked");
        let own = cut.set(&registry.collector_stats());
        told.push((cut.set(&slow).passed, own.callbacks_skipped, own.slowest_callback));
        assert_eq!(own.callback_time, 30_000_000 * calls.load(SeqCst));
    }
    let asked = |n, skipped| (n, skipped, Some(30_000_000));
    let skipped = |n, skipped| (n, skipped, Some(0));
    // Asked at 100 ms, which took until 130 ms: not before 430 ms, and so on.
    let three = |n: u64| [asked(n, 2 * n - 2), skipped(n, 2 * n - 1), skipped(n, 2 * n)];
    assert_eq!(told[..3], three(1));
    assert_eq!(told[3..6], three(2));
    assert_eq!(told[6..9], three(3));
    assert_eq!(told[9..], three(4));
}

/// However often ticks are made, one that takes less than a millisecond is asked at each.
#[test]
fn a_quick_callback_is_never_left_out() {
    let (registry, clock) = registry();
    let time = clock.clone();
    let queue = registry.observe("queue", move |q: &Queue| {
        time.advance(Duration::from_micros(999));
        q.length.set(1);
    });
    let mut collector = registry.collector().unwrap();
    (0..20).for_each(|_| drop(collector.tick()));
    let own = collector.tick().set(&registry.collector_stats());
    assert_eq!((own.callbacks_skipped, own.callback_time), (0, 21 * 999_000));
    drop(queue);
}

/// Only ticks ask, and each once, however often it looks for a thread that is inside a fact.
#[test]
fn each_tick_asks_once() {
    let registry = Registry::builder().patience(Duration::ZERO).build();
    let work = registry.set::<Work>("work").unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let called = calls.clone();
    let queue = registry
        .observe("queue", move |q: &Queue| q.passed.add(called.fetch_add(1, SeqCst) + 1))
        .unwrap();
    let mut collector = registry.collector().unwrap();
    (0..3).for_each(|_| assert!(collector.close_epoch()));
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(collector.tick().set(&queue).passed, 1);
    let (inside, is_inside) = channel();
    let (go_on, goes_on) = channel::<()>();
    let parked = thread::spawn(move || {
        work.record(|_| {
            inside.send(()).unwrap();
            goes_on.recv().unwrap();
        });
    });
    is_inside.recv().unwrap();
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), cut.set(&queue).passed, calls.load(SeqCst)), (true, 1, 2));
    for _ in 0..3 {
        assert!(!collector.close_epoch());
        assert!(collector.tick().is_stale(), "it cannot begin an epoch of its own");
    }
    assert_eq!(calls.load(SeqCst), 2);
    go_on.send(()).unwrap();
    parked.join().unwrap();
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), cut.set(&queue).passed, calls.load(SeqCst)), (false, 3, 3));
}

#[test]
fn a_callback_may_use_the_registry() {
    let (registry, _) = registry();
    let work = registry.set::<Work>("work").unwrap();
    registry.set::<Work>("gone").unwrap();
    let (own, reader) = (registry.clone(), registry.reader());
    let (facts, seen) = (work.clone(), Arc::new(Mutex::new(Vec::new())));
    let told = seen.clone();
    let queue = registry.observe("queue", move |q: &Queue| {
        facts.record(|w| w.done.inc());
        let family = own.family::<u8, Work>("part", "n").unwrap();
        family.entry(1).unwrap().record(|w| w.done.inc());
        q.passed.add(reader.latest().epoch());
        assert!(own.collector().is_err());
        assert!(own.observe("queue", |_: &Queue| ()).is_err());
        told.lock().unwrap().push(own.unregister("gone", Totals::Drop).is_ok());
    });
    let queue = queue.unwrap();
    let mut collector = registry.collector().unwrap();
    for tick in 1..4 {
        let cut = collector.tick();
        // What it records is in the snapshot of the same tick.
        assert_eq!((cut.set(&work).done, cut.set(&queue).passed), (tick, tick - 1));
        let family = registry.family::<u8, Work>("part", "n").unwrap();
        assert_eq!(cut.family(&family).total().done, tick);
        assert!(cut.panics().is_empty(), "{:?}", cut.panics());
    }
    // With the first tick it left.
    assert_eq!(*seen.lock().unwrap(), [true, false, false]);
    drop(collector);
    // The callback holds the registry.
    drop(queue);
    registry.unregister("queue", Totals::Drop).unwrap();
    registry.collector().unwrap().tick();
    assert_eq!(Arc::strong_count(&seen), 1);
}

#[test]
fn an_observed_set_has_one_callback_until_it_is_unregistered() {
    let (registry, _) = registry();
    let mut collector = registry.collector().unwrap();
    struct Life(Arc<AtomicU64>);
    impl Drop for Life {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
            panic!("the callback's end");
        }
    }
    let drops = Arc::new(AtomicU64::new(0));
    let observe = |n: u64| {
        let life = Life(drops.clone());
        registry.observe("queue", move |q: &Queue| {
            let _life = &life;
            q.passed.add(n);
        })
    };
    let first = observe(10).unwrap();
    let error = observe(20).unwrap_err();
    assert!(matches!(error, RegisterError::NameTaken { .. }));
    assert_eq!(drops.swap(0, SeqCst), 1, "that of the refused one");
    let cut = collector.tick();
    assert_eq!(cut.set(&first).passed, 10);
    drop(first);
    assert_eq!(drops.load(SeqCst), 0, "a handle is not what keeps it");
    registry.unregister("queue", Totals::Keep).unwrap();
    (0..2).for_each(|_| drop(collector.tick()));
    assert_eq!(drops.load(SeqCst), 1);
    // The last values stay until there are others.
    let again = observe(30).unwrap();
    assert_eq!(registry.reader().latest().set(&again).passed, 10);
    let later = collector.tick();
    assert_eq!((later.set(&again).passed, later.since(&cut).unwrap().set(&again).passed), (30, 20));
    drop(again);
    registry.unregister("queue", Totals::Drop).unwrap();
    (0..2).for_each(|_| drop(collector.tick()));
    assert_eq!((drops.load(SeqCst), cut_names(&collector.tick()).len()), (2, 0));
    // That of the refused one was on this thread, too.
    assert_eq!(collector.tick().set(&registry.collector_stats()).panics, 3);
}

#[test]
fn a_disabled_registry_asks_nobody() {
    let registry = Registry::disabled();
    let queue = registry.observe("queue", |_: &Queue| unreachable!("nobody asks")).unwrap();
    let cut = registry.collector().unwrap().tick();
    assert_eq!((cut.set(&queue).passed, queue.name()), (0, ""));
}

/// Facts go on while callbacks panic and sets come and go: nothing is lost.
#[test]
fn nothing_is_lost_while_callbacks_panic_and_come_and_go() {
    let registry = Registry::new();
    let work = registry.set::<Work>("work").unwrap();
    let (threads, rounds) = if cfg!(miri) { (2, 5) } else { (4, 200) };
    let running = AtomicU64::new(threads);
    let mut collector = registry.collector().unwrap();
    let mut checked = 0;
    thread::scope(|scope| {
        for thread in 0..threads {
            let (registry, work, running) = (&registry, &work, &running);
            scope.spawn(move || {
                let name = format!("queue_{thread}");
                for round in 0..rounds {
                    let facts = work.clone();
                    let observed = registry.observe(&name, move |q: &Queue| {
                        facts.record(|w| w.done.inc());
                        q.balance.add(1);
                        assert!(round % 2 == 0, "every other one");
                        facts.record(|w| w.done.inc());
                    });
                    work.record(|w| w.done.inc());
                    drop(observed);
                    // It takes a tick until it has left; a round that finds it there changes
                    // nothing.
                    let _left = registry.unregister(&name, Totals::Keep);
                }
                running.fetch_sub(1, SeqCst);
            });
        }
        while running.load(SeqCst) > 0 {
            let cut = collector.tick();
            assert!(cut.set(&work).done >= checked);
            checked = cut.set(&work).done;
        }
    });
    let cut = collector.tick();
    let panics: u64 = cut.panics().iter().map(|it| it.count).sum();
    assert_eq!(cut.set(&registry.collector_stats()).panics, panics);
    // Each call has recorded once, or once more if it did not panic; each round once.
    assert!(cut.set(&work).done >= threads * rounds + panics);
    let before = cut.set(&work).done;
    work.record(|w| w.done.add(5));
    (0..threads).for_each(|n| drop(registry.unregister(&format!("queue_{n}"), Totals::Drop)));
    (0..2).for_each(|_| drop(collector.tick()));
    assert!(collector.tick().set(&work).done >= before + 5);
    assert_eq!(cut_names(&collector.tick()), ["work"]);
}
