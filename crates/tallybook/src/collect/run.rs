//! Collecting as a future, on any runtime.
//!
//! One unit of work is done at a time, a tick or one closed epoch, and then it is the runtime's
//! turn: so timers fire, other tasks run and the future can be aborted, however much there is to
//! do.

use super::collector::{Collector, brief};
use super::core::Closing;
use crate::event::Wake;
use crate::phase::Patience;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// How long the pauses are between two looks at a thread that is inside a fact: the first, and the
/// longest while a tick waits and while none does.
const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(2);
pub(crate) const RETRY: Duration = Duration::from_millis(20);

/// Why the collector goes on.
enum Woken {
    /// The time is over.
    Due,
    /// The collector is wanted before, or it is time to look again at what holds it up.
    Asked,
}

impl Collector {
    /// Ticks after each `sleep(interval)` and never returns: on any runtime, whose timer the caller
    /// passes in. Drop the future to stop; that makes the last tick, as dropping the collector
    /// does, which may block for up to the registry's
    /// [`shutdown_timeout`](crate::registry::RegistryBuilder::shutdown_timeout) if a thread is
    /// inside a fact.
    ///
    /// While it runs it blocks for no longer than a tenth of a millisecond: it waits for threads
    /// inside a fact with `sleep` too, and lets other tasks run between any two ticks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// let registry = tallybook::Registry::new();
    /// let collector = registry.collector()?;
    /// let collecting = tokio::spawn(collector.run(Duration::from_millis(500), tokio::time::sleep));
    /// let snapshot = registry.reader().next(0).await?;
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
            let mut retry = FIRST;
            loop {
                let pause = self.is_held_up().then(|| sleep(retry));
                match woken(sleeping.as_mut(), pause, wake.as_deref()).await {
                    Woken::Due => break,
                    Woken::Asked if self.attend() => retry = FIRST,
                    Woken::Asked => retry = retry.saturating_mul(2).min(RETRY),
                }
                yield_now().await;
            }
            self.tick_later(&mut sleep).await;
            yield_now().await;
        }
    }

    /// As [`tick`](Self::tick), without blocking.
    async fn tick_later<T: Future>(&mut self, sleep: &mut impl FnMut(Duration) -> T) {
        let Some(state) = &self.state else { return };
        let limit = state.context.patience;
        let patience = Patience::new(limit);
        let Some(started) = self.with(|core, context| core.now(context)) else { return };
        let mut closing = Closing::tick();
        let (mut waited, mut pause) = (Duration::ZERO, FIRST);
        let is_whole = loop {
            let mut brief = brief(limit);
            match self.with(|core, context| core.close(context, &mut closing, &mut brief)) {
                None => return,
                Some(Ok(())) => break true,
                Some(Err(stuck)) if waited >= patience.limit(stuck.crowd) => break false,
                Some(Err(_)) => {}
            }
            sleep(pause).await;
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST);
        };
        self.with(|core, context| core.end_tick(context, started, closing, is_whole));
    }
}

/// Waits until `sleeping` is over, or until something is to be done before: the pause is over, if
/// there is one, or else the collector is asked for.
async fn woken<T: Future>(
    mut sleeping: Pin<&mut T>,
    pause: Option<T>,
    wake: Option<&Wake>,
) -> Woken {
    let is_held_up = pause.is_some();
    let mut pausing = pin!(async {
        match pause {
            Some(pause) => _ = pause.await,
            None => std::future::pending().await,
        }
    });
    // Made before the look that finds nothing, so no notification falls between.
    let mut listener = wake.map(Wake::listen);
    poll_fn(|cx| {
        if sleeping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Woken::Due);
        }
        if is_held_up {
            return pausing.as_mut().poll(cx).map(|()| Woken::Asked);
        }
        let (Some(wake), Some(listening)) = (wake, &mut listener) else { return Poll::Pending };
        while !wake.is_asked() {
            if Pin::new(&mut *listening).poll(cx).is_pending() {
                return Poll::Pending;
            }
            *listening = wake.listen();
        }
        Poll::Ready(Woken::Asked)
    })
    .await
}

/// Gives the runtime a turn.
async fn yield_now() {
    let mut is_over = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
