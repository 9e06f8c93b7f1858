//! All that the derives generate, and all metrics, are `Debug`.
#![deny(warnings, missing_debug_implementations)]

use std::time::Duration;
use tallybook::{
    Counter, Event, Gauge, Histogram, Label, Live, Max, Min, PerLabel, Stats, TimedLive,
    UpDownCounter,
};

#[derive(Debug, Stats)]
pub struct All {
    pub counter: Counter,
    pub up_down: UpDownCounter,
    pub gauge: Gauge,
    pub level: Gauge<f64>,
    pub max: Max,
    pub min: Min,
    pub sizes: Histogram,
    pub times: Histogram<Duration, 5>,
    pub live: Live,
    pub timed: TimedLive,
    pub nested: PerLabel<Way, Nested>,
    #[stats(flatten)]
    pub flat: Flat,
}

#[derive(Debug, Stats)]
pub struct Nested {
    pub waits: PerLabel<Way, Histogram<Duration>>,
}

#[derive(Debug, Stats)]
pub struct Flat {
    pub hits: Counter,
}

#[derive(Clone, Copy, Debug, Label)]
pub enum Way {
    In,
    Out,
}

#[derive(Debug, Event)]
pub enum Happening {
    Begun,
    Ended { way: Way },
}

fn main() {
    let text = format!("{:?} {:?}", AllSnapshot::default(), AllRates::default());
    assert!(text.contains("hits: 0"), "{text}");
    println!("{:?} {:?}", Happening::Begun, Happening::Ended { way: Way::Out });
}
