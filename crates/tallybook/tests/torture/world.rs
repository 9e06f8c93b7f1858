//! [`World`]: a registry with one of everything, and what it should have counted.

use super::hook::{self, caught, fault, pass};
use super::laws::{self, Memory};
use super::ledger::{Ledger, SetLedger};
use super::place::Place;
use super::user::{KINDS, Key, Kind, Note, Notes, Numbers, Passing, Seen, Time};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tallybook::event::Reply;
use tallybook::metric::LiveField;
use tallybook::{
    Actor, Collector, Entry, Family, Observed, Open, RateTracker, Registry, Sender, Set, Snapshot,
    TimedLive,
};

/// How many keys there are, and how many of them fit into the family.
pub const ALL_KEYS: u32 = 6;
pub const MAX_KEYS: usize = 4;
/// How many events fit into a queue.
const CAPACITY: usize = 2;

pub struct World {
    pub registry: Registry,
    pub time: Arc<Time>,
    pub set: Set<Numbers>,
    pub other: Set<Numbers>,
    pub family: Family<Key, Numbers>,
    pub actor: Actor<Notes>,
    pub observed: Observed<Seen>,
    pub sender: Sender<Note>,
    pub tracker: RateTracker,
    pub ledger: Arc<Ledger>,
    /// None of these is locked while the library runs, except for the collector, which is only
    /// tried.
    pub entries: Mutex<Vec<Arc<Entry<Key, Numbers>>>>,
    pub guards: Mutex<Vec<Guard>>,
    pub replies: Mutex<Vec<Reply<Passing>>>,
    pub kept: Mutex<Vec<Arc<Snapshot>>>,
    pub collector: Mutex<Option<Collector>>,
    pub memory: Mutex<Memory>,
    /// Whether the last attempt to close an epoch may have failed.
    pub is_held_up: AtomicBool,
    /// How many things were registered.
    pub registered: AtomicU64,
}

/// Something that is open until it is dropped.
pub enum Guard {
    Set(Open<Set<Numbers>>),
    Entry(Open<Entry<Key, Numbers>>),
    Timed(Open<Set<Numbers>, LiveField<Numbers, TimedLive>, TimedLive>),
}

impl Guard {
    pub fn close(self, world: &World) {
        match self {
            Guard::Set(guard) => world.ledger.set.closed.unless_panics(|| drop(guard)),
            // Dropping the entry after the closing may panic, too.
            Guard::Entry(guard) => world.ledger.family.closed.around(|| drop(guard)),
            Guard::Timed(guard) => world.ledger.set.timed_closed.unless_panics(|| drop(guard)),
        }
    }
}

impl World {
    /// With windows the collector keeps earlier cuts and all that they show; without, it drops them
    /// at once.
    pub fn new(patience: Duration, has_windows: bool) -> Arc<Self> {
        let time = Arc::new(Time::default());
        let builder = Registry::builder().clock(time.clone());
        let builder = builder.patience(patience).shutdown_timeout(patience);
        let windows = if has_windows { vec![Duration::from_secs(5)] } else { Vec::new() };
        let registry = builder.windows(windows).build();
        let ledger = Arc::new(Ledger::default());
        let family = registry.family_builder("peer", "key").max_keys(MAX_KEYS).register();
        let actor = registry.actor_builder("notes").capacity(CAPACITY);
        let actor = actor.register(Notes::new(&ledger)).unwrap();
        let (calls, returns) = (ledger.clone(), AtomicU64::new(0));
        let observe = move |seen: &Seen| {
            let call = calls.observed.fetch_add(1, SeqCst) + 1;
            seen.calls.add(call);
            seen.last.set(call as i64);
            pass(Place::Observe);
            seen.returns.add(returns.fetch_add(1, SeqCst) + 1);
        };
        let observed = registry.observe("observed", observe).unwrap();
        Arc::new(World {
            set: registry.set("set").unwrap(),
            other: registry.set("other").unwrap(),
            family: family.unwrap(),
            sender: actor.sender(),
            actor,
            observed,
            tracker: RateTracker::new(registry.reader()),
            ledger,
            entries: Mutex::default(),
            guards: Mutex::default(),
            replies: Mutex::default(),
            kept: Mutex::default(),
            collector: Mutex::new(Some(registry.collector().unwrap())),
            memory: Mutex::default(),
            is_held_up: AtomicBool::new(false),
            registered: AtomicU64::new(0),
            time,
            registry,
        })
    }

    /// Records a small fact: exact counts, and gauges that are equal.
    pub fn note(numbers: &Numbers, ledger: &SetLedger, value: u32) {
        ledger.count.around(|| numbers.count.inc());
        ledger.sizes.around(|| numbers.sizes.record(value.into()));
        numbers.left.set(value.into());
        numbers.right.set(value.into());
    }

    /// Returns the entry of a key, unless the family is full.
    pub fn enter(&self, key: u32) -> Option<Entry<Key, Numbers>> {
        self.ledger.refused.begin();
        let entry = self.family.entry(Key(key % ALL_KEYS));
        if entry.is_err() {
            self.ledger.refused.done();
        }
        entry.ok()
    }

