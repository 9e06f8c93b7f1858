//! [`Signal`]: wakes everything that waits for something to change.
//!
//! Wakers are the user's code. They are taken out of the list and called when the lock is free,
//! each by itself: one that panics harms no other, and one that listens again at once, or drops a
//! listener, blocks on nothing.

use crate::support::user;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Signal(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// How often there was a notification.
    notified: u64,
    /// Those who wait for the next, by the number of their [`Listener`].
    wakers: Vec<(u64, Waker)>,
    /// The number of the listener that began to wait last.
    last: u64,
}

/// Waits for the first notification after it was made.
#[derive(Debug)]
pub(crate) struct Listener {
    signal: Arc<Signal>,
    /// How often there had been one by then.
    notified: u64,
    /// Its number, once it waits.
    number: Option<u64>,
}

impl Signal {
    /// Wakes all that listen by now.
    pub(crate) fn notify(&self) {
        let wakers = {
            let mut waiting = crate::support::lock(&self.0);
            waiting.notified += 1;
            std::mem::take(&mut waiting.wakers)
        };
        for (_, waker) in wakers {
            let _told = user::call(|| waker.wake());
        }
    }

    /// To be called before the look at what may have changed already.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        let notified = crate::support::lock(&self.0).notified;
        Listener { signal: self.clone(), notified, number: None }
    }
}

impl Future for Listener {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Cloned and dropped while the lock is free, as is the memory of the list.
        let mut waker = cx.waker().clone();
        let mut spare = Vec::new();
        let signal = self.signal.clone();
        loop {
            let wanted = {
                let mut waiting = crate::support::lock(&signal.0);
                if waiting.notified != self.notified {
                    return Poll::Ready(());
                }
                let own = |(number, _): &(u64, Waker)| Some(*number) == self.number;
                if let Some(own) = waiting.wakers.iter().position(own) {
                    std::mem::swap(&mut waiting.wakers[own].1, &mut waker);
                    return Poll::Pending;
                }
                let len = waiting.wakers.len();
                if len == waiting.wakers.capacity() && spare.capacity() > len {
                    spare.append(&mut waiting.wakers);
                    std::mem::swap(&mut waiting.wakers, &mut spare);
                }
                if len < waiting.wakers.capacity() {
                    waiting.last += 1;
                    self.number = Some(waiting.last);
                    let number = waiting.last;
                    waiting.wakers.push((number, waker));
                    return Poll::Pending;
                }
                (2 * len).max(4)
            };
            spare = Vec::with_capacity(wanted);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let _waker = {
            let mut waiting = crate::support::lock(&self.signal.0);
            let own = waiting.wakers.iter().position(|(known, _)| *known == number);
            own.map(|own| waiting.wakers.swap_remove(own))
        };
    }
}

/// Blocking.
#[cfg(not(target_family = "wasm"))]
mod blocking {
    use super::Listener;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};
    use std::thread::{self, Thread};
    use std::time::{Duration, Instant};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    impl Listener {
        /// Blocks until there is a notification; `false` if the deadline came first. Without one it
        /// never returns.
        pub(crate) fn wait_until(mut self, deadline: Option<Instant>) -> bool {
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let mut context = Context::from_waker(&waker);
            loop {
                if Pin::new(&mut self).poll(&mut context).is_ready() {
                    return true;
                }
                match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                    Some(Duration::ZERO) => return false,
                    Some(left) => thread::park_timeout(left),
                    None => thread::park(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::task::Wake;
    use std::thread;

    fn poll(listener: &mut Listener, waker: &Waker) -> bool {
        Pin::new(listener).poll(&mut Context::from_waker(waker)).is_ready()
    }

    #[derive(Default)]
    struct Count(AtomicU64);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn each_listener_hears_of_what_comes_after_it() {
        let signal = Arc::new(Signal::default());
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut listeners: Vec<_> = (0..20).map(|_| signal.listen()).collect();
        for listener in &mut listeners {
            assert!(!poll(listener, &waker) && !poll(listener, &waker));
        }
        listeners.truncate(15);
        signal.notify();
        assert_eq!(count.0.load(Relaxed), 15);
        assert!(listeners.iter_mut().all(|listener| poll(listener, &waker)));
        let mut late = signal.listen();
        assert!(!poll(&mut late, &waker));
        drop((late, listeners));
        signal.notify();
        assert_eq!(count.0.load(Relaxed), 15);
    }

    #[test]
    fn a_waker_that_panics_or_listens_harms_nobody() {
        struct Again(Arc<Signal>);
        impl Wake for Again {
            fn wake(self: Arc<Self>) {
                let mut again = self.0.listen();
                assert!(!poll(&mut again, Waker::noop()));
                self.0.notify();
                panic!("not awake");
            }
        }
        let signal = Arc::new(Signal::default());
        let count = Arc::new(Count::default());
        let wakers = [
            Waker::from(count.clone()),
            Waker::from(Arc::new(Again(signal.clone()))),
            Waker::from(count.clone()),
        ];
        let mut listeners = [(); 3].map(|()| signal.listen());
        for (listener, waker) in listeners.iter_mut().zip(&wakers) {
            assert!(!poll(listener, waker));
        }
        signal.notify();
        assert_eq!(count.0.load(Relaxed), 2);
        assert_eq!(user::take_caught(), Some((1, "not awake".into())));
        assert!(listeners.iter_mut().all(|listener| poll(listener, Waker::noop())));
    }

    #[test]
    fn no_notification_is_missed_by_who_listens_before_it_looks() {
        let rounds = if cfg!(miri) { 20 } else { 2_000 };
        let (signal, value) = (Arc::new(Signal::default()), AtomicU64::new(0));
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=rounds {
                    start.wait();
                    value.store(round, Relaxed);
                    signal.notify();
                }
            });
            for round in 1..=rounds {
                start.wait();
                loop {
                    let listener = signal.listen();
                    if value.load(Relaxed) == round {
                        break;
                    }
                    assert!(listener.wait_until(None));
                }
            }
        });
    }
}
