//! [`Reply`]: asking a reducer something.

use crate::support::signal::{Listener, Signal};
use crate::support::user::{self, Owned};
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex};
#[cfg(not(target_family = "wasm"))]
use std::time::{Duration, Instant};

/// The answer to a question that was put to a reducer, as soon as there is one: await it, or [`wait`](Self::wait).
///
/// Dropping it takes the question back: if it has not been put yet, it is dropped at once, by this thread, with all that
/// it captured. So does a wait whose time is over.
#[must_use = "dropping it takes the question back"]
pub struct Reply<T>(
    /// `None` if there never was anybody to answer.
    Option<Arc<dyn Wanted<T>>>,
);

/// A question on its way to whoever has the reducer. Dropped without having been put, it says that there will be no answer.
pub(crate) struct Request<R>(Arc<dyn Put<R>>);

/// What a reply sees of a question.
trait Wanted<T>: Send + Sync + UnwindSafe + RefUnwindSafe {
    fn listen(&self) -> Listener;
    /// What has become of it, if that is known.
    fn take(&self) -> Option<Result<T, NoReply>>;
    fn take_back(&self);
}

/// What the owner of the reducer sees of it.
trait Put<R>: Send + Sync {
    fn put(&self, reducer: &R);
    fn is_taken_back(&self) -> bool;
    fn give_up(&self);
}

/// A question, and later what has become of it. Nothing of the user's is called or dropped while the lock is held.
struct Question<Q, T> {
    state: Mutex<State<Q, T>>,
    changed: Arc<Signal>,
}

enum State<Q, T> {
    KindQueue(Q),
    /// It is with the reducer.
    Asking,
    Answered(T),
    /// Nobody will answer.
    Gone,
    /// Nobody wants the answer.
    TakenBack,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The time was over first.
    #[error("the reducer has not answered in time: is the registry being collected?")]
    TimedOut,
    /// The reducer or the question has panicked, or the registry is disabled or gone.
    #[error("there is no reducer to answer: it has panicked, or the registry is disabled or gone")]
    Gone,
}

impl<Q, T> Question<Q, T> {
    /// Goes over to another state, and returns the one before.
    fn switch(&self, state: State<Q, T>) -> State<Q, T> {
        std::mem::replace(&mut *crate::support::lock(&self.state), state)
    }

    /// Goes over to another state if that is of interest to anybody, and returns the one before, or that.
    fn settle(&self, state: State<Q, T>) -> State<Q, T> {
        let mut current = crate::support::lock(&self.state);
        match *current {
            State::KindQueue(_) | State::Asking => std::mem::replace(&mut *current, state),
            State::Answered(_) | State::Gone | State::TakenBack => state,
        }
    }

    /// Wakes who waits: by wakers, which are the user's.
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
            State::KindQueue(_) | State::Asking => None,
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
            State::KindQueue(question) => question,
            _ => return,
        };
        let outcome = match user::call(|| question(reducer)) {
            Ok(answer) => State::Answered(answer),
            Err(_) => State::Gone,
        };
        // An answer that nobody wants comes back.
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
    /// Puts it to the reducer, which it only looks at.
    pub(crate) fn put(self, reducer: &R) {
        self.0.put(reducer);
    }

    /// Whether nobody wants to know any more.
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
    /// A question and where its answer will be.
    pub(super) fn new<R>(question: impl FnOnce(&R) -> T + Send + 'static) -> (Request<R>, Self) {
        let state = Mutex::new(State::KindQueue(question));
        let asked = Arc::new(Question { state, changed: Arc::default() });
        (Request(asked.clone()), Reply(Some(asked)))
    }

    /// No answer, now and for ever.
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

    /// Blocks until there is an answer, or the time is over; then the question is taken back. Not on WebAssembly, where
    /// threads cannot be blocked.
    ///
    /// # Errors
    /// If there is no answer.
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
