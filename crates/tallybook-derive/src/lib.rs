//! The derive macros of [Tallybook](https://docs.rs/tallybook): [`Stats`](macro@Stats) for a set of
//! metrics, [`Label`](macro@Label) for an enum whose variants are the values of a label, and
//! [`Event`](macro@Event) for an enum whose variants are kinds of events. Use them through the
//! crate `tallybook`, which re-exports them.
#![forbid(unsafe_code)]

mod constants;
mod docs;
mod event;
mod field;
mod flatten;
mod label;
mod metric;
mod name;
mod snapshot;
mod stats;
mod text;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a set: metrics that are declared, recorded and read together.
///
/// Every field is a metric (`Counter`, `UpDownCounter`, `Gauge`, `Max`, `Min`, `Histogram`, `Live`,
/// `TimedLive`), another set, or a `PerLabel` of either. The struct is the only place that gives
/// names, help texts and units: a field's name is the metric's name, its doc comment the help text.
///
/// ```
/// use tallybook::metric::LiveField;
/// use tallybook::{Counter, Live, Stats};
///
/// /// One peer of the swarm.
/// #[derive(Stats)]
/// pub struct Peer {
///     /// Pieces received and verified.
///     pub pieces: Counter,
///     /// Payload received.
///     #[stats(unit = "bytes")]
///     pub received: Counter,
///     /// Connections to this peer.
///     pub connections: Live,
/// }
///
/// let group = Peer::group();
/// assert_eq!(group.help, "One peer of the swarm.");
/// assert_eq!(group.fields[1].name, "received");
/// assert_eq!(group.fields[1].help, "Payload received.");
/// assert_eq!(group.fields[1].unit.as_deref(), Some("bytes"));
///
/// // Its values in a snapshot:
/// let now = PeerSnapshot { pieces: 5, received: 81_920, ..PeerSnapshot::default() };
/// let earlier = PeerSnapshot { pieces: 3, received: 49_152, ..PeerSnapshot::default() };
/// assert_eq!(now.difference(&earlier).pieces, 2);
///
/// // A constant for each field that a guard opens, as in `peer.open(Peer::connections)`:
/// let connections: LiveField<Peer> = Peer::connections;
/// ```
///
/// A field of any other type is an error, which says what to write instead:
///
/// ```compile_fail
/// #[derive(tallybook::Stats)]
/// struct Peer {
///     pieces: std::sync::atomic::AtomicU64,
/// }
/// ```
/// ```compile_fail,E0277
/// struct Pieces;
/// #[derive(tallybook::Stats)]
/// struct Peer {
///     pieces: Pieces,
/// }
/// ```
///
/// # What it generates
///
/// - `Metric` and `Stats` for the struct.
/// - A snapshot struct, `PeerSnapshot` for `Peer`, with the same fields, visibility and
///   documentation, and the metrics' values. It is `Clone`, `Debug`, `Default` and `PartialEq`,
///   `Serialize` with tallybook's feature `serde`, and has the methods `difference` and `sum`.
/// - A struct of rates per second, `PeerRates` for `Peer`, with the same fields: `f64` for sums,
///   `LiveRates` and `HistogramRates` for metrics with several rates, `()` for those with none
///   (`Gauge`, `Max`, `Min`). It implements the same traits.
/// - A constant with the field's name for each field that a guard drives: a `Live` or a `TimedLive`
///   (a `LiveField`), a `Histogram<Duration>` (a `TimerField`), or a `PerLabel` of one of them (a
///   `LabelledField`). The type has to be written as such, or as a path that ends so.
///
/// # Attributes
///
/// On the struct:
///
/// - `#[stats(snapshot = "PeerNow")]`: the name of the snapshot struct.
/// - `#[stats(rates = "PeerSpeed")]`: the name of the struct of rates.
/// - `#[stats(crate = "facade::tallybook")]`: the path of tallybook, for crates that re-export it.
///
/// On a field:
///
/// - `#[stats(name = "other")]`: the metric's name, if it is not the field's.
/// - `#[stats(unit = "bytes")]`: the unit of its values. The unit of durations is always seconds.
/// - `#[stats(flatten)]`, for a nested set: its fields appear among those of this set, without the
///   nested field's name. See below.
///
/// Names consist of `a-z`, `A-Z`, `0-9` and `_`, do not start with a digit or with `__`, and are
/// unique within the set.
///
/// # Flattened sets
///
/// Sets that have metrics in common can share them as a nested set. With `flatten` the metrics keep
/// the names that they would have if they were written out, in metric names, in the schema and in
/// JSON. In the program, the struct, its snapshot and its rates have the nested struct.
///
/// ```
/// use tallybook::{Counter, Registry, Set, Stats};
///
/// /// What is read and written.
/// #[derive(Stats)]
/// struct Io {
///     reads: Counter,
///     writes: Counter,
/// }
///
/// #[derive(Stats)]
/// struct Disk {
///     #[stats(flatten)]
///     io: Io,
///     errors: Counter,
/// }
///
/// let group = Disk::group();
/// let names: Vec<_> = group.fields.iter().map(|field| &*field.name).collect();
/// assert_eq!(names, ["reads", "writes", "errors"]);
///
/// let registry = Registry::new();
/// let disk = registry.set::<Disk>("disk")?;
/// disk.record(|d| d.io.reads.inc());
/// let now = registry.collector()?.tick().set(&disk);
/// assert_eq!(now.io, IoSnapshot { reads: 1, writes: 0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A name that occurs twice, in this set and in a flattened one or in two flattened ones, does not
/// compile.
#[proc_macro_derive(Stats, attributes(stats))]
pub fn derive_stats(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    stats::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}

