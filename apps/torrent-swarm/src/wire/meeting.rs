//! [`Meeting`]: from what is seen on a connection to events.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tallybook::Sender;

use super::decode::Seen;
use super::senders::Senders;
use super::{Roster, Way, WireEvent};

/// How many times nothing is said for each message, with `--flood`.
const BURST: u64 = 1000;

/// What all relays of a run share. Cheap to clone.
#[derive(Clone)]
pub struct Tap {
    /// Who is who.
    pub roster: Roster,
    sender: Sender<WireEvent>,
    pieces: u64,
    flood: bool,
    /// Connections so far.
    links: Arc<AtomicU64>,
    senders: Senders,
}

impl Tap {
    /// A tap on the exchange of so many pieces. With `flood` it says nothing a thousand times for
    /// each message.
    pub fn new(sender: Sender<WireEvent>, pieces: u64, flood: bool) -> Self {
        let (roster, links, senders) = Default::default();
        Self { sender, roster, pieces, flood, links, senders }
    }

    /// Notes that `member` has all of a piece, and has yet to compare its hash: whoever sent chunks
    /// of it until now is to blame if that is wrong.
    pub fn suspect(&self, member: &Arc<str>, piece: u32) {
        self.senders.suspect(member, piece);
    }

    /// Notes that the hash was right.
    pub fn acquit(&self, member: &Arc<str>, piece: u32) {
        self.senders.acquit(member, piece);
    }

    /// Notes that the hash was wrong, and says who sent it.
    pub fn blame(&self, member: &Arc<str>, piece: u32) {
        for (way, from) in self.senders.blamed(member, piece) {
            self.send(WireEvent::BadPiece { way, from, pieces: 1 });
        }
    }

    fn send(&self, event: WireEvent) {
        self.sender.send(event);
        if self.flood {
            (0..BURST).for_each(|_| self.sender.send(WireEvent::Noise));
        }
    }
}

/// A connection, as far as it has been followed. Its end is sent however it ends, if its beginning
/// was.
pub struct Meeting<'a> {
    tap: &'a Tap,
    number: u64,
    /// Who accepts.
    to: Arc<str>,
    /// Used by one task.
    ends: Mutex<Ends>,
}

#[derive(Default)]
struct Ends {
    /// Who connected, when that is known: the connection is open then.
    from: Option<Arc<str>>,
    /// How many chunks each end waits for: the one that connected, the one that accepts.
    waiting: [u64; 2],
}

impl Ends {
    fn waiting(&mut self, way: Way) -> &mut u64 {
        &mut self.waiting[usize::from(way.back)]
    }

    /// One less. More may be taken back, and come, than was asked for: somebody else's program
    /// decides.
    fn less(&mut self, way: Way) -> u64 {
        let waiting = self.waiting(way);
        *waiting = waiting.saturating_sub(1);
        *waiting
    }
}

impl<'a> Meeting<'a> {
    /// A connection to the member of that name.
    pub fn new(tap: &'a Tap, to: Arc<str>) -> Self {
        // Relaxed: only so that no two are the same.
        let number = tap.links.fetch_add(1, Relaxed);
        Self { tap, number, to, ends: Mutex::default() }
    }

    /// Sends what was seen, of the end that accepted if it is `back`.
    pub fn saw(&self, back: bool, seen: Seen) {
        let way = Way { link: self.number, back };
        if let Some(event) = self.event(way, seen) {
            self.tap.send(event);
        }
    }

    fn event(&self, way: Way, seen: Seen) -> Option<WireEvent> {
        let mut ends = self.lock();
        Some(match seen {
            // Who accepts has been known before.
            Seen::Handshake { .. } if way.back => return None,
            Seen::Handshake { id, .. } => {
                let (from, to) = (self.tap.roster.name(id), self.to.clone());
                ends.from = Some(from.clone());
                WireEvent::PeerConnected { way, from, to }
            }
            Seen::Choke => {
                *ends.waiting(way.other()) = 0;
                WireEvent::Choked(way)
            }
            Seen::Unchoke => WireEvent::Unchoked(way),
            Seen::Interested => WireEvent::Interested(way),
            Seen::NotInterested => WireEvent::NotInterested(way),
            Seen::Have => WireEvent::Have { way, pieces: 1 },
            Seen::Bitfield(pieces) if pieces == self.tap.pieces => WireEvent::HaveAll(way),
            Seen::Bitfield(pieces) => WireEvent::Have { way, pieces },
            Seen::Request => {
                let waiting = ends.waiting(way);
                *waiting += 1;
                WireEvent::PieceRequested { way, chunks: 1, waiting: *waiting }
            }
            Seen::Cancel => WireEvent::RequestCancelled { way, chunks: 1, waiting: ends.less(way) },
            Seen::Piece { piece, bytes } => {
                if let Some(from) = &ends.from {
                    let (speaker, hearer) =
                        if way.back { (&self.to, from) } else { (from, &self.to) };
                    self.tap.senders.sent(hearer, piece, way, speaker);
                }
                let waiting = ends.less(way.other());
                WireEvent::PieceReceived { way, chunks: 1, bytes, waiting }
            }
            Seen::Nonsense => WireEvent::Undecoded(way),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Meeting<'_> {
    fn drop(&mut self) {
        if self.lock().from.is_some() {
            let way = Way { link: self.number, back: false };
            self.tap.send(WireEvent::PeerDisconnected(way));
        }
    }
}
