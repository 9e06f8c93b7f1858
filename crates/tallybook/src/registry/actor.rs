//! [`ActorBuilder`]: what can be chosen of an actor.

use super::Registry;
use crate::error::RegisterError;
use crate::events::{Account, Actor, Event, Post, Reducer};
use crate::metric::Stats;
use crate::snapshot::Declaration;
use crate::totals::ReducerTotals;
use std::sync::Arc;

/// Builds an [`Actor`]; made by [`Registry::actor_builder`].
#[must_use = "call `register`"]
pub struct ActorBuilder<'a> {
    registry: &'a Registry,
    name: &'a str,
    capacity: usize,
}

impl<'a> ActorBuilder<'a> {
    pub(super) fn new(registry: &'a Registry, name: &'a str) -> Self {
        ActorBuilder { registry, name, capacity: 65_536 }
    }

    /// How many events of one kind a thread can have waiting, 65,536 by default, and at least 1. Queues grow as they are
    /// used. The collector is asked to empty them when one is full to a quarter.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Registers it. Does not compile for events of more than [`MAX_BYTES`](Event::MAX_BYTES).
    ///
    /// # Errors
    /// As [`Registry::set`].
    pub fn register<R: Reducer>(self, reducer: R) -> Result<Actor<R>, RegisterError> {
        const {
            assert!(
                size_of::<R::Event>() <= R::Event::MAX_BYTES,
                "the event is larger than its MAX_BYTES: box what is large, or set MAX_BYTES",
            );
        }
        let Some(inner) = &self.registry.inner else { return Ok(Actor::new(None)) };
        let mut registered = crate::lock(&inner.registered);
        let group = Account::<<R::Event as Event>::Kind>::group();
        registered.names.take("actor", self.name, None, &group)?;
        let mut post = None;
        let (_, index) = registered.add_with(inner, self.name, |place, index| {
            let made = Arc::new(Post::new(place.clone(), inner.wake.clone(), self.capacity));
            post = Some(made.clone());
            ReducerTotals::new(made, reducer, index)
        });
        registered.declare(Declaration {
            name: self.name.into(),
            label: None,
            group,
            place: index,
            refusals: index,
        });
        Ok(Actor::new(post))
    }
}
