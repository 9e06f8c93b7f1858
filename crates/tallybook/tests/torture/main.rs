//! Every call of the library from every place where user code may run, with and without panics: the
//! laws hold, and the registry stays usable.
//!
//! A *place* is where user code runs: inside a fact, in `apply`, in a key's `Hash`, in a `Drop`
//! while a panic unwinds. An *action* is what it does there. One test goes through all pairs; the
//! others choose them at random, also nested, on one thread and on several.
//!
//! - `TALLYBOOK_TORTURE_STEPS`: the number of random steps;
//! - `TALLYBOOK_TORTURE_SEED`: the first seed, to repeat a failure;
//! - `TALLYBOOK_TORTURE_FULL`: each pair in all variants;
//! - `TALLYBOOK_TORTURE_PAIR`: only pairs whose name, such as `Apply/Send/panics`, begins with
//!   this, in all variants;
//! - `TALLYBOOK_TORTURE_WITHOUT`: places and actions, with commas between them, that random steps
//!   leave out;
//! - `TALLYBOOK_TORTURE_PATIENCE`: after how many seconds without progress the process is aborted.

mod action;
mod hook;
mod laws;
mod ledger;
mod place;
mod step;
mod user;
mod watchdog;
mod ways;
mod world;

use action::Action;
use place::Place;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use step::{Random, Step, Worlds};
use world::World;

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn worlds(patience: Duration) -> Worlds {
    hook::watch_panics();
    watchdog::watch();
    [World::new(patience, false), World::new(patience, true)]
}

/// Fails if there was a fault, and says where.
fn expect_no_faults(at: &str) {
    let faults = hook::take_faults();
    assert!(faults.is_empty(), "at {at}:\n{}", faults.join("\n"));
}

/// Faults are kept per process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    hook::take_faults();
    alone
}

fn settle(worlds: &Worlds) {
    hook::disarmed(|| worlds.iter().for_each(|world| world.settle()));
}

fn end(worlds: &Worlds) {
    hook::disarmed(|| worlds.iter().for_each(|world| world.end()));
}

/// In which world the place is, in which the action is, and which key or kind it is about.
type Variant = (usize, usize, u32);

/// Runs a step in new worlds. Returns whether its place was reached.
fn run_pair(place: Place, action: Action, panics: bool, variant: Variant) -> bool {
    let (at, with, pick) = variant;
    let worlds = worlds(Duration::ZERO);
    // The same key, or another.
    let about = pick * 3 % 4;
    // At once, or when the place is passed for another time.
    let skip = if at == with { 0 } else { pick };
    let step = Step { place, at, action, with, panics, pick, about, skip, inner: None };
    watchdog::at(step.to_string());
    let outcome = step.run(&worlds);
    expect_no_faults(&step.to_string());
    // If the place was passed before, the panic may have come later, in a tick.
    let goes_on = outcome.is_reached && panics && skip == 0 && place.panics_the_caller();
    assert!(!goes_on || outcome.result.is_err(), "{step}: the panic was swallowed");
    settle(&worlds);
    expect_no_faults(&format!("{step}, afterwards"));
    if outcome.is_reached && panics && place.panics_a_tick() {
        let reported = worlds.iter().map(|world| {
            let latest = world.registry.reader().latest();
            latest.set(&world.registry.collector_stats()).panics
        });
        assert!(reported.sum::<u64>() > 0, "{step}: the panic was not reported");
    }
    end(&worlds);
    expect_no_faults(&format!("{step}, at the end"));
    outcome.is_reached
}

