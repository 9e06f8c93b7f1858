//! Sets, families and actors that are unregistered: what held them, what is shown when, what memory
//! comes back, and that nothing is lost while threads register and unregister at once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tallybook::error::UnregisterError;
use tallybook::registry::Totals;
use tallybook::{
    Counter, Event, Histogram, Live, ManualClock, Max, Reducer, Registry, Set, Snapshot, Stats,
};

/// What is counted.
#[derive(Stats)]
struct Work {
    done: Counter,
    sizes: Histogram,
    open: Live,
    largest: Max,
}

/// Something else, whose metrics have other names.
#[derive(Stats)]
struct Other {
    count: Counter,
}

fn registry() -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Registry::builder().clock(clock.clone()).build(), clock)
}

fn work(work: &Work, n: u64) {
    work.done.add(n);
    work.sizes.record(n);
    work.largest.observe(n);
}

fn names(cut: &Snapshot) -> Vec<&str> {
    cut.declarations().skip(1).map(|declared| &*declared.name).collect()
}

#[test]
fn dropped_totals_are_shown_once_more_and_gone_after_that() {
    let (registry, clock) = registry();
    let mut collector = registry.collector().unwrap();
    let set = registry.set::<Work>("work").unwrap();
    let family = registry.family::<u8, Work>("part", "n").unwrap();
    set.record(|w| work(w, 3));
    family.entry(1).unwrap().record(|w| work(w, 4));
    drop((set, family));
    registry.unregister_all(&["work", "part"], Totals::Drop).unwrap();
    clock.advance(Duration::from_secs(1));
    let last = collector.tick();
    assert_eq!(names(&last), ["work", "part"]);
    let gone = collector.tick();
    assert_eq!(names(&gone), [""; 0]);

    // The names are free, for anything.
    let part = registry.set::<Other>("part").unwrap();
    let set = registry.set::<Work>("work").unwrap();
    set.record(|w| work(w, 5));
    part.record(|o| o.count.inc());
    let cut = collector.tick();
    assert_eq!(names(&cut), ["part", "work"]);
    assert_eq!((cut.set(&set).done, cut.set(&set).sizes.count(), cut.set(&part).count), (5, 1, 1));
    // Earlier cuts know nothing of the new ones.
    assert_eq!((last.set(&set).done, last.set(&part).count), (0, 0));
    assert_eq!(cut.since(&last).unwrap().set(&set).done, 5);
}

#[test]
fn kept_totals_stay_and_are_continued() {
    let (registry, clock) = registry();
    let mut collector = registry.collector().unwrap();
    let set = registry.set::<Work>("work").unwrap();
    let family = registry.family_builder::<u8, Work>("part", "n").averages().register().unwrap();
    set.record(|w| work(w, 3));
    let entries: Vec<_> = (0..20).map(|n| family.entry(n).unwrap()).collect();
    entries.iter().for_each(|entry| entry.record(|w| work(w, 4)));
    drop((set, family, entries));
    registry.unregister_all(&["work", "part"], Totals::Keep).unwrap();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(names(&collector.tick()), ["work", "part"]);
    }
    // Unregistered again, they are as they were.
    registry.unregister("work", Totals::Keep).unwrap();
    clock.advance(Duration::from_secs(1));
    let before = collector.tick();

    let set = registry.set::<Work>("work").unwrap();
    let family = registry.family::<u8, Work>("part", "n").unwrap();
    let kept = before.family(&family);
    assert_eq!((kept.len(), kept.total().done, kept.retired().done), (0, 80, 80));
    assert_eq!((kept.total().sizes.count(), kept.total().sizes.max()), (20, Some(4)));
    assert_eq!((before.set(&set).done, before.set(&set).sizes.count()), (3, 1));
    let entry = family.entry(7).unwrap();
    set.record(|w| work(w, 10));
    entry.record(|w| work(w, 20));
    clock.advance(Duration::from_secs(1));
    let cut = collector.tick();
    let parts = cut.family(&family);
    assert_eq!((cut.set(&set).done, cut.set(&set).sizes.count()), (13, 2));
    assert_eq!((parts.total().done, parts.get(&7).unwrap().done, parts.len()), (100, 20, 1));
    // What happened since is what was recorded since.
    for difference in [cut.since(&before).unwrap(), cut.last_interval()] {
        assert_eq!((difference.set(&set).done, difference.total(&family).done), (10, 20));
        assert_eq!(difference.set(&set).largest, Some(10));
        assert_eq!(difference.entry(&family, &7).unwrap().sizes.count(), 1);
    }
    // Kept, and dropped after all.
    drop((set, family, entry, parts));
    registry.unregister_all(&["work", "part"], Totals::Keep).unwrap();
    collector.tick();
    registry.unregister("part", Totals::Drop).unwrap();
    collector.tick();
    assert_eq!(names(&collector.tick()), ["work"]);
}

