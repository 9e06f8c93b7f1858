use tallybook::{Counter, Gauge, Label, Live, PerLabel, Stats, UpDownCounter};

#[derive(Clone, Copy, Label)]
enum Direction {
    Inbound,
    Outbound,
}

#[derive(Stats)]
struct Pair {
    one: Counter,
    other: Counter,
}

#[derive(Stats)]
struct Peer {
    pieces: Counter,
    received: Counter,
    balance: UpDownCounter,
    ratio: Gauge<f64>,
    choked: Live,
    by_direction: PerLabel<Direction, Counter>,
    pair: Pair,
    #[stats(unit = "nanoseconds")]
    spent: Counter,
}

fn main() {
    let now = PeerSnapshot::default();
    assert_eq!(now.by_direction[Direction::Inbound], now.by_direction[Direction::Outbound]);
    assert_eq!(<Peer as tallybook::metric::Metric>::WORDS, 14);
    let _: tallybook::metric::LiveField<Peer> = Peer::choked;
}
