//! [`Ticker`]: a thread of the collector's own.

use super::collector::Collector;
use super::cuts::Cut;
use super::run::RETRY;
use super::state::State;
use crate::error::{CollectError, StopError};
use crate::event::Wake;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Ticks a registry at an interval, in a thread. Dropping it stops the thread at once and waits for
/// its last exact cut, which may follow a regular one so closely that a waiting reader sees the
/// last one only.
///
/// A ticker that is thrown away collects nothing: `registry.collect_every(interval)?;` is a
/// compiler warning, but `let _ = registry.collect_every(interval)?;` drops it at once without one,
/// unless the lint `let_underscore_drop` or clippy's `let_underscore_must_use` is on. Then
/// [`Reader::is_collected`](crate::Reader::is_collected) is `false`, and waiting for a snapshot is
/// an error. Bind it to a name: `let _ticker = ...`.
#[must_use = "the collecting stops when the ticker is dropped: bind it to a name, such as `_ticker`"]
pub struct Ticker {
    /// `None` when it has stopped, and in a disabled registry.
    running: Option<Running>,
}

struct Running {
    stop: Arc<Stop>,
    state: Arc<State>,
    thread: JoinHandle<Result<(), StopError>>,
}

/// Whether to stop; a change is followed by a notification of the collector's [`Wake`].
type Stop = AtomicBool;

/// After which time a thread that holds the collector up is first looked at again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// What the thread waits for.
enum Woken {
    /// The time is over.
    Due,
    /// The collector is wanted before.
    Asked,
    Stopped,
}

/// Waits until `deadline`, without end if there is none. Requests are not listened to where
/// a thread holds the collector up: it comes by itself then.
fn wait_until(deadline: Option<Instant>, is_held_up: bool, stop: &Stop, wake: &Wake) -> Woken {
    loop {
        let listener = wake.listen();
        // Relaxed: the signal's lock orders it.
        if stop.load(Relaxed) {
            return Woken::Stopped;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Woken::Due;
        }
        if !is_held_up && wake.is_asked() {
            return Woken::Asked;
        }
        listener.wait_until(deadline);
    }
}

impl Ticker {
    pub(crate) fn start(collector: Collector, interval: Duration) -> Result<Self, CollectError> {
        if interval.is_zero() {
            return Err(CollectError::ZeroInterval);
        }
        let Some(state) = collector.state.clone() else { return Ok(Ticker { running: None }) };
        let stop = Arc::new(Stop::default());
        let (stopped, wake) = (stop.clone(), state.context.wake.clone());
        let thread = std::thread::Builder::new()
            .name("tallybook".to_owned())
            .spawn(move || tick_until(&stopped, &wake, collector, interval))
            .map_err(CollectError::Thread)?;
        Ok(Ticker { running: Some(Running { stop, state, thread }) })
    }

    /// A cut between two ticks, for the caller alone: as [`Registry::cut`](crate::Registry::cut).
    pub fn cut(&self) -> Cut {
        self.running.as_ref().map_or_else(Cut::refused, |running| running.state.context.cut())
    }

    /// Stops the thread and waits for its last exact cut, as dropping does.
    ///
    /// Where a thread is inside a fact, that takes up to the registry's
    /// [`shutdown_timeout`](crate::registry::RegistryBuilder::shutdown_timeout).
    ///
    /// # Errors
    /// [`StopError::Incomplete`] if a thread stayed inside a fact for longer than that;
    /// [`StopError::Panicked`] if the collector's thread has panicked.
    pub fn stop(mut self) -> Result<(), StopError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), StopError> {
        let Some(Running { stop, state, thread }) = self.running.take() else { return Ok(()) };
        stop.store(true, Relaxed);
        state.context.wake.notify();
        thread.join().unwrap_or_else(|panic| {
            Err(StopError::Panicked(crate::support::user::message(&*panic).to_owned()))
        })
    }
}

/// Ticks at multiples of the interval; those that are over already are left out. What a thread
/// holds up is looked at again in between.
fn tick_until(
    stop: &Stop,
    wake: &Wake,
    mut collector: Collector,
    interval: Duration,
) -> Result<(), StopError> {
    let mut next = Some(Instant::now());
    loop {
        next =
            next.and_then(|next| next.checked_add(interval)).map(|next| next.max(Instant::now()));
        let mut pause = FIRST_PAUSE;
        loop {
            let is_held_up = collector.is_held_up();
            let retry = Instant::now().checked_add(pause).filter(|_| is_held_up);
            let is_before = |retry: &Instant| next.is_none_or(|next| *retry < next);
            let retry = retry.filter(is_before);
            match wait_until(retry.or(next), is_held_up, stop, wake) {
                Woken::Due if retry.is_none() => break,
                Woken::Due | Woken::Asked if collector.attend() => pause = FIRST_PAUSE,
                Woken::Due | Woken::Asked => pause = pause.saturating_mul(2).min(RETRY),
                Woken::Stopped => return collector.stop().map(drop),
            }
        }
        collector.tick();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        match self.join() {
            Err(StopError::Panicked(message)) if !std::thread::panicking() => {
                panic!("the collector's thread panicked: {message}");
            }
            // The last snapshot says whether it is whole.
            _ => {}
        }
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_running = self.running.as_ref().is_some_and(|running| !running.thread.is_finished());
        f.debug_struct("Ticker").field("is_running", &is_running).finish_non_exhaustive()
    }
}
