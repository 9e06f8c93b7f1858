//! A writer that stays inside a fact: nobody waits for it, nothing is lost, and every snapshot
//! tells its age.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/idle.rs"]
mod idle;
#[path = "support/parked.rs"]
mod parked;
#[path = "support/sum.rs"]
mod sum;

use clock::manual;
use parked::Parked;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tallybook::error::StopError;
use tallybook::registry::RegistryBuilder;
use tallybook::{Collector, Counter, ManualClock, Registry, Set, Snapshot, Stats};

/// What is written.
#[derive(Stats)]
struct Writes {
    begun: Counter,
    ended: Counter,
}

/// A thread that is in the middle of a write.
fn parked(writes: &Set<Writes>) -> Parked {
    Parked::inside(writes, |w| w.begun.inc(), |w| w.ended.inc())
}

/// A registry that waits for no writer, neither in a tick nor at the end.
fn impatient() -> (Registry, Set<Writes>, Collector, Arc<ManualClock>) {
    let impatient = |builder: RegistryBuilder| {
        builder.patience(Duration::ZERO).shutdown_timeout(Duration::ZERO)
    };
    let (registry, clock) = manual(impatient);
    let writes = registry.set("writes").unwrap();
    let collector = registry.collector().unwrap();
    (registry, writes, collector, clock)
}

fn counts(cut: &Snapshot, writes: &Set<Writes>) -> (u64, u64) {
    let now = cut.set(writes);
    (now.begun, now.ended)
}

/// One whole fact.
fn write(writes: &Set<Writes>) {
    writes.record(|w| {
        w.begun.inc();
        w.ended.inc();
    });
}

#[test]
fn a_stuck_epoch_shows_the_last_cut_as_stale_until_it_is_finished() {
    let (registry, writes, mut collector, clock) = impatient();
    let reader = registry.reader();
    write(&writes);
    clock.advance(Duration::from_secs(1));
    let first = collector.tick();
    assert!(!first.is_stale());

    let parked = parked(&writes);
    clock.advance(Duration::from_secs(1));
    for stale in 1..=3 {
        write(&writes);
        let cut = collector.tick();
        assert!(cut.is_stale());
        assert_eq!((cut.epoch(), cut.at(), cut.interval()), (1, first.at(), first.interval()));
        assert_eq!(counts(&cut, &writes), (1, 1), "half a fact, or one of the open epoch");
        let own = cut.set(&registry.collector_stats());
        assert_eq!((own.stale, own.ticks, own.shards), (stale, 1, Some(2)));
        assert!(reader.latest().is_stale());
        assert_eq!(counts(&reader.latest(), &writes), (1, 1));
        clock.advance(Duration::from_secs(1));
    }
    parked.release();

    // The epoch that was stuck and the one that has been open since: no fact that ended is missing.
    let exact = collector.tick();
    assert!(!exact.is_stale());
    assert_eq!((exact.epoch(), exact.at()), (3, Duration::from_secs(5)));
    assert_eq!(exact.interval(), Duration::from_secs(4));
    assert_eq!(counts(&exact, &writes), (5, 5));
    let own = exact.set(&registry.collector_stats());
    assert_eq!((own.stale, own.ticks, own.waits), (3, 2, 1));
}

#[test]
fn a_tick_that_is_held_up_again_shows_what_held_up_the_one_before() {
    let (registry, writes, mut collector, clock) = impatient();
    let one = parked(&writes);
    clock.advance(Duration::from_secs(1));
    assert!(collector.tick().is_stale());
    let two = parked(&writes);
    one.release();
    write(&writes);
    clock.advance(Duration::from_secs(1));
    // The first epoch can be finished, the second cannot: the snapshot is stale, but newer than
    // before.
    let older = collector.tick();
    assert_eq!((older.is_stale(), older.epoch(), counts(&older, &writes)), (true, 1, (1, 1)));
    assert_eq!((older.at(), older.interval()), (Duration::from_secs(1), Duration::from_secs(1)));
    two.release();
    let exact = collector.tick();
    assert_eq!((exact.is_stale(), counts(&exact, &writes)), (false, (3, 3)));
    assert_eq!(exact.at(), Duration::from_secs(2));
    let own = exact.set(&registry.collector_stats());
    assert_eq!((own.stale, own.ticks), (2, 1));
}

