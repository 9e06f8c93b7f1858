//! [`Core`]: what outlives a collector and is handed to the next.
//!
//! # Epochs, intervals, cuts
//! A tick and `close_epoch` are the same but for publishing: both close the epoch that is open when
//! they are called, after they have finished one that was held up before. What they close is
//! *drained*: added up. A tick publishes all that has been drained since the snapshot before, which
//! is its
//! *interval*; between two snapshots any number of epochs may have been closed.
//!
//! An epoch in which a writer stays inside a fact for too long is left *pending*; the next call
//! goes on with it. A tick that is held up publishes what was drained before, if there is anything
//! new, and marks the snapshot as stale. The driver of the collector retries by itself
//! ([`Core::retry`]), and publishes the cut of that tick as soon as it is there.
//!
//! A request (of a full queue, or a question) is taken when the next epoch is about to open, so
//! what was sent before it is in the epoch that is closed then. One that comes while an epoch is
//! pending waits for the next.

use super::catalog::{Arrival, Departed};
use super::context::Context;
use super::cuts::CutRequest;
use super::history::History;
use super::parts::Parts;
use super::stats::{CollectorStats, NAME};
use super::totals::{SetTotals, Tick, Totals};
use crate::metric::Metric;
use crate::metric::averages::Averages;
use crate::phase::{Closer, Hub, Patience, Stuck};
use crate::read::{Declaration, ExtremaBuffer, Part, PartList, Segments, Snapshot, UserPanics};
use crate::row::Span;
use crate::support::nanos;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// See the module.
pub(crate) struct Core {
    closer: Closer,
    /// What was registered when the last epoch was closed.
    schema: Arc<Vec<Declaration>>,
    /// Of all places but 0, which is `own`.
    parts: Parts,
    cells: CollectorStats,
    own: SetTotals<CollectorStats>,
    averages: Averages,
    history: History,
    /// The last cut that was published, without its history.
    last: Arc<Snapshot>,
    /// The cut that is being made, and the one that was drained last.
    making: Cut,
    drained: Cut,
    /// The first epoch that is not in a snapshot yet, and what was extreme from then on.
    first: u64,
    /// A tick that was held up, and whose cut is still to be published.
    due: Option<Closing>,
    /// A cut on demand that was held up.
    request: Option<(CutRequest, Closing)>,
    extrema: ExtremaBuffer,
    panics: Arc<[UserPanics]>,
    ticking: Duration,
    /// What was about to be unregistered when the epoch that is being closed was still open, and
    /// when those were that have been drained since the last snapshot.
    leaving: Vec<u64>,
    ripe: Vec<u64>,
}

/// When an epoch was closed.
#[derive(Clone, Copy)]
struct Cut {
    epoch: u64,
    at: Duration,
    wall: SystemTime,
}

/// A tick, or an epoch that is closed without publishing.
pub(super) struct Closing {
    /// Whether it is a tick, which asks observed sets for their values.
    is_tick: bool,
    /// Whether the epoch that was open when it was called has been closed, or at least is pending.
    is_begun: bool,
}

impl Closing {
    pub(super) fn tick() -> Self {
        Closing { is_tick: true, is_begun: false }
    }

    pub(super) fn unpublished() -> Self {
        Closing { is_tick: false, is_begun: false }
    }
}

impl Core {
    /// `start` is the empty snapshot that everything begins with.
    pub(crate) fn new(hub: Arc<Hub>, start: Arc<Snapshot>, history: History) -> Self {
        let cut = Cut { epoch: 0, at: start.at(), wall: start.wall() };
        Core {
            closer: Closer::new(hub),
            schema: Arc::default(),
            parts: Parts::new(1),
            cells: CollectorStats::at_rest(),
            own: SetTotals::new(0),
            averages: Averages::new(start.settings.constants.clone()),
            history,
            making: cut,
            drained: cut,
            first: 1,
            due: None,
            request: None,
            extrema: ExtremaBuffer::default(),
            last: start,
            panics: Arc::default(),
            ticking: Duration::ZERO,
            leaving: Vec::new(),
            ripe: Vec::new(),
        }
    }

    /// Makes a cut and publishes it. Answers whether it is whole: whether all that was over before
    /// is in it.
    pub(super) fn tick(
        &mut self,
        context: &Context,
        patience: &mut Patience,
    ) -> (Arc<Snapshot>, bool) {
        let started = self.now(context);
        let mut closing = Closing::tick();
        let is_whole = self.close(context, &mut closing, patience).is_ok();
        (self.end_tick(context, started, closing, is_whole), is_whole)
    }

