//! [`Family`]: a set per key.
//!
//! The map from keys to entries ([`map`](super::map)) is sharded. [`Family::entry`] and the
//! retirement of an entry lock one shard; no user code runs under the lock. The map owns the
//! entries; handles and guards are counted as *holders*. Dropping the last holder is a fact like
//! any other, so the collector learns of it with the epoch that it closes, and retires the entry
//! one snapshot later if nothing holds it then.

use super::entry::Entry;
use super::key::Key;
use super::shared::Shared;
use crate::error::FamilyFull;
use crate::metric::{Counter, Stats};
use crate::phase::record_block;
use std::fmt;
use std::sync::Arc;

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

    /// Returns a handle to the entry of `key`, and creates the entry if there is none.
    ///
    /// The entry lives while a handle or a guard is held. When nothing holds it and its last change
    /// has been published, it retires: its counts move into the family's retired total in the
    /// snapshot that drops the key. The same key then starts a new entry.
    ///
    /// This looks the key up in a sharded map, outside of whose locks the key's `Hash` and `Eq`
    /// run. Keep the handle if facts are frequent.
    ///
    /// # Errors
    /// [`FamilyFull`], with the key, if the key is new and the family has the maximum number of
    /// keys.
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
        let Some(shared) = &self.shared else { return Ok(Entry::nowhere()) };
        let handle = |entry, is_new| Entry::new(shared.clone(), entry, is_new);
        match shared.hold(key, handle) {
            Ok(entry) => Ok(entry),
            Err(key) => {
                record_block::<Counter>(&shared.refusals, Counter::inc);
                Err(FamilyFull::new(key, shared.max_keys()))
            }
        }
    }
}
