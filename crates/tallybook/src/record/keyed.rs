//! [`Keyed`]: an entry of a family, with its key.

use crate::phase::KeyedEntry;
use std::sync::Arc;
use std::time::Duration;

/// What an entry keeps besides its cells.
pub(crate) struct Meta<K> {
    pub(crate) key: K,
    /// The key's hash, by the family's hasher.
    pub(crate) hash: u64,
    /// The time of its creation, in nanoseconds on the registry's clock: half the size of a
    /// `Duration`.
    pub(super) since: u64,
    /// Its number within the family, from 1. Never used twice.
    pub(crate) serial: u64,
    /// One of the owners of `Shared::alive`.
    pub(super) _alive: Arc<()>,
}

impl<K> Meta<K> {
    /// The time of its creation, on the registry's clock.
    pub(crate) fn since(&self) -> Duration {
        Duration::from_nanos(self.since)
    }
}

pub(crate) type Keyed<K, S> = KeyedEntry<Meta<K>, S>;
