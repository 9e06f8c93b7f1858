//! Keys one by one: each looked up, counted in, and let go before the next.

mod kinds;
mod run;
mod text;

use crate::measure::{Effort, median, thread_counts};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use kinds::Kind;
use run::{Ran, run};
use std::time::Duration;

/// Everybody in turn on so many threads, round after round.
struct Runs<'a> {
    threads: usize,
    kinds: &'a [Kind],
    rounds: Vec<Vec<Ran>>,
}

pub fn answer(effort: Effort, report: &mut Report) -> Result<()> {
    let (length, rounds) =
        if effort.quick { (Duration::from_millis(120), 1) } else { (Duration::from_secs(2), 3) };
    let kinds = kinds::all();
    for threads in thread_counts().into_iter().filter(|threads| *threads <= 2) {
        let round = |_| kinds.iter().map(|kind| run(kind, threads, length)).collect();
        let rounds = (0..rounds).map(round).collect::<Result<_>>()?;
        let runs = Runs { threads, kinds: &kinds, rounds };
        report.table(runs.table());
        runs.targets(report);
    }
    Ok(())
}

impl Runs<'_> {
    /// The median over the rounds.
    fn over(&self, value: impl Fn(&[Ran]) -> f64) -> f64 {
        median(self.rounds.iter().map(|round| value(round)))
    }

    fn beside_prometheus(&self, at: usize) -> f64 {
        self.over(|round| round[at].ns / round[kinds::PROMETHEUS].ns)
    }

    fn bytes_per_key(&self, at: usize) -> f64 {
        self.over(|round| round[at].bytes / round[at].between)
    }

    fn table(&self) -> Table {
        let columns = [
            "",
            "× prometheus",
            "ns per key here",
            "ns of CPU time per key, all threads",
            "keys between two ticks",
            "keys in memory at most, × these",
            "MB at most",
            "bytes at most, for each key between two ticks",
        ];
        let mut table = Table::new(format!("One by one, threads: {}", self.threads), columns);
        for (at, kind) in self.kinds.iter().enumerate() {
            let of =
                |value: fn(&Ran) -> f64, after| digits(self.over(|all| value(&all[at])), after);
            let ratio = digits(self.beside_prometheus(at), 2);
            let times = [of(|ran| ran.ns, 0), of(|ran| ran.cpu_ns, 0)];
            let bytes = of(|ran| ran.bytes / 1e6, 1);
            let [between, alive, each] = if kind.tick().is_some() {
                let each = digits(self.bytes_per_key(at), 0);
                [of(|ran| ran.between, 0), of(|ran| ran.alive / ran.between, 1), each]
            } else {
                ["—"; 3].map(String::from)
            };
            let [ns, cpu] = times;
            table.row([kind.name.clone(), ratio, ns, cpu, between, alive, bytes, each]);
        }
        table
    }

    fn targets(&self, report: &mut Report) {
        let threads = self.threads;
        let mut ticking = Vec::new();
        for (at, kind) in self.kinds.iter().enumerate() {
            let Some(tick) = kind.tick() else { continue };
            if tick == kinds::TICK {
                let what = format!("{}, threads: {threads}, × prometheus", kind.name);
                report.at_most(what, self.beside_prometheus(at), 1.2, "×");
            }
            ticking.push((tick, at));
        }
        let short = ticking.iter().min().map_or(f64::NAN, |(_, at)| self.bytes_per_key(*at));
        let long = ticking.iter().max().map_or(f64::NAN, |(_, at)| self.bytes_per_key(*at));
        let what = "bytes at most for each key between two ticks";
        let what = format!("{what}, threads: {threads}, longest ticks × shortest");
        report.at_most(what, long / short, 1.2, "×");
    }
}
