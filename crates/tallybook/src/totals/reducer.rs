//! The totals of an actor: its reducer, and the account of its events.

use super::{SetTotals, Tick, Totals};
use crate::events::{Account, Close, Errand, Event, Letter, Mail, Post, Reducer, Taken};
use crate::metric::{Label, Metric};
use crate::phase::{Block, Quiet};
use crate::snapshot::{Part, ReducerPart};
use crate::user::{self, Owned};
use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Drain;

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// See the module. The reducer is here and nowhere else.
///
/// Code of the user is called by [`user::call`], and what is the user's is dropped by [`Owned`], so that a panic ends here.
pub(crate) struct ReducerTotals<R: Reducer> {
    post: Arc<Post<R>>,
    /// `None` once it has panicked.
    reducer: Option<Owned<R>>,
    account: SetTotals<Account<KindOf<R>>>,
    /// What became of the events that were taken out of the queues.
    fates: Account<KindOf<R>>,
    /// What was asked for before the epoch was closed.
    errands: Vec<Errand<R>>,
    /// The events of the epoch that is being drained.
    taken: Taken<R::Event>,
    /// By kind, how many of them have been applied.
    applied: Vec<u64>,
    /// How many unordered and ordered events there were in recent epochs.
    recent: [usize; 2],
    /// Whether readers do not see yet what the reducer has become.
    is_changed: bool,
    state: Owned<Arc<R::Snapshot>>,
    failure: Option<Arc<str>>,
}

impl<R: Reducer> ReducerTotals<R> {
    /// `state` is what readers see at first.
    pub(crate) fn new(
        post: Arc<Post<R>>,
        reducer: Owned<R>,
        state: Owned<Arc<R::Snapshot>>,
        place: usize,
    ) -> Self {
        ReducerTotals {
            post,
            reducer: Some(reducer),
            account: SetTotals::new(place),
            fates: Account::at_rest(),
            errands: Vec::new(),
            taken: Taken::new(),
            applied: vec![0; KindOf::<R>::VALUES.len()],
            recent: [0; 2],
            is_changed: true,
            state,
            failure: None,
        }
    }

    /// Applies the events of the closed epoch, in their order, and counts what became of them.
    fn apply(&mut self, at: Duration) {
        let mut unordered = std::mem::take(&mut self.taken.unordered);
        let mut ordered = std::mem::take(&mut self.taken.ordered);
        let used = [unordered.len(), ordered.len()];
        if used != [0; 2] {
            ordered.sort_by_key(|letter| letter.number);
            let is_dropped = self.post.letterbox.doors.drops();
            self.deliver(unordered.drain(..), |event| event, |event| event, is_dropped, at);
            let ordered = ordered.drain(..);
            self.deliver(ordered, |letter| &letter.event, |letter| letter.event, is_dropped, at);
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
                // Asked while it is still in the list: if that panics, it is dropped below and not by the unwinding.
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

    /// Counts what became of the events that were taken. How many there were of a kind was counted without asking them: so
    /// the account adds up whatever they say, and what is not known to have been applied is lost.
    fn count(&mut self, is_dropped: bool) {
        for (account, (taken, applied)) in
            self.fates.0.all().iter().zip(self.taken.counts.iter_mut().zip(&mut self.applied))
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

    fn run(&mut self, errand: Errand<R>) {
        match (errand, &self.reducer) {
            (Errand::Restart(reducer), _) => {
                self.failure = None;
                self.is_changed = true;
                let before = self.reducer.replace(reducer);
                drop(before);
            }
            // Dropping the request says that there is nobody to answer.
            (Errand::Ask(_), None) => {}
            // It only looks, so whatever it does the reducer is whole.
            (Errand::Ask(request), Some(reducer)) => request.put(reducer),
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
        self.errands.extend(self.post.take_errands());
    }

    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>) {
        // The events first: taking them counts them.
        let block = block.downcast_ref::<Block<Mail<R::Event>>>();
        let mail = block.expect("the registry uses a place for one type only").quiet(quiet);
        mail.take(&mut self.taken);
        self.account.add(&mail.account, tick);
    }

    fn settle(&mut self, tick: &mut Tick<'_>) {
        self.post.letterbox.room().resized(std::mem::take(&mut self.taken.freed), 0);
        self.apply(tick.span.at);
        std::mem::take(&mut self.errands).into_iter().for_each(|errand| self.run(errand));
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        if std::mem::take(&mut self.is_changed)
            && let Some(reducer) = &self.reducer
        {
            match user::call(|| Arc::new(reducer.snapshot())) {
                Ok(state) => self.state = Owned::new(state),
                Err(message) => self.fail(message),
            }
        }
        self.account.add(&self.fates, tick);
        let Part::Set(account) = self.account.publish(tick) else {
            unreachable!("an account is a set")
        };
        let state: Arc<R::Snapshot> = Arc::clone(&self.state);
        let (state, failure) = (Owned::new(state as _), self.failure.clone());
        Part::Reducer(Arc::new(ReducerPart { account, state, failure }))
    }

    fn end(&mut self) {
        self.post.close_errands();
        self.post.letterbox.doors.close(Close::Drop);
    }

    fn bytes(&self) -> [usize; 2] {
        let [bytes, past] = self.account.bytes();
        let unordered = self.taken.unordered.capacity() * size_of::<R::Event>();
        let ordered = self.taken.ordered.capacity() * size_of::<Letter<R::Event>>();
        [bytes + unordered + ordered + self.post.bytes(), past]
    }
}

impl<R: Reducer> Drop for ReducerTotals<R> {
    fn drop(&mut self) {
        self.post.close_errands();
        // Events are left only where an epoch could not be settled.
        self.taken.unordered.drain(..).for_each(|event| drop(Owned::new(event)));
        self.taken.ordered.drain(..).for_each(|letter| drop(Owned::new(letter)));
    }
}
