//! Events: facts with identity, for one owner.
//!
//! # How an event travels
//! Sending is a fact. The event goes into a queue in the sending thread's own block at the actor's place ([`mail`]), of the
//! side that the open epoch has, and the counters of its [account](EventStats) stand beside it. When the collector closes an
//! epoch it takes all queues of the quiet side, and applies what was in them to the [`Reducer`]. So an event is applied with
//! the cut that holds the fact it was sent in, nothing is queued in a snapshot, and no queue is shared between threads.
//!
//! Queues are bounded. A sender whose queue is full to a quarter asks the collector to close an epoch ahead of time,
//! without publishing a snapshot ([`Wake`]), so between two snapshots there may be any number of events.
//!
//! # Order
//! Epochs are ordered, and within one the events of one thread and kind are. An *ordered* kind also takes a number from a
//! word that all senders share ([`Sequencer`](crate::phase::Sequencer)): sorting by it gives an order in which no effect
//! comes before its cause, on whatever threads they were sent.

mod account;
mod actor;
mod ask;
mod counted;
mod doors;
mod mail;
#[cfg(all(test, tallybook_loom))]
mod models;
mod overflow;
mod sender;
mod wake;

pub(crate) use account::Account;
pub use account::{ByKind, EventStats, EventStatsRates, EventStatsSnapshot};
pub use actor::{Actor, Close};
pub(crate) use actor::{Errand, Post};
pub(crate) use ask::Request;
pub use ask::{NoReply, Reply};
pub use counted::{Amount, Counted};
pub(crate) use mail::{Letter, Mail, Taken};
pub(crate) use sender::Letterbox;
pub use sender::Sender;
pub(crate) use wake::Wake;

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
    /// the delivery is [`Full::Coalesce`].
    fn coalesce(&mut self, later: Self);
}

/// How events of a kind are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// In what order they are applied.
    pub order: Order,
    /// What happens where a thread's queue of the kind is full.
    pub full: Full,
}

/// In what order events are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// If one was sent before another, on whatever threads, it is applied before it. All senders of an actor share a
    /// cache line for that: nothing to speak of for one thread, a few nanoseconds where several send now and then, and where
    /// several do nothing else the line goes to and fro between them.
    #[default]
    Ordered,
    /// In any order within one epoch, but for those of one thread and kind, which keep theirs; a [merged](Full::Coalesce)
    /// event stands where the last one that went into it would. For events that commute: it costs less.
    Unordered,
}

/// What happens to an event where the sending thread's queue of its kind is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// It is dropped, and the drop counted.
    #[default]
    DropNewest,
    /// The oldest in the queue is dropped in its place, and the drop counted.
    DropOldest,
    /// It is [merged](Event::coalesce) with what has found no room before it, one event per key: nothing is ever dropped. The
    /// merged event is applied in the place of the last one that went into it.
    ///
    /// Memory is bounded by the number of different keys that a thread sends in one epoch, and by nothing else: each takes
    /// the size of a key and of an event, and a few words. It is given back when the collector takes the events.
    Coalesce,
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
