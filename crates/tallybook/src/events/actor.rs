//! [`Actor`], the handle to a reducer, and [`Sender`], by which events reach it.

use super::doors::{Door, Doors};
use super::mail::Room;
use super::{Event, Mail, Order, Reducer, Reply, Request, Wake};
use crate::metric::Label;
use crate::phase::{Lamport, Place, record_cells};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// A handle to a registered [`Reducer`]: it gives senders, puts questions, and closes. Clone it freely.
///
/// Made by [`Registry::actor`](crate::Registry::actor). There is no task to spawn: the registry's collector applies the
/// events, in its thread or wherever it is run.
///
/// ```
/// use std::time::Duration;
/// use tallybook::{Event, Reducer, Registry};
///
/// /// What happens to peers. Where there is no room, the last of a kind about a peer stands for those before it.
/// #[derive(Event)]
/// #[event(full = "coalesce")]
/// enum PeerEvent {
///     Choked(#[event(key)] u32),
///     Unchoked(#[event(key)] u32),
/// }
///
/// /// Who is choked.
/// #[derive(Default)]
/// struct Choked(std::collections::BTreeSet<u32>);
///
/// impl Reducer for Choked {
///     type Event = PeerEvent;
///     type Snapshot = usize;
///     fn apply(&mut self, event: PeerEvent, _: Duration) {
///         match event {
///             PeerEvent::Choked(peer) => self.0.insert(peer),
///             PeerEvent::Unchoked(peer) => self.0.remove(&peer),
///         };
///     }
///     fn snapshot(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// let registry = Registry::new();
/// let choked = registry.actor("choked", Choked::default())?;
/// let mut collector = registry.collector()?;
/// let sender = choked.sender();
/// sender.send(PeerEvent::Choked(7));
/// sender.send(PeerEvent::Choked(8));
/// sender.send(PeerEvent::Unchoked(7));
/// let now = collector.tick();
/// assert_eq!(*now.state(&choked), 1);
/// assert_eq!(now.events(&choked)[PeerEventKind::Choked].applied, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Actor<R: Reducer>(Option<Arc<Post<R>>>);

/// What an actor's handles and the collector share.
pub(crate) struct Post<R: Reducer> {
    pub(crate) letterbox: Arc<Letterbox<R::Event>>,
    errands: Mutex<Vec<Errand<R>>>,
}

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// Something to be done by whoever has the reducer, in order.
pub(crate) enum Errand<R> {
    Ask(Request<R>),
    /// Puts another in its place.
    Restart(R),
}

/// What senders need.
pub(crate) struct Letterbox<E> {
    pub(crate) place: Place,
    wake: Arc<Wake>,
    room: Room,
    /// Numbers ordered events.
    clock: Lamport,
    pub(crate) doors: Doors,
    events: PhantomData<fn(E)>,
}

/// What is done with events that are sent, or wait, once an actor is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Those that were sent before are applied.
    Drain = 1,
    /// Those that have not been applied yet are dropped, and counted as dropped.
    Drop = 2,
}

impl<R: Reducer> Post<R> {
    pub(crate) fn new(place: Place, wake: Arc<Wake>, capacity: usize) -> Self {
        let letterbox = Letterbox {
            place,
            wake,
            room: Room { capacity, call: capacity.div_ceil(4) },
            clock: Lamport::new(),
            doors: Doors::new(<R::Event as Event>::Kind::VALUES.len()),
            events: PhantomData,
        };
        Post { letterbox: Arc::new(letterbox), errands: Mutex::default() }
    }

    pub(crate) fn take_errands(&self) -> Vec<Errand<R>> {
        std::mem::take(&mut *crate::lock(&self.errands))
    }
}

impl<R: Reducer> Actor<R> {
    pub(crate) fn new(post: Option<Arc<Post<R>>>) -> Self {
        Actor(post)
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        self.0.as_ref().map(|post| &post.letterbox.place)
    }

