//! [`Log`]: a reducer that keeps every event it is given.

use std::time::Duration;
use tallybook::{Event, Reducer};

/// All events so far, in the order in which they were applied.
pub struct Log<E>(Vec<E>);

impl<E> Default for Log<E> {
    fn default() -> Self {
        Log(Vec::new())
    }
}

impl<E: Event + Clone + Send + Sync + 'static> Reducer for Log<E> {
    type Event = E;
    type Snapshot = Vec<E>;
    fn apply(&mut self, event: E, _: Duration) {
        self.0.push(event);
    }
    fn snapshot(&self) -> Vec<E> {
        self.0.clone()
    }
}
