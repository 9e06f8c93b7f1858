//! Rates: how fast the swarm and its members received and served, over windows that end at a cut.

use std::collections::HashMap;
use std::time::Duration;

use tallybook::{Difference, Distribution};

use crate::books::{Books, Member};

/// The windows that are shown. How long they really are is up to the cuts.
pub const WINDOWS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// Bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Received.
    pub received: f64,
    /// Served.
    pub served: f64,
}

/// What happened in a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// How long it was: longer than asked for where cuts are rare, shorter where the books are
    /// young.
    pub elapsed: Duration,
    /// The swarm.
    pub swarm: Rate,
    /// Those who left, before or in the window.
    pub departed: Rate,
    /// Those who are present.
    pub members: HashMap<String, Rate>,
    /// The write times of the pieces that were completed.
    pub piece_write_time: Distribution<Duration>,
    /// How many members were present on average.
    pub present: f64,
    /// How many connections were open on average, counted at both ends.
    pub connections: f64,
}

impl Rates {
    /// The rates of a window.
    pub fn over(window: &Difference, books: &Books) -> Self {
        let swarm = window.set(&books.swarm);
        let total = window.total(&books.members);
        // What the present did not do was done by those who left. Subtracted before it is divided,
        // so it is exact.
        let mut departed = [total.traffic.received, total.traffic.served];
        let mut members = HashMap::new();
        for (name, increase) in window.entries(&books.members) {
            departed[0] = departed[0].saturating_sub(increase.traffic.received);
            departed[1] = departed[1].saturating_sub(increase.traffic.served);
            let rates = window.per_second::<Member>(&increase).traffic;
            members.insert(name.clone(), Rate { received: rates.received, served: rates.served });
        }
        let rates = window.rates(&books.swarm).traffic;
        let seconds = window.elapsed().as_secs_f64();
        let per_second = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        Self {
            elapsed: window.elapsed(),
            swarm: Rate { received: rates.received, served: rates.served },
            departed: Rate {
                received: per_second(departed[0] as f64),
                served: per_second(departed[1] as f64),
            },
            members,
            piece_write_time: swarm.traffic.piece_write_time,
            present: per_second(swarm.members.time.as_secs_f64()),
            connections: per_second(total.connections.time.as_secs_f64()),
        }
    }

    /// The rate of a present member.
    pub fn member(&self, name: &str) -> Rate {
        self.members.get(name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_cut_there_is_no_rate() {
        let books = Books::new(None).expect("books");
        let rates = Rates::over(&books.registry.reader().latest().last_interval(), &books);
        assert_eq!(rates, Rates::default());
    }

    #[test]
    fn present_and_departed_sum_to_the_swarm() {
        let books = Books::new(None).expect("books");
        let mut collector = books.registry.collector().expect("a collector");
        let [stays, leaves] = ["a", "b"].map(|name| books.page(name).expect("a member"));
        leaves.received(1000, Duration::ZERO);
        drop(leaves);
        collector.tick();
        stays.received(300, Duration::ZERO);
        stays.served(50, Duration::ZERO);
        for _ in 0..2 {
            collector.tick();
        }
        // The window begins with the books, whenever that was.
        let rates = Rates::over(&collector.tick().window(Duration::MAX), &books);
        assert!(rates.elapsed > Duration::ZERO);
        let about = |rate: f64| (rate * rates.elapsed.as_secs_f64()).round();
        assert_eq!(rates.members.len(), 1);
        assert_eq!(about(rates.member("a").received), 300.0);
        assert_eq!(about(rates.member("b").received), 0.0);
        assert_eq!(about(rates.departed.received), 1000.0);
        assert_eq!(about(rates.swarm.received), 1300.0);
        assert_eq!(about(rates.swarm.served), 50.0);
    }
}
