//! After the first touch, recording allocates nothing, not even in nested facts.

#[path = "support/counting_allocator.rs"]
mod counting_allocator;

use counting_allocator::allocations;
use tallybook::walk::Sample;
use tallybook::{Counter, Entry, Gauge, Histogram, Live, Registry, Stats};

/// One of each metric that needs memory or the time.
#[derive(Stats)]
struct Peer {
    pieces: Counter,
    sizes: Histogram,
    height: Gauge,
    requests: Live,
}

fn record(peer: &Peer) {
    peer.pieces.inc();
    peer.sizes.record(100);
    peer.height.set(7);
}

/// Runs `fact` on both sides until nothing is new, and then counts what it allocates on each.
fn allocations_of(registry: &Registry, fact: impl Fn()) -> u64 {
    let mut collector = registry.collector().unwrap();
    let rounds = if cfg!(miri) { 3 } else { 1_000 };
    let mut counted = 0;
    for side in 0..8 {
        (0..2).for_each(|_| fact());
        let allocated = allocations(|| (0..rounds).for_each(|_| fact()));
        counted += if side < 4 { 0 } else { allocated };
        collector.tick();
    }
    counted
}

#[test]
fn facts_allocate_nothing_after_the_first_touch() {
    let registry = Registry::new();
    let set = registry.set::<Peer>("set").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "n").unwrap();
    // Two entries that share a cache line, and one that is on another.
    let lines = if cfg!(miri) { 2 } else { 1024 };
    let all: Vec<Entry<u32, Peer>> = (0..=lines).map(|n| peers.entry(n).unwrap()).collect();
    let (one, other, third) = (&all[0], &all[lines as usize], &all[1]);
    let facts: [(&str, &dyn Fn()); 7] = [
        ("a set", &|| set.record(record)),
        ("a set inside itself", &|| set.record(|s| (record(s), set.record(record)).1)),
        ("an entry", &|| one.record(record)),
        ("an entry inside itself", &|| one.record(|p| (record(p), one.record(record)).1)),
        ("an entry inside another", &|| one.record(|p| (record(p), third.record(record)).1)),
        ("an entry inside one of its line", &|| {
            one.record(|p| (record(p), other.record(record)).1)
        }),
        ("a guard", &|| drop(one.open_borrowed(Peer::requests))),
    ];
    for (what, fact) in facts {
        assert_eq!(allocations_of(&registry, fact), 0, "{what}");
    }
}

/// Reading without types copies each entry into the same memory.
#[test]
fn walking_many_entries_allocates_as_often_as_walking_a_few() {
    let walked = |entries: u32| {
        let registry = Registry::new();
        let peers = registry.family::<u32, Peer>("peer", "n").unwrap();
        let held: Vec<_> = (0..entries).map(|n| peers.entry(n).unwrap()).collect();
        held.iter().for_each(|entry| entry.record(record));
        let cut = registry.collector().unwrap().tick();
        let mut pieces = 0;
        let allocated = allocations(|| {
            let mut entries = cut.walk().get("peer").unwrap().entries();
            while let Some(entry) = entries.next_entry() {
                if let Some(Sample::Counter(n)) = entry.values().get("pieces") {
                    pieces += n;
                }
            }
        });
        assert_eq!(pieces, u64::from(entries));
        allocated
    };
    let few = walked(2);
    assert!(few > 0, "allocations are counted");
    assert_eq!(walked(if cfg!(miri) { 20 } else { 2_000 }), few);
}
