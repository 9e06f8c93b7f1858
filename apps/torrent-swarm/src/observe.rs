//! What librqbit says of a member, read every few milliseconds: its progress, its live peers, and
//! its own law.
//!
//! librqbit counts the payload fetched from each peer and, apart from that, the payload fetched for
//! the torrent. The live peers can never have given more than the torrent got. Departed peers
//! vanish from the per-peer view, so nothing more than that can be asked. The peers are read first
//! and the total after them, which can only favour the law; it breaks all the same, because a chunk
//! that arrives after its request was cancelled is added to the peer and not to the torrent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use librqbit::ManagedTorrent;
use tallybook::Set;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::books::{Librqbit, Member, Page};

/// Time between two readings.
const PERIOD: Duration = Duration::from_millis(4);

/// How far a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The first hash check is over.
    pub ready: bool,
    /// Payload of the pieces it has.
    pub have: u64,
    /// Payload that arrived, whole pieces or not.
    pub fetched: u64,
    /// Payload there is.
    pub total: u64,
    /// It has everything.
    pub finished: bool,
    /// It is or was connected to somebody.
    pub met: bool,
    /// librqbit gave up, and why.
    pub error: Option<String>,
}

/// Reads `torrent` until the task is aborted, reporting to `progress`. The connections it holds
/// open close with it.
pub async fn observe(
    torrent: Arc<ManagedTorrent>,
    page: Page,
    own: Set<Librqbit>,
    progress: watch::Sender<Progress>,
) {
    let mut connections = HashMap::new();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(live) = torrent.live() {
            let peers = live.per_peer_stats_snapshot(Default::default()).peers;
            let total = live.stats_snapshot().fetched_bytes;
            let parts: u64 = peers.values().map(|peer| peer.counters.fetched_bytes).sum();
            if parts > 0 || total > 0 {
                read(&own, parts, total);
            }
            let addresses: HashSet<String> = peers.into_keys().collect();
            connections.retain(|address, _| addresses.contains(address));
            for address in addresses {
                connections.entry(address).or_insert_with(|| page.member.open(Member::connections));
            }
        } else {
            connections.clear();
        }
        let now = look(&torrent, !connections.is_empty() || progress.borrow().met);
        if now.have != progress.borrow().have {
            // A file beyond the range of an i64 does not exist.
            page.member.record(|member| member.have.set(now.have.cast_signed()));
        }
        progress.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}

fn read(own: &Set<Librqbit>, parts: u64, total: u64) {
    own.record(|own| {
        own.readings.inc();
        if parts > total {
            own.broken.inc();
            own.worst.observe(parts - total);
        }
    });
}

fn look(torrent: &ManagedTorrent, met: bool) -> Progress {
    let stats = torrent.stats();
    let ready = stats.live.is_some();
    Progress {
        ready,
        // During the first check this number is what was checked, not what is there.
        have: if ready { stats.progress_bytes } else { 0 },
        fetched: stats.live.map_or(0, |live| live.snapshot.fetched_bytes),
        total: stats.total_bytes,
        finished: ready && stats.finished,
        met,
        // The rest of it is a backtrace.
        error: stats.error.and_then(|error| error.lines().next().map(str::to_string)),
    }
}
