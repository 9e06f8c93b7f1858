//! [`Set`]: the handle that records on a set.

use super::open::Open;
use super::recorder::{Record, sealed};
use crate::event::Counted;
use crate::metric::{Openable, Stats};
use crate::phase::{Place, record_block};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A handle to a registered set. Clone it freely and record from any thread.
///
/// Made by [`Registry::set`](crate::Registry::set). It keeps working after the registry and its collector are gone; what
/// it records then is simply not collected.
pub struct Set<S> {
    place: Place,
    stats: PhantomData<fn() -> S>,
}

impl<S> Clone for Set<S> {
    fn clone(&self) -> Self {
        Set { place: self.place.clone(), stats: PhantomData }
    }
}

impl<S> fmt::Debug for Set<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").field("name", &self.place.name()).finish_non_exhaustive()
    }
}

impl<S: Stats> Set<S> {
    pub(crate) fn new(place: Place) -> Self {
        Set { place, stats: PhantomData }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The name it was registered under; empty in a disabled registry.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// Records one fact: everything that `fact` changes is in a snapshot entirely or not at all.
    ///
    /// A fact inside a fact of the same registry joins it: they are one. If `fact` panics, what it changed up to there
    /// stays recorded and the panic goes on. In a disabled registry `fact` is not called.
    ///
    /// Never waits for another thread, except on a thread's first fact on this set, which allocates and takes two locks for
    /// a moment. After that it allocates only where a histogram's values spread further than before.
    ///
    /// # Read first, then record
    /// A fact belongs to the moment it begins. What the closure learns from another thread while it runs, by an atomic, a
    /// lock or a channel, may be newer than that: the other thread's own fact may then be in a later cut than this one, and
    /// a snapshot in between shows the effect without its cause. So read what you need before the call. Nor should a closure
    /// wait for another thread: the cut cannot be finished while it runs.
    ///
    /// # Facts out of the memory allocator
    /// A global allocator may record what it does. A fact that comes out of it while this library works for another fact,
    /// and one of an event's `key`, `coalesce`, or its key's `Hash` and `Eq`, is a fact of its own: counted exactly, but not
    /// joined to the one around it. An allocator should have a guard against recursion, as always; the facts of one that has
    /// none are refused where they would never end, and counted in
    /// [`CollectorStats::refused`](crate::collector::CollectorStats::refused).
    ///
    /// ```
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Requests {
    ///     received: Counter,
    ///     #[stats(unit = "bytes")]
    ///     body: Counter,
    /// }
    ///
    /// let registry = Registry::new();
    /// let requests = registry.set::<Requests>("requests")?;
    /// requests.record(|r| {
    ///     r.received.inc();
    ///     r.body.add(512);
    /// });
    /// # Ok::<(), tallybook::error::RegisterError>(())
    /// ```
    #[inline(always)]
    pub fn record(&self, fact: impl FnOnce(&S)) {
        record_block(&self.place, fact);
    }

    /// Counts an event, as one fact, without sending it to anyone. To do both in one fact, write
    /// `set.record(|s| { event.count(s); sender.send(event) })`: see [`Counted`].
    ///
    /// ```
    /// use tallybook::{Counter, Event, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Requests {
    ///     received: Counter,
    ///     #[stats(unit = "bytes")]
    ///     body: Counter,
    /// }
    ///
    /// #[derive(Event)]
    /// #[event(stats = "Requests")]
    /// enum RequestEvent {
    ///     #[event(count(received, body = bytes))]
    ///     Received { bytes: u64 },
    /// }
    ///
    /// let registry = Registry::new();
    /// let requests = registry.set::<Requests>("requests")?;
    /// requests.count(&RequestEvent::Received { bytes: 512 });
    /// # Ok::<(), tallybook::error::RegisterError>(())
    /// ```
    #[inline(always)]
    pub fn count(&self, event: &impl Counted<Stats = S>) {
        self.record(|stats| event.count(stats));
    }

    /// Counts an opening now, and its closing when the guard drops, wherever that is.
    ///
    /// `field` is one of the constants that the derive makes for fields of type `Live` or `TimedLive`, or a closure for those in nested
    /// sets: `|s: &Relay| &s.roles[Role::Publisher].sessions`.
    ///
    /// ```
    /// use tallybook::{Live, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Server {
    ///     connections: Live,
    /// }
    ///
    /// let registry = Registry::new();
    /// let server = registry.set::<Server>("server")?;
    /// let mut collector = registry.collector()?;
    ///
    /// let connection = server.open(Server::connections);
    /// assert_eq!(collector.tick().set(&server).connections.live(), 1);
    /// std::thread::spawn(move || drop(connection)).join().unwrap();
    /// assert_eq!(collector.tick().set(&server).connections.live(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn open<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<Self, F, L> {
        Open::new(self.clone(), field)
    }

    /// Like [`open`](Set::open), with a guard that borrows the handle: it saves the shared reference count.
    #[inline(always)]
    pub fn open_borrowed<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<&Self, F, L> {
        Open::new(self, field)
    }
}

impl<S> sealed::Sealed for Set<S> {}

impl<S: Stats> Record for Set<S> {
    type Stats = S;
    #[inline(always)]
    fn record_fact(&self, fact: impl FnOnce(&S)) {
        self.record(fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        self.place.now()
    }
}
