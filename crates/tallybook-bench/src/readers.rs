//! What reading the latest snapshot costs.

use crate::fixtures::{One, each_count, sets};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table};
use anyhow::Result;
use arc_swap::ArcSwap;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Acquire};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tallybook::Registry;

const POINTER: &str = "pointer load";
const CACHED: &str = "cached reader";
const GUARD: &str = "reader.load";
const SWAP: &str = "arc-swap load";

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let sets = sets::<One>(&registry, "one")?;
    let _collecting = registry.collect_every(Duration::from_millis(20))?;
    sets[0].record(One::count);
    let runs = each_count(|threads| Ok(latest(effort, threads, &registry)))?;

    let mut report = Report::new("Readers", "A new snapshot of 64 sets appears every 20 ms.");
    report.table(Table::of_times("The latest snapshot", POINTER, &runs));
    for (threads, times) in &runs {
        let what = format!("{CACHED}, threads: {threads}, × {POINTER}");
        report.at_most(what, times.ratio(CACHED, POINTER), 2.0, "×");
        let what = format!("{GUARD}, threads: {threads}, × {SWAP}");
        report.at_most(what, times.ratio(GUARD, SWAP), 1.1, "×");
    }
    Ok(report)
}

fn latest(effort: Effort, threads: usize, registry: &Registry) -> Times {
    let reader = &registry.reader();
    let snapshot = reader.latest();
    let pointer = &AtomicPtr::new(Arc::as_ptr(&snapshot).cast_mut());
    let swap = &ArcSwap::new(snapshot.clone());
    let locked = &Mutex::new(snapshot.clone());
    let contenders = [
        contender(POINTER, move |_| {
            move |_| {
                black_box(black_box(pointer).load(Acquire));
            }
        }),
        contender(CACHED, move |_| {
            let mut cached = reader.cached();
            move |_| {
                black_box(ptr::from_ref(&**black_box(&mut cached).latest()));
            }
        }),
        contender(GUARD, move |_| {
            move |_| {
                black_box(ptr::from_ref(&*black_box(reader).load()));
            }
        }),
        contender(SWAP, move |_| {
            move |_| {
                black_box(&**black_box(swap).load());
            }
        }),
        contender("arc-swap load_full", move |_| {
            move |_| {
                black_box(black_box(swap).load_full());
            }
        }),
        contender("reader.latest", move |_| {
            move |_| {
                black_box(black_box(reader).latest());
            }
        }),
        contender("std Mutex, clone", move |_| {
            move |_| {
                black_box(black_box(locked).lock().expect("no holder panics").clone());
            }
        }),
    ];
    compete(effort, threads, &contenders)
}
