use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Peer {
    größe: Counter,
    __reserved: Counter,
    #[stats(name = "bytes-received")]
    received: Counter,
    #[stats(name = "9lives")]
    lives: Counter,
    #[stats(name = "")]
    nothing: Counter,
    #[stats(unit = "bytes/s")]
    rate: Counter,
}

#[derive(Stats)]
struct Twice {
    sent: Counter,
    #[stats(name = "sent")]
    transmitted: Counter,
    r#type: Counter,
    #[stats(name = "type")]
    kind: Counter,
}

fn main() {}
