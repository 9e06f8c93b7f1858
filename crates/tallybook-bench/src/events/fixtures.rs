//! What is sent, who takes it, and rings whose two ends can be lent.

use anyhow::Result;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tallybook::event::{Delivery, Order};
use tallybook::{Actor, Collector, Event, Label, Reducer, Registry, Sender};

/// 16 bytes.
#[derive(Clone, Copy, Default)]
pub struct Sent {
    pub is_ordered: bool,
    pub n: u64,
}

#[derive(Clone, Copy, Label)]
pub enum SentKind {
    Ordered,
    Unordered,
}

impl Event for Sent {
    type Kind = SentKind;
    type Key = ();
    #[inline]
    fn kind(&self) -> SentKind {
        if self.is_ordered { SentKind::Ordered } else { SentKind::Unordered }
    }
    #[inline]
    fn delivery(kind: SentKind) -> Delivery {
        let order = match kind {
            SentKind::Ordered => Order::Ordered,
            SentKind::Unordered => Order::Unordered,
        };
        Delivery::new(order, Default::default())
    }
    fn key(&self) {}
    fn coalesce(&mut self, later: Sent) {
        *self = later;
    }
}

/// Counts what it is sent.
#[derive(Clone, Default)]
pub struct Count {
    pub events: u64,
    pub sum: u64,
}

impl Reducer for Count {
    type Event = Sent;
    type Snapshot = Count;
    fn apply(&mut self, event: Sent, _: Duration) {
        self.events += 1;
        self.sum = self.sum.wrapping_add(event.n);
    }
    fn snapshot(&self) -> Count {
        self.clone()
    }
}

/// An actor whose queues are emptied by hand.
pub struct Mail {
    pub registry: Registry,
    pub actor: Actor<Count>,
    collector: Mutex<Collector>,
}

impl Mail {
    pub fn new(capacity: usize) -> Result<Self> {
        let registry = Registry::new();
        let actor = registry.actor_builder("count").capacity(capacity).register(Count::default())?;
        let collector = Mutex::new(registry.collector()?);
        Ok(Mail { registry, actor, collector })
    }

    /// A sender, once the queues are empty.
    pub fn emptied(&self) -> Sender<Sent> {
        locked(&self.collector).close_epoch();
        self.actor.sender()
    }
}

/// A ring and both its ends.
pub struct Ring {
    producer: Mutex<rtrb::Producer<Sent>>,
    consumer: Mutex<rtrb::Consumer<Sent>>,
}

pub fn rings(count: usize, capacity: usize) -> Vec<Ring> {
    let ring = |_| {
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        Ring { producer: Mutex::new(producer), consumer: Mutex::new(consumer) }
    };
    (0..count).map(ring).collect()
}

impl Ring {
    pub fn empty(&self) {
        let mut consumer = locked(&self.consumer);
        while consumer.pop().is_ok() {}
    }

    /// The end that sends, for as long as a slice takes.
    pub fn lend(&self) -> Lent<'_> {
        Lent(locked(&self.producer))
    }
}

pub struct Lent<'a>(MutexGuard<'a, rtrb::Producer<Sent>>);

impl Deref for Lent<'_> {
    type Target = rtrb::Producer<Sent>;
    fn deref(&self) -> &rtrb::Producer<Sent> {
        &self.0
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut rtrb::Producer<Sent> {
        &mut self.0
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
