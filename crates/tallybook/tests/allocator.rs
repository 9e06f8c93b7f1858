//! A global allocator that records its own work as facts while the library allocates: each fact is
//! counted exactly once.
//!
//! Each case runs in its own process, because it may abort it: the test starts this program again
//! with `TALLYBOOK_ALLOCATOR_CASE` set. Everywhere else the allocator records nothing. Miri cannot
//! start processes, so under miri only the case that the variable names runs.

#[path = "support/child.rs"]
mod child;

use child::{abort_if_it_hangs, run_again};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tallybook::{Collector, Counter, Event, Gauge, Histogram, Live, Reducer, Registry, Set, Stats};

#[derive(Stats)]
struct Heap {
    calls: Counter,
    bytes: Counter,
    sizes: Histogram,
    last: Gauge,
}

#[derive(Stats)]
struct Numbers {
    count: Counter,
    sizes: Histogram,
    live: Live,
}

static HEAP: OnceLock<Set<Heap>> = OnceLock::new();
/// What is recorded: a sum of the constants below, or 0.
static MODE: AtomicU8 = AtomicU8::new(0);
const ON: u8 = 1;
/// Allocations made by the recording itself are not recorded.
const GUARDED: u8 = 2;
const FREES: u8 = 4;
/// Only allocations of a kilobyte or more are recorded.
const LARGE: u8 = 8;
/// How many facts were begun, how many closures were called, and with how many bytes in all.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static CALLED: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

thread_local!(static IS_INSIDE: Cell<bool> = const { Cell::new(false) });

/// Nothing may unwind out of an allocator.
struct Abort;

impl Drop for Abort {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

fn count(size: usize) {
    let mode = MODE.load(SeqCst);
    if mode & ON == 0 || (mode & LARGE != 0 && size < 1024) {
        return;
    }
    let Some(heap) = HEAP.get() else { return };
    if mode & GUARDED != 0 && IS_INSIDE.replace(true) {
        return;
    }
    let is_panicking = thread::panicking();
    let abort = (!is_panicking).then_some(Abort);
    BEGUN.fetch_add(1, SeqCst);
    heap.record(|heap| {
        CALLED.fetch_add(1, SeqCst);
        BYTES.fetch_add(size as u64, SeqCst);
        heap.calls.inc();
        heap.bytes.add(size as u64);
        heap.sizes.record(size as u64);
        heap.last.set(size as i64);
    });
    drop(abort);
    IS_INSIDE.set(false);
}

struct Counting;

// SAFETY: all of it is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if MODE.load(SeqCst) & FREES != 0 {
            count(layout.size());
        }
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs a case in its own process, with the allocator recording, and checks the totals.
fn case(name: &str, mode: u8, run: impl FnOnce(&Registry, Vec<Set<Numbers>>)) {
    const CASE: &str = "TALLYBOOK_ALLOCATOR_CASE";
    if cfg!(miri) && std::env::var(CASE).as_deref() != Ok(name) {
        return;
    }
    if let Some(output) = run_again(CASE, name) {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}\n{text}", output.status);
        return;
    }
    if !cfg!(miri) {
        abort_if_it_hangs();
    }
    let registry = Registry::builder().patience(Duration::from_secs(5)).build();
    let sets = (0..200).map(|i| registry.set(&format!("set_{i}")).unwrap()).collect();
    // Registered last: a thread's table already has the blocks of the others when it gets this one.
    let heap = registry.set::<Heap>("heap").unwrap();
    assert!(HEAP.set(heap).is_ok(), "one case per process");
    MODE.store(mode | ON, SeqCst);
    run(&registry, sets);
    MODE.store(0, SeqCst);

    let mut collector = registry.collector().unwrap();
    collector.tick();
    let heap = collector.tick().set(HEAP.get().unwrap());
    let called = CALLED.load(SeqCst);
    assert!(called > 0, "nothing was allocated");
    assert_eq!((heap.calls, heap.bytes), (called, BYTES.load(SeqCst)));
    assert_eq!(heap.sizes.count(), called);
    // Facts that nest too deeply are refused and counted. With the guard none nests that deeply.
    let refused = collector.tick().set(&registry.collector_stats()).refused;
    assert_eq!(BEGUN.load(SeqCst), called + refused);
    assert!(refused == 0 || mode & GUARDED == 0, "{refused} facts were refused");
}

fn tick(collector: &mut Collector, set: &Set<Numbers>) -> u64 {
    collector.tick();
    collector.tick().set(set).count
}

/// A thread's first fact in a registry is one of the program, not one of the allocator.
fn first_touch(registry: &Registry, sets: Vec<Set<Numbers>>) {
    let set = sets[0].clone();
    let mode = MODE.swap(0, SeqCst);
    let (started, start) = std::sync::mpsc::channel();
    let mine = set.clone();
    let thread = thread::spawn(move || {
        start.recv().unwrap();
        mine.record(|numbers| numbers.count.inc());
    });
    MODE.store(mode, SeqCst);
    started.send(()).unwrap();
    thread.join().unwrap();
    assert_eq!(tick(&mut registry.collector().unwrap(), &set), 1);
}

