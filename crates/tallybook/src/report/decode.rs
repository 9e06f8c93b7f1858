//! Reports from elsewhere.

use super::contents::{Contents, Report, ReportEntry, ReportSource};
use super::error::{DecodeError, FORMAT};
use super::wire::fields;
use super::wire::row::Decoder;
use super::wire::{WireEntry, WireItem, WireReport, WireSource};
use crate::read::{Declaration, DeclarationKind, Identity};
use crate::schema::{Text, is_name};
use crate::walk::data::RowData;
use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// # Errors
/// If it is not a report, or one that contradicts itself. Kinds and fields that are not known are
/// skipped.
impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = WireReport::deserialize(from)?;
        Report::decode(wire).map_err(serde::de::Error::custom)
    }
}

impl Report {
    fn decode(wire: WireReport<'_>) -> Result<Self, DecodeError> {
        if wire.format != FORMAT {
            return Err(DecodeError::Format { found: wire.format });
        }
        let sources = wire.sources.into_iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let incarnations = sources.iter().map(|source| source.identity.incarnation);
        if !incarnations.is_sorted_by(|one, next| one < next) {
            return Err(DecodeError::invalid("the sources are not in the order of incarnations"));
        }
        let mut saturated = wire.saturated;
        let (mut declarations, mut contents) = (Vec::new(), Vec::new());
        let mut names = HashSet::new();
        for item in wire.items {
            if let Some((declared, own)) = decode_item(item, sources.len(), &mut saturated)? {
                if !names.insert(declared.name.clone()) {
                    return Err(DecodeError::twice("a set, family or actor", &declared.name));
                }
                declarations.push(declared);
                contents.push(own);
            }
        }
        Ok(Report { sources, declarations, contents, saturated })
    }
}

fn source(wire: WireSource) -> Result<ReportSource, DecodeError> {
    let incarnation = u128::from_str_radix(&wire.incarnation, 16);
    let identity = Identity::received(
        &wire.instance,
        incarnation.map_err(|_| DecodeError::name("an incarnation", &wire.incarnation))?,
        time_of_day(wire.started),
    );
    Ok(ReportSource {
        identity,
        epoch: wire.epoch,
        at: Duration::from_nanos(wire.at),
        wall: time_of_day(wire.wall),
        interval: Duration::from_nanos(wire.interval),
        stale: wire.stale,
    })
}

fn time_of_day(nanos: u64) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// `None` if it is of a kind that is not known.
fn decode_item(
    wire: WireItem<'_>,
    sources: usize,
    saturated: &mut bool,
) -> Result<Option<(Declaration, Contents)>, DecodeError> {
    let kind = match &*wire.kind {
        "set" => DeclarationKind::Set,
        "family" => DeclarationKind::Family,
        "actor" => DeclarationKind::Actor,
        _ => return Ok(None),
    };
    if !is_name(&wire.name) {
        return Err(DecodeError::name("a set, family or actor", &wire.name));
    }
    if let Some(label) = wire.labels.iter().find(|label| !is_name(label)) {
        return Err(DecodeError::name("a label", label));
    }
    let labels: Arc<[Text]> = wire.labels.into_iter().map(Text::Owned).collect();
    let (group, shape) = fields::decode(wire.help, wire.fields)?;
    let created = time_of_day(wire.created);
    let declared = Declaration::new(kind, &wire.name, group, 0, created);
    let mut decoder = Decoder { shape: &shape, sources, saturated: false };
    let is_family = kind == DeclarationKind::Family;
    let retired = match wire.retired.filter(|_| is_family) {
        Some(cells) => Some(decoder.row(&cells)?),
        None => is_family.then(|| RowData::of(&declared.group)),
    };
    let contents = Contents {
        total: decoder.row(&wire.total)?,
        retired,
        refused: wire.refused,
        entries: entries(&mut decoder, wire.entries, labels.len())?,
        failure: wire.failure.map(Into::into),
    };
    *saturated |= decoder.saturated;
    Ok(Some((Declaration { labels, ..declared }, contents)))
}

fn entries(
    decoder: &mut Decoder<'_>,
    wire: Vec<WireEntry>,
    labels: usize,
) -> Result<Vec<ReportEntry>, DecodeError> {
    let mut keys = HashSet::with_capacity(wire.len());
    let mut made: Vec<ReportEntry> = Vec::with_capacity(wire.len());
    for entry in wire {
        if entry.labels.len() != labels {
            return Err(DecodeError::invalid("an entry has not as many labels as its family"));
        }
        let own: Arc<[Box<str>]> = entry.labels.into_iter().map(Into::into).collect();
        made.push(ReportEntry {
            labels: own.iter().cloned().collect(),
            id: entry.id,
            created: time_of_day(entry.created),
            changed: entry.changed,
            row: decoder.row(&entry.row)?,
        });
        if !keys.insert(own.clone()) {
            return Err(DecodeError::twice("an entry", &own.join(", ")));
        }
    }
    Ok(made)
}
