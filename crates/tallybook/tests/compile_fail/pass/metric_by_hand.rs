use tallybook::{Counter, Record, Registry, Set, Stats};

#[derive(Stats)]
struct Mine {
    count: Counter,
}

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    mine: Mine,
}

/// A handle of one's own has one of the library's in it.
struct Handle(Set<Peer>);

fn count(on: &impl Record<Stats = Peer>) {
    on.record(|peer| peer.mine.count.inc());
}

fn main() {
    let handle = Handle(Registry::new().set::<Peer>("peer").unwrap());
    count(&handle.0);
}