    /// A sender. One per producer is usual; any number may be made.
    #[must_use]
    pub fn sender(&self) -> Sender<R::Event> {
        let letterbox = self.0.as_ref().map(|post| post.letterbox.clone());
        let place = letterbox.as_ref().map_or(Place::nowhere(), |it| it.place.clone());
        Sender { place, letterbox }
    }

    /// Puts a question to the reducer, which is answered when the collector next closes an epoch; it is asked to do so at
    /// once. The reducer has taken by then what was sent before this call.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tallybook::{Delivery, Event, Label, Reducer, Registry};
    /// # struct Add(u64);
    /// # #[derive(Clone, Copy, Label)]
    /// # enum Kind { Add }
    /// # impl Event for Add {
    /// #     type Kind = Kind;
    /// #     type Key = ();
    /// #     fn kind(&self) -> Kind { Kind::Add }
    /// #     fn delivery(_: Kind) -> Delivery { Delivery::default() }
    /// #     fn key(&self) {}
    /// #     fn coalesce(&mut self, later: Add) { self.0 += later.0 }
    /// # }
    /// # #[derive(Default)]
    /// # struct Sum(u64);
    /// # impl Reducer for Sum {
    /// #     type Event = Add;
    /// #     type Snapshot = u64;
    /// #     fn apply(&mut self, event: Add, _: Duration) { self.0 += event.0 }
    /// #     fn snapshot(&self) -> u64 { self.0 }
    /// # }
    /// let registry = Registry::new();
    /// let sum = registry.actor("sum", Sum::default())?;
    /// let collecting = registry.collect_every(Duration::from_secs(60))?;
    /// sum.sender().send(Add(3));
    /// let answer = sum.ask(|sum| sum.0).wait(Duration::from_secs(5))?; // or `.await`
    /// assert_eq!(answer, 3);
    /// # drop(collecting);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&R) -> T + Send + 'static,
    ) -> Reply<T> {
        let Some(post) = &self.0 else { return Reply::gone() };
        let (request, reply) = Reply::new(question);
        self.run(post, Errand::Ask(request));
        reply
    }

    /// Puts another reducer in the place of this one, at the next cut: one that has panicked, say. Events that are sent
    /// meanwhile are counted as lost if it has, and applied otherwise.
    pub fn restart(&self, reducer: R) {
        if let Some(post) = &self.0 {
            self.run(post, Errand::Restart(reducer));
        }
    }

    /// Closes the actor: what is sent from now on is dropped, and counted. What readers see of it stays.
    pub fn close(&self, how: Close) {
        if let Some(post) = &self.0 {
            post.letterbox.doors.close(how);
            post.letterbox.wake.ask();
        }
    }

    /// Switches a kind of event off: sending one costs a look and does nothing, it is not counted as sent either. What
    /// waits already is applied. [`Sender::send_with`] does not even make the event.
    pub fn disable(&self, kind: KindOf<R>) {
        if let Some(post) = &self.0 {
            post.letterbox.doors.turn(kind, true);
        }
    }

    /// Switches a kind of event on again.
    pub fn enable(&self, kind: KindOf<R>) {
        if let Some(post) = &self.0 {
            post.letterbox.doors.turn(kind, false);
        }
    }

    fn run(&self, post: &Post<R>, errand: Errand<R>) {
        crate::lock(&post.errands).push(errand);
        post.letterbox.wake.ask();
    }
}

impl<R: Reducer> Clone for Actor<R> {
    fn clone(&self) -> Self {
        Actor(self.0.clone())
    }
}

impl<R: Reducer> fmt::Debug for Actor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.place().map(Place::name);
        f.debug_struct("Actor").field("name", &name).finish_non_exhaustive()
    }
}

/// Sends events to a reducer, from any thread. Cheap to clone; made by [`Actor::sender`].
pub struct Sender<E> {
    /// The letterbox's: a pointer less to follow.
    place: Place,
    /// `None` in a disabled registry.
    letterbox: Option<Arc<Letterbox<E>>>,
}

