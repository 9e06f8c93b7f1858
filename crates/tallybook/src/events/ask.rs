//! [`Reply`]: asking a reducer something.

use event_listener::Event;
#[cfg(not(target_family = "wasm"))]
use event_listener::Listener;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
#[cfg(not(target_family = "wasm"))]
use std::time::{Duration, Instant};

/// A question, to be answered by whoever has the reducer.
pub(crate) type Request<R> = Box<dyn FnOnce(&R) + Send>;

/// The answer to a question that was put to a reducer, as soon as there is one: await it, or [`wait`](Self::wait). Dropping
/// it takes the question back, if it has not been put yet.
#[must_use = "dropping it takes the question back"]
pub struct Reply<T>(Arc<Slot<T>>);

struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Event,
}

enum State<T> {
    Waiting,
    Answered(T),
    /// Nobody will answer.
    Gone,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The time was over first.
    #[error("the reducer has not answered in time: is the registry being collected?")]
    TimedOut,
    /// The reducer has panicked, the question made it panic, or the registry is disabled.
    #[error("there is no reducer to answer: it has panicked, or the registry is disabled")]
    Gone,
}

/// What answers. Dropped without an answer it says that there will be none.
struct Asked<T>(Weak<Slot<T>>);

impl<T> Asked<T> {
    fn settle(&self, state: State<T>) {
        if let Some(slot) = self.0.upgrade() {
            let mut current = crate::lock(&slot.state);
            if let State::Waiting = *current {
                *current = state;
                slot.changed.notify(usize::MAX);
            }
        }
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.settle(State::Gone);
    }
}

impl<T: Send + 'static> Reply<T> {
    /// A question and where its answer will be.
    pub(super) fn new<R>(question: impl FnOnce(&R) -> T + Send + 'static) -> (Request<R>, Self) {
        let slot = Arc::new(Slot { state: Mutex::new(State::Waiting), changed: Event::new() });
        let asked = Asked(Arc::downgrade(&slot));
        let request = move |reducer: &R| {
            if asked.0.strong_count() > 0 {
                asked.settle(State::Answered(question(reducer)));
            }
        };
        (Box::new(request), Reply(slot))
    }

    /// No answer, now and for ever.
    pub(super) fn gone() -> Self {
        Reply(Arc::new(Slot { state: Mutex::new(State::Gone), changed: Event::new() }))
    }

    fn take(&self) -> Option<Result<T, NoReply>> {
        let mut state = crate::lock(&self.0.state);
        if let State::Waiting = *state {
            return None;
        }
        Some(match std::mem::replace(&mut *state, State::Gone) {
            State::Answered(answer) => Ok(answer),
            State::Waiting | State::Gone => Err(NoReply::Gone),
        })
    }

    /// Blocks until there is an answer, or the time is over; then the question is taken back. Not on WebAssembly, where
    /// threads cannot be blocked.
    ///
    /// # Errors
    /// If there is no answer.
    #[cfg(not(target_family = "wasm"))]
    pub fn wait(self, timeout: Duration) -> Result<T, NoReply> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let listener = self.0.changed.listen();
            if let Some(answer) = self.take() {
                return answer;
            }
            match deadline {
                None => listener.wait(),
                Some(deadline) if listener.wait_deadline(deadline).is_some() => {}
                Some(_) => return self.take().unwrap_or(Err(NoReply::TimedOut)),
            }
        }
    }

    /// The answer, on any runtime.
    async fn answer(self) -> Result<T, NoReply> {
        loop {
            let listener = self.0.changed.listen();
            if let Some(answer) = self.take() {
                return answer;
            }
            listener.await;
        }
    }
}

impl<T: Send + 'static> IntoFuture for Reply<T> {
    type Output = Result<T, NoReply>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.answer())
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
