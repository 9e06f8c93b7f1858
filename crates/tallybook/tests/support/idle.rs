//! [`Idle`]: a reducer for tests that only ask questions.

use std::time::Duration;
use tallybook::{Event, Reducer};

/// The event that [`Idle`] takes, and that no test sends.
#[derive(Event)]
pub enum Never {
    #[expect(dead_code, reason = "no test sends one")]
    Sent,
}

/// A reducer without a state.
pub struct Idle;

impl Reducer for Idle {
    type Event = Never;
    type Snapshot = ();
    fn apply(&mut self, _: Never, _: Duration) {}
    fn snapshot(&self) {}
}
