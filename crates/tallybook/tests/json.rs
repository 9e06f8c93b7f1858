//! The complete JSON of a snapshot.
#![cfg(feature = "serde")]

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::convert::identity;
use std::time::Duration;
use tallybook::{Counter, Gauge, Label, Live, Max, Min, PerLabel, Registry, Stats, UpDownCounter};

/// A disk.
#[derive(Stats)]
struct Disk {
    #[stats(name = "reads", unit = "operations")]
    read: Counter,
    balance: UpDownCounter,
    files: Live,
    temperature: Gauge<f64>,
    queue: Gauge,
    slowest: Max,
    fastest: Min,
    by_mode: PerLabel<Mode, Errors>,
}

/// What went wrong.
#[derive(Stats)]
struct Errors {
    errors: Counter,
}

/// How a file is open.
#[derive(Clone, Copy, Label)]
enum Mode {
    Direct,
    #[label(value = "not \"direct\"")]
    Buffered,
}

#[test]
fn the_whole_text_of_a_small_registry() {
    let (registry, clock) = manual(identity);
    let disk = registry.set::<Disk>("disk").unwrap();
    let paths =
        registry.family_builder::<&str, Errors>("path", "name").max_keys(2).register().unwrap();
    let mut collector = registry.collector().unwrap();
    paths.entry("gone").unwrap().record(|e| e.errors.add(5));
    clock.advance(Duration::from_millis(500));
    collector.tick();
    collector.tick();
    let file = disk.open(Disk::files);
    disk.record(|d| {
        d.read.add(3);
        d.balance.add(-2);
        d.temperature.set(36.5);
        d.slowest.observe(9);
        d.slowest.observe(4);
        d.by_mode[Mode::Buffered].errors.inc();
    });
    clock.advance(Duration::from_secs(1));
    let home = paths.entry("/ho\"me").unwrap();
    home.record(|e| e.errors.add(2));
    let root = paths.entry("/").unwrap();
    assert!(paths.entry("one too many").is_err());
    let cut = collector.tick();
    let mut json = serde_json::to_value(&*cut).unwrap();
    // Another in each registry.
    let incarnation = json.as_object_mut().unwrap().remove("incarnation").unwrap();
    assert_eq!(incarnation.as_str().unwrap().len(), 32);
    let own = json["sets"]["tallybook"].as_object_mut().unwrap();
    // Numbers that depend on the memory layout.
    for name in ["memory", "history_memory"] {
        assert!(own.insert(name.into(), 0.into()).unwrap().as_i64().unwrap() > 0);
    }
    let expected = r#"{
        "instance": "", "started": 0.0,
        "epoch": 3, "at": 1.5, "wall": 1.5, "interval": 1.0, "stale": false,
        "sets": {
            "tallybook": {
                "ticks": 3, "tick_time": 0, "last_tick": null, "waits": 0, "stale": 0,
                "callback_time": 0, "slowest_callback": null, "callbacks_skipped": 0,
                "panics": 0, "refused": 0, "shards": 1, "entries": 2, "memory": 0,
                "history": 2, "history_memory": 0
            },
            "disk": {
                "reads": 3, "balance": -2, "files": { "opened": 1, "closed": 0, "live": 1 },
                "temperature": 36.5, "queue": null, "slowest": 9, "fastest": null,
                "by_mode": { "direct": { "errors": 0 }, "not \"direct\"": { "errors": 1 } }
            }
        },
        "families": {
            "path": {
                "labels": ["name"], "total": { "errors": 7 }, "retired": { "errors": 5 }, "refused": 1,
                "entries": [
                    {
                        "labels": { "name": "/ho\"me" }, "id": 2, "since": 1.5, "changed": true,
                        "values": { "errors": 2 }
                    },
                    {
                        "labels": { "name": "/" }, "id": 3, "since": 1.5, "changed": true,
                        "values": { "errors": 0 }
                    }
                ]
            }
        },
        "actors": {}
    }"#;
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(json, expected, "\n{json:#}\n");
    drop((file, home, root));
}

#[test]
fn fields_come_in_the_order_of_their_declaration() {
    let (registry, _) = manual(identity);
    registry.set::<Errors>("z").unwrap();
    registry.set::<Errors>("a").unwrap();
    let text = serde_json::to_string(&*registry.collector().unwrap().tick()).unwrap();
    let start = concat!(
        r#""epoch":1,"at":0.0,"wall":0.0,"interval":0.0,"stale":false,"#,
        r#""sets":{"tallybook":{"ticks":1,"tick_time":0,"#,
    );
    assert!(text.contains(start), "{text}");
    assert!(text.starts_with(r#"{"instance":"","incarnation":""#), "{text}");
    let end = r#"},"z":{"errors":0},"a":{"errors":0}},"families":{},"actors":{}}"#;
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn typed_values_and_the_whole_snapshot_say_the_same() {
    let (registry, _) = manual(identity);
    let disk = registry.set::<Disk>("disk").unwrap();
    let disks = registry.family::<u8, Disk>("disks", "n").unwrap();
    let entry = disks.entry(7).unwrap();
    disk.record(|d| {
        d.read.add(3);
        d.queue.set(i64::MIN);
        d.fastest.observe(u64::MAX);
        entry.record(|d| d.by_mode[Mode::Direct].errors.add(8));
    });
    let cut = registry.collector().unwrap().tick();
    let json = serde_json::to_value(&*cut).unwrap();
    assert_eq!(json["sets"]["disk"], serde_json::to_value(cut.set(&disk)).unwrap());
    let family = &json["families"]["disks"];
    let values = serde_json::to_value(cut.family(&disks).get(&7).unwrap()).unwrap();
    assert_eq!(family["entries"][0]["values"], values);
    assert_eq!(family["entries"][0]["labels"]["n"], "7");
    let total = serde_json::to_value(cut.family(&disks).total()).unwrap();
    assert_eq!(family["total"], total);
}

#[test]
fn an_empty_snapshot_is_valid_json_too() {
    let text = serde_json::to_string(&*Registry::disabled().reader().latest()).unwrap();
    let expected = concat!(
        r#"{"instance":"","incarnation":"00000000000000000000000000000000","started":0.0,"#,
        r#""epoch":0,"at":0.0,"wall":0.0,"interval":0.0,"stale":false,"#,
        r#""sets":{},"families":{},"actors":{}}"#,
    );
    assert_eq!(text, expected);
}

#[test]
fn a_first_cut_that_is_stale_shows_the_collectors_own_numbers() {
    let registry = Registry::builder().patience(Duration::ZERO).build();
    let errors = registry.set::<Errors>("errors").unwrap();
    let mut collector = registry.collector().unwrap();
    errors.record(|_| {
        let cut = collector.tick();
        assert!(cut.is_stale());
        let json = serde_json::to_value(&*cut).unwrap();
        assert_eq!(json["sets"]["tallybook"]["stale"], 1, "\n{json:#}\n");
    });
}
