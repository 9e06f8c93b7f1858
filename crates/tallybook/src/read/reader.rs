//! [`Reader`]: reads published snapshots.

use super::guard::SnapshotGuard;
use super::snapshot::Snapshot;
use crate::clock::Clock;
use crate::error::NotCollected;
#[cfg(not(target_family = "wasm"))]
use crate::error::WaitError;
use crate::support::lock;
use crate::support::signal::{Listener, Signal};
use arc_swap::{ArcSwap, Cache, Guard};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
#[cfg(not(target_family = "wasm"))]
use std::time::Instant;

/// Reads the published snapshots. Reading blocks nobody and is blocked by nobody; clone readers
/// freely.
///
/// A reader keeps the latest snapshot, not the registry. It knows whether there is a collector
/// ([`is_collected`](Self::is_collected)): when there is none, waiting for the next snapshot is an
/// error.
#[derive(Clone)]
pub struct Reader {
    /// `None` in a disabled registry.
    published: Option<Published>,
}

/// What a registry shares with its readers. They own no more than this: a reducer may have a
/// reader, and is owned by the registry.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) latest: Arc<ArcSwap<Snapshot>>,
    /// Notified after each publication.
    pub(crate) changed: Arc<Signal>,
    /// Whether there is a collector. A collector publishes its last snapshot before it sets this to
    /// `false`; the lock orders the two.
    collected: Arc<Mutex<bool>>,
    clock: Arc<dyn Clock>,
}

impl Published {
    /// Begins with an empty snapshot, and no collector.
    pub(crate) fn new(empty: Snapshot, clock: Arc<dyn Clock>) -> Self {
        let latest = Arc::new(ArcSwap::from_pointee(empty));
        Published { latest, changed: Arc::default(), collected: Arc::default(), clock }
    }

    /// Whether there is a collector.
    pub(crate) fn is_collected(&self) -> bool {
        *lock(&self.collected)
    }

    /// Says that there is a collector, or that there is none any more; wakes those that wait in the
    /// second case.
    pub(crate) fn set_collected(&self, is_collected: bool) {
        *lock(&self.collected) = is_collected;
        if !is_collected {
            self.changed.notify();
        }
    }
}

impl Reader {
    pub(crate) fn new(published: Option<Published>) -> Self {
        Reader { published }
    }

