//! [`Registry`]: owns the schema, the shards and the published snapshot.

use crate::averages;
use crate::clock::{Clock, SystemClock};
use crate::collector::{Collector, CollectorStats, Core, NAME};
use crate::error::{CollectError, RegisterError};
use crate::family::{Family, Key, Shared};
use crate::history::History;
use crate::metric::{Counter, Stats};
use crate::names::Names;
use crate::phase::{Barrier, Hub, Place};
use crate::reader::Reader;
use crate::set::Set;
use crate::snapshot::{Declaration, Settings, Snapshot};
use crate::ticker::Ticker;
use crate::totals::{FamilyTotals, SetTotals, Totals};
use arc_swap::ArcSwap;
use event_listener::Event;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where sets and families are registered and snapshots come from. Clones are the same registry.
///
/// One per program is usual; any number may exist, be made and be dropped at any time, from any thread. Nothing is global.
///
/// After a `fork` without `exec`, make a new registry in the child: the threads that own the old one's shards are not there.
#[derive(Clone)]
pub struct Registry {
    inner: Option<Arc<Inner>>,
}

/// What a registry, its readers and its collector share.
pub(crate) struct Inner {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) published: Arc<ArcSwap<Snapshot>>,
    /// Notified after each publication.
    pub(crate) changed: Event,
    pub(crate) patience: Duration,
    registered: Mutex<Registered>,
    /// The collector's state, while there is no collector.
    pub(crate) core: Mutex<Option<Box<Core>>>,
    own: Set<CollectorStats>,
}

/// What is registered.
struct Registered {
    names: Names,
    schema: Arc<Vec<Declaration>>,
    places: usize,
    /// The totals of new places, which the collector has not taken over yet.
    fresh: Vec<Box<dyn Totals>>,
}

impl Registry {
    /// A registry with the defaults of [`Registry::builder`].
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A registry with a clock, a barrier or a patience of your choice.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder {
            clock: None,
            barrier: None,
            patience: Duration::from_millis(20),
            windows: [1, 10, 60].map(Duration::from_secs).into(),
            averages: [60, 300, 900].map(Duration::from_secs).into(),
            history_limit: 256 * 1024 * 1024,
        }
    }

    /// A registry that records nothing: every handle it gives is a no-op of about a nanosecond, with the same types.
    ///
    /// It has no memory, no shard and no collector thread; facts are not called; its snapshots are empty.
    #[must_use]
    pub const fn disabled() -> Self {
        Registry { inner: None }
    }

    /// Whether it was made by [`Registry::disabled`].
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.inner.is_none()
    }

    /// Registers a set under `name`, the first part of the full names of its metrics.
    ///
    /// # Errors
    /// If the name is not valid as the start of a metric name, or it or one of the metrics' full names is taken.
    pub fn set<S: Stats>(&self, name: &str) -> Result<Set<S>, RegisterError> {
        let Some(inner) = &self.inner else { return Ok(Set::new(Place::nowhere())) };
        let mut registered = crate::lock(&inner.registered);
        registered.names.take("set", name, None, &S::group())?;
        let (place, index) = registered.add(inner, name, SetTotals::<S>::new);
        registered.declare(Declaration {
            name: name.into(),
            label: None,
            group: S::group(),
            place: index,
            refusals: index,
        });
        Ok(Set::new(place))
    }

    /// Registers a family: a set per key. `label` names what the key is, and becomes the label's name in exports.
    ///
    /// # Errors
    /// As [`set`](Self::set); or if the label's name is not valid, or used inside the set.
    pub fn family<K: Key, S: Stats>(
        &self,
        name: &str,
        label: &str,
    ) -> Result<Family<K, S>, RegisterError> {
        self.family_builder(name, label).register()
    }

    /// A family with a limit on its keys.
    pub fn family_builder<'a, K: Key, S: Stats>(
        &'a self,
        name: &'a str,
        label: &'a str,
    ) -> FamilyBuilder<'a, K, S> {
        FamilyBuilder {
            registry: self,
            name,
            label,
            max_keys: u32::MAX as usize - 1,
            averages: false,
            types: PhantomData,
        }
    }

    /// The collector, to tick by hand or to run as a future. There is one at a time.
    ///
    /// # Errors
    /// If there is one.
    pub fn collector(&self) -> Result<Collector, CollectError> {
        Collector::new(self.inner.clone())
    }

    /// Starts a thread that ticks every `interval`. Dropping the [`Ticker`] stops it at once, with a last exact cut.
    ///
    /// # Errors
    /// If the registry is being collected already, the interval is zero, or the system gives no thread.
    pub fn collect_every(&self, interval: Duration) -> Result<Ticker, CollectError> {
        Ticker::start(self.collector()?, interval)
    }

    /// A reader of the published snapshots.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.inner.clone())
    }

    /// The collector's own statistics, a set like any other, registered as `tallybook`.
    #[must_use]
    pub fn collector_stats(&self) -> Set<CollectorStats> {
        self.inner.as_ref().map_or_else(|| Set::new(Place::nowhere()), |inner| inner.own.clone())
    }

    /// The barrier in use; `None` where the registry is disabled.
    #[must_use]
    pub fn barrier(&self) -> Option<Barrier> {
        self.inner.as_ref().map(|inner| inner.hub.barrier())
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.inner.as_ref().map(|inner| inner.hub.id());
        f.debug_struct("Registry").field("id", &id).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn schema(&self) -> Arc<Vec<Declaration>> {
        crate::lock(&self.registered).schema.clone()
    }

    /// The schema as it is now, and the totals of what has been registered since the last call.
    pub(crate) fn take_fresh(&self) -> (Arc<Vec<Declaration>>, Vec<Box<dyn Totals>>) {
        let mut registered = crate::lock(&self.registered);
        (registered.schema.clone(), std::mem::take(&mut registered.fresh))
    }
}

