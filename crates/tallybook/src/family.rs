//! [`Family`]: a set per key, and [`Entry`], the handle to one of them.
//!
//! The map from keys to entries is sharded, and is locked (one shard of it) only by [`Family::entry`]. The map owns the
//! entries; handles and guards are counted as *holders*. When the last holder goes, that is a fact like any other, so the
//! collector hears of it with the epoch it closes and retires the entry one snapshot later, if it is still unheld.

use crate::error::FamilyFull;
use crate::events::Counted;
use crate::metric::{Counter, Lives, Stats};
use crate::phase::{KeyedEntry, Place, record_block, record_entry, release_entry, touch_entry};
use crate::set::{Open, Record, private};
use dashmap::DashSet;
use foldhash::quality::RandomState;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// What the entries of a family are told apart by: an address, a path, a name. Its `Display` is the label's value.
pub trait Key: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static {}
impl<K: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static> Key for K {}

/// What an entry keeps beside its numbers.
pub(crate) struct Meta<K> {
    pub(crate) key: K,
    /// When it was created, in nanoseconds on the registry's clock: half the memory of a `Duration`.
    since: u64,
    /// Which one of the family it is, from 1 on. Never used twice.
    pub(crate) serial: u64,
    /// One of the owners of [`Shared::alive`].
    _alive: Arc<()>,
}

impl<K> Meta<K> {
    /// When it was created, on the registry's clock.
    pub(crate) fn since(&self) -> Duration {
        Duration::from_nanos(self.since)
    }
}

pub(crate) type Keyed<K, S> = KeyedEntry<Meta<K>, S>;

/// An entry in the map, found by its key.
pub(crate) struct ByKey<K, S>(pub(crate) Arc<Keyed<K, S>>);

impl<K: Eq, S> PartialEq for ByKey<K, S> {
    fn eq(&self, other: &Self) -> bool {
        self.0.meta.key == other.0.meta.key
    }
}
impl<K: Eq, S> Eq for ByKey<K, S> {}
impl<K: Hash, S> Hash for ByKey<K, S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.meta.key.hash(state);
    }
}
impl<K, S> Borrow<K> for ByKey<K, S> {
    fn borrow(&self) -> &K {
        &self.0.meta.key
    }
}

/// What handles, collector and snapshots of one family share.
pub(crate) struct Shared<K, S> {
    pub(crate) place: Place,
    /// Where refusals are counted: a counter in a place of its own.
    pub(crate) refusals: Place,
    /// The hash is seeded per process but no cryptographic one: with keys that an adversary chooses, set `max_keys`.
    pub(crate) map: DashSet<ByKey<K, S>, RandomState>,
    pub(crate) max_keys: usize,
    /// How many keys the map holds, or is about to.
    keys: AtomicUsize,
    /// Has one owner more than there are entries: live ones, and retired ones that a snapshot still shows.
    alive: Arc<()>,
    /// The serial of the entry made last.
    last_serial: AtomicU64,
    /// Changes whenever a key may have left the map.
    retirements: AtomicU64,
}

impl<K: Key, S: Stats> Shared<K, S> {
    pub(crate) fn new(place: Place, refusals: Place, max_keys: usize) -> Self {
        Shared {
            place,
            refusals,
            map: DashSet::with_hasher(RandomState::default()),
            max_keys,
            keys: AtomicUsize::new(0),
            alive: Arc::new(()),
            last_serial: AtomicU64::new(0),
            retirements: AtomicU64::new(0),
        }
    }

    /// The entry of a key, held, and whether it is new.
    fn hold(&self, key: K) -> Result<(Arc<Keyed<K, S>>, bool), K> {
        loop {
            if let Some(found) = self.map.get(&key).map(|by_key| by_key.0.clone()) {
                if found.hold() {
                    return Ok((found, false));
                }
                self.remove(&found);
            }
            // Relaxed: only the number counts.
            let room = |keys| (keys < self.max_keys).then_some(keys + 1);
            if self.keys.fetch_update(Relaxed, Relaxed, room).is_err() {
                return Err(key);
            }
            let serial = self.last_serial.fetch_add(1, Relaxed) + 1;
            let since = u64::try_from(self.place.now().as_nanos()).unwrap_or(u64::MAX);
            let alive = self.alive.clone();
            let entry = Keyed::new(Meta { key: key.clone(), since, serial, _alive: alive });
            if self.map.insert(ByKey(entry.clone())) {
                return Ok((entry, true));
            }
            self.keys.fetch_sub(1, Relaxed);
        }
    }

    /// How many keys the map holds.
    pub(crate) fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// How many entries there are, retired ones included that a snapshot still shows.
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.alive) - 1
    }

    /// A number that is the same for a snapshot and now only if no key has left the map in between.
    pub(crate) fn retirements(&self) -> u64 {
        self.retirements.load(Relaxed)
    }

    /// To be called before each attempt to retire an entry: whoever then misses the key in the map also sees this.
    pub(crate) fn about_to_retire(&self) {
        self.retirements.fetch_add(1, Relaxed);
    }

    /// Takes a retired entry out of the map, unless another thread has.
    pub(crate) fn remove(&self, entry: &Arc<Keyed<K, S>>) {
        let this_one = |by_key: &ByKey<K, S>| Arc::ptr_eq(&by_key.0, entry);
        if self.map.remove_if(&entry.meta.key, this_one).is_some() {
            self.keys.fetch_sub(1, Relaxed);
        }
    }
}

/// A handle to a registered family. Clone it freely and use it from any thread.
///
/// Made by [`Registry::family`](crate::Registry::family).
pub struct Family<K, S> {
    shared: Option<Arc<Shared<K, S>>>,
}

