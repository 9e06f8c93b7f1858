//! The law that every cut has to obey.
//!
//! For each counter, the members present and departed sum to the swarm, and for each histogram they merge to it: every fact
//! is whole. For the same reason there are as many times as there are counts of what was timed. And where all members are
//! ours, what was received was served before and what was verified was received before, although the two ends are counted on
//! different threads of different sessions with a socket between them: every cut is consistent.

use std::fmt;

use crate::cut::{Cut, Tally};

/// How a cut broke the law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The members do not sum to the swarm.
    Sum {
        /// Which counter.
        counter: &'static str,
        /// The members together.
        parts: u64,
        /// What the swarm says.
        swarm: u64,
    },
    /// The members do not sum to what the library gives as their total.
    Total {
        /// Which counter.
        counter: &'static str,
        /// The members together.
        parts: u64,
        /// What the library says.
        total: u64,
    },
    /// The members' times do not merge to those of the swarm, or to their total.
    Times {
        /// Which times.
        time: &'static str,
        /// What they do not merge to.
        whole: &'static str,
    },
    /// What was counted was not timed, or the other way round.
    Untimed {
        /// What is counted, and how many there are.
        counted: (&'static str, u64),
        /// The times of it, and how many there are.
        timed: (&'static str, u64),
    },
    /// Something is counted whose cause is not.
    Cause {
        /// What can only happen later.
        later: (&'static str, u64),
        /// What has to happen first.
        first: (&'static str, u64),
    },
    /// A window does not agree with the cuts at its ends.
    Window {
        /// Which window.
        window: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum { counter, parts, swarm } => {
                write!(f, "{counter}: the members sum to {parts}, the swarm says {swarm}")
            }
            Self::Total { counter, parts, total } => {
                write!(f, "{counter}: the members sum to {parts}, their total is given as {total}")
            }
            Self::Times { time, whole } => {
                write!(f, "{time}: what the members have does not merge to what the {whole} has")
            }
            Self::Untimed { counted, timed } => {
                write!(f, "{} {} for {} {}", timed.1, timed.0, counted.1, counted.0)
            }
            Self::Cause { later, first } => {
                write!(f, "{} {} is more than {} {}", later.1, later.0, first.1, first.0)
            }
            Self::Window { window, wrong } => write!(f, "{window}: {wrong}"),
        }
    }
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// All members are counted here.
    Closed,
    /// The seeder is somebody else's.
    Open,
}

/// Every breach of the law in `cut`.
pub fn breaches(cut: &Cut, world: World) -> Vec<Breach> {
    let (parts, swarm) = (cut.parts(), &cut.swarm);
    let mut found: Vec<Breach> = differing(&parts, swarm)
        .map(|(counter, parts, swarm)| Breach::Sum { counter, parts, swarm })
        .collect();
    found.extend(differing(&parts, &cut.total).map(|(counter, parts, total)| Breach::Total {
        counter,
        parts,
        total,
    }));
    for (whole, name) in [(swarm, "swarm"), (&cut.total, "total")] {
        let pairs = parts.times().into_iter().zip(whole.times());
        found.extend(
            pairs
                .filter(|(parts, whole)| parts.3 != whole.3)
                .map(|(parts, _)| Breach::Times { time: parts.2, whole: name }),
        );
    }
    let tallies = cut.present.iter().map(|member| &member.tally);
    for tally in tallies.chain([&cut.departed, &cut.total, swarm]) {
        within(tally, &mut found);
    }
    if world == World::Closed {
        let chain =
            [("verified", swarm.verified), ("received", swarm.received), ("served", swarm.served)];
        found.extend(chain.windows(2).filter_map(|pair| in_order(pair[0], pair[1])));
    }
    let connections = cut.present.iter().map(|member| (member.closed, member.opened));
    found.extend(connections.filter_map(|(closed, opened)| {
        in_order(("connections closed", closed), ("opened", opened))
    }));
    found
}

/// The counters that are not the same in both.
fn differing(one: &Tally, other: &Tally) -> impl Iterator<Item = (&'static str, u64, u64)> {
    let pairs = one.counters().into_iter().zip(other.counters());
    pairs
        .filter(|((_, one), (_, other))| one != other)
        .map(|((name, one), (_, other))| (name, one, other))
}

/// What has to hold of a member alone as of all of them.
fn within(tally: &Tally, found: &mut Vec<Breach>) {
    for (counter, count, time, times) in tally.times() {
        if count != times.count() {
            let (counted, timed) = ((counter, count), (time, times.count()));
            found.push(Breach::Untimed { counted, timed });
        }
    }
    // A piece takes as long as its writes did, which are over by then.
    let [pieces, writes] =
        [&tally.piece_write_time, &tally.write_time].map(|times| times.sum().as_nanos() as u64);
    found.extend(in_order(("ns for writing pieces", pieces), ("for writing", writes)));
    found.extend(in_order(("left", tally.left), ("joined", tally.joined)));
}

fn in_order(later: (&'static str, u64), first: (&'static str, u64)) -> Option<Breach> {
    (later.1 > first.1).then_some(Breach::Cause { later, first })
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use tallybook::Distribution;

    use super::*;
    use crate::cut::Present;

    fn times(millis: &[u64]) -> Distribution<Duration> {
        millis.iter().copied().map(Duration::from_millis).collect()
    }

    /// A cut in which all holds.
    pub fn lawful() -> Cut {
        let seed = Tally {
            served: 90,
            reads: 3,
            read_time: times(&[1, 1, 2]),
            joined: 1,
            ..Tally::default()
        };
        let leecher = Tally {
            received: 50,
            verified: 40,
            pieces: 1,
            writes: 2,
            joined: 1,
            write_time: times(&[3, 4]),
            piece_write_time: times(&[7]),
            ..Tally::default()
        };
        let gone = Tally {
            received: 30,
            writes: 1,
            joined: 1,
            left: 1,
            write_time: times(&[9]),
            ..Tally::default()
        };
        let all = seed.clone() + leecher.clone() + gone.clone();
        Cut {
            epoch: 7,
            present: vec![
                Present { name: "seed".into(), tally: seed, ..Present::default() },
                Present {
                    name: "leecher-1".into(),
                    tally: leecher,
                    have: 40,
                    opened: 2,
                    closed: 1,
                },
            ],
            departed: gone,
            total: all.clone(),
            swarm: all,
            ..Cut::default()
        }
    }

    fn said(cut: &Cut, world: World) -> Vec<String> {
        breaches(cut, world).iter().map(Breach::to_string).collect()
    }

    #[test]
    fn a_lawful_cut_has_no_breach() {
        assert_eq!(breaches(&lawful(), World::Closed), []);
    }

    #[test]
    fn the_departed_belong_to_the_sum() {
        let mut cut = lawful();
        cut.departed = Tally::default();
        let found = said(&cut, World::Closed);
        assert_eq!(found[0], "received: the members sum to 50, the swarm says 80");
        assert_eq!(found[1], "writes: the members sum to 2, the swarm says 3");
        let times = "write_time: what the members have does not merge to what the swarm has";
        assert!(found.iter().any(|said| said == times), "{found:?}");
    }

    #[test]
    fn the_total_is_the_sum() {
        let mut cut = lawful();
        cut.total.received += 1;
        let found = said(&cut, World::Open);
        assert_eq!(found, ["received: the members sum to 80, their total is given as 81"]);
    }

    #[test]
    fn one_time_too_long_is_a_breach() {
        let mut cut = lawful();
        cut.swarm.write_time = times(&[3, 4, 10]);
        let found = said(&cut, World::Closed);
        assert_eq!(
            found,
            ["write_time: what the members have does not merge to what the swarm has"]
        );
    }

    #[test]
    fn what_is_counted_is_timed() {
        let mut cut = lawful();
        for tally in [&mut cut.present[0].tally, &mut cut.total, &mut cut.swarm] {
            tally.reads += 1;
        }
        // Of the member, in the total, and in the swarm.
        assert_eq!(said(&cut, World::Closed), ["3 read_time for 4 reads"; 3]);
    }

    #[test]
    fn a_piece_takes_no_longer_than_its_writes() {
        let mut cut = lawful();
        for tally in [&mut cut.present[1].tally, &mut cut.total, &mut cut.swarm] {
            tally.piece_write_time = times(&[8]);
        }
        assert_eq!(
            said(&cut, World::Closed),
            ["8000000 ns for writing pieces is more than 7000000 for writing"]
        );
    }

    #[test]
    fn nothing_is_received_before_it_is_served() {
        let mut cut = lawful();
        for tally in [&mut cut.present[0].tally, &mut cut.total, &mut cut.swarm] {
            tally.served = 79;
        }
        assert_eq!(said(&cut, World::Closed), ["80 received is more than 79 served"]);
        assert_eq!(breaches(&cut, World::Open), [], "another program may have served it");
    }

    #[test]
    fn nothing_closes_before_it_opens() {
        let mut cut = lawful();
        cut.present[1].closed = 3;
        assert_eq!(said(&cut, World::Open), ["3 connections closed is more than 2 opened"]);
    }
}
