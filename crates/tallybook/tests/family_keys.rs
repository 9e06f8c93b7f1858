//! Keys whose `Hash`, `Eq`, `Clone` and `Drop` use their family, panic or block; and `max_keys`.

#[path = "support/panics.rs"]
mod panics;

use panics::{attempt, hide_expected, panic_as_expected};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex};
use std::thread;
use tallybook::{Counter, Family, Registry, Stats};

/// A peer.
#[derive(Stats)]
struct Peer {
    bytes: Counter,
}

type Keys = Family<Key, Peer>;

/// Which code of a key runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Hash,
    Eq,
    Clone,
    Drop,
}

type Hook = Box<dyn FnMut()>;

thread_local! {
    /// What this thread does, once, when that code runs.
    static HOOK: RefCell<Option<(At, Hook)>> = const { RefCell::new(None) };
    static FIRED: Cell<u32> = const { Cell::new(0) };
}

fn at(here: At) {
    if thread::panicking() {
        return;
    }
    let wanted = |hook: &Option<(At, Hook)>| hook.as_ref().is_some_and(|(at, _)| *at == here);
    let hook = HOOK.with(|hook| if wanted(&hook.borrow()) { hook.take() } else { None });
    if let Some((_, mut hook)) = hook {
        FIRED.set(FIRED.get() + 1);
        hook();
    }
}

/// Runs `hook` the next time that this thread runs that code of a key.
fn when(here: At, hook: impl FnMut() + 'static) {
    HOOK.with(|at| *at.borrow_mut() = Some((here, Box::new(hook))));
}

fn never() {
    HOOK.with(|at| *at.borrow_mut() = None);
}

/// A key whose hash is the same for all where `is_alike`.
#[derive(Debug)]
struct Key {
    number: u32,
    is_alike: bool,
}

fn key(number: u32) -> Key {
    Key { number, is_alike: false }
}

fn alike(number: u32) -> Key {
    Key { number, is_alike: true }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        at(At::Eq);
        self.number == other.number
    }
}
impl Eq for Key {}
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        at(At::Hash);
        if !self.is_alike {
            self.number.hash(state);
        }
    }
}
impl Clone for Key {
    fn clone(&self) -> Self {
        at(At::Clone);
        Key { number: self.number, is_alike: self.is_alike }
    }
}
impl Drop for Key {
    fn drop(&mut self) {
        at(At::Drop);
    }
}
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

fn count(family: &Keys, key: Key) {
    family.entry(key).unwrap().record(|peer| peer.bytes.inc());
}

#[test]
fn a_key_may_use_its_family_wherever_its_code_runs() {
    for make in [key, alike] {
        for here in [At::Hash, At::Eq, At::Clone, At::Drop] {
            let registry = Registry::new();
            let family: Keys = registry.family("peer", "id").unwrap();
            let mut collector = registry.collector().unwrap();
            let held = family.entry(make(1)).unwrap();
            held.record(|peer| peer.bytes.inc());
            collector.tick();
            let again = family.clone();
            FIRED.set(0);
            let mut expected = 1;
            for step in 0..20 {
                let (again, cut) = (again.clone(), collector.tick());
                when(here, move || {
                    count(&again, make(1));
                    count(&again, make(77));
                    let _found = cut.family(&again).get(&make(1));
                });
                let before = FIRED.get();
                match step % 4 {
                    0 => count(&family, make(1)),
                    1 => count(&family, make(2 + step)),
                    2 => drop(collector.tick().family(&family).get(&make(1))),
                    _ => drop((collector.tick(), make(1).clone())),
                }
                expected += u64::from(step % 4 < 2) + 2 * u64::from(FIRED.get() - before);
                never();
            }
            assert!(FIRED.get() > 0, "{here:?}");
            drop(held);
            (0..3).for_each(|_| drop(collector.tick()));
            let cut = collector.tick();
            let family = cut.family(&family);
            assert_eq!((family.total().bytes, family.len()), (expected, 0), "{here:?}");
        }
    }
}

