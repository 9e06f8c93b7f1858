//! Unregistering: [`Totals`] says what becomes of the numbers.

use super::handle::Registry;
use crate::error::UnregisterError;
use crate::support::lock;
use std::panic::Location;

/// What becomes of the totals of something that is [unregistered](Registry::unregister).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Totals {
    /// Snapshots go on showing them, unchanged, and the name stays taken: a registration of the
    /// same type under the same name continues them. The memory of threads' cells and of entries is
    /// given back; what entries counted is in their family's retired total.
    Keep,
    /// They are removed from the schema and from later snapshots, and the name is free. A
    /// registration under the same name starts from zero. The totals cannot be recovered: read the
    /// last snapshot that shows them if you need them.
    Drop,
}

impl Registry {
    /// Unregisters a set, an observed set, a family or an actor that is no longer held: no handle,
    /// guard, entry or sender of it exists.
    ///
    /// Takes effect with the next tick that closes an epoch: its snapshot still shows everything
    /// that was recorded, the one after it does not, or shows the totals as they were ([`Totals`]).
    /// Registering the same type under the same name before that takes the unregistering back;
    /// after that it registers a new one, or continues the totals that were kept. Snapshots that
    /// were made before keep what they show.
    ///
    /// With the tick, the reducer of an actor and the callback of an observed set are dropped.
    ///
    /// ```
    /// use tallybook::registry::Totals;
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Torrent {
    ///     received: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let mut collector = registry.collector()?;
    /// let torrent = registry.set::<Torrent>("torrent")?;
    /// torrent.record(|t| t.received.add(16_384));
    /// assert!(registry.unregister("torrent", Totals::Drop).is_err()); // it is held
    /// drop(torrent);
    /// registry.unregister("torrent", Totals::Drop)?;
    /// let is_shown = |cut: &tallybook::Snapshot| cut.declarations().any(|it| &*it.name == "torrent");
    /// assert!(is_shown(&collector.tick())); // a last time, with all that was recorded
    /// assert!(!is_shown(&collector.tick()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If nothing is registered under that name, or something holds it: the error says what, as far
    /// as that is known. Another thread may drop or clone a handle at any time. The collector's own
    /// statistics cannot be unregistered.
    #[track_caller]
    pub fn unregister(&self, name: &str, totals: Totals) -> Result<(), UnregisterError> {
        self.unregister_all(&[name], totals)
    }

    /// Unregisters several in one snapshot: all of them or, if one of them cannot be unregistered,
    /// none.
    ///
    /// # Errors
    /// As [`unregister`](Self::unregister), for the first that cannot be unregistered.
    #[track_caller]
    pub fn unregister_all(&self, names: &[&str], totals: Totals) -> Result<(), UnregisterError> {
        let Some(inner) = &self.inner else { return Ok(()) };
        let at = Location::caller();
        let mut catalog = lock(&inner.state.context.catalog);
        catalog.unregister(names, totals == Totals::Keep, at)
    }
}
