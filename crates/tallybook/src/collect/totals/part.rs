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
    /// Called before an epoch is closed.
    fn prepare(&mut self) {}
    /// Moves what a thread recorded in the closed epoch into the totals.
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>);
    /// Called after all drains of an epoch.
    fn settle(&mut self, _: &mut Tick<'_>) {}
    /// What the snapshot of the tick shows. Called once per epoch, after its drains.
    fn publish(&mut self, tick: &mut Tick<'_>) -> Part;
    /// What `publish` would show now. The interval goes on: later snapshots show what they would have shown without it.
    fn preview(&mut self, tick: &mut Tick<'_>) -> Part;
    /// Called when the registry is gone, before the last epochs are drained, which nobody will see.
    fn end(&mut self) {}
    /// How many entries it has.
    fn entries(&self) -> usize {
        0
    }
    /// How many bytes it holds, roughly, and how many of them only for the past.
    fn bytes(&self) -> [usize; 2];
}
