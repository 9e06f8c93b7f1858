//! One run: threads that make keys and let them go, and what is in memory meanwhile.

use super::kinds::{How, Kind};
use super::text::Text;
use crate::fixtures::One;
use crate::measure::waited_for_core;
use crate::{ALLOCATED, cpu};
use anyhow::Result;
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tallybook::Registry;

/// What a run came to.
pub struct Ran {
    /// Nanoseconds per key and thread, without waiting for a core.
    pub ns: f64,
    /// CPU time per key, of all threads.
    pub cpu_ns: f64,
    pub keys: f64,
    /// Keys between two ticks, on average.
    pub between: f64,
    /// The most keys of the family that were in memory.
    pub alive: f64,
    /// The most bytes that were allocated and not freed.
    pub bytes: f64,
}

pub fn run(kind: &Kind, threads: usize, length: Duration) -> Result<Ran> {
    match kind.how {
        How::Text => Ok(drive(threads, length, |key| {
            black_box(key);
        })),
        How::Prometheus => {
            let calls = IntCounterVec::new(Opts::new("calls", "Calls."), &["addr"])?;
            Ok(drive(threads, length, |key| {
                calls.with_label_values(&[key]).inc();
                calls.remove_label_values(&[key]).expect("it is there");
            }))
        }
        How::Client => {
            let calls = Family::<String, Counter>::default();
            Ok(drive(threads, length, |key| {
                let key = key.to_string();
                calls.get_or_create(&key).inc();
                assert!(calls.remove(&key));
            }))
        }
        How::Family { step, tick, windows } => {
            let builder = Registry::builder();
            let builder = if windows { builder } else { builder.windows([]).averages([]) };
            let registry = builder.build();
            let family = registry.family::<Text, One>("peer", "addr")?;
            let (stats, reader) = (registry.collector_stats(), registry.reader());
            let collecting = registry.collect_every(tick)?;
            let mut ran = drive(threads, length, |key| step(&family, key));
            ran.between = ran.keys / reader.latest().set(&stats).ticks.max(1) as f64;
            collecting.stop()?;
            Ok(ran)
        }
    }
}

/// Makes keys on so many threads for so long, and looks at what is in memory each millisecond.
fn drive(threads: usize, length: Duration, step: impl Fn(&str) + Sync) -> Ran {
    let (before, cpu, stop) = (ALLOCATED.allocated(), cpu::of_process(), AtomicBool::new(false));
    let (mut most_alive, mut most_bytes) = (0, 0);
    let (count, took) = std::thread::scope(|scope| {
        let make = |thread| {
            let (step, stop) = (&step, &stop);
            scope.spawn(move || make_keys(thread, step, stop))
        };
        let making: Vec<_> = (0..threads).map(make).collect();
        let started = Instant::now();
        while started.elapsed() < length {
            most_bytes = most_bytes.max(ALLOCATED.allocated().saturating_sub(before));
            most_alive = most_alive.max(Text::alive());
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Relaxed);
        let made = making.into_iter().map(|thread| thread.join().expect("no step panics"));
        made.fold((0, Duration::ZERO), |all, one| (all.0 + one.0, all.1 + one.1))
    });
    let keys = count as f64;
    Ran {
        ns: took.as_nanos() as f64 / keys,
        cpu_ns: (cpu::of_process() - cpu).as_nanos() as f64 / keys,
        keys,
        between: 1.0,
        alive: most_alive as f64,
        bytes: most_bytes as f64,
    }
}

/// Until it is told to stop: how many, and the time that took.
fn make_keys(thread: usize, step: &impl Fn(&str), stop: &AtomicBool) -> (u64, Duration) {
    let (waited, started) = (waited_for_core(), Instant::now());
    let mut key = String::with_capacity(32);
    let mut made = 0;
    while !stop.load(Relaxed) {
        for _ in 0..64 {
            key.clear();
            write!(key, "{thread:04}:{made:015}").expect("a string takes all");
            step(&key);
            made += 1;
        }
    }
    (made, started.elapsed().saturating_sub(waited_for_core() - waited))
}
