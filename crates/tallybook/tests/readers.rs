//! Readers see the newest snapshot, wait in any way, and disturb nobody.

#[path = "support/hits.rs"]
mod hits;
#[path = "support/poll.rs"]
mod poll;
#[path = "support/wakes.rs"]
mod wakes;

use hits::{Hits, hits};
use poll::poll_once;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use tallybook::error::{NotCollected, WaitError};
use tallybook::reader::SnapshotGuard;
use tallybook::{ManualClock, Registry, Snapshot};
use wakes::Wakes;

#[test]
fn the_latest_is_empty_at_first_and_then_that_of_the_last_tick() {
    let (registry, hits, mut collector) = hits();
    let reader = registry.reader();
    assert_eq!((reader.latest().epoch(), reader.latest().set(&hits).hits), (0, 0));
    assert_eq!(reader.latest().declarations().count(), 0);
    for n in 1..=5 {
        hits.record(|h| h.hits.inc());
        assert_eq!(reader.latest().epoch(), n - 1);
        let cut = collector.tick();
        assert!(Arc::ptr_eq(&cut, &reader.latest()));
        assert_eq!((cut.epoch(), cut.set(&hits).hits), (n, n));
    }
    let names: Vec<_> = reader.latest().declarations().map(|d| d.name.to_string()).collect();
    assert_eq!(names, ["tallybook", "hits"]);
}

#[test]
fn a_cached_reader_sees_what_the_others_see() {
    let (registry, _, mut collector) = hits();
    let (mut cached, reader) = (registry.reader().cached(), registry.reader());
    let mut other = cached.clone();
    for _ in 0..5 {
        collector.tick();
        assert!(Arc::ptr_eq(cached.latest(), &reader.latest()));
        assert!(Arc::ptr_eq(cached.latest(), &reader.latest()));
    }
    assert_eq!(other.latest().epoch(), 5);
}

#[test]
fn a_guard_shows_what_was_the_latest_when_it_was_loaded() {
    let (registry, hits, mut collector) = hits();
    let reader = registry.reader();
    assert_eq!((reader.load().epoch(), reader.load().set(&hits).hits), (0, 0));
    // More at once than a thread has places for, each older than the latest.
    let guards: Vec<_> = (1..=20)
        .map(|n| {
            hits.record(|h| h.hits.inc());
            let cut = collector.tick();
            let guard = reader.load();
            assert!(std::ptr::eq(&*guard, &*cut));
            (n, guard)
        })
        .collect();
    drop((registry, collector, reader));
    for (n, guard) in guards {
        assert_eq!((guard.epoch(), guard.set(&hits).hits), (n, n));
        // Another thread may let go of it, or keep it.
        let kept = thread::spawn(move || SnapshotGuard::into_arc(guard)).join().unwrap();
        assert_eq!((kept.epoch(), Arc::strong_count(&kept)), (n, 1));
    }
}

#[test]
fn a_guard_of_a_disabled_registry_shows_nothing() {
    let reader = Registry::disabled().reader();
    assert_eq!((reader.load().epoch(), reader.load().declarations().count()), (0, 0));
}

#[test]
fn a_snapshot_never_changes() {
    let (_registry, hits, mut collector) = hits();
    let cuts: Vec<_> = (0..20)
        .map(|_| {
            hits.record(|h| h.hits.inc());
            collector.tick()
        })
        .collect();
    for (n, cut) in (1..).zip(&cuts) {
        assert_eq!((cut.epoch(), cut.set(&hits).hits), (n, n));
    }
}

/// Snapshots that nobody holds are dropped, whether or not readers read.
#[test]
fn a_reader_that_never_reads_keeps_nothing() {
    let (registry, _, mut collector) = hits();
    let idle = registry.reader();
    let cuts: Vec<Weak<Snapshot>> = (0..20).map(|_| Arc::downgrade(&collector.tick())).collect();
    let alive = cuts.iter().filter(|cut| cut.strong_count() > 0).count();
    assert_eq!((alive, idle.latest().epoch()), (1, 20));
}

#[test]
fn next_is_woken_by_the_next_tick_and_not_before() {
    let (registry, _, mut collector) = hits();
    let reader = registry.reader();
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut context = Context::from_waker(&waker);
    let mut next = pin!(reader.next(0));
    assert!(next.as_mut().poll(&mut context).is_pending());
    assert!(next.as_mut().poll(&mut context).is_pending());
    assert_eq!(wakes.count(), 0);
    collector.tick();
    assert_eq!(wakes.count(), 1);
    let Poll::Ready(Ok(cut)) = next.as_mut().poll(&mut context) else { panic!("still pending") };
    assert_eq!(cut.epoch(), 1);
}

