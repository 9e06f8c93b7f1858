//! Cuts on demand: all that was over before the call, for the callers alone, however the collector
//! is driven.

use futures_util::FutureExt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tallybook::collector::Cut;
use tallybook::error::{NotCollected, WaitError};
use tallybook::{Counter, Entry, Family, Max, Registry, Set, Snapshot, Stats};

/// What is counted.
#[derive(Stats)]
struct Work {
    done: Counter,
    largest: Max,
}

const HOUR: Duration = Duration::from_secs(3_600);
const THREADS: u64 = 4;
const ROUNDS: u64 = if cfg!(miri) { 3 } else { 200 };

struct World {
    registry: Registry,
    work: Set<Work>,
    threads: Family<u64, Work>,
}

impl World {
    fn new() -> Self {
        let registry = Registry::new();
        let work = registry.set("work").unwrap();
        let threads = registry.family("thread", "n").unwrap();
        World { registry, work, threads }
    }

    fn record(&self, entry: &Entry<u64, Work>, n: u64) {
        self.work.record(|work| {
            work.done.inc();
            work.largest.observe(n);
            entry.record(|work| work.done.inc());
        });
    }

    /// A snapshot that holds what this thread has done, and of the others whole facts.
    fn check(&self, cut: &Snapshot, me: u64, done: u64) {
        assert!(!cut.is_stale());
        let threads = cut.family(&self.threads);
        assert_eq!(threads.get(&me).map(|me| me.done), Some(done));
        let present: u64 = threads.iter().map(|(_, thread)| thread.done).sum();
        let (all, total) = (present + threads.retired().done, threads.total().done);
        assert_eq!((all, total), (total, cut.set(&self.work).done));
    }

    /// Threads that record, and ask for a cut after each fact.
    fn work(&self, cut: impl Fn() -> Cut + Sync) {
        let start = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for me in 0..THREADS {
                let (start, cut) = (&start, &cut);
                scope.spawn(move || {
                    let entry = self.threads.entry(me).unwrap();
                    start.wait();
                    for done in 1..=ROUNDS {
                        self.record(&entry, done);
                        self.check(&cut().wait(HOUR).unwrap(), me, done);
                    }
                });
            }
        });
    }

    /// The last snapshot, after the collector has stopped.
    fn check_last(&self) -> Arc<Snapshot> {
        let last = self.registry.reader().latest();
        let total = last.family(&self.threads).total().done;
        assert_eq!((last.set(&self.work).done, total), (THREADS * ROUNDS, THREADS * ROUNDS));
        last
    }

    fn ticks(&self, snapshot: &Snapshot) -> u64 {
        snapshot.set(&self.registry.collector_stats()).ticks
    }
}

#[test]
fn each_thread_sees_what_it_did_while_a_ticker_sleeps() {
    let world = World::new();
    let ticker = world.registry.collect_every(HOUR).unwrap();
    world.work(|| world.registry.cut());
    // Nothing was published: the one tick is the last, and its interval is all of the time.
    assert_eq!(world.registry.reader().latest().epoch(), 0);
    ticker.stop().unwrap();
    let last = world.check_last();
    assert_eq!(world.ticks(&last), 1);
    assert_eq!(last.set(&world.work).largest, Some(ROUNDS));
    assert!(last.epoch() > 1);
}

#[test]
fn each_thread_sees_what_it_did_while_a_ticker_ticks() {
    let world = World::new();
    let ticker = world.registry.collect_every(Duration::from_micros(50)).unwrap();
    world.work(|| ticker.cut());
    ticker.stop().unwrap();
    world.check_last();
}

