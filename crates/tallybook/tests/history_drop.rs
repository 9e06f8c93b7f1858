//! Dropping a cut from the history may run user code: the `Drop` of a reducer's states.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/panics.rs"]
mod panics;

use clock::manual;
use panics::{attempt, hide_expected, panic_as_expected};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tallybook::{Counter, Event, Reducer, Set, Stats};

#[derive(Event)]
#[event(unordered)]
enum Step {
    Add,
}

static PANICS: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// A state whose `Drop` panics if any event was applied.
#[derive(Default)]
struct State(u64);

impl Drop for State {
    fn drop(&mut self) {
        if self.0 > 0 && !IS_OVER.load(Relaxed) && !std::thread::panicking() {
            PANICS.fetch_add(1, Relaxed);
            panic_as_expected();
        }
    }
}

#[derive(Default)]
struct Sum(u64);

impl Reducer for Sum {
    type Event = Step;
    type Snapshot = State;
    fn apply(&mut self, _: Step, _: Duration) {
        self.0 += 1;
    }
    fn snapshot(&self) -> State {
        State(self.0)
    }
}

/// Steps.
#[derive(Stats)]
struct Steps {
    count: Counter,
}

#[test]
fn a_state_that_panics_as_it_is_let_go_costs_no_tick_and_no_reader() {
    hide_expected();
    let (registry, clock) = manual(|builder| builder.windows([Duration::from_secs(5)]));
    let steps: Set<Steps> = registry.set("steps").unwrap();
    let actor = registry.actor("sum", Sum::default()).unwrap();
    let mut collector = registry.collector().unwrap();
    let sender = actor.sender();
    let mut kept = None;
    for n in 1..=200 {
        sender.send(Step::Add);
        steps.record(|steps| steps.count.inc());
        clock.advance(Duration::from_millis(100));
        let cut = attempt(|| collector.tick()).unwrap_or_else(|| panic!("tick {n} panicked"));
        assert_eq!(cut.set(&steps).count, n);
        if n == 100 {
            kept = Some(cut);
        }
    }
    let before = PANICS.load(Relaxed);
    assert!(before > 100, "{before}");
    // Dropping it drops the states that only its windows still show, but not its own, which this
    // test holds.
    let kept = kept.unwrap();
    assert_eq!(kept.window(Duration::from_secs(1)).set(&steps).count, 10);
    let _own = kept.state(&actor);
    assert!(attempt(|| drop(kept)).is_some());
    let after = PANICS.load(Relaxed);
    assert!(after > before + 10, "{before}, then {after}");
    IS_OVER.store(true, Relaxed);
}