#[test]
fn next_returns_the_newest_at_once_if_there_is_one() {
    let (registry, _, mut collector) = hits();
    (0..5).for_each(|_| drop(collector.tick()));
    let reader = registry.reader();
    for seen in 0..5 {
        let Poll::Ready(Ok(cut)) = poll_once(pin!(reader.next(seen))) else { panic!("{seen}") };
        assert_eq!(cut.epoch(), 5);
    }
    assert!(poll_once(pin!(reader.next(5))).is_pending());
}

#[test]
fn one_tick_wakes_all_that_wait_and_a_wait_that_was_dropped_takes_no_wake_away() {
    let (registry, _, mut collector) = hits();
    let reader = registry.reader();
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut context = Context::from_waker(&waker);
    let mut waits: Vec<_> = (0..10).map(|_| Box::pin(reader.next(0))).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut context).is_pending());
    }
    waits.drain(2..7);
    collector.tick();
    assert_eq!(wakes.count(), 5);
    // Another one is dropped after it was woken and before it is polled.
    drop(waits.pop());
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut context).is_ready());
    }
}

#[test]
fn a_stale_cut_is_not_a_next_one() {
    let registry = Registry::builder().patience(Duration::ZERO).build();
    let hits = registry.set::<Hits>("hits").unwrap();
    let mut collector = registry.collector().unwrap();
    let reader = registry.reader();
    let mut next = pin!(reader.next(0));
    hits.record(|_| {
        assert!(collector.tick().is_stale());
        assert!(poll_once(next.as_mut()).is_pending());
    });
    collector.tick();
    assert!(poll_once(next.as_mut()).is_ready());
}

#[test]
fn a_timed_wait_says_that_the_time_was_over() {
    let (registry, _, mut collector) = hits();
    let reader = registry.reader();
    let timed_out = |waited| matches!(waited, Err(WaitError::TimedOut));
    assert!(timed_out(reader.wait_next(0, Duration::ZERO)));
    let (start, time) = (Instant::now(), Duration::from_millis(5));
    assert!(timed_out(reader.wait_next(0, time)));
    assert!(start.elapsed() >= time);
    collector.tick();
    let cut = reader.wait_next(0, Duration::ZERO).expect("there is one");
    assert_eq!(cut.epoch(), 1);
    assert!(timed_out(reader.wait_next(1, Duration::ZERO)));
}

#[test]
fn a_timed_wait_ends_with_the_tick() {
    let (registry, _, mut collector) = hits();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let reader = registry.reader();
            thread::spawn(move || reader.wait_next(0, Duration::from_secs(3_600)))
        })
        .collect();
    collector.tick();
    for thread in waiting {
        assert_eq!(thread.join().unwrap().unwrap().epoch(), 1);
    }
}

#[test]
fn a_wait_may_be_as_long_as_a_duration_can_be() {
    let (registry, _, mut collector) = hits();
    let reader = registry.reader();
    let waiting = thread::spawn(move || reader.wait_next(0, Duration::MAX));
    collector.tick();
    let waited = waiting.join().expect("the longest wait is not a panic");
    assert_eq!(waited.unwrap().epoch(), 1);
}

#[test]
fn readers_outlive_the_registry_and_its_collector() {
    let (registry, hits, collector) = hits();
    let reader = registry.reader();
    hits.record(|h| h.hits.inc());
    drop((registry, collector));
    assert_eq!(reader.latest().set(&hits).hits, 1);
}

#[test]
fn a_reader_knows_whether_there_is_a_collector() {
    assert!(!Registry::disabled().reader().is_collected());
    let registry = Registry::new();
    let reader = registry.reader();
    assert!(!reader.is_collected());
    let collector = registry.collector().unwrap();
    assert!(reader.is_collected() && reader.clone().is_collected());
    collector.stop().unwrap();
    assert!(!reader.is_collected());
    let ticker = registry.collect_every(Duration::from_secs(3_600)).unwrap();
    assert!(reader.is_collected());
    drop(registry);
    assert!(reader.is_collected(), "the ticker goes on");
    drop(ticker);
    assert!(!reader.is_collected());
}

