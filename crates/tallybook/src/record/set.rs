//! [`Set`]: the handle that records on a set.

use super::open::{Open, OpenLabel};
use super::recorder::{Record, sealed};
use super::select::Labelled;
use super::timer::{Timer, TimerLabel};
use crate::event::Counted;
use crate::metric::{LabelledField, Openable, Stats, Timed};
use crate::phase::{Place, record_block};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A handle to a registered set. Clone it freely and record from any thread.
///
/// Made by [`Registry::set`](crate::Registry::set). It keeps working after the registry and its
/// collector are dropped; what it records then is not collected.
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
    /// A fact inside a fact of the same registry joins it, and both are one fact. If `fact` panics,
    /// what it changed before remains recorded, and the panic propagates. In a disabled registry
    /// `fact` is not called.
    ///
    /// Recording never waits for another thread, except for a thread's first fact on this set,
    /// which allocates and briefly takes two locks. After that it allocates only when the values of
    /// a histogram spread further than before.
    ///
    /// # Read first, then record
    /// A fact belongs to the moment it begins. What the closure learns from another thread while it
    /// runs, through an atomic, a lock or a channel, may be newer than that: the other thread's own
    /// fact may then be in a later cut than this one, and a snapshot in between shows the effect
    /// without its cause. So read before the call. A closure should not wait for another thread
    /// either, because the cut cannot complete while it runs.
    ///
    /// # Facts in the memory allocator
    /// A global allocator may record facts. A fact that it records while this library works on
    /// another fact is a fact of its own: it is counted exactly, but does not join the fact around
    /// it. The same holds for the facts of an event's `key` and `coalesce`, and of its key's `Hash`
    /// and `Eq`. An allocator should guard against its own recursion, as always; endless recursion
    /// is refused and counted in
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

    /// Counts an event, as one fact, without sending it. To do both in one fact, write
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

    /// Counts an opening now, and its closing when the guard is dropped, on any thread.
    ///
    /// `field` is a constant that the derive makes for each field of type `Live` or `TimedLive`, or
    /// a closure that reaches into nested sets, such as `|s: &Server| &s.http.connections`. See
    /// [`Open`] for the name of the guard's type.
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

    /// Like [`open`](Set::open), with a guard that borrows the handle, which saves the shared
    /// reference count.
    #[inline(always)]
    pub fn open_borrowed<L: Openable, F: Fn(&S) -> &L>(&self, field: F) -> Open<&Self, F, L> {
        Open::new(self, field)
    }

    /// Like [`open`](Set::open), for a field under a value of a label.
    ///
    /// `field` is a constant that the derive makes for each `PerLabel` of a `Live` or a
    /// `TimedLive`, or a closure without captures that reaches into nested sets.
    ///
    /// ```
    /// use tallybook::record::OpenLabel;
    /// use tallybook::{Label, Live, PerLabel, Registry, Set, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Relay {
    ///     sessions: PerLabel<Role, Live>,
    ///     streams: PerLabel<Role, Streams>,
    /// }
    ///
    /// #[derive(Stats)]
    /// struct Streams {
    ///     open: Live,
    /// }
    ///
    /// #[derive(Clone, Copy, Label)]
    /// enum Role {
    ///     Publisher,
    ///     Subscriber,
    /// }
    ///
    /// struct Session {
    ///     session: OpenLabel<Set<Relay>, Role>,
    ///     stream: OpenLabel<Set<Relay>, Role>,
    /// }
    ///
    /// let registry = Registry::new();
    /// let relay = registry.set::<Relay>("relay")?;
    /// let session = Session {
    ///     session: relay.open_label(Relay::sessions, Role::Publisher),
    ///     stream: relay.open_label(|relay, role| &relay.streams[role].open, Role::Subscriber),
    /// };
    /// let mut collector = registry.collector()?;
    /// assert_eq!(collector.tick().set(&relay).sessions[Role::Publisher].live(), 1);
    /// drop(session);
    /// assert_eq!(collector.tick().set(&relay).sessions[Role::Publisher].live(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn open_label<K: Copy, L: Openable>(
        &self,
        field: LabelledField<S, K, L>,
        label: K,
    ) -> OpenLabel<Self, K, L> {
        Open::new(self.clone(), Labelled::new(field, label))
    }

    /// Like [`open_label`](Set::open_label), with a guard that borrows the handle.
    #[inline(always)]
    pub fn open_label_borrowed<K: Copy, L: Openable>(
        &self,
        field: LabelledField<S, K, L>,
        label: K,
    ) -> OpenLabel<&Self, K, L> {
        Open::new(self, Labelled::new(field, label))
    }

    /// Starts a timer, which records the duration up to its end on a `Histogram<Duration>`. See
    /// [`Timer`].
    ///
    /// `field` is a constant that the derive makes for each field of type `Histogram<Duration>`, or
    /// a closure that reaches into nested sets.
    #[inline]
    pub fn timer<H: Timed, F: Fn(&S) -> &H>(&self, field: F) -> Timer<Self, F, H> {
        Timer::new(self.clone(), field)
    }

    /// Like [`timer`](Set::timer), with a timer that borrows the handle.
    #[inline]
    pub fn timer_borrowed<H: Timed, F: Fn(&S) -> &H>(&self, field: F) -> Timer<&Self, F, H> {
        Timer::new(self, field)
    }

    /// Like [`timer`](Set::timer), for a histogram under a value of a label. `field` is as for
    /// [`open_label`](Set::open_label).
    #[inline]
    pub fn timer_label<K: Copy, H: Timed>(
        &self,
        field: LabelledField<S, K, H>,
        label: K,
    ) -> TimerLabel<Self, K, H> {
        Timer::new(self.clone(), Labelled::new(field, label))
    }

    /// Like [`timer_label`](Set::timer_label), with a timer that borrows the handle.
    #[inline]
    pub fn timer_label_borrowed<K: Copy, H: Timed>(
        &self,
        field: LabelledField<S, K, H>,
        label: K,
    ) -> TimerLabel<&Self, K, H> {
        Timer::new(self, Labelled::new(field, label))
    }
}

impl<S> sealed::Sealed for Set<S> {}

impl<S: Stats> Record for Set<S> {
    type Stats = S;
    #[inline(always)]
    fn record(&self, fact: impl FnOnce(&S)) {
        Set::record(self, fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        self.place.now()
    }
}
