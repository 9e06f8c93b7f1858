//! One member of the swarm: a BitTorrent session of its own with one torrent in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use librqbit::storage::StorageFactoryExt;
use librqbit::{
    AddTorrent, AddTorrentOptions, ConnectionOptions, ListenerOptions, ManagedTorrent,
    PeerConnectionOptions, Session, SessionOptions, limits::LimitsConfig,
};
use librqbit_core::hash_id::Id20;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::args::Rate;
use crate::books::{Books, End, Stay};
use crate::files::{Files, Place};
use crate::line::Retry;
use crate::observe::{Progress, observe};
use crate::pace::pace;
use crate::pieces::{Pieces, Span};
use crate::storage::{CountingFactory, WriteFault};
use crate::torrent::Torrent;
use crate::wire::{Relay, Tap};

/// How long a member may go without a single new chunk.
pub const STALL: Duration = Duration::from_secs(120);

/// How long a member that leaves may take to let go of its file.
const FAREWELL: Duration = Duration::from_secs(30);

/// How often a tracker is asked.
const TRACKER: Duration = Duration::from_secs(2);

/// How many of a member's calls may block a thread at once. Each thread that ever records has a
/// shard in the books.
const BLOCKING: usize = 2;

/// What a member needs to join.
pub struct Joining {
    /// Its name, which is its key in the books.
    pub name: String,
    /// Its files.
    pub files: Files,
    /// The torrent.
    pub torrent: Torrent,
    /// Whom to connect to.
    pub peers: Vec<SocketAddr>,
    /// What it may send per second.
    pub rate: Rate,
    /// How long a peer may take to accept a connection.
    pub peer_timeout: Duration,
    /// What sees the wire, if anything does.
    pub tap: Option<Tap>,
    /// Where the addresses are written that it may connect to, as a URL; `None` for all.
    pub allowed: Option<String>,
    /// The torrent file with a tracker in it that tells it of more peers.
    pub announced: Option<Vec<u8>>,
    /// Who says when its peer is tried again.
    pub retry: Retry,
}

/// A present member. Dropping it stops its session; [`Member::leave`] also waits until it is gone.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where others reach it: at its relay, if the wire is tapped.
    pub address: SocketAddr,
    /// Its pieces.
    pub pieces: Arc<Pieces>,
    relay: Option<Relay>,
    progress: watch::Receiver<Progress>,
    session: Arc<Session>,
    torrent: Arc<ManagedTorrent>,
    tasks: JoinSet<()>,
    stay: Option<Stay>,
    end: End,
}

/// Makes a member connect to its peers as if it had just joined.
pub struct Redial {
    session: Arc<Session>,
    torrent: Arc<ManagedTorrent>,
}

impl Redial {
    /// Payload of the pieces that the member has.
    pub fn have(&self) -> u64 {
        self.torrent.stats().progress_bytes
    }

    /// Does it.
    pub async fn again(&self) -> Result<()> {
        self.session.pause(&self.torrent).await?;
        self.session.unpause(&self.torrent).await
    }
}

impl Member {
    /// Starts a session and adds the torrent to it.
    pub async fn join(
        books: &Books,
        faults: &UnboundedSender<WriteFault>,
        joining: Joining,
    ) -> Result<Self> {
        let Joining { name, files, torrent, peers, rate, peer_timeout, tap, .. } = joining;
        let Joining { allowed, announced, retry, .. } = joining;
        let page = books.page(&name)?;
        let relay = match &tap {
            Some(tap) => Some(Relay::open(tap.clone(), &name).await?),
            None => None,
        };
        let id = tap.as_ref().map(|tap| tap.roster.enrol(&name));
        let options = SessionOptions {
            peer_id: id,
            allowlist_url: allowed,
            disable_trackers: announced.is_none(),
            ..options(rate, peer_timeout)
        };
        // Nothing is ever written there: the storage knows its files.
        let session = Session::new_with_opts(PathBuf::new(), options)
            .await
            .with_context(|| format!("member {name}: cannot start a BitTorrent session"))?;
        // From here on the session is stopped if this is given up.
        let guard = session.cancellation_token().clone().drop_guard();
        let span = |place: &Place| Span { start: place.start, path: files.current(place) };
        let spans = files.places().iter().map(span).collect();
        let pieces = Arc::new(Pieces::new(torrent.piece_length, torrent.total, spans)?);
        let factory = CountingFactory {
            name: name.as_str().into(),
            files,
            pieces: pieces.clone(),
            page: page.clone(),
            faults: faults.clone(),
            tap,
        };
        let options = AddTorrentOptions {
            output_folder: Some(String::new()),
            initial_peers: Some(peers),
            disable_trackers: announced.is_none(),
            force_tracker_interval: announced.as_ref().map(|_| TRACKER),
            storage_factory: Some(factory.boxed()),
            ..Default::default()
        };
        let torrent = session
            .add_torrent(AddTorrent::from_bytes(announced.unwrap_or(torrent.bytes)), Some(options))
            .await
            .with_context(|| format!("member {name}: cannot add the torrent"))?
            .into_handle()
            .with_context(|| format!("member {name}: librqbit only listed the torrent"))?;
        let address =
            session.listen_addr().with_context(|| format!("member {name}: not listening"))?;
        let address = match &relay {
            Some(relay) => relay.aim(address),
            None => address,
        };
        let (report, progress) = watch::channel(Progress::default());
        let (stay, end) = (Some(page.stay()), page.end());
        let mut tasks = JoinSet::new();
        tasks.spawn(observe(torrent.clone(), page, books.librqbit.clone(), report, retry));
        if let Some(rate) = rate.0 {
            tasks.spawn(pace(session.clone(), torrent.clone(), rate));
        }
        // The member stops it from now on.
        let _ = guard.disarm();
        Ok(Self { name, address, pieces, relay, progress, session, torrent, tasks, stay, end })
    }