#[test]
fn a_panic_in_a_key_costs_its_call_and_nothing_else() {
    const MAX_KEYS: u32 = 4;
    hide_expected();
    for make in [key, alike] {
        for here in [At::Hash, At::Eq, At::Clone, At::Drop] {
            let registry = Registry::new();
            let builder = registry.family_builder("peer", "id").max_keys(MAX_KEYS as usize);
            let family: Keys = builder.register().unwrap();
            let mut collector = registry.collector().unwrap();
            let facts = Cell::new(0);
            for step in 0..60_u32 {
                if step % 2 == 0 {
                    when(here, || panic_as_expected());
                }
                attempt(|| {
                    let entry = family.entry(make(step % 3)).unwrap();
                    entry.record(|peer| peer.bytes.inc());
                    facts.set(facts.get() + 1);
                });
                never();
                when(here, || panic_as_expected());
                assert!(attempt(|| collector.tick()).is_some(), "{here:?}: a tick panicked");
                never();
            }
            (0..3).for_each(|_| drop(collector.tick()));
            let all: Vec<_> = (0..MAX_KEYS).map(|n| family.entry(make(100 + n)).unwrap()).collect();
            assert!(family.entry(make(200)).is_err());
            let cut = collector.tick();
            let shown = cut.family(&family);
            assert_eq!((shown.len(), shown.refused()), (MAX_KEYS as usize, 1), "{here:?}");
            assert_eq!((shown.total().bytes, shown.retired().bytes), (facts.get(), facts.get()));
            assert!(facts.get() >= 20, "{here:?}: {}", facts.get());
            drop(all);
        }
    }
}

#[test]
fn a_key_that_is_there_is_never_refused() {
    let threads = 4;
    let registry = Registry::new();
    let mut collector = registry.collector().unwrap();
    for round in 0..if cfg!(miri) { 3 } else { 300 } {
        let name = format!("peer{round}");
        let family: Keys = registry.family_builder(&name, "id").max_keys(1).register().unwrap();
        let start = Barrier::new(threads);
        // All threads keep their handles until all have one, and none asks for another key.
        let refused: usize = thread::scope(|scope| {
            let ask = || {
                start.wait();
                family.entry(alike(1)).map_err(|full| full.key.number)
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
            let all: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            all.iter().filter(|one| one.is_err()).count()
        });
        assert_eq!(refused, 0);
    }
    collector.tick();
}

/// Threads create and drop entries of more keys than the family may hold, while entries retire:
/// there are never too many, and nothing is lost.
#[test]
fn a_full_family_in_a_race_counts_everything_once() {
    const MAX_KEYS: usize = 3;
    let registry = Registry::new();
    let builder = registry.family_builder("peer", "id").max_keys(MAX_KEYS);
    let family: Keys = builder.register().unwrap();
    let mut collector = registry.collector().unwrap();
    let rounds = if cfg!(miri) { 20 } else { 2_000_u32 };
    let recorded = Mutex::new([0_u64; 2]);
    let run = |seed: u32, make: fn(u32) -> Key| {
        let mut own = [0, 0];
        for n in 0..rounds {
            match family.entry(make((n * 7 + seed) % 5)) {
                Ok(entry) => {
                    entry.record(|peer| peer.bytes.inc());
                    own[0] += 1;
                }
                Err(_) => own[1] += 1,
            }
        }
        let mut recorded = recorded.lock().unwrap();
        *recorded = [recorded[0] + own[0], recorded[1] + own[1]];
    };
    thread::scope(|scope| {
        let run = &run;
        let all: Vec<_> = (0..3).map(|seed| scope.spawn(move || run(seed, alike))).collect();
        while !all.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert!(collector.tick().family(&family).len() <= MAX_KEYS);
        }
    });
    (0..3).for_each(|_| drop(collector.tick()));
    let cut = collector.tick();
    let shown = cut.family(&family);
    let [facts, refused] = recorded.into_inner().unwrap();
    assert_eq!(
        (shown.total().bytes, shown.retired().bytes, shown.refused()),
        (facts, facts, refused)
    );
    assert!(shown.is_empty());
}

