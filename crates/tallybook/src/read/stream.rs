//! [`Snapshots`]: the snapshots that a reader waits for, as a stream.

use super::reader::Reader;
use super::snapshot::Snapshot;
use crate::support::signal::Listener;
use futures_core::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Newer and newer snapshots, on any runtime; made by [`Reader::stream`].
///
/// Whoever is slow sees the newest, never a queue of older ones, and misses none for good: totals are in all of them. It
/// never ends; where nothing is collected any more, and in a disabled registry, it waits. Drop it at any time.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Snapshots {
    reader: Reader,
    /// The epoch of the snapshot that was seen last.
    seen: u64,
    /// What wakes this stream, while it waits.
    listener: Option<Listener>,
}

impl Reader {
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

impl Snapshots {
    pub(super) fn new(reader: Reader, seen: u64) -> Self {
        Snapshots { reader, seen, listener: None }
    }
}

impl Stream for Snapshots {
    type Item = Arc<Snapshot>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Arc<Snapshot>>> {
        loop {
            let latest = self.reader.latest();
            if latest.epoch() > self.seen {
                self.seen = latest.epoch();
                self.listener = None;
                return Poll::Ready(Some(latest));
            }
            // The listener is made before the look at the latest that finds nothing, so no notification falls between.
            match &mut self.listener {
                None => match self.reader.listen() {
                    None => return Poll::Pending,
                    listener => self.listener = listener,
                },
                Some(listener) => {
                    ready!(Pin::new(listener).poll(cx));
                    self.listener = None;
                }
            }
        }
    }
}
