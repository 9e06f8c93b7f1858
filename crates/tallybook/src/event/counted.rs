//! [`Counted`]: events that are counted where they happen.

use crate::metric::Stats;

/// Events that are counted in a set, by [`Set::count`](crate::Set::count) and
/// [`Entry::count`](crate::Entry::count).
///
/// `#[derive(Event)]` implements it if the enum names a set. So a program can have events
/// everywhere and pay only for those that need a reducer: counting is a few plain stores. An event
/// can be counted and sent in one fact:
///
/// ```
/// use std::time::Duration;
/// use tallybook::{Counted, Counter, Event, Reducer, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Peer {
///     pieces: Counter,
///     #[stats(unit = "bytes")]
///     received: Counter,
/// }
///
/// #[derive(Event)]
/// #[event(stats = "Peer")]
/// enum PeerEvent {
///     #[event(count(pieces, received = bytes))]
///     Received { bytes: u32 },
///     Left,
/// }
///
/// /// The size of the last piece.
/// #[derive(Default)]
/// struct Last(Option<u32>);
///
/// impl Reducer for Last {
///     type Event = PeerEvent;
///     type Snapshot = Option<u32>;
///     fn apply(&mut self, event: PeerEvent, _: Duration) {
///         self.0 = match event {
///             PeerEvent::Received { bytes } => Some(bytes),
///             PeerEvent::Left => None,
///         };
///     }
///     fn snapshot(&self) -> Option<u32> {
///         self.0
///     }
/// }
///
/// let registry = Registry::new();
/// let peer = registry.set::<Peer>("peer")?;
/// let last = registry.actor("last", Last::default())?;
/// let mut collector = registry.collector()?;
///
/// // Counted alone:
/// peer.count(&PeerEvent::Received { bytes: 100 });
/// // Counted and sent in one fact, which is in a snapshot entirely or not at all:
/// let (sender, event) = (last.sender(), PeerEvent::Received { bytes: 20 });
/// peer.record(|p| {
///     event.count(p);
///     sender.send(event);
/// });
///
/// let now = collector.tick();
/// assert_eq!((now.set(&peer).pieces, now.set(&peer).received), (2, 120));
/// assert_eq!(*now.state(&last), Some(20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "events of type `{Self}` are not counted",
    label = "not counted in a set",
    note = "write `#[derive(Event)]` and `#[event(stats = \"…\")]` for it, with the type of a set"
)]
pub trait Counted {
    /// The set that the events are counted in.
    type Stats: Stats;

    /// Changes the counters of this event, within a fact.
    fn count(&self, stats: &Self::Stats);
}

/// A number that can be added to a counter. For the derive macro alone.
#[diagnostic::on_unimplemented(
    message = "a counter cannot grow by `{Self}`",
    label = "not an unsigned integer of up to 64 bits",
    note = "count a field of type `u8`, `u16`, `u32`, `u64` or `usize`, or write the counter's name alone to add 1"
)]
pub trait Amount: Copy {
    /// The number as a count.
    fn amount(self) -> u64;
}

macro_rules! amounts {
    ($($number:ty)*) => {
        $(impl Amount for $number {
            #[inline(always)]
            fn amount(self) -> u64 {
                self as u64
            }
        })*
    };
}

amounts!(u8 u16 u32 u64 usize);
