//! Reports: what travels is what was there, subtracting and folding are exact, and no input does
//! harm.
#![cfg(feature = "msgpack")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;
#[path = "support/counting_allocator.rs"]
mod counting_allocator;

use clock::manual;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tallybook::report::{FoldError, Gauges, Report, SinceError};
use tallybook::walk::Sample;
use tallybook::{
    Counter, Family, Gauge, Histogram, Label, Live, ManualClock, Max, Min, PerLabel, Registry, Set,
    Snapshot, Stats, TimedLive, UpDownCounter,
};

#[derive(Clone, Copy, Debug, Label)]
enum Side {
    Left,
    Right,
}

/// Another program's sides.
#[derive(Clone, Copy, Debug, Label)]
#[label(name = "side")]
enum MoreSides {
    Back,
    Left,
    Right,
}

#[derive(Stats)]
struct Node {
    counter: Counter,
    sum: UpDownCounter,
    live: Live,
    timed: TimedLive,
    gauge: Gauge,
    ratio: Gauge<f64>,
    max: Max,
    min: Min,
    sizes: Histogram,
    times: Histogram<Duration, 5>,
    by_side: PerLabel<Side, Counter>,
}

/// The same in a later version of the program: fields in another order, some new, one gone, another
/// scale.
#[derive(Stats)]
struct NewNode {
    added: Counter,
    by_side: PerLabel<MoreSides, Counter>,
    counter: Counter,
    gauge: Gauge,
    times: Histogram<Duration, 2>,
    timed: TimedLive,
    live: Live,
    max: Max,
    min: Min,
    ratio: Gauge<f64>,
    sizes: Histogram,
    nested: Nested,
}

#[derive(Stats)]
struct Nested {
    opened: Live,
    gauge: Gauge,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Count(u32),
    Sum(i32),
    Gauge(i64),
    Value(u64),
    Time(u64),
    OpenAndClose(u16),
    Open,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<u32>().prop_map(Step::Count),
        any::<i32>().prop_map(Step::Sum),
        (-1000..1000_i64).prop_map(Step::Gauge),
        prop_oneof![0..10_u64, any::<u64>()].prop_map(Step::Value),
        prop_oneof![0..10_u64, any::<u64>()].prop_map(Step::Time),
        any::<u16>().prop_map(Step::OpenAndClose),
        Just(Step::Open),
    ]
}

fn record(node: &Node, step: Step) {
    match step {
        Step::Count(n) => {
            node.counter.add(n.into());
            let side = if n % 2 == 0 { Side::Left } else { Side::Right };
            node.by_side[side].inc();
        }
        Step::Sum(n) => node.sum.add(n.into()),
        Step::Gauge(n) => {
            node.gauge.set(n);
            node.ratio.set(n as f64 / 4.0);
        }
        Step::Value(n) => {
            node.max.observe(n);
            node.min.observe(n);
            node.sizes.record(n);
        }
        Step::Time(n) => node.times.record(Duration::from_nanos(n)),
        Step::OpenAndClose(_) | Step::Open => {}
    }
}

fn record_new(node: &NewNode, step: Step) {
    match step {
        Step::Count(n) => {
            node.counter.add(n.into());
            node.by_side[MoreSides::Back].inc();
            node.by_side[MoreSides::Left].add(2);
            node.by_side[MoreSides::Right].add(3);
            node.added.inc();
        }
        Step::Sum(n) => node.nested.gauge.set(n.into()),
        Step::Gauge(n) => {
            node.gauge.set(n);
            node.ratio.set(n as f64 / 4.0);
        }
        Step::Value(n) => {
            node.max.observe(n);
            node.min.observe(n);
            node.sizes.record(n);
        }
        Step::Time(n) => node.times.record(Duration::from_nanos(n)),
        Step::OpenAndClose(_) | Step::Open => {}
    }
}

/// A registry with a set and a family of one type.
struct Program<S: Stats> {
    registry: Registry,
    clock: Arc<ManualClock>,
    set: Set<S>,
    family: Family<u8, S>,
}

impl<S: Stats> Program<S> {
    fn new(instance: &str) -> Self {
        let (registry, clock) = manual(|builder| builder.instance(instance));
        let set = registry.set("node").unwrap();
        let family = registry.family("nodes", "key").unwrap();
        Program { registry, clock, set, family }
    }
}

/// What a step does to a set of a program.
trait Steps: Stats {
    fn step(&self, step: Step);
    fn timed(&self) -> &TimedLive;
    fn live(&self) -> &Live;
}

impl Steps for Node {
    fn step(&self, step: Step) {
        record(self, step);
    }
    fn timed(&self) -> &TimedLive {
        &self.timed
    }
    fn live(&self) -> &Live {
        &self.live
    }
}

impl Steps for NewNode {
    fn step(&self, step: Step) {
        record_new(self, step);
    }
    fn timed(&self) -> &TimedLive {
        &self.timed
    }
    fn live(&self) -> &Live {
        &self.live
    }
}

