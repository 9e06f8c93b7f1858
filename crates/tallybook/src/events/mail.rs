//! [`Mail`]: what one thread has sent to one actor in one epoch.

use super::{Account, Event, EventStats, Full};
use crate::metric::{Label, Metric};
use crate::phase::{Cells, Lamport, Pen, Queue};
use std::cell::RefCell;
use std::collections::HashMap;

/// An event of an ordered kind.
pub(crate) struct Letter<E> {
    pub(crate) number: u64,
    pub(crate) event: E,
}

/// Events that were taken out of queues.
pub(crate) struct Taken<E> {
    pub(crate) unordered: Vec<E>,
    pub(crate) ordered: Vec<Letter<E>>,
}

/// The cells at an actor's place: one user at a time, as all cells.
pub(crate) struct Mail<E: Event> {
    /// What waits in a queue is counted as sent when it is taken out, which spares the sender a store.
    pub(crate) account: Account<E::Kind>,
    /// By kind.
    queues: Box<[Waiting<E>]>,
    pen: Pen,
}

/// The events of one kind: in one of two queues, as its order is.
struct Waiting<E: Event> {
    unordered: Queue<E>,
    ordered: Queue<Letter<E>>,
    /// What there was no room for, where it is merged. Never borrowed while code of the user runs, which might send to the
    /// same actor.
    merged: RefCell<HashMap<E::Key, Merged<E>>>,
}

/// An event that others were merged into, and the number of the last of them if they are ordered.
struct Merged<E> {
    number: Option<u64>,
    event: E,
}

/// What a queue may hold.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) capacity: usize,
    /// At how many the collector is asked to come.
    pub(crate) call: usize,
}

impl<E: Event> Mail<E> {
    fn new(pen: Pen) -> Self {
        let waiting = |_: &&str| Waiting {
            unordered: Queue::new(),
            ordered: Queue::new(),
            merged: RefCell::new(HashMap::new()),
        };
        let queues = E::Kind::VALUES.iter().map(waiting).collect();
        Mail { account: Account::at_rest(), queues, pen }
    }
}

impl<E: Event> Cells for Mail<E> {
    fn empty() -> Self {
        let [pen, _] = Pen::pair();
        Mail::new(pen)
    }

    fn sides() -> [Self; 2] {
        Pen::pair().map(Mail::new)
    }
}

impl<E: Event> Mail<E> {
    /// Takes an event of an ordered kind, or drops it. Answers whether it is time to ask the collector to come.
    #[inline(always)]
    pub(crate) fn put_ordered(&self, event: E, clock: &Lamport, room: Room) -> bool {
        let waiting = &self.queues[event.kind().index()];
        let letter = Letter { number: clock.next(&self.pen), event };
        match waiting.ordered.push(letter, room.capacity) {
            Ok(len) => len == room.call,
            Err(letter) => self.put_where_full(letter.event, Some(letter.number)),
        }
    }

    /// The same for one whose order does not matter.
    #[inline(always)]
    pub(crate) fn put_unordered(&self, event: E, room: Room) -> bool {
        let waiting = &self.queues[event.kind().index()];
        match waiting.unordered.push(event, room.capacity) {
            Ok(len) => len == room.call,
            Err(event) => self.put_where_full(event, None),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_where_full(&self, event: E, number: Option<u64>) -> bool {
        let kind = event.kind();
        let (waiting, account) = (&self.queues[kind.index()], &self.account.0[kind]);
        account.sent.inc();
        match E::delivery(kind).full {
            Full::DropNewest => account.dropped.inc(),
            Full::DropOldest => {
                account.dropped.inc();
                waiting.replace_oldest(event, number);
            }
            Full::Coalesce => waiting.merge(Merged { number, event }, account),
        }
        false
    }

    /// Counts an event of that kind that is not taken.
    pub(crate) fn refuse(&self, kind: E::Kind) {
        let account = &self.account.0[kind];
        account.sent.inc();
        account.dropped.inc();
    }

    /// Moves all events to `into`, those of a thread and kind in their order.
    pub(crate) fn take(&self, into: &mut Taken<E>) {
        for (waiting, account) in self.queues.iter().zip(self.account.0.all()) {
            let unordered = waiting.unordered.take(&mut into.unordered);
            let ordered = waiting.ordered.take(&mut into.ordered);
            account.sent.add((unordered + ordered) as u64);
            for (_, Merged { number, event }) in waiting.merged.borrow_mut().drain() {
                match number {
                    None => into.unordered.push(event),
                    Some(number) => into.ordered.push(Letter { number, event }),
                }
            }
        }
    }
}

impl<E> Taken<E> {
    pub(crate) fn new() -> Self {
        Taken { unordered: Vec::new(), ordered: Vec::new() }
    }
}

impl<E: Event> Waiting<E> {
    fn replace_oldest(&self, event: E, number: Option<u64>) {
        match number {
            None => drop(self.unordered.replace_oldest(event)),
            Some(number) => drop(self.ordered.replace_oldest(Letter { number, event })),
        }
    }

    /// Puts it with those of its key, if there are any.
    fn merge(&self, last: Merged<E>, account: &EventStats) {
        let known = self.merged.borrow_mut().remove(&last.event.key());
        let merged = match known {
            None => last,
            Some(known) => {
                account.coalesced.inc();
                let mut both = Merging { event: Some(known.event), account };
                if let Some(event) = &mut both.event {
                    event.coalesce(last.event);
                }
                let event = both.event.take();
                let Some(event) = event else { return };
                Merged { number: last.number, event }
            }
        };
        let key = merged.event.key();
        // The user's `coalesce` may have sent one of the same key meanwhile.
        let between = self.merged.borrow_mut().insert(key, merged);
        if let Some(between) = between {
            self.merge(between, account);
        }
    }
}

/// An event that is lost if the user's code panics.
struct Merging<'a, E> {
    event: Option<E>,
    account: &'a EventStats,
}

impl<E> Drop for Merging<'_, E> {
    fn drop(&mut self) {
        if self.event.is_some() {
            self.account.lost.inc();
        }
    }
}
