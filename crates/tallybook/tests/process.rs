//! The process as a set.
#![cfg(feature = "process")]

use std::sync::Barrier;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use tallybook::{Registry, process};

/// On Linux all of it is known.
#[test]
#[cfg(target_os = "linux")]
fn the_numbers_are_those_of_this_process() {
    let registry = Registry::new();
    let process = process::observe(&registry).unwrap();
    assert_eq!(process.name(), process::NAME);
    let mut collector = registry.collector().unwrap();
    let before = collector.tick().set(&process);
    let meet = Barrier::new(9);
    let during = thread::scope(|scope| {
        let worker = || {
            meet.wait();
            meet.wait();
        };
        (0..8).for_each(|_| drop(scope.spawn(worker)));
        meet.wait();
        let files: Vec<_> =
            (0..10).map(|_| std::fs::File::open("/proc/self/status").unwrap()).collect();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let during = collector.tick().set(&process);
        drop((files, block));
        meet.wait();
        during
    });
    // Other tests of the same process may end or begin threads meanwhile; this is the only one.
    assert_eq!(during.threads.unwrap() - before.threads.unwrap(), 8);
    assert_eq!(during.open_files.unwrap() - before.open_files.unwrap(), 10);
    let grown = during.resident_memory.unwrap() - before.resident_memory.unwrap();
    assert!(grown > 60 << 20, "{grown}");
    assert!(during.virtual_memory.unwrap() >= during.resident_memory.unwrap());
    assert!(during.open_files_limit.unwrap() >= during.open_files.unwrap());
    assert!(during.cpu_time >= before.cpu_time);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let started = during.start_time.unwrap();
    assert!(started <= now + 2 && started > now - 24 * 3_600, "{started} {now}");
    assert_eq!(before.start_time, during.start_time);
    assert!(process::observe(&registry).is_err(), "it is there");

    // CPU time grows with work, and a window says how fast.
    let start = collector.tick();
    let mut latest = start.clone();
    let mut sum = 0_u64;
    while latest.set(&process).cpu_time < start.set(&process).cpu_time + 20 {
        (0..1_000_000).for_each(|n| sum = std::hint::black_box(sum.wrapping_add(n)));
        latest = collector.tick();
    }
    assert!(latest.since(&start).unwrap().set(&process).cpu_time >= 20);
    assert!(latest.since(&start).unwrap().rates(&process).cpu_time > 0.0);
}
