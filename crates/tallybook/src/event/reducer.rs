//! [`Event`], and the [`Reducer`] that events are applied to.

use super::delivery::Delivery;
use crate::metric::Label;
use std::hash::Hash;
use std::time::Duration;

/// What is sent to a [`Reducer`]: usually an enum, each variant of which is a kind.
///
/// [`#[derive(Event)]`](macro@crate::Event) implements it.
///
/// # Panics
/// The methods are called in [`Sender::send`](super::Sender::send), on the sender's thread. If one
/// of them panics there, or the key's `Hash`, `Eq` or `Drop`, or the event's `Drop`, the panic
/// propagates to the sender. The account still adds up: an event that the panic destroys is lost,
/// and so is one that was being merged with it; if `kind` panics, the event was not sent. The
/// collector calls `kind`, too; if it panics there, the event is lost. All of them may record facts
/// and send events, to any actor.
pub trait Event: Send + Sized + 'static {
    /// The kinds of events, each of which has an account.
    type Kind: Label;
    /// What events of a kind are about: a peer, a connection. Only events with equal keys are
    /// merged. `()` if all may be merged.
    type Key: Eq + Hash + Send + 'static;

    /// The maximum size of an event in bytes. Registering an actor for a larger event does not
    /// compile. A queue reserves the event's size for each event, so large fields are better boxed.
    const MAX_BYTES: usize = 128;

    /// The event's kind.
    fn kind(&self) -> Self::Kind;
    /// The delivery of events of a kind. It must not change.
    fn delivery(kind: Self::Kind) -> Delivery;
    /// What the event is about. Called when it has to be merged.
    fn key(&self) -> Self::Key;
    /// Merges a later event of the same kind and key into this one. Called when the queue is full
    /// and the delivery is [`OverflowPolicy::Coalesce`](super::OverflowPolicy::Coalesce).
    fn coalesce(&mut self, later: Self);
}

/// The owner of a state, to which events are applied one after the other.
///
/// The reducer lives in the collector, which applies events when it closes an epoch. It must not
/// block, because nothing is collected meanwhile.
///
/// # Panics
/// If `apply` or `snapshot` panics, the reducer has [failed](crate::Snapshot::failure): it is
/// dropped, readers keep the last state, and events are lost until it is
/// [replaced](super::Actor::restart). Panics in the `Drop` of reducers, events, states and
/// questions are caught. The rest of the registry is not affected.
///
/// # What it may hold
/// A reducer may hold handles of its own registry: a [`Reader`](crate::Reader), sets, families,
/// senders, its own actor. It is dropped with the last [`Registry`](crate::Registry) and collector.
/// A reducer that holds one of those two leaks its registry, and a state that holds a `Reader`
/// leaks the snapshots, because one of them contains the state.
pub trait Reducer: Send + 'static {
    /// The events that are applied to it.
    type Event: Event;
    /// What readers see of it. Immutable. They see the default before the first snapshot.
    type Snapshot: Default + Send + Sync + 'static;

    /// Applies an event. `at` is the time of the cut, on the registry's clock. The event was sent
    /// after the previous cut and usually no later than `at`. It is later if it was sent during the
    /// cut, or in a fact that began before the cut and continued after it: a fact is in one cut as
    /// a whole.
    fn apply(&mut self, event: Self::Event, at: Duration);
    /// The state that readers see. Called at a tick if an event was applied since the last one.
    fn snapshot(&self) -> Self::Snapshot;
}
