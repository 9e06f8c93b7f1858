//! [`Mailbox`]: where an actor receives events.

use super::gate::Gate;
use super::outbox::MailboxConfig;
use super::reducer::Event;
use super::wake::Wake;
use crate::metric::Label;
use crate::phase::{Place, Room};
use std::marker::PhantomData;
use std::sync::Arc;

/// The state that the senders of an actor share.
pub(crate) struct Mailbox<E> {
    pub(crate) place: Place,
    wake: Arc<Wake>,
    pub(super) config: MailboxConfig,
    pub(crate) gate: Gate,
    events: PhantomData<fn(E)>,
}

impl<E: Event> Mailbox<E> {
    pub(crate) fn new(place: Place, wake: Arc<Wake>, capacity: usize) -> Self {
        Mailbox {
            place,
            wake,
            config: MailboxConfig::new(Room::new(capacity, capacity.div_ceil(4))),
            gate: Gate::new(E::Kind::VALUES.len()),
            events: PhantomData,
        }
    }

    /// The bounds of all queues, and their memory.
    pub(crate) fn room(&self) -> &Room {
        &self.config.room
    }

    /// Wakes the collector.
    pub(crate) fn wake(&self) -> &Wake {
        &self.wake
    }
}
