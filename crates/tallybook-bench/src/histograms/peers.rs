//! Other libraries' histograms.

use super::{HDR, PEERS, Values};
use crate::measure::{Contender, contender};
use crate::peers::{OpenTelemetry, attribute};
use anyhow::Result;
use hdrhistogram::Histogram as Hdr;
use histogram::AtomicHistogram;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, Histogram as OtelHistogram};
use prometheus::HistogramOpts;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use std::hint::black_box;
use std::sync::Mutex;

/// The same bounds for all that want bounds: 24, from 8 µs to 18 ms.
fn bounds() -> Vec<f64> {
    (0..24).map(|n| 8_000.0 * 1.4_f64.powi(n)).collect()
}

/// Three digits of values up to an hour, in nanoseconds.
fn hdr() -> Result<Hdr<u64>> {
    Ok(Hdr::new_with_bounds(1, 3_600_000_000_000, 3)?)
}

/// What is recorded on.
pub struct Peers {
    /// One per thread, which has it locked for as long as it records.
    own: Vec<Mutex<Hdr<u64>>>,
    shared: Mutex<Hdr<u64>>,
    atomic: AtomicHistogram,
    prometheus: prometheus::Histogram,
    client: ClientHistogram,
    otel: OtelHistogram<u64>,
    bound: BoundHistogram<u64>,
    attributes: [KeyValue; 1],
    _provider: OpenTelemetry,
}

impl Peers {
    pub fn new() -> Result<Self> {
        let options = HistogramOpts::new("values", "Values.").buckets(bounds());
        let provider = OpenTelemetry::new();
        Ok(Peers {
            own: (0..16).map(|_| Ok(Mutex::new(hdr()?))).collect::<Result<_>>()?,
            shared: Mutex::new(hdr()?),
            // Eight buckets to an octave.
            atomic: AtomicHistogram::new(3, 64)?,
            prometheus: prometheus::Histogram::with_opts(options)?,
            client: ClientHistogram::new(bounds()),
            otel: provider.histogram("values", bounds()),
            bound: provider.histogram("bound", bounds()).bind(&[attribute()]),
            attributes: [attribute()],
            _provider: provider,
        })
    }

    pub fn contenders<'a>(&'a self, values: &'a Values) -> [Contender<'a>; 7] {
        let Values { nanos, reals, .. } = values;
        let Peers { own, shared, atomic, prometheus, client, otel, bound, attributes, .. } = self;
        [
            contender(HDR, move |thread| {
                let mut own = own[thread].lock().expect("no holder panics");
                move |i| {
                    let value = nanos.at(i);
                    black_box(&mut *own).record(value).expect("within the bounds");
                }
            }),
            contender("hdrhistogram, std Mutex", move |_| {
                move |i| {
                    let value = nanos.at(i);
                    let mut shared = black_box(shared).lock().expect("no holder panics");
                    shared.record(value).expect("within the bounds");
                }
            }),
            contender("histogram, AtomicHistogram", move |_| {
                move |i| black_box(atomic).increment(nanos.at(i)).expect("within the bounds")
            }),
            contender(PEERS[0], move |_| move |i| black_box(prometheus).observe(reals.at(i))),
            contender(PEERS[1], move |_| move |i| black_box(client).observe(reals.at(i))),
            contender("opentelemetry, bound", move |_| {
                move |i| black_box(bound).record(nanos.at(i))
            }),
            contender("opentelemetry", move |_| {
                move |i| black_box(otel).record(nanos.at(i), black_box(attributes))
            }),
        ]
    }
}
