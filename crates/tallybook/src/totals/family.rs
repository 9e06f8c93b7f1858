//! The totals of a family: a row per entry, the total over all that ever were, and what has retired.

use super::Totals;
use crate::family::{Key, Keyed, Meta, Shared};
use crate::metric::{Span, Stats};
use crate::pages::Pages;
use crate::phase::{KeyedBlock, Met, Quiet};
use crate::rows::Rows;
use crate::snapshot::{FamilyPart, Part};
use std::any::Any;
use std::sync::Arc;

/// See the module. An entry gets a row when the collector first meets it, and gives it back when it retires.
pub(crate) struct FamilyTotals<K: Key, S: Stats> {
    shared: Arc<Shared<K, S>>,
    rows: Rows,
    /// The entry of each row, in pages of [`OWNERS`].
    owners: Pages<Owners<K, S>>,
    free: Vec<u32>,
    used: u32,
    live: usize,
    /// All that was ever recorded, and the part of it that belongs to entries that are gone.
    total: Vec<u64>,
    retired: Vec<u64>,
    /// The rows touched in the epoch that is being drained.
    touched: Vec<u32>,
    /// The entries that were unheld when the last epoch was drained, and those when this one is.
    unheld: Vec<Arc<Keyed<K, S>>>,
    unheld_now: Vec<Arc<Keyed<K, S>>>,
    delta: Vec<u64>,
    published: Option<Arc<FamilyPart<K, S>>>,
}

/// Entries to a page. Their counts are touched when a page is copied, which only new and retiring entries cause.
pub(crate) const OWNERS: usize = 64;

/// A page of entries.
pub(crate) type Owners<K, S> = [Option<Arc<Keyed<K, S>>>; OWNERS];

impl<K: Key, S: Stats> FamilyTotals<K, S> {
    pub(crate) fn new(shared: Arc<Shared<K, S>>) -> Self {
        FamilyTotals {
            shared,
            rows: Rows::new(S::WORDS),
            owners: Pages::new(),
            free: Vec::new(),
            used: 0,
            live: 0,
            total: vec![0; S::WORDS],
            retired: vec![0; S::WORDS],
            touched: Vec::new(),
            unheld: Vec::new(),
            unheld_now: Vec::new(),
            delta: vec![0; S::WORDS],
            published: None,
        }
    }

    fn drain_entry(&mut self, entry: &Met<Meta<K>, S>, cells: &S, span: Span) {
        let row = entry.row().unwrap_or_else(|| self.admit(entry));
        if entry.meet(span.last) {
            self.touched.push(row);
            // If it is released after this, that is a fact of a later epoch, and it is met again.
            if entry.is_unheld() {
                self.unheld_now.push(entry.share());
            }
        }
        self.delta.fill(0);
        cells.drain(&mut self.delta, span);
        if self.delta.iter().all(|word| *word == 0) {
            // It was made or let go, and nothing else.
            return;
        }
        self.rows.update(row as usize, |values| S::fold(&self.delta, values, span));
        S::carry(&self.delta, &mut self.total, span);
    }

    /// Gives a row to an entry that has none.
    fn admit(&mut self, entry: &Met<Meta<K>, S>) -> u32 {
        let row = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        entry.set_row(row);
        self.live += 1;
        *self.owner(row) = Some(entry.share());
        row
    }

    fn owner(&mut self, row: u32) -> &mut Option<Arc<Keyed<K, S>>> {
        let (page, at) = (row as usize / OWNERS, row as usize % OWNERS);
        &mut self.owners.get_mut(page, || [const { None }; OWNERS])[at]
    }

    /// Retires those that were unheld when the last epoch was drained and have not come back since: their last change has
    /// been published then.
    fn retire_unheld(&mut self, span: Span) -> usize {
        let now = std::mem::take(&mut self.unheld_now);
        let before = std::mem::replace(&mut self.unheld, now);
        let mut retirements = 0;
        for entry in before {
            self.shared.about_to_retire();
            if entry.retire(span.last) {
                self.retire(&entry, span);
                retirements += 1;
            }
        }
        retirements
    }

    fn retire(&mut self, entry: &Arc<Keyed<K, S>>, span: Span) {
        let row = entry.row().expect("an entry that was touched has a row");
        self.rows.update(row as usize, |values| {
            S::carry(values, &mut self.retired, span);
            values.fill(0);
        });
        *self.owner(row) = None;
        self.free.push(row);
        self.live -= 1;
        self.shared.remove(entry);
    }
}

impl<K: Key, S: Stats> Totals for FamilyTotals<K, S> {
    fn drain(&mut self, block: &(dyn Any + Send + Sync), quiet: Quiet, span: Span) {
        let block = block.downcast_ref::<KeyedBlock<_, S>>();
        let block = block.expect("the registry uses a place for one type only");
        block.drain(quiet, |entry, cells| self.drain_entry(entry, cells, span));
    }

    fn publish(&mut self, span: Span) -> Part {
        let retirements = self.retire_unheld(span);
        let changed = std::mem::take(&mut self.touched);
        if let Some(last) = &self.published
            && retirements == 0
            && changed.is_empty()
            && last.changed.is_empty()
        {
            return Part::Family(last.clone());
        }
        let part = Arc::new(FamilyPart {
            shared: self.shared.clone(),
            rows: self.rows.publish(),
            owners: self.owners.clone(),
            used: self.used as usize,
            live: self.live,
            total: self.total.as_slice().into(),
            retired: self.retired.as_slice().into(),
            retirements: self.shared.retirements(),
            changed: changed.into(),
        });
        self.published = Some(part.clone());
        Part::Family(part)
    }

    fn entries(&self) -> usize {
        self.live
    }

    fn bytes(&self) -> usize {
        let per_entry = size_of::<Keyed<K, S>>() + 2 * size_of::<usize>();
        self.live * (per_entry + size_of::<usize>())
            + self.rows.bytes()
            + self.owners.len() * size_of::<Owners<K, S>>()
    }
}
