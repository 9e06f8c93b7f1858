//! [`Snapshots`]: the snapshots that a reader waits for, as a stream.

use super::reader::Reader;
use super::snapshot::Snapshot;
use crate::error::NotCollected;
use crate::support::signal::Listener;
use futures_core::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Newer and newer snapshots, on any runtime; made by [`Reader::stream`].
///
/// A slow consumer gets the newest, never a queue of older ones, and loses nothing by it: totals
/// are in all of them. The stream ends when the registry has no collector any more, after the
/// collector's last snapshot, and at once where there was none, as in a disabled registry. Polled
/// again, it goes on if there is another collector by then. Drop it at any time.
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
    /// All that [`next`](Self::next) would give, one after the other, as a stream: snapshots of
    /// later epochs than `after`, each the newest at its time.
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
    /// let newest = snapshots.next().await.expect("there is a collector");
    /// assert_eq!(newest.epoch(), 2);
    /// drop(collector);
    /// assert_eq!(snapshots.next().await.map(|last| last.epoch()), Some(3));
    /// assert!(snapshots.next().await.is_none());
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
            // The listener is made before the look that finds nothing, so no notification falls
            // between.
            let mut listener = match self.listener.take() {
                Some(listener) => listener,
                None => match self.reader.listen() {
                    Some(listener) => listener,
                    None => return Poll::Ready(None),
                },
            };
            match self.reader.look(self.seen) {
                Ok(Some(latest)) => {
                    self.seen = latest.epoch();
                    return Poll::Ready(Some(latest));
                }
                Ok(None) => {}
                Err(NotCollected) => return Poll::Ready(None),
            }
            let woken = Pin::new(&mut listener).poll(cx);
            if woken.is_pending() {
                self.listener = Some(listener);
            }
            ready!(woken);
        }
    }
}
