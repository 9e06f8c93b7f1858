//! What recording costs in memory: nothing in a disabled registry, nothing after the first touch in
//! an enabled one, and nothing remains when a registry is dropped.

#[path = "support/counting_allocator.rs"]
mod counting_allocator;

use counting_allocator::{allocations, bytes_in_use, exclusive};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;
use tallybook::error::WaitError;
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Label, Live, Max, PerLabel, Reader, Registry, Set,
    Stats,
};

/// A server.
#[derive(Stats)]
struct Server {
    requests: Counter,
    open: Live,
    level: Gauge,
    slowest: Max,
    by_kind: PerLabel<Kind, Counter>,
}

/// A kind of request.
#[derive(Clone, Copy, Label)]
enum Kind {
    Get,
    Put,
}

/// The same types with a registry that is enabled and one that is disabled.
struct Program {
    registry: Registry,
    server: Set<Server>,
    clients: Family<u64, Server>,
}

const KEYS: u64 = if cfg!(miri) { 5 } else { 3_000 };

impl Program {
    fn new(registry: Registry) -> Self {
        let server = registry.set("server").unwrap();
        let clients = registry.family("client", "n").unwrap();
        Program { registry, server, clients }
    }

    fn parts(&self) -> (Collector, Reader) {
        (self.registry.collector().unwrap(), self.registry.reader())
    }

    fn entries(&self) -> Vec<Entry<u64, Server>> {
        (0..KEYS).map(|key| self.clients.entry(key).unwrap()).collect()
    }

    /// Returns how many closures of facts were called.
    fn record(&self, entries: &[Entry<u64, Server>]) -> u64 {
        let mut called = 0;
        for (n, entry) in (0..).zip(entries) {
            let _open = (self.server.open(Server::open), entry.open(Server::open));
            self.server.record(|s| {
                called += 1;
                s.requests.inc();
                s.level.set(n);
                entry.record(|e| {
                    called += 1;
                    e.slowest.observe(7);
                    e.by_kind[Kind::Put].inc();
                    entries[0].record(|e| e.by_kind[Kind::Get].inc());
                });
            });
        }
        called
    }
}

#[test]
fn a_disabled_registry_costs_nothing_and_calls_nothing() {
    let _exclusive = exclusive();
    // The snapshot that all disabled registries share is allocated once.
    let _ = Registry::disabled().reader().latest();
    let allocations = allocations(|| {
        let program = Program::new(Registry::disabled());
        let (mut collector, reader) = program.parts();
        assert!(program.registry.is_disabled());
        assert_eq!(program.registry.fence(), None);
        let entries = [0; 9].map(|key| program.clients.entry(key).unwrap());
        assert_eq!(program.record(&entries), 0);
        assert!(entries[0].clone().key().is_none());
        assert!(program.clients.clone().name().is_empty());
        assert_eq!(reader.wait_next(0, Duration::ZERO).err(), Some(WaitError::NotCollected));
        let cut = collector.tick();
        assert_eq!(cut.set(&program.server), ServerSnapshot::default());
        assert_eq!(cut.family(&program.clients).len(), 0);
        assert_eq!((cut.epoch(), reader.latest().epoch()), (0, 0));
    });
    assert_eq!(allocations, 0);
}

/// [`Registry::disabled`] promises that there is no collector thread.
#[test]
fn a_disabled_registry_has_no_thread() {
    let _exclusive = exclusive();
    let allocations = allocations(|| {
        let ticker = Registry::disabled().collect_every(Duration::from_secs(3_600)).unwrap();
        drop(ticker);
    });
    assert_eq!(allocations, 0, "a thread");
}

#[test]
fn recording_allocates_on_first_touch_only() {
    let _exclusive = exclusive();
    let program = Program::new(Registry::new());
    let (mut collector, reader) = program.parts();
    let entries = program.entries();
    let (recorded, go_on) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            program.record(&entries);
            recorded.wait();
            for _ in 0..3 {
                // The collector ticks here.
                go_on.wait();
                go_on.wait();
                assert_eq!(allocations(|| assert_eq!(program.record(&entries), 2 * KEYS)), 0);
                recorded.wait();
            }
        });
        recorded.wait();
        for round in 1..=3 {
            go_on.wait();
            assert_eq!(collector.tick().set(&program.server).requests, round * KEYS);
            go_on.wait();
            // Only the other thread is running.
            recorded.wait();
        }
    });
    let mut cached = reader.cached();
    let reading = allocations(|| {
        for _ in 0..100 {
            assert_eq!((reader.latest().epoch(), cached.latest().epoch()), (3, 3));
        }
    });
    assert_eq!(reading, 0);
}

/// Creates a registry, uses it from two threads, a collector and a reader, and drops it.
fn use_and_drop(round: u64) {
    let program = Program::new(Registry::new());
    let (mut collector, reader) = program.parts();
    let entries: Vec<_> = (0..5).map(|key| program.clients.entry(key).unwrap()).collect();
    thread::scope(|scope| {
        let other = scope.spawn(|| program.record(&entries));
        program.record(&entries);
        collector.tick();
        // Joined, because the end of a scope does not wait for the destructors of its threads.
        other.join().unwrap();
    });
    let kept = collector.tick();
    assert_eq!(kept.set(&program.server).requests, 10);
    drop(entries);
    match round % 4 {
        0 => drop((program, collector, reader, kept)),
        1 => drop((reader, kept, collector, program)),
        2 => drop((kept, program, reader, collector)),
        _ => {
            thread::spawn(move || drop((collector, program))).join().unwrap();
            drop((kept, reader));
        }
    }
}

#[test]
fn registries_leave_nothing_behind() {
    let _exclusive = exclusive();
    let (warm_up, rounds) = if cfg!(miri) { (4, 8) } else { (50, 1_000) };
    (0..warm_up).for_each(use_and_drop);
    let before = bytes_in_use();
    (0..rounds).for_each(use_and_drop);
    let after = bytes_in_use();
    // A leak of one registry per round would exceed this many times over.
    let bound = before + 64 * 1_024;
    assert!(after <= bound, "{before} bytes, then {after} after {rounds} registries");
}
