//! Rates for the eye: how fast each member received and served over about the last second.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cut::{Cut, Tally};

/// The time a rate is taken over.
const WINDOW: Duration = Duration::from_secs(1);

/// Bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Received.
    pub received: f64,
    /// Served.
    pub served: f64,
}

/// The cuts of the last second.
#[derive(Default)]
pub struct Rates {
    cuts: VecDeque<Cut>,
}

impl Rates {
    /// Adds the latest cut; one that is already there changes nothing.
    pub fn push(&mut self, cut: &Cut) {
        if self.cuts.back().is_some_and(|last| last.epoch == cut.epoch) {
            return;
        }
        self.cuts.push_back(cut.clone());
        // The oldest one kept is the youngest that is a whole window old, so that the rate covers the window.
        while self.cuts.get(1).is_some_and(|second| second.at + WINDOW <= cut.at) {
            self.cuts.pop_front();
        }
    }

    /// The rate of the swarm.
    pub fn swarm(&self) -> Rate {
        self.between(|cut| Some(cut.swarm))
    }

    /// The rate of a present member.
    pub fn member(&self, name: &str) -> Rate {
        self.between(|cut| {
            cut.present.iter().find(|member| member.name == name).map(|member| member.tally)
        })
    }

    fn between(&self, pick: impl Fn(&Cut) -> Option<Tally>) -> Rate {
        let (Some(first), Some(last)) = (self.cuts.front(), self.cuts.back()) else {
            return Rate::default();
        };
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        let Some(now) = pick(last).filter(|_| seconds > 0.0) else {
            return Rate::default();
        };
        // Somebody who was not there has done nothing; somebody who left and came back starts from nothing again.
        let before = pick(first).unwrap_or_default();
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        Rate {
            received: per_second(now.received, before.received),
            served: per_second(now.served, before.served),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::Present;

    fn cut(epoch: u64, millis: u64, received: u64) -> Cut {
        let tally = Tally { received, ..Tally::default() };
        let present = vec![Present { name: "a".into(), tally, ..Present::default() }];
        Cut { epoch, at: Duration::from_millis(millis), present, swarm: tally, ..Cut::default() }
    }

    #[test]
    fn the_first_cut_has_no_rate() {
        let mut rates = Rates::default();
        assert_eq!(rates.swarm(), Rate::default());
        rates.push(&cut(1, 100, 5));
        assert_eq!(rates.member("a"), Rate::default());
    }

    #[test]
    fn a_rate_covers_the_last_second_only() {
        let mut rates = Rates::default();
        for (epoch, millis, received) in
            [(1, 0, 0), (2, 500, 1000), (3, 1000, 1000), (4, 1500, 1500), (5, 2000, 1800)]
        {
            rates.push(&cut(epoch, millis, received));
        }
        assert_eq!(rates.swarm().received, 800.0);
        assert_eq!(rates.member("a").received, 800.0);
    }

    #[test]
    fn a_member_that_comes_back_has_no_negative_rate() {
        let mut rates = Rates::default();
        rates.push(&cut(1, 0, 1000));
        rates.push(&cut(2, 500, 10));
        assert_eq!(rates.member("a").received, 0.0);
    }

    #[test]
    fn the_same_cut_twice_is_one_cut() {
        let mut rates = Rates::default();
        rates.push(&cut(1, 0, 0));
        rates.push(&cut(2, 500, 100));
        rates.push(&cut(2, 500, 100));
        assert_eq!(rates.swarm().received, 200.0);
    }
}
