//! More entries than a thread's cache has lines, and nested facts on entries.

use std::sync::mpsc::channel;
use std::thread;
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Max, Min, Registry, Set, Snapshot, Stats,
};

/// A track.
#[derive(Stats)]
struct Track {
    frames: Counter,
    bytes: Counter,
    level: Gauge,
    largest: Max,
    smallest: Min,
}

/// All of them.
#[derive(Stats)]
struct All {
    frames: Counter,
}

/// How deep facts nest.
const DEEP: u64 = if cfg!(miri) { 5 } else { 60 };
/// More than four times the lines of a cache: 1,024, or two with `--cfg tallybook_small`.
const KEYS: u64 = if cfg!(miri) { 7 } else { 5_000 };
const LINES: u64 = if cfg!(tallybook_small) { 2 } else { 1_024 };

fn tracks() -> (Set<All>, Family<u64, Track>, Collector) {
    let registry = Registry::builder().patience(std::time::Duration::from_millis(1)).build();
    let (all, tracks) = (registry.set("all").unwrap(), registry.family("track", "n").unwrap());
    let collector = registry.collector().unwrap();
    (all, tracks, collector)
}

fn entries(tracks: &Family<u64, Track>, keys: u64) -> Vec<Entry<u64, Track>> {
    (0..keys).map(|key| tracks.entry(key).unwrap()).collect()
}

/// Entries that all belong to the same cache line.
fn colliding(tracks: &Family<u64, Track>) -> Vec<Entry<u64, Track>> {
    let entries = entries(tracks, 3 * LINES + 1);
    (0..=3).map(|n| entries[(n * LINES) as usize].clone()).collect()
}

fn frames(cut: &Snapshot, tracks: &Family<u64, Track>, entry: &Entry<u64, Track>) -> u64 {
    cut.family(tracks).get(entry.key().unwrap()).unwrap().frames
}

#[test]
fn more_entries_than_lines_in_one_epoch_are_all_exact() {
    let (all, tracks, mut collector) = tracks();
    let entries = entries(&tracks, KEYS);
    for round in 1..=3 {
        for key in (0..KEYS).chain((0..KEYS).rev()) {
            all.record(|a| {
                a.frames.inc();
                entries[key as usize].record(|t| {
                    t.frames.inc();
                    t.bytes.add(key);
                    t.level.set((key * round) as i64);
                    t.largest.observe(key + round);
                    t.smallest.observe(key);
                });
            });
        }
        let cut = collector.tick();
        let family = cut.family(&tracks);
        assert_eq!(family.changed().count() as u64, KEYS);
        for (key, now) in family.iter() {
            let expected = TrackSnapshot {
                frames: 2 * round,
                bytes: 2 * round * key,
                level: Some((key * round) as i64),
                largest: Some(key + round),
                smallest: Some(*key),
            };
            assert_eq!(now, expected, "{key}");
        }
        assert_eq!(family.total().frames, 2 * round * KEYS);
        assert_eq!(family.total().frames, cut.set(&all).frames);
    }
}

#[test]
fn threads_that_evict_the_same_entries_lose_nothing() {
    let (_, tracks, mut collector) = tracks();
    let entries = entries(&tracks, KEYS);
    let rounds = if cfg!(debug_assertions) { 2 } else { 20 };
    let cuts = thread::scope(|scope| {
        let threads: Vec<_> = (0..3_u64)
            .map(|thread| {
                let entries = &entries;
                scope.spawn(move || {
                    for n in 0..rounds * KEYS {
                        // Steps that are coprime to the number of keys.
                        let key = n * [1, 3, 11][thread as usize] % KEYS;
                        entries[key as usize].record(|t| {
                            t.frames.inc();
                            t.bytes.add(2);
                        });
                    }
                })
            })
            .collect();
        let mut cuts = 0;
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            let cut = collector.tick();
            let total = cut.family(&tracks).total();
            assert_eq!(total.bytes, 2 * total.frames);
            cuts += 1;
        }
        cuts
    });
    collector.tick();
    let cut = collector.tick();
    for (key, now) in cut.family(&tracks).iter() {
        assert_eq!((now.frames, now.bytes), (3 * rounds, 6 * rounds), "{key}, {cuts} cuts");
    }
}