/// Makes an enum a label: its variants are the label's values.
///
/// The names of the label and its values are the names of the enum and its variants in snake case.
/// A field `PerLabel<Direction, Counter>` is then one counter per variant. Any metric and any set
/// can take the counter's place. The enum must be `Copy` and have no fields; explicit discriminants
/// are fine.
///
/// ```
/// use tallybook::{Counter, Label, PerLabel, Stats};
///
/// #[derive(Clone, Copy, Label)]
/// pub enum Direction {
///     Received,
///     #[label(value = "sent")]
///     Transmitted,
/// }
///
/// #[derive(Stats)]
/// pub struct Link {
///     /// Payload by direction.
///     #[stats(unit = "bytes")]
///     pub payload: PerLabel<Direction, Counter>,
/// }
///
/// assert_eq!(Direction::NAME, "direction");
/// assert_eq!(Direction::VALUES, ["received", "sent"]);
/// assert_eq!(LinkSnapshot::default().payload[Direction::Transmitted], 0);
/// ```
///
/// # Attributes
///
/// - `#[label(name = "way")]` on the enum: the label's name. It consists of `a-z`, `A-Z`, `0-9` and
///   `_` and does not start with a digit or with `__`.
/// - `#[label(crate = "facade::tallybook")]` on the enum: the path of tallybook, for crates that
///   re-export it.
/// - `#[label(value = "sent")]` on a variant: the value, any string that is not empty. Values are
///   unique within the enum.
#[proc_macro_derive(Label, attributes(label))]
pub fn derive_label(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    label::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}

