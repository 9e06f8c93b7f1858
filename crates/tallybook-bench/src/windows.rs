//! What the past costs: windows and averages, beside a registry without.

mod past;
mod reading;

use crate::measure::{Effort, median};
use crate::report::{Report, Table, digits};
use crate::values::{self, Random};
use anyhow::Result;
use past::{Entries, How, Past, Sets};
use std::time::Duration;

/// What a tick took in nanoseconds, in each of the registries.
type Ticks = Vec<f64>;

const NONE: &str = "no windows, no averages";
const DEFAULT: &str = "default";
const AVERAGES: &str = "default, averages for entries";

pub fn report(effort: Effort) -> Result<Report> {
    let (keys, touched, ticks) =
        if effort.quick { (5_000, 50, 150) } else { (100_000, 1_000, 400) };
    let mut families = [
        Entries::new(NONE, How::None, keys)?,
        Entries::new(DEFAULT, How::Default, keys)?,
        Entries::new(AVERAGES, How::Averages, keys)?,
    ];
    let mut sets = [Sets::new(NONE, How::None)?, Sets::new(DEFAULT, How::Default)?];
    let (mut random, latencies) = (Random(1), values::Table::latencies());
    let mut rounds: [Vec<Ticks>; 2] = Default::default();
    for tick in 0..ticks {
        let picked: Vec<_> = (0..touched).map(|_| random.below(keys)).collect();
        rounds[0].push(families.each_mut().map(|past| past.tick(&picked)).into());
        rounds[1].push(sets.each_mut().map(|past| past.tick(tick, &latencies)).into());
    }
    let settled = rounds.each_ref().map(|rounds| &rounds[ticks as usize / 2..]);

    let mut report = Report::new(
        "Windows",
        format!(
            "{ticks} ticks, half a second apart on a clock that is moved by hand, so that the windows of 1, 10 and 60 seconds \
             are full in the second half, of which the medians are. The registries are ticked in turn. The family has \
             {keys} keys with eight counters, of which {touched} at random are recorded on between two ticks; the set has \
             four counters and a `Histogram<Duration>`, with 1,000 facts between two ticks. The bytes are all that is \
             allocated and not freed in the end, the handles included. The default is windows, and averages for sets and \
             for the totals of families."
        ),
    );
    let title = format!("A family of {keys} keys");
    report.table(table(title, "bytes per key", keys, settled[0], &families));
    report.table(table("A set", "bytes", 1, settled[1], &sets));
    report.table(reading::table(effort, &families[1], &sets[1]));
    let [none, default] = [0, 1].map(|at| families[at].as_ref().bytes as f64);
    report.at_most("tick with windows, eight counters, × without", ratio(settled[0], 1), 2.0, "×");
    report.at_most("memory with windows, eight counters, × without", default / none, 2.0, "×");
    Ok(report)
}

/// How many times as long as in the first registry a tick takes.
fn ratio(rounds: &[Ticks], at: usize) -> f64 {
    median(rounds.iter().map(|ticks| ticks[at] / ticks[0]))
}

fn table(
    title: impl Into<String>,
    bytes: &str,
    keys: usize,
    rounds: &[Ticks],
    pasts: &[impl AsRef<Past>],
) -> Table {
    let columns = [
        "",
        "tick ×",
        "µs per tick here",
        "memory ×",
        bytes,
        "the collector says",
        "— of it only in earlier cuts",
        "earlier cuts",
    ];
    let per_key = |bytes: i64| digits(bytes as f64 / keys as f64, 0);
    let mut table = Table::new(title, columns);
    for (at, past) in pasts.iter().map(AsRef::as_ref).enumerate() {
        let says = past.says();
        table.row([
            past.name.to_string(),
            digits(ratio(rounds, at), 2),
            digits(median(rounds.iter().map(|ticks| ticks[at])) / 1e3, 1),
            digits(past.bytes as f64 / pasts[0].as_ref().bytes as f64, 2),
            per_key(past.bytes as i64),
            per_key(says.memory.unwrap_or(0)),
            per_key(says.history_memory.unwrap_or(0)),
            says.history.unwrap_or(0).to_string(),
        ]);
    }
    table
}

/// Between two ticks.
const INTERVAL: Duration = Duration::from_millis(500);
