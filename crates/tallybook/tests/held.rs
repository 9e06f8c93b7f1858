//! A consumer that reads rarely sees the extrema since the snapshot that it holds, however many
//! snapshots came in between.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::convert::identity;
use std::time::Duration;
use tallybook::{Histogram, Max, RateTracker, Stats};

/// What is slow.
#[derive(Stats)]
struct Disk {
    slowest: Max,
    times: Histogram,
}

/// Ticks every 100 ms, and a scrape every 15 seconds; the maximum is in the first tick of each
/// scrape's interval.
#[test]
fn a_scrape_sees_the_extremes_of_all_the_time_since_the_one_before() {
    let (registry, clock) = manual(identity);
    let disk = registry.set::<Disk>("disk").unwrap();
    let mut collector = registry.collector().unwrap();
    let scrape = RateTracker::new(registry.reader());
    collector.tick();
    scrape.update();
    for round in 1..=8_u64 {
        for tick in 0..150_u64 {
            let n = if tick == 0 { 1_000_003 + round } else { 7 };
            disk.record(|d| {
                d.slowest.observe(n);
                d.times.record(n);
            });
            clock.advance(Duration::from_millis(100));
            collector.tick();
        }
        let found = scrape.update();
        assert_eq!(found.elapsed(), Duration::from_secs(15));
        let values = found.set(&disk);
        assert_eq!(values.slowest, Some(1_000_003 + round));
        assert_eq!(values.times.max(), Some(1_000_003 + round));
        assert_eq!(values.times.min(), Some(7));
    }
    let kept = registry.reader().latest().set(&registry.collector_stats()).history.unwrap();
    assert!(kept < 130, "a cut that was held for some time goes with the others: {kept}");
}