fn held(registry: &Registry, name: &str) -> Option<String> {
    match registry.unregister(name, Totals::Drop) {
        Err(UnregisterError::Held { by, .. }) => Some(by.to_string()),
        Err(other) => panic!("{other}"),
        Ok(()) => None,
    }
}

#[test]
fn what_is_held_is_not_unregistered_and_the_error_says_what_holds_it() {
    let (registry, _) = registry();
    let set = registry.set::<Work>("work").unwrap();
    assert_eq!(held(&registry, "work").as_deref(), Some("1 handle or guard"));
    let guard = set.open(Work::open);
    drop(set);
    assert_eq!(held(&registry, "work").as_deref(), Some("1 handle or guard"));
    drop(guard);
    assert_eq!(held(&registry, "work"), None);

    let family = registry.family::<u8, Work>("part", "n").unwrap();
    let entry = family.entry(1).unwrap();
    let guard = entry.open(Work::open);
    let text = |handles| Some(format!("{handles} handles or guards (the family has 1 key)"));
    assert_eq!(held(&registry, "part"), text(3));
    drop(entry);
    assert_eq!(held(&registry, "part"), text(2));
    drop(family);
    let expected = "1 handle or guard (the family has 1 key)";
    assert_eq!(held(&registry, "part").as_deref(), Some(expected));
    drop(guard);
    assert_eq!(held(&registry, "part"), None);

    let observed = registry.observe("seen", |_: &Other| ()).unwrap();
    let other = observed.clone();
    assert_eq!(held(&registry, "seen").as_deref(), Some("2 handles or guards"));
    drop((observed, other));
    assert_eq!(held(&registry, "seen"), None);
}

/// A snapshot is nobody that could record: it may be kept, and shows what it showed.
#[test]
fn snapshots_do_not_hold_what_they_show() {
    let (registry, _) = registry();
    let mut collector = registry.collector().unwrap();
    let family = registry.family::<String, Work>("part", "name").unwrap();
    family.entry("a".to_owned()).unwrap().record(|w| work(w, 4));
    let kept = collector.tick();
    let shown = kept.family(&family);
    drop(family);
    registry.unregister("part", Totals::Drop).unwrap();
    (0..3).for_each(|_| drop(collector.tick()));
    assert_eq!(shown.get(&"a".to_owned()).unwrap().done, 4);
    assert_eq!((shown.len(), shown.total().done), (1, 4));
}

#[test]
fn several_are_unregistered_together_or_not_at_all() {
    let (registry, _) = registry();
    let mut collector = registry.collector().unwrap();
    drop(registry.set::<Other>("one").unwrap());
    let two = registry.set::<Other>("two").unwrap();
    let error = registry.unregister_all(&["one", "two"], Totals::Drop).unwrap_err();
    let line = line!() - 1;
    let UnregisterError::Held { what, name, first, at, .. } = &error else { panic!("{error}") };
    assert_eq!((*what, name.as_str()), ("set", "two"));
    assert_eq!((first.line(), at.line(), at.file()), (line - 1, line, file!()));
    let text = format!(
        "the set `two`, registered at {first}, cannot be unregistered at {at}: it is held by 1 \
         handle or guard; drop what holds it first"
    );
    assert_eq!(error.to_string(), text);
    (0..2).for_each(|_| assert_eq!(names(&collector.tick()), ["one", "two"]));
    let error = registry.unregister_all(&["one", "three"], Totals::Drop).unwrap_err();
    assert!(matches!(error, UnregisterError::NotRegistered { name, .. } if name == "three"));
    let error = registry.unregister("tallybook", Totals::Keep).unwrap_err();
    assert!(matches!(error, UnregisterError::OwnStatistics { .. }));
    (0..2).for_each(|_| assert_eq!(names(&collector.tick()), ["one", "two"]));
    drop(two);
    registry.unregister_all(&["one", "two", "one"], Totals::Drop).unwrap();
    let shown = [collector.tick(), collector.tick()].map(|cut| names(&cut).len());
    assert_eq!(shown, [2, 0]);
    assert!(registry.unregister("one", Totals::Drop).is_err(), "it is gone");
    Registry::disabled().unregister("one", Totals::Drop).unwrap();
}

#[test]
fn registering_again_takes_it_back() {
    let (registry, _) = registry();
    let mut collector = registry.collector().unwrap();
    for totals in [Totals::Keep, Totals::Drop] {
        registry.set::<Work>("work").unwrap().record(|w| work(w, 1));
        registry.unregister("work", totals).unwrap();
    }
    let set = registry.set::<Work>("work").unwrap();
    set.record(|w| work(w, 1));
    (0..3).for_each(|_| assert_eq!(collector.tick().set(&set).done, 3));
    // One that is refused takes nothing back.
    drop(set);
    registry.unregister("work", Totals::Drop).unwrap();
    registry.set::<Other>("work").unwrap_err();
    collector.tick();
    assert_eq!(names(&collector.tick()), [""; 0]);
}

