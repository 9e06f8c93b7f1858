//! The law that every cut has to obey.
//!
//! For each counter, the members present and departed sum to the swarm, and for each histogram they
//! merge to it: every fact is whole. For the same reason there are as many times as there are
//! counts of what was timed. And where all members are ours, what was received was served before
//! and what was verified was received before, although the two ends are counted on different
//! threads of different sessions with a socket between them: every cut is consistent.
//!
//! What is seen on the wire lies in between: an event, not a count, and under the same law. And no
//! event goes missing: those sent are those applied, coalesced, dropped and lost, of which only
//! noise may be dropped and nothing lost.

use std::fmt;

use tallybook::event::EventStatsSnapshot;

use crate::cut::{Cut, Tally};
use crate::wire::{OnWire, Totals};

/// How a cut broke the law.
#[derive(Clone, Debug, PartialEq)]
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
    /// The account of a kind of event does not add up.
    Account {
        /// Which kind.
        kind: &'static str,
        /// Its account.
        account: EventStatsSnapshot,
    },
    /// Events went missing that must not.
    Missing {
        /// Which kind.
        kind: &'static str,
        /// Its account.
        account: EventStatsSnapshot,
    },
    /// The open connections are not those that were opened and not closed.
    Links {
        /// How many are open.
        open: u64,
        /// How many were opened.
        connected: u64,
        /// How many were closed.
        disconnected: u64,
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
            Self::Account {
                kind,
                account: EventStatsSnapshot { sent, applied, coalesced, dropped, lost },
            } => {
                write!(
                    f,
                    "{kind}: {sent} events sent, {applied} applied + {coalesced} coalesced + {dropped} dropped + {lost} lost"
                )
            }
            Self::Missing { kind, account: EventStatsSnapshot { dropped, lost, .. } } => {
                write!(f, "{kind}: {dropped} events dropped, {lost} lost")
            }
            Self::Links { open, connected, disconnected } => {
                write!(f, "{open} connections open, {connected} opened less {disconnected} closed")
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
    if let Some(wire) = &cut.wire {
        on_the_wire(wire, swarm, world, &mut found);
    }
    let connections = cut.present.iter().map(|member| (member.closed, member.opened));
    found.extend(connections.filter_map(|(closed, opened)| {
        in_order(("connections closed", closed), ("opened", opened))
    }));
    found
}

/// The kind of which events may be dropped.
const NOISE: &str = "noise";

/// What has to hold of the wire, and of the events that tell of it.
fn on_the_wire(wire: &OnWire, swarm: &Tally, world: World, found: &mut Vec<Breach>) {
    let noise = (NOISE, wire.noise.clone());
    for (kind, account) in wire.events.iter().cloned().chain([noise]) {
        let EventStatsSnapshot { sent, applied, coalesced, dropped, lost } = account;
        if sent != applied + coalesced + dropped + lost {
            found.push(Breach::Account { kind, account: account.clone() });
        }
        if lost > 0 || dropped > 0 && kind != NOISE {
            found.push(Breach::Missing { kind, account });
        }
    }
    let Totals { connected, disconnected, bytes, .. } = wire.view.totals;
    let open = wire.view.links.len() as u64;
    if open + disconnected != connected {
        found.push(Breach::Links { open, connected, disconnected });
    }
    let seen = ("on the wire", bytes);
    found.extend(in_order(("received", swarm.received), seen));
    if world == World::Closed {
        found.extend(in_order(seen, ("served", swarm.served)));
    }
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
#[path = "law_tests.rs"]
pub mod tests;
