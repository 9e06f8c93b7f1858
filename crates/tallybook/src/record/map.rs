//! [`Map`]: the entries of a family by the hashes of their keys.
//!
//! Under its locks, hashes and addresses are compared, and owners of entries are moved or added: no
//! user code runs there, and nothing is allocated. So a look-up [finds](Map::find) all entries of
//! the key's hash, nearly always one or none, and compares the keys afterwards. A change that
//! depends on such a comparison names the entries that were compared; if others were added or
//! removed since, the comparison has to be repeated.

use super::keyed::Keyed;
use crate::support::user::Owned;
use crossbeam_utils::CachePadded;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Entries by the hashes that they carry.
type Table<K, S> = HashTable<Owned<Arc<Keyed<K, S>>>>;
type Shard<K, S> = CachePadded<RwLock<Table<K, S>>>;

/// See the module.
pub(super) struct Map<K, S> {
    shards: Box<[Shard<K, S>]>,
    /// Seeded per family, but not cryptographic: set `max_keys` if an adversary chooses the keys.
    hasher: RandomState,
    max_keys: usize,
    /// The number of entries.
    len: AtomicUsize,
    bytes: AtomicUsize,
}

/// Entries whose keys have the same hash. Dropping them may drop the last owner of an entry.
pub(super) struct Alike<K, S> {
    first: Option<Owned<Arc<Keyed<K, S>>>>,
    more: Vec<Owned<Arc<Keyed<K, S>>>>,
}

/// Whether there is room for another entry.
pub(super) enum Room {
    Some,
    None,
    /// The entries of the hash are no longer those given.
    Unknown,
}

/// The outcome of [`Map::insert`].
pub(super) enum Inserted {
    Done,
    /// The map has the maximum number of keys.
    Full,
    /// The entries of the hash are no longer those given.
    Changed,
}

impl<K, S> Map<K, S> {
    pub(super) fn new(max_keys: usize) -> Self {
        let shards: Box<[Shard<K, S>]> = (0..shards()).map(|_| CachePadded::default()).collect();
        let bytes = AtomicUsize::new(size_of_val(&*shards));
        Map { shards, hasher: RandomState::default(), max_keys, len: AtomicUsize::new(0), bytes }
    }

    pub(super) fn hash(&self, key: &K) -> u64
    where
        K: Hash,
    {
        self.hasher.hash_one(key)
    }

    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    pub(super) fn max_keys(&self) -> usize {
        self.max_keys
    }

    /// The size in bytes, without the entries.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// An entry of a hash, if there is any.
    #[inline]
    pub(super) fn first(&self, hash: u64) -> Option<Owned<Arc<Keyed<K, S>>>> {
        let table = read(self.shard(hash));
        table.find(hash, |entry| entry.meta.hash == hash).cloned()
    }

    /// Finds all entries of a hash, which replace the contents of `alike`.
    pub(super) fn find(&self, hash: u64, alike: &mut Alike<K, S>) {
        alike.clear(0);
        loop {
            let missing = alike.fill(&read(self.shard(hash)), hash);
            if missing == 0 {
                return;
            }
            alike.clear(alike.more.len() + missing);
        }
    }

    /// Whether there is room for a new entry of a hash, all of whose entries are `others`.
    pub(super) fn room_beside(&self, hash: u64, others: &Alike<K, S>) -> Room {
        if self.len() < self.max_keys {
            return Room::Some;
        }
        // Full, but possibly with the wanted key, which was added after `others` were found.
        let table = read(self.shard(hash));
        match (others.are_all(&table, hash), self.len() < self.max_keys) {
            (false, _) => Room::Unknown,
            (true, true) => Room::Some,
            (true, false) => Room::None,
        }
    }

    /// Adds an entry, if `others` are still all entries of its hash.
    pub(super) fn insert(&self, entry: &Arc<Keyed<K, S>>, others: &Alike<K, S>) -> Inserted {
        let hash = entry.meta.hash;
        let shard = self.shard(hash);
        let mut owner = Some(Owned::new(entry.clone()));
        loop {
            let mut table = write(shard);
            if !others.are_all(&table, hash) {
                return Inserted::Changed;
            }
            let len = table.len();
            if len == table.capacity() {
                drop(table);
                self.grow(shard, len);
                continue;
            }
            // Relaxed: only the number counts.
            let room = |len| (len < self.max_keys).then_some(len + 1);
            if self.len.fetch_update(Relaxed, Relaxed, room).is_err() {
                return Inserted::Full;
            }
            if let Some(owner) = owner.take() {
                table.insert_unique(hash, owner, |owner| owner.meta.hash);
            }
            return Inserted::Done;
        }
    }

