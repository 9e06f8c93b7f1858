use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Pair<T> {
    one: T,
    other: T,
}

#[derive(Stats)]
struct Borrowed<'a> {
    one: &'a Counter,
}

#[derive(Stats)]
struct Many<const N: usize> {
    each: [Counter; N],
}

fn main() {}
