//! [`Totals`]: the totals of one place.

use crate::metric::averages::Averages;
use crate::phase::Quiet;
use crate::read::{ExtremaBuffer, Part};
use crate::row::Span;
use std::any::Any;

/// A tick that is being made.
pub(crate) struct Tick<'a> {
    pub(crate) span: Span,
    pub(crate) averages: &'a Averages,
    /// What was extreme in its interval.
    pub(crate) extrema: &'a mut ExtremaBuffer,
}

/// The totals of one place.
pub(crate) trait Totals: Send {
    /// Asks code of the user for values, in a tick before its epoch is closed.
    fn observe(&mut self) {}
    /// Whether [`observe`](Self::observe) does anything.
    fn is_observed(&self) -> bool {
        false
    }
    /// Called before an epoch is closed.
    fn prepare(&mut self) {}
    /// Moves what a thread recorded in the closed epoch into the totals.
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>);
    /// Called after all drains of an epoch.
    fn settle(&mut self, _: &mut Tick<'_>) {}
    /// What the snapshot of the tick shows. Called after the drains of its last epoch.
    fn publish(&mut self, tick: &mut Tick<'_>) -> Part;
    /// What `publish` would show now. The interval goes on: later snapshots show what they would
    /// have shown without it.
    fn preview(&mut self, tick: &mut Tick<'_>) -> Part;
    /// Called when the registry is gone, before the last epochs are drained, which no snapshot will
    /// show.
    fn end(&mut self) {}
    /// Called when it is unregistered and its totals are kept: gives back all memory that they do
    /// not need.
    fn rest(&mut self, span: Span);
    /// Called when it is registered again after that, with what it needs to go on.
    fn resume(&mut self, _with: Box<dyn Any + Send>) {}
    /// How many entries it has.
    fn entries(&self) -> usize {
        0
    }
    /// How many bytes it holds, roughly, and how many of them only for the past.
    fn bytes(&self) -> [usize; 2];
}
