//! [`Report`]: what a report holds.

use crate::distribution::Measured;
use crate::read::{Declaration, Identity, Snapshot};
use crate::schema::{Field, Group, Kind, Number, Text};
use crate::walk::data::RowData;
use crate::walk::source::{Cut, EntryHead, EntrySource, Flows, LabelValues, Source, Which};
use crate::walk::{Item, Walk};
use std::time::{Duration, SystemTime};

/// The values of a snapshot, or of several, without types: see the [module](crate::report).
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub(super) sources: Vec<ReportSource>,
    pub(super) declarations: Vec<Declaration>,
    /// As many as there are declarations.
    pub(super) contents: Vec<Contents>,
    pub(super) saturated: bool,
}

/// A registry that a report is of, and the cut that was made of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReportSource {
    /// Which registry it is.
    pub identity: Identity,
    /// The epoch that was closed to make the cut.
    pub epoch: u64,
    /// When the cut was made, on the registry's clock.
    pub at: Duration,
    /// When the cut was made, by the time of day.
    pub wall: SystemTime,
    /// The time between the cut before and this one.
    pub interval: Duration,
    /// Whether an older cut was published again: see [`Snapshot::is_stale`].
    pub stale: bool,
}

/// What a report holds of a set, a family or an actor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) total: RowData,
    /// In a family.
    pub(super) retired: Option<RowData>,
    pub(super) refused: u64,
    pub(super) entries: Vec<ReportEntry>,
    pub(super) failure: Option<Box<str>>,
}

/// An entry of a family.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReportEntry {
    pub(super) labels: Box<[Box<str>]>,
    pub(super) id: Option<u64>,
    pub(super) created: SystemTime,
    pub(super) changed: bool,
    pub(super) row: RowData,
}

impl Report {
    /// All that a snapshot shows, but for the states of reducers.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let walk = snapshot.walk();
        let cut = walk.cut();
        let source = ReportSource {
            identity: cut.identity.map(Identity::portable).unwrap_or_default(),
            epoch: cut.epoch,
            at: cut.at,
            wall: cut.wall,
            interval: cut.interval,
            stale: cut.stale,
        };
        Report {
            sources: vec![source],
            declarations: walk.items().map(|item| item.declaration().portable()).collect(),
            contents: walk.items().map(Contents::of).collect(),
            saturated: false,
        }
    }

    /// Reads all values.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The registries that it is of: one, unless it was [folded](Self::fold) from several.
    #[must_use]
    pub fn sources(&self) -> &[ReportSource] {
        &self.sources
    }

    /// Whether a number was too large for its type, and is the largest that the type has: where
    /// reports were folded, or a received report said so.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.saturated
    }

    /// A hash of names, kinds, units and labels: equal in two reports that declare the same, on
    /// whatever machine, in whatever order the labels of entries come. Help texts are left out.
    ///
    /// The hash is FNV-1a with 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fingerprint::default();
        for declared in &self.declarations {
            hash.text(&declared.name);
            hash.text(&format!("{:?}", declared.kind));
            hash.texts(&declared.labels);
            hash.group(&declared.group);
        }
        hash.0
    }
}

struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn text(&mut self, text: &str) {
        // Behind each text a byte that no text contains, so that two texts are not one.
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn texts(&mut self, texts: &[Text]) {
        self.text(&texts.len().to_string());
        texts.iter().for_each(|text| self.text(text));
    }

    fn group(&mut self, group: &Group) {
        self.text(&group.fields.len().to_string());
        for Field { name, unit, kind, .. } in &group.fields {
            self.text(name);
            self.text(unit.as_deref().unwrap_or(""));
            self.kind(kind);
        }
    }

    fn kind(&mut self, kind: &Kind) {
        self.text(kind_name(kind));
        match kind {
            Kind::Gauge(number) => self.text(number_name(*number)),
            Kind::Histogram { of, scale } => {
                self.text(measured_name(*of));
                self.text(&scale.to_string());
            }
            Kind::Group(group) => self.group(group),
            Kind::PerLabel { label, values, each } => {
                self.text(label);
                self.texts(values);
                self.kind(each);
            }
            _ => {}
        }
    }
}

