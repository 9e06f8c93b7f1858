//! Facts with a histogram.

use super::{DURATIONS, FACT, Values};
use crate::fixtures::SETS;
use crate::measure::{Contender, contender};
use anyhow::Result;
use std::hint::black_box;
use std::time::Duration;
use tallybook::{Counter, Entry, Histogram, Registry, Set, Stats};

#[derive(Stats)]
struct Spread {
    /// Values.
    values: Histogram,
}

#[derive(Stats)]
struct Waits {
    /// Values.
    values: Histogram<Duration>,
}

#[derive(Stats)]
struct Counted {
    /// Values.
    values: Histogram,
    /// Calls.
    calls: Counter,
}

#[derive(Stats)]
struct Fine {
    /// Values.
    values: Histogram<u64, 5>,
}

/// What is recorded on.
pub struct Ours {
    spread: Set<Spread>,
    paired: Set<Spread>,
    waits: Set<Waits>,
    counted: Set<Counted>,
    fine: Set<Fine>,
    entries: Vec<Entry<u64, Spread>>,
}

impl Ours {
    pub fn new(registry: &Registry) -> Result<Self> {
        let family = registry.family::<u64, Spread>("peer", "key")?;
        Ok(Ours {
            spread: registry.set("spread")?,
            paired: registry.set("paired")?,
            waits: registry.set("waits")?,
            counted: registry.set("counted")?,
            fine: registry.set("fine")?,
            entries: (0..SETS as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?,
        })
    }

    pub fn contenders<'a>(&'a self, values: &'a Values) -> [Contender<'a>; 7] {
        let Values { nanos, durations, .. } = values;
        let Ours { spread, paired, waits, counted, fine, entries } = self;
        [
            contender(FACT, move |_| {
                move |i| {
                    let value = nanos.at(i);
                    black_box(spread).record(|spread| spread.values.record(value));
                }
            }),
            contender("fact, histogram, only 1 ms and 2 ms", move |_| {
                move |i| {
                    let value = values.paired.at(i);
                    black_box(paired).record(|spread| spread.values.record(value));
                }
            }),
            contender(DURATIONS, move |_| {
                move |i| {
                    let value = durations.at(i);
                    black_box(waits).record(|waits| waits.values.record(value));
                }
            }),
            contender("fact, histogram and counter", move |_| {
                move |i| {
                    let value = nanos.at(i);
                    black_box(counted).record(|counted| {
                        counted.values.record(value);
                        counted.calls.inc();
                    });
                }
            }),
            contender("fact, histogram of scale 5", move |_| {
                move |i| {
                    let value = nanos.at(i);
                    black_box(fine).record(|fine| fine.values.record(value));
                }
            }),
            contender("entry, one key", move |_| {
                move |i| {
                    let value = nanos.at(i);
                    black_box(&entries[3]).record(|spread| spread.values.record(value));
                }
            }),
            contender("entry, 64 in turn", move |_| {
                move |i| {
                    let value = nanos.at(i);
                    black_box(entries)[i as usize % SETS]
                        .record(|spread| spread.values.record(value));
                }
            }),
        ]
    }
}
