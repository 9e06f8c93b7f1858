use std::time::Duration;
use tallybook::{Histogram, Label, Live, PerLabel, Registry, Stats};

#[derive(Stats)]
struct Peer {
    waits: Histogram<Duration>,
    sessions: Live,
    by_role: PerLabel<Role, Live>,
}

#[derive(Clone, Copy, Label)]
enum Role {
    Publisher,
    Subscriber,
}

fn main() {
    let peer = Registry::new().set::<Peer>("peer").unwrap();
    let _timer = peer.timer(Peer::waits);
    let _session = peer.open(Peer::sessions);
    let _publisher = peer.open(|p: &Peer| &p.by_role[Role::Publisher]);
    let _subscriber = peer.open_label(Peer::by_role, Role::Subscriber);
}
