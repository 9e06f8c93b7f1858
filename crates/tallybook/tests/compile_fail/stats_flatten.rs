use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Io {
    reads: Counter,
    writes: Counter,
}

#[derive(Stats)]
struct Files {
    #[stats(name = "writes")]
    written: Counter,
}

#[derive(Stats)]
struct OwnName {
    #[stats(flatten)]
    io: Io,
    reads: Counter,
}

#[derive(Stats)]
struct TwoSets {
    #[stats(flatten)]
    io: Io,
    #[stats(flatten)]
    files: Files,
}

fn main() {}
