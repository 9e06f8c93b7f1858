//! [`Ticker`]: a thread of the collector's own.

use crate::collector::Collector;
use crate::error::{CollectError, CollectorPanicked};
use crate::events::Wake;
use event_listener::Listener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Ticks a registry at an interval, in a thread. Dropping it stops the thread at once and waits for its last exact cut,
/// which may follow a regular one so closely that a waiting reader sees the last one only.
#[derive(Debug)]
#[must_use = "the thread stops when this is dropped"]
pub struct Ticker {
    /// `None` when it has stopped, and in a disabled registry.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: Arc<Stop>,
    wake: Arc<Wake>,
    thread: JoinHandle<()>,
}

/// Whether to stop; whoever changes it notifies the collector's [`Wake`].
type Stop = AtomicBool;

/// What the thread waits for.
enum Woken {
    /// The time is over.
    Due,
    /// The collector is wanted before.
    Asked,
    Stopped,
}

/// Waits until `deadline`, for ever if that is beyond all time.
fn wait_until(deadline: Option<Instant>, stop: &Stop, wake: &Wake) -> Woken {
    loop {
        let listener = wake.listen();
        // Relaxed: the notification brings its own fence, and so does listening.
        if stop.load(Relaxed) {
            return Woken::Stopped;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Woken::Due;
        }
        if wake.take() {
            return Woken::Asked;
        }
        match deadline {
            Some(deadline) => drop(listener.wait_deadline(deadline)),
            None => listener.wait(),
        }
    }
}

impl Ticker {
    pub(crate) fn start(collector: Collector, interval: Duration) -> Result<Self, CollectError> {
        if interval.is_zero() {
            return Err(CollectError::ZeroInterval);
        }
        let Some(wake) = collector.wake() else { return Ok(Ticker { running: None }) };
        let stop = Arc::new(Stop::default());
        let (stopped, woken) = (stop.clone(), wake.clone());
        let thread = std::thread::Builder::new()
            .name("tallybook".to_owned())
            .spawn(move || tick_until(&stopped, &woken, collector, interval))
            .map_err(CollectError::Thread)?;
        Ok(Ticker { running: Some(Running { stop, wake, thread }) })
    }

    /// Stops the thread and waits for its last exact cut, as dropping does.
    ///
    /// # Errors
    /// If the thread has panicked.
    pub fn stop(mut self) -> Result<(), CollectorPanicked> {
        self.join()
    }

    fn join(&mut self) -> Result<(), CollectorPanicked> {
        let Some(Running { stop, wake, thread }) = self.running.take() else { return Ok(()) };
        stop.store(true, Relaxed);
        wake.notify();
        thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            CollectorPanicked(text.unwrap_or_else(|| "no message".to_owned()))
        })
    }
}

/// Ticks at multiples of the interval; those that are over already are left out.
fn tick_until(stop: &Stop, wake: &Wake, mut collector: Collector, interval: Duration) {
    let mut next = Some(Instant::now());
    loop {
        next =
            next.and_then(|next| next.checked_add(interval)).map(|next| next.max(Instant::now()));
        loop {
            match wait_until(next, stop, wake) {
                Woken::Due => break,
                Woken::Asked => collector.pump(),
                // Dropping the collector makes the last cut.
                Woken::Stopped => return,
            }
        }
        collector.tick();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Err(panicked) = self.join()
            && !std::thread::panicking()
        {
            panic!("{panicked}");
        }
    }
}
