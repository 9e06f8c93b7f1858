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
use crate::line::Retry;
use crate::state::State;

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
    retry: Retry,
) {
    let mut connections = HashMap::new();
    let mut stood = None;
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
        let now = look(&torrent, &progress.borrow());
        let stands = Standing::of(&now, !connections.is_empty(), &retry);
        if stood != Some(stands) {
            stood = Some(stands);
            page.member.record(|member| {
                member.have.set(stands.have.cast_signed());
                member.state.set(stands.state as i64);
                if let Some(at) = stands.retry_at {
                    member.retry_at.set(at.cast_signed());
                }
            });
        }
        progress.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}

/// What is shown of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    have: u64,
    state: State,
    retry_at: Option<u64>,
}

impl Standing {
    fn of(progress: &Progress, is_connected: bool, retry: &Retry) -> Self {
        let Progress { ready, have, finished, .. } = *progress;
        let retry_at = retry.at().filter(|_| ready && !finished && !is_connected);
        let state = match retry_at {
            _ if !ready => State::Checking,
            _ if finished => State::Seeding,
            _ if is_connected => State::Fetching,
            Some(_) => State::Retrying,
            None => State::Connecting,
        };
        Self { have, state, retry_at }
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

fn look(torrent: &ManagedTorrent, before: &Progress) -> Progress {
    let stats = torrent.stats();
    let is_live = stats.live.is_some();
    Progress {
        // It connects anew when a peer was lost, and is not live for a moment.
        ready: is_live || before.ready,
        // During the first check this number is what was checked, not what is there.
        have: if is_live { stats.progress_bytes } else { before.have },
        fetched: stats.live.map_or(0, |live| live.snapshot.fetched_bytes),
        total: stats.total_bytes,
        finished: is_live && stats.finished || before.finished,
        // The rest of it is a backtrace.
        error: stats.error.and_then(|error| error.lines().next().map(str::to_string)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stands_as_it_is() {
        let state = |ready, finished, is_connected| {
            let progress = Progress { ready, finished, ..Progress::default() };
            Standing::of(&progress, is_connected, &Retry::default()).state
        };
        assert_eq!(state(false, false, true), State::Checking);
        assert_eq!(state(true, false, false), State::Connecting);
        assert_eq!(state(true, false, true), State::Fetching);
        assert_eq!(state(true, true, false), State::Seeding);
    }
}