#[test]
fn keys_whose_hashes_are_equal_are_told_apart() {
    let registry = Registry::new();
    let family: Keys = registry.family("peer", "id").unwrap();
    let mut collector = registry.collector().unwrap();
    let keys = if cfg!(miri) { 10 } else { 100 };
    let held: Vec<_> = (0..keys).map(|n| family.entry(alike(n)).unwrap()).collect();
    for (n, entry) in (0..).zip(&held) {
        entry.record(|peer| peer.bytes.add(n));
        family.entry(alike(n as u32)).unwrap().record(|peer| peer.bytes.inc());
    }
    let full = collector.tick();
    let odd: BTreeSet<u32> = (0..keys).filter(|n| n % 2 == 1).collect();
    let kept: Vec<_> = (0..).zip(held).filter(|(n, _)| odd.contains(n)).collect();
    collector.tick();
    let half = collector.tick();
    for n in 0..keys {
        let found = |cut: &tallybook::Snapshot| cut.family(&family).get(&alike(n)).map(|p| p.bytes);
        assert_eq!(found(&full), Some(u64::from(n) + 1));
        assert_eq!(found(&half), odd.contains(&n).then_some(u64::from(n) + 1));
    }
    drop(kept);
}

/// Blocks a thread at its next comparison of keys until it is released.
fn stop_at_eq() -> (Receiver<()>, Sender<()>, impl FnOnce() + Send) {
    let (says, hears) = channel();
    let (goes_on, waits) = channel();
    let stop = move || {
        let waits = Mutex::new(waits);
        when(At::Eq, move || {
            says.send(()).unwrap();
            let _over = waits.lock().unwrap().recv();
        });
    };
    (hears, goes_on, stop)
}

#[test]
fn readers_writers_and_ticks_do_not_wait_for_a_key_that_is_being_compared() {
    let registry = Registry::new();
    let family: Keys = registry.family("peer", "id").unwrap();
    let mut collector = registry.collector().unwrap();
    let held = family.entry(alike(1)).unwrap();
    drop(family.entry(alike(9)).unwrap());
    let cut = collector.tick();
    for is_reader in [false, true] {
        let (hears, goes_on, stop) = stop_at_eq();
        let (family_there, cut_there) = (family.clone(), cut.clone());
        let there = thread::spawn(move || {
            stop();
            match is_reader {
                true => drop(cut_there.family(&family_there).get(&alike(1))),
                false => drop(family_there.entry(alike(1)).unwrap()),
            }
        });
        hears.recv().unwrap();
        // All of this returns while the other thread is blocked in `Eq`, or the test hangs.
        assert_eq!(cut.family(&family).get(&alike(1)).map(|peer| peer.bytes), Some(0));
        drop(family.entry(alike(2)).unwrap());
        assert!((0..4).map(|_| collector.tick()).last().unwrap().family(&family).len() == 1);
        goes_on.send(()).unwrap();
        there.join().unwrap();
    }
    drop(held);
}

/// A snapshot is dropped while another shows the same keys: a key that panics does not affect the
/// others.
#[test]
fn keys_that_panic_as_they_are_dropped_disturb_no_reader() {
    let registry = Registry::new();
    let family: Keys = registry.family("peer", "id").unwrap();
    let mut collector = registry.collector().unwrap();
    drop((0..100).map(|n| family.entry(key(n)).unwrap()).collect::<Vec<_>>());
    let cut = collector.tick();
    (0..3).for_each(|_| drop(collector.tick()));
    drop((collector, registry));
    FIRED.set(0);
    fn panic_again() {
        when(At::Drop, || {
            panic_again();
            panic_as_expected()
        });
    }
    hide_expected();
    panic_again();
    let shown = cut.family(&family);
    drop(cut);
    assert_eq!(shown.len(), 100);
    assert!(attempt(|| drop((shown, family))).is_some());
    never();
    assert_eq!(FIRED.get(), 100);
}
