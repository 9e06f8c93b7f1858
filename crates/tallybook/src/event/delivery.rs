//! [`Delivery`]: in what order events are applied, and what happens where a queue is full.

/// How events of a kind are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// In what order they are applied.
    pub order: Order,
    /// What happens where a thread's queue of the kind is full.
    pub overflow: OverflowPolicy,
}

/// In what order events are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// If one was sent before another, on whatever threads, it is applied before it. All senders of an actor share a
    /// cache line for that: nothing to speak of for one thread, a few nanoseconds where several send now and then, and where
    /// several do nothing else the line goes to and fro between them.
    #[default]
    Ordered,
    /// In any order within one epoch, but for those of one thread and kind, which keep theirs; a [merged](OverflowPolicy::Coalesce)
    /// event stands where the last one that went into it would. For events that commute: it costs less.
    Unordered,
}

/// What happens to an event where the sending thread's queue of its kind is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverflowPolicy {
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
