//! [`Observed`]: the handle of a set whose values are asked for at each tick.

use super::readable::ReadSet;
use super::readable::sealed::{self, At};
use crate::metric::Stats;
use crate::phase::Place;
use std::fmt;
use std::marker::PhantomData;

/// A handle to a set whose values a callback supplies at each tick; made by
/// [`Registry::observe`](crate::Registry::observe). Snapshots and differences read it like a [`Set`](crate::Set); nothing
/// can be recorded on it.
///
/// Dropping it does not end the asking: [`Registry::unregister`](crate::Registry::unregister) does.
pub struct Observed<S> {
    place: Place,
    stats: PhantomData<fn() -> S>,
}

impl<S> Observed<S> {
    pub(crate) fn new(place: Place) -> Self {
        Observed { place, stats: PhantomData }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The name it was registered under; empty in a disabled registry.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.name()
    }
}

impl<S> Clone for Observed<S> {
    fn clone(&self) -> Self {
        Observed::new(self.place.clone())
    }
}

impl<S> fmt::Debug for Observed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl<S: Stats> sealed::Sealed for Observed<S> {
    fn at(&self) -> At<'_> {
        At(&self.place)
    }
}

impl<S: Stats> ReadSet for Observed<S> {
    type Stats = S;
}