/// A tick that could not close its epoch has not shown everything: nothing leaves with it.
#[test]
fn nothing_leaves_before_all_that_was_recorded_is_shown() {
    let registry = Registry::builder().patience(Duration::ZERO).build();
    let mut collector = registry.collector().unwrap();
    let other = registry.set::<Other>("other").unwrap();
    registry.set::<Work>("work").unwrap().record(|w| work(w, 5));
    other.record(|o| {
        assert!(collector.tick().is_stale());
        registry.unregister("work", Totals::Drop).unwrap();
        assert!(collector.tick().is_stale());
        o.count.inc();
    });
    // The epoch that was held up, and its own, which the unregistering was in.
    assert_eq!(names(&collector.tick()), ["other", "work"]);
    assert_eq!(names(&collector.tick()), ["other"]);
    // Epochs that are closed in between show nothing.
    drop(registry.set::<Work>("work").unwrap());
    registry.unregister("work", Totals::Drop).unwrap();
    (0..3).for_each(|_| assert!(collector.close_epoch()));
    assert_eq!(names(&collector.tick()), ["other", "work"]);
    assert_eq!(names(&collector.tick()), ["other"]);
}

#[test]
fn memory_comes_back() {
    let registry = Registry::builder().windows([]).build();
    let mut collector = registry.collector().unwrap();
    let rounds = if cfg!(miri) { 4 } else { 100 };
    let mut memory = Vec::new();
    for round in 0..rounds {
        for (set, family) in [("work", "part"), ("more", "piece")] {
            let totals = if family == "part" { Totals::Drop } else { Totals::Keep };
            let one = registry.set::<Work>(set).unwrap();
            let parts = registry.family::<u64, Work>(family, "n").unwrap();
            one.record(|w| work(w, round));
            for n in 0..20 {
                parts.entry(n).unwrap().record(|w| work(w, n));
            }
            drop((one, parts));
            registry.unregister_all(&[set, family], totals).unwrap();
        }
        collector.tick();
        let cut = collector.tick();
        memory.push(cut.set(&registry.collector_stats()).memory.unwrap());
    }
    let first = memory[1];
    assert!(memory.iter().skip(1).all(|bytes| *bytes <= first + first / 4), "{memory:?}");
    let parts = registry.family::<u64, Work>("piece", "n").unwrap();
    let total = collector.tick().family(&parts).total();
    assert_eq!((total.done, total.sizes.count()), (190 * rounds, 20 * rounds));
}

/// Threads that used a block which is gone find another, whatever is registered in its place.
#[test]
fn threads_that_recorded_before_find_their_new_cells() {
    let (registry, _) = registry();
    let mut collector = registry.collector().unwrap();
    let (meet, rounds) = (Barrier::new(3), if cfg!(miri) { 3 } else { 50 });
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let set = registry.set::<Work>("work").unwrap();
                    set.record(|w| work(w, 1));
                    let part = registry.family::<u8, Work>("part", "n").unwrap();
                    part.entry(1).unwrap().record(|w| work(w, 1));
                    drop((set, part));
                    meet.wait();
                    meet.wait();
                }
            });
        }
        for round in 1..=rounds {
            meet.wait();
            let set = registry.set::<Work>("work").unwrap();
            let part = registry.family::<u8, Work>("part", "n").unwrap();
            let cut = collector.tick();
            assert_eq!(
                (cut.set(&set).done, cut.family(&part).total().done),
                (2 * round, 2 * round)
            );
            drop((set, part));
            registry.unregister_all(&["work", "part"], Totals::Keep).unwrap();
            (0..2).for_each(|_| drop(collector.tick()));
            meet.wait();
        }
    });
}

/// Threads register, record and unregister as they like while cuts are made: every fact is in the
/// totals.
#[test]
fn nothing_is_lost_while_sets_come_and_go_and_totals_are_kept() {
    let registry = Registry::new();
    let facts = race(&registry, Totals::Keep, |_| ());
    let set = registry.set::<Work>("work").unwrap();
    let parts = registry.family::<u64, Work>("part", "n").unwrap();
    let cut = registry.collector().unwrap().tick();
    assert_eq!((cut.set(&set).done, cut.family(&parts).total().done), (facts, facts));
    assert_eq!(cut.set(&set).sizes.count(), facts);
    assert_eq!(cut.family(&parts).total().sizes.count(), facts);
}

