//! [`Difference`]: what happened between two snapshots.

use crate::error::WrongRegistry;
use crate::family::{Family, Key};
use crate::metric::Stats;
use crate::set::Set;
use crate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// Two snapshots of one registry, seen as what happened between them. Made by [`Snapshot::since`].
#[derive(Clone, Debug)]
pub struct Difference {
    later: Arc<Snapshot>,
    earlier: Arc<Snapshot>,
}

impl Snapshot {
    /// What happened between `earlier` and this one.
    ///
    /// # Errors
    /// If they are of different registries.
    pub fn since(self: &Arc<Self>, earlier: &Arc<Self>) -> Result<Difference, WrongRegistry> {
        if self.registry != earlier.registry {
            let name = "the earlier snapshot".to_owned();
            return Err(WrongRegistry { name, own: earlier.registry, other: self.registry });
        }
        Ok(Difference { later: self.clone(), earlier: earlier.clone() })
    }
}

impl Difference {
    /// The time between the two cuts; zero if they were given in the wrong order.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.later.at().saturating_sub(self.earlier.at())
    }

    /// What a set recorded in between. Gauges and per-interval values are those of the later snapshot.
    ///
    /// # Panics
    /// If the set belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn set<S: Stats>(&self, set: &Set<S>) -> S::Value {
        S::difference(&self.later.set(set), &self.earlier.set(set))
    }

    /// What all entries of a family recorded in between, those included that retired meanwhile.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn total<K: Key, S: Stats>(&self, family: &Family<K, S>) -> S::Value {
        let (later, earlier) = (self.later.family(family), self.earlier.family(family));
        S::difference(&later.total(), &earlier.total())
    }

    /// What an entry recorded in between. An entry that is not in the earlier snapshot, or that has come back as a new
    /// one since, started from zero.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn entry<K: Key, S: Stats>(&self, family: &Family<K, S>, key: &K) -> Option<S::Value> {
        let (later, earlier) = (self.later.family(family), self.earlier.family(family));
        let values = later.get(key)?;
        let before = earlier.get_same(key, &later).unwrap_or_default();
        Some(S::difference(&values, &before))
    }
}
