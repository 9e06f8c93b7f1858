//! Events: every loss is counted, events and the facts around them are one cut, and causes come
//! before effects.

#[path = "support/account.rs"]
mod account;

use account::check_account;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;
use tallybook::event::{Close, Delivery, NoReply, Order, OverflowPolicy};
use tallybook::{Actor, Collector, Counter, Event, Label, Reducer, Registry, Set, Snapshot, Stats};

/// Something that opens and closes; two numbers, so that merging loses nothing.
#[derive(Clone, Copy, Debug)]
struct Change {
    kind: Kind,
    key: u32,
    opened: u32,
    closed: u32,
}

/// One kind for each way of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Label)]
enum Kind {
    Newest,
    Oldest,
    Merged,
    Loose,
}

const KINDS: [Kind; 4] = [Kind::Newest, Kind::Oldest, Kind::Merged, Kind::Loose];

fn open(kind: Kind, key: u32) -> Change {
    Change { kind, key, opened: 1, closed: 0 }
}

fn close(kind: Kind, key: u32) -> Change {
    Change { kind, key, opened: 0, closed: 1 }
}

impl Event for Change {
    type Kind = Kind;
    type Key = u32;
    fn kind(&self) -> Kind {
        self.kind
    }
    fn delivery(kind: Kind) -> Delivery {
        let order = if kind == Kind::Loose { Order::Unordered } else { Order::Ordered };
        let full = match kind {
            Kind::Newest => OverflowPolicy::DropNewest,
            Kind::Oldest => OverflowPolicy::DropOldest,
            Kind::Merged | Kind::Loose => OverflowPolicy::Coalesce,
        };
        Delivery::new(order, full)
    }
    fn key(&self) -> u32 {
        self.key
    }
    fn coalesce(&mut self, later: Change) {
        self.opened += later.opened;
        self.closed += later.closed;
    }
}

/// What is open, by kind and key.
#[derive(Default)]
struct Table {
    open: HashMap<(Kind, u32), i64>,
    /// How many events were applied, and how often a close came before its open.
    taken: u64,
    reversed: u64,
}

impl Reducer for Table {
    type Event = Change;
    type Snapshot = (u64, u64, HashMap<(Kind, u32), i64>);

    fn apply(&mut self, event: Change, _: Duration) {
        assert_ne!(event.key, u32::MAX, "a key that no reducer likes");
        self.taken += 1;
        let open = self.open.entry((event.kind, event.key)).or_default();
        *open += i64::from(event.opened) - i64::from(event.closed);
        self.reversed += u64::from(*open < 0);
    }
    fn snapshot(&self) -> Self::Snapshot {
        (self.taken, self.reversed, self.open.clone())
    }
}

fn actor(capacity: usize) -> (Registry, Actor<Table>, Collector) {
    let registry = Registry::new();
    let builder = registry.actor_builder("table").capacity(capacity);
    let actor = builder.register(Table::default()).unwrap();
    let collector = registry.collector().unwrap();
    (registry, actor, collector)
}

fn live(snapshot: &Snapshot, actor: &Actor<Table>, kind: Kind) -> i64 {
    snapshot.state(actor).2.iter().filter(|(of, _)| of.0 == kind).map(|(_, open)| open).sum()
}

// Storms of opens and closes through queues of eight, with snapshots all the time: every loss is
// counted, and merged events are exact.
#[test]
fn storms_through_small_queues_add_up_in_every_snapshot() {
    const THREADS: u32 = 4;
    let rounds: u32 = if cfg!(miri) { 20 } else { 20_000 };
    let (_registry, actor, mut collector) = actor(8);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let sender = actor.sender();
                scope.spawn(move || {
                    for round in 0..rounds {
                        for kind in KINDS {
                            sender.send(open(kind, thread * 8 + round % 8));
                            sender.send(close(kind, thread * 8 + round % 8));
                        }
                    }
                    KINDS.iter().for_each(|kind| sender.send(open(*kind, 1000 + thread)));
                })
            })
            .collect();
        let (stop, actor) = (&stop, &actor);
        let ticking = scope.spawn(move || {
            while !stop.load(SeqCst) {
                collector.close_epoch();
                check_account(&collector.tick().events(actor), "a storm");
            }
            collector
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        stop.store(true, SeqCst);
        let now = ticking.join().unwrap().tick();
        let events = now.events(actor);
        check_account(&events, "the last cut");
        let sent = u64::from(THREADS * (2 * rounds + 1));
        KINDS.iter().for_each(|kind| assert_eq!(events[*kind].sent, sent));
        for kind in [Kind::Merged, Kind::Loose] {
            assert_eq!(events[kind].dropped, 0);
            assert_eq!(live(&now, actor, kind), i64::from(THREADS));
        }
        assert_eq!(now.state(actor).0, KINDS.iter().map(|kind| events[*kind].applied).sum::<u64>());
    });
}

