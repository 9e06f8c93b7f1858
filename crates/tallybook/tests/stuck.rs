//! A writer that stays inside a fact: nobody waits for it, nothing is lost, and every cut says how old it is.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tallybook::error::StopError;
use tallybook::{Collector, Counter, ManualClock, Registry, Set, Snapshot, Stats};

/// What is written.
#[derive(Stats)]
struct Writes {
    begun: Counter,
    ended: Counter,
}

/// A thread inside a fact.
struct Parked {
    go_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Parked {
    /// Starts a thread and returns when it is in the middle of a fact.
    fn inside(writes: &Set<Writes>) -> Self {
        let (inside, is_inside): (_, Receiver<()>) = channel();
        let (go_on, goes_on): (_, Receiver<()>) = channel();
        let writes = writes.clone();
        let thread = thread::spawn(move || {
            writes.record(|w| {
                w.begun.inc();
                inside.send(()).unwrap();
                goes_on.recv().unwrap();
                w.ended.inc();
            });
        });
        is_inside.recv().unwrap();
        Parked { go_on, thread }
    }

    fn release(self) {
        self.go_on.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// A registry that waits for nobody, and for nobody at the end either.
fn impatient() -> (Registry, Set<Writes>, Collector, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::builder().clock(clock.clone()).patience(Duration::ZERO);
    let registry = registry.shutdown_timeout(Duration::ZERO).build();
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

    let parked = Parked::inside(&writes);
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

    // The epoch that was stuck, and the one that has been open since: nothing that is over is missing.
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
    let one = Parked::inside(&writes);
    clock.advance(Duration::from_secs(1));
    assert!(collector.tick().is_stale());
    let two = Parked::inside(&writes);
    one.release();
    write(&writes);
    clock.advance(Duration::from_secs(1));
    // The first closing can be finished, the second can't: an older cut, but a newer one than before.
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

/// What is over before a tick is in it, also where a *pump* before was held up.
#[test]
fn a_tick_after_a_pump_that_was_held_up_lacks_nothing() {
    let (_registry, writes, mut collector, _) = impatient();
    assert!(collector.close_epoch());
    let parked = Parked::inside(&writes);
    assert!(!collector.close_epoch());
    parked.release();
    write(&writes);
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (2, 2)));
}

#[test]
fn the_first_cut_can_be_stuck() {
    let (registry, writes, mut collector, _) = impatient();
    let parked = Parked::inside(&writes);
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
    let parked = Parked::inside(&writes);
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
    let (one, two) = (Parked::inside(&writes), Parked::inside(&writes));
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
    let parked = Parked::inside(&writes);
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
    let parked = Parked::inside(&writes);
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
    let parked = Parked::inside(&writes);
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
    let parked = Parked::inside(&writes);
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
    let parked = Parked::inside(&writes);
    let (begin, begins) = channel();
    let ticking = thread::spawn(move || {
        begin.send(()).unwrap();
        collector.tick()
    });
    begins.recv().unwrap();
    // Most likely inside of the tick by then; true either way.
    (0..if cfg!(miri) { 10 } else { 1_000 }).for_each(|_| thread::yield_now());
    parked.release();
    let cut = ticking.join().expect("the longest patience is not a panic");
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (false, (1, 1)));
}

/// Who was outside of facts when the epoch was closed is not waited for, and who was inside only for that fact, however
/// busy they are in between.
#[test]
fn writers_that_come_back_are_not_waited_for_again() {
    let (_registry, writes, mut collector, _) = impatient();
    let (one, two) = (Parked::inside(&writes), Parked::inside(&writes));
    assert!(!collector.close_epoch());
    // Each leaves while the other is inside of a fact.
    two.release();
    let two = Parked::inside(&writes);
    one.release();
    let one = Parked::inside(&writes);
    let cut = collector.tick();
    assert_eq!((cut.is_stale(), counts(&cut, &writes)), (true, (2, 2)));
    [one, two].into_iter().for_each(Parked::release);
    assert_eq!(counts(&collector.tick(), &writes), (4, 4));
}

/// A question, or a full queue, brings the collector also where a thread was in its way at first.
mod requests {
    use super::*;
    use tallybook::{Event, Reducer};

    #[derive(Event)]
    enum Change {
        Add,
    }

    #[derive(Default)]
    struct Sum(u64);

    impl Reducer for Sum {
        type Event = Change;
        type Snapshot = u64;
        fn apply(&mut self, _: Change, _: Duration) {
            self.0 += 1;
        }
        fn snapshot(&self) -> u64 {
            self.0
        }
    }

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
            let parked = Parked::inside(&writes);
            (0..16).for_each(|_| sender.send(Change::Add)); // asks, and finds somebody in the way
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
        let parked = Parked::inside(&writes);
        let question = sum.ask(|sum| sum.0);
        tokio::task::yield_now().await;
        parked.release();
        assert_eq!(question.await, Ok(0));
        collecting.abort();
    }

    /// The cut of a tick that was held up is published as soon as it is there, long before the next tick.
    #[test]
    fn of_the_clock_are_served_late_rather_than_never() {
        let (registry, writes, collector, _) = impatient();
        drop(collector);
        let interval = Duration::from_millis(1);
        let parked = Parked::inside(&writes);
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

/// However much there is to do, the future gives the runtime its turn after each bit of it.
#[tokio::test]
#[cfg_attr(miri, ignore = "a runtime with timers")]
async fn the_future_lets_others_run_between_any_two_pumps() {
    use tallybook::{Actor, Event, Reducer};

    #[derive(Event)]
    enum Nothing {
        #[expect(dead_code, reason = "nobody sends anything")]
        Never,
    }
    struct Idle;
    impl Reducer for Idle {
        type Event = Nothing;
        type Snapshot = ();
        fn apply(&mut self, Nothing::Never: Nothing, _: Duration) {}
        fn snapshot(&self) {}
    }

    /// Each answer puts the next question, so the collector is wanted at any time.
    fn ask_for_ever(actor: &Actor<Idle>, left: u32) {
        let again = actor.clone();
        if left > 0 {
            let question = move |_: &Idle| ask_for_ever(&again, left - 1);
            // Held until it is answered.
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
    // One is answered in each turn, of which the runtime may give one task a few dozen before it is another's.
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
