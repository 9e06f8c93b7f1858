//! The totals of an actor: its reducer, and the account of its events.

use super::part::{Tick, Totals};
use super::set::SetTotals;
use crate::event::{Account, ActorShared, Batch, Close, Command, Envelope, Event, Outbox, Reducer};
use crate::metric::{Label, Metric};
use crate::phase::{Block, Quiet};
#[cfg(feature = "serde")]
use crate::read::ShowState;
use crate::read::{Part, ReducerPart};
use crate::row::Span;
use crate::support::user::{self, Owned};
use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Drain;

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// See the module. The reducer is here and nowhere else.
///
/// Code of the user is called by [`user::call`], and what is the user's is dropped by [`Owned`], so
/// that a panic ends here.
pub(crate) struct ReducerTotals<R: Reducer> {
    shared: Arc<ActorShared<R>>,
    /// `None` once it has panicked.
    reducer: Option<Owned<R>>,
    account: SetTotals<Account<KindOf<R>>>,
    /// What became of the events that were taken out of the queues.
    fates: Account<KindOf<R>>,
    /// What was asked for before the epoch was closed.
    commands: Vec<Command<R>>,
    /// The events of the epoch that is being drained.
    taken: Batch<R::Event>,
    /// By kind, how many of them have been applied.
    applied: Vec<u64>,
    /// How many unordered and ordered events there were in recent epochs.
    recent: [usize; 2],
    /// Whether readers do not see yet what the reducer has become.
    is_changed: bool,
    state: Owned<Arc<R::Snapshot>>,
    failure: Option<Arc<str>>,
    #[cfg(feature = "serde")]
    show: Option<ShowState>,
}

impl<R: Reducer> ReducerTotals<R> {
    /// `state` is what readers see at first.
    pub(crate) fn new(
        shared: Arc<ActorShared<R>>,
        reducer: Owned<R>,
        state: Owned<Arc<R::Snapshot>>,
        place: usize,
    ) -> Self {
        ReducerTotals {
            shared,
            reducer: Some(reducer),
            account: SetTotals::new(place),
            fates: Account::at_rest(),
            commands: Vec::new(),
            taken: Batch::new(),
            applied: vec![0; KindOf::<R>::VALUES.len()],
            recent: [0; 2],
            is_changed: true,
            state,
            failure: None,
            #[cfg(feature = "serde")]
            show: None,
        }
    }

    /// Lets the state be serialised.
    #[cfg(feature = "serde")]
    pub(crate) fn shown_by(mut self, show: ShowState) -> Self {
        self.show = Some(show);
        self
    }

    /// Applies the events of the closed epoch, in their order, and counts what became of them.
    fn apply(&mut self, at: Duration) {
        let mut unordered = std::mem::take(&mut self.taken.unordered);
        let mut ordered = std::mem::take(&mut self.taken.ordered);
        let used = [unordered.len(), ordered.len()];
        if used != [0; 2] {
            ordered.sort_by_key(|envelope| envelope.number);
            let is_dropped = self.shared.mailbox.gate.drops();
            self.deliver(unordered.drain(..), |event| event, |event| event, is_dropped, at);
            let ordered = ordered.drain(..);
            self.deliver(
                ordered,
                |envelope| &envelope.event,
                |envelope| envelope.event,
                is_dropped,
                at,
            );
            self.count(is_dropped);
        }
        trim(&mut unordered, used[0], &mut self.recent[0]);
        trim(&mut ordered, used[1], &mut self.recent[1]);
        (self.taken.unordered, self.taken.ordered) = (unordered, ordered);
    }

    /// Applies events of a list, each of which `event` finds in its element.
    fn deliver<T>(
        &mut self,
        mut list: Drain<'_, T>,
        event: impl Fn(&T) -> &R::Event,
        into_event: impl Fn(T) -> R::Event,
        is_dropped: bool,
        at: Duration,
    ) {
        while !is_dropped && let Some(reducer) = &mut self.reducer {
            self.is_changed |= list.len() > 0;
            let applied = &mut self.applied;
            let is_applying = Cell::new(false);
            let all = user::call(|| {
                // Asked while it is still in the list: if that panics, it is dropped below and not
                // by the unwinding.
                while let Some(kind) =
                    list.as_slice().first().map(|next| event(next).kind().index())
                {
                    let Some(next) = list.next() else { return };
                    is_applying.set(true);
                    reducer.apply(into_event(next), at);
                    is_applying.set(false);
                    if let Some(applied) = applied.get_mut(kind) {
                        *applied += 1;
                    }
                }
            });
            match all {
                Ok(()) => return,
                Err(message) if is_applying.get() => self.fail(message),
                // That was `kind`, of one event alone.
                Err(_) => drop(Owned::new(list.next())),
            }
        }
        list.for_each(|event| drop(Owned::new(event)));
    }

