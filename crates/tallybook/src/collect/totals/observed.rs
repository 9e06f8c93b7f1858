//! The totals of an observed set: what its callback recorded last.

use super::part::{Tick, Totals};
use super::set::SetTotals;
use crate::metric::Stats;
use crate::phase::Quiet;
use crate::read::Part;
use crate::row::Span;
use crate::support::user::Owned;
use std::any::Any;

/// Supplies the values of an observed set. Code of the user, and so is its `Drop`.
pub(crate) type Callback<S> = Owned<Box<dyn FnMut(&S) + Send>>;

/// See the module.
pub(crate) struct ObservedTotals<S> {
    row: SetTotals<S>,
    /// `None` while it is unregistered.
    callback: Option<Callback<S>>,
    /// What it recorded for the epoch that is about to be closed.
    asked: Option<S>,
    /// Whether it has ever recorded anything, and readers see it.
    has_values: bool,
    is_shown: bool,
}

impl<S: Stats> ObservedTotals<S> {
    pub(crate) fn new(callback: Callback<S>, place: usize) -> Self {
        ObservedTotals {
            row: SetTotals::new(place),
            callback: Some(callback),
            asked: None,
            has_values: false,
            is_shown: false,
        }
    }
}

impl<S: Stats> Totals for ObservedTotals<S> {
    /// If the callback panics, what it recorded up to there is dropped.
    fn observe(&mut self) {
        if let Some(callback) = &mut self.callback {
            let cells = S::at_rest();
            callback(&cells);
            self.asked = Some(cells);
        }
    }

    fn is_observed(&self) -> bool {
        self.callback.is_some()
    }

    fn drain(&mut self, _: &(dyn Any + Send + Sync), _: Quiet, _: &mut Tick<'_>) {
        unreachable!("no handle of it can record")
    }

    fn settle(&mut self, tick: &mut Tick<'_>) {
        if let Some(cells) = self.asked.take() {
            self.has_values = true;
            self.row.replace(&cells, tick);
        }
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        if !self.has_values {
            return Part::Nothing;
        }
        if !std::mem::replace(&mut self.is_shown, true) {
            // Counters did not start from zero now, whatever they say.
            self.row.start();
        }
        self.row.publish(tick)
    }

    /// The values of the last tick that asked.
    fn preview(&mut self, tick: &mut Tick<'_>) -> Part {
        if !self.has_values {
            return Part::Nothing;
        }
        if !self.is_shown {
            self.row.start();
        }
        self.row.preview(tick)
    }

    fn rest(&mut self, span: Span) {
        self.row.rest(span);
        self.asked = None;
        drop(self.callback.take());
    }

    fn resume(&mut self, with: Box<dyn Any + Send>) {
        self.callback = with.downcast().ok().map(|callback| *callback);
    }

    fn bytes(&self) -> [usize; 2] {
        self.row.bytes()
    }
}
