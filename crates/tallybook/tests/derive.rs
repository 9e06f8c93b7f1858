//! What the derive macros generate.
#![deny(warnings, missing_docs, clippy::all)]

use std::time::Duration;
use tallybook::metric::{LiveCount, LiveField, Metric};
use tallybook::private::{Drain, Row, Span, Sparse};
use tallybook::schema::{Kind, Number};
use tallybook::walk::Sample;
use tallybook::{Counter, Gauge, Label, Live, Max, Min, PerLabel, Registry, Stats, UpDownCounter};

/// One connection,
/// whichever way it was opened.
///
/// A second paragraph.
#[derive(Stats)]
pub struct Connection {
    /// Pieces received
    ///   and verified.
    pub pieces: Counter,
    /// Payload received.
    #[stats(unit = "bytes", name = "payload")]
    pub received: Counter,
    /// Streams on it.
    pub streams: Live,
    /// Requests without an answer.
    pub pending: UpDownCounter,
    /// Window of the last packet.
    pub window: Gauge,
    /// Its quality.
    pub quality: Gauge<f64>,
    /// Slowest answer.
    #[stats(unit = "nanoseconds")]
    pub slowest: Max,
    /// Fastest answer.
    pub fastest: Min,
}

/// Which way.
#[derive(Clone, Copy, Debug, Label)]
pub enum Direction {
    /// To us.
    Inbound = 7,
    /// From us.
    Outbound = 3,
}

/// Why it ended.
#[derive(Clone, Copy, Label)]
#[label(name = "cause")]
pub enum EndReason {
    /// It was closed.
    Closed,
    /// The other side is gone.
    #[label(value = "time-out (30 s)")]
    TimedOut,
    /// A raw identifier.
    r#Yield,
    /// An acronym.
    TLSError,
}

/// A set that holds others.
#[derive(Stats)]
#[stats(snapshot = "NodeNow")]
pub struct Node {
    /// Restarts.
    pub restarts: Counter,
    /// All connections together.
    pub all: Connection,
    /// By direction.
    pub by_direction: PerLabel<Direction, Connection>,
    /// Ends, by cause.
    pub ends: PerLabel<EndReason, Counter>,
    /// By cause and direction.
    pub ends_by_direction: PerLabel<EndReason, PerLabel<Direction, Counter>>,
}

/// Field names that generated code could trip over, and no documentation.
#[derive(Stats)]
struct Awkward {
    r#type: Counter,
    span: Counter,
    row: Gauge,
    rest: Counter,
    into: Max,
    from: tallybook::Live,
    #[stats(name = "Self_2")]
    größe: Counter,
    difference: Counter,
    sum: Counter,
}

mod deep {
    use tallybook::{Counter, Live, Stats};

    /// Visible as far as it says.
    #[derive(Stats)]
    pub(super) struct Inner {
        pub(super) seen: Counter,
        pub(super) open: Live,
        hidden: Counter,
    }

    impl Inner {
        pub(super) fn both(&self) {
            self.seen.inc();
            self.hidden.add(2);
        }
    }

    impl InnerSnapshot {
        pub(super) fn hidden(&self) -> u64 {
            self.hidden
        }
    }
}

mod facade {
    pub mod inside {
        pub use ::tallybook;
    }
}

/// Through a crate that re-exports this one.
#[derive(Stats)]
#[stats(crate = "crate::facade::inside::tallybook")]
struct Elsewhere {
    /// By direction.
    by: PerLabel<Flag, Counter>,
}

/// A label through a re-export.
#[derive(Clone, Copy, Label)]
#[label(crate = "crate::facade::inside::tallybook")]
enum Flag {
    Up,
    Down,
}

/// An interval that began at 0.
const SPAN: Span = Span { first: 0, last: 1, at: Duration::ZERO };

fn drained<M: Metric>(cells: &M) -> Vec<u64> {
    let mut row = vec![0; M::WORDS];
    cells.drain(&mut Drain::new(&mut row, &mut Sparse::default(), SPAN));
    row
}

fn value<M: Metric>(cells: &M) -> M::Value {
    M::read(&mut Row::of_words(&drained(cells), SPAN))
}

fn busy_connection() -> Connection {
    let cells = Connection::at_rest();
    cells.pieces.add(3);
    cells.received.add(49_152);
    cells.pending.add(-2);
    cells.window.set(-7);
    cells.quality.set(0.5);
    cells.slowest.observe(9);
    cells.slowest.observe(4);
    cells.fastest.observe(9);
    cells.fastest.observe(4);
    cells
}

fn busy_value() -> ConnectionSnapshot {
    ConnectionSnapshot {
        pieces: 3,
        received: 49_152,
        streams: LiveCount::default(),
        pending: -2,
        window: Some(-7),
        quality: Some(0.5),
        slowest: Some(9),
        fastest: Some(4),
    }
}

