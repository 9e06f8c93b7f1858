//! What the histograms of a family cost the collector.

use crate::measure::{Effort, median};
use crate::report::{Table, digits};
use crate::values;
use anyhow::Result;
use std::time::{Duration, Instant};
use tallybook::{Collector, Counter, Entry, Histogram, Registry, Stats};

#[derive(Stats)]
struct Calls {
    /// Calls.
    calls: Counter,
}

#[derive(Stats)]
struct Waits {
    /// How long it took.
    took: Histogram<Duration>,
}

/// How many values a key has before what is measured.
const BEFORE: u64 = 1_000;

pub fn table(effort: Effort) -> Result<Table> {
    let keys = if effort.quick { 1_000 } else { 10_000 };
    let title = format!(
        "Ticks of a family of {keys} keys with {BEFORE} latencies each: ns for each touched key"
    );
    let mut table = Table::new(title, ["", "all keys touched", "one in a hundred"]);
    let latencies = &values::Table::latencies();
    let record = |waits: &Waits, i| waits.took.record(Duration::from_nanos(latencies.at(i)));
    let mut calls = Population::new(keys, |calls: &Calls, _| calls.calls.inc())?;
    table.row(row("a counter", effort, &mut calls, 1));
    let mut waits = Population::new(keys, record)?;
    for i in 0..BEFORE {
        waits.touch(1, 1, i);
        // A cache line sees a few values between two ticks.
        if i % 10 == 9 {
            waits.collector.tick();
        }
    }
    table.row(row("a histogram, one value", effort, &mut waits, 1));
    table.row(row("a histogram, ten values", effort, &mut waits, 10));
    Ok(table)
}

fn row<S: Stats, R: Fn(&S, u64)>(
    name: &str,
    effort: Effort,
    population: &mut Population<S, R>,
    of_each: u64,
) -> [String; 3] {
    let mut each = |step| digits(population.each(effort, step, of_each), 0);
    [name.into(), each(1), each(100)]
}

struct Population<S: Stats, R> {
    entries: Vec<Entry<u64, S>>,
    collector: Collector,
    record: R,
}

impl<S: Stats, R: Fn(&S, u64)> Population<S, R> {
    fn new(keys: usize, record: R) -> Result<Self> {
        let registry = Registry::builder().windows([]).averages([]).build();
        let family = registry.family::<u64, S>("peer", "key")?;
        let collector = registry.collector()?;
        let entries = (0..keys as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
        Ok(Population { entries, collector, record })
    }

    /// Records on every entry of so many, and answers on how many it was.
    fn touch(&self, step: usize, of_each: u64, round: u64) -> usize {
        let touched = self.entries.iter().enumerate().skip(round as usize % step).step_by(step);
        let mut count = 0;
        for (key, entry) in touched {
            let first = round * 7 + key as u64 * 61;
            (0..of_each).for_each(|i| entry.record(|set| (self.record)(set, first + i)));
            count += 1;
        }
        count
    }

    /// Nanoseconds of a tick for each key that was touched before it.
    fn each(&mut self, effort: Effort, step: usize, of_each: u64) -> f64 {
        let rounds = 0..effort.rounds as u64 * 5;
        median(rounds.map(|round| {
            let touched = self.touch(step, of_each, round);
            let started = Instant::now();
            self.collector.tick();
            started.elapsed().as_nanos() as f64 / touched as f64
        }))
    }
}
