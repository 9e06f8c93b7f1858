//! [`Actor`], the handle to a reducer.

use super::{Event, Letterbox, Reducer, Reply, Request, Sender, Wake};
use crate::phase::Place;
use crate::user::Owned;
use std::fmt;
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
    /// `None` once there is nobody any more to do them. Nothing of the user's is called or dropped while the lock is held.
    errands: Mutex<Option<Vec<Errand<R>>>>,
}

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// Something to be done by whoever has the reducer, in order.
pub(crate) enum Errand<R> {
    Ask(Request<R>),
    /// Puts another in its place.
    Restart(Owned<R>),
}

impl<R> Errand<R> {
    /// Whether it need not be done any more: dropping it runs no code of the user's then.
    fn is_void(&self) -> bool {
        match self {
            Errand::Ask(request) => request.is_taken_back(),
            Errand::Restart(_) => false,
        }
    }
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
        let letterbox = Arc::new(Letterbox::new(place, wake, capacity));
        Post { letterbox, errands: Mutex::new(Some(Vec::new())) }
    }

    /// Adds an errand, or gives it back if there is nobody to do it.
    fn add_errand(&self, errand: Errand<R>) -> Option<Errand<R>> {
        let mut errands = crate::lock(&self.errands);
        let Some(errands) = errands.as_mut() else { return Some(errand) };
        if errands.len() == errands.capacity() {
            // At least half of it is free after this, so a look at all is paid for by as many that are added.
            errands.retain(|errand| !errand.is_void());
            errands.reserve(errands.len() + 4);
        }
        errands.push(errand);
        None
    }

    pub(crate) fn take_errands(&self) -> Vec<Errand<R>> {
        crate::lock(&self.errands).as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// There is no reducer any more, nor will there be.
    pub(crate) fn close_errands(&self) {
        let left = crate::lock(&self.errands).take();
        // They may hold this actor, and questions wait for an answer.
        drop(left);
    }

    /// How many bytes are taken by events and errands that wait.
    pub(crate) fn bytes(&self) -> usize {
        let errands = crate::lock(&self.errands).as_ref().map_or(0, Vec::capacity);
        self.letterbox.room().bytes() + errands * size_of::<Errand<R>>()
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
        Sender::new(self.0.as_ref().map(|post| post.letterbox.clone()))
    }

    /// Puts a question to the reducer, which is answered when the collector next closes an epoch; it is asked to do so at
    /// once. The reducer has taken by then what was sent before this call.
    ///
    /// If the question panics, there is [no answer](super::NoReply::Gone); neither is there once the registry is gone.
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
            self.run(post, Errand::Restart(Owned::new(reducer)));
        }
    }

    /// Closes the actor: what is sent from now on is dropped, and counted. What readers see of it stays.
    pub fn close(&self, how: Close) {
        if let Some(post) = &self.0 {
            post.letterbox.doors.close(how);
            post.letterbox.wake().ask();
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
        match post.add_errand(errand) {
            None => post.letterbox.wake().ask(),
            nobody => drop(nobody),
        }
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
