//! The declaration of a set, as it travels.

use super::super::contents::{kind_name, measured_name, number_name};
use super::super::error::DecodeError;
use crate::distribution::Measured;
use crate::schema::{Field, Group, Kind, Number, Text};
use serde::{Deserialize, Serialize};

/// A field, or what stands under the labels of the field before it.
#[derive(Serialize, Deserialize)]
pub(in crate::report) struct WireField {
    #[serde(default, skip_serializing_if = "str::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    help: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    kind: String,
    /// Of a gauge or a histogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<i8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    /// How many of the fields after it are its own.
    #[serde(default, skip_serializing_if = "is_none")]
    below: u32,
}

fn is_none(n: &u32) -> bool {
    *n == 0
}

/// What the cells of a row are, with those that are to be skipped.
pub(in crate::report) enum Shape {
    Leaf(Kind),
    /// A cell of a kind that is not known.
    Unknown,
    All(Vec<Shape>),
    Times(usize, Box<Shape>),
}

/// How deep groups and labels may lie in each other.
const DEEPEST: usize = 16;
/// How many values a row may have.
const MOST_CELLS: usize = 1 << 20;

pub(in crate::report) fn encode(group: &Group, into: &mut Vec<WireField>) {
    for field in &group.fields {
        let at = into.len();
        push(&field.kind, into);
        let made = &mut into[at];
        made.name = field.name.to_string();
        made.help = field.help.to_string();
        made.unit = field.unit.as_deref().map(str::to_owned);
    }
}

fn push(kind: &Kind, into: &mut Vec<WireField>) {
    let at = into.len();
    into.push(WireField {
        name: String::new(),
        help: String::new(),
        unit: None,
        kind: kind_name(kind).to_owned(),
        of: None,
        scale: None,
        label: None,
        values: Vec::new(),
        below: 0,
    });
    match kind {
        Kind::Gauge(number) => into[at].of = Some(number_name(*number).to_owned()),
        Kind::Histogram { of, scale } => {
            into[at].of = Some(measured_name(*of).to_owned());
            into[at].scale = Some(*scale);
        }
        Kind::Group(group) => encode(group, into),
        Kind::PerLabel { label, values, each } => {
            into[at].label = Some(label.to_string());
            into[at].values = values.iter().map(|value| value.to_string()).collect();
            push(each, into);
        }
        _ => {}
    }
    into[at].below = (into.len() - at - 1) as u32;
}

/// The group that these fields declare, without what is not known, and what the cells of its rows
/// are.
pub(in crate::report) fn decode(
    help: String,
    mut fields: Vec<WireField>,
) -> Result<(Group, Shape), DecodeError> {
    let (group, shape) = group(help, &mut fields[..], 0)?;
    let cells = cells(&shape);
    if cells > MOST_CELLS {
        return Err(DecodeError::invalid("a set has more than 2^20 values"));
    }
    Ok((group, shape))
}

fn group(
    help: String,
    mut fields: &mut [WireField],
    depth: usize,
) -> Result<(Group, Shape), DecodeError> {
    if depth > DEEPEST {
        return Err(DecodeError::invalid("sets lie more than 16 deep in each other"));
    }
    let (mut known, mut shapes) = (Vec::<Field>::new(), Vec::new());
    while let Some((field, own)) = next(&mut fields)? {
        let name = std::mem::take(&mut field.name);
        if !crate::schema::is_name(&name) {
            return Err(DecodeError::name("a field", &name));
        }
        if known.iter().any(|known| known.name == name) {
            return Err(DecodeError::twice("a field", &name));
        }
        let (help, unit) = (std::mem::take(&mut field.help), field.unit.take());
        let (kind, shape) = kind(field, own, depth)?;
        shapes.push(shape);
        if let Some(kind) = kind {
            let field = Field::new(name, help, None, kind);
            known.push(Field { unit: unit.map(Text::Owned), ..field });
        }
    }
    Ok((Group::new(help, known), Shape::All(shapes)))
}

/// Takes the first field and those below it.
fn next<'a>(
    fields: &mut &'a mut [WireField],
) -> Result<Option<(&'a mut WireField, &'a mut [WireField])>, DecodeError> {
    let Some(first) = fields.split_off_first_mut() else { return Ok(None) };
    let below = fields.split_off_mut(..first.below as usize);
    let below =
        below.ok_or_else(|| DecodeError::invalid("a field has more below it than there is"))?;
    Ok(Some((first, below)))
}

fn kind(
    field: &mut WireField,
    below: &mut [WireField],
    depth: usize,
) -> Result<(Option<Kind>, Shape), DecodeError> {
    let leaf = |kind: Kind| Ok((Some(kind.clone()), Shape::Leaf(kind)));
    match &*field.kind {
        "counter" => leaf(Kind::Counter),
        "up_down_counter" => leaf(Kind::UpDownCounter),
        "live" => leaf(Kind::Live),
        "timed_live" => leaf(Kind::TimedLive),
        "max" => leaf(Kind::Max),
        "min" => leaf(Kind::Min),
        "gauge" => match field.of.as_deref() {
            Some("integer") => leaf(Kind::Gauge(Number::Integer)),
            Some("float") => leaf(Kind::Gauge(Number::Float)),
            _ => Ok((None, Shape::Unknown)),
        },
        "histogram" => {
            let of = match field.of.as_deref() {
                Some("integer") => Measured::Integer,
                Some("duration") => Measured::Duration,
                _ => return Ok((None, Shape::Unknown)),
            };
            match field.scale {
                Some(scale @ -4..=8) => leaf(Kind::Histogram { of, scale }),
                // Prometheus and OpenTelemetry know more scales than this library does.
                _ => Ok((None, Shape::Unknown)),
            }
        }
        "group" => {
            let (group, shape) = group(String::new(), below, depth + 1)?;
            Ok((Some(Kind::Group(group)), shape))
        }
        "per_label" => per_label(field, below, depth),
        _ => Ok((None, Shape::Unknown)),
    }
}

fn per_label(
    field: &mut WireField,
    mut below: &mut [WireField],
    depth: usize,
) -> Result<(Option<Kind>, Shape), DecodeError> {
    if depth > DEEPEST {
        return Err(DecodeError::invalid("labels lie more than 16 deep in each other"));
    }
    let label = field.label.take().unwrap_or_default();
    if !crate::schema::is_name(&label) {
        return Err(DecodeError::name("a label", &label));
    }
    let Some((each, own)) = next(&mut below)? else {
        return Err(DecodeError::invalid("there is nothing under a label"));
    };
    let (kind, shape) = kind(each, own, depth + 1)?;
    let values: Vec<Text> =
        std::mem::take(&mut field.values).into_iter().map(Text::Owned).collect();
    let shape = Shape::Times(values.len(), Box::new(shape));
    let with_label = |each| Kind::PerLabel {
        label: Text::Owned(label),
        values: values.into(),
        each: Box::new(each),
    };
    Ok((kind.map(with_label), shape))
}

/// How many cells a row has.
pub(in crate::report) fn cells(shape: &Shape) -> usize {
    match shape {
        Shape::Leaf(_) | Shape::Unknown => 1,
        Shape::All(all) => all.iter().map(cells).fold(0, usize::saturating_add),
        Shape::Times(n, each) => n.saturating_mul(cells(each)),
    }
}
