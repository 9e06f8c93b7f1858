//! [`Rates`]: rates per second of a set, field by field.

use super::data::flows_of;
use crate::metric::{HistogramRates, LiveRates};
use crate::schema::{Field, Group, Kind};

/// The rates per second of a set, or of an entry of a family: a view that copies nothing.
#[derive(Clone, Copy, Debug)]
pub struct Rates<'a> {
    group: &'a Group,
    flows: &'a [f64],
}

/// The rate of one value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rate<'a> {
    /// Of what has no rate: gauges and extrema.
    None,
    /// Of a counter, or an up-down counter.
    Number(f64),
    /// Of a [`Live`](crate::Live) or a [`TimedLive`](crate::TimedLive).
    Live(LiveRates),
    /// Of a [`Histogram`](crate::Histogram).
    Histogram(HistogramRates),
    /// Of a nested set.
    Group(Rates<'a>),
    /// Of a [`PerLabel`](crate::PerLabel).
    PerLabel(LabelledRates<'a>),
}

/// The rates for each value of a label.
#[derive(Clone, Copy, Debug)]
pub struct LabelledRates<'a> {
    kind: &'a Kind,
    flows: &'a [f64],
}

impl<'a> Rates<'a> {
    pub(super) fn new(group: &'a Group, flows: &'a [f64]) -> Self {
        Rates { group, flows }
    }

    /// The fields and their rates, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Field, Rate<'a>)> + use<'a> {
        let mut rest = self.flows;
        self.group.fields.iter().map(move |field| (field, take(&mut rest, &field.kind)))
    }

    /// The rate of a field; `None` if there is none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Rate<'a>> {
        self.iter().find_map(|(field, rate)| (field.name == name).then_some(rate))
    }
}

impl<'a> LabelledRates<'a> {
    /// The label's name.
    #[must_use]
    pub fn label(&self) -> &'a str {
        match self.kind {
            Kind::PerLabel { label, .. } => label,
            _ => "",
        }
    }

    /// The label's values, and the rate under each.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Rate<'a>)> + use<'a> {
        let mut rest = self.flows;
        let (values, each) = match self.kind {
            Kind::PerLabel { values, each, .. } => (&values[..], &**each),
            kind => (&[][..], kind),
        };
        values.iter().map(move |value| (&**value, take(&mut rest, each)))
    }
}

/// Takes the rate of a field of this kind.
fn take<'a>(flows: &mut &'a [f64], kind: &'a Kind) -> Rate<'a> {
    let own = flows.split_off(..flows_of(kind)).unwrap_or_default();
    match (kind, own) {
        (Kind::Counter | Kind::UpDownCounter, [rate]) => Rate::Number(*rate),
        (Kind::Live | Kind::TimedLive, &[opened, closed]) => {
            Rate::Live(LiveRates { opened, closed })
        }
        (Kind::Histogram { .. }, &[count, sum]) => Rate::Histogram(HistogramRates { count, sum }),
        (Kind::Group(group), flows) => Rate::Group(Rates { group, flows }),
        (Kind::PerLabel { .. }, flows) => Rate::PerLabel(LabelledRates { kind, flows }),
        _ => Rate::None,
    }
}
