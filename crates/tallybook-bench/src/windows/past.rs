//! The registries that are ticked beside each other, and what each has allocated.

use super::INTERVAL;
use crate::ALLOCATED;
use crate::memory::Eight;
use crate::values::Table;
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tallybook::collector::CollectorStatsSnapshot;
use tallybook::{Collector, Counter, Entry, Family, Histogram, ManualClock, Registry, Set, Stats};

/// How much of the past is kept.
#[derive(Clone, Copy, PartialEq)]
pub enum How {
    None,
    Default,
    /// The default, and averages for each entry.
    Averages,
}

/// A registry, its clock, and all that it has allocated and not freed.
pub struct Past {
    pub name: &'static str,
    pub bytes: isize,
    pub registry: Registry,
    clock: Arc<ManualClock>,
    collector: Collector,
}

impl Past {
    fn new(name: &'static str, how: How) -> Result<Self> {
        let clock = Arc::new(ManualClock::new());
        let builder = Registry::builder().clock(clock.clone());
        let builder = if how == How::None { builder.windows([]).averages([]) } else { builder };
        let registry = builder.build();
        let collector = registry.collector()?;
        Ok(Past { name, bytes: 0, registry, clock, collector })
    }

    /// What the collector says of itself.
    pub fn says(&self) -> CollectorStatsSnapshot {
        self.registry.reader().latest().set(&self.registry.collector_stats())
    }

    /// Nanoseconds of the next tick.
    fn tick(&mut self) -> f64 {
        self.clock.advance(INTERVAL);
        let started = Instant::now();
        self.collector.tick();
        started.elapsed().as_nanos() as f64
    }
}

/// A family, and all of its entries.
pub struct Entries {
    past: Past,
    pub family: Family<u64, Eight>,
    entries: Vec<Entry<u64, Eight>>,
}

impl Entries {
    pub fn new(name: &'static str, how: How, keys: usize) -> Result<Self> {
        let before = ALLOCATED.allocated();
        let mut past = Past::new(name, how)?;
        let builder = past.registry.family_builder("peer", "key");
        let builder = if how == How::Averages { builder.averages() } else { builder };
        let family: Family<u64, Eight> = builder.register()?;
        let mut entries = Vec::with_capacity(keys);
        for key in 0..keys as u64 {
            let entry = family.entry(key)?;
            // So that no key's first row is written while ticks are timed.
            entry.record(Eight::count);
            entries.push(entry);
        }
        past.tick();
        past.bytes = since(before);
        Ok(Entries { past, family, entries })
    }

    pub fn tick(&mut self, picked: &[usize]) -> f64 {
        let before = ALLOCATED.allocated();
        picked.iter().for_each(|at| self.entries[*at].record(Eight::count));
        let took = self.past.tick();
        self.past.bytes += since(before);
        took
    }
}

impl AsRef<Past> for Entries {
    fn as_ref(&self) -> &Past {
        &self.past
    }
}

#[derive(Stats)]
pub struct Requests {
    a: Counter,
    b: Counter,
    c: Counter,
    d: Counter,
    pub took: Histogram<Duration>,
}

/// A single set.
pub struct Sets {
    past: Past,
    pub set: Set<Requests>,
}

impl Sets {
    pub fn new(name: &'static str, how: How) -> Result<Self> {
        let before = ALLOCATED.allocated();
        let mut past = Past::new(name, how)?;
        let set = past.registry.set("requests")?;
        past.bytes = since(before);
        Ok(Sets { past, set })
    }

    pub fn tick(&mut self, tick: u64, latencies: &Table<u64>) -> f64 {
        let before = ALLOCATED.allocated();
        for i in 0..1_000 {
            let took = Duration::from_nanos(latencies.at(tick * 1_000 + i));
            self.set.record(|requests| {
                let Requests { a, b, c, d, took: latency } = requests;
                [a, b, c, d].into_iter().for_each(Counter::inc);
                latency.record(took);
            });
        }
        let took = self.past.tick();
        self.past.bytes += since(before);
        took
    }
}

impl AsRef<Past> for Sets {
    fn as_ref(&self) -> &Past {
        &self.past
    }
}

/// What has been allocated since, less what has been freed.
fn since(before: usize) -> isize {
    ALLOCATED.allocated().wrapping_sub(before) as isize
}
