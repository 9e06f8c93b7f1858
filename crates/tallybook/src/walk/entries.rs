//! [`Entries`]: the entries of a family.

use super::data::RowData;
use super::rates::Rates;
use super::source::{EntryHead, EntrySource, Flows};
use super::values::Values;
use crate::read::Declaration;
use std::fmt;
use std::time::SystemTime;

/// The entries of a family, one after the other; made by [`Item::entries`](super::Item::entries).
///
/// Not an iterator: each entry is read into the same memory, so that walking over many allocates
/// for the first alone.
pub struct Entries<'a> {
    declared: &'a Declaration,
    source: Option<Box<dyn EntrySource + 'a>>,
    row: RowData,
    flows: Flows,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        declared: &'a Declaration,
        source: Option<Box<dyn EntrySource + 'a>>,
    ) -> Self {
        Entries { declared, source, row: RowData::default(), flows: Flows::default() }
    }

    /// The next entry; `None` after the last.
    ///
    /// ```
    /// use tallybook::{Counter, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Peer { pieces: Counter }
    ///
    /// let registry = Registry::new();
    /// let peers = registry.family::<u16, Peer>("peer", "port")?;
    /// let mut collector = registry.collector()?;
    /// let peer = peers.entry(6881)?;
    /// peer.record(|p| p.pieces.add(3));
    ///
    /// let snapshot = collector.tick();
    /// let mut entries = snapshot.walk().get("peer").expect("it is registered").entries();
    /// while let Some(entry) = entries.next_entry() {
    ///     let labels: Vec<String> = entry.labels().map(|(name, value)| format!("{name}={value}")).collect();
    ///     assert_eq!(labels, ["port=6881"]);
    ///     assert_eq!(format!("{:?}", entry.values().get("pieces")), "Some(Counter(3))");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_entry(&mut self) -> Option<Entry<'_>> {
        let Entries { declared, source, row, flows } = self;
        let head = source.as_mut()?.next(row, flows)?;
        Some(Entry { declared, head, row, flows })
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("family", &self.declared.name).finish_non_exhaustive()
    }
}

/// An entry of a family.
pub struct Entry<'a> {
    declared: &'a Declaration,
    head: EntryHead<'a>,
    row: &'a RowData,
    flows: &'a Flows,
}

impl Entry<'_> {
    /// The names of the labels, and what the key has for each.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &dyn fmt::Display)> {
        let named = self.declared.labels.iter().enumerate();
        named.filter_map(|(index, name)| Some((&**name, self.head.labels.get(index)?)))
    }

    /// Which entry of the family it is: never used twice in one incarnation of a registry, so a key
    /// that has left and come back has another. `None` in a report in which it was folded from
    /// several.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.head.id
    }

    /// When it was created, by the time of day.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.head.created
    }

    /// Whether it changed in the interval of the snapshot, or was created in it.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.head.changed
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values::new(&self.declared.group, self.row)
    }

    /// The rates per second, in a walk over a difference, and over averages where the family
    /// [keeps them](crate::registry::FamilyBuilder::averages); `None` otherwise.
    #[must_use]
    pub fn rates(&self) -> Option<Rates<'_>> {
        self.flows.is_known.then(|| Rates::new(&self.declared.group, &self.flows.all))
    }

    pub(crate) fn row(&self) -> &RowData {
        self.row
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels().map(|(name, value)| (name, value.to_string()));
        f.debug_struct("Entry")
            .field("labels", &labels.collect::<Vec<_>>())
            .field("id", &self.id())
            .field("values", &self.values())
            .finish_non_exhaustive()
    }
}
