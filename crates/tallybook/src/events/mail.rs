//! [`Mail`]: what one thread has sent to one actor in one epoch.

use super::{Account, Event, EventStats, Full, Order};
use crate::metric::{Label, Metric};
use crate::phase::Cells;
use std::cell::RefCell;
use std::collections::HashMap;

/// An event and its number, which is 0 where its order does not matter.
pub(crate) struct Letter<E> {
    pub(crate) number: u64,
    pub(crate) event: E,
}

/// The cells at an actor's place: one user at a time, as all cells.
pub(crate) struct Mail<E: Event> {
    /// What waits in a queue is counted as sent when it is taken out, which spares the sender a store.
    pub(crate) account: Account<E::Kind>,
    /// By kind.
    queues: Box<[Queue<E>]>,
}

/// The events of one kind. Never borrowed while code of the user runs, which might send to the same actor.
struct Queue<E: Event> {
    waiting: RefCell<Waiting<E>>,
    /// What there was no room for, where it is merged.
    merged: RefCell<HashMap<E::Key, Letter<E>>>,
}

struct Waiting<E> {
    events: Vec<E>,
    /// Of the same events, where the order matters.
    numbers: Vec<u64>,
    /// Where the oldest is, once newer ones have taken the places of those before.
    oldest: usize,
}

/// What a queue may hold.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) capacity: usize,
    /// At how many the collector is asked to come.
    pub(crate) half: usize,
}

impl<E: Event> Cells for Mail<E> {
    fn empty() -> Self {
        let waiting = || Waiting { events: Vec::new(), numbers: Vec::new(), oldest: 0 };
        let queue = |_: &&str| Queue {
            waiting: RefCell::new(waiting()),
            merged: RefCell::new(HashMap::new()),
        };
        Mail { account: Account::at_rest(), queues: E::Kind::VALUES.iter().map(queue).collect() }
    }
}

impl<E: Event> Mail<E> {
    /// Takes an event, or drops it. Answers whether the queue has just become half full.
    #[inline(always)]
    pub(crate) fn put(&self, event: E, room: Room, next: impl FnOnce() -> u64) -> bool {
        let kind = event.kind();
        let delivery = E::delivery(kind);
        let number = if delivery.order == Order::Ordered { next() } else { 0 };
        let queue = &self.queues[kind.index()];
        let mut waiting = queue.waiting.borrow_mut();
        if waiting.events.len() < room.capacity {
            waiting.events.push(event);
            if delivery.order == Order::Ordered {
                waiting.numbers.push(number);
            }
            return waiting.events.len() == room.half;
        }
        drop(waiting);
        queue.put_where_full(Letter { number, event }, delivery.full, &self.account.0[kind]);
        false
    }

    /// Counts an event that is not taken.
    pub(crate) fn refuse(&self, event: &E) {
        let account = &self.account.0[event.kind()];
        account.sent.inc();
        account.dropped.inc();
    }

    /// Moves all events to `into`, those of a thread and kind in their order.
    pub(crate) fn take(&self, into: &mut Vec<Letter<E>>) {
        for (queue, account) in self.queues.iter().zip(self.account.0.all()) {
            let mut waiting = queue.waiting.borrow_mut();
            account.sent.add(waiting.events.len() as u64);
            waiting.take(into);
            into.extend(queue.merged.borrow_mut().drain().map(|(_, letter)| letter));
        }
    }
}

impl<E> Waiting<E> {
    fn take(&mut self, into: &mut Vec<Letter<E>>) {
        self.events.rotate_left(self.oldest);
        let is_ordered = !self.numbers.is_empty();
        if is_ordered {
            self.numbers.rotate_left(self.oldest);
        }
        self.oldest = 0;
        let numbers = self.numbers.drain(..).chain(std::iter::repeat(0));
        let events = self.events.drain(..);
        into.extend(events.zip(numbers).map(|(event, number)| Letter { number, event }));
    }

    /// Puts it in the place of the oldest, which it returns.
    fn replace_oldest(&mut self, letter: Letter<E>) -> E {
        let at = self.oldest;
        self.oldest = (at + 1) % self.events.len();
        if let Some(number) = self.numbers.get_mut(at) {
            *number = letter.number;
        }
        std::mem::replace(&mut self.events[at], letter.event)
    }
}

impl<E: Event> Queue<E> {
    #[cold]
    fn put_where_full(&self, letter: Letter<E>, full: Full, account: &EventStats) {
        account.sent.inc();
        match full {
            Full::DropNewest => account.dropped.inc(),
            Full::DropOldest => {
                account.dropped.inc();
                let oldest = self.waiting.borrow_mut().replace_oldest(letter);
                drop(oldest);
            }
            Full::Coalesce => self.merge(letter, account),
        }
    }

    /// Puts it with those of its key, if there are any.
    fn merge(&self, letter: Letter<E>, account: &EventStats) {
        let known = self.merged.borrow_mut().remove(&letter.event.key());
        let merged = match known {
            None => letter,
            Some(known) => {
                account.coalesced.inc();
                let mut both = Merging { event: Some(known.event), account };
                if let Some(event) = &mut both.event {
                    event.coalesce(letter.event);
                }
                let event = both.event.take();
                let Some(event) = event else { return };
                Letter { number: letter.number, event }
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
