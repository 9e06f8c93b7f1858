//! The derive macros of [Tallybook](https://docs.rs/tallybook): [`Stats`](macro@Stats) for a set of metrics,
//! [`Label`](macro@Label) for an enum whose variants are the values of a label, [`Event`](macro@Event) for one whose
//! variants are kinds of events. Use them through the crate `tallybook`, which re-exports them.
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

/// Makes a set of a struct: metrics that are declared, recorded and read together.
///
/// Every field is a metric (`Counter`, `UpDownCounter`, `Gauge`, `Max`, `Min`, `Histogram`, `Live`, `TimedLive`), another
/// set, or a `PerLabel` of either. Names, help texts and units are given here and nowhere else: a field's name is the metric's name, its doc
/// comment the help text.
///
/// ```
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
/// assert_eq!(group.fields[1].unit, Some("bytes"));
///
/// // What a snapshot shows of it:
/// let now = PeerSnapshot { pieces: 5, received: 81_920, ..PeerSnapshot::default() };
/// let earlier = PeerSnapshot { pieces: 3, received: 49_152, ..PeerSnapshot::default() };
/// assert_eq!(now.difference(&earlier).pieces, 2);
///
/// // What a guard opens: a constant per field that is a `Live`, as in `peer.open(Peer::connections)`.
/// let connections: tallybook::LiveField<Peer> = Peer::connections;
/// ```
///
/// A field of any other type is refused, with what to write instead:
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
/// - A snapshot struct, `PeerSnapshot` for `Peer`: the same fields with the same visibility and documentation, each with
///   the value that a snapshot shows of it. It is `Clone`, `Debug`, `Default` and `PartialEq`, `Serialize` where
///   tallybook's feature `serde` is on, and has the methods `difference` and `sum`.
/// - A struct of rates per second, `PeerRates` for `Peer`, with the same fields: `f64` for sums, `LiveRates` and
///   `HistogramRates` for what has several, `()` for what has none (`Gauge`, `Max`, `Min`). It has the same traits.
/// - For each field whose type is written as `Live` or `TimedLive` (or a path that ends in it), a constant with the field's
///   name.
///
/// # Attributes
///
/// On the struct:
///
/// - `#[stats(snapshot = "PeerNow")]`: the name of the snapshot struct.
/// - `#[stats(rates = "PeerSpeed")]`: the name of the struct of rates.
/// - `#[stats(crate = "facade::tallybook")]`: where tallybook is found, for crates that re-export it.
///
/// On a field:
///
/// - `#[stats(name = "other")]`: the metric's name, where it is not the field's.
/// - `#[stats(unit = "bytes")]`: the unit of its values. That of durations is always seconds.
///
/// Names consist of `a-z`, `A-Z`, `0-9` and `_`, do not start with a digit or with `__`, and differ within the set.
#[proc_macro_derive(Stats, attributes(stats))]
pub fn derive_stats(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    stats::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}

/// Makes a label of an enum: its variants are the label's values.
///
/// The name of the label and its values are the names of the enum and its variants in snake case. A field
/// `PerLabel<Direction, Counter>` is then one counter per variant; any metric and any set can stand in the counter's
/// place. The enum must be `Copy` and have no fields; explicit discriminants are fine.
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
/// - `#[label(name = "way")]` on the enum: the label's name. It consists of `a-z`, `A-Z`, `0-9` and `_` and does not start
///   with a digit or with `__`.
/// - `#[label(crate = "facade::tallybook")]` on the enum: where tallybook is found, for crates that re-export it.
/// - `#[label(value = "sent")]` on a variant: the value, any text that is not empty. Values differ within the enum.
#[proc_macro_derive(Label, attributes(label))]
pub fn derive_label(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    label::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}

/// Makes an event of an enum: each variant is a kind, with its own delivery and account.
///
/// Variants have named fields, unnamed ones or none. What events carry is owned; the enum has no parameters.
///
/// ```
/// use tallybook::{Counter, Delivery, Event, Full, Label, Order, Registry, Stats};
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
///     /// It sends nothing for now: the last state wins.
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
/// assert_eq!(delivery, Delivery { order: Order::Unordered, overflow: OverflowPolicy::Coalesce });
///
/// // What events are about, and how two become one.
/// let mut event = PeerEvent::Received { peer: 7, bytes: 100 };
/// assert_eq!((event.key(), PeerEvent::Cleared.key()), (Some(7), None));
/// event.coalesce(PeerEvent::Received { peer: 7, bytes: 20 });
/// assert!(matches!(event, PeerEvent::Received { peer: 7, bytes: 120 }));
///
/// // Counted in a set, where no owner is needed.
/// let registry = Registry::new();
/// let peers = registry.set::<Peer>("peers")?;
/// peers.count(&event);
/// assert_eq!(registry.collector()?.tick().set(&peers).received, 120);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it generates
///
/// - An enum of the kinds, `PeerEventKind` for `PeerEvent`: the same variants without fields, with the same visibility and
///   documentation. It is `Clone`, `Copy`, `Debug`, `PartialEq`, `Eq`, `Hash` and a `Label` with the name `kind`, whose
///   values are the names of the variants in snake case.
/// - `Event`. The key is a `()` where no field is marked with `key`, and otherwise an `Option` of that field's type: `None`
///   for variants that mark none. Of two merged events the last wins, but for what `sum` and `merge` say.
/// - With `stats`, `Counted`: what `Set::count` and `Entry::count` take.
///
/// # Attributes
///
/// On the enum:
///
/// - `#[event(kind = "Happening")]`: the name of the enum of kinds.
/// - `#[event(unordered)]` and `#[event(overflow = "…")]`: as on a variant, for all variants that do not say otherwise.
/// - `#[event(stats = "Peer")]`: the type of the set that events are counted in.
/// - `#[event(max_bytes = 256)]`: how many bytes an event may take, 128 if that is not said. One that takes more does not
///   compile.
/// - `#[event(crate = "facade::tallybook")]`: where tallybook is found, for crates that re-export it.
///
/// On a variant:
///
/// - `#[event(name = "other")]`: the kind's value, any text that is not empty. Values differ within the enum.
/// - `#[event(unordered)]`: these events may be applied in any order within one epoch. `#[event(ordered)]`, the default,
///   takes it back where the enum says `unordered`.
/// - `#[event(overflow = "drop_newest")]`, the default, `"drop_oldest"` or `"coalesce"`: what happens where a queue is full.
/// - `#[event(merge = "path::to::merge")]`: a function `fn(&mut PeerEvent, PeerEvent)` that merges a later event of this
///   kind and key into an earlier one. It is called where `overflow` is `"coalesce"`.
/// - `#[event(count(pieces, received = bytes))]`: the counters of the set that change. `pieces` grows by 1, `received` by the
///   field `bytes`, an unsigned integer of up to 64 bits; a field without a name is written as its number, `received = 0`.
///   `io.received` is a counter in a nested set.
///
/// On a field:
///
/// - `#[event(key)]`: what the event is about. Only events with the same key are merged. It is cloned, one field per
///   variant, and of one type in all variants.
/// - `#[event(sum)]`: it is added up with `+=` where two events are merged, so its type needs room for the sum. The other
///   fields are those of the later event.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    event::expand(&input).unwrap_or_else(|error| error.write_errors()).into()
}
