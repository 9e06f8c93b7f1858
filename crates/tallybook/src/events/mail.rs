//! [`Mail`]: what one thread has sent to one actor in one epoch.

use super::{Account, Event, EventStats, Full};
use crate::metric::{Label, Metric};
use crate::phase::{Cells, Queue, Room, Run, Sequencer};
use crossbeam_utils::CachePadded;
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

/// What all mail of an actor has in common.
pub(crate) struct Desk {
    pub(crate) room: Room,
    /// Numbers ordered events.
    pub(crate) sequencer: Sequencer,
}

/// The cells at an actor's place: one user at a time, as all cells.
pub(crate) struct Mail<E: Event> {
    /// What waits in a queue is counted as sent when it is taken out, which spares the sender a store.
    pub(crate) account: Account<E::Kind>,
    /// By kind; on lines of their own, for what another thread allocated may lie beside it.
    queues: Box<[CachePadded<Waiting<E>>]>,
    run: Run,
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

impl<E: Event> Cells for Mail<E> {
    fn empty() -> Self {
        let queues = E::Kind::VALUES.iter().map(|_| CachePadded::new(Waiting::new())).collect();
        Mail { account: Account::at_rest(), queues, run: Run::new() }
    }
}

impl<E: Event> Mail<E> {
    /// Takes an event of an ordered kind, or drops it. Answers whether it is time to ask the collector to come.
    #[inline(always)]
    pub(crate) fn put_ordered(&self, event: E, desk: &Desk) -> bool {
        let event = match desk.sequencer.next_within(&self.run) {
            None => event,
            Some(number) => {
                let queue = &self.queues[event.kind().index()].ordered;
                match queue.push_within(Letter { number, event }) {
                    Ok(()) => return false,
                    Err(letter) => letter.event,
                }
            }
        };
        self.put_ordered_slowly(event, desk)
    }

    /// The same for one whose order does not matter.
    #[inline(always)]
    pub(crate) fn put_unordered(&self, event: E, desk: &Desk) -> bool {
        match self.queues[event.kind().index()].unordered.push_within(event) {
            Ok(()) => false,
            Err(event) => self.put_unordered_slowly(event, desk),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_ordered_slowly(&self, event: E, desk: &Desk) -> bool {
        let waiting = &self.queues[event.kind().index()];
        let letter = Letter { number: desk.sequencer.next(&self.run), event };
        match waiting.ordered.push(letter, &desk.room) {
            Ok(calls) => calls,
            Err(letter) => self.put_where_full(letter.event, Some(letter.number)),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_unordered_slowly(&self, event: E, desk: &Desk) -> bool {
        let waiting = &self.queues[event.kind().index()];
        match waiting.unordered.push(event, &desk.room) {
            Ok(calls) => calls,
            Err(event) => self.put_where_full(event, None),
        }
    }

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
        // Until this side is used again, the sender has numbers from another.
        self.run.end();
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
    fn new() -> Self {
        Waiting {
            unordered: Queue::new(),
            ordered: Queue::new(),
            merged: RefCell::new(HashMap::new()),
        }
    }

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
