//! The law that every cut has to obey.
//!
//! For each counter, the members present and departed sum to the swarm: every fact is whole. And where all members are ours,
//! what was received was served before and what was verified was received before, although the two ends are counted on
//! different threads of different sessions with a socket between them: every cut is consistent.

use std::fmt;

use crate::cut::Cut;

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
    /// Something is counted whose cause is not.
    Cause {
        /// What can only happen later.
        later: (&'static str, u64),
        /// What has to happen first.
        first: (&'static str, u64),
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
            Self::Cause { later, first } => {
                write!(f, "{} {} is more than {} {}", later.1, later.0, first.1, first.0)
            }
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
    let (parts, swarm) = (cut.parts(), cut.swarm);
    let mut found: Vec<Breach> = parts
        .named()
        .into_iter()
        .zip(swarm.named())
        .filter(|((_, parts), (_, swarm))| parts != swarm)
        .map(|((counter, parts), (_, swarm))| Breach::Sum { counter, parts, swarm })
        .collect();
    found.extend(
        parts
            .named()
            .into_iter()
            .zip(cut.total.named())
            .filter(|((_, parts), (_, total))| parts != total)
            .map(|((counter, parts), (_, total))| Breach::Total { counter, parts, total }),
    );
    if world == World::Closed {
        let chain =
            [("verified", swarm.verified), ("received", swarm.received), ("served", swarm.served)];
        found.extend(
            chain
                .windows(2)
                .filter(|pair| pair[0].1 > pair[1].1)
                .map(|pair| Breach::Cause { later: pair[0], first: pair[1] }),
        );
    }
    let ends = cut
        .present
        .iter()
        .map(|member| (member.opened, member.closed))
        .chain([(cut.joined, cut.left)]);
    found.extend(ends.filter(|(opened, closed)| closed > opened).map(|(opened, closed)| {
        Breach::Cause { later: ("closed", closed), first: ("opened", opened) }
    }));
    found
}

/// What the cuts of a run said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Cuts the collector has taken.
    pub taken: u64,
    /// Cuts that were looked at.
    pub checked: u64,
    /// Cuts that broke the law.
    pub broken: u64,
    /// The first breach, in words.
    pub first: Option<String>,
    /// The most by which librqbit's own counters contradicted each other in any cut, in bytes.
    pub worst: u64,
}

impl Verdict {
    /// Adds one cut, `taken` being how many there have been.
    pub fn enter(&mut self, cut: &Cut, taken: u64, world: World) {
        self.taken = taken;
        self.checked += 1;
        self.worst = self.worst.max(cut.librqbit.worst.unwrap_or(0));
        let found = breaches(cut, world);
        if let Some(breach) = found.first() {
            self.broken += 1;
            self.first.get_or_insert_with(|| format!("cut {}: {breach}", cut.epoch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::{Present, Tally};

    fn lawful() -> Cut {
        let seed = Tally { served: 90, reads: 3, ..Tally::default() };
        let leecher =
            Tally { received: 50, verified: 40, pieces: 1, writes: 2, ..Tally::default() };
        let gone = Tally { received: 30, writes: 1, ..Tally::default() };
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
            total: seed + leecher + gone,
            swarm: seed + leecher + gone,
            ..Cut::default()
        }
    }

    #[test]
    fn a_lawful_cut_has_no_breach() {
        assert_eq!(breaches(&lawful(), World::Closed), []);
    }

    #[test]
    fn the_departed_belong_to_the_sum() {
        let mut cut = lawful();
        cut.departed = Tally::default();
        let found = breaches(&cut, World::Closed);
        assert_eq!(found[0].to_string(), "received: the members sum to 50, the swarm says 80");
        assert_eq!(found[1].to_string(), "writes: the members sum to 2, the swarm says 3");
    }

    #[test]
    fn the_total_is_the_sum() {
        let mut cut = lawful();
        cut.total.reads += 1;
        assert_eq!(
            breaches(&cut, World::Open)[0].to_string(),
            "reads: the members sum to 3, their total is given as 4"
        );
    }

    #[test]
    fn nothing_is_received_before_it_is_served() {
        let mut cut = lawful();
        for tally in [&mut cut.present[0].tally, &mut cut.total, &mut cut.swarm] {
            tally.served = 79;
        }
        assert_eq!(
            breaches(&cut, World::Closed)[0].to_string(),
            "80 received is more than 79 served"
        );
        assert_eq!(breaches(&cut, World::Open), [], "another program may have served it");
    }

    #[test]
    fn nothing_closes_before_it_opens() {
        let mut cut = lawful();
        cut.present[1].closed = 3;
        assert_eq!(breaches(&cut, World::Open)[0].to_string(), "3 closed is more than 2 opened");
    }

    #[test]
    fn a_verdict_counts_cuts_and_keeps_the_first_breach() {
        let mut verdict = Verdict::default();
        verdict.enter(&lawful(), 1, World::Closed);
        let mut torn = lawful();
        torn.swarm.pieces += 1;
        verdict.enter(&torn, 2, World::Closed);
        torn.epoch = 9;
        verdict.enter(&torn, 4, World::Closed);
        assert_eq!((verdict.taken, verdict.checked, verdict.broken), (4, 3, 2));
        assert_eq!(
            verdict.first.as_deref(),
            Some("cut 7: pieces: the members sum to 1, the swarm says 2")
        );
    }
}
