//! Each recording thread has its own shard until it ends; and a panic inside a fact leaves
//! everything consistent.

#[path = "support/panics.rs"]
mod panics;

use panics::attempt;
use std::cell::RefCell;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use tallybook::{Counter, Entry, Family, Gauge, Live, Open, Registry, Set, Stats};

/// Calls.
#[derive(Stats)]
struct Calls {
    begun: Counter,
    ended: Counter,
    running: Live,
    last: Gauge,
}

/// Calls of one kind.
#[derive(Stats)]
struct Kind {
    begun: Counter,
    running: Live,
}

const THREADS: usize = if cfg!(miri) { 4 } else { 64 };

fn begun(registry: &Registry, calls: &Set<Calls>) -> u64 {
    registry.collector().unwrap().tick().set(calls).begun
}

fn shards(registry: &Registry) -> Option<i64> {
    registry.collector().unwrap().tick().set(&registry.collector_stats()).shards
}

/// `THREADS` threads record once each, and all are alive when the last one does. They are joined
/// one by one, because the end of a scope does not wait for the destructors of thread-locals, which
/// return the shards.
fn record_in_threads_at_once(calls: &Set<Calls>) {
    let all_recorded = Barrier::new(THREADS);
    thread::scope(|scope| {
        let record = || {
            calls.record(|c| c.begun.inc());
            all_recorded.wait();
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(record)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

// metriken chose the shard from an address: 64 threads got one.
#[test]
fn each_live_thread_has_its_own_shard_and_gives_it_back() {
    let registry = Registry::new();
    let calls = registry.set::<Calls>("calls").unwrap();
    for round in 1..=3 {
        record_in_threads_at_once(&calls);
        assert_eq!(shards(&registry), Some(THREADS as i64), "round {round}");
        assert_eq!(begun(&registry, &calls), (round * THREADS) as u64);
    }
}

/// Records when its thread ends.
enum AtExit {
    Fact(Set<Calls>),
    Entry(Entry<u8, Kind>),
    Guard { _guard: Open<Set<Calls>> },
    GuardOfEntry { _guard: Open<Entry<u8, Kind>> },
}

impl Drop for AtExit {
    fn drop(&mut self) {
        match self {
            AtExit::Fact(calls) => calls.record(|c| {
                c.begun.inc();
                calls.record(|c| c.ended.inc());
            }),
            AtExit::Entry(entry) => entry.record(|k| k.begun.inc()),
            AtExit::Guard { .. } | AtExit::GuardOfEntry { .. } => {}
        }
    }
}

thread_local! {
    static KEPT: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) };
    static KEPT_TOO: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) };
}

/// Registers the destructor of the thread-local, which stays empty.
fn touch(kept: &'static thread::LocalKey<RefCell<Vec<AtExit>>>) {
    kept.with_borrow_mut(Vec::clear);
}

fn keep(calls: &Set<Calls>, kinds: &Family<u8, Kind>, n: u8) {
    let entry = || kinds.entry(n).unwrap();
    KEPT.with_borrow_mut(|kept| {
        kept.push(AtExit::Fact(calls.clone()));
        kept.push(AtExit::GuardOfEntry { _guard: entry().open(Kind::running) });
    });
    KEPT_TOO.with_borrow_mut(|kept| {
        kept.push(AtExit::Guard { _guard: calls.open(Calls::running) });
        kept.push(AtExit::Entry(entry()));
    });
}

