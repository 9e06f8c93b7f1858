//! [`Cut`]: a cut on demand, between two ticks.
//!
//! Callers that ask before the collector begins the cut share one. What they get is not published:
//! see [`Core::answer`](super::Core::answer).

use crate::error::NotCollected;
#[cfg(not(target_family = "wasm"))]
use crate::error::WaitError;
use crate::event::Wake;
use crate::read::{Published, Snapshot};
use crate::support::lock;
use crate::support::signal::{Listener, Signal};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};
#[cfg(not(target_family = "wasm"))]
use std::time::{Duration, Instant};

/// A snapshot on its way to the callers of [`Registry::cut`](crate::Registry::cut): await it on any
/// runtime, or [`wait`](Self::wait) for it.
///
/// The cut was requested when this was made, so it holds all facts that were over by then, whenever
/// it is awaited. Dropping it cancels the request.
#[must_use = "dropping it cancels the request"]
pub struct Cut {
    /// `None` if there was no collector.
    answer: Option<Arc<Answer>>,
    /// What wakes the task that awaits this.
    listener: Option<Listener>,
}

type Outcome = Result<Arc<Snapshot>, NotCollected>;

/// Shared by the callers of one cut and the collector.
#[derive(Default)]
struct Answer {
    outcome: Mutex<Option<Outcome>>,
    changed: Arc<Signal>,
}

impl Answer {
    fn get(&self) -> Option<Outcome> {
        lock(&self.outcome).clone()
    }

    /// The first outcome counts.
    fn settle(&self, outcome: Outcome) {
        lock(&self.outcome).get_or_insert(outcome);
        self.changed.notify();
    }
}

/// The collector's side of a cut. If it is dropped without an answer, the callers learn that nobody
/// collects.
#[derive(Default)]
pub(super) struct CutRequest(Arc<Answer>);

impl CutRequest {
    /// Whether any caller still waits.
    pub(super) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Wakes the callers.
    pub(super) fn answer(self, snapshot: Arc<Snapshot>) {
        self.0.settle(Ok(snapshot));
    }
}

impl Drop for CutRequest {
    fn drop(&mut self) {
        if self.0.get().is_none() {
            self.0.settle(Err(NotCollected));
        }
    }
}

/// The cut that callers can still join, if there is one.
#[derive(Default)]
pub(crate) struct Cuts(Mutex<Option<CutRequest>>);

impl Cuts {
    /// Requests a cut of the collector.
    pub(super) fn ask(&self, published: &Published, wake: &Wake) -> Cut {
        let answer = {
            let mut next = lock(&self.0);
            // Under the lock: a collector that ends takes the request after it has said so.
            if !published.is_collected() {
                return Cut::refused();
            }
            next.get_or_insert_default().0.clone()
        };
        wake.ask_for_cut();
        Cut { answer: Some(answer), listener: None }
    }

    /// Takes the request, so that later callers make the next.
    pub(super) fn take(&self) -> Option<CutRequest> {
        lock(&self.0).take()
    }
}

impl Cut {
    /// There is no collector.
    pub(crate) fn refused() -> Self {
        Cut { answer: None, listener: None }
    }

    /// Blocks until the cut is there or `timeout` is over; then the request is cancelled. Not on
    /// WebAssembly, where threads cannot be blocked.
    ///
    /// # Errors
    /// [`WaitError::NotCollected`] if the registry has no collector or the collector stops first;
    /// [`WaitError::TimedOut`] if there is no cut in time: a thread stays inside a fact, nobody
    /// ticks a collector that is ticked by hand, or this is called where it blocks the collector.
    #[cfg(not(target_family = "wasm"))]
    pub fn wait(self, timeout: Duration) -> Result<Arc<Snapshot>, WaitError> {
        let answer = self.answer.as_ref().ok_or(WaitError::NotCollected)?;
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let listener = answer.changed.listen();
            if let Some(outcome) = answer.get() {
                return Ok(outcome?);
            }
            if !listener.wait_until(deadline) {
                return Ok(answer.get().ok_or(WaitError::TimedOut)??);
            }
        }
    }
}

impl Future for Cut {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Outcome> {
        let Some(answer) = self.answer.clone() else { return Poll::Ready(Err(NotCollected)) };
        loop {
            // The listener is made before the look that finds nothing, so no notification falls
            // between.
            let mut listener = self.listener.take().unwrap_or_else(|| answer.changed.listen());
            if let Some(outcome) = answer.get() {
                return Poll::Ready(outcome);
            }
            let woken = Pin::new(&mut listener).poll(cx);
            if woken.is_pending() {
                self.listener = Some(listener);
            }
            ready!(woken);
        }
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cut").finish_non_exhaustive()
    }
}
