//! Folding reports of different registries into one.

use super::add::add;
use super::contents::{Contents, Report, ReportEntry, ReportSource};
use super::error::FoldError;
use super::unify::{moved, unified};
use crate::read::{Declaration, DeclarationKind};
use crate::schema::Group;
use crate::walk::data::{Reading, RowData, each_leaf};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// How a gauge that is in several reports is folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gauges {
    /// The value of the report whose cut is the latest by the time of day; of two with the same
    /// time, that of the larger incarnation.
    #[default]
    Latest,
    /// All values, each with its source: [`Sample::Gauges`](crate::walk::Sample::Gauges).
    Apart,
}

impl Report {
    /// This report and another together, as if one registry had counted what both did.
    ///
    /// Counters, lives, integrals and histograms are added, exactly: histograms at the coarser of
    /// both scales. Extrema take the more extreme. Gauges are treated as `gauges` says. Entries
    /// with the same labels become one, as do sets, families and actors with the same name; what
    /// only one report has is taken over. Numbers that do not fit are the largest that do, and the
    /// report is marked as [saturated](Report::is_saturated).
    ///
    /// The order in which reports are folded makes no difference.
    ///
    /// # Errors
    /// If both reports are of one incarnation, or declare a name in two ways.
    pub fn fold(&self, other: &Report, gauges: Gauges) -> Result<Report, FoldError> {
        let mut folding = Folding::new(self, other, gauges)?;
        let (mut declarations, mut contents) = (Vec::new(), Vec::new());
        let items = folding.items()?;
        folding.check_size(&items)?;
        for (declared, [one, other]) in items {
            contents.push(folding.contents(&declared, one, other));
            declarations.push(declared);
        }
        let saturated = folding.saturated;
        Ok(Report { sources: folding.sources, declarations, contents, saturated })
    }
}

/// How many values a folded report may always have, and how many times as many as both beyond that.
const ALWAYS: usize = 1 << 22;
const TIMES: usize = 16;

fn cells_of(group: &Group) -> usize {
    let mut cells = 0;
    each_leaf(group, &mut |_| cells += 1);
    cells
}

/// An item of a report: its number.
type Found = Option<usize>;

/// Two reports on their way into one.
struct Folding<'a> {
    reports: [&'a Report; 2],
    gauges: Gauges,
    sources: Vec<ReportSource>,
    /// For each report, the new numbers of its sources.
    numbers: [Vec<u32>; 2],
    saturated: bool,
}

impl<'a> Folding<'a> {
    fn new(one: &'a Report, other: &'a Report, gauges: Gauges) -> Result<Self, FoldError> {
        let mut sources: Vec<_> = one.sources.iter().chain(&other.sources).cloned().collect();
        sources.sort_by_key(|source| source.identity.incarnation);
        for pair in sources.windows(2) {
            let incarnation = pair[0].identity.incarnation;
            if incarnation == pair[1].identity.incarnation {
                return Err(FoldError::SameIncarnation { incarnation });
            }
        }
        let number = |of: &ReportSource| {
            let key = of.identity.incarnation;
            let found = sources.binary_search_by_key(&key, |source| source.identity.incarnation);
            found.unwrap_or_default() as u32
        };
        let reports = [one, other];
        let numbers = reports.map(|report| report.sources.iter().map(number).collect());
        let saturated = one.saturated || other.saturated;
        Ok(Folding { reports, gauges, sources, numbers, saturated })
    }

    /// All items: in the order of both reports where that is the same, by name otherwise.
    fn items(&self) -> Result<Vec<(Declaration, [Found; 2])>, FoldError> {
        let [one, other] = self.reports.map(|report| &report.declarations[..]);
        let names = |of: &[Declaration]| of.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let (own, others) = (names(one), names(other));
        let order = if own == others {
            own
        } else {
            let mut all: Vec<_> = own.into_iter().chain(others).collect();
            all.sort();
            all.dedup();
            all
        };
        let item = |name: Arc<str>| {
            let find = |of: &[Declaration]| of.iter().position(|it| it.name == name);
            let found = [find(one), find(other)];
            let declared = match found {
                [Some(one_at), Some(other_at)] => declared(&one[one_at], &other[other_at])?,
                [Some(at), None] => one[at].clone(),
                [None, at] => other[at.unwrap_or_default()].clone(),
            };
            Ok((declared, found))
        };
        order.into_iter().map(item).collect()
    }

