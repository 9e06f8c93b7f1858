use tallybook::{Counter, Event, Registry, Stats};

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    received: Counter,
}

#[derive(Event)]
#[event(stats = "Peer")]
enum PeerEvent {
    #[event(count(pieces, received = bytes))]
    Received { bytes: u64, of: u8 },
    #[event(count(received))]
    Sent,
    #[event(count(received = 1))]
    Moved(u32, u32),
}

fn main() {
    let registry = Registry::new();
    let peers = registry.set::<Peer>("peers").unwrap();
    peers.count(&PeerEvent::Received { bytes: 5, of: 1 });
    peers.count(&PeerEvent::Sent);
    peers.count(&PeerEvent::Moved(1, 2));
    let now = registry.collector().unwrap().tick();
    assert_eq!((now.set(&peers).pieces, now.set(&peers).received), (1, 8));
}
