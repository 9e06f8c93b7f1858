//! What every layer may use: locks, signals, and the one place where user code is called.

pub(crate) mod signal;
pub(crate) mod user;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, and ignores poisoning: nothing that is guarded here is ever left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
