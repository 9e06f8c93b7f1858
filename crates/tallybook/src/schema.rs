//! Names, help texts, units and kinds: what a set declares, for everything that reads a snapshot
//! without its types.
//!
//! A [`Group`] is the declaration of one set, in the order of its fields. Names are borrowed where
//! a derive made them, and owned where they were received in a report.

use std::borrow::Cow;
use std::sync::Arc;

pub use crate::distribution::Measured;

/// A name or a text: `'static` where it was compiled in, owned where it was received.
pub type Text = Cow<'static, str>;

/// The scale of the ages of a [`Kind::TimedLive`].
pub(crate) const AGES_SCALE: u8 = 3;

/// Whether a text can be the name of a set, a field or a label: what OpenMetrics and Prometheus
/// allow for both metrics and labels, without the colon.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let goes_on = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    starts && goes_on && !name.starts_with("__")
}

/// The declaration of a set: the fields of one `#[derive(Stats)]` struct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The struct's doc comment.
    pub help: Text,
    /// The fields in the order of their declaration.
    pub fields: Vec<Field>,
}

/// One field of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The field's name, or what `#[stats(name = "…")]` says instead.
    pub name: Text,
    /// The field's doc comment.
    pub help: Text,
    /// The unit of its values, from `#[stats(unit = "…")]`; that of durations is always seconds.
    pub unit: Option<Text>,
    /// What it counts.
    pub kind: Kind,
}

impl Field {
    /// A field of that kind. Durations are in seconds, whatever `unit` says.
    #[must_use]
    pub fn new(
        name: impl Into<Text>,
        help: impl Into<Text>,
        unit: Option<&'static str>,
        kind: Kind,
    ) -> Self {
        let unit = if kind.is_duration() { Some("seconds") } else { unit };
        Field { name: name.into(), help: help.into(), unit: unit.map(Text::Borrowed), kind }
    }
}

/// Whether a gauge holds integers or floating-point numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
        /// A bucket's upper bound is `2^(1 / 2^scale)` times its lower: from -4 to 8, and never
        /// negative in a set of this process.
        scale: i8,
    },
    /// A nested set.
    Group(Group),
    /// The same again for each value of a label.
    PerLabel {
        /// The label's name.
        label: Text,
        /// Its values, in the order of the row.
        values: Arc<[Text]>,
        /// What stands under each.
        each: Box<Kind>,
    },
}

impl Kind {
    /// The same metric, or set, for each value of a label.
    #[must_use]
    pub fn per_label(label: &'static str, values: &'static [&'static str], each: Kind) -> Self {
        let values = values.iter().map(|value| Text::Borrowed(value)).collect();
        Kind::PerLabel { label: label.into(), values, each: Box::new(each) }
    }

    /// Whether its values are durations.
    fn is_duration(&self) -> bool {
        match self {
            Kind::Histogram { of: Measured::Duration, .. } => true,
            Kind::PerLabel { each, .. } => each.is_duration(),
            _ => false,
        }
    }
}

impl Group {
    /// A group of these fields.
    #[must_use]
    pub fn new(help: impl Into<Text>, fields: Vec<Field>) -> Self {
        Group { help: help.into(), fields }
    }

    /// The full names of all metrics below `prefix`, joined by underscores, in the order of their
    /// declaration.
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
