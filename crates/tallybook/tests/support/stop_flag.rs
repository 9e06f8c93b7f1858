//! [`StopOnDrop`]: ends the threads of a test, also when the test fails.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Sets a flag when it is dropped, so that threads which poll the flag end even if an assertion
/// panics before they are joined.
pub struct StopOnDrop<'a>(pub &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
