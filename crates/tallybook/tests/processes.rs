//! Processes that end inside a fact, and processes that fork.
//!
//! Each case runs in a process of its own: the test starts its own program again with `TALLYBOOK_PROCESS_CASE`.
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

/// What a process ends with if all went well.
const WELL: i32 = 7;

/// Runs a case in a process of its own, which has to end with [`WELL`].
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

/// Threads that record until they are told to stop, and answer how often they did. They have begun when this returns.
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
        // May get the shard of the thread that is still inside of its fact.
        let mine = set.clone();
        thread::spawn(move || note(&mine)).join().unwrap();
        let mut collector = registry.collector().unwrap();
        let cuts = [collector.tick(), collector.tick()];
        let is_whole = cuts.iter().all(|cut| cut.set(set).count == cut.set(set).again);
        // One fact was over before the first tick. The fact that never ends may hold up every cut, but none is fresh and
        // lacks what was over.
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
        // Before this thread's first fact: what is registered first is dropped last.
        LATE.set(Some(Late(registry.clone(), set.clone())));
        set.record(|_| std::process::exit(WELL));
    });
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

/// Runs `child` in a fork of this process, which has one thread, and answers whether it answered `true`.
fn forked(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls nothing that another thread of the parent may have locked: the system's allocator is made for
    // this, and of the library it uses what is its own.
    let pid = unsafe { fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: it takes any number. No destructors: these threads are not here.
        unsafe { _exit(if is_well.unwrap_or(false) { WELL } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the pointer is to a local.
    let waited = unsafe { waitpid(pid, &raw mut status, 0) };
    // The process ended by itself, with that code.
    waited == pid && status == WELL << 8
}

/// What a child does: a registry of its own counts, with what it inherits lying around.
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
