use tallybook::{Counter, Label, Live, PerLabel, Registry, Stats};

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    sessions: Live,
    by_role: PerLabel<Role, Live>,
}

#[derive(Clone, Copy, Label)]
enum Role {
    Publisher,
    Subscriber,
}

#[derive(Clone, Copy, Label)]
enum Other {
    One,
}

fn main() {
    let peer = Registry::new().set::<Peer>("peer").unwrap();
    let _ = peer.timer(Peer::sessions);
    let _ = peer.open(|p: &Peer| &p.pieces);
    let _ = peer.open(|p: &Peer| &p.by_role);
    let _ = peer.open_label(Peer::by_role, Other::One);
}