// Everything that can happen to an actor happens while four threads send: the account of each kind
// equals the number of events sent.
#[test]
fn senders_go_on_while_reducers_panic_and_are_replaced_and_the_actor_closes() {
    const THREADS: u32 = 4;
    let rounds: u32 = if cfg!(miri) { 20 } else { 20_000 };
    for how in [Close::Drain, Close::Drop] {
        let (registry, actor, collector) = actor(8);
        drop(collector);
        let ticker = registry.collect_every(Duration::from_millis(1)).unwrap();
        let (start, half) =
            (Barrier::new(THREADS as usize + 1), Barrier::new(THREADS as usize + 1));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (sender, start, half) = (actor.sender(), &start, &half);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..rounds {
                        if round == rounds / 2 {
                            half.wait();
                        }
                        // The reducer panics at this one.
                        let is_bad = thread == 0 && round % 1000 == 7;
                        let key = if is_bad { u32::MAX } else { round % 8 };
                        KINDS.iter().for_each(|kind| sender.send(open(*kind, key)));
                    }
                });
            }
            start.wait();
            for _ in 0..20 {
                // Whether a reducer is there to answer depends on what was sent.
                let _ = actor.ask(|table| table.taken).wait(Duration::from_secs(60));
                actor.restart(Table::default());
            }
            half.wait();
            // When the answer arrives, everything sent before has been applied or lost.
            let _ = actor.ask(|_| ()).wait(Duration::from_secs(60));
            actor.close(how);
        });
        ticker.stop().unwrap();
        let now = registry.reader().latest();
        let events = now.events(&actor);
        check_account(&events, "the last cut");
        for kind in KINDS {
            assert_eq!(events[kind].sent, u64::from(THREADS * rounds), "{kind:?}");
        }
        assert!(KINDS.iter().any(|kind| events[*kind].lost > 0), "no reducer has panicked");
    }
}

/// Counts what it sends.
#[derive(Stats)]
struct Sent {
    opened: Counter,
}

#[test]
fn an_event_is_in_the_cut_of_the_fact_that_it_is_sent_in() {
    const THREADS: u32 = 3;
    let rounds: u32 = if cfg!(miri) { 50 } else { 50_000 };
    let (registry, actor, mut collector) = actor(1 << 20);
    let set: Set<Sent> = registry.set("sent").unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (set, sender) = (&set, actor.sender());
            scope.spawn(move || {
                for round in 0..rounds {
                    set.record(|s| {
                        sender.send(open(KINDS[round as usize % 4], round % 16 * 3 + thread));
                        s.opened.inc();
                    });
                }
            });
        }
        let all = u64::from(THREADS * rounds);
        loop {
            let now = collector.tick();
            assert_eq!(now.state(&actor).0, now.set(&set).opened);
            if now.state(&actor).0 == all {
                break;
            }
        }
    });
}

// A connect on one thread and its disconnect on another are never reordered.
#[test]
fn what_happened_before_is_applied_before() {
    let rounds: u32 = if cfg!(miri) { 30 } else { 20_000 };
    let (_registry, actor, mut collector) = actor(1 << 20);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let pairs: Vec<_> = (0..2)
            .map(|pair| {
                let (to, from) = mpsc::channel();
                let (opener, closer) = (actor.sender(), actor.sender());
                let opens = scope.spawn(move || {
                    for key in 0..rounds {
                        opener.send(open(Kind::Newest, key * 2 + pair));
                        to.send(key * 2 + pair).unwrap();
                    }
                });
                let closes = scope.spawn(move || {
                    from.iter().for_each(|key| closer.send(close(Kind::Newest, key)));
                });
                [opens, closes]
            })
            .collect();
        let (stop, ticked) = (&stop, &actor);
        let ticking = scope.spawn(move || {
            while !stop.load(SeqCst) {
                assert_eq!(collector.tick().state(ticked).1, 0, "an effect came before its cause");
            }
            collector
        });
        pairs.into_iter().flatten().for_each(|thread| thread.join().unwrap());
        stop.store(true, SeqCst);
        let now = ticking.join().unwrap().tick();
        assert_eq!((now.state(&actor).1, live(&now, &actor, Kind::Newest)), (0, 0));
        assert_eq!(now.state(&actor).0, u64::from(rounds) * 4);
    });
}

