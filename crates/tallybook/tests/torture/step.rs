//! [`Step`]: an action at a place, which may panic, and may have a nested step.

use super::action::Action;
use super::hook::{self, Armed, caught, throw};
use super::place::Place;
use super::ways::go_on;
use super::world::World;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Two worlds: an action at a place of one may be done with the other.
pub type Worlds = [Arc<World>; 2];

#[derive(Clone)]
pub struct Step {
    pub place: Place,
    /// In which world.
    pub at: usize,
    pub action: Action,
    /// With which world.
    pub with: usize,
    pub panics: bool,
    /// Which key, kind or value, at the place and for the action.
    pub pick: u32,
    pub about: u32,
    /// How often the place is passed before.
    pub skip: u32,
    pub inner: Option<Box<Step>>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{} {:?}:{}", self.place, self.at, self.action, self.with)?;
        write!(f, " {}+{}/{}", self.pick, self.skip, self.about)?;
        write!(f, "{}", if self.panics { " panics" } else { "" })?;
        if let Some(inner) = &self.inner {
            write!(f, ", within: {inner}")?;
        }
        Ok(())
    }
}

/// How a step went.
pub struct Outcome {
    /// Whether the place was reached.
    pub is_reached: bool,
    /// An error if a panic reached the caller.
    pub result: Result<(), ()>,
}

impl Step {
    pub fn run(&self, worlds: &Worlds) -> Outcome {
        let is_reached = Arc::new(AtomicBool::new(false));
        let (reached, step, with) = (is_reached.clone(), self.clone(), worlds.clone());
        let act = move || {
            reached.store(true, SeqCst);
            with[step.with].act(step.action, step.about);
            if let Some(inner) = &step.inner {
                go_on(inner.run(&with).result);
            }
            if step.panics {
                throw();
            }
        };
        let armed = Armed { place: self.place, skip: self.skip, run: Box::new(act) };
        let before = hook::replace(Some(armed));
        let way = || worlds[self.at].reach(self.place, self.pick);
        let result = caught(catch_unwind(AssertUnwindSafe(way)));
        hook::replace(before);
        Outcome { is_reached: is_reached.load(SeqCst), result }
    }
}

/// A small generator of steps (xorshift), so that a seed determines everything.
pub struct Random {
    state: u64,
    /// The outermost places, and those within.
    places: Vec<Place>,
    inner_places: Vec<Place>,
    actions: Vec<Action>,
}

impl Random {
    /// Takes steps at these places, except what `TALLYBOOK_TORTURE_WITHOUT` names.
    pub fn new(seed: u64, places: &[Place]) -> Self {
        Random {
            // Any number but zero is valid; adjacent seeds are spread.
            state: (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            places: wanted(places),
            inner_places: wanted(Place::ALL),
            actions: wanted(Action::ALL),
        }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 32) as usize) % bound
    }

    /// Returns a step, with steps nested in it up to `depth`.
    pub fn step(&mut self, depth: usize) -> Step {
        let place = self.below(self.places.len());
        self.step_at(self.places[place], depth)
    }

    fn step_at(&mut self, place: Place, depth: usize) -> Step {
        let has_inner = depth > 0 && self.below(4) == 0;
        let action = self.below(self.actions.len());
        Step {
            place,
            at: self.below(2),
            action: self.actions[action],
            with: self.below(2),
            panics: self.below(4) == 0,
            pick: self.below(8) as u32,
            about: self.below(8) as u32,
            skip: if self.below(2) == 0 { 0 } else { self.below(4) as u32 },
            inner: has_inner.then(|| {
                let place = self.below(self.inner_places.len());
                Box::new(self.step_at(self.inner_places[place], depth - 1))
            }),
        }
    }
}

/// Returns those that `TALLYBOOK_TORTURE_WITHOUT` does not name, to narrow down a failure.
fn wanted<T: Copy + fmt::Debug>(all: &[T]) -> Vec<T> {
    let without = std::env::var("TALLYBOOK_TORTURE_WITHOUT").unwrap_or_default();
    let is_wanted = |each: &T| !without.split(',').any(|name| name == format!("{each:?}"));
    all.iter().copied().filter(is_wanted).collect()
}
