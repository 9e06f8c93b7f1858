//! [`Parts`]: the totals of all places, each of which fails alone.

use super::pace::Pace;
use super::totals::Totals;
use crate::read::{Part, UserPanics, position};
use crate::support::user;
use std::sync::Arc;
use std::time::Duration;

/// In the order of the places. What the user's code does in one costs that one.
#[derive(Default)]
pub(super) struct Parts {
    all: Vec<Fenced>,
    /// Those of code that belongs to no part: the clock, wakers, the `Drop` of what only dropped
    /// snapshots showed.
    outside: Panics,
    /// How many panics have been caught since they were asked for.
    caught: u64,
    is_changed: bool,
    /// How many places there have been.
    places: usize,
}

struct Fenced {
    place: usize,
    totals: Box<dyn Totals>,
    /// What it showed last.
    shown: Part,
    panics: Panics,
    /// Of an observed set.
    pace: Pace,
}

/// How many there were, and the message of the last.
#[derive(Default)]
struct Panics {
    count: u64,
    last: Option<Arc<str>>,
}

impl Panics {
    /// Calls `f`, and says how many panics were caught in it.
    fn call<T>(&mut self, f: impl FnOnce() -> T) -> (Option<T>, u64) {
        let result = user::call(f).ok();
        let Some((count, last)) = user::take_caught() else { return (result, 0) };
        self.count += count;
        self.last = Some(last);
        (result, count)
    }

    fn tell(&self, name: impl FnOnce() -> Arc<str>) -> Option<UserPanics> {
        let last = self.last.clone()?;
        Some(UserPanics { name: name(), count: self.count, last })
    }
}

impl Parts {
    /// The first place is that of this number.
    pub(super) fn new(first: usize) -> Self {
        Parts { places: first, ..Parts::default() }
    }

    /// Adds the totals of the next place.
    pub(super) fn add(&mut self, totals: Box<dyn Totals>) {
        let place = self.places;
        self.places += 1;
        let (shown, panics, pace) = (Part::Nothing, Panics::default(), Pace::default());
        self.all.push(Fenced { place, totals, shown, panics, pace });
    }

    /// Takes out the totals of a place, which may run code of the user as they are dropped.
    pub(super) fn remove(&mut self, place: usize) -> Option<Box<dyn Totals>> {
        let index = position(&self.all, place, |part| part.place)?;
        let Fenced { totals, shown, .. } = self.all.remove(index);
        self.outside(|| drop(shown));
        Some(totals)
    }

    /// Calls `f` with the totals of a place, if there are such.
    pub(super) fn call(&mut self, place: usize, f: impl FnOnce(&mut dyn Totals)) {
        if let Some(index) = position(&self.all, place, |part| part.place) {
            self.call_at(index, f);
        }
    }

    fn call_at(&mut self, index: usize, f: impl FnOnce(&mut dyn Totals)) {
        let part = &mut self.all[index];
        let (_, caught) = part.panics.call(|| f(&mut *part.totals));
        self.count(caught);
    }

    /// Asks the observed sets whose turn it is for their values. `now` reads the registry's clock,
    /// `done` is told how long each callback took, or that one was left out.
    pub(super) fn observe(
        &mut self,
        mut now: impl FnMut(&mut Self) -> Duration,
        mut done: impl FnMut(Option<Duration>),
    ) {
        let mut last = None;
        for index in 0..self.all.len() {
            if !self.all[index].totals.is_observed() {
                continue;
            }
            let start = last.unwrap_or_else(|| now(self));
            last = Some(start);
            if !self.all[index].pace.is_due(start) {
                done(None);
                continue;
            }
            self.call_at(index, |totals| totals.observe());
            let end = now(self);
            last = Some(end);
            let time = end.saturating_sub(start);
            self.all[index].pace.took(time, end);
            done(Some(time));
        }
    }

    /// Calls code of the user that belongs to none of them. `None` if it panicked.
    pub(super) fn outside<T>(&mut self, f: impl FnOnce() -> T) -> Option<T> {
        let (result, caught) = self.outside.call(f);
        self.count(caught);
        result
    }

    pub(super) fn each(&mut self, mut f: impl FnMut(&mut dyn Totals)) {
        (0..self.all.len()).for_each(|index| self.call_at(index, &mut f));
    }

    /// What each of them shows: what it showed before, if `f` panics.
    pub(super) fn publish(&mut self, f: impl FnMut(&mut dyn Totals) -> Part) -> Vec<(usize, Part)> {
        let shown = self.show(f);
        let parts = self.all.iter_mut().zip(&shown);
        parts.for_each(|(part, (_, shown))| part.shown = shown.clone());
        shown
    }

    /// The same, of which nothing is kept.
    pub(super) fn show(
        &mut self,
        mut f: impl FnMut(&mut dyn Totals) -> Part,
    ) -> Vec<(usize, Part)> {
        let mut caught = 0;
        let show = |part: &mut Fenced| {
            let (shown, panics) = part.panics.call(|| f(&mut *part.totals));
            caught += panics;
            (part.place, shown.unwrap_or_else(|| part.shown.clone()))
        };
        let shown = self.all.iter_mut().map(show).collect();
        self.count(caught);
        shown
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Totals> {
        self.all.iter().map(|part| &*part.totals)
    }

    /// How many panics have been caught since the last call.
    pub(super) fn take_caught(&mut self) -> u64 {
        std::mem::take(&mut self.caught)
    }

    /// Where panics were caught, if there were more since the last call. `name` is that of a place,
    /// or of none.
    pub(super) fn take_panics(
        &mut self,
        name: impl Fn(Option<usize>) -> Arc<str>,
    ) -> Option<Arc<[UserPanics]>> {
        let outside = self.outside.tell(|| name(None)).into_iter();
        let parts = self.all.iter();
        let parts = parts.filter_map(|part| part.panics.tell(|| name(Some(part.place))));
        std::mem::take(&mut self.is_changed).then(|| outside.chain(parts).collect())
    }

    fn count(&mut self, caught: u64) {
        self.caught += caught;
        self.is_changed |= caught > 0;
    }
}
