//! Entries at random, each thread in an order of its own.

use super::fields::Fields;
use super::{ATOMICS, ENTRY, Entries};
use crate::fixtures::any;
use crate::measure::{Contender, Effort, Times, compete, contender};
use crossbeam_utils::CachePadded;
use std::array;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

type Cells<const N: usize> = [AtomicU64; N];

/// What is compared with an entry.
struct Beside<const N: usize> {
    packed: Vec<Cells<N>>,
    padded: Vec<CachePadded<Cells<N>>>,
    behind: Vec<Arc<Cells<N>>>,
    /// For each thread.
    own: Vec<Vec<Cells<N>>>,
}

pub fn times<const N: usize, S: Fields<N>>(
    effort: Effort,
    threads: usize,
    entries: &Entries<S>,
) -> Times {
    let keys = 0..entries.len();
    let beside = Beside {
        packed: keys.clone().map(|_| cells()).collect(),
        padded: keys.clone().map(|_| CachePadded::new(cells())).collect(),
        behind: keys.clone().map(|_| Arc::new(cells())).collect(),
        own: (0..threads).map(|_| keys.clone().map(|_| cells()).collect()).collect(),
    };
    compete(effort, threads, &contenders(entries, &beside))
}

fn cells<const N: usize>() -> Cells<N> {
    array::from_fn(|_| AtomicU64::new(0))
}

fn contenders<'a, const N: usize, S: Fields<N>>(
    entries: &'a Entries<S>,
    beside: &'a Beside<N>,
) -> [Contender<'a>; 5] {
    let keys = entries.len();
    let at = move |thread: usize, i: u64| any(i + ((thread as u64) << 40), keys);
    let Beside { packed, padded, behind, own } = beside;
    [
        contender(ATOMICS, move |thread| move |i| S::add(&black_box(packed)[at(thread, i)], i)),
        contender("shared atomics, 128 bytes for each key", move |thread| {
            move |i| S::add(&black_box(padded)[at(thread, i)], i)
        }),
        contender("shared atomics, an Arc for each key", move |thread| {
            move |i| S::add(&black_box(behind)[at(thread, i)], i)
        }),
        contender(ENTRY, move |thread| {
            move |i| black_box(entries)[at(thread, i)].record(|cells| cells.count(i))
        }),
        contender("plain adds, cells per thread and key", move |thread| {
            let own = &own[thread];
            move |i| S::plain_add(&black_box(own)[at(thread, i)], i)
        }),
    ]
}
