//! Panics that a test causes on purpose: caught, and not printed.
#![allow(dead_code, reason = "a suite uses what it needs")]

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

/// Calls `f`, and returns `None` if it panicked. The payload's `Drop` may panic, too.
pub fn attempt<T>(f: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) => {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            None
        }
    }
}

/// Calls `f` while no panic of any thread is printed. A panic of `f` itself goes on to the caller.
pub fn silently<T>(f: impl FnOnce() -> T) -> T {
    // The hook belongs to the process: tests that replace it take turns.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let print = take_hook();
    set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(f));
    set_hook(print);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

const EXPECTED: &str = "expected";

/// Panics in a way that is not printed after [`hide_expected`].
pub fn panic_as_expected() -> ! {
    panic_any(EXPECTED)
}

/// Stops the panics of [`panic_as_expected`] from being printed, for the rest of the process.
pub fn hide_expected() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&EXPECTED) {
                print(info);
            }
        }));
    });
}
