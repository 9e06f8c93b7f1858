//! Facts of three fields.

use super::THREE_ATOMICS;
use crate::fixtures::{One, Own, SETS, Three, add_three, plain_add};
use crate::measure::{Contender, Effort, Times, compete, contender};
use crate::peers::Metrics;
use anyhow::Result;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use tallybook::Set;

/// One and three fields, the same and in turn, and what else counts three.
pub fn three_fields(
    effort: Effort,
    threads: usize,
    ones: &[Set<One>],
    threes: &[Set<Three>],
) -> Result<Times> {
    let own = Own::<3>::new();
    let shared = [const { AtomicU64::new(0) }; 3];
    let locked = Mutex::new([0_u64; 3]);
    let registry = Metrics::new();
    let metrics = ["calls", "bytes", "steps"].map(|name| registry.counter(name, None));
    let prometheus = ["calls", "bytes", "steps"]
        .map(|name| prometheus::IntCounter::new(name, "Count.").expect("valid"));
    let (shared, locked, metrics, prometheus) = (&shared, &locked, &metrics, &prometheus);
    let mut contenders = facts_of_both(ones, threes);
    contenders.extend([
        contender("three plain adds", |thread| {
            let cells = &*own.of(thread)[3];
            move |i| {
                let [a, b, c] = black_box(cells);
                plain_add(a, 1);
                plain_add(b, i);
                plain_add(c, 7);
            }
        }),
        contender(THREE_ATOMICS, move |_| move |i| add_three(black_box(shared), i)),
        contender("one std Mutex", move |_| {
            move |i| {
                let mut cells = black_box(locked).lock().expect("no holder panics");
                cells[0] += 1;
                cells[1] += i;
                cells[2] += 7;
            }
        }),
        contender("three prometheus", move |_| {
            move |i| {
                let [a, b, c] = black_box(prometheus);
                a.inc();
                b.inc_by(i);
                c.inc_by(7);
            }
        }),
        contender("three metrics handles", move |_| {
            move |i| {
                let [a, b, c] = black_box(metrics);
                a.increment(1);
                b.increment(i);
                c.increment(7);
            }
        }),
    ]);
    Ok(compete(effort, threads, &contenders))
}

fn facts_of_both<'a>(ones: &'a [Set<One>], threes: &'a [Set<Three>]) -> Vec<Contender<'a>> {
    let (one, three) = (&ones[3], &threes[3]);
    vec![
        contender("one-field fact, same", move |_| move |_| black_box(one).record(One::count)),
        contender("three-field fact, same", move |_| {
            move |i| black_box(three).record(|cells| cells.count(i))
        }),
        contender("one-field fact, in turn", move |_| {
            move |i| black_box(ones)[i as usize % SETS].record(One::count)
        }),
        contender("three-field fact, in turn", move |_| {
            move |i| black_box(threes)[i as usize % SETS].record(|cells| cells.count(i))
        }),
    ]
}
