//! What a fact on a set costs, with one field and with three, on more and more threads.

mod one;
mod three;

use crate::fixtures::{One, Three, each_count, sets};
use crate::measure::{Effort, Times};
use crate::report::{Report, Table};
use anyhow::Result;
use std::time::Duration;
use tallybook::Registry;

const PLAIN: &str = "plain add";
const FACT: &str = "fact";
const FETCH_ADD: &str = "fetch_add";
const THREE_ATOMICS: &str = "three fetch_add";

pub fn report(effort: Effort) -> Result<Report> {
    let registry = Registry::new();
    let ones = sets::<One>(&registry, "one")?;
    let threes = sets::<Three>(&registry, "three")?;
    let _collecting = registry.collect_every(Duration::from_millis(100))?;
    let mut report = Report::new(
        "Facts",
        "A collector ticks every 100 ms meanwhile. The plain add writes a cell that only its thread writes. The targets \
         against `fetch_add` were set where an uncontended one takes 10 ns.",
    );
    let same = each_count(|threads| one::same_cell(effort, threads, &ones[3]))?;
    let turn = each_count(|threads| Ok(one::in_turn(effort, threads, &ones)))?;
    let three = each_count(|threads| three::three_fields(effort, threads, &ones, &threes))?;
    report.table(Table::of_times("One field, one and the same metric", PLAIN, &same));
    report.table(Table::of_times("One field, 64 metrics in turn", PLAIN, &turn));
    report.table(Table::of_times("Three fields", "one-field fact, same", &three));
    one_field_targets(&mut report, &same, &turn);
    three_field_targets(&mut report, &three);
    Ok(report)
}

fn one_field_targets(report: &mut Report, same: &[(usize, Times)], turn: &[(usize, Times)]) {
    let (one, two) = (&same[0].1, same.iter().find(|run| run.0 == 2));
    report.at_most("one field, in turn, × plain add", turn[0].1.ratio(FACT, PLAIN), 2.5, "×");
    report.at_most("one field, same cell, × plain add", one.ratio(FACT, PLAIN), 4.0, "×");
    let most = same.iter().map(|run| run.1.ns(FACT)).fold(0.0, f64::max);
    report.at_most("one field, most threads against one", most / one.ns(FACT), 1.2, "×");
    if let Some((_, two)) = two {
        for peer in ["prometheus", "prometheus-client"] {
            let what = format!("one field, two threads, faster than {peer}");
            report.at_least(what, two.ratio(peer, FACT), 10.0, "×");
        }
    }
}

fn three_field_targets(report: &mut Report, runs: &[(usize, Times)]) {
    let one = &runs[0].1;
    for how in ["same", "in turn"] {
        let ratio =
            one.ratio(&format!("three-field fact, {how}"), &format!("one-field fact, {how}"));
        report.at_most(format!("three fields, {how}, × one field"), ratio, 1.3, "×");
    }
    for (threads, least) in [(1, 5.0), (2, 25.0)] {
        if let Some((_, run)) = runs.iter().find(|run| run.0 == threads) {
            let ratio = run.ratio(THREE_ATOMICS, "three-field fact, same");
            let what = format!("three fields, threads: {threads}, faster than three fetch_add");
            report.at_least(what, ratio, least, "×");
        }
    }
}
