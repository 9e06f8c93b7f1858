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
    assert_eq!(<CounterPair as tallybook::metric::Metric>::WORDS, 2);
    assert_eq!(<LivePair as tallybook::metric::Metric>::WORDS, 4);
}
