//! [`RegistryBuilder`]: what can be chosen of a registry.

use super::handle::{Inner, Registry};
use crate::clock::{Clock, SystemClock};
use crate::collect::{Catalog, CollectorStats, Context, Core, Cuts, History, NAME, State, Wanted};
use crate::metric::Stats;
use crate::phase::{FenceKind, Hub, Place};
use crate::read::{Identity, Published, Settings, Snapshot};
use crate::record::Set;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

impl Registry {
    /// A registry with the defaults of [`Registry::builder`].
    ///
    /// # Panics
    /// On `wasm32-unknown-unknown`, where its clock, a [`SystemClock`](crate::SystemClock), cannot
    /// be made: pass another to [`RegistryBuilder::clock`].
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A registry with a clock, a fence or a patience of your choice.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
    }
}

impl Default for Registry {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// Builds a [`Registry`].
pub struct RegistryBuilder {
    clock: Option<Arc<dyn Clock>>,
    fence: Option<FenceKind>,
    patience: Duration,
    shutdown_timeout: Duration,
    windows: Vec<Duration>,
    averages: Vec<Duration>,
    history_limit: usize,
    instance: String,
}

impl RegistryBuilder {
    /// With the defaults.
    fn new() -> Self {
        RegistryBuilder {
            clock: None,
            fence: None,
            patience: Duration::from_millis(20),
            shutdown_timeout: Duration::from_secs(5),
            windows: [1, 10, 60].map(Duration::from_secs).into(),
            averages: [60, 300, 900].map(Duration::from_secs).into(),
            history_limit: 256 * 1024 * 1024,
            instance: String::new(),
        }
    }

    /// Where times come from; by default a [`SystemClock`] made now.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How writers and the collector are kept in order; by default [`FenceKind::best`]. Asking for
    /// [`FenceKind::Membarrier`] where the system has none gives [`FenceKind::Fence`].
    #[must_use]
    pub fn fence(mut self, fence: FenceKind) -> Self {
        self.fence = Some(fence);
        self
    }

    /// How long a tick waits for a thread that is inside a fact before it publishes an older cut,
    /// as
    /// [stale](Snapshot::is_stale); 20 ms by default. A fact takes nanoseconds, but its thread may be preempted, or stopped
    /// by a debugger.
    ///
    /// This is for threads that have a core each. Where `n` times as many have recorded lately as
    /// there are cores, a tick waits up to `n` times as long, at most 50 times: a thread that was
    /// preempted inside a fact goes on when the others have had their turn. With zero a tick never
    /// waits.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long the last tick of a collector that is stopped or dropped waits for a thread that is
    /// inside a fact; 5 seconds by default. After that the last snapshot is an older cut, marked
    /// [stale](Snapshot::is_stale), and
    /// [`Collector::stop`](crate::Collector::stop) and [`Ticker::stop`](crate::Ticker::stop) return an error.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// The windows that [`Snapshot::windows`](crate::Snapshot::windows) names, 1, 10 and 60 seconds
    /// by default. Earlier cuts are kept for as long as the longest of them; windows of other
    /// lengths up to that can be asked for too. With none, no earlier cut is kept, and there is no
    /// last interval either: [`Snapshot::since`](crate::Snapshot::since) and
    /// [`RateTracker`](crate::RateTracker) compare what their callers keep.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Duration>) -> Self {
        self.windows = windows.into_iter().filter(|window| !window.is_zero()).collect();
        self.windows.sort_unstable();
        self.windows.dedup();
        self
    }

    /// The time constants of the exponentially weighted averages, 1, 5 and 15 minutes by default.
    /// Each of them takes 8 bytes for each rate of a set and of a family's total; see
    /// [`FamilyBuilder::averages`](crate::registry::FamilyBuilder::averages) for entries.
    #[must_use]
    pub fn averages(mut self, constants: impl IntoIterator<Item = Duration>) -> Self {
        self.averages = constants.into_iter().filter(|constant| !constant.is_zero()).collect();
        self.averages.sort_unstable();
        self.averages.dedup();
        self
    }

    /// How many bytes may be kept for what only earlier cuts still show, 256 MiB by default. Beyond
    /// that, the oldest quarter of the cuts is dropped at each tick, and the long windows become
    /// shorter, which [`Difference::elapsed`](crate::Difference::elapsed) tells.
    #[must_use]
    pub fn history_limit(mut self, bytes: usize) -> Self {
        self.history_limit = bytes;
        self
    }

    /// The name of this instance of the program, as its [reports](crate::report::Report) tell it: a
    /// host, a node, a shard. Empty by default. It stays the same when the program is started
    /// again; what tells the runs apart is the
    /// [incarnation](crate::snapshot::Identity::incarnation).
    #[must_use]
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = name.into();
        self
    }

    /// Makes the registry.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> Registry {
        let made_at = Some(Location::caller());
        let hub = Hub::new(self.fence.unwrap_or_else(FenceKind::best));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let longest = self.windows.last().copied().unwrap_or_default();
        let (at, wall) = (clock.now(), clock.wall());
        let settings = Settings {
            windows: self.windows.into(),
            constants: self.averages.into(),
            identity: Identity::new(&self.instance, wall, at),
            made_at,
        };
        let empty = Snapshot::empty(hub.id(), at, wall, Arc::new(settings));
        let empty = Arc::new(empty);
        let history = History::new(longest, self.history_limit);
        let core = Box::new(Core::new(hub.clone(), empty.clone(), history));
        // Place 0, for which the collector itself keeps the totals: no shard has a block there.
        let own = Set::new(Place::new(hub.clone(), 0, NAME, clock.clone()));
        let at = Location::caller();
        let group = CollectorStats::group();
        let wanted = Wanted::new::<CollectorStats>("set", NAME, group, at, wall);
        let mut catalog = Catalog::new();
        let index = catalog.reserve(&wanted, 1).expect("the first name is free");
        catalog.enter(&wanted, index, 1, Box::new(own.clone()));
        let published = Published::new(Snapshot::clone(&empty), clock.clone());
        let context = Context {
            hub,
            clock,
            published,
            patience: self.patience,
            shutdown_timeout: self.shutdown_timeout,
            wake: Arc::default(),
            cuts: Cuts::default(),
            catalog: Mutex::new(catalog),
        };
        let state = Arc::new(State::new(context, core));
        let inner = Inner { state, own };
        Registry { inner: Some(Arc::new(inner)) }
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("fence", &self.fence)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
