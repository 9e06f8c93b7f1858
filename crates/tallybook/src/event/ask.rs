//! [`Reply`]: the answer to a question that a reducer is asked.

use crate::support::signal::{Listener, Signal};
use crate::support::user::{self, Owned};
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex};
#[cfg(not(target_family = "wasm"))]
use std::time::{Duration, Instant};

/// The answer to a question that a reducer was asked: await it, or block with
/// [`wait`](Self::wait).
///
/// Dropping the reply cancels the question: if it has not been asked yet, this thread drops it at
/// once, with its captures. A wait that times out does the same.
#[must_use = "dropping it cancels the question"]
pub struct Reply<T>(
    /// `None` if nothing will ever answer.
    Option<Arc<dyn Wanted<T>>>,
);

/// A question on its way to the owner of the reducer. If it is dropped before it is asked, its
/// reply learns that there is no answer.
pub(crate) struct Request<R>(Arc<dyn Put<R>>);

/// A question as its reply sees it.
trait Wanted<T>: Send + Sync + UnwindSafe + RefUnwindSafe {
    fn listen(&self) -> Listener;
    /// The outcome, if it is known.
    fn take(&self) -> Option<Result<T, NoReply>>;
    fn take_back(&self);
}

/// A question as the owner of the reducer sees it.
trait Put<R>: Send + Sync {
    fn put(&self, reducer: &R);
    fn is_taken_back(&self) -> bool;
    fn give_up(&self);
}

/// A question, and later its outcome. No user code is called or dropped while the lock is held.
struct Question<Q, T> {
    state: Mutex<State<Q, T>>,
    changed: Arc<Signal>,
}

enum State<Q, T> {
    Waiting(Q),
    /// The reducer is being asked.
    Asking,
    Answered(T),
    /// There will be no answer.
    Gone,
    /// The reply was dropped.
    TakenBack,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReply {
    /// The reducer did not answer in time.
    #[error("the reducer did not answer in time: is the registry being collected?")]
    TimedOut,
    /// The reducer or the question panicked, or the registry is disabled or was dropped.
    #[error(
        "no reducer answers: it or the question panicked, or the registry is disabled or was dropped"
    )]
    Gone,
}

impl<Q, T> Question<Q, T> {
    /// Sets the state, and returns the previous one.
    fn switch(&self, state: State<Q, T>) -> State<Q, T> {
        std::mem::replace(&mut *crate::support::lock(&self.state), state)
    }

    /// Sets the state and returns the previous one, or returns `state` if the outcome is settled.
    fn settle(&self, state: State<Q, T>) -> State<Q, T> {
        let mut current = crate::support::lock(&self.state);
        match *current {
            State::Waiting(_) | State::Asking => std::mem::replace(&mut *current, state),
            State::Answered(_) | State::Gone | State::TakenBack => state,
        }
    }

    /// Wakes the waiting reply, through wakers that are user code.
    fn tell(&self) {
        self.changed.notify();
    }
}

impl<Q: Send, T: Send> Wanted<T> for Question<Q, T> {
    fn listen(&self) -> Listener {
        self.changed.listen()
    }

    fn take(&self) -> Option<Result<T, NoReply>> {
        let mut state = crate::support::lock(&self.state);
        match &*state {
            State::Waiting(_) | State::Asking => None,
            State::Gone | State::TakenBack => Some(Err(NoReply::Gone)),
            State::Answered(_) => match std::mem::replace(&mut *state, State::Gone) {
                State::Answered(answer) => Some(Ok(answer)),
                _ => unreachable!("it was answered, and the lock has been held since"),
            },
        }
    }

    fn take_back(&self) {
        let before = self.switch(State::TakenBack);
        drop(before);
    }
}

impl<R, Q: FnOnce(&R) -> T + Send, T: Send> Put<R> for Question<Q, T> {
    fn put(&self, reducer: &R) {
        let question = match self.settle(State::Asking) {
            State::Waiting(question) => question,
            _ => return,
        };
        let outcome = match user::call(|| question(reducer)) {
            Ok(answer) => State::Answered(answer),
            Err(_) => State::Gone,
        };
        // Returns the answer if the reply was dropped.
        drop(Owned::new(self.settle(outcome)));
        self.tell();
    }

    fn is_taken_back(&self) -> bool {
        matches!(*crate::support::lock(&self.state), State::TakenBack)
    }

    fn give_up(&self) {
        drop(Owned::new(self.settle(State::Gone)));
        self.tell();
    }
}

impl<R> Request<R> {
    /// Asks the reducer, by shared reference.
    pub(crate) fn put(self, reducer: &R) {
        self.0.put(reducer);
    }

    /// Whether the reply was dropped.
    pub(super) fn is_taken_back(&self) -> bool {
        self.0.is_taken_back()
    }
}

impl<R> Drop for Request<R> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(question) = &self.0 {
            question.take_back();
        }
    }
}

impl<T: Send + 'static> Reply<T> {
    /// A question and its reply.
    pub(super) fn new<R>(question: impl FnOnce(&R) -> T + Send + 'static) -> (Request<R>, Self) {
        let state = Mutex::new(State::Waiting(question));
        let asked = Arc::new(Question { state, changed: Arc::default() });
        (Request(asked.clone()), Reply(Some(asked)))
    }

    /// A reply that never has an answer.
    pub(super) fn gone() -> Self {
        Reply(None)
    }

    /// Notified when there may be an answer.
    fn listen(&self) -> Option<Listener> {
        self.0.as_ref().map(|question| question.listen())
    }

    fn take(&self) -> Option<Result<T, NoReply>> {
        self.0.as_ref().map_or(Some(Err(NoReply::Gone)), |question| question.take())
    }

    /// Blocks until there is an answer or `timeout` is over, which cancels the question. Not on
    /// WebAssembly, where threads cannot block.
    ///
    /// # Errors
    /// [`NoReply`], if there is no answer.
    #[cfg(not(target_family = "wasm"))]
    pub fn wait(self, timeout: Duration) -> Result<T, NoReply> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let listener = self.listen();
            if let Some(answer) = self.take() {
                return answer;
            }
            let Some(listener) = listener else { return Err(NoReply::Gone) };
            if !listener.wait_until(deadline) {
                return self.take().unwrap_or(Err(NoReply::TimedOut));
            }
        }
    }

    /// The answer, on any runtime.
    async fn answer(self) -> Result<T, NoReply> {
        loop {
            let listener = self.listen();
            if let Some(answer) = self.take() {
                return answer;
            }
            let Some(listener) = listener else { return Err(NoReply::Gone) };
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
