//! What every layer may use: locks, signals, and the one place where user code is called.

pub(crate) mod signal;
pub(crate) mod user;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks, and ignores poisoning: nothing that is guarded here is ever left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time in nanoseconds, at most `u64::MAX` of them: 584 years.
#[inline]
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
