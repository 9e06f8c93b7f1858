//! [`Delivery`]: the order in which events are applied, and what happens when a queue is full.

/// How events of a kind are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The order in which they are applied.
    pub order: Order,
    /// What happens when a thread's queue of the kind is full.
    pub overflow: OverflowPolicy,
}

impl Delivery {
    /// Delivery in this order and with this overflow policy.
    #[must_use]
    #[inline(always)]
    pub const fn new(order: Order, overflow: OverflowPolicy) -> Self {
        Delivery { order, overflow }
    }
}

/// The order in which events are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// An event that was sent before another, on whatever threads, is applied before it. For that
    /// all senders of an actor share a cache line. The cost is negligible for one thread and a few
    /// nanoseconds if several send now and then; if several do nothing but send, the cache line
    /// bounces between them.
    #[default]
    Ordered,
    /// Events are applied in any order within one epoch, except that those of one thread and kind
    /// keep their order. A [merged](OverflowPolicy::Coalesce) event takes the place of the last one
    /// merged into it. This costs less, and is for events that commute.
    Unordered,
}

/// What happens to an event when the sending thread's queue of its kind is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverflowPolicy {
    /// The event is dropped and counted as dropped.
    #[default]
    DropNewest,
    /// The oldest event in the queue is dropped in its place, and counted as dropped.
    DropOldest,
    /// The event is [merged](super::Event::coalesce) with earlier overflow, one event per key, so
    /// none is ever dropped. The merged event is applied in the place of the last one merged into
    /// it.
    ///
    /// Memory is bounded only by the number of different keys that a thread sends in one epoch.
    /// Each key takes the size of a key and an event, and a few words, until the collector takes
    /// the events.
    Coalesce,
}
