//! Reading a snapshot without its types: for exporters, pages, terminals.
//!
//! A [`Walk`] is over a [snapshot](Snapshot::walk), a [difference](Difference::walk),
//! [averages](Averaged::walk), or a [report](crate::report) that came from elsewhere, by the same code. It meets an
//! [`Item`] for each set, family and actor; an item has [`Values`], and a family [`Entries`].
//! Values are [`Sample`]s, one for each field.
//!
//! Nothing is allocated for a value: a row is copied into memory that is used again for the next
//! entry.
//!
//! ```
//! use tallybook::walk::Sample;
//! use tallybook::{Counter, Live, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Server { requests: Counter, connections: Live }
//!
//! let registry = Registry::new();
//! let server = registry.set::<Server>("server")?;
//! let mut collector = registry.collector()?;
//! server.record(|s| s.requests.add(2));
//! let snapshot = collector.tick();
//!
//! for item in snapshot.walk().items() {
//!     for (field, sample) in item.values().values().iter() {
//!         match sample {
//!             Sample::Counter(n) => println!("{}_{} {n}", item.name(), field.name),
//!             Sample::Live(live) => println!("{}_{} {}", item.name(), field.name, live.live()),
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod data;
mod entries;
mod item;
#[cfg(feature = "serde")]
mod json;
mod local;
mod rates;
pub(crate) mod source;
mod text;
mod values;

pub use data::GaugeValue;
pub use entries::{Entries, Entry};
pub use item::{Item, OwnedValues};
pub use rates::{LabelledRates, Rate, Rates};
pub use source::Cut;
pub use values::{GaugeReadings, Labelled, NamedSample, Sample, Values};

use crate::read::{Averaged, Difference, Snapshot};
use source::Source;
use std::fmt;

/// A walk over all values of a snapshot, a difference, averages or a report.
///
/// Over a snapshot, values are what a snapshot shows, and there are no rates. Over a difference,
/// values are increases (gauges are those of the later snapshot), and rates are increases divided
/// by the time in between. Over averages, values are those of the snapshot, and rates the averages.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    source: &'a dyn Source,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(source: &'a dyn Source) -> Self {
        Walk { source }
    }

    /// The cut that the values belong to.
    #[must_use]
    pub fn cut(&self) -> Cut<'a> {
        self.source.cut()
    }

    /// Everything that is registered, in the order of registration, beginning with the collector's
    /// own statistics.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let source = self.source;
        (0..source.declarations().len()).map(move |index| Item::new(source, index))
    }

    /// What is registered under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Item<'a>> {
        self.items().find(|item| item.name() == name)
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("cut", &self.cut()).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Reads all values without their types.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }
}

impl Difference {
    /// Reads all increases and rates without their types.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }
}

impl Averaged<'_> {
    /// Reads all averages without their types.
    #[must_use]
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }
}
