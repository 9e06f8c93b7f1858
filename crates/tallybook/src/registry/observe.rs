//! Registering sets whose values a callback supplies.

use super::handle::Registry;
use crate::collect::{ObservedTotals, Wanted};
use crate::error::RegisterError;
use crate::metric::Stats;
use crate::phase::Place;
use crate::record::Observed;
use crate::support::lock;
use crate::support::user::Owned;
use std::panic::Location;

impl Registry {
    /// Registers a set whose values are asked for at each tick: numbers that live elsewhere, such
    /// as the length of a queue, need not be kept twice. `callback` gets a set in which nothing has
    /// been recorded, and records the values as they are now: a gauge's value, a counter's total.
    /// What it records *is* the set in the snapshot of that tick, in place of what it recorded
    /// before; a gauge that it does not set is not set.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use tallybook::{Gauge, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Queue {
    ///     length: Gauge,
    /// }
    ///
    /// let jobs = Arc::new(Mutex::new(vec!["one", "two"]));
    /// let registry = Registry::new();
    /// let asked = jobs.clone();
    /// let queue = registry.observe("queue", move |q: &Queue| {
    ///     q.length.set(asked.lock().unwrap().len() as i64);
    /// })?;
    /// let mut collector = registry.collector()?;
    /// assert_eq!(collector.tick().set(&queue).length, Some(2));
    /// jobs.lock().unwrap().pop();
    /// assert_eq!(collector.tick().set(&queue).length, Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Windows, rates and averages work as for any other set. Counters did not start from zero at
    /// the first call, so what they show first is no increase. `Max` and `Min` are those of the
    /// calls in an interval or a window.
    ///
    /// # When it is called
    /// In each tick, in the thread that ticks, before the epoch is closed. So what the callback
    /// sees has happened before the cut: a snapshot that holds a value also holds the facts that
    /// led to it, if they were over when the callback looked. Facts that began while the ticks'
    /// callbacks ran may be in the snapshot without being in the value. A tick that waits for a
    /// thread inside a fact does not ask again, and one that publishes an older cut shows the
    /// values of that cut.
    ///
    /// The callback may use the registry in any way: record, register, read snapshots. But waiting
    /// in it for the next snapshot, or for a reducer's answer, never ends, and while it waits for
    /// anything else no tick is made.
    ///
    /// # A callback that is slow, or that panics
    /// One that takes longer than a millisecond, by the registry's clock, is not called again
    /// before ten times as long has passed; until then its last values stay. If it panics, its last
    /// values stay too, the panic is counted and told by
    /// [`Snapshot::panics`](crate::Snapshot::panics), and it is called again at the next tick. See the fields of
    /// [`CollectorStats`](crate::collector::CollectorStats) for the time that callbacks take.
    ///
    /// # Errors
    /// If the name is not valid or belongs to anything, also to an observed set of the same type:
    /// it has one callback. Or if one of the metrics' full names is taken.
    #[track_caller]
    pub fn observe<S: Stats>(
        &self,
        name: &str,
        callback: impl FnMut(&S) + Send + 'static,
    ) -> Result<Observed<S>, RegisterError> {
        let Some(inner) = &self.inner else { return Ok(Observed::new(Place::nowhere())) };
        let callback: Box<dyn FnMut(&S) + Send> = Box::new(callback);
        let callback = Owned::new(callback);
        let context = &inner.state.context;
        let (at, created) = (Location::caller(), context.time_of_day());
        let wanted = Wanted::new::<S>("observed set", name, S::group(), at, created);
        let mut catalog = lock(&context.catalog);
        match catalog.find_kept(&wanted)? {
            Some(index) => {
                let observed = Observed::new(context.place(name, index));
                let handle = Box::new(observed.clone());
                catalog.resume(&wanted, handle, Some(Box::new(callback)));
                Ok(observed)
            }
            None => {
                let index = catalog.reserve(&wanted, 1)?;
                let observed = Observed::new(context.place(name, index));
                let totals = Box::new(ObservedTotals::new(callback, index));
                catalog.register(&wanted, index, Box::new(observed.clone()), [totals]);
                Ok(observed)
            }
        }
    }
}