/// Each pair in one variant; in all of them where `TALLYBOOK_TORTURE_FULL` is set.
#[test]
fn every_action_at_every_place() {
    let _alone = alone();
    let only = std::env::var("TALLYBOOK_TORTURE_PAIR").unwrap_or_default();
    let is_full = std::env::var_os("TALLYBOOK_TORTURE_FULL").is_some() || !only.is_empty();
    let worlds = [(0, 0), (1, 1), (1, 0)];
    let variants = worlds.iter().flat_map(|(at, with)| (0..4).map(|pick| (*at, *with, pick)));
    let variants: Vec<Variant> = variants.collect();
    let places = Place::ALL.iter().copied().filter(|place| place.is_reachable());
    let pairs = places.flat_map(|place| Action::ALL.iter().map(move |action| (place, *action)));
    let pairs = pairs.flat_map(|(place, action)| [(place, action, false), (place, action, true)]);

    let (mut missed, mut failed) = (BTreeSet::new(), Vec::new());
    let mut reached = BTreeSet::new();
    for (n, (place, action, panics)) in pairs.enumerate() {
        let name = format!("{place:?}/{action:?}/{}", ["returns", "panics"][panics as usize]);
        if !name.starts_with(&only) {
            continue;
        }
        // The library need not clone keys.
        if place != Place::KeyClone {
            missed.insert(place);
        }
        let some = if is_full { &variants[..] } else { &variants[n * 5 % variants.len()..][..1] };
        for variant in some {
            let run = || run_pair(place, action, panics, *variant);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
                Ok(is_reached) => _ = is_reached.then(|| reached.insert(place)),
                Err(_) => {
                    hook::replace(None);
                    hook::take_faults();
                    failed.push(name.clone());
                }
            }
        }
    }
    watchdog::done();
    failed.dedup();
    assert!(failed.is_empty(), "{} pairs failed: {}", failed.len(), failed.join(", "));
    missed.retain(|place| !reached.contains(place));
    assert!(missed.is_empty(), "places that were not reached: {missed:?}");
}

#[test]
fn random_steps_on_one_thread() {
    let _alone = alone();
    let steps = number("TALLYBOOK_TORTURE_STEPS", if cfg!(miri) { 20 } else { 2000 });
    let first = number("TALLYBOOK_TORTURE_SEED", 1);
    // Short runs, so that a failure is quickly reproduced.
    const STEPS: u64 = 100;
    for seed in first..first + steps.div_ceil(STEPS) {
        let worlds = worlds(Duration::ZERO);
        let mut random = Random::new(seed, Place::ALL);
        for n in 0..STEPS.min(steps) {
            let step = random.step(2);
            let here = format!("TALLYBOOK_TORTURE_SEED={seed}, step {n}: {step}");
            watchdog::at(here.clone());
            step.run(&worlds);
            expect_no_faults(&here);
            settle(&worlds);
            expect_no_faults(&format!("{here}, afterwards"));
        }
        end(&worlds);
        expect_no_faults(&format!("the end of TALLYBOOK_TORTURE_SEED={seed}"));
    }
    watchdog::done();
}

/// Threads take steps while another thread only ticks, with user code that panics in its ticks.
#[test]
fn random_steps_on_threads() {
    let _alone = alone();
    const THREADS: usize = 3;
    let steps = number("TALLYBOOK_TORTURE_STEPS", if cfg!(miri) { 10 } else { 2000 }) as usize;
    let seed = number("TALLYBOOK_TORTURE_SEED", 1);
    let worlds = worlds(Duration::from_millis(1));
    let is_over = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(THREADS + 1));
    let run = |thread: usize, places: &'static [Place], is_last: bool| {
        let (worlds, is_over, start) = (worlds.clone(), is_over.clone(), start.clone());
        thread::spawn(move || {
            let mut random = Random::new(seed * 16 + thread as u64, places);
            start.wait();
            let mut n = 0;
            while if is_last { !is_over.load(SeqCst) } else { n < steps / THREADS } {
                let step = random.step(1);
                watchdog::at(format!(
                    "TALLYBOOK_TORTURE_SEED={seed}, thread {thread}, step {n}: {step}"
                ));
                step.run(&worlds);
                n += 1;
            }
            watchdog::done();
        })
    };
    let ticking = run(THREADS, IN_TICKS, true);
    let threads: Vec<_> = (0..THREADS).map(|thread| run(thread, Place::ALL, false)).collect();
    let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().is_ok()).collect();
    is_over.store(true, SeqCst);
    assert!(ticking.join().is_ok() && ended.into_iter().all(|is_well| is_well));
    let here = format!("TALLYBOOK_TORTURE_SEED={seed}, on threads");
    watchdog::at(here.clone());
    expect_no_faults(&here);
    settle(&worlds);
    end(&worlds);
    expect_no_faults(&here);
    watchdog::done();
}

/// The places that a tick passes.
const IN_TICKS: &[Place] = &[
    Place::Plain,
    Place::Apply,
    Place::Show,
    Place::Question,
    Place::EventDropApplied,
    Place::StateDrop,
    Place::ReducerDrop,
    Place::CaptureDrop,
    Place::PayloadDrop,
    Place::KeyDrop,
    Place::ClockTick,
    Place::ClockWall,
    Place::Observe,
    Place::ReaderWaker,
    Place::ReplyWaker,
];
