#![deny(warnings)]

use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Peer {
    #[stats(name = "size")]
    größe: Counter,
    #[stats(name = "reserved")]
    __reserved: Counter,
    #[stats(name = "bytes_received")]
    received: Counter,
    #[stats(name = "_9lives")]
    lives: Counter,
    #[stats(name = "other")]
    nothing: Counter,
    #[stats(unit = "bytes_per_second")]
    rate: Counter,
}

#[derive(Stats)]
struct Once {
    sent: Counter,
    #[stats(name = "transmitted")]
    sent_again: Counter,
    r#type: Counter,
    #[stats(name = "kind")]
    type_again: Counter,
}

fn main() {
    assert_eq!(<Peer as tallybook::metric::Metric>::WORDS, 6);
    assert_eq!(Once::group().fields[2].name, "type");
}
