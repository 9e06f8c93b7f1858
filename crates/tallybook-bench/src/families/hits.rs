//! One entry, and few of them, beside as many sets.

use super::Entries;
use super::fields::Fields;
use crate::fixtures::SETS;
use crate::measure::{Effort, Times, compete, contender};
use std::hint::black_box;
use tallybook::Set;

pub fn times<const N: usize, S: Fields<N>>(
    effort: Effort,
    threads: usize,
    sets: &[Set<S>],
    entries: &Entries<S>,
) -> Times {
    let (set, entry) = (&sets[3], &entries[3]);
    let few = &entries[..SETS];
    let contenders = [
        contender("set, same", move |_| move |i| black_box(set).record(|cells| cells.count(i))),
        contender("entry, one key", move |_| {
            move |i| black_box(entry).record(|cells| cells.count(i))
        }),
        contender("set, 64 in turn", move |_| {
            move |i| black_box(sets)[i as usize % SETS].record(|cells| cells.count(i))
        }),
        contender("entry, 64 in turn", move |_| {
            move |i| black_box(few)[i as usize % SETS].record(|cells| cells.count(i))
        }),
    ];
    compete(effort, threads, &contenders)
}
