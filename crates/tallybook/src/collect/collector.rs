//! [`Collector`]: the only owner of totals. Closes epochs, adds them up, publishes snapshots.

use super::context::Context;
use super::core::{Closing, Core};
use super::state::State;
use crate::error::{CollectError, StopError, WaitError};
use crate::event::Wake;
use crate::phase::Patience;
use crate::read::Snapshot;
use crate::support::lock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Closes epochs and publishes what they held. There is at most one per registry at a time.
///
/// Tick it by hand, [`run`](Self::run) it on any runtime, or let
/// [`Registry::collect_every`](crate::Registry::collect_every) give it a thread. Dropping it makes
/// a last tick, as [`stop`](Self::stop) does, so that everything recorded before is in the last
/// snapshot.
///
/// User code that runs in a tick (reducers, questions, callbacks, clocks, wakers, the `Drop` of
/// keys, events and states) may panic: the panic is caught and counted, and ends only the call that
/// it happened in. See [`Snapshot::panics`].
pub struct Collector {
    pub(super) state: Option<Arc<State>>,
    core: Option<Box<Core>>,
}

impl Collector {
    pub(crate) fn new(state: Option<Arc<State>>) -> Result<Self, CollectError> {
        let core = match &state {
            None => None,
            Some(state) => Some(lock(&state.core).take().ok_or(CollectError::Collecting)?),
        };
        if let Some(state) = &state {
            state.context.published.set_collected(true);
        }
        Ok(Collector { state, core })
    }

    /// Makes a cut and publishes it: every fact that is over before this call is in the snapshot it
    /// returns, unless that is marked [stale](Snapshot::is_stale).
    ///
    /// Waits for threads that are inside a fact, but no longer than the registry's
    /// [patience](crate::registry::RegistryBuilder::patience). If one of them stays inside, an
    /// older cut is published, as stale; the next tick waits for that thread first, and then makes
    /// a cut of its own.
    pub fn tick(&mut self) -> Arc<Snapshot> {
        let Some(state) = &self.state else { return Snapshot::nothing() };
        let mut patience = Patience::new(state.context.patience);
        let ticked = self.with(|core, context| {
            let (snapshot, _) = core.tick(context, &mut patience);
            core.answer(context, &mut brief(context.patience));
            snapshot
        });
        ticked.unwrap_or_else(|| self.published())
    }

    /// Makes a cut and returns it without publishing it, as [`Registry::cut`](crate::Registry::cut)
    /// does where somebody else has the collector.
    ///
    /// Waits as long as [`tick`](Self::tick) does.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] if a thread stayed inside a fact for longer;
    /// [`WaitError::NotCollected`] if the registry is disabled.
    pub fn cut(&mut self) -> Result<Arc<Snapshot>, WaitError> {
        let Some(state) = &self.state else { return Err(WaitError::NotCollected) };
        let mut patience = Patience::new(state.context.patience);
        // The cut of a tick that was held up is published first, as it would be without this.
        let cut = self.with(|core, context| {
            let is_free = core.retry(context, &mut patience);
            let cut = || core.cut(context, &mut Closing::unpublished(), &mut patience).ok();
            is_free.then(cut).flatten().ok_or(WaitError::TimedOut)
        });
        cut.unwrap_or(Err(WaitError::NotCollected))
    }

    /// Closes an epoch without publishing a snapshot: what waits in queues is applied, questions to
    /// reducers are answered, and numbers are added up until the next tick shows them.
    /// [`run`](Self::run) and the collector's own thread do this when a queue fills or a question
    /// was put; a program that ticks by hand may call it as often as it likes.
    ///
    /// Waits as long as [`tick`](Self::tick) does. Returns `false` if a thread stayed inside a fact
    /// for longer; then the next call, or the next tick, continues with it.
    pub fn close_epoch(&mut self) -> bool {
        let Some(state) = &self.state else { return true };
        let mut patience = Patience::new(state.context.patience);
        let mut closing = Closing::unpublished();
        self.with(|core, context| core.close(context, &mut closing, &mut patience).is_ok())
            .unwrap_or(true)
    }

    /// Serves pending requests, and retries an epoch that is held up. Waits for so short a time
    /// that it may be called from a task. Returns whether no epoch is held up.
    pub(crate) fn attend(&mut self) -> bool {
        self.with(|core, context| core.retry(context, &mut brief(context.patience))).unwrap_or(true)
    }

    /// Whether an epoch is held up by a thread that is still inside a fact.
    pub(crate) fn is_held_up(&self) -> bool {
        self.core.as_ref().is_some_and(|core| core.is_held_up())
    }

    /// Makes the last tick and stops collecting; another collector may continue.
    ///
    /// Waits for threads that are inside a fact for as long as the registry's
    /// [`shutdown_timeout`](crate::registry::RegistryBuilder::shutdown_timeout) says, 5 seconds by
    /// default. Dropping the collector does the same, and then only [`Snapshot::is_stale`] tells
    /// whether the last snapshot is whole.
    ///
    /// # Errors
    /// [`StopError::Incomplete`] if a thread stayed inside a fact for longer: the last snapshot is
    /// an older cut, marked stale.
    pub fn stop(mut self) -> Result<Arc<Snapshot>, StopError> {
        self.finish()
    }

    /// What [`stop`](Self::stop) does; nothing if it has been done.
    fn finish(&mut self) -> Result<Arc<Snapshot>, StopError> {
        let Some(state) = self.state.clone() else { return Ok(Snapshot::nothing()) };
        let timeout = state.context.shutdown_timeout;
        let mut patience = Patience::exactly(timeout);
        let last = self.with(|core, context| {
            let last = core.tick(context, &mut patience);
            core.end_collecting(context);
            last
        });
        let stopped = match last {
            Some((_, false)) => Err(StopError::Incomplete { timeout }),
            Some((snapshot, true)) => Ok(snapshot),
            None => {
                state.context.end_collecting();
                Ok(self.published())
            }
        };
        self.state = None;
        // Last: from here on there may be another collector.
        if let Some(core) = self.core.take() {
            *lock(&state.core) = Some(core);
        }
        stopped
    }

    /// Calls `f` with the core, which is taken out of its place during the call: if this library
    /// panics in a tick, the totals are not whole and must not be reused. `None` if that has
    /// happened, and in a disabled registry.
    pub(super) fn with<T>(&mut self, f: impl FnOnce(&mut Core, &Context) -> T) -> Option<T> {
        let (state, mut core) = (self.state.as_ref()?, self.core.take()?);
        let result = f(&mut core, &state.context);
        self.core = Some(core);
        Some(result)
    }

    /// What was published last.
    fn published(&self) -> Arc<Snapshot> {
        let load = |state: &Arc<State>| state.context.published.latest.load_full();
        self.state.as_ref().map_or_else(Snapshot::nothing, load)
    }

    /// What asks for [`close_epoch`](Self::close_epoch); `None` in a disabled registry.
    pub(crate) fn wake(&self) -> Option<Arc<Wake>> {
        self.state.as_ref().map(|state| state.context.wake.clone())
    }
}

/// No longer than the preemption of a thread takes, which is not waited for.
pub(super) fn brief(patience: Duration) -> Patience {
    Patience::exactly(patience.min(Duration::from_micros(100)))
}

impl Drop for Collector {
    fn drop(&mut self) {
        if self.state.is_some() {
            // `stop` returns the error; the snapshot shows it, too.
            let _told = self.finish();
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}
