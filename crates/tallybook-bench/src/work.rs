//! What a fact costs between other work: the processor does both at once.

use crate::fixtures::{One, Own, SETS, Three, each_count, plain_add, sets};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tallybook::{Registry, Set};

const ALONE: &str = "work alone";

/// As much work as takes `0` steps, each of which needs the one before.
#[derive(Clone, Copy)]
pub struct Work(u64);

impl Work {
    /// About so many nanoseconds of it.
    pub fn calibrated(effort: Effort, ns: f64) -> Self {
        let hundred = compete(effort, 1, &[contender("hundred", |_| Work(100).operation())]);
        Work((ns / (hundred.ns("hundred") / 100.0)).round().max(1.0) as u64)
    }

    pub fn operation(self) -> impl FnMut(u64) {
        let mut number = 1_u64;
        move |_| {
            for _ in 0..self.0 {
                number = (number ^ number >> 29).wrapping_mul(6_364_136_223_846_793_005) | 1;
            }
            black_box(number);
        }
    }
}

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let ones = sets::<One>(&registry, "one")?;
    let threes = sets::<Three>(&registry, "three")?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let work = Work::calibrated(effort, 16.0);
    // The differences are small: more rounds.
    let effort = Effort { rounds: effort.rounds * 4, ..effort };
    let runs = each_count(|threads| Ok(between(effort, threads, work, &ones, &threes)))?;

    let mut report = Report::new(
        "Between other work",
        format!("The work is a chain of {} multiplications and shifts, about 16 ns.", work.0),
    );
    report.table(Table::of_times("Work, and work with something to count", ALONE, &runs));
    report.table(excess(&runs[0].1));
    let times = &runs[0].1;
    for how in ["fact, same cell", "fact, 64 in turn"] {
        let percent = 100.0 * (times.ratio(&format!("work and {how}"), ALONE) - 1.0);
        report.at_most(format!("one-field {how}, between 16 ns of work"), percent, 2.0, "% more");
    }
    Ok(report)
}

fn excess(times: &Times) -> Table {
    let mut table = Table::new("More than the work alone, one thread", ["", "%", "ns here"]);
    for name in times.names() {
        let percent = 100.0 * (times.ratio(name, ALONE) - 1.0);
        table.row([name.clone(), digits(percent, 1), digits(times.excess(name, ALONE), 2)]);
    }
    table
}

fn between(
    effort: Effort,
    threads: usize,
    work: Work,
    ones: &[Set<One>],
    threes: &[Set<Three>],
) -> Times {
    let own = Own::<1>::new();
    let (cells, atomic) = (&own, &AtomicU64::new(0));
    // The work, and then something.
    macro_rules! with {
        ($name:expr, $thread:pat => $count:expr) => {
            contender(concat!("work and ", $name), move |$thread| {
                let (mut work, count) = (work.operation(), $count);
                move |i| {
                    work(i);
                    count(i);
                }
            })
        };
    }
    let contenders = [
        contender(ALONE, move |_| work.operation()),
        with!("plain add", thread => {
            let cell = &cells.of(thread)[3][0];
            move |_| plain_add(black_box(cell), 1)
        }),
        with!("fact, same cell", _ => move |_| black_box(&ones[3]).record(One::count)),
        with!("fact, 64 in turn", _ => {
            move |i| black_box(ones)[i as usize % SETS].record(One::count)
        }),
        with!("three-field fact, same cells", _ => {
            move |i| black_box(&threes[3]).record(|three| three.count(i))
        }),
        with!("fetch_add", _ => move |_| {
            black_box(atomic).fetch_add(1, Relaxed);
        }),
    ];
    compete(effort, threads, &contenders)
}
