//! Walking snapshots, differences and averages of this process.

use super::data::{RowData, each_leaf, flows_of};
use super::source::{Cut, EntryHead, EntrySource, Flows, LabelValues, Source, Which};
use crate::metric::{Counter, averages};
use crate::read::{AnyFamily, Averaged, Declaration, Difference, Part, Snapshot, TOTAL};
use crate::row::{Extrema, Row, RowExtrema};
use crate::schema::{Group, Kind};
use std::collections::HashMap;
use std::time::Duration;

/// The row of an item in a snapshot.
fn row<'a>(snapshot: &'a Snapshot, declared: &Declaration, which: Which) -> Option<Row<'a>> {
    let part = snapshot.parts.get(declared.place)?;
    match (part, which) {
        (Part::Family(family), Which::Total) => {
            let [total, _] = family.totals(snapshot.span);
            Some(total)
        }
        (Part::Family(family), Which::Retired) => {
            let [_, retired] = family.totals(snapshot.span);
            Some(retired)
        }
        (part, Which::Total) => Some(part.set()?.row(snapshot.span)),
        (_, Which::Retired) => None,
    }
}

fn family<'a>(snapshot: &'a Snapshot, declared: &Declaration) -> Option<&'a dyn AnyFamily> {
    match snapshot.parts.get(declared.place)? {
        Part::Family(family) => Some(&**family),
        _ => None,
    }
}

/// The entry of a row.
fn head<'a>(
    snapshot: &Snapshot,
    family: &'a dyn AnyFamily,
    row: usize,
    changed: &[u32],
) -> Option<EntryHead<'a>> {
    let entry = family.entry(row)?;
    Some(EntryHead {
        labels: LabelValues::Key(entry.key),
        id: Some(entry.serial),
        created: snapshot.settings.identity.time_of_day(entry.since),
        changed: changed.binary_search(&(row as u32)).is_ok(),
    })
}

/// The rows that changed in the interval, in order.
fn changed(family: &dyn AnyFamily) -> Vec<u32> {
    let mut rows = family.changed().to_vec();
    rows.sort_unstable();
    rows
}

/// The rows of a family's entries from a row on.
fn next_row(family: &dyn AnyFamily, from: usize) -> Option<usize> {
    (from..family.rows()).find(|row| family.entry(*row).is_some())
}

impl Source for Snapshot {
    fn cut(&self) -> Cut<'_> {
        Cut {
            identity: Some(&self.settings.identity),
            epoch: self.epoch(),
            at: self.at(),
            wall: self.wall(),
            interval: self.interval(),
            stale: self.is_stale(),
            elapsed: None,
        }
    }

    fn declarations(&self) -> &[Declaration] {
        &self.schema
    }

    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows) {
        flows.clear();
        let declared = &self.schema[item];
        let row = row(self, declared, which);
        match row {
            Some(row) => into.fill(&declared.group, row),
            None => into.clear(&declared.group),
        }
    }

    fn refused(&self, item: usize) -> u64 {
        match self.schema[item].refusals {
            // It has none of its own: it is no family.
            place if place == self.schema[item].place => 0,
            place => self.metric::<Counter>(place),
        }
    }

    fn len(&self, item: usize) -> usize {
        family(self, &self.schema[item]).map_or(0, AnyFamily::len)
    }

    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>> {
        let declared = &self.schema[item];
        let family = family(self, declared)?;
        let (group, changed) = (&*declared.group, changed(family));
        let words = Vec::new();
        Some(Box::new(Entries { snapshot: self, family, group, changed, next: 0, words }))
    }

    fn failure(&self, item: usize) -> Option<&str> {
        match self.parts.get(self.schema[item].place)? {
            Part::Reducer(part) => part.failure.as_deref(),
            _ => None,
        }
    }

    #[cfg(feature = "serde")]
    fn state(&self, item: usize) -> Option<&dyn erased_serde::Serialize> {
        match self.parts.get(self.schema[item].place)? {
            Part::Reducer(part) => part.show.and_then(|show| show(&**part.state)),
            _ => None,
        }
    }
}

