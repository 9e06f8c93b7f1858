use tallybook::{Counter, Live, Stats};

#[derive(Stats)]
struct Io {
    reads: Counter,
}

#[derive(Stats)]
struct Named {
    #[stats(flatten, name = "io")]
    named: Io,
    #[stats(flatten, unit = "bytes")]
    in_bytes: Io,
    #[stats(flatten)]
    sessions: Live,
}

fn main() {}
