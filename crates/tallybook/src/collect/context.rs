//! [`Context`]: what the collector shares with the registry that it collects.

use super::catalog::{Arrival, Catalog, Departed};
use super::cuts::{Cut, Cuts};
use crate::clock::Clock;
use crate::event::Wake;
use crate::phase::{Hub, Place};
use crate::read::{Declaration, Published};
use crate::support::lock;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// See the module.
pub(crate) struct Context {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) published: Published,
    pub(crate) patience: Duration,
    pub(crate) shutdown_timeout: Duration,
    /// Asks the collector to close an epoch.
    pub(crate) wake: Arc<Wake>,
    /// The cut that callers ask for.
    pub(crate) cuts: Cuts,
    pub(crate) catalog: Mutex<Catalog>,
}

impl Context {
    /// Requests a cut of the collector.
    pub(crate) fn cut(&self) -> Cut {
        self.cuts.ask(&self.published, &self.wake)
    }

    /// Tells readers, and callers that wait for a cut, that nobody collects from now on.
    pub(super) fn end_collecting(&self) {
        self.published.set_collected(false);
        drop(self.cuts.take());
    }

    pub(crate) fn schema(&self) -> Arc<Vec<Declaration>> {
        lock(&self.catalog).schema()
    }

    /// The time of day by the registry's clock, which is code of the user: not to be called with a
    /// lock held.
    pub(crate) fn time_of_day(&self) -> SystemTime {
        self.published.latest.load().settings.identity.time_of_day(self.clock.now())
    }

    /// The schema as it is now, and what has been registered since the last call.
    pub(super) fn take_arrivals(&self) -> (Arc<Vec<Declaration>>, Vec<Arrival>) {
        let mut catalog = lock(&self.catalog);
        (catalog.schema(), catalog.take_arrivals())
    }

    /// The numbers of what is about to leave.
    pub(super) fn leaving(&self) -> Vec<u64> {
        lock(&self.catalog).leaving()
    }

    /// Removes what has one of these numbers and is still to leave.
    pub(super) fn depart(&self, ripe: &[u64]) -> Vec<Departed> {
        lock(&self.catalog).depart(ripe)
    }

    /// A place of an index that the catalog has given out.
    pub(crate) fn place(&self, name: &str, index: usize) -> Place {
        Place::new(self.hub.clone(), index, name, self.clock.clone())
    }
}
