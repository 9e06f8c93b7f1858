use tallybook::Event;

#[derive(Event)]
struct Received {
    bytes: u64,
}

#[derive(Event)]
union Either {
    one: u64,
    other: f64,
}

#[derive(Event)]
enum Nothing {}

#[derive(Event)]
enum Generic<T> {
    One(T),
}

#[derive(Event)]
enum Borrowed<'a> {
    One(&'a str),
}

fn main() {}