    /// Returns an entry that is held, if there is one.
    pub fn held(&self, pick: u32) -> Option<Arc<Entry<Key, Numbers>>> {
        let entries = self.entries.lock().unwrap();
        entries.get(pick as usize % entries.len().max(1)).cloned()
    }

    /// Returns an entry that is held, or one that is held from now on.
    pub fn hold(&self, pick: u32) -> Option<Arc<Entry<Key, Numbers>>> {
        let held = self.held(pick);
        held.or_else(|| {
            let entry = Arc::new(self.enter(pick)?);
            self.entries.lock().unwrap().push(entry.clone());
            Some(entry)
        })
    }

    pub fn send(&self, note: Note) {
        let kind = KINDS.iter().position(|kind| *kind == note.kind).unwrap();
        self.ledger.sent[kind].around(|| self.sender.send(note));
    }

    /// Sends more events of a kind than its queue holds.
    pub fn flood(&self, kind: Kind, key: u32) {
        (0..CAPACITY as u32 + 3).for_each(|_| self.send(Note::new(kind, key)));
    }

    /// Ticks, and checks the snapshot. Returns `None` if the collector is busy.
    pub fn tick(&self) -> Option<Arc<Snapshot>> {
        let mut collector = self.collector.try_lock().ok()?;
        let collector = collector.as_mut()?;
        self.time.0.advance(Duration::from_millis(250));
        let lower = self.ledger.lower_bounds();
        let snapshot = self.contained("a tick", || collector.tick())?;
        let was_held_up = self.is_held_up.swap(snapshot.is_stale(), SeqCst);
        let lower = (!was_held_up).then_some(lower);
        hook::disarmed(|| laws::check(self, &snapshot, lower));
        Some(snapshot)
    }

    /// Closes an epoch without a snapshot.
    pub fn close_epoch(&self) {
        let Ok(mut collector) = self.collector.try_lock() else { return };
        let Some(collector) = collector.as_mut() else { return };
        let is_closed = self.contained("a pump", || collector.close_epoch());
        self.is_held_up.store(is_closed != Some(true), SeqCst);
    }

    /// Drops the collector, and creates another.
    pub fn replace_collector(&self) {
        let Ok(mut collector) = self.collector.try_lock() else { return };
        self.is_held_up.store(true, SeqCst);
        let last = collector.take();
        self.contained("dropping a collector", || drop(last));
        match self.registry.collector() {
            Ok(next) => *collector = Some(next),
            Err(error) => fault(format!("there is no collector any more: {error}")),
        }
    }

    /// Calls what must not panic, whatever user code does.
    fn contained<T>(&self, what: &str, f: impl FnOnce() -> T) -> Option<T> {
        let result = caught(catch_unwind(AssertUnwindSafe(f)));
        if result.is_err() {
            fault(format!("{what} panicked, as code of the user had"));
        }
        result.ok()
    }

    /// Ticks until a snapshot has everything. Nothing may be armed, and no thread inside a fact.
    pub fn settle(&self) {
        for _ in 0..8 {
            let was_held_up = self.is_held_up.load(SeqCst);
            match self.tick() {
                Some(snapshot) if !snapshot.is_stale() && !was_held_up => {
                    self.revive(&snapshot);
                    return;
                }
                _ => {}
            }
        }
        fault("no thread is inside a fact, and no tick is fresh".to_owned());
    }

    /// Replaces a reducer that has failed.
    fn revive(&self, snapshot: &Snapshot) {
        if snapshot.failure(&self.actor).is_some() {
            self.actor.restart(Notes::new(&self.ledger));
            let after = self.tick();
            if after.is_none_or(|after| after.failure(&self.actor).is_some()) {
                fault("a reducer that was restarted is still failed".to_owned());
            }
        }
    }

    /// Drops everything; then the totals hold all that was ever counted, and everything still
    /// works.
    pub fn end(&self) {
        while let Some(guard) = pop(&self.guards) {
            guard.close(self);
        }
        while let Some(entry) = pop(&self.entries) {
            drop(entry);
        }
        while let Some(reply) = pop(&self.replies) {
            drop(reply);
        }
        while let Some(snapshot) = pop(&self.kept) {
            drop(snapshot);
        }
        self.settle();
        // If an entry could not be removed from the map, the next lookup of its key removes it.
        for keys in [0..MAX_KEYS as u32, MAX_KEYS as u32..ALL_KEYS] {
            keys.for_each(|key| drop(self.enter(key)));
            (0..3).for_each(|_| self.settle());
        }
        laws::check_end(self);
        self.replace_collector();
        Self::note_once(self);
        self.settle();
    }

    fn note_once(&self) {
        self.set.record(|numbers| Self::note(numbers, &self.ledger.set, 1));
    }
}

pub fn pop<T>(from: &Mutex<Vec<T>>) -> Option<T> {
    from.lock().unwrap().pop()
}
