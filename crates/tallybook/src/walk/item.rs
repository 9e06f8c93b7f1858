//! [`Item`]: what is registered under a name, with its values.

use super::data::RowData;
use super::entries::Entries;
use super::rates::Rates;
use super::source::{Flows, Source, Which};
use super::values::Values;
use crate::read::{Declaration, DeclarationKind};
use crate::schema::{Group, Text};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A set, a family or an actor, as [`Walk::items`](super::Walk::items) meets it.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    source: &'a dyn Source,
    index: usize,
}

impl<'a> Item<'a> {
    pub(super) fn new(source: &'a dyn Source, index: usize) -> Self {
        Item { source, index }
    }

    /// What was declared.
    #[must_use]
    pub fn declaration(&self) -> &'a Declaration {
        &self.source.declarations()[self.index]
    }

    /// The name that it is registered under.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.declaration().name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> DeclarationKind {
        self.declaration().kind
    }

    /// The names of the labels that tell the entries of a family apart; none in a set or an actor.
    #[must_use]
    pub fn labels(&self) -> &'a [Text] {
        &self.declaration().labels
    }

    /// The fields: of a family those of its entries, of an actor those of its account.
    #[must_use]
    pub fn group(&self) -> &'a Group {
        &self.declaration().group
    }

    /// When it was registered, by the time of day.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.declaration().created
    }

    /// The values of a set, the total of a family, or the account of an actor.
    #[must_use]
    pub fn values(&self) -> OwnedValues {
        self.read(Which::Total)
    }

    /// What belongs to entries of a family that are gone; `None` where it is no family.
    #[must_use]
    pub fn retired(&self) -> Option<OwnedValues> {
        (self.kind() == DeclarationKind::Family).then(|| self.read(Which::Retired))
    }

    /// How many look-ups of a family were refused because it was full.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.source.refused(self.index)
    }

    /// How many entries a family has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.source.len(self.index)
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of a family, in no particular order; none in a set or an actor.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries::new(self.declaration(), self.source.entries(self.index))
    }

    /// The message with which the reducer of an actor has panicked; `None` while it is well.
    #[must_use]
    pub fn failure(&self) -> Option<&'a str> {
        self.source.failure(self.index)
    }

    #[cfg(feature = "serde")]
    pub(super) fn state(&self) -> Option<&'a dyn erased_serde::Serialize> {
        self.source.state(self.index)
    }

    fn read(&self, which: Which) -> OwnedValues {
        let (mut row, mut flows) = (RowData::default(), Flows::default());
        self.source.read(self.index, which, &mut row, &mut flows);
        OwnedValues { group: self.declaration().group.clone(), row, flows }
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("declaration", self.declaration()).finish_non_exhaustive()
    }
}

/// The values of a set, and their rates where there are any.
#[derive(Debug)]
pub struct OwnedValues {
    group: Arc<Group>,
    row: RowData,
    flows: Flows,
}

impl OwnedValues {
    /// The values.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values::new(&self.group, &self.row)
    }

    /// The rates per second, in a walk over a difference or over averages; `None` in others.
    #[must_use]
    pub fn rates(&self) -> Option<Rates<'_>> {
        self.flows.is_known.then(|| Rates::new(&self.group, &self.flows.all))
    }

    pub(crate) fn into_row(self) -> RowData {
        self.row
    }
}
