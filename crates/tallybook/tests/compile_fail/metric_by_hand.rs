use tallybook::metric::Metric;
use tallybook::{Counter, Record, Stats};

struct Mine(u64);

impl Metric for Mine {}

#[derive(Stats)]
struct Peer {
    pieces: Counter,
}

struct Handle;

impl Record for Handle {
    type Stats = Peer;
    fn record(&self, _: impl FnOnce(&Peer)) {}
}

fn main() {}
