//! What is counted, and the books it is kept in: one set for the swarm, one entry per member.
//!
//! All [`Traffic`] is counted twice, once in [`Swarm`] and once in the entry of the [`Member`] it
//! belongs to, and both are changed by one fact. So every snapshot has to satisfy `sum over members
//! (present + departed) == swarm`. A fact that counts something that takes time says how long it
//! took as well, so each histogram has as many times as its counter has counts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tallybook::metric::LiveField;
use tallybook::{
    Actor, Counter, Entry, Family, Gauge, Histogram, Max, Open, Registry, Set, Stats, TimedLive,
};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::wire::Wire;

/// Payload, and the storage work for it: of one member, or of the whole swarm.
#[derive(Stats)]
pub struct Traffic {
    /// Payload written to files.
    #[stats(unit = "bytes")]
    pub received: Counter,
    /// Payload read from files to be sent to others.
    #[stats(unit = "bytes")]
    pub served: Counter,
    /// Payload read from files to check its hashes.
    #[stats(unit = "bytes")]
    pub checked: Counter,
    /// Payload of the pieces whose hash was right.
    #[stats(unit = "bytes")]
    pub verified: Counter,
    /// Pieces whose hash was right after they were received.
    pub pieces: Counter,
    /// Pieces whose hash was wrong, counted when they are received again.
    pub bad_pieces: Counter,
    /// Writes to storage, each of a chunk: 16 KiB, or less at the end of a piece or file.
    pub writes: Counter,
    /// Reads from storage: of a chunk to be sent, of up to 64 KiB to be hashed.
    pub reads: Counter,
    /// How long each write of a chunk took.
    pub write_time: Histogram<Duration>,
    /// How long each read took.
    pub read_time: Histogram<Duration>,
    /// How long all writes to a piece took together, those included that were in vain, for each
    /// piece counted.
    pub piece_write_time: Histogram<Duration>,
}

/// One member of the swarm: the seed or a leecher.
#[derive(Stats)]
pub struct Member {
    /// What it received and served.
    #[stats(flatten)]
    pub traffic: Traffic,
    /// Payload of the pieces the member has, as librqbit says: those of an earlier stay and a
    /// seed's own, too.
    #[stats(unit = "bytes")]
    pub have: Gauge,
    /// Live connections to other members, as librqbit's per-peer view shows them.
    pub connections: TimedLive,
    /// How it stands: the number of a [`State`](crate::state::State).
    pub state: Gauge,
    /// When it tries to reach its peer again, from the start of the books, if it waits for that.
    #[stats(unit = "milliseconds")]
    pub retry_at: Gauge,
    /// Stays: opened when the member joins, closed when it leaves.
    pub stays: TimedLive,
}

/// The whole swarm.
#[derive(Stats)]
pub struct Swarm {
    /// What all members received and served.
    #[stats(flatten)]
    pub traffic: Traffic,
    /// Members: opened when one joins, closed when it leaves.
    pub members: TimedLive,
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
    /// What is seen on the wire, if there is a tap.
    pub wire: Option<Actor<Wire>>,
    /// When the books were opened.
    pub opened: Instant,
    /// Whoever holds a page.
    writers: TaskTracker,
}

impl Books {
    /// Opens empty books; with a tap on the wire, whose queues hold so many events of a kind.
    pub fn new(tap: Option<usize>) -> Result<Self> {
        let (registry, opened) = (Registry::new(), Instant::now());
        let swarm = registry.set::<Swarm>("swarm").context("cannot register the swarm")?;
        let members = registry
            .family::<String, Member>("member", "name")
            .context("cannot register the members")?;
        let librqbit =
            registry.set::<Librqbit>("librqbit").context("cannot register librqbit's readings")?;
        let wire = |room| registry.actor_builder("wire").capacity(room).register(Wire::default());
        let wire = tap.map(wire).transpose().context("cannot register the wire")?;
        let writers = TaskTracker::new();
        writers.close();
        Ok(Self { registry, swarm, members, librqbit, wire, opened, writers })
    }

