//! Timers: each records exactly one duration, or none if it is discarded.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tallybook::metric::TimerField;
use tallybook::record::TimerLabel;
use tallybook::{
    Collector, Distribution, Entry, Family, Histogram, Label, ManualClock, PerLabel, Registry, Set,
    Stats, Timer,
};
use tokio::sync::oneshot;

/// Requests.
#[derive(Stats)]
struct Requests {
    latency: Histogram<Duration>,
    fine: Histogram<Duration, 5>,
    by_route: PerLabel<Route, Histogram<Duration>>,
    nested: PerLabel<Route, Phases>,
}

/// Phases of a request.
#[derive(Stats)]
struct Phases {
    parsing: Histogram<Duration>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, Label)]
enum Route {
    Index,
    Search,
}

struct World {
    clock: Arc<ManualClock>,
    requests: Set<Requests>,
    clients: Family<u32, Requests>,
    collector: Collector,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let registry = Registry::builder().clock(clock.clone()).build();
        let requests = registry.set("requests").unwrap();
        let clients = registry.family("client", "n").unwrap();
        let collector = registry.collector().unwrap();
        World { clock, requests, clients, collector }
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    fn latency(&mut self) -> Distribution<Duration> {
        self.collector.tick().set(&self.requests).latency
    }
}

fn count_and_sum(of: &Distribution<Duration>) -> (u64, u128) {
    (of.count(), of.sum().as_millis())
}

/// Timers that stand in a struct.
#[derive(Debug)]
struct Timers<'a> {
    owned: Timer<Set<Requests>>,
    borrowed: Timer<&'a Set<Requests>>,
    fine:
        Timer<Set<Requests>, TimerField<Requests, Histogram<Duration, 5>>, Histogram<Duration, 5>>,
    by_route: TimerLabel<Set<Requests>, Route>,
    of_entry: Timer<Entry<u32, Requests>>,
    nested: TimerLabel<&'a Entry<u32, Requests>, Route>,
}

#[test]
fn timers_of_all_forms_stand_in_a_struct_and_record_once() {
    let mut world = World::new();
    let client = world.clients.entry(1).unwrap();
    let timers = Timers {
        owned: world.requests.timer(Requests::latency),
        borrowed: world.requests.timer_borrowed(Requests::latency),
        fine: world.requests.timer(Requests::fine),
        by_route: world.requests.timer_label(Requests::by_route, Route::Search),
        of_entry: client.timer(Requests::latency),
        nested: client.timer_label_borrowed(|r, route| &r.nested[route].parsing, Route::Index),
    };
    assert!(format!("{timers:?}").contains("Timer { on: Set { name: \"requests\""));
    assert_eq!(timers.of_entry.on().key(), Some(&1));
    world.advance(10);
    assert_eq!(timers.fine.elapsed(), Duration::from_millis(10));
    let Timers { owned, borrowed, fine, by_route, of_entry, nested } = timers;
    drop((owned, borrowed, fine, by_route, of_entry, nested));
    world.advance(10);

    let cut = world.collector.tick();
    let (set, entry) = (cut.set(&world.requests), cut.family(&world.clients).get(&1).unwrap());
    assert_eq!(count_and_sum(&set.latency), (2, 20));
    assert_eq!(count_and_sum(&set.fine), (1, 10));
    assert_eq!(count_and_sum(&set.by_route[Route::Search]), (1, 10));
    assert_eq!(set.by_route[Route::Index].count(), 0);
    assert_eq!(count_and_sum(&entry.latency), (1, 10));
    assert_eq!(count_and_sum(&entry.nested[Route::Index].parsing), (1, 10));
    assert_eq!(entry.nested[Route::Search].parsing.count(), 0);
}

#[test]
fn stop_records_once_and_discard_never() {
    let mut world = World::new();
    let timer = world.requests.timer(Requests::latency);
    world.advance(7);
    assert_eq!(timer.stop(), Duration::from_millis(7));
    let timer = world.requests.timer(Requests::latency);
    world.advance(9);
    timer.discard();
    assert_eq!(count_and_sum(&world.latency()), (1, 7));
    let client = world.clients.entry(1).unwrap();
    client.timer_label(Requests::by_route, Route::Index).discard();
    client.timer_borrowed(Requests::latency).stop();
    let total = world.collector.tick().family(&world.clients).total().clone();
    assert_eq!((total.latency.count(), total.by_route[Route::Index].count()), (1, 0));
}

#[test]
fn a_timer_ends_on_another_thread() {
    let mut world = World::new();
    let (to, from) = channel();
    let timer = world.requests.timer(Requests::latency);
    let stopper =
        thread::spawn(move || from.recv().map(|timer: Timer<Set<Requests>>| timer.stop()));
    world.advance(5);
    to.send(timer).unwrap();
    assert_eq!(stopper.join().unwrap(), Ok(Duration::from_millis(5)));
    assert_eq!(count_and_sum(&world.latency()), (1, 5));
}

#[test]
fn a_timer_that_ends_in_a_fact_is_part_of_it() {
    let mut world = World::new();
    let timer = world.requests.timer(Requests::latency);
    world.advance(5);
    world.requests.record(|r| {
        r.fine.record(Duration::ZERO);
        timer.stop();
    });
    let cut = world.collector.tick().set(&world.requests);
    assert_eq!((cut.latency.count(), cut.fine.count()), (1, 1));
}

#[test]
fn a_panic_ends_the_timers_that_it_unwinds_through() {
    let mut world = World::new();
    let thread = thread::spawn({
        let (requests, clock) = (world.requests.clone(), world.clock.clone());
        move || {
            let _timer = requests.timer(Requests::latency);
            clock.advance(Duration::from_millis(3));
            std::panic::resume_unwind(Box::new("over"));
        }
    });
    assert!(thread.join().is_err());
    assert_eq!(count_and_sum(&world.latency()), (1, 3));
}

#[tokio::test]
async fn a_cancelled_future_records_the_time_up_to_then() {
    let mut world = World::new();
    let (begun, has_begun) = oneshot::channel();
    let client = world.clients.entry(1).unwrap();
    let task = tokio::spawn({
        let requests = world.requests.clone();
        async move {
            let _timers = (
                requests.timer(Requests::latency),
                client.timer_label(Requests::by_route, Route::Search),
            );
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    });
    has_begun.await.unwrap();
    world.advance(40);
    assert_eq!(world.latency().count(), 0);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let cut = world.collector.tick();
    assert_eq!(count_and_sum(&cut.set(&world.requests).latency), (1, 40));
    let total = cut.family(&world.clients).total();
    assert_eq!(count_and_sum(&total.by_route[Route::Search]), (1, 40));
}

#[test]
fn a_disabled_registry_times_nothing() {
    let registry = Registry::disabled();
    let requests = registry.set::<Requests>("requests").unwrap();
    let clients = registry.family::<u32, Requests>("client", "n").unwrap();
    let timer = requests.timer(Requests::latency);
    assert_eq!((timer.elapsed(), timer.stop()), (Duration::ZERO, Duration::ZERO));
    drop(clients.entry(1).unwrap().timer(Requests::latency));
    assert_eq!(registry.collector().unwrap().tick().set(&requests).latency.count(), 0);
}
