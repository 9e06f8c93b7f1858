//! Nested sets whose fields appear among those of the set around them.

use std::time::Duration;
use tallybook::error::RegisterError;
use tallybook::schema::Kind;
use tallybook::{Counter, Gauge, Histogram, Label, Live, Max, PerLabel, Registry, Stats};

/// What is read and written.
#[derive(Debug, Stats)]
struct Io {
    /// Reads from storage.
    reads: Counter,
    /// How long they took.
    read_time: Histogram<Duration>,
    #[stats(flatten)]
    writing: Writing,
    files: Live,
}

/// What is written.
#[derive(Debug, Stats)]
struct Writing {
    /// Payload written.
    #[stats(unit = "bytes")]
    written: Counter,
    largest: Max,
}

/// One member of a swarm.
#[derive(Debug, Stats)]
struct Member {
    pieces: Counter,
    #[stats(flatten)]
    io: Io,
    have: Gauge,
    by_way: PerLabel<Way, Io>,
    /// A name that the flattened field does not take.
    #[stats(name = "io")]
    other: Counter,
}

/// Which way.
#[derive(Clone, Copy, Label)]
enum Way {
    In,
    Out,
}

#[test]
fn the_schema_shows_the_fields_of_a_flattened_set_as_the_set_s_own() {
    let group = Member::group();
    let names: Vec<_> = group.fields.iter().map(|field| &*field.name).collect();
    let flat = ["reads", "read_time", "written", "largest", "files"];
    assert_eq!(names, [&["pieces"], &flat[..], &["have", "by_way", "io"]].concat());
    assert_eq!(group.fields[1].help, "Reads from storage.");
    let written = &group.fields[3];
    assert_eq!((&*written.help, written.unit.as_deref()), ("Payload written.", Some("bytes")));
    assert_eq!(group.fields[5].kind, Kind::Live);
    let names = group.metric_names("member");
    assert_eq!(names[3], "member_written");
    assert!(names.contains(&"member_by_way_written".to_owned()));
}

/// A row is as long as the flat schema says: the walk reads each value where the types read it.
#[cfg(feature = "serde")]
#[test]
fn a_walk_reads_flattened_sets_as_the_types_do() {
    let registry = Registry::new();
    let member = registry.set::<Member>("member").unwrap();
    member.record(|m| {
        m.pieces.add(1);
        m.io.read_time.record(Duration::from_millis(2));
        m.io.writing.written.add(3);
        m.io.writing.largest.observe(4);
        m.have.set(5);
        m.by_way[Way::Out].writing.written.add(6);
        m.by_way[Way::Out].read_time.record(Duration::from_millis(7));
        m.other.add(8);
    });
    let cut = registry.collector().unwrap().tick();
    let walked = cut.walk().get("member").unwrap().values();
    let walked = serde_json::to_value(walked.values()).unwrap();
    assert_eq!(walked, serde_json::to_value(cut.set(&member)).unwrap());
    assert_eq!((&walked["written"], &walked["io"]), (&3.into(), &8.into()));
}

#[test]
fn values_of_a_flattened_set_stay_together_in_the_snapshot_struct() {
    let registry = Registry::new();
    let member = registry.set::<Member>("member").unwrap();
    let mut collector = registry.collector().unwrap();
    let open = member.open(|m: &Member| &m.io.files);
    member.record(|m| {
        m.io.reads.inc();
        m.io.read_time.record(Duration::from_millis(4));
        m.io.writing.written.add(100);
        m.io.writing.largest.observe(60);
        m.by_way[Way::Out].writing.written.add(7);
        m.other.add(9);
        m.have.set(-1);
    });
    let first = collector.tick().set(&member);
    assert_eq!((first.io.reads, first.io.writing.written, first.other), (1, 100, 9));
    assert_eq!((first.io.read_time.max(), first.io.files.live()), (Some(MILLIS_4), 1));
    assert_eq!((first.io.writing.largest, first.have), (Some(60), Some(-1)));
    assert_eq!(first.by_way[Way::Out].writing.written, 7);
    member.record(|m| m.io.writing.written.add(1));
    let second = collector.tick().set(&member);
    assert_eq!(second.difference(&first).io.writing.written, 1);
    assert_eq!(second.sum(&first).io.reads, 2);
    // Two sets have the same part, so one function reads both.
    let rates = MemberRates::default();
    assert_eq!(rates.io.writing.written, 0.0);
    drop(open);
}

const MILLIS_4: Duration = Duration::from_millis(4);

#[cfg(feature = "serde")]
#[test]
fn flattened_fields_are_serialized_under_the_set_s_own_names() {
    let registry = Registry::new();
    let member = registry.set::<Member>("member").unwrap();
    member.record(|m| {
        m.io.writing.written.add(100);
        m.by_way[Way::In].reads.add(3);
        m.other.add(9);
    });
    let snapshot = registry.collector().unwrap().tick();
    let values = serde_json::to_value(snapshot.set(&member)).unwrap();
    assert_eq!((&values["written"], &values["io"]), (&100.into(), &9.into()));
    assert_eq!(values["by_way"]["in"]["reads"], 3);
    // From the types and along the schema: the same.
    assert_eq!(serde_json::to_value(&*snapshot).unwrap()["sets"]["member"], values);
    let rates = serde_json::to_value(MemberRates::default()).unwrap();
    assert_eq!(rates["files"]["opened"], 0.0);
    assert_eq!(rates.as_object().unwrap().len(), 9);
}

/// A name that two metrics come to, which only registration can see.
#[derive(Stats)]
struct Twice {
    #[stats(flatten)]
    inner: Under,
    a: Deep,
}

/// Has a long name.
#[derive(Stats)]
struct Under {
    a_b: Counter,
}

/// Has a short one.
#[derive(Stats)]
struct Deep {
    b: Counter,
}

#[test]
fn full_names_that_collide_are_refused_at_registration() {
    let error = Registry::new().set::<Twice>("twice").unwrap_err();
    assert!(
        matches!(&error, RegisterError::MetricTaken { metric, .. } if metric == "twice_a_b"),
        "{error}"
    );
}
