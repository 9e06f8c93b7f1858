//! The totals of a family: a row per entry, the total over all that ever were, and what has
//! retired.

use super::delta::{Delta, flows_between};
use super::part::{Tick, Totals};
use crate::metric::Stats;
use crate::phase::{EntryRef, KeyedBlock, Quiet};
use crate::read::{
    Changed, FamilyPart, OWNERS, Owners, Part, RETIRED_BUCKETS, TOTAL, TOTAL_BUCKETS, buckets_of,
};
use crate::record::{Hasher, Key, Keyed, Meta, Shared};
use crate::row::{BucketRows, Counts, Index, Pages, Rows, RowsView, Span};
use crate::support::user::Owned;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// See the module. An entry gets a row when the collector first meets it, and gives it back when it
/// retires.
pub(crate) struct FamilyTotals<K: Key, S: Stats> {
    /// `None` while it is unregistered.
    shared: Option<Arc<Shared<K, S>>>,
    hasher: Hasher,
    /// Its place's number, and its registry's.
    found: Option<(usize, u64)>,
    place: u32,
    rows: Rows,
    /// The counts of histograms: the total's, those of what has retired, then those of the rows.
    buckets: Option<BucketRows>,
    /// The averages of the rows, if they are wanted.
    averages: Option<Rows>,
    /// The entry of each row, in pages of [`OWNERS`].
    owners: Pages<Owners<K, S>>,
    /// The row of each hash of a key.
    index: Index,
    free: Vec<u32>,
    used: u32,
    live: usize,
    /// All that was ever recorded, and the part of it that belongs to entries that are gone.
    total: Vec<u64>,
    retired: Vec<u64>,
    /// What is to be added to the total's buckets.
    happened: Counts,
    /// The rows touched since the last snapshot.
    touched: Vec<u32>,
    /// How many rows the lists of changed rows have, of all snapshots.
    changed_alive: Arc<AtomicUsize>,
    /// The rows of the entries that were unheld when something of them was drained in the interval
    /// of the last snapshot, and of those since: each once, whichever number of epochs an interval
    /// has.
    unheld: Vec<u32>,
    unheld_now: Vec<u32>,
    /// By row, whether it is in `unheld_now`.
    is_unheld: Vec<bool>,
    delta: Delta<S>,
    published: Option<Arc<FamilyPart<K, S>>>,
    /// Whether readers have not seen yet that it was unregistered.
    is_changed: bool,
}

/// What a family that is registered again goes on with: what its handles share, and the averages of
/// its entries.
pub(crate) struct Resumed<K, S> {
    pub(crate) shared: Arc<Shared<K, S>>,
    pub(crate) averages: Option<usize>,
}

impl<K: Key, S: Stats> FamilyTotals<K, S> {
    /// `averages` is how many words an entry's averages take, where they are wanted.
    pub(crate) fn new(shared: Arc<Shared<K, S>>, place: usize, averages: Option<usize>) -> Self {
        FamilyTotals {
            hasher: shared.hasher(),
            found: shared.place.found(),
            shared: Some(shared),
            place: place as u32,
            rows: Rows::new(S::WORDS),
            buckets: BucketRows::of_family(S::BUCKETS),
            averages: averages.filter(|words| *words > 0).map(Rows::new),
            owners: Pages::new(),
            index: Index::new(),
            free: Vec::new(),
            used: 0,
            live: 0,
            total: vec![0; S::WORDS],
            retired: vec![0; S::WORDS],
            happened: Counts::new(S::BUCKETS),
            touched: Vec::new(),
            changed_alive: Arc::default(),
            unheld: Vec::new(),
            unheld_now: Vec::new(),
            is_unheld: Vec::new(),
            delta: Delta::new(),
            published: None,
            is_changed: false,
        }
    }

    fn drain_entry(&mut self, entry: &EntryRef<Meta<K>, S>, cells: &S, tick: &mut Tick<'_>) {
        let row = entry.row().unwrap_or_else(|| self.admit(entry));
        // Its number is that of no other interval.
        if entry.is_first_visit(tick.span.first) {
            self.touched.push(row);
        }
        // If it is released after this, that is a fact of a later epoch, and it is drained again.
        if entry.is_unheld() && !std::mem::replace(&mut self.is_unheld[row as usize], true) {
            self.unheld_now.push(row);
        }
        // Otherwise it was only created or released.
        if self.delta.drain(cells, tick.span) {
            self.add(row, entry.meta.serial, tick);
        }
    }

