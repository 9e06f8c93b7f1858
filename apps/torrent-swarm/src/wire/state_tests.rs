//! The reducer behind queues that are always too small, beside a plain one that gets each event at
//! once.

use tallybook::{Actor, Collector, Registry};

use super::*;
use crate::wire::WireEventKind;
use crate::wire::decode::Seen;
use crate::wire::meeting::{Meeting, Tap};
use librqbit_core::hash_id::Id20;

/// All pieces there are.
const PIECES: u64 = 9;

fn wired(room: usize) -> (Registry, Actor<Wire>, Collector) {
    let registry = Registry::new();
    let wire = registry.actor_builder("wire").capacity(room).register(Wire::default());
    let collector = registry.collector().expect("the first");
    (registry, wire.expect("the first"), collector)
}

fn any() -> Seen {
    match rand::random_range(0..20) {
        0 => Seen::Choke,
        1 => Seen::Unchoke,
        2 => Seen::Interested,
        3 => Seen::NotInterested,
        4 => Seen::Have,
        5 => Seen::Bitfield(rand::random_range(0..=PIECES)),
        6 => Seen::Cancel,
        7..14 => Seen::Request,
        _ => {
            Seen::Piece { piece: rand::random_range(0..9), bytes: rand::random_range(1..=1 << 14) }
        }
    }
}

/// Random conversations on a few connections, told to both.
#[test]
fn what_is_merged_tells_the_same_as_what_is_not() {
    for round in 0..60 {
        let (_small, merging, mut collector) = wired(rand::random_range(1..4));
        let (_large, plain, mut other) = wired(1 << 16);
        let taps = [&merging, &plain].map(|wire| Tap::new(wire.sender(), PIECES, false));
        let mut open: Vec<[Meeting<'_>; 2]> = Vec::new();
        for step in 0..400 {
            let at = rand::random_range(0..8);
            match open.get(at) {
                None => {
                    let id = taps[0].roster.enrol(&format!("peer-{step}"));
                    let meetings = taps.each_ref().map(|tap| Meeting::new(tap, "to".into()));
                    // A stranger to the other tap, so that it must not tell names.
                    meetings.iter().for_each(|meeting| {
                        meeting.saw(
                            false,
                            Seen::Handshake { id: Id20::new(id.0), torrent: Id20::default() },
                        )
                    });
                    open.push(meetings);
                }
                Some(_) if rand::random_range(0..40) == 0 => drop(open.swap_remove(at)),
                Some(meetings) => {
                    let (back, seen) = (rand::random(), any());
                    meetings.iter().for_each(|meeting| meeting.saw(back, seen));
                }
            }
            if rand::random_range(0..100) == 0 {
                collector.close_epoch();
            }
        }
        if round % 2 == 0 {
            open.clear();
        }
        let (now, then) = (collector.tick(), other.tick());
        let ends = |view: &WireView| -> Vec<[Side; 2]> {
            view.links.iter().map(|link| [link.there.clone(), link.back.clone()]).collect()
        };
        let (now, then) = ((now.state(&merging), now.events(&merging)), then.state(&plain));
        assert_eq!(now.0.totals, then.totals);
        assert_eq!(ends(&now.0), ends(&then));
        assert_eq!(then.links.len(), open.len());
        let merged: u64 = now.1.iter().map(|(_, account)| account.coalesced).sum();
        assert!(merged > 0, "the queues had room for all");
        assert!(now.1.iter().all(|(_, account)| account.dropped == 0), "some were dropped");
    }
}

#[test]
fn a_connection_from_its_beginning_to_its_end() {
    let (_registry, wire, mut collector) = wired(64);
    let tap = Tap::new(wire.sender(), PIECES, false);
    let meeting = Meeting::new(&tap, "seed".into());
    meeting.saw(
        false,
        Seen::Handshake { id: tap.roster.enrol("leecher-1"), torrent: Id20::default() },
    );
    let view = collector.tick().state(&wire);
    assert_eq!((&*view.links[0].from, &*view.links[0].to), ("leecher-1", "seed"));
    assert_eq!((view.choked(), view.interested(), view.in_flight()), (2, 0, 0));
    meeting.saw(true, Seen::Bitfield(PIECES));
    meeting.saw(false, Seen::Interested);
    meeting.saw(true, Seen::Unchoke);
    (0..3).for_each(|_| meeting.saw(false, Seen::Request));
    meeting.saw(true, Seen::Piece { piece: 0, bytes: 100 });
    let view = collector.tick().state(&wire);
    assert_eq!((view.choked(), view.interested(), view.in_flight()), (1, 1, 2));
    assert!(view.links[0].back.has_all && !view.links[0].there.has_all);
    // Choked, it waits for nothing any more, and what comes all the same is not awaited.
    meeting.saw(true, Seen::Choke);
    meeting.saw(true, Seen::Piece { piece: 0, bytes: 50 });
    let view = collector.tick().state(&wire);
    assert_eq!((view.choked(), view.in_flight()), (2, 0));
    drop(meeting);
    let view = collector.tick().state(&wire);
    assert_eq!(view.links, []);
    let totals = view.totals;
    assert_eq!((totals.connected, totals.disconnected), (1, 1));
    assert_eq!((totals.requested, totals.chunks, totals.bytes), (3, 2, 150));
}

#[test]
fn a_flood_drops_noise_and_nothing_else() {
    let (_registry, wire, mut collector) = wired(8);
    let tap = Tap::new(wire.sender(), PIECES, true);
    let meeting = Meeting::new(&tap, "seed".into());
    meeting.saw(
        false,
        Seen::Handshake { id: tap.roster.enrol("leecher-1"), torrent: Id20::default() },
    );
    (0..100).for_each(|_| meeting.saw(false, Seen::Request));
    let now = collector.tick();
    let events = now.events(&wire);
    let noise = &events[WireEventKind::Noise];
    assert_eq!((noise.sent, noise.applied, noise.dropped), (101_000, 8, 100_992));
    assert_eq!(now.state(&wire).in_flight(), 100);
    assert_eq!(events[WireEventKind::PieceRequested].coalesced, 91);
}
