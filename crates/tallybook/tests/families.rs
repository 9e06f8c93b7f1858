//! The entries of a family: how they are created, retire and return, and what remains of them.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::collections::BTreeSet;
use std::convert::identity;
use std::thread;
use std::time::Duration;
use tallybook::error::FamilyFull;
use tallybook::{Collector, Counter, Family, Live, Registry, Snapshot, Stats};

/// A path.
#[derive(Stats)]
struct Path {
    bytes: Counter,
    subscribers: Live,
}

type Paths = Family<String, Path>;

fn paths() -> (Registry, Paths, Collector) {
    let registry = Registry::new();
    let paths = registry.family("path", "name").unwrap();
    let collector = registry.collector().unwrap();
    (registry, paths, collector)
}

fn key(name: &str) -> String {
    name.to_owned()
}

fn bytes(cut: &Snapshot, paths: &Paths, name: &str) -> Option<u64> {
    cut.family(paths).get(&key(name)).map(|path| path.bytes)
}

fn changed(cut: &Snapshot, paths: &Paths) -> BTreeSet<String> {
    cut.family(paths).changed().map(|(key, _)| key.clone()).collect()
}

#[test]
fn an_entry_goes_one_cut_after_its_last_holder_and_leaves_its_counts() {
    let (_registry, paths, mut collector) = paths();
    let path = paths.entry(key("a")).unwrap();
    let more = path.clone();
    path.record(|p| p.bytes.add(7));
    drop(path);
    assert_eq!(bytes(&collector.tick(), &paths, "a"), Some(7));
    assert_eq!(bytes(&collector.tick(), &paths, "a"), Some(7), "still held");
    more.record(|p| p.bytes.add(1));
    drop(more);
    let last = collector.tick();
    assert_eq!((bytes(&last, &paths, "a"), last.family(&paths).retired().bytes), (Some(8), 0));
    let gone = collector.tick();
    assert_eq!((bytes(&gone, &paths, "a"), gone.family(&paths).retired().bytes), (None, 8));
    assert_eq!(gone.family(&paths).total().bytes, 8);
}

#[test]
fn a_key_that_comes_back_is_a_new_entry() {
    let (registry, clock) = manual(identity);
    let paths: Paths = registry.family("path", "name").unwrap();
    let mut collector = registry.collector().unwrap();
    for round in 1..=3_u64 {
        clock.advance(Duration::from_secs(1));
        paths.entry(key("a")).unwrap().record(|p| p.bytes.add(round));
        let cut = collector.tick();
        let family = cut.family(&paths);
        assert_eq!(bytes(&cut, &paths, "a"), Some(round));
        assert_eq!(family.created_at(&key("a")), Some(Duration::from_secs(round)));
        assert_eq!(family.total().bytes, round * (round + 1) / 2);
        assert!(collector.tick().family(&paths).is_empty());
    }
}

#[test]
fn a_key_that_comes_back_before_it_went_is_the_same_entry() {
    let (_registry, paths, mut collector) = paths();
    paths.entry(key("a")).unwrap().record(|p| p.bytes.add(1));
    collector.tick();
    let again = paths.entry(key("a")).unwrap();
    again.record(|p| p.bytes.add(1));
    assert_eq!(bytes(&collector.tick(), &paths, "a"), Some(2));
    drop(again);
    paths.entry(key("a")).unwrap().record(|p| p.bytes.add(1));
    assert_eq!(bytes(&collector.tick(), &paths, "a"), Some(3));
    assert_eq!(collector.tick().family(&paths).retired().bytes, 3);
}

// moq#3591, #3625, #3668: a dead key's counts leave the total, a returning one restarts it.
#[test]
fn the_total_never_goes_down_when_keys_go_and_come_back() {
    let (_registry, paths, mut collector) = paths();
    let (mut recorded, mut last) = (0, 0);
    for step in 0..if cfg!(miri) { 30 } else { 200_u64 } {
        if step % 3 != 2 {
            paths.entry(key(["a", "b", "c"][step as usize % 7 % 3])).unwrap().record(|p| {
                p.bytes.add(step);
            });
            recorded += step;
        }
        let total = collector.tick().family(&paths).total().bytes;
        assert!(total >= last, "{total} after {last}");
        assert_eq!(total, recorded);
        last = total;
    }
}

// metrics-rs#704: a handle whose series idled out keeps writing into storage nobody reads.
#[test]
fn a_handle_that_was_idle_for_long_is_never_mute() {
    let (_registry, paths, mut collector) = paths();
    let held = paths.entry(key("a")).unwrap();
    let guarded = paths.entry(key("b")).unwrap().open(Path::subscribers);
    let ticks = if cfg!(miri) { 20 } else { 500 };
    for round in 1..=3 {
        (0..ticks).for_each(|_| assert_eq!(collector.tick().family(&paths).len(), 2));
        held.record(|p| p.bytes.inc());
        guarded.on().record(|p| p.bytes.inc());
        let cut = collector.tick();
        assert_eq!(
            (bytes(&cut, &paths, "a"), bytes(&cut, &paths, "b")),
            (Some(round), Some(round))
        );
    }
}

#[test]
fn a_new_entry_is_shown_before_anything_is_recorded() {
    let (_registry, paths, mut collector) = paths();
    let _held = paths.entry(key("a")).unwrap();
    let cut = collector.tick();
    assert_eq!(bytes(&cut, &paths, "a"), Some(0));
    assert_eq!(changed(&cut, &paths), BTreeSet::from([key("a")]));
}