/// An interval of zero is refused, and a collector whose future is dropped is gone.
#[test]
fn a_collector_that_ends_in_any_way_is_none() {
    let registry = Registry::new();
    let reader = registry.reader();
    assert!(registry.collect_every(Duration::ZERO).is_err() && !reader.is_collected());
    let collector = registry.collector().unwrap();
    let running = collector.run(Duration::from_secs(1), |_| std::future::pending::<()>());
    assert!(reader.is_collected());
    drop(running);
    assert!(!reader.is_collected());
    let thread = thread::spawn({
        let collector = registry.collector().unwrap();
        move || {
            let _collector = collector;
            std::panic::resume_unwind(Box::new("of the program that ticks by hand"));
        }
    });
    assert!(thread.join().is_err());
    assert!(!reader.is_collected());
}

#[test]
fn without_a_collector_there_is_no_next() {
    let mut context = Context::from_waker(Waker::noop());
    for registry in [Registry::new(), Registry::disabled()] {
        let reader = registry.reader();
        let next = pin!(reader.next(0)).poll(&mut context);
        assert_eq!(next.map(Result::err), Poll::Ready(Some(NotCollected)));
        let waited = reader.wait_next(0, Duration::MAX);
        assert_eq!(waited.err(), Some(WaitError::NotCollected));
    }
}

#[test]
fn those_that_wait_see_the_last_snapshot_and_then_the_end() {
    let (registry, hits, collector) = hits();
    let reader = registry.reader();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let reader = reader.clone();
            thread::spawn(move || {
                let mut seen = Vec::new();
                loop {
                    match reader.wait_next(seen.len() as u64, Duration::MAX) {
                        Ok(next) => seen.push(next),
                        Err(error) => return (seen, error),
                    }
                }
            })
        })
        .collect();
    hits.record(|h| h.hits.inc());
    drop(collector);
    for thread in waiting {
        let (seen, error) = thread.join().unwrap();
        let seen: Vec<_> = seen.iter().map(|cut| (cut.epoch(), cut.set(&hits).hits)).collect();
        assert_eq!((seen, error), (vec![(1, 1)], WaitError::NotCollected));
    }
    // One that comes later as well.
    let mut context = Context::from_waker(Waker::noop());
    let next = |after| pin!(reader.next(after)).poll(&mut context).map_ok(|cut| cut.epoch());
    assert_eq!([0, 1].map(next), [Poll::Ready(Ok(1)), Poll::Ready(Err(NotCollected))]);
}

#[test]
fn the_end_of_collecting_wakes_those_that_wait() {
    let (registry, _, mut collector) = hits();
    let reader = registry.reader();
    collector.tick();
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut context = Context::from_waker(&waker);
    // Beyond the last snapshot.
    let mut next = pin!(reader.next(7));
    assert!(next.as_mut().poll(&mut context).is_pending());
    drop(collector);
    assert!(wakes.count() >= 1);
    assert!(matches!(next.as_mut().poll(&mut context), Poll::Ready(Err(NotCollected))));
}

#[test]
fn the_age_of_the_latest_snapshot_is_told_by_the_registrys_clock() {
    assert_eq!(Registry::disabled().reader().age(), None);
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::builder().clock(clock.clone()).patience(Duration::ZERO).build();
    let hits = registry.set::<Hits>("hits").unwrap();
    let mut collector = registry.collector().unwrap();
    let reader = registry.reader();
    let after = |seconds| {
        clock.advance(Duration::from_secs(seconds));
        reader.age().unwrap().as_secs()
    };
    assert_eq!(after(5), 5);
    collector.tick();
    assert_eq!((after(0), after(3)), (0, 3));
    // A cut that is published again is as old as it is.
    hits.record(|_| assert!(collector.tick().is_stale()));
    assert_eq!(after(1), 4);
    drop((registry, collector));
    assert_eq!(after(2), 2, "since the last cut");
}

#[tokio::test]
async fn next_follows_the_ticks_on_a_runtime() {
    let (registry, hits, mut collector) = hits();
    let reader = registry.reader();
    let (seen, mut sees) = tokio::sync::mpsc::unbounded_channel();
    let following = tokio::spawn(async move {
        let mut epoch = 0;
        while epoch < 20 {
            let cut = reader.next(epoch).await.unwrap();
            assert!(cut.epoch() > epoch);
            epoch = cut.epoch();
            seen.send(cut).unwrap();
        }
    });
    for n in 1..=20 {
        hits.record(|h| h.hits.inc());
        collector.tick();
        let cut = sees.recv().await.unwrap();
        assert_eq!((cut.epoch(), cut.set(&hits).hits), (n, n));
    }
    following.await.unwrap();
}
