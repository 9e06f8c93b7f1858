//! The totals of an actor: its reducer, and the account of its events.

use super::{SetTotals, Tick, Totals};
use crate::events::{Account, Errand, Event, Letter, Mail, Post, Reducer};
use crate::metric::Metric;
use crate::phase::{Block, Quiet};
use crate::snapshot::{Part, ReducerPart};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
    letters: Vec<Letter<R::Event>>,
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
            letters: Vec::new(),
            is_changed: true,
            state: Arc::default(),
            failure: None,
        }
    }

    /// Applies the events of the closed epoch, in their order.
    fn apply(&mut self, tick: &Tick<'_>) {
        let mut letters = std::mem::take(&mut self.letters);
        // Those without a number come first, and stay in the order in which they were taken: the sort is stable.
        letters.sort_by_key(|letter| letter.number);
        let drops = self.post.letterbox.drops();
        for letter in letters.drain(..) {
            let fate = &self.fates.0[letter.event.kind()];
            match &mut self.reducer {
                _ if drops => fate.dropped.inc(),
                None => fate.lost.inc(),
                Some(reducer) => {
                    let apply = || reducer.apply(letter.event, tick.span.at);
                    match catch_unwind(AssertUnwindSafe(apply)) {
                        Ok(()) => fate.applied.inc(),
                        Err(panic) => {
                            fate.lost.inc();
                            self.fail(&*panic);
                        }
                    }
                    self.is_changed = true;
                }
            }
        }
        self.letters = letters;
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
        mail.take(&mut self.letters);
        self.account.add(&mail.account, tick);
    }

    fn settle(&mut self, tick: &mut Tick<'_>) {
        if !self.letters.is_empty() {
            self.apply(tick);
        }
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
        [bytes + self.letters.capacity() * size_of::<Letter<R::Event>>(), past]
    }
}
