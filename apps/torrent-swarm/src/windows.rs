//! The law of windows: what is said of the time between two cuts agrees with the cuts.
//!
//! What happened since the cut before, summed over all cuts, is all that happened. What happened in
//! a window, added to the cut at its start, is the cut at its end: counts, sums, extremes and
//! buckets. The members together did in it what the swarm did. And its rates, times the time
//! between the cuts, are what happened.

use std::sync::Arc;
use std::time::Duration;

use tallybook::metric::LiveRates;
use tallybook::{Difference, Snapshot};

use crate::books::{Books, Member, MemberRates, Swarm, SwarmRates, TrafficRates};
use crate::cut::Tally;
use crate::law::Breach;
use crate::rate::WINDOWS;

/// Follows the cuts, and checks the windows that end at each.
pub struct Windows {
    books: Books,
    start: u64,
    last: Arc<Snapshot>,
    /// All that happened since the start, one interval after the other.
    swept: Tally,
}

impl Windows {
    /// Begins at `start`.
    pub fn new(books: Books, start: Arc<Snapshot>) -> Self {
        let swept = Tally::from(start.set(&books.swarm));
        Self { books, start: start.epoch(), last: start, swept }
    }

    /// Every breach of the law in the windows that end at `now`, the next cut. It may be later than
    /// the next.
    pub fn enter(&mut self, now: &Arc<Snapshot>) -> Vec<Breach> {
        let mut found = Vec::new();
        let mut wrong = |window: &str, wrong| {
            found.push(Breach::Window { window: window.into(), wrong });
        };
        let books = &self.books;
        let interval = now.last_interval();
        match now.since(&self.last) {
            Err(_) => wrong("since the cut before", "that cut is said to be of another registry"),
            Ok(since) => {
                let more = Tally::from(since.set(&books.swarm));
                let is_next = since.set(&books.registry.collector_stats()).ticks == 1;
                if is_next && more != Tally::from(interval.set(&books.swarm)) {
                    wrong("last interval", "it is not what happened since the cut before");
                }
                self.swept = std::mem::take(&mut self.swept) + more;
            }
        }
        if self.swept != Tally::from(now.set(&books.swarm)) {
            wrong("intervals", "what happened in all of them is not what happened");
        }
        let named = WINDOWS.map(|length| {
            (humantime::format_duration(length).to_string(), length, now.window(length))
        });
        for (name, length, window) in
            [("last interval".to_string(), Duration::ZERO, interval)].iter().chain(&named)
        {
            // A window begins at the nearest cut, within a sixteenth of its length.
            let shortest = *length - *length / 16;
            if window.elapsed() < shortest && window.earlier().epoch() > self.start {
                wrong(name, "it is shorter than it has to be");
            }
            for what in contradictions(window, books) {
                wrong(name, what);
            }
        }
        self.last = now.clone();
        found
    }
}

/// In what a window contradicts the cuts at its ends.
fn contradictions(window: &Difference, books: &Books) -> impl Iterator<Item = &'static str> {
    let (swarm, members) = (window.set(&books.swarm), window.total(&books.members));
    let speeds = [
        swarm_speeds(&window.per_second::<Swarm>(&swarm)),
        member_speeds(&window.per_second::<Member>(&members)),
    ];
    let (swarm, members) = (Tally::from(swarm), Tally::from(members));
    let seconds = window.elapsed().as_secs_f64();
    let agree = speeds.iter().zip([&swarm, &members].map(amounts)).all(|(speeds, amounts)| {
        speeds.iter().zip(amounts).all(|(speed, amount)| is_about(speed * seconds, amount, seconds))
    });
    let mut left = members.counters().map(|(_, count)| Some(count));
    for (_, increase) in window.entries(&books.members) {
        let counters = Tally::from(increase).counters();
        for (left, (_, count)) in left.iter_mut().zip(counters) {
            *left = left.and_then(|left| left.checked_sub(count));
        }
    }
    let [earlier, later] =
        [window.earlier(), window.later()].map(|end| Tally::from(end.set(&books.swarm)));
    [
        (swarm != members, "the members together did something else than the swarm"),
        (left.contains(&None), "the members that are present did more than all together"),
        (earlier + swarm != later, "with the cut it starts at it does not make the cut it ends at"),
        (!agree, "rates times the time in between are not what happened"),
    ]
    .into_iter()
    .filter_map(|(is_wrong, what)| is_wrong.then_some(what))
}

