//! Keys that are numbers.

use super::{CLIENT, DASHMAP, HELD, Held, OTEL};
use crate::fixtures::{One, any};
use crate::measure::{Effort, Times, compete, contender};
use crate::peers::OpenTelemetry;
use anyhow::Result;
use dashmap::DashMap;
use opentelemetry::KeyValue;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub fn times(effort: Effort, threads: usize, held: &Held<u64>) -> Result<Times> {
    let Held { family, keys, entries } = held;
    let client = Family::<u64, Counter>::default();
    let map: DashMap<u64, AtomicU64> = DashMap::new();
    let (provider, mut attributes) = (OpenTelemetry::new(), Vec::new());
    let otel = provider.counter("calls");
    for key in keys {
        client.get_or_create(key).inc();
        map.insert(*key, AtomicU64::new(1));
        attributes.push([KeyValue::new("key", key.cast_signed())]);
        otel.add(1, &attributes[attributes.len() - 1]);
    }
    let (client, map, otel, attributes) = (&client, &map, &otel, &*attributes);
    let at = move |thread: usize, i: u64| any(i + ((thread as u64) << 40), keys.len());
    let key = move |thread, i| &black_box(keys)[at(thread, i)];
    let contenders = [
        contender(HELD, move |t| move |i| black_box(entries)[at(t, i)].record(One::count)),
        contender("family.entry(u64), record", move |t| {
            move |i| {
                let entry = black_box(family).entry(*key(t, i));
                entry.expect("there is no limit").record(One::count);
            }
        }),
        contender(CLIENT, move |t| {
            move |i| {
                black_box(client).get_or_create(key(t, i)).inc();
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