/// A tick shows every fact that ended before it, even if the previous *pump* was held up.
#[test]
fn a_tick_after_a_pump_that_was_held_up_lacks_nothing() {
    let (_registry, writes, mut collector, _) = impatient();
    assert!(collector.close_epoch());
    let parked = parked(&writes);
    assert!(!collector.close_epoch());
    parked.release();
    write(&writes);
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (2, 2)));
}

#[test]
fn the_first_cut_can_be_stuck() {
    let (registry, writes, mut collector, _) = impatient();
    let parked = parked(&writes);
    for stale in 1..=2 {
        let cut = collector.tick();
        assert!(cut.is_stale());
        assert_eq!((cut.epoch(), counts(&cut, &writes)), (0, (0, 0)));
        assert_eq!(cut.set(&registry.collector_stats()).stale, stale);
    }
    parked.release();
    let cut = collector.tick();
    assert_eq!((cut.epoch(), cut.is_stale(), counts(&cut, &writes)), (2, false, (1, 1)));
}

// HdrHistogram_rust#120: a reader that waits for every writer's next write hangs on an idle one.
#[test]
fn an_idle_writer_holds_up_nobody() {
    let (_registry, writes, mut collector, _) = impatient();
    let (to, from) = channel::<()>();
    let (ready, is_ready) = channel();
    let idle = thread::spawn({
        let writes = writes.clone();
        move || {
            write(&writes);
            ready.send(()).unwrap();
            from.recv().unwrap_err();
        }
    });
    is_ready.recv().unwrap();
    for epoch in 1..10 {
        let cut = collector.tick();
        assert_eq!((cut.epoch(), cut.is_stale(), counts(&cut, &writes)), (epoch, false, (1, 1)));
    }
    drop(to);
    idle.join().unwrap();
}

#[test]
fn other_writers_go_on_and_their_threads_may_begin_and_end() {
    let (_registry, writes, mut collector, _) = impatient();
    let parked = parked(&writes);
    assert!(collector.tick().is_stale());
    let before = if cfg!(miri) { 3 } else { 20 };
    for _ in 0..before {
        let writes = writes.clone();
        thread::spawn(move || write(&writes)).join().unwrap();
        assert!(collector.tick().is_stale());
    }
    parked.release();
    assert_eq!(counts(&collector.tick(), &writes), (before + 1, before + 1));
}

#[test]
fn two_stuck_writers_are_both_waited_for() {
    let (_registry, writes, mut collector, _) = impatient();
    let (one, two) = (parked(&writes), parked(&writes));
    assert!(collector.tick().is_stale());
    two.release();
    assert!(collector.tick().is_stale());
    one.release();
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (2, 2)));
}

#[test]
fn ticking_inside_of_a_fact_gives_a_stale_cut_and_no_hang() {
    let (_registry, writes, mut collector, _) = impatient();
    writes.record(|w| {
        w.begun.inc();
        assert!(collector.tick().is_stale());
        w.ended.inc();
    });
    assert_eq!(counts(&collector.tick(), &writes), (1, 1));
}

#[test]
fn the_next_collector_goes_on_with_a_stuck_epoch() {
    let (registry, writes, mut collector, _) = impatient();
    let parked = parked(&writes);
    assert!(collector.tick().is_stale());
    let incomplete = StopError::Incomplete { timeout: Duration::ZERO };
    assert_eq!(collector.stop().map(|cut| cut.epoch()), Err(incomplete));
    assert!(registry.reader().latest().is_stale());
    parked.release();
    write(&writes);
    let mut collector = registry.collector().unwrap();
    assert_eq!(counts(&collector.tick(), &writes), (2, 2));
}

#[test]
fn a_ticker_that_cannot_make_its_last_cut_says_so() {
    let (registry, writes, collector, _) = impatient();
    drop(collector);
    let parked = parked(&writes);
    let ticker = registry.collect_every(Duration::from_secs(3_600)).unwrap();
    assert!(matches!(ticker.stop(), Err(StopError::Incomplete { .. })));
    assert!(registry.reader().latest().is_stale());
    parked.release();
    registry.collect_every(Duration::from_secs(3_600)).unwrap().stop().unwrap();
    let last = registry.reader().latest();
    assert_eq!((last.is_stale(), counts(&last, &writes)), (false, (1, 1)));
}

