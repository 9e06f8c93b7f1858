//! The derive macros of [Tallybook](https://docs.rs/tallybook): [`Stats`](macro@Stats) for a set of metrics,
//! [`Label`](macro@Label) for an enum whose variants are the values of a label. Use them through the crate `tallybook`,
//! which re-exports both.
#![forbid(unsafe_code)]

mod docs;
mod field;
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
