//! What is counted, and the books it is kept in: one set for the swarm, one entry per member.
//!
//! Every number here exists twice, once in [`Swarm`] and once in the entry of the [`Member`] it belongs to, and both are
//! changed by one fact. So every snapshot has to satisfy `sum over members (present + departed) == swarm`.

use anyhow::{Context, Result};
use tallybook::{Counter, Entry, Family, Gauge, Live, Max, Registry, Set, Stats};

/// One member of the swarm: the seed or a leecher.
#[derive(Stats)]
pub struct Member {
    /// Payload written to the member's file.
    #[stats(unit = "bytes")]
    pub received: Counter,
    /// Payload read from the member's file to be sent to others.
    #[stats(unit = "bytes")]
    pub served: Counter,
    /// Payload read from the member's file to check its hashes.
    #[stats(unit = "bytes")]
    pub checked: Counter,
    /// Payload of the pieces whose hash was right.
    #[stats(unit = "bytes")]
    pub verified: Counter,
    /// Pieces whose hash was right after they were received.
    pub pieces: Counter,
    /// Writes to storage.
    pub writes: Counter,
    /// Reads from storage.
    pub reads: Counter,
    /// Payload of the pieces the member has, as librqbit says: those of an earlier stay and a seed's own, too.
    #[stats(unit = "bytes")]
    pub have: Gauge,
    /// Live connections to other members, as librqbit's per-peer view shows them.
    pub connections: Live,
}

/// The whole swarm.
#[derive(Stats)]
pub struct Swarm {
    /// Payload written by all members.
    #[stats(unit = "bytes")]
    pub received: Counter,
    /// Payload read by all members to be sent to others.
    #[stats(unit = "bytes")]
    pub served: Counter,
    /// Payload read by all members to check hashes.
    #[stats(unit = "bytes")]
    pub checked: Counter,
    /// Payload of all pieces whose hash was right.
    #[stats(unit = "bytes")]
    pub verified: Counter,
    /// Pieces whose hash was right after they were received.
    pub pieces: Counter,
    /// Writes to storage.
    pub writes: Counter,
    /// Reads from storage.
    pub reads: Counter,
    /// Members: opened when one joins, closed when it leaves.
    pub members: Live,
}

/// What librqbit's own counters said of themselves when they were read.
#[derive(Stats)]
pub struct Librqbit {
    /// Readings of a torrent's total and of its live peers.
    pub readings: Counter,
    /// Readings in which the live peers summed to more than the torrent's total.
    pub broken: Counter,
    /// The most by which the live peers exceeded the total, in one interval.
    #[stats(unit = "bytes")]
    pub worst: Max,
}

/// The registry with everything in it. Cheap to clone.
#[derive(Clone)]
pub struct Books {
    /// Owner of the shards and of the published snapshot.
    pub registry: Registry,
    /// Totals of the swarm.
    pub swarm: Set<Swarm>,
    /// One entry per present member, keyed by its name.
    pub members: Family<String, Member>,
    /// Readings of librqbit's own counters.
    pub librqbit: Set<Librqbit>,
}

impl Books {
    /// Opens empty books.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let swarm = registry.set::<Swarm>("swarm").context("cannot register the swarm")?;
        let members = registry
            .family::<String, Member>("member", "name")
            .context("cannot register the members")?;
        let librqbit =
            registry.set::<Librqbit>("librqbit").context("cannot register librqbit's readings")?;
        Ok(Self { registry, swarm, members, librqbit })
    }

    /// The page of one member. The member is present for as long as any clone of it is held, and retires after that.
    pub fn page(&self, name: &str) -> Result<Page> {
        let member = self
            .members
            .entry(name.to_string())
            .with_context(|| format!("cannot open the books of {name}"))?;
        Ok(Page { swarm: self.swarm.clone(), member })
    }
}

/// One member's page: whatever is written here goes to the member and to the swarm as one fact.
#[derive(Clone)]
pub struct Page {
    swarm: Set<Swarm>,
    /// The member's own entry.
    pub member: Entry<String, Member>,
}

impl Page {
    /// `bytes` of payload were written to the file.
    pub fn received(&self, bytes: u64) {
        self.swarm.record(|swarm| {
            swarm.writes.inc();
            swarm.received.add(bytes);
            self.member.record(|member| {
                member.writes.inc();
                member.received.add(bytes);
            });
        });
    }

    /// `bytes` of payload were read from the file to be sent.
    pub fn served(&self, bytes: u64) {
        self.swarm.record(|swarm| {
            swarm.reads.inc();
            swarm.served.add(bytes);
            self.member.record(|member| {
                member.reads.inc();
                member.served.add(bytes);
            });
        });
    }

    /// `bytes` of payload were read from the file to be hashed.
    pub fn checked(&self, bytes: u64) {
        self.swarm.record(|swarm| {
            swarm.reads.inc();
            swarm.checked.add(bytes);
            self.member.record(|member| {
                member.reads.inc();
                member.checked.add(bytes);
            });
        });
    }

    /// A piece of `bytes` was received whole and its hash is right.
    pub fn verified(&self, bytes: u64) {
        self.swarm.record(|swarm| {
            swarm.pieces.inc();
            swarm.verified.add(bytes);
            self.member.record(|member| {
                member.pieces.inc();
                member.verified.add(bytes);
            });
        });
    }
}