impl<K, S> Clone for Family<K, S> {
    fn clone(&self) -> Self {
        Family { shared: self.shared.clone() }
    }
}

impl<K, S> fmt::Debug for Family<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.shared.as_ref().map(|shared| shared.place.name());
        f.debug_struct("Family").field("name", &name).finish_non_exhaustive()
    }
}

impl<K: Key, S: Stats> Family<K, S> {
    pub(crate) fn new(shared: Option<Arc<Shared<K, S>>>) -> Self {
        Family { shared }
    }

    pub(crate) fn shared(&self) -> Option<&Arc<Shared<K, S>>> {
        self.shared.as_ref()
    }

    /// The name it was registered under; empty in a disabled registry.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.as_ref().map_or("", |shared| shared.place.name())
    }

    /// A handle to the entry of `key`, which is created if there is none.
    ///
    /// The entry lives while a handle or a guard is held. When nothing holds it and its last change has been published,
    /// it retires: its counts move into the family's retired total in the snapshot that drops the key. The same key then
    /// starts a new entry.
    ///
    /// Looks the key up in a sharded map; keep the handle where facts are frequent.
    ///
    /// # Errors
    /// [`FamilyFull`], with the key, if the key is new and the family holds as many as it may.
    ///
    /// ```
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Peer {
    ///     pieces: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let peers = registry.family::<String, Peer>("peer", "addr")?;
    /// let mut collector = registry.collector()?;
    ///
    /// let peer = peers.entry("10.0.0.1:6881".to_string())?;
    /// peer.record(|p| p.pieces.inc());
    /// drop(peer);
    /// assert_eq!(collector.tick().family(&peers).len(), 1); // the last change is shown once
    /// let after = collector.tick();
    /// assert_eq!(after.family(&peers).len(), 0);
    /// assert_eq!(after.family(&peers).total().pieces, 1); // and never lost
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry(&self, key: K) -> Result<Entry<K, S>, FamilyFull<K>> {
        let Some(shared) = &self.shared else { return Ok(Entry { held: None }) };
        match shared.hold(key) {
            Ok((entry, is_new)) => {
                // Spreads the entries over the cache lines.
                let home = entry.meta.serial as u32;
                if is_new {
                    // So that the next snapshot shows it, with zeros, even if nothing else happens.
                    touch_entry(&shared.place, &entry, home);
                }
                Ok(Entry { held: Some(Held { shared: shared.clone(), entry, home }) })
            }
            Err(key) => {
                record_block::<Counter>(&shared.refusals, Counter::inc);
                Err(FamilyFull { key, max_keys: shared.max_keys })
            }
        }
    }
}

/// A handle to one entry of a family. `Send` and `Sync`; as long as it is held, what is recorded through it appears in
/// snapshots. Cloning or dropping it is a read-modify-write on a counter that all holders of the entry share; recording
/// is not.
pub struct Entry<K: Key, S: Stats> {
    held: Option<Held<K, S>>,
}

struct Held<K, S> {
    shared: Arc<Shared<K, S>>,
    entry: Arc<Keyed<K, S>>,
    home: u32,
}

impl<K: Key, S: Stats> Entry<K, S> {
    /// The key; `None` in a disabled registry, which keeps none.
    #[must_use]
    pub fn key(&self) -> Option<&K> {
        self.held.as_ref().map(|held| &held.entry.meta.key)
    }

    /// Records one fact on this entry. See [`Set::record`](crate::Set::record), which is the same for a set.
    ///
    /// Never blocks, and allocates only on a thread's first fact in this family.
    #[inline(always)]
    pub fn record(&self, fact: impl FnOnce(&S)) {
        if let Some(held) = &self.held {
            record_entry(&held.shared.place, &held.entry, held.home, fact);
        }
    }

    /// Counts an event on this entry, as one fact. See [`Set::count`](crate::Set::count), which is the same for a set.
    #[inline(always)]
    pub fn count(&self, event: &impl Counted<Stats = S>) {
        self.record(|stats| event.count(stats));
    }

    /// Counts an opening now, and its closing when the guard drops. The guard holds the entry.
    /// See [`Set::open`](crate::Set::open).
    #[inline]
    pub fn open<L: Lives, F: Fn(&S) -> &L>(&self, field: F) -> Open<Self, F, L> {
        Open::new(self.clone(), field)
    }

    /// Like [`open`](Entry::open), with a guard that borrows the handle: it saves the shared reference counts.
    #[inline]
    pub fn open_borrowed<L: Lives, F: Fn(&S) -> &L>(&self, field: F) -> Open<&Self, F, L> {
        Open::new(self, field)
    }
}

impl<K: Key, S: Stats> Clone for Entry<K, S> {
    fn clone(&self) -> Self {
        let clone = |held: &Held<K, S>| {
            let more = held.entry.hold();
            debug_assert!(more, "an entry does not retire while it is held");
            Held { shared: held.shared.clone(), entry: held.entry.clone(), home: held.home }
        };
        Entry { held: self.held.as_ref().map(clone) }
    }
}

impl<K: Key, S: Stats> Drop for Entry<K, S> {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            release_entry(&held.shared.place, &held.entry, held.home);
        }
    }
}

impl<K: Key + fmt::Debug, S: Stats> fmt::Debug for Entry<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key()).finish_non_exhaustive()
    }
}

impl<K: Key, S: Stats> private::Sealed for Entry<K, S> {}

impl<K: Key, S: Stats> Record for Entry<K, S> {
    type Stats = S;
    #[inline(always)]
    fn record_fact(&self, fact: impl FnOnce(&S)) {
        self.record(fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        self.held.as_ref().map_or(Duration::ZERO, |held| held.shared.place.now())
    }
}
