use tallybook::{Counter, Stats};

#[derive(Stats)]
#[stats(snapshots = "PeerNow")]
struct Peer {
    #[stats(units = "bytes")]
    received: Counter,
    #[stats(colour = "red")]
    sent: Counter,
    #[stats(unit = 8)]
    lost: Counter,
    #[stats]
    late: Counter,
}

#[derive(Stats)]
#[stats(snapshot = "Same")]
struct Same {
    received: Counter,
}

#[derive(Stats)]
#[stats(snapshot = "Node Now")]
struct Node {
    received: Counter,
}

fn main() {}
