//! [`Registry`]: owns the schema, the shards and the published snapshot.

mod actor;
mod builder;
mod family;

pub use actor::ActorBuilder;
pub use builder::RegistryBuilder;
pub use family::FamilyBuilder;

use crate::clock::Clock;
use crate::collector::{Collector, CollectorStats, Core};
use crate::error::{CollectError, RegisterError};
use crate::events::{Actor, Reducer, Wake};
use crate::family::{Family, Key};
use crate::metric::Stats;
use crate::names::Names;
use crate::phase::{FenceKind, Hub, Place};
use crate::reader::{Published, Reader};
use crate::set::Set;
use crate::signal::Signal;
use crate::snapshot::{Declaration, Snapshot};
#[cfg(not(target_family = "wasm"))]
use crate::ticker::Ticker;
use crate::totals::{SetTotals, Totals};
use arc_swap::ArcSwap;
use std::fmt;
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
    pub(crate) changed: Arc<Signal>,
    pub(crate) patience: Duration,
    pub(crate) shutdown_timeout: Duration,
    /// Asks the collector to close an epoch.
    pub(crate) wake: Arc<Wake>,
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
    ///
    /// # Panics
    /// On `wasm32-unknown-unknown`, where its clock, a [`SystemClock`](crate::SystemClock), cannot be made: pass another
    /// to [`RegistryBuilder::clock`].
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A registry with a clock, a fence or a patience of your choice.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
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
        FamilyBuilder::new(self, name, label)
    }

    /// Registers a reducer under `name`, which is also the first part of the names of its account's metrics. From now on the
    /// collector applies to it what its senders send.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn actor<R: Reducer>(&self, name: &str, reducer: R) -> Result<Actor<R>, RegisterError> {
        self.actor_builder(name).register(reducer)
    }

    /// An actor whose queues have a capacity of your choice.
    pub fn actor_builder<'a>(&'a self, name: &'a str) -> ActorBuilder<'a> {
        ActorBuilder::new(self, name)
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
    /// Not on WebAssembly; [`Collector::run`] is.
    ///
    /// # Errors
    /// If the registry is being collected already, the interval is zero, or the system gives no thread.
    #[cfg(not(target_family = "wasm"))]
    pub fn collect_every(&self, interval: Duration) -> Result<Ticker, CollectError> {
        Ticker::start(self.collector()?, interval)
    }

    /// A reader of the published snapshots. It keeps them, and not the registry.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.inner.as_ref().map(|inner| Published {
            latest: inner.published.clone(),
            changed: inner.changed.clone(),
        }))
    }

    /// The collector's own statistics, a set like any other, registered as `tallybook`.
    #[must_use]
    pub fn collector_stats(&self) -> Set<CollectorStats> {
        self.inner.as_ref().map_or_else(|| Set::new(Place::nowhere()), |inner| inner.own.clone())
    }

    /// The fence in use; `None` if the registry is disabled.
    #[must_use]
    pub fn fence(&self) -> Option<FenceKind> {
        self.inner.as_ref().map(|inner| inner.hub.fence())
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

impl Drop for Inner {
    fn drop(&mut self) {
        // There is no collector: that would keep this.
        let core = crate::lock(&self.core).take();
        if let Some(mut core) = core {
            core.end(self);
        }
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
        self.add_with(inner, name, |_, index| totals(index))
    }

    /// The same for totals that need the place.
    fn add_with<T: Totals + 'static>(
        &mut self,
        inner: &Inner,
        name: &str,
        totals: impl FnOnce(&Place, usize) -> T,
    ) -> (Place, usize) {
        let index = self.places;
        self.places += 1;
        let place = Place::new(inner.hub.clone(), index, name, inner.clock.clone());
        self.fresh.push(Box::new(totals(&place, index)));
        (place, index)
    }

    fn declare(&mut self, declaration: Declaration) {
        Arc::make_mut(&mut self.schema).push(declaration);
    }
}
