//! [`Listening`]: waiting for an event on behalf of a task.

use crate::user::{self, Owned};
use event_listener::EventListener;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// An [`EventListener`] for tasks whose wakers may panic: the list of those who wait for an event is everybody's, and is
/// left half notified by a waker that panics. So it gets one that does not.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: EventListener,
    /// The task's waker that was seen last, and what is told to call it.
    wakers: Option<[Waker; 2]>,
}

/// Wakes a task, and catches the panic where that panics.
struct Caught(Owned<Waker>);

impl Wake for Caught {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let _told = user::call(|| self.0.wake_by_ref());
    }
}

impl Listening {
    pub(crate) fn new(listener: EventListener) -> Self {
        Listening { listener, wakers: None }
    }
}

impl Future for Listening {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let known = this.wakers.as_ref().is_some_and(|[seen, _]| seen.will_wake(cx.waker()));
        if !known {
            let caught = Waker::from(Arc::new(Caught(Owned::new(cx.waker().clone()))));
            this.wakers = Some([cx.waker().clone(), caught]);
        }
        let [_, caught] = this.wakers.as_ref().expect("they were made above");
        Pin::new(&mut this.listener).poll(&mut Context::from_waker(caught))
    }
}
