//! Threads and tasks record, move, start and end while snapshots are taken as fast as possible:
//! what every snapshot must satisfy, and what the last one must equal.
//!
//! `TALLYBOOK_CUTS` sets the number of snapshots; the run ends with the last one, however long that
//! takes.

#[path = "support/stop_flag.rs"]
mod stop_flag;

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use stop_flag::StopOnDrop;
use tallybook::registry::FenceKind;
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Live, Open, Registry, Set, Snapshot, Stats,
    UpDownCounter,
};

/// A torrent.
#[derive(Stats)]
struct Swarm {
    /// Always changed in the same fact as `received`.
    sent: Counter,
    received: Counter,
    /// Always set in one fact, to the same number.
    left: Gauge,
    right: Gauge<f64>,
    jobs: Live,
    /// Counted before and after a channel.
    before: Counter,
    after: Counter,
    /// Up before the channel, down after it.
    between: UpDownCounter,
    /// What the peers' `bytes` add up to, counted in the same facts.
    peer_bytes: Counter,
}

/// One of its peers.
#[derive(Stats)]
struct Peer {
    bytes: Counter,
    /// One per three `bytes`.
    pieces: Counter,
    requests: Live,
}

/// What a worker has recorded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    sent: u64,
    pieces: u64,
    jobs: u64,
    requests: u64,
    before: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.pieces += other.pieces;
        self.jobs += other.jobs;
        self.requests += other.requests;
        self.before += other.before;
    }
}

/// What all workers share.
#[derive(Clone)]
struct World {
    registry: Registry,
    swarm: Set<Swarm>,
    peers: Family<u64, Peer>,
    over: Arc<AtomicBool>,
}

/// What the channel carries: opened by the sender, closed by the receiver.
type Handed = (Open<Set<Swarm>>, Open<Entry<u64, Peer>>);

/// How many keys come and go all the time, and the first of the keys that are held.
const COMING_AND_GOING: u64 = if cfg!(miri) { 3 } else { 48 };
const HELD: u64 = 1_000;

impl World {
    fn new(fence: FenceKind) -> Self {
        let registry = Registry::builder().fence(fence).build();
        let swarm = registry.set("swarm").unwrap();
        let peers = registry.family("peer", "addr").unwrap();
        World { registry, swarm, peers, over: Arc::default() }
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// One fact over the set and an entry.
    fn fact(&self, peer: &Entry<u64, Peer>, n: u64, tally: &mut Tally) {
        self.swarm.record(|s| {
            s.sent.add(n);
            s.left.set(n as i64);
            peer.record(|p| {
                p.bytes.add(3 * n);
                p.pieces.add(n);
            });
            s.peer_bytes.add(3 * n);
            s.right.set(n as f64);
            s.received.add(n);
        });
        tally.sent += n;
        tally.pieces += n;
    }

    /// Opens, records and sends; each key is held for one round only.
    fn produce(&self, to: &SyncSender<Handed>) -> Tally {
        let mut tally = Tally::default();
        for n in 1.. {
            let peer = self.peers.entry(n * 7 % COMING_AND_GOING).unwrap();
            self.swarm.record(|s| {
                s.before.inc();
                s.between.add(1);
            });
            let handed = (self.swarm.open(Swarm::jobs), peer.open(Peer::requests));
            self.fact(&peer, n % 5 + 1, &mut tally);
            tally += Tally { jobs: 1, requests: 1, before: 1, ..Tally::default() };
            to.send(handed).unwrap();
            if self.is_over() {
                break;
            }
        }
        tally
    }

    fn consume(&self, from: &Receiver<Handed>) {
        for handed in from {
            self.swarm.record(|s| {
                s.after.inc();
                s.between.add(-1);
            });
            drop(handed);
        }
    }

    /// Starts threads that record a little and end. A guard of each outlives its thread.
    fn come_and_go(&self) -> Tally {
        let mut tally = Tally::default();
        for n in 1.. {
            let world = self.clone();
            let short = thread::spawn(move || {
                let mut tally = Tally::default();
                let peer = world.peers.entry(n % COMING_AND_GOING).unwrap();
                let guard = peer.open(Peer::requests);
                for n in 0..n % 20 {
                    world.fact(&peer, n, &mut tally);
                }
                tally.requests += 1;
                (guard, tally)
            });
            let (guard, more) = short.join().unwrap();
            drop(guard);
            tally += more;
            if self.is_over() {
                break;
            }
        }
        tally
    }

    /// Runs tasks that move between the runtime's threads, some of which are cancelled while they
    /// hold a guard.
    fn tasks(&self) -> Tally {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let tasks: Vec<_> = (0..4).map(|n| runtime.spawn(self.clone().task(HELD + n))).collect();
        let mut tally = Tally::default();
        for task in tasks {
            tally += runtime.block_on(task).unwrap();
        }
        tally
    }

    async fn task(self, key: u64) -> Tally {
        let mut tally = Tally::default();
        let peer = self.peers.entry(key).unwrap();
        while !self.is_over() {
            let job = self.swarm.open(Swarm::jobs);
            tokio::task::yield_now().await;
            self.fact(&peer, 2, &mut tally);
            let cancelled = tokio::spawn({
                let request = peer.open(Peer::requests);
                async move {
                    std::future::pending::<()>().await;
                    drop(request);
                }
            });
            tokio::task::yield_now().await;
            cancelled.abort();
            assert!(cancelled.await.unwrap_err().is_cancelled());
            drop(job);
            tally += Tally { jobs: 1, requests: 1, ..Tally::default() };
        }
        tally
    }

    /// Reads what is published in all three ways.
    fn read(&self) {
        let reader = self.registry.reader();
        let (mut cached, mut laws, mut epoch) = (reader.cached(), Laws::new(self), 0);
        while !self.is_over() {
            if let Ok(next) = reader.wait_next(epoch, Duration::from_millis(100)) {
                epoch = next.epoch();
                laws.check(&next);
            }
            let latest = cached.latest().clone();
            assert!(latest.epoch() >= epoch);
            laws.check(&latest);
            epoch = reader.latest().epoch();
        }
    }
}

/// What holds in every cut.
struct Laws {
    swarm: Set<Swarm>,
    peers: Family<u64, Peer>,
    last: (SwarmSnapshot, PeerSnapshot),
}

impl Laws {
    fn new(world: &World) -> Self {
        Laws { swarm: world.swarm.clone(), peers: world.peers.clone(), last: Default::default() }
    }

