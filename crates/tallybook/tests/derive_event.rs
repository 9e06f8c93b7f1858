//! What `#[derive(Event)]` generates, and that such events are delivered.
#![deny(warnings, missing_docs, clippy::all)]

#[path = "support/log.rs"]
mod log;

use log::Log;
use std::sync::Arc;
use tallybook::event::{Delivery, Order, OverflowPolicy};
use tallybook::{Actor, Collector, Counted, Counter, Event, Label, Registry, Stats};

/// Traffic.
#[derive(Stats)]
pub struct Traffic {
    /// Payload received.
    #[stats(unit = "bytes")]
    pub received: Counter,
}

/// One peer.
#[derive(Stats)]
pub struct Peer {
    /// Pieces received.
    pub pieces: Counter,
    /// Connections that were closed.
    pub closed: Counter,
    /// Its traffic.
    pub io: Traffic,
}

/// What happens to peers.
#[derive(Clone, Debug, PartialEq, Event)]
#[event(stats = "Peer", overflow = "coalesce", unordered)]
pub enum PeerEvent {
    /// A piece came.
    #[event(count(pieces, io.received = bytes))]
    Received {
        /// From whom.
        #[event(key)]
        peer: Arc<str>,
        /// How much.
        #[event(sum)]
        bytes: u32,
        /// The last one.
        piece: u64,
    },
    /// It chokes us, or does so no longer.
    #[event(ordered, name = "choke state")]
    Choked(
        /// Who.
        #[event(key)]
        Arc<str>,
        /// Whether it does.
        bool,
    ),
    /// What it said, all of it.
    #[event(merge = "Self::join", overflow = "drop_oldest")]
    Said(#[event(key)] Arc<str>, Vec<String>),
    /// A batch of closings.
    #[event(count(closed = 1, closed = 1), overflow = "drop_newest")]
    Closed(#[event(sum)] i64, #[event(sum)] u8),
    /// Nothing is left.
    #[event(count(closed))]
    #[deprecated]
    Cleared,
}

impl PeerEvent {
    fn join(&mut self, later: Self) {
        if let (PeerEvent::Said(_, all), PeerEvent::Said(_, more)) = (self, later) {
            all.extend(more);
        }
    }
}

/// Names that generated code could trip over, no documentation, and no key.
#[derive(Event)]
#[event(kind = "Happening")]
enum Awkward {
    r#Self_ {
        r#type: u8,
        #[event(sum)]
        stats: u64,
        later: u8,
    },
    None,
    #[allow(non_camel_case_types)]
    r#yield(#[event(sum)] f64),
    Empty {},
}

/// One kind, which is added up.
#[derive(Event)]
enum Add {
    /// Something more.
    Amount(#[event(sum)] u64),
}

/// Names with a common end, of which clippy warns once.
#[derive(Event)]
#[allow(clippy::enum_variant_names)]
enum Link {
    LinkUp,
    LinkDown,
    LinkLost,
}

mod deep {
    use tallybook::Event;

