use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use tallybook::{Counter, Stats};

#[derive(Stats)]
struct Peer {
    pieces: u64,
    received: AtomicU64,
    balance: i32,
    ratio: f64,
    choked: AtomicBool,
    address: String,
    by_torrent: HashMap<String, Counter>,
    by_direction: [Counter; 2],
    pair: (Counter, Counter),
    maybe: Option<Counter>,
    elsewhere: &'static Counter,
    spent: std::time::Duration,
}

fn main() {}
