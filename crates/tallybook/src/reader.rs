//! [`Reader`]: everyone who is not the collector.

mod stream;

pub use stream::Snapshots;

use crate::registry::Inner;
use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, Cache};
#[cfg(not(target_family = "wasm"))]
use event_listener::{EventListener, Listener};
use std::fmt;
use std::sync::{Arc, OnceLock};
#[cfg(not(target_family = "wasm"))]
use std::time::Instant;
use std::time::{Duration, SystemTime};

/// Reads the published snapshots. Readers never wait for anybody and disturb nobody; clone them freely.
#[derive(Clone)]
pub struct Reader {
    inner: Option<Arc<Inner>>,
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
    pub(crate) fn new(inner: Option<Arc<Inner>>) -> Self {
        Reader { inner }
    }

    /// The latest snapshot. It never changes; a fact recorded before this call may be missing in it and appears with
    /// the next tick. Before the first tick it is empty, with epoch 0.
    #[must_use]
    pub fn latest(&self) -> Arc<Snapshot> {
        self.inner.as_ref().map_or_else(nothing, |inner| inner.published.load_full())
    }

    /// A reader that keeps the snapshot it saw last: looking for a newer one is about a pointer load.
    #[must_use]
    pub fn cached(&self) -> CachedReader {
        let published = self.inner.as_ref().map(|inner| inner.published.clone());
        CachedReader(Cache::new(published.unwrap_or_else(|| Arc::new(ArcSwap::new(nothing())))))
    }

    /// Waits for a snapshot of a later epoch than `after`, on any runtime. If there is one already, it is returned at
    /// once: whoever passes the epoch seen last sees the newest each time, never a queue. Cancel it by dropping it.
    ///
    /// Waits for ever if nothing is collected, as in a disabled registry.
    pub async fn next(&self, after: u64) -> Arc<Snapshot> {
        loop {
            let Some(inner) = &self.inner else { return std::future::pending().await };
            let listener = inner.changed.listen();
            let latest = self.latest();
            if latest.epoch() > after {
                return latest;
            }
            listener.await;
        }
    }

    /// All that [`next`](Self::next) would give, one after the other, as a stream: snapshots of later epochs than `after`, each
    /// the newest at its time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    ///
    /// let registry = tallybook::Registry::new();
    /// let mut collector = registry.collector()?;
    /// let mut snapshots = registry.reader().stream(0);
    /// collector.tick();
    /// collector.tick();
    /// let newest = snapshots.next().await.expect("it never ends");
    /// assert_eq!(newest.epoch(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self, after: u64) -> Snapshots {
        Snapshots::new(self.clone(), after)
    }
}

// Threads cannot be blocked there: `event_listener` has no blocking wait.
#[cfg(not(target_family = "wasm"))]
impl Reader {
    /// Blocks until there is a snapshot of a later epoch than `after`, or the time is over, and says which. Not on
    /// WebAssembly, where threads cannot be blocked.
    #[must_use]
    pub fn wait_next(&self, after: u64, timeout: Duration) -> Waited {
        let deadline = Instant::now().checked_add(timeout);
        let Some(inner) = &self.inner else {
            // Nothing is ever published.
            park_until(deadline);
            return Waited::TimedOut;
        };
        loop {
            let listener = inner.changed.listen();
            let latest = self.latest();
            if latest.epoch() > after {
                return Waited::Next(latest);
            }
            if !wait_until(listener, deadline) {
                return Waited::TimedOut;
            }
        }
    }
}

/// Waits for the event, for ever where the deadline is beyond all time; `false` if the deadline came first.
#[cfg(not(target_family = "wasm"))]
fn wait_until(listener: EventListener, deadline: Option<Instant>) -> bool {
    match deadline {
        Some(deadline) => listener.wait_deadline(deadline).is_some(),
        None => {
            listener.wait();
            true
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

/// The one snapshot of all disabled registries.
pub(crate) fn nothing() -> Arc<Snapshot> {
    static NOTHING: OnceLock<Arc<Snapshot>> = OnceLock::new();
    let empty =
        || Arc::new(Snapshot::empty(0, Duration::ZERO, SystemTime::UNIX_EPOCH, Arc::default()));
    NOTHING.get_or_init(empty).clone()
}