/// What a kind is called in a report.
pub(super) fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter => "up_down_counter",
        Kind::Live => "live",
        Kind::TimedLive => "timed_live",
        Kind::Gauge(_) => "gauge",
        Kind::Max => "max",
        Kind::Min => "min",
        Kind::Histogram { .. } => "histogram",
        Kind::Group(_) => "group",
        Kind::PerLabel { .. } => "per_label",
    }
}

pub(super) fn number_name(number: Number) -> &'static str {
    match number {
        Number::Integer => "integer",
        Number::Float => "float",
    }
}

pub(super) fn measured_name(measured: Measured) -> &'static str {
    match measured {
        Measured::Integer => "integer",
        Measured::Duration => "duration",
    }
}

impl Contents {
    fn of(item: Item<'_>) -> Self {
        let mut list = Vec::new();
        let mut entries = item.entries();
        while let Some(entry) = entries.next_entry() {
            list.push(ReportEntry {
                labels: entry.labels().map(|(_, value)| value.to_string().into()).collect(),
                id: entry.id(),
                created: entry.created(),
                changed: entry.is_changed(),
                row: entry.row().clone(),
            });
        }
        Contents {
            total: item.values().into_row(),
            retired: item.retired().map(|retired| retired.into_row()),
            refused: item.refused(),
            entries: list,
            failure: item.failure().map(Into::into),
        }
    }
}

impl Source for Report {
    fn cut(&self) -> Cut<'_> {
        let latest = self.sources.iter().max_by_key(|source| source.wall);
        let only = self.sources.first().filter(|_| self.sources.len() == 1);
        Cut {
            identity: only.map(|source| &source.identity),
            epoch: only.map_or(0, |source| source.epoch),
            at: only.map_or(Duration::ZERO, |source| source.at),
            wall: latest.map_or(SystemTime::UNIX_EPOCH, |source| source.wall),
            interval: self.sources.iter().map(|source| source.interval).max().unwrap_or_default(),
            stale: self.sources.iter().any(|source| source.stale),
            elapsed: None,
        }
    }

    fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    fn read(&self, item: usize, which: Which, into: &mut RowData, flows: &mut Flows) {
        flows.clear();
        let contents = &self.contents[item];
        match which {
            Which::Total => into.copy_from(&contents.total),
            Which::Retired => match &contents.retired {
                Some(retired) => into.copy_from(retired),
                None => into.clear(&self.declarations[item].group),
            },
        }
    }

    fn refused(&self, item: usize) -> u64 {
        self.contents[item].refused
    }

    fn len(&self, item: usize) -> usize {
        self.contents[item].entries.len()
    }

    fn entries(&self, item: usize) -> Option<Box<dyn EntrySource + '_>> {
        Some(Box::new(Entries(self.contents[item].entries.iter())))
    }

    fn failure(&self, item: usize) -> Option<&str> {
        self.contents[item].failure.as_deref()
    }

    #[cfg(feature = "serde")]
    fn state(&self, _: usize) -> Option<&dyn erased_serde::Serialize> {
        None
    }
}

struct Entries<'a>(std::slice::Iter<'a, ReportEntry>);

impl EntrySource for Entries<'_> {
    fn next(&mut self, into: &mut RowData, flows: &mut Flows) -> Option<EntryHead<'_>> {
        flows.clear();
        let entry = self.0.next()?;
        into.copy_from(&entry.row);
        Some(entry.head())
    }
}

impl ReportEntry {
    pub(super) fn head(&self) -> EntryHead<'_> {
        EntryHead {
            labels: LabelValues::Texts(&self.labels),
            id: self.id,
            created: self.created,
            changed: self.changed,
        }
    }
}
