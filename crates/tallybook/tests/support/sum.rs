//! [`Sum`]: a reducer that adds up the numbers it is sent.

use std::time::Duration;
use tallybook::{Event, Reducer};

/// The only kind of event that [`Sum`] takes.
#[derive(Event)]
pub enum Number {
    /// A number to add.
    Add(u64),
}

/// The sum of all numbers so far, which is also what its snapshot shows.
#[derive(Default)]
pub struct Sum(pub u64);

impl Reducer for Sum {
    type Event = Number;
    type Snapshot = u64;
    fn apply(&mut self, Number::Add(n): Number, _: Duration) {
        self.0 += n;
    }
    fn snapshot(&self) -> u64 {
        self.0
    }
}
