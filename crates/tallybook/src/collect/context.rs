//! [`Context`]: what the collector shares with the registry that it collects.

use super::cuts::{Cut, Cuts};
use super::totals::Totals;
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

/// What is registered.
pub(crate) struct Catalog {
    schema: Arc<Vec<Declaration>>,
    places: usize,
    /// The totals of new places, which the collector has not taken over yet.
    fresh: Vec<Box<dyn Totals>>,
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
        lock(&self.catalog).schema.clone()
    }

    /// The time of day by the registry's clock, which is code of the user: not to be called with a lock held.
    pub(crate) fn time_of_day(&self) -> SystemTime {
        self.published.latest.load().settings.identity.time_of_day(self.clock.now())
    }

    /// The schema as it is now, and the totals of what has been registered since the last call.
    pub(crate) fn take_fresh(&self) -> (Arc<Vec<Declaration>>, Vec<Box<dyn Totals>>) {
        let mut catalog = lock(&self.catalog);
        (catalog.schema.clone(), std::mem::take(&mut catalog.fresh))
    }
}

impl Catalog {
    /// A catalog in which place 0 is taken.
    pub(crate) fn new() -> Self {
        Catalog { schema: Arc::default(), places: 1, fresh: Vec::new() }
    }

    /// Makes a place for a block of the type that the totals drain.
    pub(crate) fn add<T: Totals + 'static>(
        &mut self,
        context: &Context,
        name: &str,
        totals: impl FnOnce(&Place, usize) -> T,
    ) -> (Place, usize) {
        let index = self.places;
        self.places += 1;
        let place = Place::new(context.hub.clone(), index, name, context.clock.clone());
        self.fresh.push(Box::new(totals(&place, index)));
        (place, index)
    }

    pub(crate) fn declare(&mut self, declaration: Declaration) {
        Arc::make_mut(&mut self.schema).push(declaration);
    }
}
