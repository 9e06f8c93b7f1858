//! `Debug` for the metrics: their names alone. The cells are one thread's part of what a snapshot
//! adds up, and say nothing by themselves.

use super::counter::{Counter, UpDownCounter};
use super::extremum::{Max, Min};
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::live::Live;
use super::timed::TimedLive;
use std::fmt;

macro_rules! name_alone {
    ($([$($generics:tt)*] $metric:ty, $name:literal;)*) => {
        $(impl<$($generics)*> fmt::Debug for $metric {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        })*
    };
}

name_alone! {
    [] Counter, "Counter";
    [] UpDownCounter, "UpDownCounter";
    [] Live, "Live";
    [] TimedLive, "TimedLive";
    [] Max, "Max";
    [] Min, "Min";
    [T] Gauge<T>, "Gauge";
    [V, const SCALE: u8] Histogram<V, SCALE>, "Histogram";
}
