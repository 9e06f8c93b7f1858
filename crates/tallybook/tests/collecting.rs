//! Ticking by a thread, a future or the caller, and what the last tick of each guarantees.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tallybook::error::CollectError;
use tallybook::{Counter, Live, ManualClock, Registry, Set, Stats};

/// What is collected.
#[derive(Stats)]
struct Work {
    done: Counter,
    jobs: Live,
}

const HOUR: Duration = Duration::from_secs(3_600);

fn work() -> (Registry, Set<Work>) {
    let registry = Registry::new();
    let work = registry.set("work").unwrap();
    (registry, work)
}

fn done(registry: &Registry, work: &Set<Work>) -> u64 {
    registry.reader().latest().set(work).done
}

#[test]
fn a_ticker_ticks_by_itself() {
    let (registry, work) = work();
    let _ticker = registry.collect_every(Duration::from_nanos(1)).unwrap();
    let reader = registry.reader();
    work.record(|w| w.done.inc());
    let mut cut = reader.latest();
    while cut.set(&work).done == 0 {
        cut = reader.wait_next(cut.epoch(), HOUR).unwrap();
    }
    assert!(reader.wait_next(cut.epoch() + 3, HOUR).is_ok());
}

#[test]
fn a_ticker_stops_at_once_with_an_exact_cut() {
    let (registry, work) = work();
    for round in 1..=3 {
        // If dropping it waited for the interval, this test would time out.
        let ticker = registry.collect_every(HOUR).unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let work = work.clone();
                thread::spawn(move || work.record(|w| w.done.inc()))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        if round == 2 {
            ticker.stop().unwrap();
        } else {
            drop(ticker);
        }
        assert_eq!(done(&registry, &work), 4 * round);
    }
}

#[test]
fn a_ticker_may_be_as_slow_as_a_duration_can_be() {
    let (registry, work) = work();
    let ticker = registry.collect_every(Duration::MAX).unwrap();
    work.record(|w| w.done.inc());
    assert_eq!(ticker.stop(), Ok(()));
    assert_eq!(done(&registry, &work), 1);
}

#[test]
fn an_interval_of_zero_is_refused() {
    let (registry, work) = work();
    let error = registry.collect_every(Duration::ZERO).unwrap_err();
    assert!(matches!(error, CollectError::ZeroInterval));
    assert_eq!(error.to_string(), "the interval between two ticks must be longer than zero");
    work.record(|w| w.done.inc());
    assert_eq!(registry.collector().unwrap().tick().set(&work).done, 1);
}

#[test]
fn there_is_one_collector_at_a_time() {
    let (registry, _) = work();
    let refused = |error: CollectError| {
        assert!(matches!(error, CollectError::Collecting));
        let text = "the registry is being collected already: drop its collector first";
        assert_eq!(error.to_string(), text);
    };
    let collector = registry.collector().unwrap();
    refused(registry.collector().unwrap_err());
    refused(registry.clone().collect_every(HOUR).unwrap_err());
    drop(collector);
    let ticker = registry.collect_every(HOUR).unwrap();
    refused(registry.collector().unwrap_err());
    drop(ticker);
    drop(registry.collector().unwrap());
}

#[test]
fn the_next_collector_keeps_the_totals_and_the_epochs() {
    let (registry, work) = work();
    let mut guards = Vec::new();
    for round in 1..=5 {
        let mut collector = registry.collector().unwrap();
        work.record(|w| w.done.inc());
        guards.push(work.open(Work::jobs));
        assert_eq!(collector.tick().epoch(), 2 * round - 1);
        work.record(|w| w.done.inc());
        // Not on the thread that created it.
        thread::spawn(move || drop(collector)).join().unwrap();
        let last = registry.reader().latest();
        assert_eq!((last.epoch(), last.set(&work).done), (2 * round, 2 * round));
        assert_eq!(last.set(&work).jobs.live(), round as i64);
        assert_eq!(last.set(&registry.collector_stats()).ticks, 2 * round);
    }
}

#[test]
fn what_happens_while_nobody_collects_is_in_the_next_cut() {
    let (registry, work) = work();
    drop(registry.collector().unwrap());
    let other = work.clone();
    thread::spawn(move || other.record(|w| w.done.add(5))).join().unwrap();
    let late = registry.set::<Work>("late").unwrap();
    late.record(|w| w.done.add(7));
    let cut = registry.collector().unwrap().tick();
    assert_eq!((cut.set(&work).done, cut.set(&late).done), (5, 7));
}

#[test]
fn a_set_registered_after_a_cut_is_zero_in_it() {
    let (registry, _) = work();
    let mut collector = registry.collector().unwrap();
    let before = collector.tick();
    let late = registry.set::<Work>("late").unwrap();
    let family = registry.family::<u8, Work>("family", "n").unwrap();
    late.record(|w| w.done.inc());
    let entry = family.entry(1).unwrap();
    assert_eq!(before.set(&late), WorkSnapshot::default());
    assert_eq!((before.family(&family).len(), before.family(&family).get(&1)), (0, None));
    let after = collector.tick();
    assert_eq!((after.set(&late).done, after.family(&family).len()), (1, 1));
    drop(entry);
}

#[test]
fn a_cut_knows_its_times() {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(10));
    let registry = Registry::builder().clock(clock.clone()).build();
    let mut collector = registry.collector().unwrap();
    for n in 1..=3 {
        clock.advance(Duration::from_secs(n));
        let cut = collector.tick();
        let at = Duration::from_secs(10 + (1..=n).sum::<u64>());
        assert_eq!((cut.at(), cut.interval()), (at, Duration::from_secs(n)));
        assert_eq!(cut.wall(), std::time::SystemTime::UNIX_EPOCH + at);
    }
    assert_eq!(collector.tick().interval(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn as_a_future_it_ticks_after_each_sleep_and_once_more_when_it_is_dropped() {
    let (registry, work) = work();
    let collector = registry.collector().unwrap();
    let collecting = tokio::spawn(collector.run(HOUR, tokio::time::sleep));
    let start = tokio::time::Instant::now();
    for n in 1..=5 {
        work.record(|w| w.done.inc());
        let cut = registry.reader().next(n - 1).await.unwrap();
        assert_eq!((cut.epoch(), cut.set(&work).done), (n, n));
        assert_eq!(start.elapsed().as_secs() / 3_600, n);
    }
    work.record(|w| w.done.inc());
    collecting.abort();
    assert!(collecting.await.unwrap_err().is_cancelled());
    assert_eq!(done(&registry, &work), 6);
    drop(registry.collector().unwrap());
}

#[test]
fn an_unrelated_panic_does_not_take_the_totals_along() {
    let (registry, work) = work();
    let thread = thread::spawn({
        let (registry, work) = (registry.clone(), work.clone());
        move || {
            let _collector = registry.collector().unwrap();
            work.record(|w| w.done.inc());
            std::panic::resume_unwind(Box::new("of the program that ticks by hand"));
        }
    });
    assert!(thread.join().is_err());
    let mut collector = registry.collector().expect("there is no collector any more");
    assert_eq!(collector.tick().set(&work).done, 1);
}
