//! One snapshot in plain numbers: what the law is checked on and what is drawn.

use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use tallybook::metric::TimedLiveCount;
use tallybook::{Distribution, Snapshot};

use crate::books::{Books, LibrqbitSnapshot, MemberSnapshot, SwarmSnapshot, TrafficSnapshot};
use crate::state::State;
use crate::wire::OnWire;

/// What a member, several members or the swarm have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Pieces whose hash was wrong.
    pub bad_pieces: u64,
    /// Writes to storage.
    pub writes: u64,
    /// Reads from storage.
    pub reads: u64,
    /// Joins.
    pub joined: u64,
    /// Departures.
    pub left: u64,
    /// How long the writes took.
    pub write_time: Distribution<Duration>,
    /// How long the reads took.
    pub read_time: Distribution<Duration>,
    /// How long it took to write the good pieces.
    pub piece_write_time: Distribution<Duration>,
}

impl Tally {
    /// The counters with their names.
    pub fn counters(&self) -> [(&'static str, u64); 10] {
        [
            ("received", self.received),
            ("served", self.served),
            ("checked", self.checked),
            ("verified", self.verified),
            ("pieces", self.pieces),
            ("bad_pieces", self.bad_pieces),
            ("writes", self.writes),
            ("reads", self.reads),
            ("joined", self.joined),
            ("left", self.left),
        ]
    }

    /// The times with their names, each after the counter that has as many.
    pub fn times(&self) -> [(&'static str, u64, &'static str, &Distribution<Duration>); 3] {
        [
            ("writes", self.writes, "write_time", &self.write_time),
            ("reads", self.reads, "read_time", &self.read_time),
            ("pieces", self.pieces, "piece_write_time", &self.piece_write_time),
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
            bad_pieces: self.bad_pieces + other.bad_pieces,
            writes: self.writes + other.writes,
            reads: self.reads + other.reads,
            joined: self.joined + other.joined,
            left: self.left + other.left,
            write_time: self.write_time.merged(&other.write_time),
            read_time: self.read_time.merged(&other.read_time),
            piece_write_time: self.piece_write_time.merged(&other.piece_write_time),
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl Tally {
    fn of(traffic: TrafficSnapshot, stays: &TimedLiveCount) -> Self {
        Self {
            received: traffic.received,
            served: traffic.served,
            checked: traffic.checked,
            verified: traffic.verified,
            pieces: traffic.pieces,
            bad_pieces: traffic.bad_pieces,
            writes: traffic.writes,
            reads: traffic.reads,
            joined: stays.opened,
            left: stays.closed,
            write_time: traffic.write_time,
            read_time: traffic.read_time,
            piece_write_time: traffic.piece_write_time,
        }
    }
}

impl From<MemberSnapshot> for Tally {
    fn from(member: MemberSnapshot) -> Self {
        Self::of(member.traffic, &member.stays)
    }
}

impl From<SwarmSnapshot> for Tally {
    fn from(swarm: SwarmSnapshot) -> Self {
        Self::of(swarm.traffic, &swarm.members)
    }
}

/// A present member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// What it has done since it joined; where it came back before a cut showed it gone, since it
    /// joined first.
    pub tally: Tally,
    /// Payload it has, that of an earlier stay included.
    pub have: u64,
    /// How it stands.
    pub state: State,
    /// When it tries to reach its peer again, if it waits for that.
    pub retry_at: Option<Duration>,
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
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// librqbit's own counters.
    pub librqbit: Readings,
    /// What was seen on the wire, if there is a tap.
    pub wire: Option<OnWire>,
}

impl Cut {
    /// Reads a snapshot.
    pub fn of(snapshot: &Snapshot, books: &Books) -> Self {
        let members = snapshot.family(&books.members);
        let mut present: Vec<Present> = members
            .iter()
            .map(|(name, member)| Present {
                name: name.clone(),
                have: member.have.map_or(0, i64::unsigned_abs),
                state: member.state.map_or(State::Checking, State::of),
                retry_at: member
                    .retry_at
                    .filter(|_| member.state == Some(State::Retrying as i64))
                    .map(|millis| Duration::from_millis(millis.unsigned_abs())),
                opened: member.connections.opened,
                closed: member.connections.closed,
                tally: Tally::from(member),
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
            departed: Tally::from(members.retired()),
            total: Tally::from(members.total()),
            swarm: Tally::from(snapshot.set(&books.swarm)),
            librqbit: Readings::from(&snapshot.set(&books.librqbit)),
            wire: books.wire.as_ref().map(|wire| OnWire::of(snapshot, wire)),
        }
    }

    /// Members, present and departed, summed one by one.
    pub fn parts(&self) -> Tally {
        self.present.iter().map(|member| member.tally.clone()).sum::<Tally>()
            + self.departed.clone()
    }

    /// Live connections of all present members.
    pub fn connections(&self) -> u64 {
        self.present.iter().map(Present::connections).sum()
    }
}