    /// Adds the delta to an entry and to the total.
    fn add(&mut self, row: u32, serial: u64, tick: &mut Tick<'_>) {
        let delta = &self.delta;
        self.rows.update(row as usize, |words| S::fold(delta.words(), words, tick.span));
        S::carry(delta.words(), &mut self.total, tick.span);
        if let Some(buckets) = &mut self.buckets {
            buckets.add(buckets_of(row as usize), delta.buckets());
            self.happened.add(delta.buckets());
        }
        if S::EXTREMA > 0 {
            delta.tell(self.place, serial, tick.extrema);
            delta.tell(self.place, TOTAL, tick.extrema);
        }
    }

    /// Gives a row to an entry that has none.
    fn admit(&mut self, entry: &EntryRef<Meta<K>, S>) -> u32 {
        let row = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.is_unheld.push(false);
            self.used - 1
        });
        entry.set_row(row);
        self.live += 1;
        *self.owner(row) = Some(entry.share());
        self.index.insert(entry.meta.hash, row);
        row
    }

    fn owner(&mut self, row: u32) -> &mut Option<Arc<Keyed<K, S>>> {
        let (page, at) = (row as usize / OWNERS, row as usize % OWNERS);
        &mut self.owners.get_mut(page, Owners::new).entries[at]
    }

    /// Retires those whose last release was in an interval before this one, so that a snapshot has
    /// shown it. One that was held and released since is in the list of this interval, too, and
    /// waits for the next.
    fn retire_unheld(&mut self, span: Span) -> usize {
        let now = std::mem::take(&mut self.unheld_now);
        now.iter().for_each(|row| self.is_unheld[*row as usize] = false);
        let mut retirements = 0;
        for row in std::mem::replace(&mut self.unheld, now) {
            let owner =
                self.owners.get(row as usize / OWNERS).and_then(|page| page.of(row as usize));
            let entry = owner.expect("a row has an owner until it retires").clone();
            // The last one, perhaps.
            let entry = Owned::new(entry);
            if entry.retire(span.first, span.last) {
                self.retire(row, &entry, span);
                retirements += 1;
            }
        }
        retirements
    }

    fn retire(&mut self, row: u32, entry: &Arc<Keyed<K, S>>, span: Span) {
        self.rows.update(row as usize, |words| {
            S::carry(words, &mut self.retired, span);
            words.fill(0);
        });
        if let Some(buckets) = &mut self.buckets {
            buckets.carry(buckets_of(row as usize), RETIRED_BUCKETS);
        }
        if let Some(averages) = &mut self.averages {
            averages.update(row as usize, |averages| averages.fill(0));
        }
        self.index.remove(entry.meta.hash, row);
        let owner = self.owner(row).take();
        self.free.push(row);
        self.live -= 1;
        if let Some(shared) = &self.shared {
            shared.remove(entry);
        }
        drop(Owned::new(owner));
    }

    /// Retires all entries, none of which is held, and starts with new rows.
    fn retire_all(&mut self, span: Span) {
        for row in 0..self.used {
            let owner =
                self.owners.get(row as usize / OWNERS).and_then(|page| page.of(row as usize));
            if let Some(entry) = owner.cloned().map(Owned::new) {
                self.retire(row, &entry, span);
            }
        }
        self.rows = Rows::new(S::WORDS);
        self.averages = None;
        (self.owners, self.index) = (Pages::new(), Index::new());
        (self.free, self.used) = (Vec::new(), 0);
        (self.touched, self.unheld, self.unheld_now) = (Vec::new(), Vec::new(), Vec::new());
        self.is_unheld = Vec::new();
        self.delta = Delta::new();
    }

    /// The averages of the total as of this tick, which moves them if anything has happened in its
    /// interval.
    fn total_averages(&self, tick: &Tick<'_>) -> Vec<u64> {
        let published = self.published.as_deref();
        let mut averages = published.map_or_else(Vec::new, |part| part.total_averages.to_vec());
        let zeros = vec![0; S::WORDS];
        let before = published.map_or(&*zeros, |part| &*part.total);
        if S::FLOWS > 0 && *before != *self.total {
            averages.resize(tick.averages.words(S::FLOWS), 0);
            let happened = flows_between::<S>(before, &self.total, tick.span);
            tick.averages.update(&mut averages, &happened);
        }
        averages
    }

    /// Brings the averages of the entries that were touched up to this tick. They follow the
    /// interval and not the epochs in it, so that the moments at which epochs are closed change
    /// nothing.
    fn average_entries(&mut self, tick: &Tick<'_>) {
        let Some(averages) = &mut self.averages else { return };
        let tree = self.rows.tree();
        let [mut before, mut now] = [vec![0; S::WORDS], Vec::new()];
        for row in self.touched.iter().map(|row| *row as usize) {
            before.fill(0);
            if let Some(published) = &self.published {
                published.rows.load(row, &mut before);
            }
            tree.read(row, &mut now);
            if before != now {
                let happened = flows_between::<S>(&before, &now, tick.span);
                averages.update(row, |row| tick.averages.update(row, &happened));
            }
        }
    }

    /// The averages of the entries as of this tick, which stay as they are for the next.
    fn preview_averages(&mut self, tick: &Tick<'_>) -> Option<RowsView> {
        let averages = self.averages.as_ref()?.tree();
        let read = |row: &u32| {
            let mut words = Vec::new();
            averages.read(*row as usize, &mut words);
            (*row as usize, words)
        };
        let kept: Vec<_> = self.touched.iter().map(read).collect();
        self.average_entries(tick);
        let averages = self.averages.as_mut()?;
        let view = averages.publish();
        for (row, words) in kept {
            averages.update(row, |row| row.copy_from_slice(&words));
        }
        Some(view)
    }

    /// What a snapshot shows of it now.
    fn part(
        &mut self,
        tick: &Tick<'_>,
        averages: Option<RowsView>,
        changed: Vec<u32>,
    ) -> Arc<FamilyPart<K, S>> {
        if let Some(buckets) = &mut self.buckets {
            buckets.add(TOTAL_BUCKETS, &self.happened.take());
        }
        Arc::new(FamilyPart {
            hasher: self.hasher.clone(),
            place: self.found,
            rows: self.rows.publish(),
            buckets: self.buckets.as_mut().map(BucketRows::publish),
            averages,
            owners: self.owners.clone(),
            index: self.index.publish(),
            used: self.used as usize,
            live: self.live,
            total: self.total.as_slice().into(),
            total_averages: self.total_averages(tick).into(),
            retired: self.retired.as_slice().into(),
            changed: Changed::new(changed, &self.changed_alive),
        })
    }
}

