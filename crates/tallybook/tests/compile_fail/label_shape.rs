use tallybook::Label;

#[derive(Clone, Copy, Label)]
struct Direction {
    inbound: bool,
}

#[derive(Clone, Copy, Label)]
enum Nothing {}

#[derive(Clone, Copy, Label)]
enum Generic<T> {
    One(T),
}

#[derive(Clone, Copy, Label)]
enum Reason {
    Closed,
    Failed(u32),
    Late { by: u32 },
}

fn main() {}
