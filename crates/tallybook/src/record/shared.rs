//! [`Shared`]: what the handles and the collector of one family share.

use super::key::Key;
use super::keyed::{Keyed, Meta};
use super::map::{Alike, Inserted, Map, Room};
use crate::metric::Stats;
use crate::phase::Place;
use crate::support::nanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the hashes of a family's keys are made by.
pub(crate) type Hasher = foldhash::quality::RandomState;

/// See the module.
pub(crate) struct Shared<K, S> {
    pub(crate) place: Place,
    /// The place of the counter of refusals.
    pub(crate) refusals: Place,
    map: Map<K, S>,
    /// Has one owner more than there are entries: live ones, and retired ones that a snapshot still
    /// shows.
    alive: Arc<()>,
    /// The serial of the newest entry.
    last_serial: AtomicU64,
}

impl<K: Key, S: Stats> Shared<K, S> {
    pub(crate) fn new(place: Place, refusals: Place, max_keys: usize) -> Self {
        Shared {
            place,
            refusals,
            map: Map::new(max_keys),
            alive: Arc::new(()),
            last_serial: AtomicU64::new(0),
        }
    }

    /// Returns a handle to the entry of a key, which `handle` makes of the entry and whether it is
    /// new, or the key if there is no room for a new entry.
    ///
    /// The key's `Hash` and `Eq` run here between accesses to the map, each of which checks that
    /// the result of the previous one still holds. So whatever they do, be it a panic or a call of
    /// this function, the map is consistent. A key that is not needed is dropped once there is a
    /// handle that releases the entry.
    pub(super) fn hold<T>(
        &self,
        key: K,
        handle: impl Fn(Arc<Keyed<K, S>>, bool) -> T,
    ) -> Result<T, K> {
        let hash = self.hash(&key);
        if let Some(found) = self.map.first(hash)
            && found.meta.key == key
            && found.hold()
        {
            let entry = handle(found.into_inner(), false);
            drop(key);
            return Ok(entry);
        }
        self.hold_other(key, hash, &handle)
    }

    /// The same, if the first entry of the hash is not the entry of the key.
    #[inline(never)]
    fn hold_other<T>(
        &self,
        key: K,
        hash: u64,
        handle: &impl Fn(Arc<Keyed<K, S>>, bool) -> T,
    ) -> Result<T, K> {
        let mut others = Alike::new();
        loop {
            if let Some(found) = self.hold_known(hash, &key, &mut others, handle) {
                drop(key);
                return Ok(found);
            }
            match self.map.room_beside(hash, &others) {
                Room::Some => break,
                Room::None => return Err(key),
                Room::Unknown => {}
            }
        }
        let entry = self.make(key, hash);
        loop {
            match self.map.insert(&entry, &others) {
                Inserted::Done => return Ok(handle(entry, true)),
                Inserted::Full => {
                    let entry = Arc::into_inner(entry).expect("nobody else has seen it");
                    return Err(entry.meta.key);
                }
                Inserted::Changed => {}
            }
            if let Some(found) = self.hold_known(hash, &entry.meta.key, &mut others, handle) {
                drop(entry);
                return Ok(found);
            }
        }
    }

    /// Returns a handle to the entry of a key, if there is one. If not, `others` are all entries of
    /// its hash.
    fn hold_known<T>(
        &self,
        hash: u64,
        key: &K,
        others: &mut Alike<K, S>,
        handle: &impl Fn(Arc<Keyed<K, S>>, bool) -> T,
    ) -> Option<T> {
        loop {
            self.map.find(hash, others);
            let found = others.take_first(|entry| entry.meta.key == *key)?;
            if found.hold() {
                return Some(handle(found.into_inner(), false));
            }
            self.map.remove(&found);
        }
    }

    fn make(&self, key: K, hash: u64) -> Arc<Keyed<K, S>> {
        let since = nanos(self.place.now());
        let serial = self.last_serial.fetch_add(1, Relaxed) + 1;
        Keyed::new(Meta { key, hash, since, serial, _alive: self.alive.clone() })
    }

    /// The hash of a key, by which entries are found.
    pub(crate) fn hash(&self, key: &K) -> u64 {
        self.map.hash(key)
    }

    /// What makes the hashes.
    pub(crate) fn hasher(&self) -> Hasher {
        self.map.hasher()
    }

    pub(crate) fn max_keys(&self) -> usize {
        self.map.max_keys()
    }

    /// The number of keys in the map.
    pub(crate) fn keys(&self) -> usize {
        self.map.len()
    }

    /// The number of entries, including retired ones that a snapshot still shows.
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.alive) - 1
    }

    /// The size of the map in bytes, without the entries.
    pub(crate) fn map_bytes(&self) -> usize {
        self.map.bytes()
    }

    /// Removes a retired entry from the map, unless another thread has.
    pub(crate) fn remove(&self, entry: &Arc<Keyed<K, S>>) {
        self.map.remove(entry);
    }
}
