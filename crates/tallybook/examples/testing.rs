//! How to test what a program counts: with a clock that stands still until the test moves it, and
//! with ticks by hand. Nothing sleeps, and every number is exact.
//!
//! ```sh
//! cargo test -p tallybook --example testing
//! cargo run -p tallybook --example testing
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tallybook::error::RegisterError;
use tallybook::{Collector, Counter, Histogram, ManualClock, Registry, Set, Stats};

#[derive(Stats)]
struct CacheStats {
    lookups: Counter,
    hits: Counter,
    /// Time to load a missing value.
    loading: Histogram<Duration>,
}

/// The code under test: a cache that counts on the registry it is given.
struct Cache {
    values: HashMap<String, usize>,
    stats: Set<CacheStats>,
}

impl Cache {
    fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Cache { values: HashMap::new(), stats: registry.set("cache")? })
    }

    fn get(&mut self, key: &str, load: impl FnOnce(&str) -> usize) -> usize {
        if let Some(value) = self.values.get(key) {
            self.stats.record(|s| {
                s.lookups.inc();
                s.hits.inc();
            });
            return *value;
        }
        self.stats.record(|s| s.lookups.inc());
        let timer = self.stats.timer(CacheStats::loading); // on the registry's clock
        let value = load(key);
        timer.stop();
        self.values.insert(key.to_owned(), value);
        value
    }
}

/// The setup of each test.
struct Fixture {
    clock: Arc<ManualClock>,
    cache: Cache,
    collector: Collector,
}

impl Fixture {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let clock = Arc::new(ManualClock::new());
        let registry = Registry::builder().clock(clock.clone()).build();
        let (cache, collector) = (Cache::new(&registry)?, registry.collector()?);
        Ok(Fixture { clock, cache, collector })
    }

    /// Looks a key up. A miss takes 20 ms to load.
    fn get(&mut self, key: &str) -> usize {
        self.cache.get(key, |key| {
            self.clock.advance(Duration::from_millis(20));
            key.len()
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut fixture = Fixture::new()?;
    for key in ["one", "two", "one", "one"] {
        fixture.get(key);
    }
    let counted = fixture.collector.tick().set(&fixture.cache.stats);
    assert_eq!((counted.lookups, counted.hits, counted.loading.count()), (4, 2, 2));
    println!("{counted:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn only_misses_load() -> Tested {
        let mut fixture = Fixture::new()?;
        assert_eq!([fixture.get("one"), fixture.get("one")], [3, 3]);
        let counted = fixture.collector.tick().set(&fixture.cache.stats);
        assert_eq!((counted.lookups, counted.hits), (2, 1));
        assert_eq!(counted.loading.max(), Some(Duration::from_millis(20)));
        Ok(())
    }

    #[test]
    fn rates_are_over_the_clock_of_the_registry() -> Tested {
        let mut fixture = Fixture::new()?;
        fixture.get("one");
        fixture.collector.tick();
        (0..30).for_each(|_| _ = fixture.get("one"));
        fixture.clock.advance(Duration::from_secs(10));
        let interval = fixture.collector.tick().last_interval();
        assert_eq!(interval.set(&fixture.cache.stats).hits, 30);
        assert_eq!(interval.rates(&fixture.cache.stats).hits, 3.0);
        Ok(())
    }

    #[test]
    fn the_cache_works_where_nothing_is_counted() -> Tested {
        let registry = Registry::disabled();
        let mut cache = Cache::new(&registry)?;
        assert_eq!(cache.get("one", str::len), 3);
        assert_eq!(registry.collector()?.tick().set(&cache.stats).lookups, 0);
        Ok(())
    }
}