    /// Refuses what would take many times the memory of both: fields that only one has, for the
    /// entries that only the other has.
    fn check_size(&self, items: &[(Declaration, [Found; 2])]) -> Result<(), FoldError> {
        let (mut cells, mut both) = (0_usize, 0_usize);
        for (declared, found) in items {
            let mut rows = 2;
            for (report, at) in self.reports.iter().zip(found) {
                let Some(at) = *at else { continue };
                let entries = report.contents[at].entries.len();
                let own = cells_of(&report.declarations[at].group);
                both = both.saturating_add(own.saturating_mul(entries + 1));
                rows += entries;
            }
            cells = cells.saturating_add(cells_of(&declared.group).saturating_mul(rows));
        }
        match cells > ALWAYS && cells / TIMES > both {
            true => Err(FoldError::TooLarge { cells, both }),
            false => Ok(()),
        }
    }

    /// The contents of an item.
    fn contents(&mut self, declared: &Declaration, one: Found, other: Found) -> Contents {
        let is_family = declared.kind == DeclarationKind::Family;
        let mut folded = Contents {
            total: RowData::of(&declared.group),
            retired: is_family.then(|| RowData::of(&declared.group)),
            ..Contents::default()
        };
        let mut entries = BTreeMap::<&[Box<str>], ReportEntry>::new();
        for (which, found) in [one, other].into_iter().enumerate() {
            let Some(at) = found else { continue };
            let (from, own) =
                (&self.reports[which].declarations[at], &self.reports[which].contents[at]);
            let groups = [&*from.group, &*declared.group];
            self.add(which, groups, &own.total, &mut folded.total);
            if let (Some(from), Some(into)) = (&own.retired, &mut folded.retired) {
                self.add(which, groups, from, into);
            }
            folded.refused = self.sum(folded.refused, own.refused);
            // The smaller text, so that the order makes no difference.
            let failures = folded.failure.take().into_iter().chain(own.failure.clone());
            folded.failure = failures.min();
            for entry in &own.entries {
                let known = entries.entry(&entry.labels).or_insert_with(|| ReportEntry {
                    labels: entry.labels.clone(),
                    id: None,
                    created: entry.created,
                    changed: false,
                    row: RowData::of(&declared.group),
                });
                known.created = known.created.min(entry.created);
                known.changed |= entry.changed;
                self.add(which, groups, &entry.row, &mut known.row);
            }
        }
        folded.entries = entries.into_values().collect();
        folded
    }

    fn sum(&mut self, one: u64, other: u64) -> u64 {
        one.checked_add(other).unwrap_or_else(|| {
            self.saturated = true;
            u64::MAX
        })
    }

    /// Adds a row of one of the reports.
    fn add(&mut self, which: usize, [from, to]: [&Group; 2], row: &RowData, into: &mut RowData) {
        let mut row = moved(row, from, to);
        for reading in &mut row.readings {
            let number = self.numbers[which].get(reading.source as usize);
            reading.source = number.copied().unwrap_or_default();
        }
        self.saturated |= add(to, &row, into);
        into.readings = self.readings(&into.readings, &row.readings);
    }

    /// The readings of gauges in two rows, in order.
    fn readings(&self, one: &[Reading], other: &[Reading]) -> Vec<Reading> {
        let mut all: Vec<_> = one.iter().chain(other).copied().collect();
        let age = |reading: &Reading| self.sources.get(reading.source as usize).map(|it| it.wall);
        // Sources are in the order of their incarnations.
        all.sort_by_key(|reading| (reading.gauge, reading.source));
        if self.gauges == Gauges::Latest {
            all.sort_by_key(|reading| (reading.gauge, age(reading), reading.source));
            all.reverse();
            let mut seen = HashSet::new();
            all.retain(|reading| seen.insert(reading.gauge));
            all.reverse();
        }
        all
    }
}

/// The union of two declarations of one name.
fn declared(one: &Declaration, other: &Declaration) -> Result<Declaration, FoldError> {
    let named = |it: &Declaration| match it.labels[..] {
        [] => format!("a {:?}", it.kind),
        _ => format!("a {:?} by {}", it.kind, it.labels.join(", ")),
    };
    if one.kind != other.kind || one.labels != other.labels {
        let [one_is, other_is] = [one, other].map(|it| named(it).to_lowercase());
        return Err(FoldError::Declared {
            name: one.name.to_string(),
            one: one_is,
            other: other_is,
        });
    }
    let group = if one.group == other.group {
        one.group.clone()
    } else {
        Arc::new(unified(&one.name, &one.group, &other.group)?)
    };
    Ok(Declaration { group, created: one.created.min(other.created), ..one.clone() })
}
