//! [`Actor`]: the handle to a reducer.

use super::ask::{Reply, Request};
use super::gate::Close;
use super::mailbox::Mailbox;
use super::reducer::{Event, Reducer};
use super::sender::Sender;
use super::wake::Wake;
use crate::phase::Place;
use crate::support::user::Owned;
use std::fmt;
use std::sync::{Arc, Mutex};

/// A handle to a registered [`Reducer`]: makes senders, asks questions, and closes. Clone it
/// freely.
///
/// Made by [`Registry::actor`](crate::Registry::actor). There is no task to spawn: the registry's
/// collector applies the events, wherever it runs.
///
/// ```
/// use std::time::Duration;
/// use tallybook::{Event, Reducer, Registry};
///
/// /// What happens to peers. When a queue is full, the last event of a kind about a peer wins.
/// #[derive(Event)]
/// #[event(overflow = "coalesce")]
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
pub struct Actor<R: Reducer>(Option<Arc<ActorShared<R>>>);

/// The state that an actor's handles and the collector share.
pub(crate) struct ActorShared<R: Reducer> {
    pub(crate) mailbox: Arc<Mailbox<R::Event>>,
    /// `None` once nothing will run them. No user code is called or dropped while the lock is held.
    commands: Mutex<Option<Vec<Command<R>>>>,
}

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// A command for the owner of the reducer. Commands run in order.
pub(crate) enum Command<R> {
    Ask(Request<R>),
    /// Replaces the reducer.
    Restart(Owned<R>),
}

impl<R> Command<R> {
    /// Whether it need not run any more. Dropping it then runs no user code.
    fn is_void(&self) -> bool {
        match self {
            Command::Ask(request) => request.is_taken_back(),
            Command::Restart(_) => false,
        }
    }
}

impl<R: Reducer> ActorShared<R> {
    pub(crate) fn new(place: Place, wake: Arc<Wake>, capacity: usize) -> Self {
        let mailbox = Arc::new(Mailbox::new(place, wake, capacity));
        ActorShared { mailbox, commands: Mutex::new(Some(Vec::new())) }
    }

    /// Adds a command, or returns it if nothing will run it.
    fn add_command(&self, command: Command<R>) -> Option<Command<R>> {
        let mut commands = crate::support::lock(&self.commands);
        let Some(commands) = commands.as_mut() else { return Some(command) };
        if commands.len() == commands.capacity() {
            // At least half is free after this, so looking at all commands is amortized.
            commands.retain(|command| !command.is_void());
            commands.reserve(commands.len() + 4);
        }
        commands.push(command);
        None
    }

    pub(crate) fn take_commands(&self) -> Vec<Command<R>> {
        crate::support::lock(&self.commands).as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// No command will run any more.
    pub(crate) fn close_commands(&self) {
        let left = crate::support::lock(&self.commands).take();
        // They may hold this actor, and their callers wait for an answer.
        drop(left);
    }

    /// The number of bytes of queued events and commands.
    pub(crate) fn bytes(&self) -> usize {
        let commands = crate::support::lock(&self.commands).as_ref().map_or(0, Vec::capacity);
        self.mailbox.room().bytes() + commands * size_of::<Command<R>>()
    }
}

impl<R: Reducer> Actor<R> {
    pub(crate) fn new(shared: Option<Arc<ActorShared<R>>>) -> Self {
        Actor(shared)
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        self.0.as_ref().map(|shared| &shared.mailbox.place)
    }

    /// Makes a sender. Usually there is one per producer; any number is fine.
    #[must_use]
    pub fn sender(&self) -> Sender<R::Event> {
        Sender::new(self.0.as_ref().map(|shared| shared.mailbox.clone()))
    }

    /// Asks the reducer a question. The collector is asked to close an epoch at once, and answers
    /// it then. Events that were sent before this call have been applied by then.
    ///
    /// If the question panics, or the registry is dropped, there is [no
    /// answer](super::NoReply::Gone).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tallybook::event::Delivery;
    /// # use tallybook::{Event, Label, Reducer, Registry};
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
        let Some(shared) = &self.0 else { return Reply::gone() };
        let (request, reply) = Reply::new(question);
        self.run(shared, Command::Ask(request));
        reply
    }

    /// Replaces the reducer at the next cut, for instance after a panic. Until then events are lost
    /// if the reducer has failed, and applied to it otherwise.
    pub fn restart(&self, reducer: R) {
        if let Some(shared) = &self.0 {
            self.run(shared, Command::Restart(Owned::new(reducer)));
        }
    }

    /// Closes the actor: events that are sent from now on are dropped and counted as dropped.
    /// Readers keep the last state.
    pub fn close(&self, how: Close) {
        if let Some(shared) = &self.0 {
            shared.mailbox.gate.close(how);
            shared.mailbox.wake().ask();
        }
    }

    /// Switches a kind of event off: sending one does nothing, and it is not counted as sent.
    /// Queued events are still applied. [`Sender::send_with`] does not even make the event.
    pub fn disable(&self, kind: KindOf<R>) {
        if let Some(shared) = &self.0 {
            shared.mailbox.gate.switch(kind, true);
        }
    }

    /// Switches a kind of event on again.
    pub fn enable(&self, kind: KindOf<R>) {
        if let Some(shared) = &self.0 {
            shared.mailbox.gate.switch(kind, false);
        }
    }

    fn run(&self, shared: &ActorShared<R>, command: Command<R>) {
        match shared.add_command(command) {
            None => shared.mailbox.wake().ask(),
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