#[test]
fn facts_on_entries_nest_even_if_they_want_the_same_line() {
    let (_, tracks, mut collector) = tracks();
    let entries = colliding(&tracks);
    let [a, b, c, d] = &entries[..] else { unreachable!() };
    for round in 1..=3 {
        a.record(|outer| {
            outer.frames.inc();
            b.record(|inner| {
                inner.frames.add(10);
                c.record(|innermost| innermost.frames.add(100));
                d.record(|innermost| innermost.frames.add(1_000));
                inner.frames.add(10);
            });
            c.record(|inner| inner.frames.add(100));
            outer.frames.inc();
        });
        let cut = collector.tick();
        let found = [a, b, c, d].map(|entry| frames(&cut, &tracks, entry));
        assert_eq!(found, [2, 20, 200, 1_000].map(|n| n * round));
    }
}

#[test]
fn a_fact_on_an_entry_inside_of_one_on_the_same_entry_adds_up() {
    let (_, tracks, mut collector) = tracks();
    let entries = colliding(&tracks);
    let (a, b) = (&entries[0], &entries[1]);
    a.record(|one| {
        one.frames.inc();
        a.record(|two| {
            two.frames.add(10);
            a.clone().record(|three| three.frames.add(100));
        });
        b.record(|_| a.record(|two| two.frames.add(1_000)));
        one.frames.inc();
    });
    let cut = collector.tick();
    assert_eq!((frames(&cut, &tracks, a), frames(&cut, &tracks, b)), (1_112, 0));
}

#[test]
fn deep_nesting_is_one_fact() {
    fn down(entries: &[Entry<u64, Track>], all: &Set<All>) {
        let [entry, rest @ ..] = entries else { return };
        entry.record(|t| {
            t.frames.inc();
            all.record(|a| {
                a.frames.inc();
                down(rest, all);
            });
            t.bytes.inc();
        });
    }
    let (all, tracks, mut collector) = tracks();
    let entries = entries(&tracks, DEEP);
    let (inside, is_inside) = channel();
    let (go_on, goes_on) = channel::<()>();
    thread::scope(|scope| {
        let (all, entries) = (&all, &entries);
        scope.spawn(move || {
            all.record(|_| {
                down(entries, all);
                inside.send(()).unwrap();
                goes_on.recv().unwrap();
                down(entries, all);
            });
        });
        is_inside.recv().unwrap();
        assert!(collector.tick().is_stale());
        go_on.send(()).unwrap();
    });
    let cut = collector.tick();
    let total = cut.family(&tracks).total();
    assert_eq!((total.frames, total.bytes, cut.set(&all).frames), (2 * DEEP, 2 * DEEP, 2 * DEEP));
}

#[test]
fn handles_and_guards_may_come_and_go_inside_of_a_fact() {
    let (_, tracks, mut collector) = tracks();
    let outer = tracks.entry(0).unwrap();
    outer.record(|t| {
        t.frames.inc();
        for key in 1..=2 * LINES {
            tracks.entry(key).unwrap().record(|t| t.frames.add(key));
        }
        drop(outer.clone());
        t.frames.inc();
    });
    let cut = collector.tick();
    let family = cut.family(&tracks);
    assert_eq!(family.len() as u64, 2 * LINES + 1);
    assert_eq!(family.get(&0).unwrap().frames, 2);
    assert!(family.iter().all(|(key, now)| *key == 0 || now.frames == *key));
    assert_eq!(collector.tick().family(&tracks).len(), 1);
    drop(outer);
}

/// The last value that a nested fact sets wins, whichever entries the outer facts are on.
#[test]
fn the_last_value_set_in_a_fact_wins_at_every_depth() {
    let (_, tracks, mut collector) = tracks();
    let (a, b) = (tracks.entry(1).unwrap(), tracks.entry(2).unwrap());
    let mut levels = || {
        let cut = collector.tick();
        (cut.family(&tracks).get(&1).unwrap().level, cut.family(&tracks).get(&2).unwrap().level)
    };
    a.record(|one| {
        one.level.set(1);
        a.record(|two| two.level.set(2));
    });
    assert_eq!(levels().0, Some(2), "inside a fact on the same entry");
    a.record(|one| {
        a.record(|two| two.level.set(2));
        one.level.set(3);
    });
    assert_eq!(levels().0, Some(3), "after one on the same entry");
    a.record(|_| {
        b.record(|two| {
            two.level.set(4);
            b.record(|three| three.level.set(5));
        });
    });
    assert_eq!(levels().1, Some(5), "inside a fact on the same entry inside another");
}
