use tallybook::{Counter, Live, Stats};

#[derive(Stats)]
struct CounterPair {
    one: Counter,
    other: Counter,
}

#[derive(Stats)]
struct LivePair {
    one: Live,
    other: Live,
}

fn main() {
    assert_eq!(CounterPair::group().words(), 2);
    assert_eq!(LivePair::group().words(), 4);
}