    fn check(&mut self, cut: &Snapshot) {
        let swarm = cut.set(&self.swarm);
        let context = || format!("{cut:?} {swarm:?}");
        // micrometer#998, tikv/tikv#14202, prometheus/client_golang#275: parts of one fact that
        // disagree.
        assert_eq!(swarm.sent, swarm.received, "{}", context());
        assert_eq!(swarm.left.map(|n| n as f64), swarm.right, "{}", context());
        assert!(swarm.jobs.closed <= swarm.jobs.opened, "{}", context());
        assert!(swarm.after <= swarm.before, "{}", context());
        // envoy#42226, #43812: a gauge of connections below zero.
        assert!(swarm.between >= 0, "{}", context());

        let peers = cut.family(&self.peers);
        let (total, mut sum) = (peers.total(), peers.retired());
        for (key, peer) in peers.iter() {
            assert_eq!(peer.bytes, 3 * peer.pieces, "{key}: {}", context());
            assert!(peer.requests.closed <= peer.requests.opened, "{key}: {}", context());
            sum.bytes += peer.bytes;
            sum.pieces += peer.pieces;
            sum.requests.opened += peer.requests.opened;
            sum.requests.closed += peer.requests.closed;
        }
        // librqbit 9.1.0: peers that sum to more than their torrent.
        assert_eq!(sum, total, "{}", context());
        assert_eq!(total.bytes, swarm.peer_bytes, "{}", context());

        // moq#3591: totals that go down when a key goes.
        let (before, peers_before) = &self.last;
        assert!(swarm.sent >= before.sent && total.bytes >= peers_before.bytes, "{}", context());
        assert!(swarm.jobs.closed >= before.jobs.closed, "{}", context());
        assert!(total.requests.closed >= peers_before.requests.closed, "{}", context());
        self.last = (swarm, total);
    }
}

fn wanted_cuts() -> u64 {
    let default = if cfg!(miri) { 4 } else { 20_000 };
    std::env::var("TALLYBOOK_CUTS").map_or(default, |cuts| cuts.parse().unwrap())
}

fn collect(collector: &mut Collector, laws: &mut Laws, cuts: u64) {
    let mut epoch = 0;
    while epoch < cuts {
        let cut = collector.tick();
        // A stale snapshot may show the epoch that held up the previous tick.
        assert!(cut.epoch() > epoch || cut.is_stale() && cut.epoch() == epoch);
        epoch = cut.epoch();
        laws.check(&cut);
    }
}

fn under_fire(fence: FenceKind) {
    let world = World::new(fence);
    let mut collector = world.registry.collector().unwrap();
    let mut laws = Laws::new(&world);
    let (to, from) = sync_channel(64);
    let tally = thread::scope(|scope| {
        let world = &world;
        let mut working = vec![scope.spawn(move || world.produce(&to))];
        if cfg!(not(miri)) {
            working.push(scope.spawn(|| world.come_and_go()));
            working.push(scope.spawn(|| world.tasks()));
        }
        scope.spawn(move || world.consume(&from));
        scope.spawn(|| world.read());
        // Stops the workers on failure, too.
        let _stop = StopOnDrop(&world.over);
        collect(&mut collector, &mut laws, wanted_cuts());
        world.over.store(true, Relaxed);
        let mut tally = Tally::default();
        working.into_iter().for_each(|worker| tally += worker.join().unwrap());
        tally
    });
    while collector.tick().is_stale() {}
    let last = collector.tick();
    laws.check(&last);
    let (swarm, peers) = (last.set(&world.swarm), last.family(&world.peers).total());
    let counted = Tally {
        sent: swarm.sent,
        pieces: peers.pieces,
        jobs: swarm.jobs.closed,
        requests: peers.requests.closed,
        before: swarm.after,
    };
    assert_eq!(counted, tally);
    assert_eq!((swarm.jobs.live(), peers.requests.live(), swarm.between), (0, 0, 0));
}

#[test]
fn every_cut_is_possible_and_the_last_one_exact_with_membarrier() {
    under_fire(FenceKind::Membarrier);
}

#[test]
fn every_cut_is_possible_and_the_last_one_exact_with_fences() {
    under_fire(FenceKind::Fence);
}