/// Makes an enum an event: each variant is a kind, with a delivery and an account of its own.
///
/// Variants have named fields, unnamed fields or none. Events own their data; the enum has no type
/// parameters or lifetimes.
///
/// ```
/// use tallybook::event::{Delivery, Order, OverflowPolicy};
/// use tallybook::{Counter, Event, Label, Registry, Stats};
///
/// /// One peer of the swarm.
/// #[derive(Stats)]
/// struct Peer {
///     /// Pieces received.
///     pieces: Counter,
///     /// Payload received.
///     #[stats(unit = "bytes")]
///     received: Counter,
/// }
///
/// /// What happens to peers.
/// #[derive(Event)]
/// #[event(stats = "Peer")]
/// enum PeerEvent {
///     /// It stopped or resumed sending: the last state wins.
///     #[event(overflow = "coalesce")]
///     Choked { #[event(key)] peer: u32, on: bool },
///     /// A piece has arrived: bytes are added up.
///     #[event(unordered, overflow = "coalesce", count(pieces, received = bytes))]
///     Received { #[event(key)] peer: u32, #[event(sum)] bytes: u64 },
///     /// All of them are gone.
///     Cleared,
/// }
///
/// // The kinds, which are a label.
/// assert_eq!(PeerEventKind::VALUES, ["choked", "received", "cleared"]);
/// assert_eq!(PeerEvent::Cleared.kind(), PeerEventKind::Cleared);
/// let delivery = PeerEvent::delivery(PeerEventKind::Received);
/// assert_eq!(delivery, Delivery::new(Order::Unordered, OverflowPolicy::Coalesce));
///
/// // The keys of events, and how two events become one.
/// let mut event = PeerEvent::Received { peer: 7, bytes: 100 };
/// assert_eq!((event.key(), PeerEvent::Cleared.key()), (Some(7), None));
/// event.coalesce(PeerEvent::Received { peer: 7, bytes: 20 });
/// assert!(matches!(event, PeerEvent::Received { peer: 7, bytes: 120 }));
///
/// // Counted in a set, without a reducer.
/// let registry = Registry::new();
/// let peers = registry.set::<Peer>("peers")?;
/// peers.count(&event);
/// assert_eq!(registry.collector()?.tick().set(&peers).received, 120);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it generates
///
/// - An enum of the kinds, `PeerEventKind` for `PeerEvent`, with the same variants without fields,
///   and the same visibility and documentation. It is `Clone`, `Copy`, `Debug`, `PartialEq`, `Eq`,
///   `Hash` and a `Label` with the name `kind`, whose values are the names of the variants in snake
///   case.
/// - `Event`. The key is `()` if no field is marked with `key`, and otherwise an `Option` of that
///   field's type, which is `None` for variants without a key. Of two merged events the later wins,
///   except for fields with `sum` and variants with `merge`.
/// - With `stats`, `Counted`, which `Set::count` and `Entry::count` take.
///
/// # Attributes
///
/// On the enum:
///
/// - `#[event(kind = "Happening")]`: the name of the enum of kinds.
/// - `#[event(unordered)]` and `#[event(overflow = "…")]`: the defaults of all variants.
/// - `#[event(stats = "Peer")]`: the type of the set that events are counted in.
/// - `#[event(max_bytes = 256)]`: the maximum size of an event, 128 bytes by default. A larger
///   event does not compile.
/// - `#[event(crate = "facade::tallybook")]`: the path of tallybook, for crates that re-export it.
///
/// On a variant:
///
/// - `#[event(name = "other")]`: the kind's value, any string that is not empty. Values are unique
///   within the enum.
/// - `#[event(unordered)]`: these events may be applied in any order within one epoch.
///   `#[event(ordered)]`, the default, overrides an `unordered` on the enum.
/// - `#[event(overflow = "drop_newest")]`, the default, `"drop_oldest"` or `"coalesce"`: what
///   happens when a queue is full.
/// - `#[event(merge = "path::to::merge")]`: a function `fn(&mut PeerEvent, PeerEvent)` that merges
///   a later event of this kind and key into an earlier one. It is called if `overflow` is
///   `"coalesce"`.
/// - `#[event(count(pieces, received = bytes))]`: the counters of the set that change. `pieces`
///   grows by 1, `received` by the field `bytes`, an unsigned integer of up to 64 bits. A field
///   without a name is written as its number, `received = 0`. `io.received` is a counter in a
///   nested set.
///
/// On a field:
///
/// - `#[event(key)]`: what the event is about. Only events with equal keys are merged. A variant
///   has at most one key, which is cloned. All keys of an enum have one type.
/// - `#[event(sum)]`: the field is added up with `+=` when two events are merged, so its type needs
///   room for the sum. The other fields are those of the later event.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    event::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}
