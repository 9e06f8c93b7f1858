use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Tuple(Counter, Counter);

#[derive(Stats)]
struct Unit;

#[derive(Stats)]
struct Empty {}

#[derive(Stats)]
enum Request {
    Read,
    Write,
}

#[derive(Stats)]
union Either {
    one: u64,
    other: f64,
}

fn main() {}
