//! Calling user code outside the user's own calls: [`call`], and [`Owned`] for drops.
//!
//! Reducers, questions, callbacks, clocks, wakers, and the `Drop` of keys, events, states and
//! captures run in the collector, or while a snapshot is dropped. A panic there ends the call and
//! nothing else: it is caught here, its payload is dropped, and it is [counted](take_caught) by
//! thread, so that the collector can say in which part it happened.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

thread_local! {
    static CAUGHT: Cell<u64> = const { Cell::new(0) };
    static LAST: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Calls `f`.
///
/// What `f` changes is used on after a panic; so it must leave that whole at each point where it
/// calls the user's code.
///
/// # Errors
/// The message with which it panicked.
pub(crate) fn call<T>(f: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message: Arc<str> = message(&*payload).into();
        // A payload whose drop panics has one of its own, which may do so, too: that one is leaked.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        CAUGHT.set(CAUGHT.get() + 1);
        // It is destroyed while the thread ends; nothing asks for it then either.
        let before = LAST.try_with(|last| last.replace(Some(message.clone())));
        drop(before);
        message
    })
}

/// How many panics were caught on this thread since the last call, and the message of the latest.
pub(crate) fn take_caught() -> Option<(u64, Arc<str>)> {
    let count = CAUGHT.replace(0);
    let last = LAST.try_with(RefCell::take).ok().flatten();
    (count > 0).then(|| (count, last.unwrap_or_else(|| "no message".into())))
}

/// The text of a panic's payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// A value of a user's type, or the owner of one. A panic of its drop is caught.
pub(crate) struct Owned<T>(Option<T>);

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Owned(Some(value))
    }

    /// The value, which may panic again when it is dropped.
    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect("only `drop` and this take it")
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("only `drop` and `into_inner` take it")
    }
}

impl<T> DerefMut for Owned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only `drop` and `into_inner` take it")
    }
}

impl<T: Clone> Clone for Owned<T> {
    fn clone(&self) -> Self {
        Owned::new((**self).clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take()
            && std::mem::needs_drop::<T>()
        {
            let _told = call(|| drop(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb(&'static str);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                std::panic::panic_any(self.0);
            }
        }
    }

    #[test]
    fn a_panic_is_caught_and_told_once() {
        assert_eq!(take_caught(), None);
        assert_eq!(call(|| 3), Ok(3));
        assert_eq!(call(|| panic!("one")), Err::<(), _>("one".into()));
        drop(Owned::new(Bomb("two")));
        assert_eq!(take_caught(), Some((2, "two".into())));
        assert_eq!(take_caught(), None);
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_is_no_second_panic() {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                std::panic::panic_any(Bomb("again"));
            }
        }
        assert_eq!(call(|| std::panic::panic_any(Payload)), Err::<(), _>("no message".into()));
        assert_eq!(take_caught().map(|(count, _)| count), Some(1));
    }

    #[test]
    fn what_was_taken_out_is_not_dropped_here() {
        let bomb = Owned::new(Bomb("three")).into_inner();
        std::mem::forget(bomb);
        assert_eq!(take_caught(), None);
    }
}