    /// What makes it connect to its peers again.
    pub fn redial(&self) -> Redial {
        Redial { session: self.session.clone(), torrent: self.torrent.clone() }
    }

    /// The info hash of its torrent.
    pub fn info_hash(&self) -> Id20 {
        self.torrent.info_hash()
    }

    /// Waits until the first hash check is over.
    pub async fn ready(&mut self) -> Result<()> {
        self.until(|progress| progress.ready).await.map(drop)
    }

    /// Waits until it has half of the payload.
    pub async fn half(&mut self) -> Result<()> {
        self.until(|progress| progress.ready && progress.have * 2 >= progress.total).await.map(drop)
    }

    /// Waits until it has everything.
    pub async fn complete(&mut self) -> Result<()> {
        self.until(|progress| progress.finished).await.map(drop)
    }

    async fn until(&mut self, mut reached: impl FnMut(&Progress) -> bool) -> Result<Progress> {
        let name = &self.name;
        loop {
            let fetched = self.progress.borrow().fetched;
            let step = self.progress.wait_for(|progress| {
                reached(progress) || progress.error.is_some() || progress.fetched != fetched
            });
            let progress = match timeout(STALL, step).await {
                Err(_) => bail!("member {name}: nothing new arrived for {} s", STALL.as_secs()),
                Ok(Err(_)) => bail!("member {name}: its observer is gone"),
                Ok(Ok(progress)) => progress.clone(),
            };
            if let Some(error) = progress.error {
                return Err(anyhow!("member {name}: {error}"));
            }
            if reached(&progress) {
                return Ok(progress);
            }
        }
    }

    /// Stops the session and waits until it has let go of the file, so that all it did is in the
    /// books. Whether anybody looks at the books makes no difference to it.
    pub async fn leave(mut self) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        let mut end = self.end.clone();
        self.tasks.shutdown().await;
        // Fails if librqbit has stopped the torrent by itself, which is as good.
        let _ = self.session.pause(&self.torrent).await;
        let relay = self.relay.take();
        drop(self);
        if let Some(relay) = relay {
            relay.close().await;
        }
        timeout(FAREWELL, end.reached()).await.with_context(|| {
            format!("member {name} did not let go of its file in {} s", FAREWELL.as_secs())
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.tasks.abort_all();
        self.session.cancellation_token().cancel();
        self.stay.take();
    }
}

fn options(rate: Rate, peer_timeout: Duration) -> SessionOptions {
    SessionOptions {
        dht: None,
        disable_local_service_discovery: true,
        listen: Some(ListenerOptions {
            listen_addr: (Ipv4Addr::LOCALHOST, 0).into(),
            ipv4_only: true,
            ..Default::default()
        }),
        connect: Some(ConnectionOptions {
            peer_opts: Some(PeerConnectionOptions {
                connect_timeout: Some(peer_timeout),
                // A slow peer is not a dead one: chunks wait their turn under a low rate limit.
                read_write_timeout: Some(STALL),
                ..Default::default()
            }),
            ..Default::default()
        }),
        runtime_worker_threads: Some(BLOCKING),
        ratelimits: LimitsConfig { upload_bps: rate.0, download_bps: None },
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::file::{Making, Payload};

    /// Nobody takes a cut, and it makes no difference.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_member_comes_and_leaves_though_nobody_looks() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let payload = Payload::make(dir.path(), 100_001, false, Making::default()).await;
        let Payload { files, torrent, .. } = payload.expect("made");
        let books = Books::new(None).expect("books");
        let (faults, _faulty) = unbounded_channel();
        let joining = Joining {
            name: "seed".into(),
            files,
            torrent,
            peers: Vec::new(),
            rate: Rate(None),
            peer_timeout: STALL,
            tap: None,
            allowed: None,
            announced: None,
            retry: Retry::default(),
        };
        let mut member = Member::join(&books, &faults, joining).await.expect("joined");
        member.complete().await.expect("it has the file");
        member.leave().await.expect("left");
        books.deserted().await;
        let last = books.registry.collector().expect("the first").tick();
        let swarm = last.set(&books.swarm);
        assert_eq!((swarm.members.opened, swarm.members.closed), (1, 1));
        assert_eq!(swarm.traffic.checked, 100_001);
    }
}
