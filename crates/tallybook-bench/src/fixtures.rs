//! What the questions share: the sets that are recorded on and the cells they are measured against.

use crate::measure::{Times, thread_counts};
use anyhow::Result;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tallybook::{Counter, Registry, Set, Stats};

/// How many sets the rotating facts go round.
pub const SETS: usize = 64;

#[derive(Stats)]
pub struct One {
    /// Calls.
    calls: Counter,
}

impl One {
    pub fn count(&self) {
        self.calls.inc();
    }
}

#[derive(Stats)]
pub struct Three {
    /// Calls.
    calls: Counter,
    /// Bytes.
    bytes: Counter,
    /// Steps.
    steps: Counter,
}

impl Three {
    #[inline(always)]
    pub fn count(&self, i: u64) {
        self.calls.inc();
        self.bytes.add(i);
        self.steps.add(7);
    }
}

/// Cells that one thread has to itself, spaced as the cells of sets are.
pub struct Own<const FIELDS: usize>(Vec<Vec<CachePadded<[AtomicU64; FIELDS]>>>);

impl<const FIELDS: usize> Own<FIELDS> {
    pub fn new() -> Self {
        let cell = |_| CachePadded::new([const { AtomicU64::new(0) }; FIELDS]);
        Own((0..16).map(|_| (0..SETS).map(cell).collect()).collect())
    }

    pub fn of(&self, thread: usize) -> &[CachePadded<[AtomicU64; FIELDS]>] {
        &self.0[thread]
    }
}

pub fn sets<S: Stats>(registry: &Registry, name: &str) -> Result<Vec<Set<S>>> {
    so_many_sets(registry, name, SETS)
}

pub fn so_many_sets<S: Stats>(
    registry: &Registry,
    name: &str,
    count: usize,
) -> Result<Vec<Set<S>>> {
    (0..count).map(|i| Ok(registry.set::<S>(&format!("{name}_{i}"))?)).collect()
}

/// Runs at each number of threads.
pub fn each_count(run: impl Fn(usize) -> Result<Times>) -> Result<Vec<(usize, Times)>> {
    thread_counts().into_iter().map(|threads| Ok((threads, run(threads)?))).collect()
}

/// A number below `limit`, at random, from the number of a step.
#[inline(always)]
pub fn any(i: u64, limit: usize) -> usize {
    let mixed = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (((mixed >> 32) * limit as u64) >> 32) as usize
}

/// Three shared atomics.
#[inline(always)]
pub fn add_three(cells: &[AtomicU64; 3], i: u64) {
    cells[0].fetch_add(1, Relaxed);
    cells[1].fetch_add(i, Relaxed);
    cells[2].fetch_add(7, Relaxed);
}

/// The floor: a plain add to a cell that only this thread writes.
#[inline(always)]
pub fn plain_add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
}

/// A shared atomic.
#[inline(always)]
pub fn add(cell: &AtomicU64) {
    cell.fetch_add(1, Relaxed);
}
