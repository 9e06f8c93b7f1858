//! What recording costs in memory: nothing in a disabled registry, nothing after the first touch in another, and nothing
//! is left over when a registry is gone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tallybook::error::WaitError;
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Label, Live, Max, PerLabel, Reader, Registry, Set,
    Stats,
};

/// The system's allocator, counting.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that all threads hold together.
static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Allocations of this thread.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        ALLOCATIONS.with(|all| all.set(all.get() + 1));
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `f` allocates in this thread.
fn allocations(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

/// What is live is that of all threads, so these tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

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

/// The same types, whether it is on or off.
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

    /// Answers how many facts were called.
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
    let _alone = alone();
    // The one snapshot of all disabled registries is made once.
    let _ = Registry::disabled().reader().latest();
    let allocations = allocations(|| {
        let program = Program::new(Registry::disabled());
        let (mut collector, reader) = program.parts();
        assert!(program.registry.is_disabled());
        assert_eq!(program.registry.barrier(), None);
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

/// "No collector thread", says [`Registry::disabled`].
#[test]
fn a_disabled_registry_has_no_thread() {
    let _alone = alone();
    let allocations = allocations(|| {
        let ticker = Registry::disabled().collect_every(Duration::from_secs(3_600)).unwrap();
        drop(ticker);
    });
    assert_eq!(allocations, 0, "a thread");
}

#[test]
fn recording_allocates_on_first_touch_only() {
    let _alone = alone();
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
            // The other thread alone is running.
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

/// A registry that threads, tasks of a collector and readers have used, gone again.
fn use_and_drop(round: u64) {
    let program = Program::new(Registry::new());
    let (mut collector, reader) = program.parts();
    let entries: Vec<_> = (0..5).map(|key| program.clients.entry(key).unwrap()).collect();
    thread::scope(|scope| {
        let other = scope.spawn(|| program.record(&entries));
        program.record(&entries);
        collector.tick();
        // Not the scope's end alone: that does not wait for the thread's destructors.
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
    let _alone = alone();
    let (warm_up, rounds) = if cfg!(miri) { (4, 8) } else { (50, 1_000) };
    (0..warm_up).for_each(use_and_drop);
    let before = LIVE.load(Relaxed);
    (0..rounds).for_each(use_and_drop);
    let after = LIVE.load(Relaxed);
    // One registry's memory is more than this; whoever leaked one per round would leak hundreds.
    let bound = before + 64 * 1_024;
    assert!(after <= bound, "{before} bytes, then {after} after {rounds} registries");
}
