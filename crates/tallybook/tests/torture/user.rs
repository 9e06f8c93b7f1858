//! User code: keys, events, a reducer, a clock. All of it passes its [`Place`].

use super::hook::{pass, throw};
use super::ledger::Ledger;
use super::place::Place;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Wake;
use std::time::{Duration, SystemTime};
use tallybook::event::{Delivery, Order, OverflowPolicy};
use tallybook::{
    Clock, Counted, Counter, Event, Gauge, Histogram, Label, Live, ManualClock, Reducer, Stats,
    TimedLive,
};

#[derive(Stats)]
pub struct Numbers {
    pub count: Counter,
    pub sizes: Histogram,
    /// Always set in one fact, to the same number.
    pub left: Gauge,
    pub right: Gauge<f64>,
    pub live: Live,
    pub timed: TimedLive,
}

/// What a callback records.
#[derive(Stats)]
pub struct Seen {
    /// How often it was called, and has come to its end.
    pub calls: Counter,
    pub returns: Counter,
    pub last: Gauge,
}

/// A family's key.
#[derive(Debug)]
pub struct Key(pub u32);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        pass(Place::KeyHash);
        // The same for all keys, so that they collide and are compared.
        0.hash(state);
    }
}
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        pass(Place::KeyEq);
        self.0 == other.0
    }
}
impl Eq for Key {}
impl Clone for Key {
    fn clone(&self) -> Self {
        pass(Place::KeyClone);
        Key(self.0)
    }
}
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pass(Place::KeyDisplay);
        self.0.fmt(f)
    }
}
impl Drop for Key {
    fn drop(&mut self) {
        pass(Place::KeyDrop);
    }
}

/// One kind for each way of delivery, and one that is switched off and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Label)]
pub enum Kind {
    Newest,
    Oldest,
    Merged,
    Loose,
    Switched,
}

pub const KINDS: [Kind; 5] =
    [Kind::Newest, Kind::Oldest, Kind::Merged, Kind::Loose, Kind::Switched];

pub struct Note {
    pub kind: Kind,
    pub key: u32,
    /// Whether the reducer panics when it applies the event.
    pub explodes: bool,
    is_applied: bool,
}

impl Note {
    pub fn new(kind: Kind, key: u32) -> Self {
        Note { kind, key, explodes: false, is_applied: false }
    }
}

/// The key by which notes are merged.
pub struct NoteKey(u32);

impl Hash for NoteKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        pass(Place::EventKeyHash);
        0.hash(state);
    }
}
impl PartialEq for NoteKey {
    fn eq(&self, other: &Self) -> bool {
        pass(Place::EventKeyEq);
        self.0 == other.0
    }
}
impl Eq for NoteKey {}
impl Drop for NoteKey {
    fn drop(&mut self) {
        pass(Place::EventKeyDrop);
    }
}

impl Event for Note {
    type Kind = Kind;
    type Key = NoteKey;
    fn kind(&self) -> Kind {
        pass(Place::EventKind);
        self.kind
    }
    fn delivery(kind: Kind) -> Delivery {
        let order = match kind {
            Kind::Newest | Kind::Oldest | Kind::Merged => Order::Ordered,
            Kind::Loose | Kind::Switched => Order::Unordered,
        };
        let full = match kind {
            Kind::Newest | Kind::Switched => OverflowPolicy::DropNewest,
            Kind::Oldest => OverflowPolicy::DropOldest,
            Kind::Merged | Kind::Loose => OverflowPolicy::Coalesce,
        };
        Delivery::new(order, full)
    }
    fn key(&self) -> NoteKey {
        pass(Place::EventKey);
        NoteKey(self.key)
    }
    fn coalesce(&mut self, later: Note) {
        pass(Place::Coalesce);
        self.explodes |= later.explodes;
    }
}

impl Counted for Note {
    type Stats = Numbers;
    fn count(&self, _: &Numbers) {
        pass(Place::Count);
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        pass(if self.is_applied { Place::EventDropApplied } else { Place::EventDropSent });
    }
}

pub struct Notes(pub Arc<Ledger>, u64);

impl Notes {
    pub fn new(ledger: &Arc<Ledger>) -> Self {
        Notes(ledger.clone(), 0)
    }
}

impl Reducer for Notes {
    type Event = Note;
    type Snapshot = Shown;
    fn apply(&mut self, mut note: Note, _: Duration) {
        let ledger = self.0.clone();
        ledger.applied.unless_panics(|| {
            note.is_applied = true;
            pass(Place::Apply);
            if note.explodes {
                throw();
            }
            drop(note);
        });
        self.1 += 1;
    }
    fn snapshot(&self) -> Shown {
        pass(Place::Show);
        Shown(self.1)
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        pass(Place::ReducerDrop);
    }
}

/// What readers see of [`Notes`].
#[derive(Default)]
pub struct Shown(pub u64);

impl Drop for Shown {
    fn drop(&mut self) {
        pass(Place::StateDrop);
    }
}

/// What a question holds, or its answer.
pub struct Passing(pub Place);

impl Drop for Passing {
    fn drop(&mut self) {
        pass(self.0);
    }
}

/// A clock that the test moves.
#[derive(Default)]
pub struct Time(pub ManualClock);

impl Clock for Time {
    fn now(&self) -> Duration {
        pass(Place::ClockTick);
        pass(Place::ClockFact);
        self.0.now()
    }
    fn wall(&self) -> SystemTime {
        pass(Place::ClockWall);
        self.0.wall()
    }
}

/// What wakes a task.
pub struct Woken(pub Place, pub AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.1.store(true, SeqCst);
        pass(self.0);
    }
}