#[test]
fn each_way_of_delivery_keeps_what_it_promises_where_there_is_no_room() {
    let (_registry, actor, mut collector) = actor(2);
    let sender = actor.sender();
    for key in 0..4 {
        KINDS.iter().for_each(|kind| sender.send(open(*kind, key % 3)));
    }
    let now = collector.tick();
    let has = |kind, key| now.state(&actor).2.get(&(kind, key)).copied().unwrap_or(0);
    let keys = |kind| [0, 1, 2].map(|key| has(kind, key));
    assert_eq!(keys(Kind::Newest), [1, 1, 0]);
    assert_eq!(keys(Kind::Oldest), [1, 0, 1]); // 2, then 0 again
    assert_eq!(keys(Kind::Merged), [2, 1, 1]);
    check_account(&now.events(&actor), "this cut");
    assert_eq!(now.events(&actor)[Kind::Oldest].dropped, 2);
    assert_eq!(now.events(&actor)[Kind::Merged].coalesced, 0); // 2 and 0 have different keys
    (0..9).for_each(|_| sender.send(open(Kind::Merged, 7)));
    let now = collector.tick();
    assert_eq!(now.events(&actor)[Kind::Merged].coalesced, 6);
    assert_eq!(now.state(&actor).2[&(Kind::Merged, 7)], 9);
}

#[test]
fn a_reducer_that_panics_is_reported_and_can_be_replaced() {
    let (_registry, actor, mut collector) = actor(16);
    let sender = actor.sender();
    sender.send(open(Kind::Newest, 1));
    let before = collector.tick();
    sender.send(open(Kind::Newest, 2));
    sender.send(open(Kind::Newest, u32::MAX));
    sender.send(open(Kind::Newest, 3));
    let now = collector.tick();
    assert!(now.failure(&actor).unwrap().contains("a key that no reducer likes"));
    assert_eq!(before.failure(&actor), None);
    assert_eq!(
        (now.events(&actor)[Kind::Newest].applied, now.events(&actor)[Kind::Newest].lost),
        (2, 2)
    );
    check_account(&now.events(&actor), "this cut");
    assert_eq!(*now.state(&actor), *before.state(&actor)); // the last state before the panic
    assert_eq!(actor.ask(|_| ()).wait(Duration::ZERO), Err(NoReply::TimedOut));
    let asked = actor.ask(|table| table.taken);
    collector.close_epoch();
    assert_eq!(asked.wait(Duration::ZERO), Err(NoReply::Gone));
    actor.restart(Table::default());
    sender.send(open(Kind::Newest, 4));
    let now = collector.tick();
    // The event was sent before the restart took effect.
    assert_eq!((now.failure(&actor), now.state(&actor).0), (None, 0));
    sender.send(open(Kind::Newest, 5));
    let now = collector.tick();
    assert_eq!(now.state(&actor).0, 1);
    check_account(&now.events(&actor), "this cut");
}

#[test]
fn a_closed_actor_applies_or_drops_what_waits_and_takes_no_more() {
    for (how, applied) in [(Close::Drain, 2), (Close::Drop, 0)] {
        let (_registry, actor, mut collector) = actor(16);
        let sender = actor.sender();
        (0..2).for_each(|key| sender.send(open(Kind::Loose, key)));
        actor.close(how);
        sender.send(open(Kind::Loose, 2));
        let events = collector.tick().events(&actor)[Kind::Loose].clone();
        assert_eq!((events.sent, events.applied, events.dropped), (3, applied, 3 - applied));
    }
}

#[test]
fn questions_are_answered_after_what_was_sent_before_them() {
    let (registry, actor, collector) = actor(16);
    drop(collector);
    let _ticker = registry.collect_every(Duration::from_secs(3600)).unwrap();
    let sender = actor.sender();
    let count = if cfg!(miri) { 4 } else { 100 };
    for n in 1..=count {
        sender.send(open(Kind::Newest, n));
        let answer = actor.ask(|table| table.taken).wait(Duration::from_secs(60));
        assert_eq!(answer, Ok(u64::from(n)));
    }
    // A question that panics is answered with an error, and does no harm.
    let asked = actor.ask(|_| -> u64 { panic!("a bad question") });
    assert_eq!(asked.wait(Duration::from_secs(60)), Err(NoReply::Gone));
    assert_eq!(actor.ask(|table| table.taken).wait(Duration::from_secs(60)), Ok(u64::from(count)));
}

