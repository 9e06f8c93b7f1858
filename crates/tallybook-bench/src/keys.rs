//! What it costs that a key comes and goes.

mod batches;
mod flow;

use crate::measure::Effort;
use crate::report::Report;
use anyhow::Result;

pub fn report(effort: Effort) -> Result<Report> {
    let mut report = Report::new(
        "Keys that come and go",
        format!(
            "In batches of {}, on one thread, in CPU time: a family whose keys are all created, \
             then all dropped; a map from the key to an `Arc` of as many atomics, all inserted, \
             then all removed; and as many families of prometheus-client as there are counters, \
             whose labels are `Vec<(String, String)>` or, where it says so, numbers. One by one: \
             each thread makes a key of 20 bytes, looks it up, counts and lets it go, as fast as \
             it can, beside a collector in a thread of its own; a key is in memory for as long as \
             an entry or a snapshot has it.",
            batches::size(effort)
        ),
    );
    batches::answer(effort, &mut report)?;
    flow::answer(effort, &mut report)?;
    Ok(report)
}