/// A thread's table of blocks grows before it has a block for the allocator's set.
fn table_grows(registry: &Registry, sets: Vec<Set<Numbers>>) {
    let thread = thread::spawn(move || {
        for i in (0..2).chain([150]).chain(0..200) {
            sets[i].record(|numbers| numbers.count.inc());
        }
        sets
    });
    let sets = thread.join().unwrap();
    let now = registry.collector().unwrap().tick();
    assert_eq!(sets.iter().map(|set| now.set(set).count).sum::<u64>(), 203);
}

#[derive(Event)]
enum Sent {
    Number(u64),
}

struct Sum(u64, Vec<u64>);

impl Reducer for Sum {
    type Event = Sent;
    type Snapshot = Vec<u64>;
    fn apply(&mut self, Sent::Number(n): Sent, _: Duration) {
        self.0 += n;
        self.1 = vec![self.0];
    }
    fn snapshot(&self) -> Vec<u64> {
        self.1.clone()
    }
}

/// Threads use every kind of metric while a collector runs.
fn everything(registry: &Registry, sets: Vec<Set<Numbers>>) {
    const THREADS: u64 = 4;
    let facts: u64 = if cfg!(miri) { 20 } else { 2000 };
    let set = sets[0].clone();
    let family = registry.family::<String, Numbers>("family", "key").unwrap();
    let actor = registry.actor("actor", Sum(0, Vec::new())).unwrap();
    let ticker = registry.collect_every(Duration::from_millis(1)).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (set, family, sender) = (&set, &family, actor.sender());
            scope.spawn(move || {
                for n in 0..facts {
                    set.record(|numbers| {
                        numbers.count.inc();
                        // Its table grows inside the fact.
                        numbers.sizes.record(n * n * n);
                        let text = format!("{thread} {n}");
                        numbers.count.add(u64::from(text.is_empty()));
                    });
                    let entry = family.entry(format!("{}", n % 77)).unwrap();
                    entry.record(|numbers| numbers.sizes.record(n << (n % 32)));
                    let guard = entry.open(Numbers::live);
                    sender.send(Sent::Number(n));
                    drop((guard, entry));
                }
            });
        }
    });
    ticker.stop().unwrap();
    let mut collector = registry.collector().unwrap();
    assert_eq!(tick(&mut collector, &set), THREADS * facts);
    let now = collector.tick();
    let total = now.family(&family).total();
    assert_eq!(
        (now.set(&set).sizes.count(), total.sizes.count()),
        (THREADS * facts, THREADS * facts)
    );
    assert_eq!((total.live.opened, total.live.closed), (THREADS * facts, THREADS * facts));
    let account = &now.events(&actor)[SentKind::Number];
    assert_eq!(
        (account.sent, account.applied + account.dropped),
        (THREADS * facts, THREADS * facts)
    );
}

/// Threads start and end, and each records in its own registry.
fn registries(registry: &Registry, sets: Vec<Set<Numbers>>) {
    let set = sets[0].clone();
    for _ in 0..20 {
        let set = set.clone();
        let thread = thread::spawn(move || {
            let own = Registry::builder().patience(Duration::from_secs(5)).build();
            let inner = own.set::<Numbers>("set").unwrap();
            set.record(|numbers| {
                numbers.count.inc();
                inner.record(|numbers| numbers.sizes.record(1 << 40));
            });
            assert_eq!(own.collector().unwrap().tick().set(&inner).sizes.count(), 1);
        });
        thread.join().unwrap();
    }
    assert_eq!(tick(&mut registry.collector().unwrap(), &set), 20);
}

macro_rules! cases {
    ($($name:ident: $run:ident, $mode:expr;)*) => {
        $(
            #[test]
            fn $name() {
                case(stringify!($name), $mode, $run);
            }
        )*
    };
}

cases! {
    first_touch_guarded: first_touch, GUARDED;
    first_touch_guarded_with_frees: first_touch, GUARDED + FREES;
    first_touch_unguarded: first_touch, 0;
    first_touch_unguarded_with_frees: first_touch, FREES;
    table_grows_guarded: table_grows, GUARDED;
    table_grows_under_large_ones: table_grows, GUARDED + LARGE;
    table_grows_unguarded: table_grows, FREES;
    everything_guarded: everything, GUARDED;
    everything_guarded_with_frees: everything, GUARDED + FREES;
    everything_unguarded: everything, 0;
    everything_unguarded_with_frees: everything, FREES;
    registries_guarded: registries, GUARDED + FREES;
    registries_unguarded: registries, FREES;
}
