//! Gauges: the last value wins, and those of one fact win together.

use std::thread;
use tallybook::{Gauge, Registry, Set, Stats};

/// Where something is.
#[derive(Stats)]
struct Place {
    x: Gauge,
    y: Gauge<f64>,
}

fn move_to(place: &Set<Place>, n: i64) {
    place.record(|p| {
        p.x.set(n);
        p.y.set(n as f64);
    });
}

fn place_in(registry: &Registry, place: &Set<Place>) -> (Option<i64>, Option<f64>) {
    let now = registry.collector().unwrap().tick().set(place);
    (now.x, now.y)
}

#[test]
fn a_gauge_is_none_until_it_is_set_and_stays_when_nothing_happens() {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    assert_eq!(place_in(&registry, &place), (None, None));
    place.record(|p| p.x.set(0));
    assert_eq!(place_in(&registry, &place), (Some(0), None));
    move_to(&place, -3);
    for _ in 0..3 {
        assert_eq!(place_in(&registry, &place), (Some(-3), Some(-3.0)));
    }
}

#[test]
fn the_later_of_two_threads_wins_within_an_epoch() {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    move_to(&place, 0);
    for n in 1..if cfg!(miri) { 6 } else { 50 } {
        let other = place.clone();
        thread::spawn(move || move_to(&other, 2 * n)).join().unwrap();
        if n % 2 == 0 {
            move_to(&place, 2 * n + 1);
        }
        let last = 2 * n + i64::from(n % 2 == 0);
        assert_eq!(place_in(&registry, &place), (Some(last), Some(last as f64)));
    }
}

#[test]
fn a_later_epoch_wins_over_an_earlier_one() {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    for n in 0..if cfg!(miri) { 4 } else { 20 } {
        let other = place.clone();
        thread::spawn(move || move_to(&other, n)).join().unwrap();
        assert_eq!(place_in(&registry, &place).0, Some(n));
    }
}

/// Another thread records a fact between the two halves of this one.
fn halves_with(between: impl FnOnce()) -> (Option<i64>, Option<f64>) {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    place.record(|p| {
        p.x.set(1);
        let other = place.clone();
        thread::spawn(move || move_to(&other, 2)).join().unwrap();
        between();
        p.y.set(1.0);
    });
    place_in(&registry, &place)
}

#[test]
fn the_gauges_of_a_fact_win_or_lose_together() {
    assert_eq!(halves_with(|| ()), (Some(2), Some(2.0)));
}

#[test]
fn the_gauges_of_a_fact_win_or_lose_together_around_a_fact_of_another_registry() {
    let other = Registry::new().set("elsewhere").unwrap();
    assert_eq!(halves_with(|| move_to(&other, 0)), (Some(2), Some(2.0)));
}

/// The memory of a dropped registry may be reused for the next one.
#[test]
fn the_last_value_wins_in_each_of_many_registries() {
    for n in 0..if cfg!(miri) { 8 } else { 100 } {
        let registry = Registry::new();
        let place = registry.set::<Place>("place").unwrap();
        let other = place.clone();
        thread::spawn(move || move_to(&other, -1)).join().unwrap();
        move_to(&place, n);
        assert_eq!(place_in(&registry, &place).0, Some(n), "registry {n}");
    }
}

/// A peer with a gauge.
#[derive(Stats)]
struct Peer {
    height: Gauge,
}

#[test]
fn the_last_call_of_a_fact_wins_on_whatever_line_it_is() {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    // Four times the lines of a cache, which under miri has two.
    let (lines, count) = if cfg!(miri) { (2, 8) } else { (1024, 4096) };
    let all: Vec<_> = (0..count).map(|n| peers.entry(n).unwrap()).collect();
    let mut height = |n: i64, between: &[tallybook::Entry<u32, Peer>]| {
        place.record(|_| {
            all[0].record(|p| p.height.set(n));
            between.iter().for_each(|other| other.record(|p| p.height.set(0)));
            all[0].record(|p| p.height.set(n + 1));
        });
        collector.tick().family(&peers).get(&0).unwrap().height
    };
    // In between, the entry loses its line, which is then a victim or has been merged.
    for (n, others) in [(10, 1..1), (20, lines..lines + 1), (30, 1..7), (40, 1..all.len())] {
        assert_eq!(height(n, &all[others]), Some(n + 1));
    }
}

#[test]
fn the_last_call_of_a_fact_wins_whoevers_reference_it_is_made_through() {
    let registry = Registry::new();
    let place = registry.set::<Place>("place").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "n").unwrap();
    let peer = peers.entry(1).unwrap();
    peer.record(|outer| {
        peer.record(|inner| {
            inner.height.set(1);
            outer.height.set(2);
        });
    });
    place.record(|outer| {
        place.record(|inner| {
            outer.x.set(1);
            inner.x.set(2);
            outer.y.set(3.0);
        });
    });
    let now = registry.collector().unwrap().tick();
    assert_eq!(now.family(&peers).get(&1).unwrap().height, Some(2));
    assert_eq!((now.set(&place).x, now.set(&place).y), (Some(2), Some(3.0)));
}

/// A gauge that is set inside a fact of another registry has the stamp of its own fact.
#[test]
fn gauges_of_a_fact_win_or_lose_together_inside_of_facts_of_other_registries() {
    let (one, other) = (Registry::new(), Registry::new());
    let place = one.set::<Place>("place").unwrap();
    let elsewhere = other.set::<Place>("place").unwrap();
    place.record(|p| {
        p.x.set(1);
        // Another thread records a fact at this moment.
        thread::scope(|scope| drop(scope.spawn(|| move_to(&place, 2)).join()));
        elsewhere.record(|e| {
            e.x.set(0);
            p.y.set(1.0);
        });
    });
    assert_eq!(place_in(&one, &place), (Some(2), Some(2.0)));
    assert_eq!(place_in(&other, &elsewhere).0, Some(0));
}