impl<E: Event> Sender<E> {
    /// Sends an event: a fact like any other, and part of the fact that it is sent inside of. So a snapshot that holds that
    /// fact holds what the reducer made of the event.
    ///
    /// Never blocks and never waits. Allocates only while the thread's queue of that kind is still growing; where the queue
    /// is full the kind's [`Delivery`](super::Delivery) says what happens. In a disabled registry, and where its kind is
    /// [switched off](Actor::disable), the event is gone.
    #[inline]
    pub fn send(&self, event: E) {
        let Some(letterbox) = &self.letterbox else { return };
        if !letterbox.doors.are_open() && !self.is_let_in(letterbox, event.kind()) {
            return;
        }
        let is_time = match E::delivery(event.kind()).order {
            Order::Ordered => self.put_ordered(letterbox, event),
            Order::Unordered => self.put_unordered(letterbox, event),
        };
        if is_time == Some(true) {
            letterbox.wake.ask();
        }
    }
}

impl<E: Event> Sender<E> {
    /// Sends what `make` makes, of that kind, unless the kind is [switched off](Actor::disable) or the registry disabled:
    /// then it is not made.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tallybook::{Event, Reducer, Registry};
    /// # #[derive(Event)]
    /// # enum PeerEvent { Joined { name: String } }
    /// # #[derive(Default)]
    /// # struct Names(Vec<String>);
    /// # impl Reducer for Names {
    /// #     type Event = PeerEvent;
    /// #     type Snapshot = usize;
    /// #     fn apply(&mut self, PeerEvent::Joined { name }: PeerEvent, _: Duration) { self.0.push(name) }
    /// #     fn snapshot(&self) -> usize { self.0.len() }
    /// # }
    /// let registry = Registry::new();
    /// let names = registry.actor("names", Names::default())?;
    /// let mut collector = registry.collector()?;
    /// let sender = names.sender();
    /// sender.send_with(PeerEventKind::Joined, || PeerEvent::Joined { name: "a".into() });
    /// names.disable(PeerEventKind::Joined);
    /// sender.send_with(PeerEventKind::Joined, || unreachable!("nobody wants it"));
    /// let now = collector.tick();
    /// assert_eq!((*now.state(&names), now.events(&names)[PeerEventKind::Joined].sent), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn send_with(&self, kind: E::Kind, make: impl FnOnce() -> E) {
        if self.is_enabled(kind) {
            self.send(make());
        }
    }

    /// Whether events of that kind are taken or counted: the registry is not disabled, nor the kind switched off. Another
    /// thread may change that at any time.
    #[inline]
    pub fn is_enabled(&self, kind: E::Kind) -> bool {
        let Some(letterbox) = &self.letterbox else { return false };
        let doors = &letterbox.doors;
        doors.are_open() || !matches!(doors.of(kind), Door::Off)
    }

    /// Whether an event of that kind enters; counts one that is refused.
    #[cold]
    #[inline(never)]
    fn is_let_in(&self, letterbox: &Letterbox<E>, kind: E::Kind) -> bool {
        match letterbox.doors.of(kind) {
            Door::Open => return true,
            Door::Closed => _ = record_cells(&self.place, |mail: &Mail<E>| mail.refuse(kind)),
            Door::Off => {}
        }
        false
    }

    // Each on its own: where the kind is not known when compiling, as short as it can be.

    #[inline(never)]
    fn put_ordered(&self, letterbox: &Letterbox<E>, event: E) -> Option<bool> {
        let Letterbox { clock, room, .. } = letterbox;
        let put = move |mail: &Mail<E>| mail.put_ordered(event, clock, *room);
        record_cells(&self.place, put)
    }

    #[inline]
    fn put_unordered(&self, letterbox: &Letterbox<E>, event: E) -> Option<bool> {
        let room = letterbox.room;
        record_cells(&self.place, move |mail: &Mail<E>| mail.put_unordered(event, room))
    }
}

impl<E> Clone for Sender<E> {
    fn clone(&self) -> Self {
        Sender { place: self.place.clone(), letterbox: self.letterbox.clone() }
    }
}

impl<E> fmt::Debug for Sender<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.letterbox.is_some().then(|| self.place.name());
        f.debug_struct("Sender").field("name", &name).finish_non_exhaustive()
    }
}
