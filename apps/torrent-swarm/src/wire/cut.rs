//! What one snapshot says of the wire.

use std::sync::Arc;

use tallybook::event::EventStatsSnapshot;
use tallybook::{Actor, Label, Snapshot};

use super::{Wire, WireEventKind, WireView};

/// What was seen on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnWire {
    /// The connections.
    pub view: Arc<WireView>,
    /// The account of each kind of event but noise.
    pub events: Vec<(&'static str, EventStatsSnapshot)>,
    /// That of noise.
    pub noise: EventStatsSnapshot,
}

impl OnWire {
    /// Reads a snapshot.
    pub fn of(snapshot: &Snapshot, wire: &Actor<Wire>) -> Self {
        let accounts = snapshot.events(wire);
        let rest = accounts.iter().filter(|(kind, _)| *kind != WireEventKind::Noise);
        Self {
            view: snapshot.state(wire),
            events: rest.map(|(kind, events)| (kind.value(), events.clone())).collect(),
            noise: accounts[WireEventKind::Noise].clone(),
        }
    }

    /// The account of all kinds but noise.
    pub fn account(&self) -> EventStatsSnapshot {
        let none = EventStatsSnapshot::default();
        self.events.iter().fold(none, |sum, (_, account)| sum.sum(account))
    }
}
