//! The law, kept and broken.

use std::sync::Arc;
use std::time::Duration;

use tallybook::Distribution;

use super::*;
use crate::cut::Present;
use crate::wire::WireView;

fn times(millis: &[u64]) -> Distribution<Duration> {
    millis.iter().copied().map(Duration::from_millis).collect()
}

/// A cut in which all holds.
pub fn lawful() -> Cut {
    let seed =
        Tally { served: 90, reads: 3, read_time: times(&[1, 1, 2]), joined: 1, ..Tally::default() };
    let leecher = Tally {
        received: 50,
        verified: 40,
        pieces: 1,
        writes: 2,
        joined: 1,
        write_time: times(&[3, 4]),
        piece_write_time: times(&[7]),
        ..Tally::default()
    };
    let gone = Tally {
        received: 30,
        writes: 1,
        joined: 1,
        left: 1,
        write_time: times(&[9]),
        ..Tally::default()
    };
    let all = seed.clone() + leecher.clone() + gone.clone();
    Cut {
        epoch: 7,
        present: vec![
            Present { name: "seed".into(), tally: seed, ..Present::default() },
            Present {
                name: "leecher-1".into(),
                tally: leecher,
                have: 40,
                opened: 2,
                closed: 1,
                ..Present::default()
            },
        ],
        departed: gone,
        total: all.clone(),
        swarm: all,
        ..Cut::default()
    }
}

fn said(cut: &Cut, world: World) -> Vec<String> {
    breaches(cut, world).iter().map(Breach::to_string).collect()
}

#[test]
fn a_lawful_cut_has_no_breach() {
    assert_eq!(breaches(&lawful(), World::Closed), []);
}

/// What was seen on the wire in [`lawful`].
fn on_the_wire() -> OnWire {
    let totals = Totals { connected: 3, disconnected: 3, bytes: 85, ..Totals::default() };
    OnWire {
        view: Arc::new(WireView { totals, ..WireView::default() }),
        events: vec![(
            "choked",
            EventStatsSnapshot {
                sent: 5,
                applied: 3,
                coalesced: 2,
                ..EventStatsSnapshot::default()
            },
        )],
        noise: EventStatsSnapshot {
            sent: 9,
            applied: 1,
            dropped: 8,
            ..EventStatsSnapshot::default()
        },
    }
}

#[test]
fn the_wire_lies_between_serving_and_receiving() {
    let mut cut = lawful();
    cut.wire = Some(on_the_wire());
    assert_eq!(breaches(&cut, World::Closed), []);
    let with = |change: &dyn Fn(&mut Totals)| {
        let mut wire = on_the_wire();
        let mut view = WireView::clone(&wire.view);
        change(&mut view.totals);
        wire.view = Arc::new(view);
        Cut { wire: Some(wire), ..cut.clone() }
    };
    let few = with(&|totals| totals.bytes = 79);
    assert_eq!(said(&few, World::Closed), ["80 received is more than 79 on the wire"]);
    let many = with(&|totals| totals.bytes = 91);
    assert_eq!(said(&many, World::Closed), ["91 on the wire is more than 90 served"]);
    assert_eq!(said(&many, World::Open), [""; 0], "somebody else served it");
    let open = with(&|totals| totals.disconnected = 2);
    assert_eq!(said(&open, World::Open), ["0 connections open, 3 opened less 2 closed"]);
}

#[test]
fn no_event_goes_missing_but_noise() {
    let mut cut = lawful();
    let mut wire = on_the_wire();
    wire.noise.dropped = 7;
    wire.events[0].1 =
        EventStatsSnapshot { sent: 5, applied: 3, dropped: 1, lost: 1, coalesced: 0 };
    cut.wire = Some(wire);
    assert_eq!(
        said(&cut, World::Closed),
        [
            "choked: 1 events dropped, 1 lost",
            "noise: 9 events sent, 1 applied + 0 coalesced + 7 dropped + 0 lost",
        ]
    );
}

#[test]
fn the_departed_belong_to_the_sum() {
    let mut cut = lawful();
    cut.departed = Tally::default();
    let found = said(&cut, World::Closed);
    assert_eq!(found[0], "received: the members sum to 50, the swarm says 80");
    assert_eq!(found[1], "writes: the members sum to 2, the swarm says 3");
    let times = "write_time: what the members have does not merge to what the swarm has";
    assert!(found.iter().any(|said| said == times), "{found:?}");
}

#[test]
fn the_total_is_the_sum() {
    let mut cut = lawful();
    cut.total.received += 1;
    let found = said(&cut, World::Open);
    assert_eq!(found, ["received: the members sum to 80, their total is given as 81"]);
}

#[test]
fn one_time_too_long_is_a_breach() {
    let mut cut = lawful();
    cut.swarm.write_time = times(&[3, 4, 10]);
    let found = said(&cut, World::Closed);
    assert_eq!(found, ["write_time: what the members have does not merge to what the swarm has"]);
}

#[test]
fn what_is_counted_is_timed() {
    let mut cut = lawful();
    for tally in [&mut cut.present[0].tally, &mut cut.total, &mut cut.swarm] {
        tally.reads += 1;
    }
    // Of the member, in the total, and in the swarm.
    assert_eq!(said(&cut, World::Closed), ["3 read_time for 4 reads"; 3]);
}

#[test]
fn a_piece_takes_no_longer_than_its_writes() {
    let mut cut = lawful();
    for tally in [&mut cut.present[1].tally, &mut cut.total, &mut cut.swarm] {
        tally.piece_write_time = times(&[8]);
    }
    assert_eq!(
        said(&cut, World::Closed),
        ["8000000 ns for writing pieces is more than 7000000 for writing"]
    );
}

#[test]
fn nothing_is_received_before_it_is_served() {
    let mut cut = lawful();
    for tally in [&mut cut.present[0].tally, &mut cut.total, &mut cut.swarm] {
        tally.served = 79;
    }
    assert_eq!(said(&cut, World::Closed), ["80 received is more than 79 served"]);
    assert_eq!(breaches(&cut, World::Open), [], "another program may have served it");
}

#[test]
fn nothing_closes_before_it_opens() {
    let mut cut = lawful();
    cut.present[1].closed = 3;
    assert_eq!(said(&cut, World::Open), ["3 connections closed is more than 2 opened"]);
}
