//! Reports: what travels is what was there, and subtracting and folding are exact.
#![cfg(feature = "msgpack")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;
#[path = "support/nodes.rs"]
mod nodes;

use nodes::{NewNode, Node, Program, happenings, json, run, small, there_and_back};
use proptest::prelude::*;
use serde_json::Value;
use std::time::Duration;
use tallybook::report::{FoldError, Gauges, Report, SinceError};
use tallybook::walk::Sample;
use tallybook::{Counter, Gauge, Registry, Stats};

/// Without what is named so, wherever it lies.
fn without(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| !names.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), without(value, names))).collect()
        }
        Value::Array(all) => all.iter().map(|value| without(value, names)).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(cases::config(48, 2, None))]

    /// A report is what the snapshot is, and arrives as it was sent.
    #[test]
    fn what_travels_is_what_was_there(parts in happenings()) {
        let program = Program::<Node>::new("a");
        for cut in run(&program, &parts) {
            let report = Report::of(&cut);
            prop_assert_eq!(json(report.walk()), json(cut.walk()));
            for arrived in there_and_back(&report) {
                prop_assert_eq!(&arrived, &report);
                prop_assert_eq!(arrived.fingerprint(), report.fingerprint());
            }
        }
    }

    /// Two reports differ by what the two snapshots differ by, but for the exact extrema, which no
    /// report has.
    #[test]
    fn the_difference_of_reports_is_that_of_the_snapshots(parts in happenings()) {
        let program = Program::<Node>::new("a");
        let cuts = run(&program, &parts);
        let (first, last) = (&cuts[0], &cuts[cuts.len() - 1]);
        let [earlier, later] = [first, last].map(|cut| Report::of(cut));
        let names = ["min", "max", "p50", "p90", "p99", "p999"];
        let expected = without(&json(last.since(first).unwrap()), &names);
        let between = later.since(&earlier).unwrap();
        prop_assert_eq!(between.elapsed(), last.at() - first.at());
        prop_assert_eq!(without(&json(between.walk()), &names), expected);
        let backwards = matches!(earlier.since(&later), Err(SinceError::NotEarlier { .. }));
        prop_assert!(backwards);
    }

    /// The order of folding makes no difference, whatever versions of the program the reports are
    /// of.
    #[test]
    fn folding_is_associative_and_commutative(
        parts in prop::array::uniform4(happenings()),
        gauges in prop_oneof![Just(Gauges::Latest), Just(Gauges::Apart)],
    ) {
        let old = [0, 1].map(|n| {
            let program = Program::<Node>::new("old");
            Report::of(run(&program, &parts[n]).last().unwrap())
        });
        let new = [2, 3].map(|n| {
            let program = Program::<NewNode>::new("new");
            Report::of(run(&program, &parts[n]).last().unwrap())
        });
        let fold = |one: &Report, other: &Report| one.fold(other, gauges).unwrap();
        let [a, b] = &old;
        let [c, d] = &new;
        let one = fold(&fold(&fold(a, b), c), d);
        prop_assert_eq!(&fold(&fold(a, b), &fold(c, d)), &one);
        prop_assert_eq!(&fold(&fold(d, a), &fold(b, c)), &one);
        prop_assert_eq!(&fold(d, &fold(c, &fold(b, a))), &one);
        prop_assert_eq!(one.sources().len(), 4);
        for arrived in there_and_back(&one) {
            prop_assert_eq!(&arrived, &one);
        }
    }

    /// Two reports folded are what the sum of the typed values is.
    #[test]
    fn folding_adds_what_the_types_add(parts in prop::array::uniform2(happenings())) {
        let programs = [(); 2].map(|()| Program::<Node>::new(""));
        let cuts = [0, 1].map(|n| run(&programs[n], &parts[n]).pop().unwrap());
        let [one, other] = cuts.each_ref().map(|cut| Report::of(cut));
        let both = one.fold(&other, Gauges::Latest).unwrap();
        let totals = [0, 1].map(|n| cuts[n].family(&programs[n].family).total());
        let sets = [0, 1].map(|n| cuts[n].set(&programs[n].set));
        // A gauge has no sum.
        let gauges = ["gauge", "ratio"];
        let folded = |name: &str| without(&json(both.walk().get(name).unwrap().values().values()), &gauges);
        prop_assert_eq!(folded("node"), without(&json(sets[0].sum(&sets[1])), &gauges));
        prop_assert_eq!(folded("nodes"), without(&json(totals[0].sum(&totals[1])), &gauges));
        prop_assert!(!both.is_saturated());
    }
}

#[test]
fn one_incarnation_is_not_counted_twice() {
    let report = small();
    let incarnation = report.sources()[0].identity.incarnation;
    let error = report.fold(&report, Gauges::Latest).unwrap_err();
    assert_eq!(error, FoldError::SameIncarnation { incarnation });
    let other = small();
    let both = report.fold(&other, Gauges::Latest).unwrap();
    assert!(both.fold(&report, Gauges::Latest).is_err());
    let error = report.since(&other).unwrap_err().to_string();
    assert!(error.contains(&format!("{incarnation:032x}")), "{error}");
}

#[test]
fn what_is_declared_in_two_ways_is_named() {
    #[derive(Stats)]
    struct One {
        #[stats(unit = "bytes")]
        size: Counter,
    }
    #[derive(Stats)]
    struct Other {
        #[stats(unit = "pages")]
        size: Counter,
    }
    #[derive(Stats)]
    struct Third {
        size: Gauge,
    }
    fn of<S: Stats>() -> Report {
        let registry = Registry::new();
        registry.set::<S>("cache").unwrap();
        Report::of(&registry.collector().unwrap().tick())
    }
    let error =
        |one: Report, other: Report| one.fold(&other, Gauges::Latest).unwrap_err().to_string();
    let units = error(of::<One>(), of::<Other>());
    assert!(
        units.contains("`cache_size` is in bytes in one report and in pages in the other"),
        "{units}"
    );
    let kinds = error(of::<Other>(), of::<Third>());
    assert!(kinds.contains("`cache_size` is in pages in one report and without a unit"), "{kinds}");
    let family = {
        let registry = Registry::new();
        registry.family::<u8, Third>("cache", "level").unwrap();
        Report::of(&registry.collector().unwrap().tick())
    };
    let items = error(of::<Third>(), family);
    assert!(items.contains("`cache` is a set in one report and a family by level"), "{items}");
}

#[test]
fn gauges_are_the_latest_or_stay_apart() {
    let programs = ["a", "b"].map(Program::<Node>::new);
    let report = |at: usize, value: i64, seconds: u64| {
        let program = &programs[at];
        program.set.record(|node| node.gauge.set(value));
        program.clock.advance(Duration::from_secs(seconds));
        Report::of(&program.registry.collector().unwrap().tick())
    };
    let (late, early) = (report(0, 10, 9), report(1, 20, 5));
    let gauge = |report: &Report| {
        let values = report.walk().get("node").unwrap().values();
        match values.values().get("gauge") {
            Some(Sample::Gauge(value)) => vec![value.unwrap().as_f64()],
            Some(Sample::Gauges(all)) => all.iter().map(|(_, value)| value.as_f64()).collect(),
            other => panic!("{other:?}"),
        }
    };
    for [one, other] in [[&late, &early], [&early, &late]] {
        assert_eq!(gauge(&one.fold(other, Gauges::Latest).unwrap()), [10.0]);
        let mut apart = gauge(&one.fold(other, Gauges::Apart).unwrap());
        apart.sort_by(f64::total_cmp);
        assert_eq!(apart, [10.0, 20.0]);
    }
}
