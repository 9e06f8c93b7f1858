//! [`Mail`]: what one thread has sent to one actor in one epoch.

use super::{Account, Event, EventStats, Full, Order};
use crate::metric::{Label, Metric};
use crate::phase::Cells;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

/// An event and its number, which is 0 where its order does not matter.
pub(crate) struct Letter<E> {
    pub(crate) number: u64,
    pub(crate) event: E,
}

/// The cells at an actor's place: one user at a time, as all cells.
pub(crate) struct Mail<E: Event> {
    pub(crate) account: Account<E::Kind>,
    /// By kind.
    queues: Box<[Queue<E>]>,
}

/// The events of one kind. Never borrowed while code of the user runs, which might send to the same actor.
struct Queue<E: Event> {
    waiting: RefCell<VecDeque<Letter<E>>>,
    /// What there was no room for, where it is merged.
    merged: RefCell<HashMap<E::Key, Letter<E>>>,
}

impl<E: Event> Cells for Mail<E> {
    fn empty() -> Self {
        let queue = |_: &&str| Queue {
            waiting: RefCell::new(VecDeque::new()),
            merged: RefCell::new(HashMap::new()),
        };
        Mail { account: Account::at_rest(), queues: E::Kind::VALUES.iter().map(queue).collect() }
    }
}

impl<E: Event> Mail<E> {
    /// Takes an event, or drops it. Answers whether the queue has just become half full.
    #[inline]
    pub(crate) fn put(&self, event: E, capacity: usize, next: impl FnOnce() -> u64) -> bool {
        let kind = event.kind();
        let delivery = E::delivery(kind);
        let account = &self.account.0[kind];
        account.sent.inc();
        let number = if delivery.order == Order::Ordered { next() } else { 0 };
        let letter = Letter { number, event };
        let queue = &self.queues[kind.index()];
        let mut waiting = queue.waiting.borrow_mut();
        if waiting.len() < capacity {
            waiting.push_back(letter);
            return waiting.len() == capacity.div_ceil(2);
        }
        let oldest = if delivery.full == Full::DropOldest { waiting.pop_front() } else { None };
        if let Some(oldest) = oldest {
            waiting.push_back(letter);
            drop(waiting);
            account.dropped.inc();
            drop(oldest);
            return false;
        }
        drop(waiting);
        match delivery.full {
            Full::Coalesce => queue.merge(letter, account),
            Full::DropNewest | Full::DropOldest => account.dropped.inc(),
        }
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
        for queue in &self.queues {
            into.extend(queue.waiting.borrow_mut().drain(..));
            into.extend(queue.merged.borrow_mut().drain().map(|(_, letter)| letter));
        }
    }
}

impl<E: Event> Queue<E> {
    /// Puts it with those of its key, if there are any.
    #[cold]
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