    /// Waits until nobody holds a page: all members have left, and all they did is in the books.
    pub async fn deserted(&self) {
        self.writers.wait().await;
    }

    /// The page of one member. The member is present for as long as any clone of it is held, and
    /// retires after that.
    pub fn page(&self, name: &str) -> Result<Page> {
        let member = self
            .members
            .entry(name.to_string())
            .with_context(|| format!("cannot open the books of {name}"))?;
        let ((held, _), writer) = (watch::channel(()), self.writers.token());
        Ok(Page { swarm: self.swarm.clone(), member, held, _writer: writer })
    }
}

/// One member's page: whatever is written here goes to the member and to the swarm as one fact.
#[derive(Clone)]
pub struct Page {
    swarm: Set<Swarm>,
    /// The member's own entry.
    pub member: Entry<String, Member>,
    /// Dropped after the entry.
    held: watch::Sender<()>,
    _writer: TaskTrackerToken,
}

impl Page {
    /// A chunk of `bytes` was written to the file, which took `time`.
    pub fn received(&self, bytes: u64, time: Duration) {
        self.record(|traffic| {
            traffic.writes.inc();
            traffic.received.add(bytes);
            traffic.write_time.record(time);
        });
    }

    /// `bytes` of payload were read from the file to be sent, which took `time`.
    pub fn served(&self, bytes: u64, time: Duration) {
        self.record(|traffic| {
            traffic.reads.inc();
            traffic.served.add(bytes);
            traffic.read_time.record(time);
        });
    }

    /// `bytes` of payload were read from the file to be hashed, which took `time`.
    pub fn checked(&self, bytes: u64, time: Duration) {
        self.record(|traffic| {
            traffic.reads.inc();
            traffic.checked.add(bytes);
            traffic.read_time.record(time);
        });
    }

    /// A piece of `bytes` was received whole and its hash is right; writing it took `time`.
    pub fn verified(&self, bytes: u64, time: Duration) {
        self.record(|traffic| {
            traffic.pieces.inc();
            traffic.verified.add(bytes);
            traffic.piece_write_time.record(time);
        });
    }

    /// The hash of a piece that was received was wrong.
    pub fn bad(&self) {
        self.record(|traffic| traffic.bad_pieces.inc());
    }

    /// Records the same for the member and for the swarm, as one fact.
    fn record(&self, fact: impl Fn(&Traffic)) {
        self.swarm.record(|swarm| {
            fact(&swarm.traffic);
            self.member.record(|member| fact(&member.traffic));
        });
    }

    /// Opens a stay of the member.
    pub fn stay(&self) -> Stay {
        let mut open = None;
        self.swarm.record(|_| {
            open = Some((self.swarm.open(Swarm::members), self.member.open(Member::stays)));
        });
        Stay { swarm: self.swarm.clone(), open }
    }

    /// What ends when the last clone of this page is dropped: nobody can write on it any more.
    pub fn end(&self) -> End {
        End(self.held.subscribe())
    }
}

/// The end of a page.
#[derive(Clone)]
pub struct End(watch::Receiver<()>);

impl End {
    /// Waits for it.
    pub async fn reached(&mut self) {
        // Nothing is ever sent, so this is an error: there is no sender left.
        let _ = self.0.changed().await;
    }
}

/// A member's stay: opened for the member and the swarm by one fact, and closed for both by one
/// when it is dropped.
pub struct Stay {
    swarm: Set<Swarm>,
    open: Option<(InSwarm, OfMember)>,
}

type InSwarm = Open<Set<Swarm>, LiveField<Swarm, TimedLive>, TimedLive>;
type OfMember = Open<Entry<String, Member>, LiveField<Member, TimedLive>, TimedLive>;

impl Drop for Stay {
    fn drop(&mut self) {
        let open = self.open.take();
        self.swarm.record(|_| drop(open));
    }
}