#[test]
fn each_thread_sees_what_it_did_while_the_collector_is_ticked_by_hand() {
    let world = World::new();
    let mut collector = world.registry.collector().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // However the threads end.
        let _over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(SeqCst) {
                collector.tick();
            }
            drop(collector);
        });
        world.work(|| world.registry.cut());
    });
    world.check_last();
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn each_thread_sees_what_it_did_while_the_collector_is_a_future() {
    let world = World::new();
    let collector = world.registry.collector().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            runtime.block_on(async {
                let collecting = tokio::spawn(collector.run(HOUR, tokio::time::sleep));
                stopped.await.unwrap();
                collecting.abort();
                assert!(collecting.await.unwrap_err().is_cancelled());
            });
        });
        world.work(|| world.registry.cut());
        stop.send(()).unwrap();
    });
    assert_eq!(world.ticks(&world.check_last()), 1);
}

#[tokio::test(start_paused = true)]
async fn tasks_await_cuts_between_the_ticks_of_a_future() {
    let world = World::new();
    let entry = world.threads.entry(1).unwrap();
    let collector = world.registry.collector().unwrap();
    let collecting = tokio::spawn(collector.run(HOUR, tokio::time::sleep));
    let start = tokio::time::Instant::now();
    for done in 1..=9 {
        world.record(&entry, done);
        world.check(&world.registry.cut().await.unwrap(), 1, done);
    }
    assert_eq!((start.elapsed(), world.registry.reader().latest().epoch()), (Duration::ZERO, 0));
    let tick = world.registry.reader().next(0).await.unwrap();
    assert_eq!((start.elapsed().as_secs(), world.ticks(&tick)), (3_600, 1));
    assert_eq!(tick.set(&world.work).largest, Some(9));
    // One that waits when the collector goes is told.
    let late = world.registry.cut();
    collecting.abort();
    assert!(collecting.await.unwrap_err().is_cancelled());
    assert_eq!(late.await.err(), Some(NotCollected));
    assert_eq!(world.registry.cut().await.err(), Some(NotCollected));
}

#[test]
fn callers_share_a_cut_and_later_ones_get_the_next() {
    let world = World::new();
    let mut collector = world.registry.collector().unwrap();
    let together = [(); 3].map(|()| world.registry.cut());
    let tick = collector.tick();
    let [first, second, third] = together.map(|cut| cut.now_or_never().unwrap().unwrap());
    assert!(Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&first, &third));
    assert_eq!((tick.epoch(), first.epoch()), (1, 2));
    let late = world.registry.cut();
    assert_eq!(collector.tick().epoch(), 3);
    assert_eq!(late.wait(Duration::ZERO).unwrap().epoch(), 4);
}

#[test]
fn a_cut_is_made_for_those_that_still_wait_for_it() {
    let world = World::new();
    let mut collector = world.registry.collector().unwrap();
    assert_eq!(world.registry.cut().wait(Duration::ZERO).err(), Some(WaitError::TimedOut));
    drop(world.registry.cut());
    assert_eq!(collector.tick().epoch(), 1);
    assert_eq!(collector.tick().epoch(), 2);
    let cut = world.registry.cut();
    collector.tick();
    assert_eq!(collector.tick().epoch(), 5);
    // What was over before the call is in it, however late it is fetched.
    assert_eq!(cut.wait(Duration::ZERO).unwrap().epoch(), 4);
}

#[test]
fn without_a_collector_a_cut_is_an_error() {
    let refused = |registry: &Registry| {
        assert_eq!(registry.cut().now_or_never().unwrap().err(), Some(NotCollected));
        assert_eq!(registry.cut().wait(HOUR).err(), Some(WaitError::NotCollected));
    };
    refused(&Registry::disabled());
    let mut off = Registry::disabled().collector().unwrap();
    assert_eq!(off.cut().err(), Some(WaitError::NotCollected));
    let ticker = Registry::disabled().collect_every(HOUR).unwrap();
    assert_eq!(ticker.cut().wait(HOUR).err(), Some(WaitError::NotCollected));

    let world = World::new();
    refused(&world.registry);
    let collector = world.registry.collector().unwrap();
    let waiting = [world.registry.cut(), world.registry.cut()];
    drop(collector);
    for cut in waiting {
        assert_eq!(cut.wait(HOUR).err(), Some(WaitError::NotCollected));
    }
    refused(&world.registry);
    // The next collector makes cuts again.
    let _ticker = world.registry.collect_every(HOUR).unwrap();
    assert!(world.registry.cut().wait(HOUR).is_ok());
    let text = "nobody collects: the registry has no collector, or is disabled or gone";
    assert_eq!([NotCollected.to_string(), WaitError::NotCollected.to_string()], [text, text]);
}