#[test]
fn destructors_of_thread_locals_count_in_every_order() {
    let registry = Registry::new();
    let calls = registry.set::<Calls>("calls").unwrap();
    let kinds = registry.family::<u8, Kind>("kind", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    for first_use in 0..3 {
        let (set, family) = (calls.clone(), kinds.clone());
        let exits = thread::spawn(move || {
            // Destructors run in the order of registration or in reverse: each one is first and
            // last here.
            let facts = [
                || {},
                || touch(&KEPT),
                || {
                    touch(&KEPT_TOO);
                    touch(&KEPT);
                },
            ];
            facts[first_use]();
            set.record(|c| c.last.set(1));
            keep(&set, &family, 1);
        });
        exits.join().unwrap();
        let cut = collector.tick();
        let (now, kind) = (cut.set(&calls), cut.family(&kinds).total());
        let rounds = first_use as u64 + 1;
        assert_eq!((now.begun, now.ended, now.running.closed), (rounds, rounds, rounds));
        assert_eq!((kind.begun, kind.running.closed), (rounds, rounds));
        // The handles were dropped, too: two ticks later the entry has retired.
        assert!(collector.tick().family(&kinds).is_empty());
    }
}

#[test]
fn a_thread_that_records_only_while_it_ends_counts() {
    let registry = Registry::new();
    let calls = registry.set::<Calls>("calls").unwrap();
    let kept = calls.clone();
    thread::spawn(move || KEPT.with_borrow_mut(|all| all.push(AtExit::Fact(kept)))).join().unwrap();
    assert_eq!(begun(&registry, &calls), 1);
}

/// When its thread ends, records a fact of one registry around one of another around one of the
/// first.
struct Sandwich {
    outer: Set<Calls>,
    between: Set<Calls>,
    in_the_middle: Box<dyn Fn() + Send>,
}

impl Drop for Sandwich {
    fn drop(&mut self) {
        self.outer.record(|c| {
            c.begun.inc();
            (self.in_the_middle)();
            self.between.record(|_| self.outer.record(|c| c.ended.inc()));
        });
    }
}

/// Ticks in the middle of such a fact. The snapshot after its end must show all of it.
fn whole_around_another_registry(at_exit: bool) {
    thread_local! { static LATE: RefCell<Option<Sandwich>> = const { RefCell::new(None) } }
    let registry = Registry::builder().patience(std::time::Duration::ZERO).build();
    let other = Registry::new();
    let outer = registry.set::<Calls>("calls").unwrap();
    let between = other.set::<Calls>("calls").unwrap();
    let mut collector = registry.collector().unwrap();
    let (inside, is_inside) = channel();
    let (go_on, goes_on) = channel::<()>();
    let in_the_middle = Box::new(move || {
        inside.send(()).unwrap();
        goes_on.recv().unwrap();
    });
    let sandwich = Sandwich { outer: outer.clone(), between, in_the_middle };
    let thread = thread::spawn(move || {
        if at_exit {
            LATE.set(None);
            sandwich.outer.record(|c| c.last.set(1));
            LATE.set(Some(sandwich));
        }
    });
    is_inside.recv().unwrap();
    assert!(collector.tick().is_stale());
    go_on.send(()).unwrap();
    thread.join().unwrap();
    let now = collector.tick().set(&outer);
    assert_eq!((now.begun, now.ended), (1, 1), "half a fact");
}

#[test]
fn a_fact_joins_its_outer_one_through_a_fact_of_another_registry() {
    whole_around_another_registry(false);
}

#[test]
fn a_fact_joins_its_outer_one_through_a_fact_of_another_registry_when_its_thread_ends() {
    whole_around_another_registry(true);
}

#[test]
fn registries_nest_and_keep_their_counts_apart() {
    let registries = [Registry::new(), Registry::new(), Registry::new()];
    let sets = registries.each_ref().map(|registry| registry.set::<Calls>("calls").unwrap());
    let [one, two, three] = &sets;
    for _ in 0..10 {
        one.record(|a| {
            a.begun.inc();
            two.record(|b| {
                b.begun.add(10);
                three.record(|c| c.begun.add(100));
                one.record(|a| a.ended.inc());
                two.record(|b| b.ended.add(10));
            });
            a.ended.inc();
        });
    }
    let counts = [0, 1, 2].map(|i| {
        let now = registries[i].collector().unwrap().tick().set(&sets[i]);
        (now.begun, now.ended)
    });
    assert_eq!(counts, [(10, 20), (100, 100), (1000, 0)]);
}

#[test]
fn handles_outlive_their_registry_and_threads_too() {
    let (to, from) = channel::<(Set<Calls>, Entry<u8, Kind>, Open<Set<Calls>>)>();
    let (done, is_done) = channel();
    let thread = thread::spawn(move || {
        for (calls, entry, open) in from {
            calls.record(|c| c.begun.inc());
            entry.record(|k| k.begun.inc());
            drop(open);
            done.send((calls, entry)).unwrap();
        }
    });
    for _ in 0..if cfg!(miri) { 3 } else { 20 } {
        let registry = Registry::new();
        let calls = registry.set::<Calls>("calls").unwrap();
        let kinds = registry.family::<u8, Kind>("kind", "n").unwrap();
        let handles = || (calls.clone(), kinds.entry(1).unwrap(), calls.open(Calls::running));
        to.send(handles()).unwrap();
        let kept = is_done.recv().unwrap();
        assert_eq!(begun(&registry, &calls), 1);
        to.send(handles()).unwrap();
        drop(registry);
        drop(is_done.recv().unwrap());
        // These are never collected, and do no harm.
        kept.0.record(|c| c.begun.inc());
        kept.1.record(|k| k.begun.inc());
    }
    drop(to);
    thread.join().unwrap();
}

#[test]
fn a_panic_ends_the_fact_and_what_it_counted_stays() {
    let registry = Registry::new();
    let calls = registry.set::<Calls>("calls").unwrap();
    let kinds = registry.family::<u8, Kind>("kind", "n").unwrap();
    let (one, two) = (kinds.entry(1).unwrap(), kinds.entry(2).unwrap());
    let mut collector = registry.collector().unwrap();
    for round in 1..=4 {
        let fact = attempt(|| {
            calls.record(|c| {
                c.begun.inc();
                one.record(|k| {
                    k.begun.inc();
                    two.record(|k| {
                        k.begun.inc();
                        std::panic::resume_unwind(Box::new("in the innermost"));
                    })
                });
                c.ended.inc();
            });
        });
        assert!(fact.is_none());
        // The epoch is not stuck, and this thread can still record.
        let cut = collector.tick();
        assert!(!cut.is_stale());
        let begun = |n| cut.family(&kinds).get(&n).unwrap().begun;
        assert_eq!((cut.set(&calls).begun, cut.set(&calls).ended), (round, 0));
        assert_eq!((begun(1), begun(2)), (2 * round - 1, 2 * round - 1));
        one.record(|k| k.begun.inc());
        two.record(|k| k.begun.inc());
    }
}

#[test]
fn a_panic_caught_inside_a_fact_leaves_the_outer_fact_whole() {
    let registry = Registry::new();
    let calls = registry.set::<Calls>("calls").unwrap();
    let kinds = registry.family::<u8, Kind>("kind", "n").unwrap();
    let (one, two) = (kinds.entry(1).unwrap(), kinds.entry(2).unwrap());
    let mut collector = registry.collector().unwrap();
    one.record(|k| {
        k.begun.inc();
        let inner = attempt(|| {
            two.record(|_| calls.record(|_| std::panic::resume_unwind(Box::new("caught"))));
        });
        assert!(inner.is_none());
        two.record(|k| k.begun.add(5));
        k.begun.inc();
    });
    let cut = collector.tick();
    let begun = |n| cut.family(&kinds).get(&n).unwrap().begun;
    assert_eq!((begun(1), begun(2)), (2, 5));
}
