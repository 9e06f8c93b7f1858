//! Relays between sockets on loopback.

use librqbit_peer_protocol::{Handshake, Message, Piece, Request};
use tallybook::{Actor, Collector, Registry};

use super::*;
use crate::wire::{Wire, WireView};
use librqbit_core::hash_id::Id20;

struct Fixture {
    collector: Collector,
    wire: Actor<Wire>,
    tap: Tap,
    relay: Relay,
    listener: TcpListener,
    _registry: Registry,
}

impl Fixture {
    async fn new() -> Self {
        let registry = Registry::new();
        let wire = registry.actor("wire", Wire::default()).expect("the first");
        let collector = registry.collector().expect("the first");
        let tap = Tap::new(wire.sender(), 8, false);
        let relay = Relay::open(tap.clone(), "seed").await.expect("a port is free");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        Self { collector, wire, tap, relay, listener, _registry: registry }
    }

    /// Both ends of a connection through the relay.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let address = self.relay.aim(self.listener.local_addr().expect("bound"));
        let (near, far) = tokio::join!(TcpStream::connect(address), self.listener.accept());
        (near.expect("it listens"), far.expect("it is passed on").0)
    }

    fn view(&mut self) -> Arc<WireView> {
        self.collector.tick().state(&self.wire)
    }
}

fn handshake(id: Id20) -> Vec<u8> {
    let mut bytes = vec![0; 68];
    assert_eq!(Handshake::new(Id20::new([1; 20]), id).serialize_unchecked_len(&mut bytes), 68);
    bytes
}

fn written(messages: &[Message<'_>]) -> Vec<u8> {
    let mut all = Vec::new();
    for message in messages {
        let mut bytes = vec![0; 40_000];
        let length = message.serialize(&mut bytes, &Default::default).expect("fits");
        all.extend(&bytes[..length]);
    }
    all
}

/// Says all at one end, in parts, and reads it at the other.
async fn say(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    let mut heard = vec![0; bytes.len()];
    let says = async {
        for part in bytes.chunks(1013) {
            from.write_all(part).await.expect("open");
        }
    };
    let (_, read) = tokio::join!(says, to.read_exact(&mut heard));
    read.expect("as much as was said");
    assert_eq!(heard, bytes);
}

#[tokio::test]
async fn bytes_pass_unchanged_and_are_told_before_they_arrive() {
    let mut fixture = Fixture::new().await;
    let (mut near, mut far) = fixture.connect().await;
    let chunk = [9; 16 * 1024];
    say(&mut near, &mut far, &handshake(fixture.tap.roster.enrol("leecher-1"))).await;
    let request = Message::Request(Request::new(0, 0, 16 * 1024));
    say(&mut near, &mut far, &written(&[Message::Interested, request])).await;
    let view = fixture.view();
    assert_eq!((&*view.links[0].from, &*view.links[0].to), ("leecher-1", "seed"));
    assert_eq!((view.interested(), view.in_flight()), (1, 1));
    say(&mut far, &mut near, &handshake(Id20::new([3; 20]))).await;
    let piece = Message::Piece(Piece::from_data(0, 0, &chunk));
    say(&mut far, &mut near, &written(&[Message::Unchoke, piece])).await;
    // Read at the other end, so it was told before.
    let view = fixture.view();
    assert_eq!((view.totals.bytes, view.in_flight(), view.choked()), (16 * 1024, 0, 1));
    // One end has said all; the other goes on.
    near.shutdown().await.expect("open");
    assert_eq!(far.read(&mut [0; 9]).await.expect("open"), 0);
    say(&mut far, &mut near, &written(&[Message::Have(1)])).await;
    assert_eq!(fixture.view().totals.haves, 1);
    drop(far);
    assert_eq!(near.read(&mut [0; 9]).await.expect("open"), 0);
    fixture.relay.close().await;
    let view = fixture.collector.tick().state(&fixture.wire);
    assert_eq!((view.links.len(), view.totals.disconnected), (0, 1));
}

#[tokio::test]
async fn what_is_not_understood_passes_all_the_same() {
    let mut fixture = Fixture::new().await;
    let (mut near, mut far) = fixture.connect().await;
    let garbage: Vec<u8> = (0..100_000).map(|_| rand::random()).collect();
    say(&mut near, &mut far, &garbage).await;
    say(&mut far, &mut near, &garbage).await;
    let view = fixture.view();
    assert_eq!((view.totals.undecoded, view.totals.connected), (2, 0));
}

#[tokio::test]
async fn a_relay_that_is_closed_cuts_connections_off_and_says_so() {
    let mut fixture = Fixture::new().await;
    let (mut near, mut far) = fixture.connect().await;
    say(&mut near, &mut far, &handshake(fixture.tap.roster.enrol("leecher-1"))).await;
    assert_eq!(fixture.view().links.len(), 1);
    fixture.relay.close().await;
    let view = fixture.collector.tick().state(&fixture.wire);
    assert_eq!((view.links.len(), view.totals.disconnected), (0, 1));
    for mut end in [near, far] {
        // Closed or reset, as it came.
        assert_eq!(end.read(&mut [0; 9]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_target_that_refuses_ends_the_connection() {
    let Fixture { relay, listener, .. } = Fixture::new().await;
    let nobody = listener.local_addr().expect("bound");
    drop(listener);
    let mut near = TcpStream::connect(relay.aim(nobody)).await.expect("the relay listens");
    assert_eq!(near.read(&mut [0; 9]).await.unwrap_or(0), 0);
    relay.close().await;
}
