//! Sets of so many counters, and atomics that count the same.

use crate::fixtures::{One, Three, add, add_three, plain_add};
use std::sync::atomic::AtomicU64;
use tallybook::Stats;

pub trait Fields<const N: usize>: Stats {
    fn count(&self, i: u64);

    /// The same on atomics that all threads share.
    fn add(cells: &[AtomicU64; N], i: u64);

    /// The same on cells that only this thread writes.
    fn plain_add(cells: &[AtomicU64; N], i: u64);
}

impl Fields<1> for One {
    #[inline(always)]
    fn count(&self, _: u64) {
        One::count(self);
    }
    #[inline(always)]
    fn add([calls]: &[AtomicU64; 1], _: u64) {
        add(calls);
    }
    #[inline(always)]
    fn plain_add([calls]: &[AtomicU64; 1], _: u64) {
        plain_add(calls, 1);
    }
}

impl Fields<3> for Three {
    #[inline(always)]
    fn count(&self, i: u64) {
        Three::count(self, i);
    }
    #[inline(always)]
    fn add(cells: &[AtomicU64; 3], i: u64) {
        add_three(cells, i);
    }
    #[inline(always)]
    fn plain_add([calls, bytes, steps]: &[AtomicU64; 3], i: u64) {
        plain_add(calls, 1);
        plain_add(bytes, i);
        plain_add(steps, 7);
    }
}
