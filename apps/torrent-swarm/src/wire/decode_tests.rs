//! The decoder, fed with what the crate that parses it writes.

use librqbit_peer_protocol::extended::{
    ExtendedMessage, PeerExtendedMessageIds, handshake::ExtendedHandshake,
};
use librqbit_peer_protocol::{Piece, Request};

use super::*;

fn handshake() -> Vec<u8> {
    let mut bytes = vec![0; HANDSHAKE];
    let hello = Handshake::new(Id20::new([1; 20]), Id20::new([2; 20]));
    assert_eq!(hello.serialize_unchecked_len(&mut bytes), HANDSHAKE);
    bytes
}

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 40_000];
    let length = message.serialize(&mut bytes, &PeerExtendedMessageIds::default).expect("fits");
    bytes.truncate(length);
    bytes
}

/// One of each message, and what is seen of it.
fn conversation() -> (Vec<u8>, Vec<Seen>) {
    let chunk = vec![7; 16 * 1024];
    let request = || Request::new(3, 0, 16 * 1024);
    let hello = ExtendedMessage::Handshake(ExtendedHandshake::new());
    let messages = [
        (Message::Extended(hello), None),
        (Message::Bitfield([0b1010_0000, 1][..].into()), Some(Seen::Bitfield(3))),
        (Message::KeepAlive, None),
        (Message::Interested, Some(Seen::Interested)),
        (Message::Unchoke, Some(Seen::Unchoke)),
        (Message::Request(request()), Some(Seen::Request)),
        (
            Message::Piece(Piece::from_data(3, 0, &chunk)),
            Some(Seen::Piece { piece: 3, bytes: 16 * 1024 }),
        ),
        (Message::Cancel(request()), Some(Seen::Cancel)),
        (Message::Have(9), Some(Seen::Have)),
        (
            Message::Piece(Piece::from_data(3, 1, &chunk[..1])),
            Some(Seen::Piece { piece: 3, bytes: 1 }),
        ),
        (Message::Choke, Some(Seen::Choke)),
        (Message::NotInterested, Some(Seen::NotInterested)),
    ];
    let mut bytes = handshake();
    let mut seen = vec![Seen::Handshake { id: Id20::new([2; 20]), torrent: Id20::new([1; 20]) }];
    for (message, found) in &messages {
        bytes.extend(written(message));
        seen.extend(found);
    }
    (bytes, seen)
}

fn decoded<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let (mut decoder, mut seen) = (Decoder::new(), Vec::new());
    parts.into_iter().for_each(|part| decoder.feed(part, |found| seen.push(found)));
    seen
}

#[test]
fn it_is_the_same_however_it_is_cut() {
    let (bytes, seen) = conversation();
    assert_eq!(decoded([&bytes[..]]), seen);
    for size in [1, 2, 3, 5, 67, 68, 69, 1000, 16_384, 16_397, 16_398] {
        assert_eq!(decoded(bytes.chunks(size)), seen, "in parts of {size}");
    }
    for cut in (0..bytes.len()).step_by(7) {
        let (one, other) = bytes.split_at(cut);
        assert_eq!(decoded([one, other]), seen, "cut at {cut}");
    }
}

#[test]
fn a_chunk_is_seen_with_its_last_byte() {
    let mut bytes = handshake();
    bytes.extend(written(&Message::Piece(Piece::from_data(0, 0, &[1; 5000]))));
    let (last, all_but_it) = bytes.split_last().expect("some");
    let mut decoder = Decoder::new();
    decoder.feed(all_but_it, |seen| assert!(matches!(seen, Seen::Handshake { .. }), "{seen:?}"));
    let mut seen = Vec::new();
    decoder.feed(&[*last], |found| seen.push(found));
    assert_eq!(seen, [Seen::Piece { piece: 0, bytes: 5000 }]);
}

#[test]
fn what_is_no_peer_protocol_is_said_once() {
    let garbage = vec![b'x'; 300];
    assert_eq!(decoded([&garbage[..]]), [Seen::Nonsense]);
    assert_eq!(decoded(garbage.chunks(1)), [Seen::Nonsense]);
    let after = |bytes: &[u8]| {
        let all = [&handshake()[..], bytes].concat();
        let whole = decoded([&all[..]]);
        assert_eq!(decoded(all.chunks(1)), whole);
        whole[1..].to_vec()
    };
    let choke = written(&Message::Choke);
    let and_more = |first: &[u8]| after(&[first, &choke[..]].concat());
    assert_eq!(and_more(&[0xff; 9]), [Seen::Nonsense], "too long");
    assert_eq!(and_more(&[0, 0, 0, 3, 4, 0, 0]), [Seen::Nonsense], "`have` of two bytes");
    assert_eq!(and_more(&[0, 0, 0, 2, 0, 0]), [Seen::Nonsense], "`choke` of two bytes");
    assert_eq!(and_more(&[0, 0, 0, 1, 7]), [Seen::Nonsense], "a chunk of nothing");
}

#[test]
fn what_is_not_known_is_passed_over() {
    let choke = written(&Message::Choke);
    for unknown in [
        &[0, 0, 0, 5, 13, 0, 0, 0, 1][..], // BEP 6, suggest piece
        &[0, 0, 0, 1, 14],                 // BEP 6, have all
        &[0, 0, 0, 6, 20, 9, b'j', b'u', b'n', b'k'], // BEP 10, of an extension that is not ours
        &[0, 0, 0, 3, 20, 0, b'?'],        // BEP 10, a handshake that is no bencode
    ] {
        let all = [&handshake()[..], unknown, &choke].concat();
        assert_eq!(decoded([&all[..]])[1..], [Seen::Choke], "{unknown:?}");
    }
}

#[test]
fn anything_at_all_can_be_fed() {
    for round in 0..2000 {
        let mut bytes = if round % 2 == 0 { handshake() } else { Vec::new() };
        bytes.extend((0..rand::random_range(0..200)).map(|_| match rand::random_range(0..3) {
            0 => rand::random::<u8>(),
            1 => rand::random_range(0..21),
            _ => 0,
        }));
        let whole = decoded([&bytes[..]]);
        assert_eq!(decoded(bytes.chunks(rand::random_range(1..9))), whole, "{bytes:?}");
        assert!(whole.iter().rev().skip(1).all(|seen| *seen != Seen::Nonsense));
    }
}
