//! Events that are too large.

#[derive(tallybook::Event)]
enum Frame {
    Sent([u8; 200]),
    Closed,
}

#[derive(tallybook::Event)]
#[event(max_bytes = 256)]
enum Allowed {
    Sent([u8; 200]),
}

#[derive(tallybook::Event)]
#[event(max_bytes = "many")]
enum Many {
    Sent,
}

fn main() {}
