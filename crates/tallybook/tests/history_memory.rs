//! The memory that the history uses according to the allocator, compared with what the collector
//! reports.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/counting_allocator.rs"]
mod counting_allocator;

use clock::manual;
use counting_allocator::{allocations, bytes_in_use, exclusive};
use std::convert::identity;
use std::time::Duration;
use tallybook::{Counter, Family, Histogram, Set, Stats, TimedLive};

/// A peer.
#[derive(Stats)]
struct Peer {
    count: Counter,
}

/// Does the same with a long history and with none. Returns how many more bytes are in use at the
/// end with the long one, and how many the collector reports.
fn taken(limit: usize, keys: u64, is_coming_and_going: bool) -> (isize, isize) {
    let run = |windows: &[Duration]| {
        let windows = windows.iter().copied();
        let (registry, clock) = manual(|builder| builder.windows(windows).history_limit(limit));
        let before = bytes_in_use();
        let peers: Family<u64, Peer> = registry.family("peer", "n").unwrap();
        let set: Set<Peer> = registry.set("all").unwrap();
        let mut collector = registry.collector().unwrap();
        let mut held = Vec::new();
        for tick in 0..150 {
            if is_coming_and_going || tick == 0 {
                held = (0..keys).map(|key| peers.entry(tick * keys + key).unwrap()).collect();
            }
            held.iter().for_each(|entry| entry.record(|peer| peer.count.inc()));
            set.record(|peer| peer.count.add(keys));
            clock.advance(Duration::from_millis(100));
            let cut = collector.tick();
            assert_eq!(cut.family(&peers).total().count, cut.set(&set).count);
        }
        let memory = collector.tick().set(&registry.collector_stats()).history_memory;
        (bytes_in_use() - before, memory.unwrap() as isize)
    };
    let ((with, reported), (without, _)) = (run(&[Duration::from_secs(60)]), run(&[]));
    (with - without, reported)
}

#[test]
fn the_memory_of_entries_that_stay_is_what_is_said() {
    let _exclusive = exclusive();
    let (taken, reported) = taken(usize::MAX, 1_000, false);
    assert!(taken < 2 * reported, "{taken} bytes, of which {reported} are reported");
}

#[test]
fn the_memory_of_entries_that_come_and_go_is_what_is_said() {
    let _exclusive = exclusive();
    let (taken, reported) = taken(usize::MAX, 1_000, true);
    assert!(taken < 2 * reported, "{taken} bytes, of which {reported} are reported");
}

#[test]
fn the_limit_limits_the_memory_of_entries_that_come_and_go() {
    const LIMIT: isize = 500_000;
    let _exclusive = exclusive();
    let (taken, reported) = taken(LIMIT as usize, 1_000, true);
    assert!(taken < 3 * LIMIT, "{taken} bytes, of which {reported} are reported");
}

/// A histogram and a timed guard beside a counter.
#[derive(Stats)]
struct Request {
    count: Counter,
    sizes: Histogram,
    open: TimedLive,
}

