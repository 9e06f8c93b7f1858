//! [`Parked`]: a writer that is stuck in the middle of a fact.

use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use tallybook::{Set, Stats};

/// A thread that stays inside a fact until it is released.
pub struct Parked {
    go_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Parked {
    /// Starts a thread that records a fact on `set`: `before`, a stop, and `after`. Returns when
    /// the thread has stopped inside the fact.
    pub fn inside<S: Stats>(
        set: &Set<S>,
        before: impl FnOnce(&S) + Send + 'static,
        after: impl FnOnce(&S) + Send + 'static,
    ) -> Self {
        let (inside, is_inside) = channel();
        let (go_on, goes_on) = channel();
        let set = set.clone();
        let thread = thread::spawn(move || {
            set.record(|cells| {
                before(cells);
                inside.send(()).unwrap();
                goes_on.recv().unwrap();
                after(cells);
            });
        });
        is_inside.recv().unwrap();
        Parked { go_on, thread }
    }

    /// Lets the fact end, and waits for the end of its thread.
    pub fn release(self) {
        self.go_on.send(()).unwrap();
        self.thread.join().unwrap();
    }
}