    /// Visible as far as it says.
    #[derive(Event)]
    pub(super) enum Inner {
        /// Up.
        Up,
    }
}

mod facade {
    pub mod inside {
        pub use ::tallybook;
    }
}

/// Through a crate that re-exports this one.
#[derive(Event)]
#[event(crate = "crate::facade::inside::tallybook", stats = "crate::Traffic")]
enum Elsewhere {
    /// Something came.
    #[event(count(received = of))]
    Came {
        #[event(key)]
        peer: u8,
        of: usize,
    },
    /// It is not counted.
    Went,
}

fn received(peer: &str, bytes: u32, piece: u64) -> PeerEvent {
    PeerEvent::Received { peer: peer.into(), bytes, piece }
}

fn said(peer: &str, words: &[&str]) -> PeerEvent {
    PeerEvent::Said(peer.into(), words.iter().map(ToString::to_string).collect())
}

fn merged<E: Event>(mut event: E, later: E) -> E {
    event.coalesce(later);
    event
}

#[test]
fn kinds_are_a_label() {
    assert_eq!(PeerEventKind::NAME, "kind");
    assert_eq!(PeerEventKind::VALUES, ["received", "choke state", "said", "closed", "cleared"]);
    assert_eq!(Happening::VALUES, ["self", "none", "yield", "empty"]);
    assert_eq!(PeerEventKind::Said.index(), 2);
    assert_eq!(received("a", 1, 1).kind(), PeerEventKind::Received);
    assert_eq!(PeerEvent::Closed(1, 1).kind(), PeerEventKind::Closed);
    assert_eq!(Awkward::Empty {}.kind(), Happening::Empty);
    assert_eq!(Awkward::None.kind(), Happening::None);
    assert_eq!(format!("{:?}", deep::Inner::Up.kind()), "Up");
    assert_eq!(LinkKind::VALUES[Link::LinkLost.kind().index()], "link_lost");
    assert_eq!([Link::LinkUp, Link::LinkDown].map(|link| link.kind().index()), [0, 1]);
    assert_eq!(deep::InnerKind::VALUES, ["up"]);
}

#[test]
fn deliveries_are_those_of_the_variant_or_else_of_the_enum() {
    let delivery = |kind| PeerEvent::delivery(kind);
    let of = |order, overflow| Delivery::new(order, overflow);
    assert_eq!(delivery(PeerEventKind::Received), of(Order::Unordered, OverflowPolicy::Coalesce));
    assert_eq!(delivery(PeerEventKind::Choked), of(Order::Ordered, OverflowPolicy::Coalesce));
    assert_eq!(delivery(PeerEventKind::Said), of(Order::Unordered, OverflowPolicy::DropOldest));
    assert_eq!(delivery(PeerEventKind::Closed), of(Order::Unordered, OverflowPolicy::DropNewest));
    assert_eq!(Awkward::delivery(Happening::None), Delivery::default());
}

#[test]
fn a_marked_field_is_the_key() {
    assert_eq!(received("a", 1, 1).key(), Some("a".into()));
    assert_eq!(PeerEvent::Choked("b".into(), true).key(), Some("b".into()));
    assert_eq!(PeerEvent::Closed(1, 1).key(), None);
    let () = Add::Amount(1).key();
    assert_eq!(Elsewhere::Came { peer: 3, of: 1 }.key(), Some(3));
    assert_eq!(Elsewhere::Went.key(), None);
}

#[test]
fn merged_events_are_the_last_their_sum_or_what_a_function_makes_of_them() {
    let choked = |on| PeerEvent::Choked("a".into(), on);
    assert_eq!(merged(choked(true), choked(false)), choked(false));
    assert_eq!(merged(received("a", 5, 1), received("a", 6, 2)), received("a", 11, 2));
    assert_eq!(merged(said("a", &["one"]), said("a", &["two"])), said("a", &["one", "two"]));
    assert_eq!(merged(PeerEvent::Closed(-3, 1), PeerEvent::Closed(2, 1)), PeerEvent::Closed(-1, 2));
    let awkward = |n| Awkward::r#Self_ { r#type: n, stats: 7, later: n };
    let of_two = merged(awkward(1), awkward(2));
    assert!(matches!(of_two, Awkward::r#Self_ { r#type: 2, stats: 14, later: 2 }));
    assert!(matches!(merged(Awkward::r#yield(0.5), Awkward::r#yield(1.0)), Awkward::r#yield(1.5)));
    assert!(matches!(merged(Add::Amount(1), Add::Amount(2)), Add::Amount(3)));
    // The library merges only events of one kind; between kinds, the later event wins.
    assert_eq!(merged(said("a", &["one"]), choked(true)), choked(true));
    assert_eq!(merged(choked(true), received("a", 1, 1)), received("a", 1, 1));
}

#[test]
#[allow(deprecated)]
fn events_are_counted_in_a_set_and_in_an_entry() {
    let registry = Registry::new();
    let set = registry.set::<Peer>("all").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "id").unwrap();
    let traffic = registry.set::<Traffic>("traffic").unwrap();
    let mut collector = registry.collector().unwrap();
    let entry = peers.entry(7).unwrap();
    let events =
        [received("a", 100, 1), said("a", &[]), PeerEvent::Closed(-1, 3), PeerEvent::Cleared];
    for event in &events {
        set.count(event);
        entry.count(event);
    }
    entry.count(&received("a", 20, 2));
    traffic.count(&Elsewhere::Came { peer: 0, of: 9 });
    traffic.count(&Elsewhere::Went);
    let now = collector.tick();
    let (all, one) = (now.set(&set), now.family(&peers).get(&7).unwrap());
    assert_eq!((all.pieces, all.closed, all.io.received), (1, 7, 100));
    assert_eq!((one.pieces, one.closed, one.io.received), (2, 7, 120));
    assert_eq!(now.set(&traffic).received, 9);
}

fn log(capacity: usize) -> (Registry, Actor<Log<PeerEvent>>, Collector) {
    let registry = Registry::new();
    let log = registry.actor_builder("log").capacity(capacity).register(Log::default()).unwrap();
    let collector = registry.collector().unwrap();
    (registry, log, collector)
}

#[test]
fn an_event_is_counted_and_sent_in_one_fact() {
    let (registry, log, mut collector) = log(64);
    let set = registry.set::<Peer>("all").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "id").unwrap();
    let (entry, sender) = (peers.entry(7).unwrap(), log.sender());
    for piece in 0..10 {
        let event = received("a", 3, piece);
        set.record(|s| {
            event.count(s);
            entry.count(&event); // joins the fact
            sender.send(event);
        });
        let now = collector.tick();
        assert_eq!(now.state(&log).len() as u64, now.set(&set).pieces);
        assert_eq!(now.family(&peers).get(&7).unwrap().io.received, (piece + 1) * 3);
    }
}

#[test]
fn where_there_is_no_room_events_are_merged_by_kind_and_key() {
    let (_registry, log, mut collector) = log(1);
    let sender = log.sender();
    sender.send(said("a", &["one"]));
    sender.send(said("a", &["two"])); // drops the oldest
    for n in 1..=4 {
        sender.send(received("a", n, n.into()));
        sender.send(received("b", n * 10, n.into()));
    }
    let now = collector.tick();
    let state = now.state(&log);
    // The first event is queued; those after it are merged, one for each key.
    let of = |peer: &str| state.iter().filter(|e| e.key() == Some(peer.into())).count();
    assert_eq!((of("a"), of("b"), state.len()), (3, 1, 4));
    assert!(state.contains(&said("a", &["two"])));
    assert!(state.contains(&received("a", 2 + 3 + 4, 4)));
    assert!(state.contains(&received("b", 10 + 20 + 30 + 40, 4)));
    let events = now.events(&log);
    assert_eq!(events[PeerEventKind::Received].coalesced, 5);
    assert_eq!(events[PeerEventKind::Received].dropped, 0);
    assert_eq!(events[PeerEventKind::Said].dropped, 1);
}