/// Records the same values in each of many intervals, on a set, on a hot entry and on `keys`
/// others. Returns for each interval the number of allocations, and the bytes in use at its end.
fn intervals(keys: u64) -> Vec<(u64, isize)> {
    let (registry, clock) = manual(|builder| builder.windows([]));
    let set: Set<Request> = registry.set("all").unwrap();
    let family: Family<u64, Request> = registry.family("one", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    let hot = family.entry(u64::MAX).unwrap();
    let entries: Vec<_> = (0..keys).map(|key| family.entry(key).unwrap()).collect();
    let mut found = Vec::with_capacity(60);
    for _ in 0..60 {
        let allocated = allocations(|| {
            for (n, entry) in (0_u64..).zip(&entries) {
                let guards = (set.open_borrowed(Request::open), hot.open_borrowed(Request::open));
                set.record(|set| {
                    set.sizes.record(n * n * n);
                    hot.record(|hot| hot.sizes.record(n * n * n));
                    entry.record(|one| {
                        one.count.inc();
                        (0..5).for_each(|step| one.sizes.record(n % 7 + step));
                    });
                });
                drop(guards);
            }
        });
        clock.advance(Duration::from_millis(100));
        collector.tick();
        found.push((allocated, bytes_in_use()));
    }
    found
}

#[test]
fn histograms_allocate_nothing_once_their_tables_are_large_enough() {
    let _exclusive = exclusive();
    // The first intervals allocate the tables of both sides, and the collector's pages.
    let found = intervals(if cfg!(tallybook_small) { 1 } else { 40 });
    assert!(found[5..].iter().all(|(allocations, _)| *allocations == 0), "{found:?}");
    assert!(found[59].1 <= found[10].1 + found[10].1 / 50, "{found:?}");
}

// When a line is merged into an entry, the two exchange their tables, and the entry's may be
// smaller.
#[test]
fn entries_that_share_cache_lines_allocate_nothing_for_ever_either() {
    let _exclusive = exclusive();
    let found = intervals(1_500);
    let allocations: Vec<_> = found.iter().map(|(allocations, _)| *allocations).collect();
    assert!(allocations[20..].iter().all(|allocations| *allocations == 0), "{allocations:?}");
}

/// Keeps the snapshots of that many ticks, all of them within the longest window. Returns how many
/// bytes they take, and how many the collector reports.
fn kept(ticks: u32) -> (isize, isize) {
    let (registry, clock) = manual(identity);
    let set: Set<Peer> = registry.set("all").unwrap();
    let mut collector = registry.collector().unwrap();
    let mut all = Vec::with_capacity(ticks as usize);
    let before = bytes_in_use();
    for _ in 0..ticks {
        set.record(|peer| peer.count.inc());
        clock.advance(Duration::from_millis(5));
        all.push(collector.tick());
    }
    let taken = bytes_in_use() - before;
    let last = all.last().unwrap();
    assert_eq!(last.window(Duration::from_secs(5)).elapsed(), Duration::from_secs(5));
    assert_eq!(last.since(&all[7]).unwrap().set(&set).count, u64::from(ticks) - 8);
    let stats = last.set(&registry.collector_stats());
    // The gauge is that of the previous tick.
    assert_eq!(stats.history, Some(i64::from(ticks) - 1));
    assert!(stats.memory >= stats.history_memory);
    (taken, stats.history_memory.unwrap() as isize)
}

#[test]
fn snapshots_that_are_kept_cost_what_they_show_and_not_all_that_are_kept() {
    let _exclusive = exclusive();
    let [half, whole] = [kept(2_000), kept(4_000)];
    assert!(whole.0 < 2 * half.0 + half.0 / 4, "{half:?} and {whole:?} bytes");
    assert!(whole.1 < 2 * half.1 + half.1 / 4, "{half:?} and {whole:?} bytes");
    assert!(whole.0 < 4_000 * 6_000, "{whole:?} bytes");
    assert!(whole.0 < 3 * whole.1, "{whole:?}: more than is reported");
}

#[test]
fn extremes_take_what_is_distinct_whichever_number_of_epochs_is_closed() {
    let _exclusive = exclusive();
    let (registry, clock) = manual(identity);
    let family: Family<u64, Request> = registry.family("one", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    let entries: Vec<_> = (0..20).map(|key| family.entry(key).unwrap()).collect();
    let interval = |pumps: u64, collector: &mut tallybook::Collector| {
        for pump in 0..pumps {
            for (n, entry) in (0..).zip(&entries) {
                entry.record(|one| one.sizes.record(1_000 * n + pump % 100));
            }
            collector.close_epoch();
        }
        clock.advance(Duration::from_secs(1));
        let before = bytes_in_use();
        let cut = collector.tick();
        let window = cut.last_interval();
        for n in 0..20 {
            let sizes = window.entry(&family, &n).unwrap().sizes;
            assert_eq!(
                (sizes.count(), sizes.max()),
                (pumps, Some(1_000 * n + (pumps - 1).min(99)))
            );
            assert_eq!(sizes.min(), Some(1_000 * n));
        }
        before
    };
    let few = interval(50, &mut collector);
    let many = interval(3_000, &mut collector);
    assert!(many - few < 200_000, "{few} and {many} bytes before the ticks");
}