    /// Publishes the cut of a tick, or as much of it as was drained.
    pub(super) fn end_tick(
        &mut self,
        context: &Context,
        started: Duration,
        closing: Closing,
        is_whole: bool,
    ) -> Arc<Snapshot> {
        self.due = (!is_whole).then_some(closing);
        self.publish(context, started, is_whole)
    }

    /// Drops what waits in queues when the registry is gone: an event may hold a handle that keeps
    /// the queues.
    pub(crate) fn end(&mut self, context: &Context) {
        self.take_over(context);
        self.parts.each(|totals| totals.end());
        // Both sides.
        for _ in 0..2 {
            let mut patience = Patience::exactly(Duration::ZERO);
            let _held_up = self.close(context, &mut Closing::unpublished(), &mut patience);
        }
    }

    /// Looks again at what is pending, and publishes it if it was a tick's. Then closes the open
    /// epoch if that was asked for. Answers whether nothing is pending.
    pub(super) fn retry(&mut self, context: &Context, patience: &mut Patience) -> bool {
        let started = self.now(context);
        if self.closer.is_pending() {
            // Of a tick that could not even begin its own epoch, that one as well: all that was
            // over before it is to be there.
            let due = self.due.take();
            let is_tick = due.is_some();
            let mut closing = due.unwrap_or(Closing { is_begun: true, ..Closing::unpublished() });
            if self.close(context, &mut closing, patience).is_err() {
                self.due = is_tick.then_some(closing);
                return false;
            }
            if is_tick {
                self.publish(context, started, true);
            }
        }
        if !self.answer(context, patience) {
            return false;
        }
        let is_asked = context.wake.is_epoch_asked();
        !is_asked || self.close(context, &mut Closing::unpublished(), patience).is_ok()
    }

    /// Makes the cut that callers of [`Context::cut`] wait for, if there are any. Answers whether
    /// nothing holds it up.
    ///
    /// The epoch is closed as by `close_epoch`, so that nothing is published and no interval ends;
    /// then the callers get a snapshot of what has been drained. A cut that was held up goes on
    /// with the next call.
    pub(super) fn answer(&mut self, context: &Context, patience: &mut Patience) -> bool {
        let next = || {
            let taken = context.wake.take_cut().then(|| context.cuts.take());
            taken.flatten().map(|request| (request, Closing::unpublished()))
        };
        let wanted = self.request.take().or_else(next);
        let Some((request, mut closing)) = wanted.filter(|(request, _)| request.is_wanted()) else {
            return true;
        };
        match self.cut(context, &mut closing, patience) {
            Ok(snapshot) => {
                self.parts.outside(|| request.answer(snapshot));
                true
            }
            Err(_) => {
                self.request = Some((request, closing));
                false
            }
        }
    }

    /// A snapshot of all that was over before `closing` began, for the caller alone.
    pub(super) fn cut(
        &mut self,
        context: &Context,
        closing: &mut Closing,
        patience: &mut Patience,
    ) -> Result<Arc<Snapshot>, Stuck> {
        // Its epoch may have been drained, and even published, since it was held up.
        let is_drained = closing.is_begun && !self.closer.is_pending();
        if !is_drained || self.drained.epoch < self.first {
            self.close(context, closing, patience)?;
        }
        Ok(Arc::new(self.preview(context)))
    }

    /// Continues with a tick, or with closing an epoch, until the open epoch is closed, or the
    /// patience is over.
    pub(super) fn close(
        &mut self,
        context: &Context,
        closing: &mut Closing,
        patience: &mut Patience,
    ) -> Result<(), Stuck> {
        loop {
            match self.go_on(context, closing) {
                Err(stuck) if patience.wait(stuck.crowd) => {}
                result => return result,
            }
        }
    }

    /// The same as far as it is possible without waiting.
    fn go_on(&mut self, context: &Context, closing: &mut Closing) -> Result<(), Stuck> {
        loop {
            if !self.closer.is_pending() {
                self.begin(context, closing.is_tick);
                closing.is_begun = true;
            }
            let epoch = self.closer.close()?;
            self.drain(context, epoch);
            if closing.is_begun {
                return Ok(());
            }
        }
    }

    /// Whether an epoch is being waited for, or a cut is still to be made of it.
    pub(super) fn is_held_up(&self) -> bool {
        self.closer.is_pending() || self.request.is_some()
    }

    /// Tells readers, and callers that wait for a cut, that nobody collects from now on.
    pub(super) fn end_collecting(&mut self, context: &Context) {
        let request = self.request.take();
        self.parts.outside(|| drop(request));
        self.parts.outside(|| context.end_collecting());
    }

    /// The time on the registry's clock; the last one known if the clock panics.
    pub(super) fn now(&mut self, context: &Context) -> Duration {
        self.parts.outside(|| context.clock.now()).unwrap_or(self.making.at)
    }

