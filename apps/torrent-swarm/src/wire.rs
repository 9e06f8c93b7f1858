//! The wire tap: what members say to each other, seen on the wire.
//!
//! In front of each member stands a [`Relay`] on loopback, at whose address the others find it. It
//! passes bytes on as they are, and decodes a copy: the messages of BitTorrent's peer protocol
//! become [`WireEvent`]s, which go to the reducer
//! [`Wire`]. Readers see its [`WireView`] in the same cut as all counters.
//!
//! An event is sent before the bytes that it was found in are passed on. A chunk is read from its
//! file before it is sent, and written to another after it was passed on; both are facts. So in
//! every cut the payload received is at most what was on the wire, and that at most what was
//! served.

mod cut;
mod decode;
mod meeting;
mod relay;
mod roster;
mod senders;
mod show;
mod state;

use std::sync::Arc;

use tallybook::Event;

pub use cut::OnWire;
pub use decode::Seen;
pub use meeting::{Meeting, Tap};
pub use relay::{End, Relay, pass};
pub use roster::Roster;
pub use show::LINKS;
#[cfg(test)]
pub use show::tests;
pub use state::{Side, Totals, Wire, WireView};

/// One direction of a connection: whose messages it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// The connection's number, which no other ever has.
    pub link: u64,
    /// Whether the accepting end speaks.
    pub back: bool,
}

impl Way {
    /// That in which the other end speaks.
    pub fn other(self) -> Self {
        Self { back: !self.back, ..self }
    }
}

/// What is seen on the wire.
///
/// Where a queue is full, events of one kind and direction become one: counts are added up, of
/// states the last one counts. So nothing is ever lost, but for [`Noise`](Self::Noise). All other
/// kinds are ordered, so that the last state is the last whatever was merged, and all that happens
/// on a connection lies between its opening and its end.
#[derive(Debug, Event)]
#[event(overflow = "coalesce")]
pub enum WireEvent {
    /// A peer has introduced itself to a member.
    PeerConnected {
        /// The connection.
        #[event(key)]
        way: Way,
        /// Who connected.
        from: Arc<str>,
        /// Who accepted.
        to: Arc<str>,
    },
    /// A connection is over.
    PeerDisconnected(#[event(key)] Way),
    /// The peer that speaks will not serve the other, and forgets what it was asked for.
    Choked(#[event(key)] Way),
    /// The peer that speaks will serve the other.
    Unchoked(#[event(key)] Way),
    /// The peer that speaks wants something that the other has.
    Interested(#[event(key)] Way),
    /// The peer that speaks wants nothing.
    NotInterested(#[event(key)] Way),
    /// The peer that speaks has more pieces.
    Have {
        /// Who.
        #[event(key)]
        way: Way,
        /// How many.
        #[event(sum)]
        pieces: u64,
    },
    /// The peer that speaks has all pieces.
    HaveAll(#[event(key)] Way),
    /// The peer that speaks asks for chunks of pieces.
    PieceRequested {
        /// Who.
        #[event(key)]
        way: Way,
        /// For how many.
        #[event(sum)]
        chunks: u64,
        /// For how many it waits now.
        waiting: u64,
    },
    /// The peer that speaks takes requests back.
    RequestCancelled {
        /// Who.
        #[event(key)]
        way: Way,
        /// How many.
        #[event(sum)]
        chunks: u64,
        /// For how many it waits now.
        waiting: u64,
    },
    /// Chunks of pieces from the peer that speaks have arrived.
    PieceReceived {
        /// From whom.
        #[event(key)]
        way: Way,
        /// How many.
        #[event(sum)]
        chunks: u64,
        /// How large they were together.
        #[event(sum)]
        bytes: u64,
        /// For how many the other waits now.
        waiting: u64,
    },
    /// The peer that speaks has sent chunks of pieces whose hash was wrong.
    BadPiece {
        /// Who.
        #[event(key)]
        way: Way,
        /// Its name: the connection may be over.
        from: Arc<str>,
        /// How many.
        #[event(sum)]
        pieces: u64,
    },
    /// What is said is no peer protocol, or not any more: the rest is passed on unseen.
    Undecoded(#[event(key)] Way),
    /// Nothing, many times over, for `--flood`.
    #[event(unordered, overflow = "drop_newest")]
    Noise,
}
