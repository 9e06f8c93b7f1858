//! Processes that end inside a fact, and processes that fork.
//!
//! Each case runs in its own process: the test starts this program again with
//! `TALLYBOOK_PROCESS_CASE` set.
#![cfg(all(unix, not(miri)))]

#[path = "support/child.rs"]
mod child;

use child::{abort_if_it_hangs, run_again};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tallybook::{Counter, Gauge, Registry, Set, Stats};

#[derive(Stats)]
struct Numbers {
    count: Counter,
    again: Counter,
    last: Gauge,
}

/// The exit code of a process that succeeded.
const WELL: i32 = 7;

/// Runs a case in its own process, which must exit with [`WELL`].
fn case(name: &str, run: impl FnOnce()) {
    const CASE: &str = "TALLYBOOK_PROCESS_CASE";
    let Some(output) = run_again(CASE, name) else {
        abort_if_it_hangs();
        return run();
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(WELL), "{name}: {}\n{text}", output.status);
}

fn note(set: &Set<Numbers>) {
    set.record(|numbers| {
        numbers.count.inc();
        numbers.last.set(1);
        numbers.again.inc();
    });
}

/// Threads that record until they are stopped.
struct Busy {
    is_over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<u64>>,
}

impl Busy {
    fn start(set: &Set<Numbers>) -> Self {
        const THREADS: usize = 3;
        let is_over = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(Barrier::new(THREADS + 1));
        let threads = (0..THREADS).map(|_| {
            let (set, is_over, begun) = (set.clone(), is_over.clone(), begun.clone());
            thread::spawn(move || {
                note(&set);
                begun.wait();
                let mut count = 1;
                while !is_over.load(SeqCst) {
                    note(&set);
                    count += 1;
                }
                count
            })
        });
        let threads = threads.collect();
        begun.wait();
        Busy { is_over, threads }
    }

    fn stop(self) -> u64 {
        self.is_over.store(true, SeqCst);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

#[test]
fn exit_inside_a_fact() {
    case("exit_inside_a_fact", || {
        let registry = Registry::new();
        let set = registry.set::<Numbers>("set").unwrap();
        let _ticker = registry.collect_every(Duration::from_millis(1)).unwrap();
        let _busy = Busy::start(&set);
        set.record(|numbers| {
            numbers.count.inc();
            std::process::exit(WELL);
        });
    });
}

/// Runs in a destructor of the thread that exits, after the library's own.
struct Late(Registry, Set<Numbers>);

impl Drop for Late {
    fn drop(&mut self) {
        let Late(registry, set) = self;
        // May get the shard of the thread that is still inside its fact.
        let mine = set.clone();
        thread::spawn(move || note(&mine)).join().unwrap();
        let mut collector = registry.collector().unwrap();
        let cuts = [collector.tick(), collector.tick()];
        let is_whole = cuts.iter().all(|cut| cut.set(set).count == cut.set(set).again);
        // One fact ended before the first tick. The fact that never ends may make every snapshot
        // stale, but no fresh snapshot may lack the fact that ended.
        if !is_whole || (!cuts[0].is_stale() && cuts[0].set(set).count < 1) {
            eprintln!("{:?}, {:?}", cuts[0].set(set), cuts[1].set(set));
            std::process::abort();
        }
    }
}

#[test]
fn exit_inside_a_fact_with_destructors_that_record() {
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    case("exit_inside_a_fact_with_destructors_that_record", || {
        let builder = Registry::builder().patience(Duration::ZERO);
        let registry = builder.shutdown_timeout(Duration::ZERO).build();
        let set = registry.set::<Numbers>("set").unwrap();
        // Before this thread's first fact: the destructor registered first runs last.
        LATE.set(Some(Late(registry.clone(), set.clone())));
        set.record(|_| std::process::exit(WELL));
    });
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Runs `child` in a fork of this process, which has one thread. Returns whether `child` returned
/// `true`.
fn forked(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child takes no lock that another thread of the parent may hold: the system's
    // allocator supports `fork`, and the child uses its own registry.
    let pid = unsafe { fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: any status is valid. No destructors run, because their threads do not exist here.
        unsafe { _exit(if is_well.unwrap_or(false) { WELL } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the pointer is to a local.
    let waited = unsafe { waitpid(pid, &raw mut status, 0) };
    // The process exited by itself with that code.
    waited == pid && status == WELL << 8
}

/// What a child does: its own registry counts correctly, with an inherited one in memory.
fn count_in_child(inherited: &Set<Numbers>) -> bool {
    note(inherited);
    let registry = Registry::new();
    let set = registry.set::<Numbers>("set").unwrap();
    let family = registry.family::<u32, Numbers>("family", "key").unwrap();
    let mut collector = registry.collector().unwrap();
    for n in 0..1000 {
        note(&set);
        family.entry(n % 10).unwrap().record(|numbers| numbers.count.inc());
    }
    note(inherited);
    let cut = collector.tick();
    cut.set(&set).count == 1000 && cut.family(&family).total().count == 1000 && !cut.is_stale()
}

#[test]
fn fork_outside_of_facts() {
    case("fork_outside_of_facts", || {
        let registry = Registry::new();
        let set = registry.set::<Numbers>("set").unwrap();
        let mut collector = registry.collector().unwrap();
        note(&set);
        let busy = Busy::start(&set);
        for _ in 0..5 {
            assert!(forked(|| count_in_child(&set)), "the child's numbers are wrong");
            let cut = collector.tick().set(&set);
            assert_eq!(cut.count, cut.again);
        }
        let count = busy.stop() + 1;
        collector.tick();
        assert_eq!(collector.tick().set(&set).count, count);
        std::process::exit(WELL);
    });
}

#[test]
fn fork_inside_a_fact() {
    case("fork_inside_a_fact", || {
        let registry = Registry::new();
        let set = registry.set::<Numbers>("set").unwrap();
        let mut collector = registry.collector().unwrap();
        let busy = Busy::start(&set);
        set.record(|numbers| {
            numbers.count.inc();
            assert!(forked(|| count_in_child(&set)), "the child's numbers are wrong");
            numbers.again.inc();
        });
        let count = busy.stop() + 1;
        collector.tick();
        let cut = collector.tick().set(&set);
        assert_eq!((cut.count, cut.again), (count, count));
        std::process::exit(WELL);
    });
}
