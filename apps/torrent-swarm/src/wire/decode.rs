//! [`Decoder`]: from the bytes of one direction to messages.
//!
//! The peer protocol is that of BEP 3, with the extension messages of BEP 10 passed over; messages
//! are parsed by `librqbit-peer-protocol`.

use librqbit_core::hash_id::Id20;
use librqbit_peer_protocol::{Handshake, Message, MessageDeserializeError};

/// The longest message that is waited for. The longest there are carry a chunk or a bitfield, a bit
/// for each piece.
const LONGEST: usize = 4 << 20;

/// How long a handshake is.
const HANDSHAKE: usize = 68;

/// How long the length before each message is.
const PREFIX: usize = 4;

/// What was found. Messages that say nothing here are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A peer has introduced itself.
    Handshake {
        /// Who.
        id: Id20,
        /// The torrent it speaks of.
        torrent: Id20,
    },
    /// Chokes the other.
    Choke,
    /// Does not any more.
    Unchoke,
    /// Wants something.
    Interested,
    /// Wants nothing.
    NotInterested,
    /// Has one more piece.
    Have,
    /// Has so many pieces.
    Bitfield(u64),
    /// Asks for a chunk.
    Request,
    /// Does not want it any more.
    Cancel,
    /// A chunk, the last byte of which has come.
    Piece {
        /// Of which piece.
        piece: u32,
        /// How large it is.
        bytes: u64,
    },
    /// No peer protocol, or not any more. The last that is found.
    Nonsense,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Messages,
    /// Nothing that is understood.
    Over,
}

/// Takes the bytes of one direction as they come.
#[derive(Debug)]
pub struct Decoder {
    phase: Phase,
    /// The beginning of what has not come wholly.
    rest: Vec<u8>,
}

impl Decoder {
    /// At the beginning of a connection.
    pub fn new() -> Self {
        Self { phase: Phase::Handshake, rest: Vec::new() }
    }

    /// Takes the next bytes, and hands what is found to `on`. Copies only what is cut off at the
    /// end.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Seen)) {
        if self.phase == Phase::Over {
            return;
        }
        let mut bytes = bytes;
        while !self.rest.is_empty() {
            // As much as the first thing needs; how much that is may only be known from its first
            // bytes.
            let missing = self.length(&self.rest).saturating_sub(self.rest.len());
            let taken = missing.min(bytes.len());
            self.rest.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.rest.len() < self.length(&self.rest) {
                if bytes.is_empty() {
                    return;
                }
                continue;
            }
            let mut whole = std::mem::take(&mut self.rest);
            let goes_on = self.take(&whole, &mut on);
            // Its memory is used again.
            whole.clear();
            self.rest = whole;
            if !goes_on {
                return;
            }
        }
        while !bytes.is_empty() {
            let length = self.length(bytes);
            let Some((first, after)) = bytes.split_at_checked(length) else {
                self.rest.extend_from_slice(bytes);
                break;
            };
            if !self.take(first, &mut on) {
                return;
            }
            bytes = after;
        }
    }

    /// How long that is which begins with those bytes, as far as they say.
    fn length(&self, bytes: &[u8]) -> usize {
        match (self.phase, bytes.first_chunk::<PREFIX>()) {
            (Phase::Handshake, _) => HANDSHAKE,
            (_, None) => PREFIX,
            // One that is too long is taken as it is, and found wrong.
            (_, Some(prefix)) => match u32::from_be_bytes(*prefix) as usize {
                length @ ..=LONGEST => PREFIX + length,
                _ => PREFIX,
            },
        }
    }

    /// Takes a handshake or a message; answers whether there may be more.
    fn take(&mut self, bytes: &[u8], on: &mut impl FnMut(Seen)) -> bool {
        let seen = match self.phase {
            Phase::Handshake => Handshake::deserialize(bytes).map_or(
                Some(Seen::Nonsense),
                |(Handshake { peer_id: id, info_hash: torrent, .. }, _)| {
                    Some(Seen::Handshake { id, torrent })
                },
            ),
            Phase::Messages => message(bytes),
            Phase::Over => Some(Seen::Nonsense),
        };
        self.phase = if seen == Some(Seen::Nonsense) { Phase::Over } else { Phase::Messages };
        seen.into_iter().for_each(on);
        self.phase != Phase::Over
    }
}

/// What a message says, if it says anything here.
fn message(bytes: &[u8]) -> Option<Seen> {
    use MessageDeserializeError::{
        HandshakePstrWrongContent, HandshakePstrWrongLength, IncorrectMsgLen, NeedContiguous,
        NotEnoughData,
    };
    let message = match Message::deserialize(bytes, &[]) {
        Ok((message, _)) => message,
        // The length was not that of the message.
        Err(
            NotEnoughData(..)
            | NeedContiguous
            | IncorrectMsgLen { .. }
            | HandshakePstrWrongContent
            | HandshakePstrWrongLength(_),
        ) => return Some(Seen::Nonsense),
        // An extension that is not known: its length is, so it can be passed over.
        Err(_) => return None,
    };
    Some(match message {
        Message::Choke => Seen::Choke,
        Message::Unchoke => Seen::Unchoke,
        Message::Interested => Seen::Interested,
        Message::NotInterested => Seen::NotInterested,
        Message::Have(_) => Seen::Have,
        Message::Bitfield(bits) => {
            Seen::Bitfield(bits.as_ref().iter().map(|byte| u64::from(byte.count_ones())).sum())
        }
        Message::Request(_) => Seen::Request,
        Message::Cancel(_) => Seen::Cancel,
        Message::Piece(piece) => Seen::Piece { piece: piece.index, bytes: piece.len() as u64 },
        Message::KeepAlive | Message::Extended(_) => return None,
    })
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