    /// The latest snapshot. It never changes; a fact recorded before this call may be missing in it
    /// and appears with the next tick. Before the first tick it is empty, with epoch 0.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.published
            .as_ref()
            .map_or_else(Snapshot::nothing, |published| published.latest.load_full())
    }

    /// The latest snapshot, as [`latest`](Self::latest), for a short look: cheaper by the reference
    /// count that an `Arc` takes, which all readers share.
    ///
    /// ```
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Jobs {
    ///     started: Counter,
    ///     done: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let jobs = registry.set::<Jobs>("jobs")?;
    /// let mut collector = registry.collector()?;
    /// let reader = registry.reader();
    ///
    /// jobs.record(|j| j.started.add(3));
    /// collector.tick();
    /// let in_progress = {
    ///     let now = reader.load();
    ///     let jobs = now.set(&jobs);
    ///     jobs.started - jobs.done // of one snapshot, as they are read from one guard
    /// };
    /// assert_eq!(in_progress, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn load(&self) -> SnapshotGuard {
        SnapshotGuard::new(match &self.published {
            Some(published) => published.latest.load(),
            None => Guard::from_inner(Snapshot::nothing()),
        })
    }

    /// A reader that keeps the snapshot it saw last: looking for a newer one is about a pointer
    /// load.
    #[must_use]
    pub fn cached(&self) -> CachedReader {
        let latest = self.published.as_ref().map(|published| published.latest.clone());
        CachedReader(Cache::new(
            latest.unwrap_or_else(|| Arc::new(ArcSwap::new(Snapshot::nothing()))),
        ))
    }

    /// Whether the registry has a collector: one that ticks by itself, is run as a future, or is
    /// ticked by hand. `false` before the first is made, after the last was stopped or dropped, and
    /// in a disabled registry.
    ///
    /// The answer may be out of date when it arrives. While it is `false`, facts are still recorded
    /// and nothing is published.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let registry = tallybook::Registry::new();
    /// let reader = registry.reader();
    /// let _ = registry.collect_every(Duration::from_secs(1))?; // dropped at once
    /// assert!(!reader.is_collected());
    /// let _ticker = registry.collect_every(Duration::from_secs(1))?;
    /// assert!(reader.is_collected());
    /// # Ok::<(), tallybook::error::CollectError>(())
    /// ```
    #[must_use]
    pub fn is_collected(&self) -> bool {
        self.published.as_ref().is_some_and(Published::is_collected)
    }

    /// How long ago the cut of the latest snapshot was made, by the registry's clock; before the
    /// first tick, how long ago the registry was made. `None` in a disabled registry.
    ///
    /// An age of several intervals means that the collector is late, or that a thread stays inside
    /// a fact and older cuts are published again ([`Snapshot::is_stale`]).
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let published = self.published.as_ref()?;
        let at = published.latest.load().at();
        Some(published.clock.elapsed_since(at))
    }

    /// Waits for a snapshot of a later epoch than `after`, on any runtime. If there is one already,
    /// it is returned at once: a caller that passes the epoch it saw last gets the newest each
    /// time, never a queue. Cancel it by dropping it.
    ///
    /// # Errors
    /// If the registry has no collector, or the collector ends before it publishes such a snapshot.
    /// What it published last is returned first.
    pub async fn next(&self, after: u64) -> Result<Arc<Snapshot>, NotCollected> {
        loop {
            let listener = self.listen();
            if let Some(snapshot) = self.look(after)? {
                return Ok(snapshot);
            }
            listener.ok_or(NotCollected)?.await;
        }
    }

    /// Notified of publications, and of the end of collecting, from now on; `None` in a disabled
    /// registry.
    pub(super) fn listen(&self) -> Option<Listener> {
        self.published.as_ref().map(|published| published.changed.listen())
    }

    /// The latest snapshot, if it is of a later epoch than `after`.
    ///
    /// # Errors
    /// If it is not, and there is no collector to publish one.
    pub(super) fn look(&self, after: u64) -> Result<Option<Arc<Snapshot>>, NotCollected> {
        // In this order: what a collector publishes last is there when it has ended.
        let is_collected = self.is_collected();
        let latest = self.load();
        if latest.epoch() > after {
            return Ok(Some(SnapshotGuard::into_arc(latest)));
        }
        if is_collected { Ok(None) } else { Err(NotCollected) }
    }
}

// Threads cannot be blocked there.
#[cfg(not(target_family = "wasm"))]
impl Reader {
    /// Blocks until there is a snapshot of a later epoch than `after`, as [`next`](Self::next), or
    /// until `timeout` is over. Not on WebAssembly, where threads cannot be blocked.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] if there is none in time; [`WaitError::NotCollected`] as soon as
    /// there is no collector.
    pub fn wait_next(&self, after: u64, timeout: Duration) -> Result<Arc<Snapshot>, WaitError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let listener = self.listen();
            if let Some(snapshot) = self.look(after)? {
                return Ok(snapshot);
            }
            let listener = listener.ok_or(WaitError::NotCollected)?;
            if !listener.wait_until(deadline) {
                return Err(WaitError::TimedOut);
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("latest", &*self.load())
            .field("is_collected", &self.is_collected())
            .finish_non_exhaustive()
    }
}

/// A [`Reader`] for hot loops; made by [`Reader::cached`]. It keeps one snapshot alive, the one it
/// saw last.
pub struct CachedReader(Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>);

impl CachedReader {
    /// The latest snapshot, as [`Reader::latest`].
    #[inline]
    pub fn latest(&mut self) -> &Arc<Snapshot> {
        self.0.load()
    }
}

impl Clone for CachedReader {
    fn clone(&self) -> Self {
        CachedReader(self.0.clone())
    }
}

impl fmt::Debug for CachedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedReader").finish_non_exhaustive()
    }
}
