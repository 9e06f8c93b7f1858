//! Polling a future by hand.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Polls `future` once. Nobody is woken when it makes progress.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