#[test]
fn the_last_cut_waits_for_as_long_as_it_may() {
    let registry = Registry::builder().shutdown_timeout(Duration::MAX).build();
    let writes = registry.set("writes").unwrap();
    let collector = registry.collector().unwrap();
    let parked = parked(&writes);
    let (begin, begins) = channel();
    let stopping = thread::spawn(move || {
        begin.send(()).unwrap();
        collector.stop().unwrap()
    });
    begins.recv().unwrap();
    (0..if cfg!(miri) { 10 } else { 1_000 }).for_each(|_| thread::yield_now());
    parked.release();
    let last = stopping.join().unwrap();
    assert_eq!((last.is_stale(), counts(&last, &writes)), (false, (1, 1)));
}

#[test]
fn the_last_cut_is_exact_even_after_a_stuck_epoch() {
    let (registry, writes, mut collector, _) = impatient();
    let parked = parked(&writes);
    assert!(collector.tick().is_stale());
    parked.release();
    write(&writes);
    drop(collector);
    let last = registry.reader().latest();
    assert_eq!((last.is_stale(), counts(&last, &writes)), (false, (2, 2)));
}

#[test]
fn endless_patience_waits_for_the_writer() {
    let registry = Registry::builder().patience(Duration::MAX).build();
    let writes = registry.set("writes").unwrap();
    let mut collector = registry.collector().unwrap();
    let parked = parked(&writes);
    let (begin, begins) = channel();
    let ticking = thread::spawn(move || {
        begin.send(()).unwrap();
        collector.tick()
    });
    begins.recv().unwrap();
    // The other thread is most likely inside the tick by now; the test holds either way.
    (0..if cfg!(miri) { 10 } else { 1_000 }).for_each(|_| thread::yield_now());
    parked.release();
    let cut = ticking.join().expect("the longest patience is not a panic");
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (1, 1)));
}

/// A writer that was outside a fact when the epoch was closed is not waited for, and one that was
/// inside is waited for only until that fact ends, however busy it is later.
#[test]
fn writers_that_come_back_are_not_waited_for_again() {
    let (_registry, writes, mut collector, _) = impatient();
    let (one, two) = (parked(&writes), parked(&writes));
    assert!(!collector.close_epoch());
    // Each leaves while the other is inside a fact.
    two.release();
    let two = parked(&writes);
    one.release();
    let one = parked(&writes);
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (true, (2, 2)));
    [one, two].into_iter().for_each(Parked::release);
    assert_eq!(counts(&collector.tick(), &writes), (4, 4));
}

/// A question or a full queue wakes the collector, even if a writer holds it up at first.
mod requests {
    use super::*;
    use crate::sum::{Number, Sum};

    const HOUR: Duration = Duration::from_secs(3_600);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn are_served_by_the_thread_as_soon_as_nobody_is_in_the_way() {
        let (registry, writes, collector, _) = impatient();
        drop(collector);
        let sum = registry.actor_builder("sum").capacity(64).register(Sum::default()).unwrap();
        let ticker = registry.collect_every(HOUR).unwrap();
        let sender = sum.sender();
        for round in 1..=5 {
            let parked = parked(&writes);
            // Wakes the collector, which is held up.
            (0..16).for_each(|_| sender.send(Number::Add(1)));
            let question = sum.ask(|sum| sum.0);
            parked.release();
            assert_eq!(question.wait(LONG), Ok(round * 16), "it was put after they were sent");
        }
        ticker.stop().unwrap();
    }

    #[tokio::test]
    #[cfg_attr(miri, ignore = "a runtime with timers")]
    async fn are_served_by_the_future_as_soon_as_nobody_is_in_the_way() {
        let (registry, writes, collector, _) = impatient();
        let sum = registry.actor("sum", Sum::default()).unwrap();
        let collecting = tokio::spawn(collector.run(HOUR, tokio::time::sleep));
        let parked = parked(&writes);
        let question = sum.ask(|sum| sum.0);
        tokio::task::yield_now().await;
        parked.release();
        assert_eq!(question.await, Ok(0));
        collecting.abort();
    }

