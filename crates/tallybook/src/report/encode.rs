//! Reports on their way to elsewhere.

use super::contents::{Contents, Report, ReportEntry, ReportSource};
use super::error::FORMAT;
use super::wire::{WireEntry, WireItem, WireReport, WireSource, fields, row};
use crate::read::{Declaration, DeclarationKind};
use crate::schema::Group;
use crate::support::nanos;
use serde::{Serialize, Serializer};
use std::time::SystemTime;

/// In any format; what it looks like is the same in all that describe themselves.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let items = self.declarations.iter().zip(&self.contents);
        let wire = WireReport {
            format: FORMAT,
            saturated: self.saturated,
            fingerprint: format!("{:016x}", self.fingerprint()),
            sources: self.sources.iter().map(source).collect(),
            items: items.map(|(declared, contents)| item(declared, contents)).collect(),
        };
        wire.serialize(to)
    }
}

fn time_of_day(time: SystemTime) -> u64 {
    nanos(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn source(of: &ReportSource) -> WireSource {
    WireSource {
        instance: of.identity.instance.to_string(),
        incarnation: format!("{:032x}", of.identity.incarnation),
        started: time_of_day(of.identity.started),
        epoch: of.epoch,
        at: nanos(of.at),
        wall: time_of_day(of.wall),
        interval: nanos(of.interval),
        stale: of.stale,
    }
}

fn item<'a>(declared: &Declaration, contents: &Contents) -> WireItem<'a> {
    let group = &declared.group;
    let mut made = Vec::new();
    fields::encode(group, &mut made);
    let kind = match declared.kind {
        DeclarationKind::Set => "set",
        DeclarationKind::Family => "family",
        DeclarationKind::Actor => "actor",
    };
    WireItem {
        name: declared.name.to_string(),
        kind: kind.into(),
        labels: declared.labels.iter().map(|label| label.to_string()).collect(),
        help: group.help.to_string(),
        created: time_of_day(declared.created),
        fields: made,
        total: row::encode(group, &contents.total),
        retired: contents.retired.as_ref().map(|retired| row::encode(group, retired)),
        refused: contents.refused,
        failure: contents.failure.as_deref().map(str::to_owned),
        entries: contents.entries.iter().map(|of| entry(group, of)).collect(),
    }
}

fn entry(group: &Group, of: &ReportEntry) -> WireEntry {
    WireEntry {
        labels: of.labels.iter().map(|value| value.to_string()).collect(),
        id: of.id,
        created: time_of_day(of.created),
        changed: of.changed,
        row: row::encode(group, &of.row),
    }
}