/// What rates are given of, in the order of `speeds`.
fn amounts(tally: &Tally) -> [f64; 8] {
    let [writes, reads] =
        [&tally.write_time, &tally.read_time].map(|times| times.sum().as_secs_f64());
    let counts = [tally.received, tally.served, tally.pieces, tally.joined];
    let [received, served, pieces, joined] = counts.map(|count| count as f64);
    let timed = tally.write_time.count() as f64;
    [received, served, pieces, joined, tally.left as f64, timed, writes, reads]
}

fn swarm_speeds(rates: &SwarmRates) -> [f64; 8] {
    speeds(&rates.traffic, rates.members)
}

fn member_speeds(rates: &MemberRates) -> [f64; 8] {
    speeds(&rates.traffic, rates.stays)
}

fn speeds(traffic: &TrafficRates, stays: LiveRates) -> [f64; 8] {
    let TrafficRates { received, served, pieces, write_time, read_time, .. } = traffic;
    let (opened, closed) = (stays.opened, stays.closed);
    [*received, *served, *pieces, opened, closed, write_time.count, write_time.sum, read_time.sum]
}

/// Whether two numbers differ by no more than rounding. In no time nothing has a rate.
fn is_about(one: f64, other: f64, seconds: f64) -> bool {
    seconds == 0.0 || (one - other).abs() <= other.abs() * 1e-12
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts by hand: how fast they follow each other makes no difference to the law.
    #[test]
    fn the_law_holds_over_many_cuts_with_members_that_come_and_go() {
        let books = Books::new(None).expect("books");
        let reader = books.registry.reader();
        let mut windows = Windows::new(books.clone(), reader.latest());
        let mut collector = books.registry.collector().expect("a collector");
        for round in 0..200_u64 {
            let page = books.page(&format!("leecher-{}", round % 7)).expect("a member");
            let stay = page.stay();
            for step in 0..round % 5 {
                let time = Duration::from_nanos(round * 1009 + step * 77_777);
                page.received(16_384 + round, time);
                page.served(step, time);
            }
            page.verified(round, Duration::from_micros(round));
            if round % 3 == 0 {
                assert_eq!(windows.enter(&collector.tick()), [], "round {round}");
            } else {
                // A cut that nobody sees.
                collector.tick();
            }
            drop(stay);
        }
        drop(collector);
        assert_eq!(windows.enter(&reader.latest()), []);
        let all = Tally::from(reader.latest().set(&books.swarm));
        assert_eq!(windows.swept, all);
        assert_eq!((all.joined, all.left, all.pieces), (200, 200, 200));
    }

    #[test]
    fn a_cut_that_was_left_out_of_the_sum_is_found() {
        let books = Books::new(None).expect("books");
        let mut windows = Windows::new(books.clone(), books.registry.reader().latest());
        let mut collector = books.registry.collector().expect("a collector");
        books.page("m").expect("a member").received(1, Duration::ZERO);
        windows.last = collector.tick();
        let found = windows.enter(&collector.tick());
        assert_eq!(
            found.iter().map(Breach::to_string).collect::<Vec<_>>(),
            ["intervals: what happened in all of them is not what happened"]
        );
    }

    #[test]
    fn rounding_is_allowed_and_nothing_else() {
        assert!(is_about(3.0 * (1.0 / 3.0), 1.0, 0.3));
        assert!(!is_about(1.0, 1.001, 1.0));
        assert!(!is_about(1.0, 0.0, 1.0));
        assert!(is_about(0.0, 7.0, 0.0), "no time, no rate");
    }
}
