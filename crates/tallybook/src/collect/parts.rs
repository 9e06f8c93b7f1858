//! [`Parts`]: the totals of all places, each of which fails alone.

use super::totals::Totals;
use crate::read::{Part, UserPanics};
use crate::support::user;
use std::sync::Arc;

/// By place. What the user's code does in one costs that one.
#[derive(Default)]
pub(super) struct Parts {
    all: Vec<Fenced>,
    /// Those of code that belongs to no part: the clock, wakers, what snapshots show that are let go.
    outside: Panics,
    /// How many panics have been caught since they were asked for.
    caught: u64,
    is_changed: bool,
}

struct Fenced {
    totals: Box<dyn Totals>,
    /// What it showed last.
    shown: Part,
    panics: Panics,
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
    pub(super) fn extend(&mut self, fresh: Vec<Box<dyn Totals>>) {
        let fenced = |totals| Fenced { totals, shown: Part::Nothing, panics: Panics::default() };
        self.all.extend(fresh.into_iter().map(fenced));
    }

    /// Calls `f` with the totals of that number, if there are such.
    pub(super) fn call(&mut self, index: usize, f: impl FnOnce(&mut dyn Totals)) {
        if let Some(part) = self.all.get_mut(index) {
            let (_, caught) = part.panics.call(|| f(&mut *part.totals));
            self.count(caught);
        }
    }

    /// Calls code of the user that belongs to none of them. `None` if it panicked.
    pub(super) fn outside<T>(&mut self, f: impl FnOnce() -> T) -> Option<T> {
        let (result, caught) = self.outside.call(f);
        self.count(caught);
        result
    }

    pub(super) fn each(&mut self, mut f: impl FnMut(&mut dyn Totals)) {
        (0..self.all.len()).for_each(|index| self.call(index, &mut f));
    }

    /// What each of them shows: what it showed before, if `f` panics.
    pub(super) fn publish(&mut self, f: impl FnMut(&mut dyn Totals) -> Part) -> Vec<Part> {
        let shown = self.show(f);
        self.all.iter_mut().zip(&shown).for_each(|(part, shown)| part.shown = shown.clone());
        shown
    }

    /// The same, of which nothing is kept.
    pub(super) fn show(&mut self, mut f: impl FnMut(&mut dyn Totals) -> Part) -> Vec<Part> {
        let mut caught = 0;
        let show = |part: &mut Fenced| {
            let (shown, panics) = part.panics.call(|| f(&mut *part.totals));
            caught += panics;
            shown.unwrap_or_else(|| part.shown.clone())
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

    /// Where panics were caught, if there were more since the last call. `name` is that of a part, or of none.
    pub(super) fn take_panics(
        &mut self,
        name: impl Fn(Option<usize>) -> Arc<str>,
    ) -> Option<Arc<[UserPanics]>> {
        let outside = self.outside.tell(|| name(None)).into_iter();
        let parts = self.all.iter().enumerate();
        let parts = parts.filter_map(|(index, part)| part.panics.tell(|| name(Some(index))));
        std::mem::take(&mut self.is_changed).then(|| outside.chain(parts).collect())
    }

    fn count(&mut self, caught: u64) {
        self.caught += caught;
        self.is_changed |= caught > 0;
    }
}
