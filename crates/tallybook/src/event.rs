//! Events: facts with identity, applied to a state with one owner.
//!
//! # How an event travels
//! Sending is a fact. The event goes into a queue in the sending thread's own block at the actor's
//! place (the outbox), on the side of the open epoch, next to the counters of its
//! [account](EventStats). When the collector closes an epoch, it takes all queues of the quiet side
//! and applies their events to the [`Reducer`]. So an event is applied with the cut that contains
//! the fact it was sent in, no event is queued in a snapshot, and no queue is shared between
//! threads.
//!
//! Queues are bounded. A sender whose queue is a quarter full asks the collector to close an epoch
//! early, without publishing a snapshot, so there may be any number of events between two
//! snapshots.
//!
//! # Order
//! Epochs are ordered, and within an epoch so are the events of one thread and kind. An event of an
//! *ordered* kind also takes a number from a word that all senders share (the sequencer). Sorted by
//! number, no effect precedes its cause, whatever threads they were sent on.

mod account;
mod actor;
mod ask;
mod counted;
mod delivery;
mod gate;
mod mailbox;
mod merged;
#[cfg(all(test, tallybook_loom))]
mod models;
mod outbox;
mod reducer;
mod sender;
mod wake;

pub(crate) use account::Account;
pub use account::{ByKind, EventStats, EventStatsRates, EventStatsSnapshot};
pub use actor::Actor;
pub(crate) use actor::{ActorShared, Command};
pub use ask::{NoReply, Reply};
#[doc(hidden)]
pub use counted::Amount;
pub use counted::Counted;
pub use delivery::{Delivery, Order, OverflowPolicy};
pub use gate::Close;
pub(crate) use outbox::{Batch, Envelope, Outbox};
pub use reducer::{Event, Reducer};
pub use sender::Sender;
pub(crate) use wake::Wake;