    /// All that comes before the next epoch opens.
    fn begin(&mut self, context: &Context, is_tick: bool) {
        if is_tick {
            // First, so that all that the callbacks do or see is in this epoch.
            self.observe(context);
        }
        context.wake.take();
        // Whatever tick there was is part of what is closed now.
        self.due = None;
        self.making.at = self.now(context);
        let wall = self.parts.outside(|| context.clock.wall());
        self.making.wall = wall.unwrap_or(self.making.wall);
        self.take_over(context);
        self.leaving = context.leaving();
        self.parts.each(|totals| totals.prepare());
    }

    /// Asks the observed sets for their values.
    fn observe(&mut self, context: &Context) {
        self.take_over(context);
        let (cells, fallback) = (&self.cells, self.making.at);
        let now = |parts: &mut Parts| parts.outside(|| context.clock.now()).unwrap_or(fallback);
        self.parts.observe(now, |time| match time {
            None => cells.callbacks_skipped.inc(),
            Some(time) => {
                let nanos = nanos(time);
                cells.callback_time.add(nanos);
                cells.slowest_callback.observe(nanos);
            }
        });
    }

    /// Adds up what a closed epoch holds.
    fn drain(&mut self, context: &Context, epoch: u64) {
        // Again: what was recorded in this epoch on something new, was recorded after its
        // registration.
        self.take_over(context);
        self.making.epoch = epoch;
        self.drained = self.making;
        self.ripe.append(&mut self.leaving);
        let span = self.span();
        let mut tick = Tick { span, averages: &self.averages, extrema: &mut self.extrema };
        let (parts, own) = (&mut self.parts, &mut self.own);
        self.closer.drain(epoch, |place, block, quiet| match place {
            0 => own.drain(block, quiet, &mut tick),
            // A place that is newer than this has nothing in this epoch.
            place => parts.call(place, |totals| totals.drain(block, quiet, &mut tick)),
        });
        self.parts.each(|totals| totals.settle(&mut tick));
    }

    /// The epochs that were drained since the last snapshot.
    fn span(&self) -> Span {
        Span { first: self.first, last: self.drained.epoch, at: self.drained.at }
    }

    /// Takes over the totals of what has been registered since the last call.
    fn take_over(&mut self, context: &Context) {
        let (schema, arrivals) = context.take_arrivals();
        for arrival in arrivals {
            match arrival {
                Arrival::New(totals) => self.parts.add(totals),
                Arrival::Resumed(place, with) => {
                    self.parts.call(place, |totals| totals.resume(with));
                }
            }
        }
        self.schema = schema;
    }

    /// Removes what was unregistered and has been shown since.
    fn depart(&mut self, context: &Context) {
        let ripe = std::mem::take(&mut self.ripe);
        if ripe.is_empty() {
            return;
        }
        for Departed { indices, places, keeps_totals, handle } in context.depart(&ripe) {
            let span = self.span();
            let blocks = self.closer.forget(&places);
            self.parts.outside(|| drop(blocks));
            for place in indices {
                if keeps_totals {
                    self.parts.call(place, |totals| totals.rest(span));
                } else {
                    let totals = self.parts.remove(place);
                    self.parts.outside(|| drop(totals));
                }
            }
            self.parts.outside(|| drop(handle));
        }
        self.schema = context.schema();
    }

    /// Publishes what has been drained.
    fn publish(&mut self, context: &Context, started: Duration, is_whole: bool) -> Arc<Snapshot> {
        let counter = if is_whole { &self.cells.ticks } else { &self.cells.stale };
        counter.inc();
        let snapshot = if self.drained.epoch >= self.first {
            self.fresh(context, !is_whole)
        } else {
            self.repeat(context)
        };
        let snapshot = Arc::new(snapshot);
        let before = context.published.latest.swap(snapshot.clone());
        self.parts.outside(|| drop(before));
        self.parts.outside(|| context.published.changed.notify());
        self.depart(context);
        self.ticking = self.now(context).saturating_sub(started);
        snapshot
    }

    /// The snapshot of all epochs that were drained since the one before.
    fn fresh(&mut self, context: &Context, stale: bool) -> Snapshot {
        let span = self.span();
        self.first = span.last + 1;
        self.begin_averages(span);
        let mut extrema = std::mem::take(&mut self.extrema);
        let mut tick = Tick { span, averages: &self.averages, extrema: &mut extrema };
        let published = self.parts.publish(|totals| totals.publish(&mut tick));
        let own = (0, self.publish_own(span, &mut extrema));
        let parts = PartList::new(std::iter::once(own).chain(published));
        let cut = self.snapshot(context, span, stale, parts);
        let from = std::mem::replace(&mut self.last, Arc::new(cut));
        let past = self.parts.iter().map(|totals| totals.bytes()[1]).sum();
        // It lets cuts go, and what only they showed.
        let (list, limited) = (&mut self.history, &mut extrema);
        let history = self.parts.outside(|| list.add(from, span.at, limited, past));
        self.extrema = extrema;
        let history = history.unwrap_or_default();
        Snapshot { history, ..Snapshot::clone(&self.last) }
    }