impl Registered {
    /// Makes a place for a block of the type that `totals` drains.
    fn add<T: Totals + 'static>(
        &mut self,
        inner: &Inner,
        name: &str,
        totals: impl FnOnce(usize) -> T,
    ) -> (Place, usize) {
        let index = self.places;
        self.places += 1;
        self.fresh.push(Box::new(totals(index)));
        (Place::new(inner.hub.clone(), index, name, inner.clock.clone()), index)
    }

    fn declare(&mut self, declaration: Declaration) {
        Arc::make_mut(&mut self.schema).push(declaration);
    }
}

/// Builds a [`Registry`].
pub struct RegistryBuilder {
    clock: Option<Arc<dyn Clock>>,
    barrier: Option<Barrier>,
    patience: Duration,
    windows: Vec<Duration>,
    averages: Vec<Duration>,
    history_limit: usize,
}

impl RegistryBuilder {
    /// Where times come from; by default a [`SystemClock`] made now.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How writers and the collector are kept in order; by default [`Barrier::best`]. Asking for
    /// [`Barrier::Membarrier`] where the system has none gives [`Barrier::Fence`].
    #[must_use]
    pub fn barrier(mut self, barrier: Barrier) -> Self {
        self.barrier = Some(barrier);
        self
    }

    /// How long a tick waits for a thread that is inside a fact before it publishes the last cut again, as stale; 20 ms
    /// by default. A fact takes nanoseconds, but its thread may be preempted, or stopped by a debugger.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The windows that [`Snapshot::windows`](crate::Snapshot::windows) names, 1, 10 and 60 seconds by default. Earlier cuts
    /// are kept for as long as the longest of them; windows of other lengths up to that can be asked for too. With none
    /// there is only the last interval.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Duration>) -> Self {
        self.windows = windows.into_iter().filter(|window| !window.is_zero()).collect();
        self.windows.sort_unstable();
        self.windows.dedup();
        self
    }

    /// The time constants of the exponentially weighted averages, 1, 5 and 15 minutes by default. Each of them takes 8 bytes
    /// for each rate of a set and of a family's total; see [`FamilyBuilder::averages`] for entries.
    #[must_use]
    pub fn averages(mut self, constants: impl IntoIterator<Item = Duration>) -> Self {
        self.averages = constants.into_iter().filter(|constant| !constant.is_zero()).collect();
        self.averages.sort_unstable();
        self.averages.dedup();
        self
    }

    /// How many bytes may be kept for what only earlier cuts still show, 256 MiB by default. Beyond that, the oldest
    /// quarter of the cuts is let go at each tick, and the long windows become shorter, which [`Difference::elapsed`](crate::Difference::elapsed)
    /// tells.
    #[must_use]
    pub fn history_limit(mut self, bytes: usize) -> Self {
        self.history_limit = bytes;
        self
    }

    /// The registry.
    #[must_use]
    pub fn build(self) -> Registry {
        let hub = Hub::new(self.barrier.unwrap_or_else(Barrier::best));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let longest = self.windows.last().copied().unwrap_or_default();
        let settings = Settings { windows: self.windows.into(), constants: self.averages.into() };
        let empty = Snapshot::empty(hub.id(), clock.now(), clock.wall(), Arc::new(settings));
        let empty = Arc::new(empty);
        let history = History::new(longest, self.history_limit);
        let core = Box::new(Core::new(hub.clone(), empty.clone(), history));
        let mut names = Names::default();
        let group = CollectorStats::group();
        names.take("set", NAME, None, &group).expect("the first name is free and valid");
        // Place 0, for which the collector itself keeps the totals: no shard has a block there.
        let own = Place::new(hub.clone(), 0, NAME, clock.clone());
        let mut registered =
            Registered { names, schema: Arc::default(), places: 1, fresh: Vec::new() };
        registered.declare(Declaration {
            name: NAME.into(),
            label: None,
            group,
            place: 0,
            refusals: 0,
        });
        let inner = Inner {
            hub,
            clock,
            published: Arc::new(ArcSwap::new(empty)),
            changed: Event::new(),
            patience: self.patience,
            registered: Mutex::new(registered),
            core: Mutex::new(Some(core)),
            own: Set::new(own),
        };
        Registry { inner: Some(Arc::new(inner)) }
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("barrier", &self.barrier)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Family`]; made by [`Registry::family_builder`].
#[must_use = "call `register`"]
pub struct FamilyBuilder<'a, K, S> {
    registry: &'a Registry,
    name: &'a str,
    label: &'a str,
    max_keys: usize,
    averages: bool,
    types: PhantomData<fn() -> (K, S)>,
}

impl<K: Key, S: Stats> FamilyBuilder<'_, K, S> {
    /// The most keys it may hold at once, those that are about to retire included; more than four billion by default.
    /// Set it where somebody else chooses the keys.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys.min(u32::MAX as usize - 1);
        self
    }

    /// Keeps exponentially weighted averages for each entry too, and not for the total alone: 8 bytes and 8 more for each
    /// rate and time constant (`Counter` and `UpDownCounter` have one rate, `Live` and `Histogram` two).
    pub fn averages(mut self) -> Self {
        self.averages = true;
        self
    }

    /// Registers it.
    ///
    /// # Errors
    /// As [`Registry::family`].
    pub fn register(self) -> Result<Family<K, S>, RegisterError> {
        let Some(inner) = &self.registry.inner else { return Ok(Family::new(None)) };
        let mut registered = crate::lock(&inner.registered);
        registered.names.take("family", self.name, Some(self.label), &S::group())?;
        let (refusals, refusals_index) =
            registered.add(inner, self.name, SetTotals::<Counter>::new);
        let index = registered.places;
        registered.places += 1;
        let place = Place::new(inner.hub.clone(), index, self.name, inner.clock.clone());
        let shared = Arc::new(Shared::new(place, refusals, self.max_keys));
        let settings = inner.published.load().settings.clone();
        let averages = self.averages.then(|| averages::words(S::FLOWS, &settings.constants));
        let totals = FamilyTotals::<K, S>::new(shared.clone(), index, averages);
        registered.fresh.push(Box::new(totals));
        registered.declare(Declaration {
            name: self.name.into(),
            label: Some(self.label.into()),
            group: S::group(),
            place: index,
            refusals: refusals_index,
        });
        Ok(Family::new(Some(shared)))
    }
}