/// The entries of a family in a snapshot.
struct Entries<'a> {
    snapshot: &'a Snapshot,
    family: &'a dyn AnyFamily,
    group: &'a Group,
    changed: Vec<u32>,
    next: usize,
    words: Vec<u64>,
}

impl Entries<'_> {
    /// Reads the next entry. Answers in which row it is.
    fn step(&mut self, into: &mut RowData) -> Option<usize> {
        let row = next_row(self.family, self.next)?;
        self.next = row + 1;
        into.fill(self.group, self.family.row_of(row, &mut self.words, self.snapshot.span));
        Some(row)
    }

    fn head(&self, row: usize) -> Option<EntryHead<'_>> {
        head(self.snapshot, self.family, row, &self.changed)
    }
}

impl EntrySource for Entries<'_> {
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>> {
        flows.clear();
        let row = self.step(into)?;
        self.head(row)
    }
}

impl Source for Difference {
    fn cut(&self) -> Cut<'_> {
        Cut { elapsed: Some(self.elapsed()), ..Source::cut(&**self.later()) }
    }

    fn declarations(&self) -> &[Declaration] {
        &self.later().schema
    }

    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows) {
        let declared = &self.later().schema[item];
        Source::read(&**self.later(), item, which, into, flows);
        // An observed set is compared with its first values where the earlier snapshot has none.
        let later = self.later().parts.get(declared.place).and_then(Part::set);
        let first = || Some(later?.first.as_ref()?.row(self.earlier().span));
        if let Some(earlier) = row(self.earlier(), declared, which).or_else(first) {
            let mut before = RowData::default();
            before.fill(&declared.group, earlier);
            into.subtract(&declared.group, &before);
        }
        if let Some(lists) = self.extrema()
            && which == Which::Total
        {
            let seen = lists.iter().flat_map(|list| list.of(declared.place as u32, TOTAL));
            let seen = folded(seen.map(|(field, extrema)| (TOTAL, field, extrema)));
            observe(into, &declared.group, seen.get(&TOTAL));
        }
        flows.set(&declared.group, into, self.elapsed());
    }

    fn refused(&self, item: usize) -> u64 {
        let declared = &self.later().schema[item];
        let earlier = self.earlier();
        let before = match declared.refusals {
            place if place == declared.place => 0,
            place => earlier.metric::<Counter>(place),
        };
        Source::refused(&**self.later(), item).saturating_sub(before)
    }

    fn len(&self, item: usize) -> usize {
        Source::len(&**self.later(), item)
    }

    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>> {
        let declared = &self.later().schema[item];
        let snapshot = &**self.later();
        let part = family(snapshot, declared)?;
        let (group, changed) = (&*declared.group, changed(part));
        let words = Vec::new();
        let later = Entries { snapshot, family: part, group, changed, next: 0, words };
        let seen = self
            .extrema()
            .filter(|_| has_extrema(group))
            .map(|lists| folded(lists.iter().flat_map(|list| list.at(declared.place as u32))));
        let earlier = family(self.earlier(), declared).map(|family| (&**self.earlier(), family));
        let elapsed = self.elapsed();
        let before = RowData::default();
        Some(Box::new(Increases { later, earlier, before, seen, elapsed }))
    }

    fn failure(&self, item: usize) -> Option<&str> {
        Source::failure(&**self.later(), item)
    }

    #[cfg(feature = "serde")]
    fn state(&self, item: usize) -> Option<&dyn erased_serde::Serialize> {
        Source::state(&**self.later(), item)
    }
}

/// The extrema of entries, by field, in order.
type Seen = HashMap<u64, Vec<(u32, Extrema)>>;

fn folded(all: impl Iterator<Item = (u64, u32, Extrema)>) -> Seen {
    let mut folded = Seen::new();
    for (entry, field, extrema) in all {
        let own = folded.entry(entry).or_default();
        match own.binary_search_by_key(&field, |(known, _)| *known) {
            Ok(at) => own[at].1.fold(extrema),
            Err(at) => own.insert(at, (field, extrema)),
        }
    }
    folded
}

