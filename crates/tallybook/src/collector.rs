//! [`Collector`]: the only owner of totals. Closes epochs, adds them up, publishes snapshots.

use crate::averages::Averages;
use crate::error::CollectError;
use crate::events::Wake;
use crate::history::{Gathered, History, Stretches};
use crate::metric::{Counter, Gauge, Max, Metric, Span};
use crate::phase::{Closer, Hub, Stuck};
use crate::registry::Inner;
use crate::snapshot::{Declaration, Part, Snapshot};
use crate::totals::{SetTotals, Tick, Totals};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

/// The name of the collector's own statistics.
pub(crate) const NAME: &str = "tallybook";

/// What the collector says of itself.
#[derive(tallybook_derive::Stats)]
pub struct CollectorStats {
    /// Cuts published.
    pub ticks: Counter,
    /// Time spent in ticks, those of the last one excluded.
    #[stats(unit = "nanoseconds")]
    pub tick_time: Counter,
    /// Time the tick before took.
    #[stats(unit = "nanoseconds")]
    pub last_tick: Max,
    /// Threads that were inside a fact when their epoch was closed and had to be waited for.
    pub waits: Counter,
    /// Ticks at which a thread stayed inside a fact for too long, so that the last cut was published again.
    pub stale: Counter,
    /// Threads' shards: the most threads that ever recorded at once.
    pub shards: Gauge,
    /// Entries in all families.
    pub entries: Gauge,
    /// Memory of shards, entries, totals and history, as counted by size; the tables that histograms make in the cells of
    /// threads and entries are not counted.
    #[stats(unit = "bytes")]
    pub memory: Gauge,
    /// Earlier cuts that are kept for windows.
    pub history: Gauge,
    /// Memory of what only earlier cuts still show, those that readers keep included, and of the extremes between them.
    #[stats(unit = "bytes")]
    pub history_memory: Gauge,
}

/// Closes epochs and publishes what they held. There is at most one per registry at a time.
///
/// Tick it by hand, [`run`](Self::run) it on any runtime, or let [`Registry::collect_every`](crate::Registry::collect_every)
/// give it a thread. Dropping it makes a last tick, so that everything recorded before is in the last snapshot.
pub struct Collector {
    inner: Option<Arc<Inner>>,
    core: Option<Box<Core>>,
}

/// What outlives a collector and is handed to the next.
pub(crate) struct Core {
    closer: Closer,
    /// What was registered when the last epoch was closed.
    schema: Arc<Vec<Declaration>>,
    /// By place, from 1 on: place 0 is `own`.
    totals: Vec<Box<dyn Totals>>,
    cells: CollectorStats,
    own: SetTotals<CollectorStats>,
    averages: Averages,
    history: History,
    /// The last cut, without its history.
    last: Arc<Snapshot>,
    /// When the cut that is not finished was made, and the one that was drained last.
    cut: Duration,
    drained: Duration,
    /// The first epoch that is not in a snapshot yet, and what was extreme from then on.
    first: u64,
    extremes: Gathered,
    wall: std::time::SystemTime,
    ticking: Duration,
}

impl Core {
    /// `start` is the empty snapshot that everything begins with.
    pub(crate) fn new(hub: Arc<Hub>, start: Arc<Snapshot>, history: History) -> Self {
        Core {
            closer: Closer::new(hub),
            schema: Arc::default(),
            totals: Vec::new(),
            cells: CollectorStats::at_rest(),
            own: SetTotals::new(0),
            averages: Averages::new(start.settings.constants.clone()),
            history,
            cut: start.at(),
            drained: start.at(),
            first: 1,
            extremes: Gathered::default(),
            last: start,
            wall: std::time::SystemTime::UNIX_EPOCH,
            ticking: Duration::ZERO,
        }
    }

    fn tick(&mut self, inner: &Inner) -> Arc<Snapshot> {
        let started = inner.clock.now();
        let snapshot = match self.close(inner, started) {
            Ok(span) => self.publish(inner, span),
            Err(_) => self.repeat(inner),
        };
        let snapshot = Arc::new(snapshot);
        inner.published.store(snapshot.clone());
        inner.changed.notify(usize::MAX);
        self.ticking = inner.clock.now().saturating_sub(started);
        snapshot
    }

