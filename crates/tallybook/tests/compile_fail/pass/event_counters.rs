use tallybook::{Counter, Event, Live, Registry, Stats};

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    received: Counter,
    opened: Counter,
    open: Live,
}

#[derive(Event)]
#[event(stats = "Peer")]
enum PeerEvent {
    #[event(count(pieces))]
    Piece,
    #[event(count(received = 0))]
    Received(u32),
    #[event(count(opened))]
    Opened,
}

fn main() {
    let peers = Registry::new().set::<Peer>("peers").unwrap();
    peers.count(&PeerEvent::Piece);
    peers.count(&PeerEvent::Received(3));
    peers.count(&PeerEvent::Opened);
}
