//! [`ReportDifference`]: what happened between two reports.

use super::contents::{Report, ReportEntry};
use super::error::SinceError;
use crate::read::Declaration;
use crate::schema::Group;
use crate::walk::Walk;
use crate::walk::data::RowData;
use crate::walk::source::{Cut, EntryHead, EntrySource, Flows, Source, Which};
use std::collections::HashMap;
use std::time::Duration;

/// Two reports, seen as what happened between them; made by [`Report::since`].
///
/// Its values are increases, and its rates increases divided by [`elapsed`](Self::elapsed). Gauges,
/// and the extrema of `Max` and `Min`, are those of the later report; the extrema of a histogram
/// are known to the bucket.
#[derive(Clone, Copy, Debug)]
pub struct ReportDifference<'a> {
    later: &'a Report,
    earlier: &'a Report,
    elapsed: Duration,
}

impl Report {
    /// What happened between `earlier` and this report.
    ///
    /// # Errors
    /// If they are of different incarnations, or `earlier` is later than this one.
    pub fn since<'a>(&'a self, earlier: &'a Report) -> Result<ReportDifference<'a>, SinceError> {
        let incarnations = |of: &Report| {
            let all = of.sources.iter().map(|source| source.identity.incarnation);
            all.map(|incarnation| format!("{incarnation:032x}")).collect::<Vec<_>>().join(", ")
        };
        let [own, other] = [self, earlier].map(incarnations);
        if own != other {
            return Err(SinceError::OtherIncarnation { later: own, earlier: other });
        }
        let mut elapsed = Duration::ZERO;
        for (later, earlier) in self.sources.iter().zip(&earlier.sources) {
            match later.at.checked_sub(earlier.at) {
                Some(between) => elapsed = elapsed.max(between),
                None => return Err(SinceError::NotEarlier { by: earlier.at - later.at }),
            }
        }
        Ok(ReportDifference { later: self, earlier, elapsed })
    }
}

impl<'a> ReportDifference<'a> {
    /// The time between the two, by the registry's clock; the longest of all sources, where there
    /// are several.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Reads all increases and rates.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The number of the same item in the earlier report; `None` where it is new, or declared
    /// otherwise.
    fn before(&self, item: usize) -> Option<usize> {
        let declared = &self.later.declarations[item];
        let known = &self.earlier.declarations;
        let is_it =
            |other: &Declaration| other.name == declared.name && other.kind == declared.kind;
        let found = match known.get(item) {
            Some(other) if is_it(other) => Some(item),
            _ => known.iter().position(is_it),
        };
        found.filter(|index| known[*index].group == declared.group)
    }
}

impl Source for ReportDifference<'_> {
    fn cut(&self) -> Cut<'_> {
        Cut { elapsed: Some(self.elapsed), ..Source::cut(self.later) }
    }

    fn declarations(&self) -> &[Declaration] {
        &self.later.declarations
    }

    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows) {
        Source::read(self.later, item, which, into, flows);
        let group = &self.later.declarations[item].group;
        if let Some(before) = self.before(item) {
            let mut earlier = RowData::default();
            Source::read(self.earlier, before, which, &mut earlier, flows);
            into.subtract(group, &earlier);
        }
        flows.set(group, into, self.elapsed);
    }

    fn refused(&self, item: usize) -> u64 {
        let before = self.before(item).map_or(0, |before| self.earlier.contents[before].refused);
        self.later.contents[item].refused.saturating_sub(before)
    }

    fn len(&self, item: usize) -> usize {
        self.later.contents[item].entries.len()
    }

    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>> {
        let before = self.before(item).map(|before| &self.earlier.contents[before].entries[..]);
        let known = before.unwrap_or_default().iter().map(|entry| (&entry.labels[..], entry));
        Some(Box::new(Increases {
            later: self.later.contents[item].entries.iter(),
            earlier: known.collect(),
            group: &self.later.declarations[item].group,
            elapsed: self.elapsed,
        }))
    }

    fn failure(&self, item: usize) -> Option<&str> {
        Source::failure(self.later, item)
    }

    #[cfg(feature = "serde")]
    fn state(&self, _: usize) -> Option<&dyn erased_serde::Serialize> {
        None
    }
}

struct Increases<'a> {
    later: std::slice::Iter<'a, ReportEntry>,
    earlier: HashMap<&'a [Box<str>], &'a ReportEntry>,
    group: &'a Group,
    elapsed: Duration,
}

impl EntrySource for Increases<'_> {
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>> {
        let entry = self.later.next()?;
        into.copy_from(&entry.row);
        // One that has left and come back has started from zero.
        if let Some(earlier) = self.earlier.get(&entry.labels[..])
            && earlier.id == entry.id
        {
            into.subtract(self.group, &earlier.row);
        }
        flows.set(self.group, into, self.elapsed);
        Some(entry.head())
    }
}