    /// Closes the open epoch and adds up what it holds, without publishing it.
    fn close(&mut self, inner: &Inner, now: Duration) -> Result<Span, Stuck> {
        if !self.closer.is_pending() {
            self.cut = now;
            self.wall = inner.clock.wall();
            self.take_over(inner);
            self.totals.iter_mut().for_each(|totals| totals.prepare());
        }
        let epoch = self.closer.close(inner.patience)?;
        let span = Span { first: self.first, last: epoch, at: self.cut };
        // Again: what was recorded in this epoch on something new, was recorded after its registration.
        self.take_over(inner);
        self.averages.begin(self.cut, self.cut.saturating_sub(self.drained));
        self.drained = self.cut;
        let mut tick = Tick { span, averages: &self.averages, extremes: &mut self.extremes };
        let totals = &mut self.totals;
        self.closer.drain(span.last, |place, block, quiet| {
            // A place that is newer than this has nothing in this epoch.
            if let Some(totals) = totals.get_mut(place - 1) {
                totals.drain(block, quiet, &mut tick);
            }
        });
        self.totals.iter_mut().for_each(|totals| totals.settle(&mut tick));
        Ok(span)
    }

    /// Takes over the totals of what has been registered since the last call.
    fn take_over(&mut self, inner: &Inner) {
        let (schema, fresh) = inner.take_fresh();
        self.totals.extend(fresh);
        self.schema = schema;
    }

    /// The snapshot of all epochs that were closed since the one before.
    fn publish(&mut self, inner: &Inner, span: Span) -> Snapshot {
        self.first = span.last + 1;
        let interval = self.cut.saturating_sub(self.last.at());
        self.averages.begin(self.cut, interval);
        let mut extremes = std::mem::take(&mut self.extremes);
        let mut tick = Tick { span, averages: &self.averages, extremes: &mut extremes };
        let published: Vec<_> =
            self.totals.iter_mut().map(|totals| totals.publish(&mut tick)).collect();
        self.cells.ticks.inc();
        let parts = std::iter::once(self.publish_own(span, &mut extremes)).chain(published);
        let cut = Snapshot {
            registry: inner.hub.id(),
            span,
            wall: self.wall,
            interval,
            stale: false,
            parts: parts.collect(),
            schema: self.schema.clone(),
            settings: self.last.settings.clone(),
            history: Stretches::default(),
            held: Arc::default(),
        };
        let from = std::mem::replace(&mut self.last, Arc::new(cut));
        let past = self.totals.iter().map(|totals| totals.bytes()[1]).sum();
        let history = self.history.add(from, self.cut, &mut extremes, past);
        self.extremes = extremes;
        Snapshot { history, ..Snapshot::clone(&self.last) }
    }

    /// The last snapshot again, because a writer is stuck.
    fn repeat(&mut self, inner: &Inner) -> Snapshot {
        let mut snapshot = Snapshot::clone(&inner.published.load());
        snapshot.stale = true;
        self.cells.stale.inc();
        // Its extremes belong to no stretch: the last one is published already.
        let own = self.publish_own(snapshot.span, &mut Gathered::default());
        if snapshot.parts.is_empty() {
            // Not one cut could be made yet.
            snapshot.schema = inner.schema();
        }
        let others = snapshot.parts.iter().skip(1).cloned();
        snapshot.parts = std::iter::once(own).chain(others).collect();
        snapshot
    }

    fn publish_own(&mut self, span: Span, extremes: &mut Gathered) -> Part {
        let cells = &self.cells;
        let nanos = u64::try_from(self.ticking.as_nanos()).unwrap_or(u64::MAX);
        if nanos > 0 {
            cells.tick_time.add(nanos);
            cells.last_tick.observe(nanos);
        }
        cells.waits.add(self.closer.take_waits());
        cells.shards.set(self.closer.shards() as i64);
        let entries: usize = self.totals.iter().map(|totals| totals.entries()).sum();
        cells.entries.set(entries as i64);
        let bytes = self.totals.iter().map(|totals| totals.bytes());
        let [bytes, past] = bytes.fold([0; 2], |sum, next| [sum[0] + next[0], sum[1] + next[1]]);
        let gathered = self.extremes.bytes() + extremes.bytes();
        cells.memory.set((bytes + self.history.bytes() + gathered + self.closer.bytes()) as i64);
        cells.history.set(self.history.len() as i64);
        cells.history_memory.set((past + self.history.bytes()) as i64);
        let mut tick = Tick { span, averages: &self.averages, extremes };
        self.own.add(cells, &mut tick);
        self.own.publish(&mut tick)
    }
}

