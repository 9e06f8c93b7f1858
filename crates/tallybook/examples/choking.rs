//! Events: who chokes whom, sent by many threads and kept by one reducer.
//!
//! Eight peers connect, choke and unchoke as fast as they can, through queues of 16 events. None of
//! that may be lost, so overflow is merged: of a peer's states the last one counts, of its requests
//! the sum. Chatter may be dropped, and is.
//!
//! ```sh
//! cargo run --release -p tallybook --example choking
//! ```

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use tallybook::{Actor, Counted, Counter, Event, Label, Reducer, Registry, Sender, Set, Stats};

/// What is counted where it happens.
#[derive(Stats)]
struct Torrent {
    /// Chunks asked for.
    requests: Counter,
}

/// What peers do. If a queue is full, a later event of a peer is merged into the earlier one.
#[derive(Event)]
#[event(overflow = "coalesce", stats = "Torrent")]
enum PeerEvent {
    Connected(#[event(key)] u32),
    Choked(#[event(key)] u32),
    Unchoked(#[event(key)] u32),
    #[event(count(requests = chunks))]
    Requested {
        #[event(key)]
        peer: u32,
        #[event(sum)]
        chunks: u64,
    },
    Disconnected(#[event(key)] u32),
    #[event(unordered, overflow = "drop_newest")]
    Chattered,
}

/// A peer as the reducer knows it.
#[derive(Clone, Debug, Default)]
struct Peer {
    choked: bool,
    requests: u64,
}

/// The owner of all that, without a lock.
#[derive(Default)]
struct Peers {
    present: BTreeMap<u32, Peer>,
    requests: u64,
}

impl Reducer for Peers {
    type Event = PeerEvent;
    type Snapshot = (BTreeMap<u32, Peer>, u64);

    fn apply(&mut self, event: PeerEvent, _: Duration) {
        match event {
            PeerEvent::Connected(peer) => _ = self.present.insert(peer, Peer::default()),
            PeerEvent::Choked(peer) => self.present.entry(peer).or_default().choked = true,
            PeerEvent::Unchoked(peer) => self.present.entry(peer).or_default().choked = false,
            PeerEvent::Requested { peer, chunks } => {
                self.present.entry(peer).or_default().requests += chunks;
                self.requests += chunks;
            }
            PeerEvent::Disconnected(peer) => _ = self.present.remove(&peer),
            PeerEvent::Chattered => {}
        }
    }

    fn snapshot(&self) -> Self::Snapshot {
        (self.present.clone(), self.requests)
    }
}

/// The life of one peer.
fn live(peer: u32, torrent: &Set<Torrent>, sender: &Sender<PeerEvent>) {
    sender.send(PeerEvent::Connected(peer));
    for round in 0..100_000 {
        sender.send(PeerEvent::Choked(peer));
        sender.send(PeerEvent::Chattered);
        sender.send(PeerEvent::Unchoked(peer));
        // Counted and sent, as one fact.
        let asked = PeerEvent::Requested { peer, chunks: round % 4 };
        torrent.record(|torrent| {
            asked.count(torrent);
            sender.send(asked);
        });
    }
    // Half of them stay.
    if peer.is_multiple_of(2) {
        sender.send(PeerEvent::Disconnected(peer));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let torrent = registry.set::<Torrent>("torrent")?;
    let peers: Actor<Peers> =
        registry.actor_builder("peers").capacity(16).register(Peers::default())?;
    let collecting = registry.collect_every(Duration::from_millis(10))?;

    thread::scope(|scope| {
        for peer in 0..8 {
            let (torrent, sender) = (&torrent, peers.sender());
            scope.spawn(move || live(peer, torrent, &sender));
        }
    });
    // Ask the reducer, to which every earlier event has been applied by then.
    let unchoked = peers.ask(|peers| peers.present.values().filter(|peer| !peer.choked).count());
    println!("{} of the peers that stayed are unchoked", unchoked.wait(Duration::from_secs(5))?);

    collecting.stop()?;
    let now = registry.reader().latest();
    let (present, requests) = &*now.state(&peers);
    println!("peers: {present:?}");
    // One cut: what the reducer was told is what was counted.
    assert_eq!(*requests, now.set(&torrent).requests);
    for (kind, events) in &now.events(&peers) {
        println!(
            "{:>13}: {} sent = {} applied + {} coalesced + {} dropped",
            kind.value(),
            events.sent,
            events.applied,
            events.coalesced,
            events.dropped
        );
    }
    Ok(())
}