#[test]
fn help_texts_names_units_and_kinds_come_from_the_declaration() {
    let group = Connection::group();
    assert_eq!(group.help, "One connection, whichever way it was opened. A second paragraph.");
    let fields: Vec<_> =
        group.fields.iter().map(|f| (&*f.name, &*f.help, f.unit.as_deref())).collect();
    assert_eq!(fields[0], ("pieces", "Pieces received and verified.", None));
    assert_eq!(fields[1], ("payload", "Payload received.", Some("bytes")));
    assert_eq!(fields[6], ("slowest", "Slowest answer.", Some("nanoseconds")));
    let kinds: Vec<_> = group.fields.iter().map(|field| field.kind.clone()).collect();
    let expected = [
        Kind::Counter,
        Kind::Counter,
        Kind::Live,
        Kind::UpDownCounter,
        Kind::Gauge(Number::Integer),
        Kind::Gauge(Number::Float),
        Kind::Max,
        Kind::Min,
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn raw_and_renamed_fields_have_plain_names() {
    let group = Awkward::group();
    let names: Vec<_> = group.fields.iter().map(|field| &*field.name).collect();
    assert_eq!(
        names,
        ["type", "span", "row", "rest", "into", "from", "Self_2", "difference", "sum"]
    );
    assert!(group.help.starts_with("Field names"));
    assert!(group.fields.iter().all(|field| field.help.is_empty()));
}

#[test]
fn nested_sets_and_labels_describe_themselves() {
    let kind = Node::kind();
    let Kind::Group(group) = &kind else { panic!("{kind:?}") };
    assert_eq!(*group, Node::group());
    assert_eq!(group.fields[1].kind, Kind::Group(Connection::group()));
    let each = Kind::Group(Connection::group());
    let by_direction = Kind::per_label("direction", &["inbound", "outbound"], each);
    assert_eq!(group.fields[2].kind, by_direction);
    let Kind::PerLabel { label, values, each } = &group.fields[4].kind else { panic!("{kind:?}") };
    assert_eq!(*label, "cause");
    assert_eq!(**values, ["closed", "time-out (30 s)", "yield", "tls_error"]);
    assert!(matches!(&**each, Kind::PerLabel { label, .. } if label == "direction"));
}

#[test]
fn a_variants_place_is_that_of_its_declaration() {
    assert_eq!(Direction::Inbound.index(), 0);
    assert_eq!(Direction::Outbound.index(), 1);
    assert_eq!(EndReason::TLSError.index(), 3);
    assert_eq!(EndReason::each(|i| i * 10), [0, 10, 20, 30]);
}

#[test]
fn the_schema_is_as_long_as_the_row() {
    fn check<S: Stats>() {
        let registry = Registry::new();
        registry.set::<S>("set").unwrap();
        let snapshot = registry.collector().unwrap().tick();
        let mut words = 0;
        // What each kind takes of a row, as its module says.
        snapshot.walk().get("set").unwrap().values().values().each_metric(|metric| {
            words += match metric.sample {
                Sample::Counter(_) | Sample::UpDownCounter(_) => 1,
                Sample::Live(_) | Sample::Max(_) | Sample::Min(_) => 2,
                Sample::Gauge(_) => 4,
                Sample::Histogram(_) => 5,
                Sample::TimedLive { .. } => 8,
                _ => unreachable!("no other metric has a row of its own"),
            }
        });
        assert_eq!(words, S::WORDS);
    }
    check::<Connection>();
    check::<Node>();
    check::<Awkward>();
    check::<deep::Inner>();
    check::<Elsewhere>();
    assert_eq!(Connection::WORDS, 1 + 1 + 2 + 1 + 4 + 4 + 2 + 2);
    assert_eq!(Node::WORDS, 1 + 17 + 2 * 17 + 4 + 8);
}

#[test]
fn a_set_is_stamped_if_a_gauge_is_anywhere_in_it() {
    const {
        assert!(Connection::STAMPED && Node::STAMPED && Awkward::STAMPED);
        assert!(!deep::Inner::STAMPED && !Elsewhere::STAMPED);
    }
}

#[test]
fn fields_lie_in_the_row_in_the_order_of_their_declaration() {
    let node = Node::at_rest();
    node.restarts.add(1);
    node.all.received.add(2);
    node.by_direction[Direction::Inbound].pieces.add(3);
    node.by_direction[Direction::Outbound].pending.add(4);
    node.ends[EndReason::TimedOut].add(5);
    node.ends_by_direction[EndReason::TLSError][Direction::Outbound].add(6);
    let row = drained(&node);
    let written: Vec<_> = row.iter().enumerate().filter(|(_, word)| **word != 0).collect();
    let (one, two) = (18, 35);
    assert_eq!(written, [(0, &1), (2, &2), (one, &3), (two + 4, &4), (53, &5), (63, &6)]);
    assert_eq!(drained(&node), vec![0; Node::WORDS]);
}

#[test]
fn what_is_recorded_comes_back_as_values() {
    assert_eq!(value(&busy_connection()), busy_value());
    assert_eq!(value(&Connection::at_rest()), ConnectionSnapshot::default());

    let node = Node::at_rest();
    node.by_direction[Direction::Outbound].pieces.add(3);
    node.ends[EndReason::Closed].inc();
    let now: NodeNow = value(&node);
    assert_eq!(now.by_direction[Direction::Outbound].pieces, 3);
    assert_eq!(now.by_direction[Direction::Inbound], ConnectionSnapshot::default());
    assert_eq!(now.ends[EndReason::Closed], 1);
    assert_eq!(now.clone(), now);
    assert!(format!("{now:?}").contains("NodeNow"));
}

#[test]
fn merging_moves_everything() {
    let (from, into) = (busy_connection(), busy_connection());
    from.merge(&into);
    assert_eq!(value(&from), ConnectionSnapshot::default());
    let both = value(&into);
    assert_eq!((both.pieces, both.received, both.pending), (6, 98_304, -4));
    assert_eq!((both.slowest, both.fastest), (Some(9), Some(4)));
}

#[test]
fn rows_fold_into_rows_and_gauges_have_no_total() {
    let row = drained(&busy_connection());
    let (mut folded, mut total) = (row.clone(), vec![0; Connection::WORDS]);
    Connection::fold(&row, &mut folded, SPAN);
    Connection::carry(&row, &mut total, SPAN);
    let folded = Connection::read(&mut Row::of_words(&folded, SPAN));
    assert_eq!((folded.pieces, folded.window), (6, Some(-7)));
    let total = Connection::read(&mut Row::of_words(&total, SPAN));
    assert_eq!(total, ConnectionSnapshot { window: None, quality: None, ..busy_value() });
}

#[test]
fn snapshots_subtract_and_add() {
    let earlier = ConnectionSnapshot { pieces: 1, pending: 5, window: Some(1), ..busy_value() };
    let now = busy_value();
    let difference = now.difference(&earlier);
    assert_eq!((difference.pieces, difference.received, difference.pending), (2, 0, -7));
    assert_eq!((difference.window, difference.slowest), (Some(-7), Some(9)));
    let sum = now.sum(&earlier);
    assert_eq!((sum.pieces, sum.pending, sum.fastest), (4, 3, Some(4)));

    let one = NodeNow { all: now, ..NodeNow::default() };
    assert_eq!(one.sum(&one).all.pieces, 6);
    assert_eq!(
        one.difference(&one),
        NodeNow { all: busy_value().difference(&busy_value()), ..NodeNow::default() }
    );
}

#[test]
fn live_fields_have_constants() {
    let field: LiveField<Connection> = Connection::streams;
    let connection = Connection::at_rest();
    assert!(std::ptr::eq(field(&connection), &raw const connection.streams));
    let inner = deep::Inner::at_rest();
    assert!(std::ptr::eq(deep::Inner::open(&inner), &raw const inner.open));
    let awkward = Awkward::at_rest();
    assert!(std::ptr::eq(Awkward::from(&awkward), &raw const awkward.from));
}

#[test]
fn fields_keep_their_visibility() {
    let inner = deep::Inner::at_rest();
    inner.both();
    let now: deep::InnerSnapshot = value(&inner);
    assert_eq!((now.seen, now.hidden()), (1, 2));
}

#[test]
fn a_set_can_be_declared_inside_a_function() {
    #[derive(Stats)]
    struct Local {
        hits: Counter,
        open: Live,
    }
    let local = Local::at_rest();
    local.hits.inc();
    let now = value(&local);
    assert_eq!(now, LocalSnapshot { hits: 1, open: LiveCount::default() });
}

#[test]
fn a_set_can_be_declared_through_a_re_export() {
    let cells = Elsewhere::at_rest();
    cells.by[Flag::Down].add(2);
    cells.by[Flag::Up].add(1);
    let now: ElsewhereSnapshot = value(&cells);
    let by: Vec<_> = now.by.iter().map(|(flag, count)| (flag.value(), *count)).collect();
    assert_eq!(by, [("up", 1), ("down", 2)]);
}

#[cfg(feature = "serde")]
#[test]
fn snapshots_serialise_under_the_names_of_their_metrics() {
    let node = Node::at_rest();
    node.all.received.add(7);
    node.all.window.set(-1);
    node.ends[EndReason::TimedOut].inc();
    let json = serde_json::to_value(value(&node)).unwrap();
    assert_eq!(json["all"]["payload"], 7);
    assert_eq!(json["all"]["window"], -1);
    assert_eq!(json["all"]["slowest"], serde_json::Value::Null);
    assert_eq!(json["all"]["streams"], serde_json::json!({ "opened": 0, "closed": 0, "live": 0 }));
    assert_eq!(json["ends"]["time-out (30 s)"], 1);
    assert_eq!(json["by_direction"]["inbound"]["pieces"], 0);
    let awkward = serde_json::to_string(&AwkwardSnapshot::default()).unwrap();
    assert!(awkward.starts_with(r#"{"type":0,"span":0,"row":null"#), "{awkward}");
}