#[test]
fn changed_lists_what_happened_in_the_interval_and_nothing_else() {
    let (_registry, paths, mut collector) = paths();
    let held: Vec<_> = ["a", "b", "c"].map(|name| paths.entry(key(name)).unwrap()).into();
    assert_eq!(changed(&collector.tick(), &paths), ["a", "b", "c"].map(key).into());
    assert_eq!(changed(&collector.tick(), &paths), BTreeSet::new());
    held[1].record(|p| p.bytes.inc());
    let cut = collector.tick();
    assert_eq!(changed(&cut, &paths), [key("b")].into());
    assert_eq!(cut.family(&paths).changed().next().unwrap().1.bytes, 1);
    let guard = held[2].open(Path::subscribers);
    assert_eq!(changed(&collector.tick(), &paths), [key("c")].into());
    drop(guard);
    assert_eq!(changed(&collector.tick(), &paths), [key("c")].into());
    drop(held);
    collector.tick();
    let gone = collector.tick();
    assert_eq!((changed(&gone, &paths), gone.family(&paths).len()), (BTreeSet::new(), 0));
}

// metrics-rs#328: series that are never removed, 11 million lines in one scrape.
#[test]
fn a_full_family_hands_the_key_back_counts_it_and_has_room_again_when_one_has_gone() {
    let registry = Registry::new();
    let paths: Paths = registry.family_builder("path", "name").max_keys(2).register().unwrap();
    let mut collector = registry.collector().unwrap();
    let (a, b) = (paths.entry(key("a")).unwrap(), paths.entry(key("b")).unwrap());
    let refused = paths.entry(key("c")).unwrap_err();
    let FamilyFull { key: ref back, max_keys, .. } = refused;
    assert_eq!((back, max_keys), (&key("c"), 2));
    assert_eq!(refused.to_string(), "the family is full: it holds 2 keys, the most it may");
    let known = paths.entry(key("a")).unwrap();
    drop((a, known));
    assert!(paths.entry(refused.key).is_err(), "`a` is still to be shown");
    let cut = collector.tick();
    assert_eq!((cut.family(&paths).refused(), cut.family(&paths).len()), (2, 2));
    assert!(paths.entry(key("c")).is_err());
    collector.tick();
    let c = paths.entry(key("c")).unwrap();
    assert!(paths.entry(key("d")).is_err());
    let cut = collector.tick();
    assert_eq!((cut.family(&paths).refused(), cut.family(&paths).len()), (4, 2));
    drop((b, c));
}

#[test]
fn old_snapshots_keep_what_they_had_after_keys_went_and_came_back() {
    let (_registry, paths, mut collector) = paths();
    let mut cuts = Vec::new();
    let (a, b) = (paths.entry(key("a")).unwrap(), paths.entry(key("b")).unwrap());
    a.record(|p| p.bytes.add(1));
    b.record(|p| p.bytes.add(10));
    cuts.push((collector.tick(), Some(1), Some(10), None));
    drop(a);
    collector.tick();
    // `c` gets the row that `a` had.
    let c = paths.entry(key("c")).unwrap();
    cuts.push((collector.tick(), None, Some(10), Some(0)));
    c.record(|p| p.bytes.add(100));
    cuts.push((collector.tick(), None, Some(10), Some(100)));
    drop(b);
    collector.tick();
    let a = paths.entry(key("a")).unwrap();
    a.record(|p| p.bytes.add(5));
    cuts.push((collector.tick(), Some(5), None, Some(100)));
    drop((a, c));
    collector.tick();
    cuts.push((collector.tick(), None, None, None));
    for (cut, a, b, c) in &cuts {
        let found = ["a", "b", "c"].map(|name| bytes(cut, &paths, name));
        assert_eq!(found, [*a, *b, *c], "{cut:?}");
        let sum: u64 = cut.family(&paths).iter().map(|(_, path)| path.bytes).sum();
        assert_eq!(sum + cut.family(&paths).retired().bytes, cut.family(&paths).total().bytes);
    }
}

#[test]
fn many_threads_that_want_one_new_key_get_one_entry() {
    let (_registry, paths, mut collector) = paths();
    let threads = if cfg!(miri) { 3 } else { 8 };
    let start = std::sync::Barrier::new(threads);
    for round in 1..=if cfg!(miri) { 3 } else { 20_u64 } {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    paths.entry(key("a")).unwrap().record(|p| p.bytes.inc());
                });
            }
        });
        let cut = collector.tick();
        let family = cut.family(&paths);
        assert_eq!((family.len(), family.get(&key("a")).unwrap().bytes), (1, threads as u64));
        assert_eq!(family.total().bytes, round * threads as u64);
        assert!(collector.tick().family(&paths).is_empty());
    }
}

/// Handles are created and dropped while the entry retires again and again.
#[test]
fn a_key_wanted_at_the_moment_it_goes_loses_nothing() {
    let (_registry, paths, mut collector) = paths();
    let rounds = if cfg!(miri) { 30 } else { 500 };
    thread::scope(|scope| {
        let taking = scope.spawn(|| {
            for _ in 0..rounds {
                paths.entry(key("a")).unwrap().record(|p| p.bytes.inc());
                thread::yield_now();
            }
        });
        while !taking.is_finished() {
            collector.tick();
        }
        taking.join().unwrap();
    });
    collector.tick();
    collector.tick();
    let cut = collector.tick();
    assert_eq!((cut.family(&paths).retired().bytes, cut.family(&paths).len()), (rounds, 0));
}
