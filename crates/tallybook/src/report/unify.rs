//! The union of two declarations of a set.

use super::contents::kind_name;
use super::error::FoldError;
use crate::distribution::AnyDistribution;
use crate::schema::{Field, Group, Kind, Text};
use crate::walk::data::{Reading, RowData, Size};

/// A group that has the fields of both: in their order where that is the same, by name otherwise.
pub(super) fn unified(name: &str, one: &Group, other: &Group) -> Result<Group, FoldError> {
    let names = |of: &Group| of.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let order = merged(names(one), names(other));
    let field = |field: Text| match [one, other].map(|group| find(group, &field)) {
        [Some(one), Some(other)] => unified_field(&format!("{name}_{field}"), one, other),
        // The name is of one of the two.
        [one, other] => one.or(other).cloned().ok_or_else(|| unreachable!()),
    };
    let fields = order.into_iter().map(field).collect::<Result<_, _>>()?;
    Ok(Group::new(either(&one.help, &other.help), fields))
}

fn find<'a>(group: &'a Group, name: &str) -> Option<&'a Field> {
    group.fields.iter().find(|field| field.name == name)
}

/// Both lists: as they are where they are equal, sorted and each once otherwise.
fn merged(one: Vec<Text>, other: Vec<Text>) -> Vec<Text> {
    if one == other {
        return one;
    }
    let mut all: Vec<_> = one.into_iter().chain(other).collect();
    all.sort();
    all.dedup();
    all
}

/// The smaller of two help texts that is not empty.
fn either(one: &Text, other: &Text) -> Text {
    [one, other].into_iter().filter(|text| !text.is_empty()).min().cloned().unwrap_or_default()
}

fn unified_field(name: &str, one: &Field, other: &Field) -> Result<Field, FoldError> {
    if one.unit != other.unit {
        let in_unit = |unit: &Option<Text>| match unit {
            Some(unit) => format!("in {unit}"),
            None => "without a unit".to_owned(),
        };
        let (one, other) = (in_unit(&one.unit), in_unit(&other.unit));
        return Err(FoldError::Declared { name: name.to_owned(), one, other });
    }
    let kind = unified_kind(name, &one.kind, &other.kind)?;
    Ok(Field { help: either(&one.help, &other.help), kind, ..one.clone() })
}

fn unified_kind(name: &str, one: &Kind, other: &Kind) -> Result<Kind, FoldError> {
    match (one, other) {
        (Kind::Histogram { of, scale }, Kind::Histogram { of: other_of, scale: other })
            if of == other_of =>
        {
            Ok(Kind::Histogram { of: *of, scale: *scale.min(other) })
        }
        (Kind::Group(one), Kind::Group(other)) => Ok(Kind::Group(unified(name, one, other)?)),
        (
            Kind::PerLabel { label, values, each },
            Kind::PerLabel { label: other_label, values: others, each: other_each },
        ) if label == other_label => Ok(Kind::PerLabel {
            label: label.clone(),
            values: merged(values.to_vec(), others.to_vec()).into(),
            each: Box::new(unified_kind(name, each, other_each)?),
        }),
        (one, other) if one == other => Ok(one.clone()),
        (one, other) => {
            let [one, other] = [one, other].map(|kind| match kind {
                Kind::PerLabel { label, .. } => format!("per `{label}`"),
                kind => format!("a {}", kind_name(kind)),
            });
            Err(FoldError::Declared { name: name.to_owned(), one, other })
        }
    }
}

/// A row of one group as a row of another, which has all its fields.
pub(super) fn moved(row: &RowData, from: &Group, to: &Group) -> RowData {
    if from == to {
        return row.clone();
    }
    let mut moved = RowData::default();
    let mut gauges = 0;
    move_group(&Part::of(row), from, to, &mut moved, &mut gauges);
    moved
}

/// A part of a row.
#[derive(Clone, Copy, Default)]
struct Part<'a> {
    words: &'a [u64],
    readings: &'a [Reading],
    gauge: u32,
    distributions: &'a [AnyDistribution],
}

impl<'a> Part<'a> {
    fn of(row: &'a RowData) -> Self {
        let RowData { words, readings, distributions } = row;
        Part { words, readings, gauge: 0, distributions }
    }

    /// The part of the value that follows values of this size.
    fn after(&self, before: Size, size: Size) -> Self {
        Part {
            words: &self.words[before.words..][..size.words],
            readings: self.readings,
            gauge: self.gauge + before.gauges as u32,
            distributions: &self.distributions[before.distributions..][..size.distributions],
        }
    }
}

fn plus(one: Size, other: Size) -> Size {
    Size {
        words: one.words + other.words,
        gauges: one.gauges + other.gauges,
        distributions: one.distributions + other.distributions,
    }
}

fn times(size: Size, n: usize) -> Size {
    Size { words: size.words * n, gauges: size.gauges * n, distributions: size.distributions * n }
}

fn move_group(row: &Part<'_>, from: &Group, to: &Group, into: &mut RowData, gauges: &mut u32) {
    for field in &to.fields {
        let mut before = Size::default();
        let found = from.fields.iter().find(|known| {
            let is_it = known.name == field.name;
            if !is_it {
                before = plus(before, Size::of(&known.kind));
            }
            is_it
        });
        match found {
            Some(known) => {
                let part = row.after(before, Size::of(&known.kind));
                move_kind(&part, &known.kind, &field.kind, into, gauges);
            }
            None => zeros(&field.kind, into, gauges),
        }
    }
}

fn move_kind(row: &Part<'_>, from: &Kind, to: &Kind, into: &mut RowData, gauges: &mut u32) {
    match (from, to) {
        (Kind::Group(from), Kind::Group(to)) => move_group(row, from, to, into, gauges),
        (
            Kind::PerLabel { values, each, .. },
            Kind::PerLabel { values: to_values, each: to_each, .. },
        ) => {
            let size = Size::of(each);
            for value in to_values.iter() {
                match values.iter().position(|known| known == value) {
                    Some(at) => {
                        let part = row.after(times(size, at), size);
                        move_kind(&part, each, to_each, into, gauges);
                    }
                    None => zeros(to_each, into, gauges),
                }
            }
        }
        (_, to) => {
            into.words.extend_from_slice(row.words);
            for distribution in row.distributions {
                into.distributions.push(match to {
                    Kind::Histogram { scale, .. } => distribution.downscaled((*scale).into()),
                    _ => distribution.clone(),
                });
            }
            let own = row.readings.iter().filter(|reading| reading.gauge == row.gauge);
            if matches!(to, Kind::Gauge(_)) {
                into.readings.extend(own.map(|reading| Reading { gauge: *gauges, ..*reading }));
                *gauges += 1;
            }
        }
    }
}

fn zeros(kind: &Kind, into: &mut RowData, gauges: &mut u32) {
    let field = Field::new("", "", None, kind.clone());
    let zeros = RowData::of(&Group::new("", vec![field]));
    into.words.extend(zeros.words);
    into.distributions.extend(zeros.distributions);
    *gauges += Size::of(kind).gauges as u32;
}
