//! What a snapshot shows of actors.

use super::difference::Difference;
use super::part::{Part, ReducerPart};
use super::snapshot::Snapshot;
use crate::error::{OrPanic, WrongRegistry};
use crate::event::{Account, Actor, ByKind, Event, EventStatsRates, EventStatsSnapshot, Reducer};
use crate::metric::Metric;
use crate::row::Flows;
use std::sync::Arc;

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

impl Snapshot {
    /// What the reducer of an actor had become by the cut: it has taken exactly the events that
    /// were sent in facts of this snapshot, but for those that the [account](Self::events) tells
    /// of. The default before the first tick after its registration, and in a disabled registry;
    /// what it was last, where it has [panicked](Self::failure).
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn state<R: Reducer>(&self, actor: &Actor<R>) -> Arc<R::Snapshot> {
        self.try_state(actor).or_panic()
    }

    /// The state of an actor, as [`state`](Self::state).
    ///
    /// # Errors
    /// If the actor belongs to another registry.
    pub fn try_state<R: Reducer>(
        &self,
        actor: &Actor<R>,
    ) -> Result<Arc<R::Snapshot>, WrongRegistry> {
        let state = self.reducer_part(actor)?.map(|part| Arc::clone(&part.state));
        Ok(state.and_then(|state| state.downcast().ok()).unwrap_or_default())
    }

    /// What became of the events that were sent to an actor.
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn events<R: Reducer>(&self, actor: &Actor<R>) -> ByKind<KindOf<R>, EventStatsSnapshot> {
        self.try_events(actor).or_panic()
    }

    /// What became of the events that were sent to an actor, as [`events`](Self::events).
    ///
    /// # Errors
    /// If the actor belongs to another registry.
    pub fn try_events<R: Reducer>(
        &self,
        actor: &Actor<R>,
    ) -> Result<ByKind<KindOf<R>, EventStatsSnapshot>, WrongRegistry> {
        let part = self.reducer_part(actor)?;
        let read =
            |part: &ReducerPart| Account::<KindOf<R>>::read(&mut part.account.row(self.span));
        Ok(part.map(read).unwrap_or_default())
    }

    /// The message with which an actor's reducer has panicked; `None` while it is well. See
    /// [`Actor::restart`].
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn failure<R: Reducer>(&self, actor: &Actor<R>) -> Option<&str> {
        self.try_failure(actor).or_panic()
    }

    /// The message with which an actor's reducer has panicked, as [`failure`](Self::failure).
    ///
    /// # Errors
    /// If the actor belongs to another registry.
    pub fn try_failure<R: Reducer>(&self, actor: &Actor<R>) -> Result<Option<&str>, WrongRegistry> {
        Ok(self.reducer_part(actor)?.and_then(|part| part.failure.as_deref()))
    }

    fn reducer_part<R: Reducer>(
        &self,
        actor: &Actor<R>,
    ) -> Result<Option<&ReducerPart>, WrongRegistry> {
        let Some(place) = actor.place() else { return Ok(None) };
        let index = self.check(place)?;
        Ok(match index.and_then(|index| self.parts.get(index)) {
            Some(Part::Reducer(part)) => Some(part),
            Some(Part::Set(_) | Part::Family(_) | Part::Nothing) | None => None,
        })
    }
}

impl Difference {
    /// What became of the events that were sent to an actor in between.
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn events<R: Reducer>(&self, actor: &Actor<R>) -> ByKind<KindOf<R>, EventStatsSnapshot> {
        let (later, earlier) = (self.later().events(actor), self.earlier().events(actor));
        Account::<KindOf<R>>::difference(&later, &earlier)
    }

    /// The rates per second of the events of each kind, and of what became of them.
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn event_rates<R: Reducer>(&self, actor: &Actor<R>) -> ByKind<KindOf<R>, EventStatsRates> {
        let flows = self.flows::<Account<KindOf<R>>>(&self.events(actor));
        Account::<KindOf<R>>::rates(&mut Flows::new(&flows))
    }
}
