//! What a call costs where the registry is disabled.

use crate::fixtures::{Three, each_count};
use crate::measure::{Effort, Times, compete, contender};
use crate::report::{Report, Table};
use anyhow::Result;
use std::hint::black_box;
use tallybook::{Counter, Live, Registry, Stats};

const EMPTY: &str = "empty iteration";
const CALLS: [&str; 3] = ["set.record", "entry.record", "set.open_borrowed and drop"];

#[derive(Stats)]
struct Sessions {
    /// Sessions.
    sessions: Live,
    /// Calls.
    calls: Counter,
}

pub fn report(effort: Effort) -> Result<Report> {
    let runs = each_count(|threads| disabled(effort, threads))?;
    let mut report = Report::new(
        "Off",
        "The empty iteration hides its index from the compiler; a call hides its handle instead.",
    );
    report.table(Table::of_times("Calls on a disabled registry", EMPTY, &runs));
    for call in CALLS {
        report.at_most(format!("{call}, disabled"), runs[0].1.ratio(call, EMPTY), 2.0, "×");
    }
    Ok(report)
}

fn disabled(effort: Effort, threads: usize) -> Result<Times> {
    let registry = Registry::disabled();
    let (three, sessions) = (registry.set::<Three>("three")?, registry.set("sessions")?);
    let entry = registry.family::<u64, Three>("peer", "key")?.entry(1)?;
    let (three, sessions, entry) = (&three, &sessions, &entry);
    let contenders = [
        contender(EMPTY, |_| {
            |i| {
                black_box(i);
            }
        }),
        contender(CALLS[0], move |_| move |i| black_box(three).record(|cells| cells.count(i))),
        contender(CALLS[1], move |_| move |i| black_box(entry).record(|cells| cells.count(i))),
        contender(CALLS[2], move |_| {
            move |_| drop(black_box(sessions).open_borrowed(Sessions::sessions))
        }),
    ];
    Ok(compete(effort, threads, &contenders))
}
