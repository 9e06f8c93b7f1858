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
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::args::Rate;
use crate::books::{Books, End, Stay};
use crate::observe::{Progress, observe};
use crate::storage::{CountingFactory, WriteFault};
use crate::wire::{Relay, Tap};

/// How long a member may go without a single new chunk.
const STALL: Duration = Duration::from_secs(120);

/// How long a member that leaves may take to let go of its file, and then to be gone from the
/// books, which takes two cuts.
const FAREWELL: Duration = Duration::from_secs(30);

/// Where cuts are further apart than this, nobody waits for the one that shows a member gone.
const SOON: Duration = Duration::from_secs(1);

/// What a member needs to join.
pub struct Joining {
    /// Its name, which is its key in the books.
    pub name: String,
    /// The folder of its files.
    pub dir: PathBuf,
    /// The torrent file.
    pub torrent: Vec<u8>,
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
}

/// A present member. Dropping it stops its session; [`Member::leave`] also waits until it is gone.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where others reach it: at its relay, if the wire is tapped.
    pub address: SocketAddr,
    relay: Option<Relay>,
    progress: watch::Receiver<Progress>,
    session: Arc<Session>,
    torrent: Arc<ManagedTorrent>,
    observer: JoinHandle<()>,
    stay: Option<Stay>,
    end: End,
}

impl Member {
    /// Starts a session and adds the torrent to it.
    pub async fn join(
        books: &Books,
        faults: &UnboundedSender<WriteFault>,
        joining: Joining,
    ) -> Result<Self> {
        let Joining { name, dir, torrent, peers, rate, peer_timeout, tap, allowed } = joining;
        let page = books.page(&name)?;
        let relay = match &tap {
            Some(tap) => Some(Relay::open(tap.clone(), &name).await?),
            None => None,
        };
        let id = tap.map(|tap| tap.roster.enrol(&name));
        let options =
            SessionOptions { peer_id: id, allowlist_url: allowed, ..options(rate, peer_timeout) };
        let session = Session::new_with_opts(dir.clone(), options)
            .await
            .with_context(|| format!("member {name}: cannot start a BitTorrent session"))?;
        let factory = CountingFactory {
            name: name.clone(),
            dir: dir.clone(),
            page: page.clone(),
            faults: faults.clone(),
        };
        let torrent = session
            .add_torrent(
                AddTorrent::from_bytes(torrent),
                Some(AddTorrentOptions {
                    overwrite: true,
                    output_folder: Some(dir.to_string_lossy().into_owned()),
                    initial_peers: Some(peers),
                    disable_trackers: true,
                    storage_factory: Some(factory.boxed()),
                    ..Default::default()
                }),
            )
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
        let observer = tokio::spawn(observe(torrent.clone(), page, books.librqbit.clone(), report));
        Ok(Self { name, address, relay, progress, session, torrent, observer, stay, end })
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

    /// Waits until it has met a peer; `false` when it met none in `patience`.
    pub async fn met(&mut self, patience: Duration) -> Result<bool> {
        match timeout(patience, self.until(|progress| progress.met || progress.finished)).await {
            Ok(result) => result.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    async fn until(&mut self, mut reached: impl FnMut(&Progress) -> bool) -> Result<Progress> {
        let name = &self.name;
        loop {
            let fetched = self.progress.borrow().fetched;
            let step = self.progress.wait_for(|progress| {
                reached(progress) || progress.error.is_some() || progress.fetched > fetched
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
    /// books; and where cuts come every `interval` and that is soon, until the books show that the
    /// member is gone.
    pub async fn leave(mut self, books: &Books, interval: Duration) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        let mut end = self.end.clone();
        self.observer.abort();
        // An aborted task always ends in an error.
        let _ = (&mut self.observer).await;
        // Fails if librqbit has stopped the torrent by itself, which is as good.
        let _ = self.session.pause(&self.torrent).await;
        let relay = self.relay.take();
        drop(self);
        if let Some(relay) = relay {
            relay.close().await;
        }
        timeout(FAREWELL, end.reached()).await.with_context(|| {
            format!("member {name} did not let go of its file in {} s", FAREWELL.as_secs())
        })?;
        if interval > SOON {
            return Ok(());
        }
        let reader = books.registry.reader();
        let gone = async {
            let mut snapshot = reader.latest();
            while snapshot.family(&books.members).get(&name).is_some() {
                snapshot = reader.next(snapshot.epoch()).await?;
            }
            anyhow::Ok(())
        };
        timeout(FAREWELL, gone).await.with_context(|| {
            format!("member {name} was still in the books {} s after it left", FAREWELL.as_secs())
        })?
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.observer.abort();
        self.session.cancellation_token().cancel();
        self.stay.take();
    }
}

fn options(rate: Rate, peer_timeout: Duration) -> SessionOptions {
    SessionOptions {
        dht: None,
        disable_trackers: true,
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
        ratelimits: LimitsConfig { upload_bps: rate.0, download_bps: None },
        ..Default::default()
    }
}
