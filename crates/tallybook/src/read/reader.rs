//! [`Reader`]: everyone who is not the collector.

use super::snapshot::Snapshot;
use crate::support::signal::{Listener, Signal};
use arc_swap::{ArcSwap, Cache};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
#[cfg(not(target_family = "wasm"))]
use std::time::Instant;

/// Reads the published snapshots. Readers never wait for anybody and disturb nobody; clone them freely.
///
/// A reader keeps the latest snapshot, not the registry: once the last [`Registry`](crate::Registry), collector and ticker
/// are gone, there is nothing more to come, and what waits for it waits for ever.
#[derive(Clone)]
pub struct Reader {
    /// `None` in a disabled registry.
    published: Option<Published>,
}

/// What a registry shares with its readers. They own no more than this: a reducer may have a reader, and is owned by the
/// registry.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) latest: Arc<ArcSwap<Snapshot>>,
    /// Notified after each publication.
    pub(crate) changed: Arc<Signal>,
}

/// What a timed wait found.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Debug)]
pub enum Waited {
    /// A newer snapshot.
    Next(Arc<Snapshot>),
    /// The time was over first.
    TimedOut,
}

#[cfg(not(target_family = "wasm"))]
impl Waited {
    /// The snapshot, if there was one in time.
    #[must_use]
    pub fn next(self) -> Option<Arc<Snapshot>> {
        match self {
            Waited::Next(snapshot) => Some(snapshot),
            Waited::TimedOut => None,
        }
    }
}

impl Reader {
    pub(crate) fn new(published: Option<Published>) -> Self {
        Reader { published }
    }

    /// The latest snapshot. It never changes; a fact recorded before this call may be missing in it and appears with
    /// the next tick. Before the first tick it is empty, with epoch 0.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.published
            .as_ref()
            .map_or_else(Snapshot::nothing, |published| published.latest.load_full())
    }

    /// A reader that keeps the snapshot it saw last: looking for a newer one is about a pointer load.
    #[must_use]
    pub fn cached(&self) -> CachedReader {
        let latest = self.published.as_ref().map(|published| published.latest.clone());
        CachedReader(Cache::new(
            latest.unwrap_or_else(|| Arc::new(ArcSwap::new(Snapshot::nothing()))),
        ))
    }

    /// Waits for a snapshot of a later epoch than `after`, on any runtime. If there is one already, it is returned at
    /// once: whoever passes the epoch seen last sees the newest each time, never a queue. Cancel it by dropping it.
    ///
    /// Waits for ever if nothing is collected, as in a disabled registry.
    pub async fn next(&self, after: u64) -> Arc<Snapshot> {
        loop {
            let Some(listener) = self.listen() else { return std::future::pending().await };
            let latest = self.latest();
            if latest.epoch() > after {
                return latest;
            }
            listener.await;
        }
    }

    /// Notified of publications from now on; `None` in a disabled registry.
    pub(super) fn listen(&self) -> Option<Listener> {
        self.published.as_ref().map(|published| published.changed.listen())
    }
}

// Threads cannot be blocked there.
#[cfg(not(target_family = "wasm"))]
impl Reader {
    /// Blocks until there is a snapshot of a later epoch than `after`, or the time is over, and says which. Not on
    /// WebAssembly, where threads cannot be blocked.
    #[must_use]
    pub fn wait_next(&self, after: u64, timeout: Duration) -> Waited {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let Some(listener) = self.listen() else {
                // Nothing is ever published.
                park_until(deadline);
                return Waited::TimedOut;
            };
            let latest = self.latest();
            if latest.epoch() > after {
                return Waited::Next(latest);
            }
            if !listener.wait_until(deadline) {
                return Waited::TimedOut;
            }
        }
    }
}

/// Waits, for ever where the deadline is beyond all time.
#[cfg(not(target_family = "wasm"))]
fn park_until(deadline: Option<Instant>) {
    loop {
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return,
            Some(left) => std::thread::park_timeout(left),
            None => std::thread::park(),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("latest", &self.latest()).finish()
    }
}

/// A [`Reader`] for hot loops; made by [`Reader::cached`]. It keeps one snapshot alive, the one it saw last.
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
