//! [`Merged`]: the events of one kind that found the queue full, merged per key.

use super::account::EventStats;
use super::reducer::Event;
use crate::phase::{Apart, Room};
use crate::support::user::Owned;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::cell::Cell;
use std::hash::BuildHasher;

/// Cells of a thread, as the queues beside them.
///
/// The user code that runs here (`Hash`, `Eq`, `coalesce`, `Drop`) may panic, and may send to the
/// same actor. So the table is [taken out](Out) while it is in use: a send from inside finds an
/// empty one, whose records are added to the others at the end.
pub(super) struct Merged<E: Event> {
    records: Cell<HashTable<Record<E>>>,
    /// The bytes of the table that are counted in [`Room`].
    counted: Cell<usize>,
    /// The number of unordered events so far, which numbers them.
    unordered: Cell<u64>,
}

/// An event that others may have been merged into.
pub(super) struct Record<E: Event> {
    /// The key's hash, so that the table grows without calling user code.
    hash: u64,
    key: E::Key,
    position: Position,
    event: E,
}

/// The position of the last event merged into a record, among those of its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Position {
    /// A running number of this thread.
    Unordered(u64),
    /// The number that it was sent with.
    Ordered(u64),
}

/// The maximum size of a table that is kept when its records are taken.
const KEPT: usize = 16 * 1024;

impl<E: Event> Merged<E> {
    pub(super) fn new() -> Self {
        Merged {
            records: Cell::new(HashTable::new()),
            counted: Cell::new(0),
            unordered: Cell::new(0),
        }
    }

    /// Merges an event, which is counted as sent, with that of its key. An event that a panic
    /// destroys is counted as lost.
    pub(super) fn merge(
        &self,
        event: E,
        number: Option<u64>,
        hasher: &RandomState,
        room: &Room,
        account: &EventStats,
    ) {
        let lost = Lost(account);
        let event = Owned::new(event);
        let key = Owned::new(event.key());
        let hash = hasher.hash_one(&*key);
        let unused = {
            let _apart = Apart::begin();
            let mut out = Out::take(self, room);
            let position = self.position(number);
            let same = |record: &Record<E>| record.hash == hash && record.key == *key;
            match out.table.entry(hash, same, |record| record.hash) {
                Entry::Vacant(vacant) => {
                    let (key, event) = (key.into_inner(), event.into_inner());
                    vacant.insert(Record { hash, key, position, event });
                    None
                }
                Entry::Occupied(known) => {
                    // Inserted again once both are merged.
                    let (record, vacant) = known.remove();
                    let (known, mut earlier) = (Owned::new(record.key), Owned::new(record.event));
                    let also_lost = Lost(account);
                    earlier.coalesce(event.into_inner());
                    also_lost.disarm();
                    account.coalesced.inc();
                    // An event that was sent from inside may have been merged first.
                    let position = position.max(record.position);
                    let (known, event) = (known.into_inner(), earlier.into_inner());
                    vacant.insert(Record { hash, key: known, position, event });
                    Some(key)
                }
            }
        };
        lost.disarm();
        drop(unused.map(Owned::into_inner));
    }

    fn position(&self, number: Option<u64>) -> Position {
        number.map_or_else(
            || {
                self.unordered.set(self.unordered.get() + 1);
                Position::Unordered(self.unordered.get())
            },
            Position::Ordered,
        )
    }

    /// Takes all records, in the order of the last event merged into each. Also returns the number
    /// of bytes that are freed.
    pub(super) fn take(&self) -> (Vec<Record<E>>, usize) {
        let mut table = self.records.take();
        self.unordered.set(0);
        let mut records: Vec<_> = table.drain().collect();
        records.sort_unstable_by_key(|record| record.position);
        if table.allocation_size() > KEPT {
            return (records, self.counted.replace(0));
        }
        self.records.set(table);
        (records, 0)
    }
}

impl<E: Event> Record<E> {
    /// The event, and its number if it is ordered.
    pub(super) fn into_event(self) -> (E, Option<u64>) {
        drop(Owned::new(self.key));
        let number = match self.position {
            Position::Unordered(_) => None,
            Position::Ordered(number) => Some(number),
        };
        (self.event, number)
    }
}

impl<E: Event> Drop for Merged<E> {
    fn drop(&mut self) {
        for record in std::mem::take(self.records.get_mut()) {
            drop(Owned::new(record.into_event()));
        }
    }
}

/// A table that was taken out. It is put back when this is dropped.
struct Out<'a, E: Event> {
    overflow: &'a Merged<E>,
    room: &'a Room,
    table: HashTable<Record<E>>,
}

impl<'a, E: Event> Out<'a, E> {
    fn take(overflow: &'a Merged<E>, room: &'a Room) -> Self {
        Out { overflow, room, table: overflow.records.take() }
    }
}

impl<E: Event> Drop for Out<'_, E> {
    fn drop(&mut self) {
        let overflow = self.overflow;
        // A record from inside stays beside one of the same key: a search for that would run user
        // code again.
        let mut meanwhile = overflow.records.take();
        while !meanwhile.is_empty() {
            for record in meanwhile.drain() {
                self.table.insert_unique(record.hash, record, |record| record.hash);
            }
            meanwhile = overflow.records.take();
        }
        let bytes = self.table.allocation_size();
        overflow.records.set(std::mem::take(&mut self.table));
        self.room.resized(overflow.counted.replace(bytes), bytes);
    }
}

/// An event that is counted as lost if user code panics.
pub(super) struct Lost<'a>(pub(super) &'a EventStats);

impl Lost<'_> {
    /// The event is counted otherwise.
    pub(super) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.0.lost.inc();
    }
}
