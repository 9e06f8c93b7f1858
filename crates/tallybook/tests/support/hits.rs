//! A set with one counter, for tests of readers.

use tallybook::{Collector, Counter, Registry, Set, Stats};

/// Something to count.
#[derive(Stats)]
pub struct Hits {
    pub hits: Counter,
}

/// Returns a registry with the set `hits`, and its collector.
pub fn hits() -> (Registry, Set<Hits>, Collector) {
    let registry = Registry::new();
    let hits = registry.set("hits").unwrap();
    let collector = registry.collector().unwrap();
    (registry, hits, collector)
}
