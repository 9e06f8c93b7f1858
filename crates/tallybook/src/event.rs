//! Events: facts with identity, for one owner.
//!
//! # How an event travels
//! Sending is a fact. The event goes into a queue in the sending thread's own block at the actor's place ([`outbox`]), of the
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
