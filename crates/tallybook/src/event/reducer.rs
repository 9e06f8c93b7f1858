//! [`Event`], and the [`Reducer`] that events are applied to.

use super::delivery::Delivery;
use crate::metric::Label;
use std::hash::Hash;
use std::time::Duration;

/// What is sent to a [`Reducer`]: usually an enum, of which each variant is a kind.
///
/// [`#[derive(Event)]`](macro@crate::Event) implements it.
///
/// # Panics
/// The methods are called in [`Sender::send`], on the sender's thread. If one of them panics there, or the key's `Hash`,
/// `Eq` or `Drop`, or the event's, the panic goes on to the sender. The account adds up all the same: an event that a panic
/// swallows is lost, and one that was being merged with it, too; if `kind` panics, it was not sent. `kind` is also called
/// in the collector: the event is lost if it panics there. All of them may record facts and send events, to any actor.
pub trait Event: Send + Sized + 'static {
    /// The kinds of events, which have an account each.
    type Kind: Label;
    /// What tells those events of a kind apart that must not be merged: a peer, a connection. `()` where all may be.
    type Key: Eq + Hash + Send + 'static;

    /// How many bytes an event may take: where it takes more, registering an actor for it does not compile. Each queue has
    /// a place of that size for each event it may hold, so what is large is better boxed.
    const MAX_BYTES: usize = 128;

    /// Of which kind it is.
    fn kind(&self) -> Self::Kind;
    /// How events of a kind are delivered.
    fn delivery(kind: Self::Kind) -> Delivery;
    /// What it is about, asked where it has to be merged.
    fn key(&self) -> Self::Key;
    /// Takes up a later event of the same kind and key, for which there was no room: both are one from now on. Asked where
    /// the delivery is [`OverflowPolicy::Coalesce`].
    fn coalesce(&mut self, later: Self);
}

/// The owner of some state, to which events are applied one after the other.
///
/// It lives in the collector, which applies events when it closes an epoch. So it must not wait for anything: while it
/// does, nothing is collected.
///
/// # Panics
/// If `apply` or `snapshot` panics, the reducer has [failed](crate::Snapshot::failure): it is dropped, readers keep the
/// state before, and events are lost until there is [another](Actor::restart). A panic of what is dropped in the collector,
/// reducers, events, states and questions, is caught. Everything else of the registry goes on in any case.
///
/// # What it may hold
/// Handles of the registry that it is registered in: a [`Reader`](crate::Reader), sets, families, senders, its own actor.
/// It goes when the last [`Registry`](crate::Registry) and collector have gone. One that holds one of those two keeps its
/// registry for ever; and so does a state that holds a `Reader` with the snapshots, one of which the state is in.
pub trait Reducer: Send + 'static {
    /// What it takes.
    type Event: Event;
    /// What readers see of it. Immutable; the default is what they see before the first snapshot.
    type Snapshot: Default + Send + Sync + 'static;

    /// Takes an event. `at` is the time of the cut, on the registry's clock. The event was sent after the cut before, and as
    /// a rule no later than `at`. It may be later where it was sent while the cut was being made, or in a fact that had begun
    /// before the cut and went on after it: a fact is in one cut as a whole.
    fn apply(&mut self, event: Self::Event, at: Duration);
    /// What readers are to see. Called at a tick if an event has been applied since the one before.
    fn snapshot(&self) -> Self::Snapshot;
}