/// The snapshots after each of the parts of what happens.
fn run<S: Steps>(program: &Program<S>, parts: &[Vec<(u8, Step)>]) -> Vec<Arc<Snapshot>> {
    let mut collector = program.registry.collector().unwrap();
    let mut open = Vec::new();
    let mut cuts = Vec::new();
    for part in parts {
        for &(key, step) in part {
            let entry = program.family.entry(key).unwrap();
            program.set.record(|set| {
                set.step(step);
                entry.record(|own| own.step(step));
            });
            let guards = (entry.open(S::timed), entry.open(S::live));
            match step {
                Step::Open => open.push(guards),
                Step::OpenAndClose(millis) => {
                    program.clock.advance(Duration::from_millis(millis.into()));
                }
                _ => {}
            }
        }
        program.clock.advance(Duration::from_secs(1));
        cuts.push(collector.tick());
    }
    std::mem::forget(open);
    cuts
}

fn happenings() -> impl Strategy<Value = Vec<Vec<(u8, Step)>>> {
    let part = prop::collection::vec((0..3_u8, steps()), 0..12);
    prop::collection::vec(part, 2..4)
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

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

fn there_and_back(report: &Report) -> [Report; 2] {
    let text = serde_json::to_string(report).unwrap();
    [serde_json::from_str(&text).unwrap(), Report::from_msgpack(&report.to_msgpack()).unwrap()]
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

    /// Whatever is changed in a report, it is an error or a report that can be worked with.
    #[test]
    fn no_report_does_harm(
        parts in happenings(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), hostile()), 1..4),
    ) {
        let _exclusive = counting_allocator::exclusive();
        let program = Program::<Node>::new("a");
        let report = Report::of(run(&program, &parts).last().unwrap());
        let mut wire = json(&report);
        for (at, with) in damage {
            let places = count(&wire);
            replace(&mut wire, &mut at.index(places), &with);
        }
        let text = wire.to_string();
        let before = counting_allocator::bytes_in_use();
        if let Ok(received) = serde_json::from_str::<Report>(&text) {
            let after = counting_allocator::bytes_in_use();
            prop_assert!(after - before <= 4096 + 64 * text.len() as isize);
            work_with(&received, &report);
        }
    }

    /// Bytes that anybody may send.
    #[test]
    fn no_bytes_do_harm(
        parts in happenings(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
    ) {
        let program = Program::<Node>::new("a");
        let report = Report::of(run(&program, &parts).last().unwrap());
        let mut bytes = report.to_msgpack();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(1 + end.index(bytes.len()));
        if let Ok(received) = Report::from_msgpack(&bytes) {
            work_with(&received, &report);
        }
    }
}

/// Everything that can be done with a report.
fn work_with(received: &Report, own: &Report) {
    let _text = format!("{:#} {:?}", received.walk(), json(received.walk()));
    let _since = received.since(own).map(|between| json(between.walk()));
    for gauges in [Gauges::Latest, Gauges::Apart] {
        // Of the same incarnation, as a rule; so the other is one more.
        let other = Report::of(&Program::<NewNode>::new("b").registry.collector().unwrap().tick());
        if let Ok(both) = received.fold(&other, gauges) {
            for arrived in there_and_back(&both) {
                assert_eq!(json(arrived.walk()), json(both.walk()));
            }
        }
    }
    assert_eq!(received.fingerprint(), received.clone().fingerprint());
}

fn hostile() -> impl Strategy<Value = Value> {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    prop_oneof![
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(1e300)),
        Just(json!(-1e300)),
        Just(json!(0.5)),
        Just(json!(-1)),
        Just(json!(0)),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!("NaN")),
        Just(json!("\u{0}{}=\"\n")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX])),
        Just(json!("histogram")),
        Just(json!("per_label")),
        Just(json!("group")),
        Just(json!("gauge")),
        Just(json!("family")),
        Just(deep),
        any::<u32>().prop_map(|n| json!(n)),
        "[a-z]{0,8}".prop_map(|text| json!(text)),
    ]
}

/// How many values there are in a value.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(all) => all.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match value {
        Value::Array(all) => all.iter_mut().for_each(|value| replace(value, at, with)),
        Value::Object(map) => map.values_mut().for_each(|value| replace(value, at, with)),
        _ => {}
    }
}

fn small() -> Report {
    let program = Program::<Node>::new("a");
    let parts = [vec![(1, Step::Count(3)), (2, Step::Value(9))], vec![(1, Step::Gauge(4))]];
    Report::of(run(&program, &parts).last().unwrap())
}

