//! Atomics, locks and threads: std's, or loom's so that the models run the shipped code.

#[cfg(not(tallybook_loom))]
pub(super) use std::sync::{
    Mutex,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(tallybook_loom))]
pub(super) use std::{hint::spin_loop, thread::yield_now};

#[cfg(tallybook_loom)]
pub(super) use loom::{
    hint::spin_loop,
    sync::{
        Mutex,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
    },
    thread::yield_now,
};

use std::sync::PoisonError;

/// Locks the mutex and ignores poisoning: nothing that is guarded here is left half changed by a
/// panic.
#[cfg(not(tallybook_loom))]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(tallybook_loom)]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
