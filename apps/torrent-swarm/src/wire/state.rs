//! [`Wire`]: the reducer that knows who is connected to whom, and how they stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tallybook::Reducer;

use super::{Way, WireEvent};

/// What one end of a connection has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Whether it chokes the other: will not serve it. So it begins.
    pub chokes: bool,
    /// Whether it wants something of the other.
    pub interested: bool,
    /// Chunks it has asked for and waits for.
    pub waiting: u64,
    /// Chunks it has sent.
    pub chunks: u64,
    /// Their payload.
    pub bytes: u64,
    /// Whether it has all pieces.
    pub has_all: bool,
}

impl Default for Side {
    fn default() -> Self {
        Self { chokes: true, interested: false, waiting: 0, chunks: 0, bytes: 0, has_all: false }
    }
}

/// An open connection between two peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who connected.
    pub from: Arc<str>,
    /// Who accepted.
    pub to: Arc<str>,
    /// What the one that connected has said.
    pub there: Side,
    /// What the one that accepted has said.
    pub back: Side,
}

impl Link {
    fn side(&mut self, way: Way) -> &mut Side {
        if way.back { &mut self.back } else { &mut self.there }
    }
}

/// What has happened on all connections, open or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections opened.
    pub connected: u64,
    /// Connections closed again.
    pub disconnected: u64,
    /// Chunks asked for.
    pub requested: u64,
    /// Requests taken back.
    pub cancelled: u64,
    /// Chunks that arrived.
    pub chunks: u64,
    /// Their payload.
    pub bytes: u64,
    /// Pieces that members said they had, those they began with included where they did not have
    /// all.
    pub haves: u64,
    /// Directions that were given up.
    pub undecoded: u64,
}

/// The most senders of bad pieces that are told apart.
const CULPRITS: usize = 1000;

/// What readers see of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireView {
    /// The open connections, the oldest first.
    pub links: Vec<Link>,
    /// All connections.
    pub totals: Totals,
    /// Who has sent chunks of pieces whose hash was wrong, and of how many.
    pub culprits: Vec<(Arc<str>, u64)>,
}

impl WireView {
    /// Both ends of each open connection.
    fn ends(&self) -> impl Iterator<Item = &Side> {
        self.links.iter().flat_map(|link| [&link.there, &link.back])
    }

    /// Peers that are choked by the other end of a connection.
    pub fn choked(&self) -> usize {
        self.ends().filter(|side| side.chokes).count()
    }

    /// Peers that are interested in what the other end of a connection has.
    pub fn interested(&self) -> usize {
        self.ends().filter(|side| side.interested).count()
    }

    /// Chunks that were asked for and have not arrived.
    pub fn in_flight(&self) -> u64 {
        self.ends().map(|side| side.waiting).sum()
    }
}

/// The reducer.
#[derive(Debug, Default)]
pub struct Wire {
    links: BTreeMap<u64, Link>,
    totals: Totals,
    culprits: BTreeMap<Arc<str>, u64>,
}

impl Wire {
    /// Changes what is known of the end that speaks that way, if the connection is open.
    fn say(&mut self, way: Way, change: impl FnOnce(&mut Side)) {
        if let Some(link) = self.links.get_mut(&way.link) {
            change(link.side(way));
        }
    }
}

impl Reducer for Wire {
    type Event = WireEvent;
    type Snapshot = WireView;

    fn apply(&mut self, event: WireEvent, _: Duration) {
        match event {
            WireEvent::PeerConnected { way, from, to } => {
                self.totals.connected += 1;
                let (there, back) = Default::default();
                self.links.insert(way.link, Link { from, to, there, back });
            }
            WireEvent::PeerDisconnected(way) => {
                self.totals.disconnected += 1;
                self.links.remove(&way.link);
            }
            WireEvent::Choked(way) => {
                self.say(way, |side| side.chokes = true);
                self.say(way.other(), |side| side.waiting = 0);
            }
            WireEvent::Unchoked(way) => self.say(way, |side| side.chokes = false),
            WireEvent::Interested(way) => self.say(way, |side| side.interested = true),
            WireEvent::NotInterested(way) => self.say(way, |side| side.interested = false),
            WireEvent::Have { pieces, .. } => self.totals.haves += pieces,
            WireEvent::HaveAll(way) => self.say(way, |side| side.has_all = true),
            WireEvent::PieceRequested { way, chunks, waiting } => {
                self.totals.requested += chunks;
                self.say(way, |side| side.waiting = waiting);
            }
            WireEvent::RequestCancelled { way, chunks, waiting } => {
                self.totals.cancelled += chunks;
                self.say(way, |side| side.waiting = waiting);
            }
            WireEvent::PieceReceived { way, chunks, bytes, waiting } => {
                self.totals.chunks += chunks;
                self.totals.bytes += bytes;
                self.say(way, |side| {
                    side.chunks += chunks;
                    side.bytes += bytes;
                });
                self.say(way.other(), |side| side.waiting = waiting);
            }
            WireEvent::BadPiece { from, pieces, .. } => {
                if self.culprits.len() < CULPRITS || self.culprits.contains_key(&from) {
                    *self.culprits.entry(from).or_default() += pieces;
                }
            }
            WireEvent::Undecoded(_) => self.totals.undecoded += 1,
            WireEvent::Noise => {}
        }
    }

    fn snapshot(&self) -> WireView {
        let culprits = self.culprits.iter().map(|(name, pieces)| (name.clone(), *pieces));
        WireView {
            links: self.links.values().cloned().collect(),
            totals: self.totals,
            culprits: culprits.collect(),
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
