//! Reports that anybody may send: refused with a reason, or worked with, and never much memory.
#![cfg(feature = "msgpack")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;
#[path = "support/counting_allocator.rs"]
mod counting_allocator;
#[path = "support/nodes.rs"]
mod nodes;

use nodes::{NewNode, Node, Program, happenings, json, run, small, there_and_back};
use proptest::prelude::*;
use serde_json::{Value, json};
use tallybook::report::{Gauges, Report};
use tallybook::walk::Sample;

proptest! {
    #![proptest_config(cases::config(48, 2, None))]

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
