//! [`Source`]: what can be walked.

use super::data::RowData;
use crate::read::{Declaration, Identity};
use std::fmt;
use std::time::{Duration, SystemTime};

/// Which row of an item is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Of a set or an actor its own, of a family its total.
    Total,
    /// What belongs to entries that are gone.
    Retired,
}

/// The cut that the values belong to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cut<'a> {
    /// Which registry they are of; `None` in a report that was folded from several.
    pub identity: Option<&'a Identity>,
    /// The epoch that was closed to make the cut.
    pub epoch: u64,
    /// When the cut was made, on the registry's clock.
    pub at: Duration,
    /// When the cut was made, by the time of day.
    pub wall: SystemTime,
    /// The time since the cut before.
    pub interval: Duration,
    /// Whether an older cut was published again, because a thread stayed inside a fact: see
    /// [`Snapshot::is_stale`](crate::Snapshot::is_stale).
    pub stale: bool,
    /// The time that lies between the two cuts of a difference; `None` where there is one cut.
    pub elapsed: Option<Duration>,
}

/// A snapshot, a difference, averages, or a report.
pub(crate) trait Source {
    fn cut(&self) -> Cut<'_>;
    fn declarations(&self) -> &[Declaration];
    /// Reads a row of the item with that number, zeros if it has none, and its rates where there
    /// are any.
    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows);
    /// How many look-ups a family has refused.
    fn refused(&self, item: usize) -> u64;
    /// How many entries a family has.
    fn len(&self, item: usize) -> usize;
    /// The entries of a family.
    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>>;
    /// Why the reducer of an actor is gone.
    fn failure(&self, item: usize) -> Option<&str>;
    /// What readers see of an actor, where that may be serialised.
    #[cfg(feature = "serde")]
    fn state(&self, item: usize) -> Option<&dyn erased_serde::Serialize>;
}

/// The entries of a family, one after the other.
pub(crate) trait EntrySource {
    /// Goes to the next entry, and reads its values and rates. `None` at the end.
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>>;
}

/// What an entry is but for its numbers.
pub(crate) struct EntryHead<'a> {
    pub(crate) labels: LabelValues<'a>,
    pub(crate) id: Option<u64>,
    pub(crate) created: SystemTime,
    pub(crate) changed: bool,
}

/// The values of an entry's labels, in the order of the family's.
#[derive(Clone, Copy)]
pub(crate) enum LabelValues<'a> {
    /// A key that shows itself.
    Key(&'a dyn fmt::Display),
    Texts(&'a [Box<str>]),
}

impl<'a> LabelValues<'a> {
    pub(crate) fn get(&self, index: usize) -> Option<&dyn fmt::Display> {
        match self {
            LabelValues::Key(key) => (index == 0).then_some(*key),
            LabelValues::Texts(texts) => texts.get(index).map(|text| text as &dyn fmt::Display),
        }
    }
}

/// Rates, where there are any.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    pub(crate) is_known: bool,
    pub(crate) all: Vec<f64>,
}

impl Flows {
    /// There are none.
    pub(crate) fn clear(&mut self) {
        self.is_known = false;
        self.all.clear();
    }

    /// An increase over some time.
    pub(crate) fn set(
        &mut self,
        group: &crate::schema::Group,
        increase: &RowData,
        elapsed: Duration,
    ) {
        self.clear();
        self.is_known = true;
        increase.flows(group, &mut self.all);
        let seconds = elapsed.as_secs_f64();
        let rate = |flow: &mut f64| *flow = if seconds > 0.0 { *flow / seconds } else { 0.0 };
        self.all.iter_mut().for_each(rate);
    }
}