fn observe(row: &mut RowData, group: &Group, seen: Option<&Vec<(u32, Extrema)>>) {
    row.observe(group, &mut RowExtrema::new(seen.map(Vec::as_slice).unwrap_or_default()));
}

fn has_extrema(group: &Group) -> bool {
    let mut has = false;
    each_leaf(group, &mut |kind| {
        has |= matches!(kind, Kind::Max | Kind::Min | Kind::Histogram { .. } | Kind::TimedLive);
    });
    has
}

/// What the entries of a family recorded in between.
struct Increases<'a> {
    later: Entries<'a>,
    earlier: Option<(&'a Snapshot, &'a dyn AnyFamily)>,
    before: RowData,
    seen: Option<Seen>,
    elapsed: Duration,
}

impl EntrySource for Increases<'_> {
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>> {
        let row = self.later.step(into)?;
        let group = self.later.group;
        let serial = self.later.family.entry(row)?.serial;
        // An entry keeps its row for life; another in the same row is not what it was.
        if let Some((snapshot, family)) = self.earlier
            && family.entry(row).is_some_and(|earlier| earlier.serial == serial)
        {
            let earlier = family.row_of(row, &mut self.later.words, snapshot.span);
            self.before.fill(group, earlier);
            into.subtract(group, &self.before);
        }
        if let Some(seen) = &self.seen {
            observe(into, group, seen.get(&serial));
        }
        flows.set(group, into, self.elapsed);
        self.later.head(row)
    }
}

impl Source for Averaged<'_> {
    fn cut(&self) -> Cut<'_> {
        Source::cut(self.snapshot)
    }

    fn declarations(&self) -> &[Declaration] {
        &self.snapshot.schema
    }

    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows) {
        Source::read(self.snapshot, item, which, into, flows);
        let declared = &self.snapshot.schema[item];
        if which == Which::Total {
            let own: &[u64] = match self.snapshot.parts.get(declared.place) {
                Some(Part::Family(family)) => family.total_averages(),
                Some(part) => part.set().map_or(&[], |set| &set.averages),
                None => &[],
            };
            self.rates_of(own, &declared.group, flows);
        }
    }

    fn refused(&self, item: usize) -> u64 {
        Source::refused(self.snapshot, item)
    }

    fn len(&self, item: usize) -> usize {
        Source::len(self.snapshot, item)
    }

    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>> {
        let (snapshot, declared) = (self.snapshot, &self.snapshot.schema[item]);
        let family = family(snapshot, declared)?;
        let (group, changed) = (&*declared.group, changed(family));
        let entries = Entries { snapshot, family, group, changed, next: 0, words: Vec::new() };
        Some(Box::new(AveragedEntries { entries, averaged: *self }))
    }

    fn failure(&self, item: usize) -> Option<&str> {
        Source::failure(self.snapshot, item)
    }

    #[cfg(feature = "serde")]
    fn state(&self, item: usize) -> Option<&dyn erased_serde::Serialize> {
        Source::state(self.snapshot, item)
    }
}

impl Averaged<'_> {
    /// The averages in a row of words.
    fn rates_of(&self, row: &[u64], group: &Group, flows: &mut Flows) {
        let count = group.fields.iter().map(|field| flows_of(&field.kind)).sum();
        flows.clear();
        flows.is_known = true;
        averages::rates(
            row,
            [self.which, count],
            self.time_constant(),
            self.snapshot.at(),
            &mut flows.all,
        );
        flows.all.resize(count, 0.0);
    }
}

/// The entries of a family with their averages.
struct AveragedEntries<'a> {
    entries: Entries<'a>,
    averaged: Averaged<'a>,
}

impl EntrySource for AveragedEntries<'_> {
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>> {
        flows.clear();
        let row = self.entries.step(into)?;
        if self.entries.family.averages_of(row, &mut self.entries.words) {
            self.averaged.rates_of(&self.entries.words, self.entries.group, flows);
        }
        self.entries.head(row)
    }
}