/// Calls `during` while a thread is inside a fact, and `after` when it has left.
fn with_a_stuck_writer(world: &World, during: impl FnOnce(), after: impl FnOnce()) {
    let (inside, is_inside) = channel();
    let (leave, may_leave) = channel::<()>();
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            world.work.record(|work| {
                work.done.add(100);
                inside.send(()).unwrap();
                may_leave.recv().unwrap();
            });
        });
        is_inside.recv().unwrap();
        during();
        leave.send(()).unwrap();
        writer.join().unwrap();
        after();
    });
}

fn impatient() -> World {
    let registry = Registry::builder().patience(Duration::ZERO).build();
    let work = registry.set("work").unwrap();
    let threads = registry.family("thread", "n").unwrap();
    World { registry, work, threads }
}

#[test]
fn a_cut_waits_for_a_writer_and_is_never_stale() {
    let world = impatient();
    let collector = std::cell::RefCell::new(world.registry.collector().unwrap());
    let entry = world.threads.entry(1).unwrap();
    let asked = std::cell::Cell::new(None);
    with_a_stuck_writer(
        &world,
        || {
            world.record(&entry, 1);
            asked.set(Some(world.registry.cut()));
            let mut collector = collector.borrow_mut();
            assert!(collector.tick().is_stale());
            assert_eq!(collector.cut().err(), Some(WaitError::TimedOut));
            let mut cut = asked.take().unwrap();
            assert!((&mut cut).now_or_never().is_none());
            asked.set(Some(cut));
        },
        || {
            let tick = collector.borrow_mut().tick();
            assert_eq!((tick.is_stale(), tick.set(&world.work).done), (false, 101));
            let cut = asked.take().unwrap().wait(Duration::ZERO).unwrap();
            world.check_values(&cut, 101);
        },
    );
}

#[test]
fn a_tick_that_was_held_up_is_published_before_a_cut() {
    let world = impatient();
    let collector = std::cell::RefCell::new(world.registry.collector().unwrap());
    let reader = world.registry.reader();
    with_a_stuck_writer(
        &world,
        || assert!(collector.borrow_mut().tick().is_stale()),
        || {
            let cut = collector.borrow_mut().cut().unwrap();
            world.check_values(&cut, 100);
            let published = reader.latest();
            assert_eq!((published.is_stale(), published.epoch()), (false, 1));
            world.check_values(&published, 100);
            assert!(cut.epoch() > published.epoch());
        },
    );
}

#[test]
fn a_ticker_makes_the_cut_when_the_writer_leaves() {
    let world = impatient();
    let ticker = world.registry.collect_every(HOUR).unwrap();
    let asked = std::cell::Cell::new(None);
    with_a_stuck_writer(
        &world,
        || {
            let waited = ticker.cut().wait(Duration::from_millis(5));
            assert_eq!(waited.err(), Some(WaitError::TimedOut));
            asked.set(Some(ticker.cut()));
        },
        || world.check_values(&asked.take().unwrap().wait(HOUR).unwrap(), 100),
    );
    assert_eq!(world.registry.reader().latest().epoch(), 0);
}

impl World {
    fn check_values(&self, cut: &Snapshot, done: u64) {
        assert_eq!((cut.is_stale(), cut.set(&self.work).done), (false, done));
    }
}