    /// The snapshot of a tick that was held up is published as soon as it is complete, before the
    /// next tick.
    #[test]
    fn of_the_clock_are_served_late_rather_than_never() {
        let (registry, writes, collector, _) = impatient();
        drop(collector);
        let interval = Duration::from_millis(1);
        let parked = parked(&writes);
        let ticker = registry.collect_every(interval).unwrap();
        let reader = registry.reader();
        let before = reader.latest().epoch();
        while !reader.latest().is_stale() {
            thread::yield_now();
        }
        parked.release();
        let cut = reader.wait_next(before, LONG).unwrap();
        assert_eq!(counts(&cut, &writes), (1, 1));
        ticker.stop().unwrap();
    }
}

/// However much there is to do, the future yields to the runtime after each pump.
#[tokio::test]
#[cfg_attr(miri, ignore = "a runtime with timers")]
async fn the_future_lets_others_run_between_any_two_pumps() {
    use idle::Idle;
    use tallybook::Actor;

    /// Each answer asks the next question, so a request is always pending.
    fn ask_for_ever(actor: &Actor<Idle>, left: u32) {
        let again = actor.clone();
        if left > 0 {
            let question = move |_: &Idle| ask_for_ever(&again, left - 1);
            // Kept until it is answered.
            std::mem::forget(actor.ask(question));
        }
    }

    let registry = Registry::new();
    let idle = registry.actor("idle", Idle).unwrap();
    let collector = registry.collector().unwrap();
    const QUESTIONS: u32 = 100_000;
    ask_for_ever(&idle, QUESTIONS);
    let interval = Duration::from_secs(3_600);
    let collecting = tokio::spawn(collector.run(interval, tokio::time::sleep));
    // Each poll answers one question, and the runtime may poll one task a few dozen times before
    // another.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let epoch = registry.reader().latest().epoch();
    collecting.abort();
    assert!(collecting.await.unwrap_err().is_cancelled());
    assert_eq!(epoch, 0, "no tick is due");
    let answered = registry.reader().latest().epoch();
    assert!(answered < u64::from(QUESTIONS), "all {answered} in 10 turns");
}

/// A tick that is called while an earlier epoch is held up cannot begin its own. The cut that
/// follows it, unasked, holds what was over before the tick, or is not published as that tick's at
/// all.
mod a_tick_that_could_not_begin {
    use super::*;
    use std::future::{Future, pending, ready};
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    const HOUR: Duration = Duration::from_secs(3_600);

    /// Never for an interval, at once for the pause before another attempt.
    fn sleep(time: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
        if time == HOUR { Box::pin(pending()) } else { Box::pin(ready(())) }
    }

    /// Lets the collector make some attempts.
    fn attempt(collecting: Pin<&mut impl Future<Output = ()>>) {
        let mut collecting = collecting;
        let mut context = Context::from_waker(Waker::noop());
        (0..5).for_each(|_| assert!(collecting.as_mut().poll(&mut context).is_pending()));
    }

    #[test]
    fn is_published_whole() {
        let (registry, writes, mut collector, _) = impatient();
        let reader = registry.reader();
        let one = parked(&writes);
        assert!(!collector.close_epoch());
        write(&writes);
        assert!(collector.tick().is_stale());
        let mut collecting = pin!(collector.run(HOUR, sleep));
        attempt(collecting.as_mut());
        assert!(reader.latest().is_stale());
        one.release();
        attempt(collecting.as_mut());
        let cut = reader.latest();
        assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (2, 2)));
    }

    #[test]
    fn is_not_published_in_part() {
        let (registry, writes, mut collector, _) = impatient();
        let reader = registry.reader();
        let one = parked(&writes);
        assert!(!collector.close_epoch());
        write(&writes);
        let two = parked(&writes);
        assert!(collector.tick().is_stale());
        let mut collecting = pin!(collector.run(HOUR, sleep));
        one.release();
        attempt(collecting.as_mut());
        let cut = reader.latest();
        assert_eq!((cut.is_stale(), counts(&cut, &writes)), (true, (0, 0)));
        two.release();
        attempt(collecting.as_mut());
        let cut = reader.latest();
        assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (3, 3)));
    }
}
