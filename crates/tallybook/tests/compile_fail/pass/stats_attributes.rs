use tallybook::{Counter, Stats};

#[derive(Stats)]
#[stats(snapshot = "PeerNow")]
struct Peer {
    #[stats(unit = "bytes")]
    received: Counter,
    #[stats(name = "red")]
    sent: Counter,
    #[stats(unit = "bits", name = "gone")]
    lost: Counter,
    #[stats()]
    late: Counter,
}

#[derive(Stats)]
#[stats(snapshot = "SameSnapshot")]
struct Same {
    received: Counter,
}

fn main() {
    assert_eq!(PeerNow::default().received, SameSnapshot::default().received);
    assert_eq!(Peer::group().fields[2].name, "gone");
}
