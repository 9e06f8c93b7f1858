//! One snapshot in plain numbers: what the law is checked on and what is drawn.

use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use tallybook::Snapshot;

use crate::books::{Books, LibrqbitSnapshot, MemberSnapshot, SwarmSnapshot};

/// What a member, several members or the swarm have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Payload written.
    pub received: u64,
    /// Payload read to be sent.
    pub served: u64,
    /// Payload read to be hashed.
    pub checked: u64,
    /// Payload of good pieces.
    pub verified: u64,
    /// Good pieces.
    pub pieces: u64,
    /// Writes to storage.
    pub writes: u64,
    /// Reads from storage.
    pub reads: u64,
}

impl Tally {
    /// The numbers with their names.
    pub fn named(&self) -> [(&'static str, u64); 7] {
        [
            ("received", self.received),
            ("served", self.served),
            ("checked", self.checked),
            ("verified", self.verified),
            ("pieces", self.pieces),
            ("writes", self.writes),
            ("reads", self.reads),
        ]
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            served: self.served + other.served,
            checked: self.checked + other.checked,
            verified: self.verified + other.verified,
            pieces: self.pieces + other.pieces,
            writes: self.writes + other.writes,
            reads: self.reads + other.reads,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl From<&MemberSnapshot> for Tally {
    fn from(member: &MemberSnapshot) -> Self {
        Self {
            received: member.received,
            served: member.served,
            checked: member.checked,
            verified: member.verified,
            pieces: member.pieces,
            writes: member.writes,
            reads: member.reads,
        }
    }
}

impl From<&SwarmSnapshot> for Tally {
    fn from(swarm: &SwarmSnapshot) -> Self {
        Self {
            received: swarm.received,
            served: swarm.served,
            checked: swarm.checked,
            verified: swarm.verified,
            pieces: swarm.pieces,
            writes: swarm.writes,
            reads: swarm.reads,
        }
    }
}

/// A present member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// What it has done since it joined.
    pub tally: Tally,
    /// Payload it has, that of an earlier stay included.
    pub have: u64,
    /// Its connections so far.
    pub opened: u64,
    /// How many of them have closed again.
    pub closed: u64,
}

impl Present {
    /// Its live connections.
    pub fn connections(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

/// librqbit's own counters, as they were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// How often they were read.
    pub readings: u64,
    /// How often they contradicted each other.
    pub broken: u64,
    /// By how many bytes at most, since the cut before.
    pub worst: Option<u64>,
}

impl From<&LibrqbitSnapshot> for Readings {
    fn from(own: &LibrqbitSnapshot) -> Self {
        Self { readings: own.readings, broken: own.broken, worst: own.worst }
    }
}

/// One snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Its epoch.
    pub epoch: u64,
    /// When it was taken, from the start of the books.
    pub at: Duration,
    /// The present members by name.
    pub present: Vec<Present>,
    /// All departed members together.
    pub departed: Tally,
    /// All members ever, as the library sums them.
    pub total: Tally,
    /// The swarm's own totals.
    pub swarm: Tally,
    /// Joins so far.
    pub joined: u64,
    /// Departures so far.
    pub left: u64,
    /// librqbit's own counters.
    pub librqbit: Readings,
}

impl Cut {
    /// Reads a snapshot.
    pub fn of(snapshot: &Snapshot, books: &Books) -> Self {
        let swarm = snapshot.set(&books.swarm);
        let members = snapshot.family(&books.members);
        let mut present: Vec<Present> = members
            .iter()
            .map(|(name, member)| Present {
                name: name.clone(),
                tally: Tally::from(&member),
                have: member.have.map_or(0, i64::unsigned_abs),
                opened: member.connections.opened,
                closed: member.connections.closed,
            })
            .collect();
        // The seed first, then the leechers in their order: a longer name is a later number.
        present.sort_by(|a, b| {
            (a.name != "seed", a.name.len(), &a.name).cmp(&(
                b.name != "seed",
                b.name.len(),
                &b.name,
            ))
        });
        Self {
            epoch: snapshot.epoch(),
            at: snapshot.at(),
            present,
            departed: Tally::from(&members.retired()),
            total: Tally::from(&members.total()),
            swarm: Tally::from(&swarm),
            joined: swarm.members.opened,
            left: swarm.members.closed,
            librqbit: Readings::from(&snapshot.set(&books.librqbit)),
        }
    }

    /// Members, present and departed, summed one by one.
    pub fn parts(&self) -> Tally {
        self.present.iter().map(|member| member.tally).sum::<Tally>() + self.departed
    }

    /// Live connections of all present members.
    pub fn connections(&self) -> u64 {
        self.present.iter().map(Present::connections).sum()
    }
}