    /// Removes an entry, unless it was removed before.
    pub(super) fn remove(&self, entry: &Arc<Keyed<K, S>>) {
        let mut table = write(self.shard(entry.meta.hash));
        let found = table.find_entry(entry.meta.hash, |known| Arc::ptr_eq(known, entry));
        let owner = found.ok().map(|found| found.remove().0);
        if owner.is_some() {
            self.len.fetch_sub(1, Relaxed);
        }
        drop(table);
        // The last owner, perhaps.
        drop(owner);
    }

    /// Makes room in a shard that is full with `len` entries.
    fn grow(&self, shard: &Shard<K, S>, len: usize) {
        let mut larger = Table::with_capacity((2 * len).max(4));
        let mut table = write(shard);
        if table.len() < table.capacity() || larger.capacity() <= table.len() {
            // Another thread was faster, or many were.
            return;
        }
        self.bytes.fetch_add(larger.allocation_size(), Relaxed);
        self.bytes.fetch_sub(table.allocation_size(), Relaxed);
        for owner in table.drain() {
            larger.insert_unique(owner.meta.hash, owner, |owner| owner.meta.hash);
        }
        std::mem::swap(&mut *table, &mut larger);
        // First the lock, then the memory.
        drop(table);
        drop(larger);
    }

    fn shard(&self, hash: u64) -> &Shard<K, S> {
        // Not the bits by which a table places an entry, which are the lowest and the highest.
        &self.shards[(hash >> 40) as usize & (self.shards.len() - 1)]
    }
}

impl<K, S> Alike<K, S> {
    pub(super) fn new() -> Self {
        Alike { first: None, more: Vec::new() }
    }

    /// Takes the first entry for which `is` returns true.
    pub(super) fn take_first(
        &mut self,
        mut is: impl FnMut(&Keyed<K, S>) -> bool,
    ) -> Option<Owned<Arc<Keyed<K, S>>>> {
        if is(self.first.as_ref()?) {
            return self.first.take();
        }
        let found = self.more.iter().position(|entry| is(entry))?;
        Some(self.more.swap_remove(found))
    }

    /// Drops all, and makes room for one and `more`.
    fn clear(&mut self, more: usize) {
        self.first = None;
        self.more.clear();
        self.more.reserve(more);
    }

    /// Adds the entries of a hash, and returns how many did not fit. Called under a lock.
    fn fill(&mut self, table: &Table<K, S>, hash: u64) -> usize {
        let mut missing = 0;
        for entry in table.iter_hash(hash).filter(|entry| entry.meta.hash == hash) {
            if self.first.is_none() {
                self.first = Some(entry.clone());
            } else if self.more.len() < self.more.capacity() {
                self.more.push(entry.clone());
            } else {
                missing += 1;
            }
        }
        missing
    }

    /// Whether these are all entries of the hash in the table. Called under a lock.
    fn are_all(&self, table: &Table<K, S>, hash: u64) -> bool {
        let mut count = 0;
        let own = table.iter_hash(hash).filter(|entry| entry.meta.hash == hash);
        let are_known = own.inspect(|_| count += 1).all(|entry| {
            self.first.iter().chain(&self.more).any(|known| Arc::ptr_eq(known, entry))
        });
        are_known && count == usize::from(self.first.is_some()) + self.more.len()
    }
}

fn read<K, S>(shard: &Shard<K, S>) -> RwLockReadGuard<'_, Table<K, S>> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<K, S>(shard: &Shard<K, S>) -> RwLockWriteGuard<'_, Table<K, S>> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

/// The number of shards of a map: a power of two, several for each processor.
fn shards() -> usize {
    static SHARDS: OnceLock<usize> = OnceLock::new();
    *SHARDS.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (4 * processors).next_power_of_two()
    })
}
