//! What one snapshot says of the wire.

use std::ops::Add;
use std::sync::Arc;

use tallybook::{Actor, EventStatsSnapshot, Label, Snapshot};

use super::{Wire, WireEventKind, WireView};

/// What became of the events of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Events sent.
    pub sent: u64,
    /// Of those, the ones that the reducer took.
    pub applied: u64,
    /// Merged into others.
    pub coalesced: u64,
    /// Dropped.
    pub dropped: u64,
    /// Lost to a panic.
    pub lost: u64,
}

impl Add for Account {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            applied: self.applied + other.applied,
            coalesced: self.coalesced + other.coalesced,
            dropped: self.dropped + other.dropped,
            lost: self.lost + other.lost,
        }
    }
}

impl From<&EventStatsSnapshot> for Account {
    fn from(events: &EventStatsSnapshot) -> Self {
        Self {
            sent: events.sent,
            applied: events.applied,
            coalesced: events.coalesced,
            dropped: events.dropped,
            lost: events.lost,
        }
    }
}

/// What was seen on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnWire {
    /// The connections.
    pub view: Arc<WireView>,
    /// The account of each kind of event but noise.
    pub events: Vec<(&'static str, Account)>,
    /// That of noise.
    pub noise: Account,
}

impl OnWire {
    /// Reads a snapshot.
    pub fn of(snapshot: &Snapshot, wire: &Actor<Wire>) -> Self {
        let accounts = snapshot.events(wire);
        let all = accounts.iter().map(|(kind, events)| (kind, Account::from(events)));
        let noise = WireEventKind::VALUES[WireEventKind::Noise.index()];
        Self {
            view: snapshot.state(wire),
            events: all.filter(|(kind, _)| *kind != noise).collect(),
            noise: Account::from(&accounts[WireEventKind::Noise]),
        }
    }

    /// The account of all kinds but noise.
    pub fn account(&self) -> Account {
        self.events.iter().map(|(_, account)| *account).fold(Account::default(), Add::add)
    }
}