impl Collector {
    pub(crate) fn new(inner: Option<Arc<Inner>>) -> Result<Self, CollectError> {
        let core = match &inner {
            None => None,
            Some(inner) => Some(crate::lock(&inner.core).take().ok_or(CollectError::Collecting)?),
        };
        Ok(Collector { inner, core })
    }

    /// Makes a cut and publishes it: every fact that is over before this call is in the snapshot it returns, unless the
    /// tick before was stale.
    ///
    /// Waits for threads that are inside a fact, but no longer than the registry's patience; then the last cut is
    /// published again, marked [stale](Snapshot::is_stale), and the next tick goes on with the same epoch: what was
    /// recorded after the stale tick is in the snapshot after that.
    pub fn tick(&mut self) -> Arc<Snapshot> {
        let Some(inner) = &self.inner else { return crate::reader::nothing() };
        // Out of its place meanwhile: should a tick panic, its totals are not whole and must not be handed on. Whoever
        // goes on all the same gets what was published last.
        let Some(mut core) = self.core.take() else { return inner.published.load_full() };
        let snapshot = core.tick(inner);
        self.core = Some(core);
        snapshot
    }

    /// Closes an epoch without publishing a snapshot: what waits in queues is applied, questions to reducers are answered, and
    /// numbers are added up until the next tick shows them. [`run`](Self::run) and the collector's own thread do this when
    /// a queue fills or a question was put; who ticks by hand may do it as often as is good.
    pub fn pump(&mut self) {
        let Some(inner) = &self.inner else { return };
        inner.wake.take();
        let Some(mut core) = self.core.take() else { return };
        // A thread that stays inside a fact holds this up as it does a tick, which will go on with the same epoch.
        let now = inner.clock.now();
        let _stuck = core.close(inner, now);
        self.core = Some(core);
    }

    /// What asks for [`pump`](Self::pump); `None` in a disabled registry.
    pub(crate) fn wake(&self) -> Option<Arc<Wake>> {
        self.inner.as_ref().map(|inner| inner.wake.clone())
    }

    /// Ticks for ever, after each `sleep(interval)`: on any runtime, whose timer the caller passes in. Drop the future to
    /// stop; that makes the last tick.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// let registry = tallybook::Registry::new();
    /// let collector = registry.collector()?;
    /// let collecting = tokio::spawn(collector.run(Duration::from_millis(500), tokio::time::sleep));
    /// let snapshot = registry.reader().next(0).await;
    /// assert_eq!(snapshot.epoch(), 1);
    /// collecting.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<T: Future>(
        mut self,
        interval: Duration,
        mut sleep: impl FnMut(Duration) -> T,
    ) {
        let wake = self.wake();
        loop {
            let mut sleeping = pin!(sleep(interval));
            while !is_over_or_asked(sleeping.as_mut(), wake.as_deref()).await {
                self.pump();
            }
            self.tick();
        }
    }
}

/// Waits until `sleeping` is over, and answers `true`; or `false` if the collector is wanted before.
async fn is_over_or_asked<T>(
    mut sleeping: Pin<&mut impl Future<Output = T>>,
    wake: Option<&Wake>,
) -> bool {
    let mut listener = wake.map(Wake::listen);
    poll_fn(|cx| {
        if sleeping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        let (Some(wake), Some(listening)) = (wake, &mut listener) else { return Poll::Pending };
        loop {
            if wake.take() {
                return Poll::Ready(false);
            }
            ready!(Pin::new(&mut *listening).poll(cx));
            *listening = wake.listen();
        }
    })
    .await
}

impl Drop for Collector {
    fn drop(&mut self) {
        let is_pending =
            |core: &Option<Box<Core>>| core.as_ref().map(|core| core.closer.is_pending());
        let Some(was_pending) = is_pending(&self.core) else { return };
        self.tick();
        if was_pending && is_pending(&self.core) == Some(false) {
            // That finished an old epoch; this closes the one that has been open since.
            self.tick();
        }
        if let (Some(inner), Some(core)) = (&self.inner, self.core.take()) {
            *crate::lock(&inner.core) = Some(core);
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}
