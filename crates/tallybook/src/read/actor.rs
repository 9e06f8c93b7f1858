//! What a snapshot shows of actors.

use super::difference::Difference;
use super::part::{Part, ReducerPart};
use super::snapshot::Snapshot;
use crate::error::WrongRegistry;
use crate::event::{Account, Actor, ByKind, Event, EventStatsRates, EventStatsSnapshot, Reducer};
use crate::metric::Metric;
use crate::row::Flows;
use std::sync::Arc;

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

impl Snapshot {
    /// What the reducer of an actor had become by the cut: it has taken exactly the events that were sent in facts of this
    /// snapshot, but for those that the [account](Self::events) tells of. The default before the first tick after its
    /// registration, and in a disabled registry; what it was last, where it has [panicked](Self::failure).
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn state<R: Reducer>(&self, actor: &Actor<R>) -> Arc<R::Snapshot> {
        let state = self.reducer_part(actor).map(|part| Arc::clone(&part.state));
        state.and_then(|state| state.downcast().ok()).unwrap_or_default()
    }

    /// What became of the events that were sent to an actor.
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn events<R: Reducer>(&self, actor: &Actor<R>) -> ByKind<KindOf<R>, EventStatsSnapshot> {
        let part = self.reducer_part(actor);
        part.map(|part| Account::<KindOf<R>>::read(&mut part.account.row(self.span)))
            .unwrap_or_default()
    }

    /// The message with which an actor's reducer has panicked; `None` while it is well. See
    /// [`Actor::restart`].
    ///
    /// # Panics
    /// If the actor belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn failure<R: Reducer>(&self, actor: &Actor<R>) -> Option<&str> {
        self.reducer_part(actor)?.failure.as_deref()
    }

    #[track_caller]
    fn reducer_part<R: Reducer>(&self, actor: &Actor<R>) -> Option<&ReducerPart> {
        let index: Result<_, WrongRegistry> = self.check(actor.place()?);
        match self.parts.get(index.unwrap_or_else(|wrong| panic!("{wrong}"))?)? {
            Part::Reducer(part) => Some(part),
            Part::Set(_) | Part::Family(_) | Part::Nothing => None,
        }
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

    /// How many events of each kind there were per second, and what became of them.
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
