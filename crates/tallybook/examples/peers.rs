//! A family whose keys come and go: peers of a torrent, with a line per tick.
//!
//! Each peer is a thread that receives blocks and sometimes completes a piece. It records in its
//! own entry and in the torrent's set in one fact, so the two agree in every snapshot, while peers
//! are live and after they have left.
//!
//! ```sh
//! cargo run -p tallybook --example peers
//! ```

use std::thread;
use std::time::{Duration, Instant};
use tallybook::{Counter, Gauge, Live, Max, Registry, Stats};

const BLOCK: u64 = 16 * 1024;

#[derive(Stats)]
struct Peer {
    /// Payload received.
    #[stats(unit = "bytes")]
    received: Counter,
    /// Connections to this peer.
    connections: Live,
}

#[derive(Stats)]
struct Torrent {
    /// Payload received from all peers.
    #[stats(unit = "bytes")]
    received: Counter,
    /// Pieces received and verified.
    pieces: Counter,
    /// The piece verified last.
    last_piece: Gauge,
    /// The longest that a block took, in the interval.
    #[stats(unit = "microseconds")]
    slowest_block: Max,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let torrent = registry.set::<Torrent>("torrent")?;
    let peers = registry.family::<String, Peer>("peer", "addr")?;
    let ticker = registry.collect_every(Duration::from_millis(200))?;
    let reader = registry.reader();

    let threads: Vec<_> = (1..=5_u64)
        .map(|n| {
            let (torrent, peers) = (torrent.clone(), peers.clone());
            thread::spawn(move || {
                let peer =
                    peers.entry(format!("10.0.0.{n}:6881")).expect("the family has no limit");
                let _connection = peer.open(Peer::connections);
                for block in 0..n * 100 {
                    let started = Instant::now();
                    thread::sleep(Duration::from_millis(2)); // the network
                    torrent.record(|t| {
                        t.received.add(BLOCK);
                        t.slowest_block.observe(started.elapsed().as_micros() as u64);
                        if block % 16 == 15 {
                            t.pieces.inc();
                            t.last_piece.set((n * 1_000 + block / 16) as i64);
                        }
                        peer.record(|p| p.received.add(BLOCK));
                    });
                }
            })
        })
        .collect();

    let mut epoch = 0;
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        let now = reader.wait_next(epoch, Duration::from_secs(1))?;
        epoch = now.epoch();
        let (all, peers) = (now.set(&torrent), now.family(&peers));
        let live: i64 = peers.iter().map(|(_, peer)| peer.connections.live()).sum();
        assert_eq!(all.received, peers.total().received, "in every snapshot");
        println!(
            "{:>5.1} s  {live} live, {:>6} KiB; left: {:>6} KiB; {:>3} pieces, last {:?}",
            now.at().as_secs_f64(),
            (peers.total().received - peers.retired().received) / 1024,
            peers.retired().received / 1024,
            all.pieces,
            all.last_piece,
        );
    }
    for thread in threads {
        thread.join().expect("no peer panics");
    }
    ticker.stop()?; // with a last exact cut
    println!("{:#?}", reader.latest().set(&torrent));
    Ok(())
}