    /// Counts what became of the events that were taken. How many there were of a kind was counted
    /// without asking them: so the account adds up whatever they say, and what is not known to have
    /// been applied is lost.
    fn count(&mut self, is_dropped: bool) {
        for (account, (taken, applied)) in
            self.fates.all().iter().zip(self.taken.counts.iter_mut().zip(&mut self.applied))
        {
            let taken = std::mem::take(taken);
            let applied = std::mem::take(applied).min(taken);
            if is_dropped {
                account.dropped.add(taken);
            } else {
                account.applied.add(applied);
                account.lost.add(taken - applied);
            }
        }
    }

    /// The reducer is not whole any more: readers keep what it was last.
    fn fail(&mut self, message: Arc<str>) {
        self.failure = Some(message);
        let failed = self.reducer.take();
        drop(failed);
    }

    /// What the reducer shows; `None` where there is none, or it panics and has failed.
    fn show(&mut self) -> Option<Owned<Arc<R::Snapshot>>> {
        let reducer = self.reducer.as_ref()?;
        match user::call(|| Arc::new(reducer.snapshot())) {
            Ok(state) => Some(Owned::new(state)),
            Err(message) => {
                self.fail(message);
                None
            }
        }
    }

    fn part(&self, account: Part, state: Owned<Arc<R::Snapshot>>) -> Part {
        let Part::Set(account) = account else { unreachable!("an account is a set") };
        let state: Arc<R::Snapshot> = Arc::clone(&state);
        let (state, failure) = (Owned::new(state as _), self.failure.clone());
        Part::Reducer(Arc::new(ReducerPart {
            account,
            state,
            failure,
            #[cfg(feature = "serde")]
            show: self.show,
        }))
    }

    fn run(&mut self, command: Command<R>) {
        match (command, &self.reducer) {
            (Command::Restart(reducer), _) => {
                self.failure = None;
                self.is_changed = true;
                let before = self.reducer.replace(reducer);
                drop(before);
            }
            // Dropping the request says that there is nobody to answer.
            (Command::Ask(_), None) => {}
            // It only looks, so whatever it does the reducer is whole.
            (Command::Ask(request), Some(reducer)) => request.put(reducer),
        }
    }
}

/// Gives back memory of a list that recent epochs did not need: `used` was in it in this one.
fn trim<T>(list: &mut Vec<T>, used: usize, recent: &mut usize) {
    *recent = used.max(*recent / 2);
    if list.capacity() > (4 * *recent).max(KEPT) {
        list.shrink_to(2 * *recent);
    }
}

/// How many events a list may always have memory for.
const KEPT: usize = 256;

impl<R: Reducer> Totals for ReducerTotals<R> {
    fn prepare(&mut self) {
        // What was sent before a question was put is in this epoch or an earlier one.
        self.commands.extend(self.shared.take_commands());
    }

    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>) {
        // The events first: taking them counts them.
        let block = block.downcast_ref::<Block<Outbox<R::Event>>>();
        let outbox = block.expect("the registry uses a place for one type only").quiet(quiet);
        outbox.take(&mut self.taken);
        self.account.add(&outbox.account, tick);
    }

    fn settle(&mut self, tick: &mut Tick<'_>) {
        self.shared.mailbox.room().resized(std::mem::take(&mut self.taken.freed), 0);
        self.apply(tick.span.at);
        std::mem::take(&mut self.commands).into_iter().for_each(|command| self.run(command));
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        if std::mem::take(&mut self.is_changed)
            && let Some(state) = self.show()
        {
            self.state = state;
        }
        self.account.add(&self.fates, tick);
        let account = self.account.publish(tick);
        self.part(account, self.state.clone())
    }

    fn preview(&mut self, tick: &mut Tick<'_>) -> Part {
        let state = if self.is_changed { self.show() } else { None };
        let state = state.unwrap_or_else(|| self.state.clone());
        self.account.add(&self.fates, tick);
        let account = self.account.preview(tick);
        self.part(account, state)
    }

    fn rest(&mut self, _: Span) {
        self.shared.close_commands();
        self.commands.drain(..).for_each(drop);
        let reducer = self.reducer.take();
        self.taken = Batch::new();
        drop(reducer);
    }

    fn resume(&mut self, with: Box<dyn Any + Send>) {
        if let Ok(with) = with.downcast::<(Arc<ActorShared<R>>, Owned<R>)>() {
            let (shared, reducer) = *with;
            (self.shared, self.reducer) = (shared, Some(reducer));
            (self.failure, self.is_changed) = (None, true);
        }
    }

    fn end(&mut self) {
        self.shared.close_commands();
        self.shared.mailbox.gate.close(Close::Drop);
    }

    fn bytes(&self) -> [usize; 2] {
        let [bytes, past] = self.account.bytes();
        let unordered = self.taken.unordered.capacity() * size_of::<R::Event>();
        let ordered = self.taken.ordered.capacity() * size_of::<Envelope<R::Event>>();
        [bytes + unordered + ordered + self.shared.bytes(), past]
    }
}

impl<R: Reducer> Drop for ReducerTotals<R> {
    fn drop(&mut self) {
        self.shared.close_commands();
        // Events are left only where an epoch could not be settled.
        self.taken.unordered.drain(..).for_each(|event| drop(Owned::new(event)));
        self.taken.ordered.drain(..).for_each(|envelope| drop(Owned::new(envelope)));
    }
}
