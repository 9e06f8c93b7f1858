//! [`Registry`]: where everything is registered.

#[cfg(not(target_family = "wasm"))]
use crate::collect::Ticker;
use crate::collect::{Collector, CollectorStats, Cut, Known, SetTotals, State, Wanted};
use crate::error::{CollectError, RegisterError};
use crate::metric::Stats;
use crate::phase::{FenceKind, Place};
use crate::read::Reader;
use crate::record::Set;
use crate::support::lock;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
#[cfg(not(target_family = "wasm"))]
use std::time::Duration;

/// Where sets and families are registered and snapshots come from. Clones are the same registry.
///
/// One per program is usual; any number may exist, be made and be dropped at any time, from any
/// thread. Nothing is global.
///
/// After a `fork` without `exec`, make a new registry in the child: the threads that own the old
/// one's shards are not there.
#[derive(Clone)]
pub struct Registry {
    pub(super) inner: Option<Arc<Inner>>,
}

/// What the clones of a registry share.
pub(super) struct Inner {
    pub(super) state: Arc<State>,
    pub(super) own: Set<CollectorStats>,
}

impl Registry {
    /// A registry that records nothing: every handle it gives is a no-op of about a nanosecond,
    /// with the same types.
    ///
    /// It has no memory, no shard and no collector thread; facts are not called; its snapshots are
    /// empty.
    #[must_use]
    pub const fn disabled() -> Self {
        Registry { inner: None }
    }

    /// Whether it was made by [`Registry::disabled`].
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.inner.is_none()
    }

    /// Registers a set under `name`, the first part of the full names of its metrics. Where a set
    /// of the same type is registered under that name already, returns a handle to that one.
    ///
    /// ```
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Requests {
    ///     received: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let one = registry.set::<Requests>("requests")?;
    /// let same = registry.set::<Requests>("requests")?;
    /// one.record(|r| r.received.inc());
    /// same.record(|r| r.received.inc());
    /// assert_eq!(registry.collector()?.tick().set(&one).received, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the name is not valid as the start of a metric name, if it belongs to anything but a set
    /// of this type, or if one of the metrics' full names is taken.
    #[track_caller]
    pub fn set<S: Stats>(&self, name: &str) -> Result<Set<S>, RegisterError> {
        let Some(inner) = &self.inner else { return Ok(Set::new(Place::nowhere())) };
        let context = &inner.state.context;
        let (at, created) = (Location::caller(), context.time_of_day());
        let wanted = Wanted::new::<S>("set", name, S::group(), at, created);
        let mut catalog = lock(&context.catalog);
        match catalog.find(&wanted)? {
            Known::Registered(known) => {
                let known = known.downcast_ref::<Set<S>>();
                Ok(known.expect("sets of one type have handles of one type").clone())
            }
            Known::Kept(index) => {
                let set = Set::new(context.place(name, index));
                catalog.resume(&wanted, Box::new(set.clone()), None);
                Ok(set)
            }
            Known::Nothing => {
                let index = catalog.reserve(&wanted, 1)?;
                let set = Set::new(context.place(name, index));
                let totals = Box::new(SetTotals::<S>::new(index));
                catalog.register(&wanted, index, Box::new(set.clone()), [totals]);
                Ok(set)
            }
        }
    }

    /// The collector, to tick by hand or to run as a future. There is one at a time.
    ///
    /// # Errors
    /// If there is one.
    pub fn collector(&self) -> Result<Collector, CollectError> {
        Collector::new(self.inner.as_ref().map(|inner| inner.state.clone()))
    }

    /// Starts a thread that ticks every `interval`. Dropping the [`Ticker`] stops it at once, with
    /// a last exact cut: keep it for as long as the registry is to be collected.
    /// [`Reader::is_collected`] tells whether it is.
    ///
    /// Not on WebAssembly; [`Collector::run`] is.
    ///
    /// # Errors
    /// If the registry is being collected already, the interval is zero, or the system gives no
    /// thread.
    #[cfg(not(target_family = "wasm"))]
    pub fn collect_every(&self, interval: Duration) -> Result<Ticker, CollectError> {
        Ticker::start(self.collector()?, interval)
    }

    /// A snapshot of everything that is over before this call, for the caller alone: await it on
    /// any runtime, or
    /// [`wait`](Cut::wait) for it. For tests, and for programs that tick slowly and need to see now.
    ///
    /// The collector makes it between two ticks, however it is driven; a collector that is ticked
    /// by hand makes it in its next tick ([`Collector::cut`] makes one at once). Callers that ask
    /// at the same time share one. It is never
    /// [stale](crate::Snapshot::is_stale): while a thread stays inside a fact, the callers wait.
    ///
    /// Nothing else changes by it. Readers do not see it; later snapshots have the intervals,
    /// extrema, windows, averages and [`ticks`](CollectorStats::ticks) that they would have had
    /// without it, and only their [epochs](crate::Snapshot::epoch) are larger. Its own interval
    /// began at the last published snapshot, and entries that nobody holds stay in it until a tick
    /// retires them.
    ///
    /// [Observed](Self::observe) sets have the values that the last tick asked for: asking in between
    /// would change their extrema for others.
    ///
    /// A cut costs about what a tick costs: it is not a way to read one number often.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Jobs {
    ///     done: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let jobs = registry.set::<Jobs>("jobs")?;
    /// let _ticker = registry.collect_every(Duration::from_secs(60))?;
    /// jobs.record(|j| j.done.inc());
    /// let now = registry.cut().wait(Duration::from_secs(5))?;
    /// assert_eq!(now.set(&jobs).done, 1);
    /// assert_eq!(registry.reader().latest().set(&jobs).done, 0); // not published yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut(&self) -> Cut {
        self.inner.as_ref().map_or_else(Cut::refused, |inner| inner.state.context.cut())
    }

    /// A reader of the published snapshots. It keeps them, and not the registry.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.inner.as_ref().map(|inner| inner.state.context.published.clone()))
    }

    /// The collector's own statistics, a set like any other, registered as `tallybook`.
    #[must_use]
    pub fn collector_stats(&self) -> Set<CollectorStats> {
        self.inner.as_ref().map_or_else(|| Set::new(Place::nowhere()), |inner| inner.own.clone())
    }

    /// The fence in use; `None` where the registry is disabled.
    #[must_use]
    pub fn fence(&self) -> Option<FenceKind> {
        self.inner.as_ref().map(|inner| inner.state.context.hub.fence())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.inner.as_ref().map(|inner| inner.state.context.hub.id());
        f.debug_struct("Registry").field("id", &id).finish_non_exhaustive()
    }
}