impl<K: Key, S: Stats> Totals for FamilyTotals<K, S> {
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, tick: &mut Tick<'_>) {
        let block = block.downcast_ref::<KeyedBlock<_, S>>();
        let block = block.expect("the registry uses a place for one type only");
        block.drain(quiet, |entry, cells| self.drain_entry(entry, cells, tick));
    }

    fn publish(&mut self, tick: &mut Tick<'_>) -> Part {
        self.average_entries(tick);
        let retirements = self.retire_unheld(tick.span);
        let changed = std::mem::take(&mut self.touched);
        if let Some(last) = &self.published
            && retirements == 0
            && !self.is_changed
            && changed.is_empty()
            && last.changed.is_empty()
        {
            return Part::Family(last.clone());
        }
        self.is_changed = false;
        let averages = self.averages.as_mut().map(Rows::publish);
        let part = self.part(tick, averages, changed);
        self.published = Some(part.clone());
        Part::Family(part)
    }

    /// Nothing retires: an entry leaves when a published snapshot has shown its last change.
    fn preview(&mut self, tick: &mut Tick<'_>) -> Part {
        if let Some(last) = &self.published
            && self.touched.is_empty()
            && last.changed.is_empty()
        {
            return Part::Family(last.clone());
        }
        let averages = self.preview_averages(tick);
        Part::Family(self.part(tick, averages, self.touched.clone()))
    }

    fn rest(&mut self, span: Span) {
        self.retire_all(span);
        self.is_changed = true;
        drop(self.shared.take());
    }

    fn resume(&mut self, with: Box<dyn Any + Send>) {
        if let Ok(with) = with.downcast::<Resumed<K, S>>() {
            let Resumed { shared, averages } = *with;
            self.hasher = shared.hasher();
            self.shared = Some(shared);
            self.averages = averages.filter(|words| *words > 0).map(Rows::new);
        }
    }

    fn entries(&self) -> usize {
        self.live
    }

    fn bytes(&self) -> [usize; 2] {
        let shared = self.shared.as_ref();
        // With the counts of its `Arc`.
        let per_entry = size_of::<Keyed<K, S>>() + 2 * size_of::<usize>();
        let entries = self.live * per_entry + self.owners.bytes() - self.owners.past_bytes()
            + shared.map_or(0, |shared| shared.map_bytes())
            + self.is_unheld.capacity();
        let gone = shared.map_or(0, |shared| shared.alive().saturating_sub(shared.keys()));
        let changed = self.changed_alive.load(Relaxed) * size_of::<u32>();
        let past = gone * per_entry + self.owners.past_bytes() + changed;
        let rows = |of: fn(&Rows) -> usize| of(&self.rows) + self.averages.as_ref().map_or(0, of);
        let buckets = |of: fn(&BucketRows) -> usize| self.buckets.as_ref().map_or(0, of);
        [
            entries + past + self.index.bytes() + rows(Rows::bytes) + buckets(BucketRows::bytes),
            past + self.index.past_bytes()
                + rows(Rows::past_bytes)
                + buckets(BucketRows::past_bytes),
        ]
    }
}
