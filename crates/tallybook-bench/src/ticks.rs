//! What a tick costs, as keys and activity grow.

mod touched;

use crate::ALLOCATED;
use crate::cpu;
use crate::measure::{Effort, median};
use crate::memory::Eight;
use crate::report::{Report, Table, digits};
use crate::values::Random;
use anyhow::Result;
use std::time::{Duration, Instant};
use tallybook::{Collector, Entry, Registry};

/// How many keys are touched between two ticks.
const TOUCHED: usize = 100;

/// A registry with a family of so many live keys.
struct Population {
    keys: usize,
    entries: Vec<Entry<u64, Eight>>,
    collector: Collector,
    same: Vec<usize>,
    random: Random,
    created_in: Duration,
    bytes: usize,
}

/// Microseconds of a tick after which nothing, the same hundred keys, and a hundred others were
/// touched.
type Ticks = [f64; 3];

pub fn report(effort: Effort) -> Result<Report> {
    let (few, many) = if effort.quick { (1_000, 20_000) } else { (1_000, 1_000_000) };
    let mut populations = [Population::new(few)?, Population::new(many)?];
    let rounds: Vec<[Ticks; 2]> =
        (0..effort.rounds * 5).map(|_| populations.each_mut().map(Population::round)).collect();

    let mut report = Report::new(
        "Ticks",
        "The collector's CPU time. With few and many keys: a family of eight counters, and ticks \
         of both populations in turn; the hundred keys are spread at random over all keys. With \
         all keys touched: threads of their own record three times on each key, each thread in an \
         order of its own, and then stand still until the tick is over; beside that, the \
         collector reads an atomic for each key, to which the same threads have added.",
    );
    report.table(times(&rounds, &populations));
    report.table(creation(&populations));
    touched::answer(effort, &mut report)?;
    for (at, what) in [(1, "the same hundred"), (2, "a hundred others each time")] {
        let ratio = median(rounds.iter().map(|[few, many]| many[at] / few[at]));
        report.at_most(format!("tick, {what}, {many} keys, × {few} keys"), ratio, 1.5, "×");
    }
    Ok(report)
}

fn times(rounds: &[[Ticks; 2]], populations: &[Population; 2]) -> Table {
    let [few, many] = populations.each_ref().map(|population| population.keys);
    let columns = ["", "× few", &format!("µs here, {few} keys"), &format!("µs here, {many} keys")]
        .map(String::from);
    let mut table = Table::new("Time of a tick", columns);
    for (at, name) in ["nothing touched", "the same hundred", "a hundred others"].iter().enumerate()
    {
        let ratio = median(rounds.iter().map(|[few, many]| many[at] / few[at]));
        let time = |of: usize| digits(median(rounds.iter().map(|round| round[of][at])), 1);
        table.row([(*name).into(), digits(ratio, 2), time(0), time(1)]);
    }
    for (at, name) in [(1, "the same hundred"), (2, "a hundred others")] {
        let more = |ticks: &Ticks| (ticks[at] - ticks[0]) * 1000.0 / TOUCHED as f64;
        let ratio = median(rounds.iter().map(|[few, many]| more(many) / more(few)));
        let each = |of: usize| digits(median(rounds.iter().map(|round| more(&round[of]))), 0);
        let name = format!("— {name}, more than nothing touched, ns for each of them");
        table.row([name, digits(ratio, 2), each(0), each(1)]);
    }
    table
}

fn creation(populations: &[Population; 2]) -> Table {
    let mut table = Table::new("Creating them", ["keys", "bytes per key", "s here"]);
    for population in populations {
        let bytes = population.bytes as f64 / population.keys as f64;
        let seconds = population.created_in.as_secs_f64();
        table.row([population.keys.to_string(), digits(bytes, 0), digits(seconds, 3)]);
    }
    table
}

impl Population {
    fn new(keys: usize) -> Result<Self> {
        let (before, started) = (ALLOCATED.allocated(), Instant::now());
        let registry = Registry::new();
        let family = registry.family::<u64, Eight>("peer", "key")?;
        let mut collector = registry.collector()?;
        let entries: Vec<_> =
            (0..keys as u64).map(|key| family.entry(key)).collect::<Result<_, _>>()?;
        collector.tick();
        let (created_in, bytes) = (started.elapsed(), ALLOCATED.allocated() - before);
        let mut random = Random(1);
        let same = (0..TOUCHED).map(|_| random.below(keys)).collect();
        Ok(Population { keys, entries, collector, same, random, created_in, bytes })
    }

    fn round(&mut self) -> Ticks {
        self.collector.tick();
        let nothing = self.tick();
        let touch = |at: usize| self.entries[at].record(Eight::count);
        self.same.iter().copied().for_each(touch);
        let same = self.tick();
        let others: Vec<_> = (0..TOUCHED).map(|_| self.random.below(self.keys)).collect();
        others.iter().for_each(|at| self.entries[*at].record(Eight::count));
        [nothing, same, self.tick()]
    }

    fn tick(&mut self) -> f64 {
        let before = cpu::of_thread();
        self.collector.tick();
        (cpu::of_thread() - before).as_nanos() as f64 / 1000.0
    }
}
