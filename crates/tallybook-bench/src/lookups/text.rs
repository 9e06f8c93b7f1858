//! Keys that are strings.

use super::{CLIENT, DASHMAP, HELD, Held, OTEL, PROMETHEUS};
use crate::fixtures::{One, any};
use crate::measure::{Effort, Times, compete, contender};
use crate::peers::OpenTelemetry;
use anyhow::Result;
use dashmap::DashMap;
use opentelemetry::KeyValue;
use prometheus::{IntCounterVec, Opts};
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub fn times(effort: Effort, threads: usize, held: &Held<String>) -> Result<Times> {
    let Held { family, keys, entries } = held;
    let prometheus = IntCounterVec::new(Opts::new("calls", "Calls."), &["addr"])?;
    let client = Family::<String, Counter>::default();
    let map: DashMap<String, AtomicU64> = DashMap::new();
    let (provider, mut attributes) = (OpenTelemetry::new(), Vec::new());
    let otel = provider.counter("calls");
    for key in keys {
        prometheus.with_label_values(&[key]).inc();
        client.get_or_create(key).inc();
        map.insert(key.clone(), AtomicU64::new(1));
        attributes.push([KeyValue::new("addr", key.clone())]);
        otel.add(1, &attributes[attributes.len() - 1]);
    }
    let (prometheus, client, map) = (&prometheus, &client, &map);
    let (otel, attributes) = (&otel, &*attributes);
    let at = move |thread: usize, i: u64| any(i + ((thread as u64) << 40), keys.len());
    let key = move |thread, i| black_box(keys)[at(thread, i)].as_str();
    let contenders = [
        contender(HELD, move |t| move |i| black_box(entries)[at(t, i)].record(One::count)),
        contender("family.entry(String), record", move |t| {
            move |i| {
                let entry = black_box(family).entry(key(t, i).to_string());
                entry.expect("there is no limit").record(One::count);
            }
        }),
        contender(PROMETHEUS, move |t| {
            move |i| black_box(prometheus).with_label_values(&[key(t, i)]).inc()
        }),
        contender(CLIENT, move |t| {
            move |i| {
                black_box(client).get_or_create(&black_box(keys)[at(t, i)]).inc();
            }
        }),
        contender(OTEL, move |t| move |i| black_box(otel).add(1, &black_box(attributes)[at(t, i)])),
        contender(DASHMAP, move |t| {
            move |i| {
                let found = black_box(map).get(key(t, i)).expect("no key leaves");
                found.fetch_add(1, Relaxed);
            }
        }),
    ];
    Ok(compete(effort, threads, &contenders))
}
