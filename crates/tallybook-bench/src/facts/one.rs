//! Facts of one field.

use super::{FACT, FETCH_ADD, PLAIN};
use crate::fixtures::{One, Own, SETS, add, plain_add};
use crate::measure::{Effort, Times, compete, contender};
use crate::peers::{Metrics, OpenTelemetry, attribute};
use anyhow::Result;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use tallybook::Set;

/// Everybody counts in one and the same metric.
pub fn same_cell(effort: Effort, threads: usize, set: &Set<One>) -> Result<Times> {
    let own = Own::<1>::new();
    let shared = AtomicU64::new(0);
    let (locked, parked) = (Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
    let metrics = Metrics::new().counter("calls", None);
    let prometheus = prometheus::IntCounter::new("calls", "Calls.")?;
    let client = prometheus_client::metrics::counter::Counter::<u64>::default();
    let measured = measured::Counter::new();
    let provider = OpenTelemetry::new();
    let (otel, bound, attributes) =
        (provider.counter("calls"), provider.bound("bound"), [attribute()]);
    // References, moved into each operation, so that all contenders reach what they count in by one
    // pointer.
    let (shared, locked, parked, metrics, prometheus) =
        (&shared, &locked, &parked, &metrics, &prometheus);
    let (client, measured, otel, bound, attributes) =
        (&client, &measured, &otel, &bound, &attributes);
    let contenders = [
        contender(PLAIN, |thread| {
            let cell = &own.of(thread)[3][0];
            move |_| plain_add(black_box(cell), 1)
        }),
        contender(FACT, move |_| move |_| black_box(set).record(One::count)),
        contender(FETCH_ADD, move |_| move |_| add(black_box(shared))),
        contender("fetch_add, a cell per thread", |thread| {
            let cell = &own.of(thread)[5][0];
            move |_| add(black_box(cell))
        }),
        contender("std Mutex", move |_| {
            move |_| *black_box(locked).lock().expect("no holder panics") += 1
        }),
        contender("parking_lot Mutex", move |_| move |_| *black_box(parked).lock() += 1),
        contender("prometheus", move |_| move |_| black_box(prometheus).inc()),
        contender("prometheus-client", move |_| {
            move |_| {
                black_box(client).inc();
            }
        }),
        contender("measured", move |_| move |_| black_box(measured).inc()),
        contender("metrics handle", move |_| move |_| black_box(metrics).increment(1)),
        contender("opentelemetry, bound", move |_| move |_| black_box(bound).add(1)),
        contender("opentelemetry", move |_| move |_| black_box(otel).add(1, black_box(attributes))),
    ];
    Ok(compete(effort, threads, &contenders))
}

/// Each goes round as many metrics.
pub fn in_turn(effort: Effort, threads: usize, sets: &[Set<One>]) -> Times {
    let own = Own::<1>::new();
    let shared = Own::<1>::new();
    let prometheus: Vec<_> = (0..SETS)
        .map(|i| prometheus::IntCounter::new(format!("calls_{i}"), "Calls.").expect("valid"))
        .collect();
    let (shared, prometheus) = (shared.of(0), &*prometheus);
    let contenders = [
        contender(PLAIN, |thread| {
            let cells = own.of(thread);
            move |i| plain_add(&black_box(cells)[i as usize % SETS][0], 1)
        }),
        contender(FACT, move |_| move |i| black_box(sets)[i as usize % SETS].record(One::count)),
        contender(FETCH_ADD, move |_| move |i| add(&black_box(shared)[i as usize % SETS][0])),
        contender("prometheus", move |_| move |i| black_box(prometheus)[i as usize % SETS].inc()),
    ];
    compete(effort, threads, &contenders)
}