#[tokio::test]
async fn a_collector_on_a_runtime_empties_queues_and_answers_between_ticks() {
    let (registry, actor, collector) = actor(64);
    let collecting = tokio::spawn(collector.run(Duration::from_secs(3600), tokio::time::sleep));
    let sender = actor.sender();
    let events: u32 = if cfg!(miri) { 100 } else { 1000 };
    for n in 0..events {
        sender.send(open(Kind::Newest, n));
        if n % 16 == 0 {
            assert_eq!(actor.ask(|table| table.taken).await, Ok(u64::from(n) + 1));
        }
    }
    drop(actor.ask(|_| unreachable!("taken back"))); // before the collector runs
    assert_eq!(actor.ask(|table| table.taken).await, Ok(u64::from(events)));
    collecting.abort();
    assert!(collecting.await.unwrap_err().is_cancelled());
    assert_eq!(registry.reader().latest().events(&actor)[Kind::Newest].dropped, 0);
    assert_eq!(actor.ask(|table| table.taken).wait(Duration::ZERO), Err(NoReply::TimedOut));
}

/// Reports each event that it applies.
struct Herald(mpsc::Sender<u32>);

impl Reducer for Herald {
    type Event = Change;
    type Snapshot = ();
    fn apply(&mut self, event: Change, _: Duration) {
        // The test may be over.
        let _ = self.0.send(event.key);
    }
    fn snapshot(&self) {}
}

// The next tick is an hour away, so only the full queue can wake the collector.
#[test]
fn a_queue_that_is_full_to_a_quarter_is_emptied_between_ticks() {
    for (capacity, quarter) in [(1, 1), (4, 1), (10, 3), (64, 16)] {
        for kind in KINDS {
            let (tell, told) = mpsc::channel();
            let registry = Registry::new();
            let builder = registry.actor_builder("herald").capacity(capacity);
            let actor = builder.register(Herald(tell)).unwrap();
            let ticker = registry.collect_every(Duration::from_secs(3600)).unwrap();
            let sender = actor.sender();
            for round in 0..if cfg!(miri) { 2 } else { 10 } {
                (0..quarter).for_each(|n| sender.send(open(kind, round * quarter + n)));
                for n in 0..quarter {
                    let key = told.recv_timeout(Duration::from_secs(60));
                    assert_eq!(key, Ok(round * quarter + n), "{kind:?}, {quarter} of {capacity}");
                }
            }
            ticker.stop().unwrap();
        }
    }
}

#[test]
fn a_kind_that_is_switched_off_is_neither_made_nor_counted() {
    let (_registry, actor, mut collector) = actor(16);
    let sender = actor.sender();
    sender.send(open(Kind::Newest, 1));
    actor.disable(Kind::Newest);
    assert!(!sender.is_enabled(Kind::Newest) && sender.is_enabled(Kind::Merged));
    sender.send(open(Kind::Newest, 2));
    sender.send_with(Kind::Newest, || unreachable!("it is switched off"));
    sender.send_with(Kind::Merged, || open(Kind::Merged, 3));
    let now = collector.tick();
    let sent = |now: &Snapshot, kind| now.events(&actor)[kind].sent;
    assert_eq!((sent(&now, Kind::Newest), sent(&now, Kind::Merged)), (1, 1));
    assert_eq!(now.state(&actor).0, 2);
    actor.enable(Kind::Newest);
    sender.send_with(Kind::Newest, || open(Kind::Newest, 4));
    actor.close(Close::Drain);
    actor.disable(Kind::Merged);
    sender.send(open(Kind::Newest, 5)); // refused
    sender.send(open(Kind::Merged, 6)); // switched off, so not even counted as refused
    let now = collector.tick();
    assert_eq!((sent(&now, Kind::Newest), sent(&now, Kind::Merged)), (3, 1));
    assert_eq!(now.events(&actor)[Kind::Newest].dropped, 1);
    check_account(&now.events(&actor), "this cut");
}

#[test]
fn nothing_is_sent_in_a_disabled_registry() {
    let actor = Registry::disabled().actor("table", Table::default()).unwrap();
    actor.sender().send(open(Kind::Newest, 1));
    actor.sender().send_with(Kind::Newest, || unreachable!("the registry is disabled"));
    assert!(!actor.sender().is_enabled(Kind::Newest));
    let now = Registry::disabled().reader().latest();
    assert_eq!((now.state(&actor).0, now.events(&actor)[Kind::Newest].sent), (0, 0));
    assert_eq!(actor.ask(|_| ()).wait(Duration::from_secs(60)), Err(NoReply::Gone));
}