/// The same where totals are dropped: each snapshot shows all that the present set has counted, and
/// the last snapshot of each set all that it ever has. What a fact records on a set that stays says
/// how much that is together.
#[cfg(feature = "serde")]
#[test]
fn nothing_is_lost_before_dropped_totals_were_shown() {
    let registry = Registry::new();
    let all = registry.set::<Other>("all").unwrap();
    // What those that are gone have shown last, and what the present ones show.
    let (mut gone, mut last) = ([0; 2], [0; 2]);
    let facts = race(&registry, Totals::Drop, |cut| {
        let json = serde_json::to_value(cut).unwrap();
        let now = [&json["sets"]["work"]["done"], &json["families"]["part"]["total"]["done"]];
        for (place, now) in now.into_iter().enumerate() {
            let (now, all) = (now.as_u64().unwrap_or(0), cut.set(&all).count);
            if gone[place] + now != all {
                gone[place] += last[place];
            }
            assert_eq!(gone[place] + now, all, "{gone:?} {last:?}");
            last[place] = now;
        }
    });
    assert_eq!([gone[0] + last[0], gone[1] + last[1]], [facts; 2]);
}

/// Calls `see` with each of the snapshots, and answers how many facts there were.
fn race(registry: &Registry, totals: Totals, mut see: impl FnMut(&Snapshot)) -> u64 {
    let all: Set<Other> = registry.set("all").unwrap();
    let (threads, rounds) = if cfg!(miri) { (2, 10) } else { (4, 2_000) };
    let (facts, working) = (AtomicU64::new(0), AtomicU64::new(threads));
    let is_over = AtomicBool::new(false);
    let mut collector = registry.collector().unwrap();
    thread::scope(|scope| {
        for thread in 0..threads {
            let (facts, working, all) = (&facts, &working, &all);
            scope.spawn(move || {
                for round in 0..rounds {
                    let set = registry.set::<Work>("work").unwrap();
                    let parts = registry.family::<u64, Work>("part", "n").unwrap();
                    let part = parts.entry((thread + round) % 5).unwrap();
                    all.record(|a| {
                        a.count.inc();
                        set.record(|w| work(w, 1));
                        part.record(|p| work(p, 1));
                    });
                    facts.fetch_add(1, Relaxed);
                    drop((set, parts, part));
                    for name in ["work", "part"] {
                        match registry.unregister(name, totals) {
                            // Held by another, or gone.
                            Ok(()) | Err(UnregisterError::Held { .. }) => {}
                            Err(UnregisterError::NotRegistered { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
                working.fetch_sub(1, Relaxed);
            });
        }
        while !is_over.swap(working.load(Relaxed) == 0, Relaxed) {
            see(&collector.tick());
            thread::yield_now();
        }
    });
    see(&collector.tick());
    facts.into_inner()
}

/// A reducer, its states and its account.
mod actors {
    use super::*;

    #[derive(Event)]
    enum Change {
        Add(u64),
    }

    struct Sum(u64, #[expect(dead_code, reason = "it tells when the reducer is dropped")] Arc<()>);

    impl Reducer for Sum {
        type Event = Change;
        type Snapshot = u64;
        fn apply(&mut self, Change::Add(n): Change, _: Duration) {
            self.0 += n;
        }
        fn snapshot(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn go_with_their_reducers_and_come_back_with_their_accounts() {
        let (registry, _) = registry();
        let mut collector = registry.collector().unwrap();
        let life = Arc::new(());
        let sum = registry.actor("sum", Sum(0, life.clone())).unwrap();
        let sender = sum.sender();
        sender.send(Change::Add(3));
        assert_eq!(held(&registry, "sum").as_deref(), Some("1 handle and 1 sender"));
        drop(sum);
        assert_eq!(held(&registry, "sum").as_deref(), Some("1 sender"));
        drop(sender);
        registry.unregister("sum", Totals::Keep).unwrap();
        assert!(registry.actor("sum", Sum(0, life.clone())).is_err(), "it is not gone yet");
        let last = collector.tick();
        assert_eq!(Arc::strong_count(&life), 1, "the reducer is dropped");

        let sum = registry.actor("sum", Sum(100, life.clone())).unwrap();
        assert_eq!((*last.state(&sum), last.events(&sum)[ChangeKind::Add].applied), (3, 1));
        sum.sender().send(Change::Add(1));
        let cut = collector.tick();
        let account = cut.events(&sum)[ChangeKind::Add].clone();
        assert_eq!((*cut.state(&sum), account.sent, account.applied), (101, 2, 2));
        drop(sum);
        registry.unregister("sum", Totals::Drop).unwrap();
        (0..2).for_each(|_| drop(collector.tick()));
        assert_eq!(Arc::strong_count(&life), 1);
        let sum = registry.actor("sum", Sum(5, life)).unwrap();
        assert_eq!(collector.tick().events(&sum)[ChangeKind::Add].sent, 0);
    }
}
