//! [`ActorBuilder`]: what can be chosen of an actor.

use super::handle::Registry;
use crate::collect::{ReducerTotals, Wanted};
use crate::error::RegisterError;
use crate::event::{Account, Actor, ActorShared, Event, Reducer};
use crate::metric::Stats;
use crate::support::lock;
use crate::support::user::Owned;
use std::panic::Location;
use std::sync::Arc;

/// Builds an [`Actor`]; made by [`Registry::actor_builder`].
#[derive(Debug)]
#[must_use = "call `register`"]
pub struct ActorBuilder<'a> {
    registry: &'a Registry,
    name: &'a str,
    capacity: usize,
}

impl Registry {
    /// Registers a reducer under `name`, which is also the first part of the names of its account's
    /// metrics. From now on the collector applies to it what its senders send.
    ///
    /// # Errors
    /// If the name is not valid or belongs to anything, also to an actor of the same type: a
    /// reducer cannot be two. Or if one of the full names of the account's metrics is taken.
    #[track_caller]
    pub fn actor<R: Reducer>(&self, name: &str, reducer: R) -> Result<Actor<R>, RegisterError> {
        self.actor_builder(name).register(reducer)
    }

    /// An actor whose queues have a capacity of your choice.
    pub fn actor_builder<'a>(&'a self, name: &'a str) -> ActorBuilder<'a> {
        ActorBuilder::new(self, name)
    }
}

impl<'a> ActorBuilder<'a> {
    fn new(registry: &'a Registry, name: &'a str) -> Self {
        ActorBuilder { registry, name, capacity: 65_536 }
    }

    /// How many events of one kind a thread can have waiting, 65,536 by default, and at least 1.
    /// Queues grow as they are used. The collector is asked to empty them when one is full to a
    /// quarter.
    ///
    /// For each thread that sends and each kind there are two queues, which keep the memory that
    /// they have grown to: at most `2 * capacity` times the size of an event, and 8 bytes more for
    /// each of an ordered kind. What the events own on the heap comes on top, and so does what is
    /// [merged](crate::event::OverflowPolicy::Coalesce), which the number of keys bounds and not
    /// this. The memory of queues, and of what is merged, is in
    /// [`CollectorStats::memory`](crate::collector::CollectorStats::memory).
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Registers it. Does not compile for events of more than [`MAX_BYTES`](Event::MAX_BYTES).
    ///
    /// # Errors
    /// As [`Registry::actor`].
    ///
    /// # Panics
    /// If the default of [`Reducer::Snapshot`] does; then nothing is registered.
    #[track_caller]
    pub fn register<R: Reducer>(self, reducer: R) -> Result<Actor<R>, RegisterError> {
        self.register_with(reducer, |totals| totals)
    }

    /// As [`register`](Self::register), and serialises what the reducer shows with the snapshot:
    /// `{"actors": {name: {"state": ..}}}`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use tallybook::{Event, Reducer, Registry};
    ///
    /// #[derive(Event)]
    /// enum PeerEvent { Joined }
    ///
    /// #[derive(Default)]
    /// struct Peers(u64);
    ///
    /// impl Reducer for Peers {
    ///     type Event = PeerEvent;
    ///     type Snapshot = u64;
    ///     fn apply(&mut self, _: PeerEvent, _: Duration) { self.0 += 1 }
    ///     fn snapshot(&self) -> u64 { self.0 }
    /// }
    ///
    /// let registry = Registry::new();
    /// let peers = registry.actor_builder("peers").register_serialized(Peers::default())?;
    /// peers.sender().send(PeerEvent::Joined);
    /// let json = serde_json::to_value(&*registry.collector()?.tick())?;
    /// assert_eq!(json["actors"]["peers"]["state"], 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Registry::set`].
    ///
    /// # Panics
    /// As [`register`](Self::register).
    #[cfg(feature = "serde")]
    #[track_caller]
    pub fn register_serialized<R>(self, reducer: R) -> Result<Actor<R>, RegisterError>
    where
        R: Reducer<Snapshot: serde::Serialize>,
    {
        self.register_with(reducer, |totals| {
            totals.shown_by(|state| {
                let state = state.downcast_ref::<R::Snapshot>()?;
                Some(state as &dyn erased_serde::Serialize)
            })
        })
    }

    #[track_caller]
    fn register_with<R: Reducer>(
        self,
        reducer: R,
        with: impl FnOnce(ReducerTotals<R>) -> ReducerTotals<R>,
    ) -> Result<Actor<R>, RegisterError> {
        const {
            assert!(
                size_of::<R::Event>() <= R::Event::MAX_BYTES,
                "the event is larger than its MAX_BYTES: box what is large, or set MAX_BYTES",
            );
        }
        let Some(inner) = &self.registry.inner else { return Ok(Actor::new(None)) };
        // Before the locks: it is the user's code.
        let state = Owned::new(Arc::new(R::Snapshot::default()));
        let reducer = Owned::new(reducer);
        let group = Account::<<R::Event as Event>::Kind>::group();
        let context = &inner.state.context;
        let created = context.time_of_day();
        let wanted = Wanted::new::<R>("actor", self.name, group, Location::caller(), created);
        let make = |index| {
            let place = context.place(self.name, index);
            Arc::new(ActorShared::<R>::new(place, context.wake.clone(), self.capacity))
        };
        let mut catalog = lock(&context.catalog);
        let shared = match catalog.find_kept(&wanted)? {
            Some(index) => {
                let shared = make(index);
                let resumed = Box::new((shared.clone(), reducer));
                catalog.resume(&wanted, Box::new(Arc::downgrade(&shared)), Some(resumed));
                shared
            }
            None => {
                let index = catalog.reserve(&wanted, 1)?;
                let shared = make(index);
                let totals = with(ReducerTotals::new(shared.clone(), reducer, state, index));
                let handle = Box::new(Arc::downgrade(&shared));
                catalog.register(&wanted, index, handle, [Box::new(totals)]);
                shared
            }
        };
        Ok(Actor::new(Some(shared)))
    }
}
