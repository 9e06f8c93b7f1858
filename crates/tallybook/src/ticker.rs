//! [`Ticker`]: a thread of the collector's own.

use crate::collector::Collector;
use crate::error::{CollectError, CollectorPanicked};
use std::sync::{Arc, Condvar, Mutex};
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
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn ask(&self) {
        *crate::lock(&self.asked) = true;
        self.changed.notify_all();
    }

    /// Waits until `deadline`, for ever if that is beyond all time; `true` if it was asked for.
    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let mut asked = crate::lock(&self.asked);
        loop {
            let left = deadline.map_or(Duration::MAX, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if *asked || left.is_zero() {
                return *asked;
            }
            let woken = self.changed.wait_timeout(asked, left);
            asked = woken.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

impl Ticker {
    pub(crate) fn start(collector: Collector, interval: Duration) -> Result<Self, CollectError> {
        if interval.is_zero() {
            return Err(CollectError::ZeroInterval);
        }
        if collector.is_disabled() {
            return Ok(Ticker { running: None });
        }
        let stop = Arc::new(Stop::default());
        let asked = stop.clone();
        let thread = std::thread::Builder::new()
            .name("tallybook".to_owned())
            .spawn(move || tick_until(&asked, collector, interval))
            .map_err(CollectError::Thread)?;
        Ok(Ticker { running: Some(Running { stop, thread }) })
    }

    /// Stops the thread and waits for its last exact cut, as dropping does.
    ///
    /// # Errors
    /// If the thread has panicked.
    pub fn stop(mut self) -> Result<(), CollectorPanicked> {
        self.join()
    }

    fn join(&mut self) -> Result<(), CollectorPanicked> {
        let Some(Running { stop, thread }) = self.running.take() else { return Ok(()) };
        stop.ask();
        thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            CollectorPanicked(text.unwrap_or_else(|| "no message".to_owned()))
        })
    }
}

/// Ticks at multiples of the interval; those that are over already are left out.
fn tick_until(stop: &Stop, mut collector: Collector, interval: Duration) {
    let mut next = Some(Instant::now());
    loop {
        next =
            next.and_then(|next| next.checked_add(interval)).map(|next| next.max(Instant::now()));
        if stop.wait_until(next) {
            // Dropping the collector makes the last cut.
            return;
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
