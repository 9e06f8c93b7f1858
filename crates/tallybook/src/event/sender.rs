//! [`Sender`]: sends events to a reducer.

use super::delivery::Order;
use super::gate::Admission;
use super::mailbox::Mailbox;
use super::outbox::Outbox;
use super::reducer::Event;
use crate::phase::{Place, record_cells};
use std::fmt;
use std::sync::Arc;

/// Sends events to a reducer, from any thread. Cheap to clone; made by
/// [`Actor::sender`](super::Actor::sender).
pub struct Sender<E> {
    /// The mailbox's place, to save following a pointer.
    place: Place,
    /// `None` in a disabled registry.
    mailbox: Option<Arc<Mailbox<E>>>,
}

impl<E: Event> Sender<E> {
    pub(super) fn new(mailbox: Option<Arc<Mailbox<E>>>) -> Self {
        let place = mailbox.as_ref().map_or(Place::nowhere(), |it| it.place.clone());
        Sender { place, mailbox }
    }

    /// Sends an event. Sending is a fact, and part of the fact around it, if there is one. So a
    /// snapshot that contains that fact contains the event's effect on the reducer.
    ///
    /// Sending never blocks. If several threads do little but send ordered events, each pauses now
    /// and then for 0.1 or 0.2 microseconds, which lets all of them send more. It allocates only
    /// while the thread's queue of that kind grows. When the queue is full, the kind's
    /// [`Delivery`](super::Delivery) decides. In a disabled registry, and if its kind is [switched
    /// off](super::Actor::disable), the event is dropped and not counted.
    // Always inline: if the kind is known at compile time, little code remains.
    #[inline(always)]
    pub fn send(&self, event: E) {
        let Some(mailbox) = &self.mailbox else { return };
        if !mailbox.gate.is_open() && !self.is_let_in(mailbox, event.kind()) {
            return;
        }
        let is_time = match E::delivery(event.kind()).order {
            Order::Ordered => self.put_ordered(mailbox, event),
            Order::Unordered => self.put_unordered(mailbox, event),
        };
        if is_time == Some(true) {
            mailbox.wake().ask();
        }
    }

    /// Sends the event that `make` returns, which is of that kind. If the kind is [switched
    /// off](super::Actor::disable) or the registry is disabled, `make` is not called.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tallybook::{Event, Reducer, Registry};
    /// # #[derive(Event)]
    /// # enum PeerEvent { Joined { name: String } }
    /// # #[derive(Default)]
    /// # struct Names(Vec<String>);
    /// # impl Reducer for Names {
    /// #     type Event = PeerEvent;
    /// #     type Snapshot = usize;
    /// #     fn apply(&mut self, PeerEvent::Joined { name }: PeerEvent, _: Duration) { self.0.push(name) }
    /// #     fn snapshot(&self) -> usize { self.0.len() }
    /// # }
    /// let registry = Registry::new();
    /// let names = registry.actor("names", Names::default())?;
    /// let mut collector = registry.collector()?;
    /// let sender = names.sender();
    /// sender.send_with(PeerEventKind::Joined, || PeerEvent::Joined { name: "a".into() });
    /// names.disable(PeerEventKind::Joined);
    /// sender.send_with(PeerEventKind::Joined, || unreachable!("nobody wants it"));
    /// let now = collector.tick();
    /// assert_eq!((*now.state(&names), now.events(&names)[PeerEventKind::Joined].sent), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn send_with(&self, kind: E::Kind, make: impl FnOnce() -> E) {
        if self.is_enabled(kind) {
            self.send(make());
        }
    }

    /// Whether events of that kind are applied or counted: the registry is not disabled and the
    /// kind is not switched off. Another thread may change that at any time.
    #[inline]
    pub fn is_enabled(&self, kind: E::Kind) -> bool {
        let Some(mailbox) = &self.mailbox else { return false };
        let gate = &mailbox.gate;
        gate.is_open() || !matches!(gate.of(kind), Admission::Ignore)
    }

    /// Whether an event of that kind is accepted. Counts one that is refused.
    #[cold]
    #[inline(never)]
    fn is_let_in(&self, mailbox: &Mailbox<E>, kind: E::Kind) -> bool {
        match mailbox.gate.of(kind) {
            Admission::Accept => return true,
            Admission::Refuse => {
                _ = record_cells(&self.place, |outbox: &Outbox<E>| outbox.refuse(kind))
            }
            Admission::Ignore => {}
        }
        false
    }

    #[inline]
    fn put_ordered(&self, mailbox: &Mailbox<E>, event: E) -> Option<bool> {
        let config = &mailbox.config;
        record_cells(&self.place, move |outbox: &Outbox<E>| outbox.put_ordered(event, config))
    }

    #[inline]
    fn put_unordered(&self, mailbox: &Mailbox<E>, event: E) -> Option<bool> {
        let config = &mailbox.config;
        record_cells(&self.place, move |outbox: &Outbox<E>| outbox.put_unordered(event, config))
    }
}

impl<E> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Sender { place: self.place.clone(), mailbox: self.mailbox.clone() }
    }
}

impl<E> fmt::Debug for Sender<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.mailbox.is_some().then(|| self.place.name());
        f.debug_struct("Sender").field("name", &name).finish_non_exhaustive()
    }
}
