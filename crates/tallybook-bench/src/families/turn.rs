//! Entries on which all threads record, one after the other.

use super::fields::Fields;
use super::{ATOMICS, ENTRY, Entries, KEYS};
use crate::measure::{Effort, Times, compete, contender};
use std::array;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;

/// The threads follow each other round all keys, as far apart as they can be.
pub fn times<const N: usize, S: Fields<N>>(
    effort: Effort,
    threads: usize,
    entries: &Entries<S>,
) -> Times {
    let cells = |_| array::from_fn(|_| AtomicU64::new(0));
    let shared: &Vec<[AtomicU64; N]> = &(0..KEYS).map(cells).collect();
    let at = move |thread: usize, i: u64| {
        (i as usize + thread * KEYS / threads).wrapping_mul(7919) % KEYS
    };
    let contenders = [
        contender(ATOMICS, move |thread| move |i| S::add(&black_box(shared)[at(thread, i)], i)),
        contender(ENTRY, move |thread| {
            move |i| black_box(entries)[at(thread, i)].record(|cells| cells.count(i))
        }),
    ];
    compete(effort, threads, &contenders)
}
