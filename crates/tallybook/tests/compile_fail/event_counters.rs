use tallybook::{Counter, Event, Live, Registry, Stats};

#[derive(Stats)]
struct Peer {
    received: Counter,
    open: Live,
}

#[derive(Event)]
#[event(stats = "Peer")]
enum PeerEvent {
    #[event(count(pieces))]
    Piece,
    #[event(count(received = 0))]
    Received(i64),
    #[event(count(open))]
    Opened,
}

#[derive(Event)]
enum Uncounted {
    One,
}

fn main() {
    let peers = Registry::new().set::<Peer>("peers").unwrap();
    peers.count(&Uncounted::One);
}