    /// The snapshot of the same epochs, which stay those of the interval that goes on.
    fn preview(&mut self, context: &Context) -> Snapshot {
        let span = self.span();
        self.begin_averages(span);
        let mut extrema = std::mem::take(&mut self.extrema);
        let mut tick = Tick { span, averages: &self.averages, extrema: &mut extrema };
        let shown = self.parts.show(|totals| totals.preview(&mut tick));
        self.measure(&extrema);
        let mut tick = Tick { span, averages: &self.averages, extrema: &mut extrema };
        self.own.add(&self.cells, &mut tick);
        let own = (0, self.own.preview(&mut tick));
        let parts = PartList::new(std::iter::once(own).chain(shown));
        let history = self.history.preview(self.last.clone(), span.at, &extrema);
        self.extrema = extrema;
        Snapshot { history, ..self.snapshot(context, span, false, parts) }
    }

    fn begin_averages(&mut self, span: Span) {
        self.averages.begin(span.at, span.at.saturating_sub(self.last.at()));
    }

    /// A snapshot of these parts, without a history.
    fn snapshot(&self, context: &Context, span: Span, stale: bool, parts: PartList) -> Snapshot {
        Snapshot {
            registry: context.hub.id(),
            span,
            wall: self.drained.wall,
            interval: span.at.saturating_sub(self.last.at()),
            stale,
            parts,
            schema: self.schema.clone(),
            settings: self.last.settings.clone(),
            panics: self.panics.clone(),
            history: Segments::default(),
            held: Arc::default(),
        }
    }

    /// The last snapshot again, because a writer is inside a fact and nothing could be drained.
    fn repeat(&mut self, context: &Context) -> Snapshot {
        let mut snapshot = Snapshot::clone(&context.published.latest.load());
        snapshot.stale = true;
        // Its extrema belong to no segment: the last one is published already.
        let own = self.publish_own(snapshot.span, &mut ExtremaBuffer::default());
        if snapshot.parts.is_empty() {
            // Not one cut could be made yet.
            snapshot.schema = context.schema();
        }
        let others = snapshot.parts.iter().skip(1).cloned();
        snapshot.parts = PartList::new(std::iter::once((0, own)).chain(others));
        snapshot.panics = self.panics.clone();
        snapshot
    }

    fn publish_own(&mut self, span: Span, extrema: &mut ExtremaBuffer) -> Part {
        let nanos = nanos(self.ticking);
        if nanos > 0 {
            self.cells.tick_time.add(nanos);
            self.cells.last_tick.observe(nanos);
        }
        self.measure(extrema);
        let mut tick = Tick { span, averages: &self.averages, extrema };
        self.own.add(&self.cells, &mut tick);
        self.own.publish(&mut tick)
    }

    /// Brings the collector's own statistics up to date, but for those of ticks. `extrema` is what
    /// was gathered.
    fn measure(&mut self, extrema: &ExtremaBuffer) {
        let schema = &self.schema;
        let name = |place: Option<usize>| {
            let place = place.unwrap_or(0);
            let mut declared = schema.iter();
            let is_it = |it: &&Declaration| it.place == place || it.refusals == place;
            declared.find(is_it).map_or_else(|| NAME.into(), |it| it.name.clone())
        };
        if let Some(panics) = self.parts.take_panics(name) {
            self.panics = panics;
        }
        let cells = &self.cells;
        cells.waits.add(self.closer.take_waits());
        cells.panics.add(self.parts.take_caught());
        cells.refused.add(self.closer.take_refused());
        cells.shards.set(self.closer.shards() as i64);
        let entries: usize = self.parts.iter().map(|totals| totals.entries()).sum();
        cells.entries.set(entries as i64);
        let bytes = self.parts.iter().map(|totals| totals.bytes());
        let [bytes, past] = bytes.fold([0; 2], |sum, next| [sum[0] + next[0], sum[1] + next[1]]);
        let gathered = self.extrema.bytes() + extrema.bytes();
        cells.memory.set((bytes + self.history.bytes() + gathered + self.closer.bytes()) as i64);
        cells.history.set(self.history.len() as i64);
        cells.history_memory.set((past + self.history.bytes()) as i64);
    }
}