#[test]
fn what_is_not_known_is_skipped() {
    let report = small();
    let mut wire = json(&report);
    wire["later"] = json!({ "version": [1, 2, 3] });
    wire["sources"][0]["zone"] = json!("north");
    let items = wire["items"].as_array_mut().unwrap();
    items.push(json!({ "name": "x", "kind": "ledger", "book": 7 }));
    for item in items.iter_mut().filter(|item| item["name"] != "x") {
        item["color"] = json!("red");
        let fields = item["fields"].as_array_mut().unwrap();
        fields.insert(0, json!({ "name": "sketch", "kind": "sketch", "k": 200 }));
        fields.push(json!({ "name": "finer", "kind": "histogram", "of": "integer", "scale": 20 }));
        let mut rows = vec!["total"];
        rows.extend(item.get("retired").map(|_| "retired"));
        for name in rows {
            let row = item[name].as_array_mut().unwrap();
            row.insert(0, json!({ "a": [1, [2, [3, [4, [5, [6]]]]]] }));
            row.push(json!([1, 2]));
        }
        for entry in item.get_mut("entries").and_then(Value::as_array_mut).into_iter().flatten() {
            entry["weight"] = json!(1);
            let row = entry["row"].as_array_mut().unwrap();
            row.insert(0, json!("a sketch"));
            row.push(json!(null));
        }
    }
    let received: Report = serde_json::from_value(wire).unwrap();
    assert_eq!(received, report);
}

#[test]
fn what_contradicts_itself_is_refused_with_a_reason() {
    let damaged = |change: &dyn Fn(&mut Value)| {
        let mut wire = json(small());
        change(&mut wire);
        serde_json::from_value::<Report>(wire).unwrap_err().to_string()
    };
    let node = |wire: &mut Value| {
        let items = wire["items"].as_array_mut().unwrap();
        items.iter().position(|item| item["name"] == "nodes").unwrap()
    };
    let refused = [
        (damaged(&|wire| wire["format"] = json!(2)), "format 2, and this version reads format 1"),
        (damaged(&|wire| wire["items"][0]["name"] = json!("a b")), "`a b` is not a name for a set"),
        (
            damaged(&|wire| {
                let item = wire["items"][0].clone();
                wire["items"].as_array_mut().unwrap().push(item);
            }),
            "comes twice: `tallybook`",
        ),
        (
            damaged(&|wire| {
                let at = node(wire);
                let entries = wire["items"][at]["entries"].as_array_mut().unwrap();
                entries.push(entries[0].clone());
            }),
            "an entry comes twice",
        ),
        (
            damaged(&|wire| {
                let at = node(wire);
                wire["items"][at]["entries"][0]["row"].as_array_mut().unwrap().pop();
            }),
            "a row has 11 values where its set has 12",
        ),
        (damaged(&|wire| wire["items"][0]["total"][0] = json!(-1)), "not a whole number from 0"),
    ];
    for (error, expected) in refused {
        assert!(error.contains(expected), "{error}");
    }
}

/// A declaration of a few bytes that says there are 2^40 values.
#[test]
fn a_declaration_cannot_claim_more_memory_than_it_has() {
    let labels = |n: usize| {
        let values: Vec<String> = (0..n).map(|n| n.to_string()).collect();
        json!({ "name": "a", "kind": "per_label", "label": "l", "values": values, "below": 4 })
    };
    let mut fields = vec![labels(1024)];
    for below in (0..4_u32).rev() {
        let mut next = labels(1024);
        next["below"] = json!(below);
        fields.push(next);
    }
    *fields.last_mut().unwrap() = json!({ "kind": "counter" });
    let wire = json!({ "format": 1, "sources": [], "items": [
        { "name": "x", "kind": "set", "fields": fields, "total": [] },
    ] });
    let error = serde_json::from_value::<Report>(wire).unwrap_err().to_string();
    assert!(error.contains("more than 2^20 values"), "{error}");
}

#[test]
fn numbers_that_do_not_fit_saturate_with_a_mark() {
    let huge = |incarnation: &str| {
        let wire = json!({ "format": 1, "sources": [{ "incarnation": incarnation }], "items": [{
            "name": "x", "kind": "set",
            "fields": [
                { "name": "n", "kind": "counter" }, { "name": "s", "kind": "up_down_counter" },
                { "name": "h", "kind": "histogram", "of": "integer", "scale": 0 },
            ],
            "total": [u64::MAX, i64::MIN, [u64::MAX, u64::MAX, u64::MAX, 1, 1, 0, [0, u64::MAX]]],
        }] });
        serde_json::from_value::<Report>(wire).unwrap()
    };
    let (one, other) = (huge("1"), huge("2"));
    assert!(!one.is_saturated());
    let both = one.fold(&other, Gauges::Latest).unwrap();
    assert!(both.is_saturated());
    let values = both.walk().get("x").unwrap().values();
    assert!(matches!(values.values().get("n"), Some(Sample::Counter(u64::MAX))));
    assert!(matches!(values.values().get("s"), Some(Sample::UpDownCounter(i64::MIN))));
    let Some(Sample::Histogram(it)) = values.values().get("h") else { panic!("no histogram") };
    assert_eq!((it.count(), it.sum_units()), (u64::MAX, u128::MAX));
    assert!(there_and_back(&both).iter().all(Report::is_saturated));
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
