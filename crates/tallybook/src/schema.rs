//! What a set is made of: names, help texts, units and kinds, for everything that shows or exports a snapshot.
//!
//! A [`Group`] is the declaration of one set, in the order of its fields. The values of a set lie in one row in the same
//! order, so a walk over the group is a walk over the row: [`Kind::words`] 64-bit words to a field, and
//! [`Kind::buckets`] counts of histograms.

use crate::distribution::bucket_count;
use std::time::Duration;

pub use crate::distribution::Measured;

/// How many 64-bit words a value of each kind takes in a row.
pub(crate) mod width {
    pub(crate) const COUNTER: usize = 1;
    pub(crate) const UP_DOWN_COUNTER: usize = 1;
    pub(crate) const LIVE: usize = 2;
    pub(crate) const EXTREMUM: usize = 2;
    pub(crate) const GAUGE: usize = 4;
    pub(crate) const HISTOGRAM: usize = 5;
    pub(crate) const TIMED_LIVE: usize = 3 + HISTOGRAM;
}

/// The scale of the ages of a [`Kind::TimedLive`].
pub(crate) const AGES_SCALE: u8 = 3;

/// The declaration of a set: the fields of one `#[derive(Stats)]` struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The struct's doc comment.
    pub help: &'static str,
    /// The fields in the order of their declaration.
    pub fields: Vec<Field>,
}

/// One field of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name, or what `#[stats(name = "…")]` says instead.
    pub name: &'static str,
    /// The field's doc comment.
    pub help: &'static str,
    /// The unit of its values, from `#[stats(unit = "…")]`; that of durations is always seconds.
    pub unit: Option<&'static str>,
    /// What it counts.
    pub kind: Kind,
}

impl Field {
    /// A field of that kind. Durations are in seconds, whatever `unit` says.
    #[must_use]
    pub fn new(
        name: &'static str,
        help: &'static str,
        unit: Option<&'static str>,
        kind: Kind,
    ) -> Self {
        Field { name, help, unit: if kind.is_duration() { Some("seconds") } else { unit }, kind }
    }
}

/// Whether a gauge holds integers or floating-point numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// `i64`.
    Integer,
    /// `f64`.
    Float,
}

/// What a field counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// An opened and a closed counter.
    Live,
    /// An opened and a closed counter, for how long, and the ages of what closed.
    TimedLive,
    /// A signed sum.
    UpDownCounter,
    /// The last value set.
    Gauge(Number),
    /// The largest value of the interval.
    Max,
    /// The smallest value of the interval.
    Min,
    /// Counts in base-2 exponential buckets.
    Histogram {
        /// What it holds.
        of: Measured,
        /// A bucket's upper bound is `2^(1 / 2^scale)` times its lower.
        scale: u8,
    },
    /// A nested set.
    Group(Group),
    /// The same again for each value of a label.
    PerLabel {
        /// The label's name.
        label: &'static str,
        /// Its values, in the order of the row.
        values: &'static [&'static str],
        /// What stands under each.
        each: Box<Kind>,
    },
}

impl Kind {
    /// How many 64-bit words a value of this kind takes in a set's row.
    #[must_use]
    pub fn words(&self) -> usize {
        match self {
            Kind::Counter => width::COUNTER,
            Kind::UpDownCounter => width::UP_DOWN_COUNTER,
            Kind::Live => width::LIVE,
            Kind::Max | Kind::Min => width::EXTREMUM,
            Kind::Gauge(_) => width::GAUGE,
            Kind::TimedLive => width::TIMED_LIVE,
            Kind::Histogram { .. } => width::HISTOGRAM,
            Kind::Group(group) => group.words(),
            Kind::PerLabel { values, each, .. } => values.len() * each.words(),
        }
    }

    /// Whether its values are durations.
    fn is_duration(&self) -> bool {
        match self {
            Kind::Histogram { of: Measured::Duration, .. } => true,
            Kind::PerLabel { each, .. } => each.is_duration(),
            _ => false,
        }
    }

    /// How many counts of histograms a value of this kind has in a set's row.
    #[must_use]
    pub fn buckets(&self) -> usize {
        match self {
            Kind::TimedLive => bucket_count::<Duration>(AGES_SCALE),
            Kind::Histogram { of: Measured::Integer, scale } => bucket_count::<u64>(*scale),
            Kind::Histogram { of: Measured::Duration, scale } => bucket_count::<Duration>(*scale),
            Kind::Group(group) => group.buckets(),
            Kind::PerLabel { values, each, .. } => values.len() * each.buckets(),
            _ => 0,
        }
    }
}

impl Group {
    /// How many counts of histograms a row of this set has.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.fields.iter().map(|field| field.kind.buckets()).sum()
    }

    /// How many 64-bit words a row of this set takes.
    #[must_use]
    pub fn words(&self) -> usize {
        self.fields.iter().map(|field| field.kind.words()).sum()
    }

    /// The full names of all metrics below `prefix`, joined by underscores, in the order of their declaration.
    #[must_use]
    pub fn metric_names(&self, prefix: &str) -> Vec<String> {
        let mut names = Vec::new();
        for field in &self.fields {
            push_names(&format!("{prefix}_{}", field.name), &field.kind, &mut names);
        }
        names
    }
}

fn push_names(name: &str, kind: &Kind, into: &mut Vec<String>) {
    match kind {
        Kind::Group(group) => into.extend(group.metric_names(name)),
        Kind::PerLabel { each, .. } => push_names(name, each, into),
        _ => into.push(name.to_owned()),
    }
}
