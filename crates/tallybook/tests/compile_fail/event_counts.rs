use tallybook::{Counter, Event, Stats};

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    received: Counter,
}

#[derive(Event)]
enum NoSet {
    #[event(count(pieces))]
    Received,
}

#[derive(Event)]
#[event(stats = "Peer")]
enum NoField {
    #[event(count(received = size))]
    Received { bytes: u64, of: u8 },
    #[event(count(received = 0))]
    Sent,
    #[event(count(received = 2))]
    Moved(u32, u32),
}

#[derive(Event)]
#[event(stats = "Peer")]
enum Unclear {
    #[event(count)]
    Lost,
    #[event(count())]
    Late,
    #[event(count(received += 1))]
    Twice,
    #[event(count = "received")]
    Text,
}

fn main() {}
