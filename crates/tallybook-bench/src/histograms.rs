//! What recording a value of a spread costs, on more and more threads.

mod facts;
mod peers;
mod ticks;

use crate::fixtures::{One, SETS, each_count, plain_add};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table as Shown};
use crate::values::Table;
use anyhow::Result;
use crossbeam_utils::CachePadded;
use facts::Ours;
use peers::Peers;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tallybook::Registry;

const FLOOR: &str = "array of own cells";
const FACT: &str = "fact, histogram";
const DURATIONS: &str = "fact, histogram of durations";
const HDR: &str = "hdrhistogram, own";
const PEERS: [&str; 2] = ["prometheus", "prometheus-client"];

/// The values, as everybody wants them.
struct Values {
    nanos: Table<u64>,
    reals: Table<f64>,
    durations: Table<Duration>,
    paired: Table<u64>,
}

impl Values {
    fn new() -> Self {
        let nanos = Table::wide();
        let reals = Table::of(&nanos, |nanos| nanos as f64);
        let durations = Table::of(&nanos, Duration::from_nanos);
        Values { nanos, reals, durations, paired: Table::paired() }
    }
}

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let (ours, values) = (Ours::new(&registry)?, Values::new());
    let calls = registry.set::<One>("calls")?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let runs = each_count(|threads| {
        let (own, peers) = (own_cells(), Peers::new()?);
        let (own, values) = (&own, &values);
        let mut contenders = vec![contender(FLOOR, move |thread| {
            let cells = &*own[thread];
            move |i| {
                let value = values.nanos.at(i);
                plain_add(&black_box(cells)[octave_and_eighth(value)], 1);
            }
        })];
        contenders
            .push(contender("fact, counter alone", |_| |_| black_box(&calls).record(One::count)));
        contenders.extend(ours.contenders(values));
        contenders.extend(peers.contenders(values));
        Ok(compete(effort, threads, &contenders))
    })?;

    let mut report = Report::new(
        "Histograms",
        format!(
            "Values from 10 µs to 10 ms, each octave as likely as the next, from a table of 4,096 that all go round; \
             {SETS} entries see {} of them each. A collector ticks every 100 ms meanwhile. The floor adds to one of 512 \
             cells that only its thread writes: eight to an octave, found by a leading-zero count and a shift; it keeps no \
             sum and no extremes, and nobody could read it. In a small table 1 ms and 2 ms want the same cell, so the \
             table of a set that sees only these grows. Peers that ask for bounds have the same 24. The histograms of `metrics` are left out: `AtomicStorage` queues each value for an exporter instead \
             of counting it, and grows until one comes.",
            4096 / SETS
        ),
    );
    report.table(Shown::of_times("Recording a value", FLOOR, &runs));
    targets(&mut report, &runs);
    report.table(ticks::table(effort)?);
    Ok(report)
}

fn targets(report: &mut Report, runs: &[(usize, Times)]) {
    let ratio = runs[0].1.ratio(FACT, HDR);
    report.at_most("fact with a histogram, one thread, × hdrhistogram, own", ratio, 1.5, "×");
    for (threads, times) in runs {
        let what = format!("histogram of durations, threads: {threads}, × of integers");
        report.at_most(what, times.ratio(DURATIONS, FACT), 1.3, "×");
    }
    if let Some((_, two)) = runs.iter().find(|run| run.0 == 2) {
        for peer in PEERS {
            let what = format!("fact with a histogram, two threads, faster than {peer}");
            report.at_least(what, two.ratio(peer, FACT), 10.0, "×");
        }
    }
}

type Cells = CachePadded<[AtomicU64; 512]>;

fn own_cells() -> Vec<Cells> {
    (0..16).map(|_| CachePadded::new([const { AtomicU64::new(0) }; 512])).collect()
}

/// Eight cells to an octave.
#[inline(always)]
fn octave_and_eighth(value: u64) -> usize {
    let shift = value.leading_zeros() & 63;
    (63 - shift as usize) << 3 | (value << shift >> 60) as usize & 7
}
