//! The totals of an actor: its reducer, and the account of its events.

use super::{SetTotals, Tick, Totals};
use crate::events::{Account, Errand, Event, Letter, Mail, Post, Reducer, Taken};
use crate::metric::Metric;
use crate::phase::{Block, Quiet};
use crate::snapshot::{Part, ReducerPart};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

type KindOf<R> = <<R as Reducer>::Event as Event>::Kind;

/// See the module. The reducer is here and nowhere else.
pub(crate) struct ReducerTotals<R: Reducer> {
    post: Arc<Post<R>>,
    /// `None` once it has panicked.
    reducer: Option<R>,
    account: SetTotals<Account<KindOf<R>>>,
    /// What became of the events that were taken out of the queues.
    fates: Account<KindOf<R>>,
    /// What was asked for before the epoch was closed.
    errands: Vec<Errand<R>>,
    /// The events of the epoch that is being drained.
    taken: Taken<R::Event>,
    /// Whether readers do not see yet what the reducer has become.
    is_changed: bool,
    state: Arc<R::Snapshot>,
    failure: Option<Arc<str>>,
}

impl<R: Reducer> ReducerTotals<R> {
    pub(crate) fn new(post: Arc<Post<R>>, reducer: R, place: usize) -> Self {
        ReducerTotals {
            post,
            reducer: Some(reducer),
            account: SetTotals::new(place),
            fates: Account::at_rest(),
            errands: Vec::new(),
            taken: Taken::new(),
            is_changed: true,
            state: Arc::default(),
            failure: None,
        }
    }

    /// Applies the events of the closed epoch, in their order.
    fn apply(&mut self, at: Duration) {
        let mut unordered = std::mem::take(&mut self.taken.unordered);
        self.deliver(unordered.drain(..), at);
        self.taken.unordered = unordered;
        let mut ordered = std::mem::take(&mut self.taken.ordered);
        ordered.sort_by_key(|letter| letter.number);
        self.deliver(ordered.drain(..).map(|letter| letter.event), at);
        self.taken.ordered = ordered;
    }

    fn deliver(&mut self, mut events: impl Iterator<Item = R::Event>, at: Duration) {
        let fates = &self.fates.0;
        if self.post.letterbox.doors.drops() {
            return events.for_each(|event| fates[event.kind()].dropped.inc());
        }
        if let Some(reducer) = &mut self.reducer {
            // What is being applied, for where that panics.
            let current = Cell::new(None);
            let apply = |event: R::Event| {
                let kind = event.kind();
                current.set(Some(kind));
                reducer.apply(event, at);
                fates[kind].applied.inc();
            };
            let all = AssertUnwindSafe(|| events.by_ref().for_each(apply));
            let result = catch_unwind(all);
            self.is_changed |= current.get().is_some();
            let Err(panic) = result else { return };
            if let Some(kind) = current.get() {
                fates[kind].lost.inc();
            }
            self.fail(&*panic);
        }
        let fates = &self.fates.0;
        events.for_each(|event| fates[event.kind()].lost.inc());
    }

    /// The reducer is not whole any more: readers keep what it was last.
    fn fail(&mut self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.failure = Some(text.unwrap_or("no message").into());
        self.reducer = None;
    }

    fn run(&mut self, errand: Errand<R>) {
        match (errand, &self.reducer) {
            (Errand::Restart(reducer), _) => {
                self.reducer = Some(reducer);
                self.failure = None;
                self.is_changed = true;
            }
            // Dropping the request says that there is nobody to answer.
            (Errand::Ask(_), None) => {}
            (Errand::Ask(request), Some(reducer)) => {
                // It only looks, so whatever it does the reducer is whole.
                let _ = catch_unwind(AssertUnwindSafe(|| request(reducer)));
            }
        }
    }
}

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
        self.apply(tick.span.at);
        std::mem::take(&mut self.errands).into_iter().for_each(|errand| self.run(errand));
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        if std::mem::take(&mut self.is_changed)
            && let Some(reducer) = &self.reducer
        {
            match catch_unwind(AssertUnwindSafe(|| reducer.snapshot())) {
                Ok(state) => self.state = Arc::new(state),
                Err(panic) => self.fail(&*panic),
            }
        }
        self.account.add(&self.fates, tick);
        let Part::Set(account) = self.account.publish(tick) else {
            unreachable!("an account is a set")
        };
        let (state, failure) = (self.state.clone(), self.failure.clone());
        Part::Reducer(Arc::new(ReducerPart { account, state, failure }))
    }

    fn bytes(&self) -> [usize; 2] {
        let [bytes, past] = self.account.bytes();
        let unordered = self.taken.unordered.capacity() * size_of::<R::Event>();
        let ordered = self.taken.ordered.capacity() * size_of::<Letter<R::Event>>();
        [bytes + unordered + ordered, past]
    }
}
