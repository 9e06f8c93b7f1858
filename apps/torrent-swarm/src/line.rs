//! [`Line`]: the connection to the peer that a torrent is fetched from.
//!
//! librqbit connects to a [`Door`] on loopback, and what it says is passed on to the peer. So the
//! first connection to the peer is the one that is used, it is known how each connection ended, and
//! when the next one is tried is decided here: librqbit would wait for ten seconds and then for a
//! minute or longer.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use librqbit_core::hash_id::Id20;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::member::{Redial, STALL};
use crate::wire::{End, Meeting, Seen, Tap, pass};

/// How long to wait after the first loss, twice as long after each further one, and at most.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Where the member finds its peer.
pub struct Door {
    listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
}

impl Door {
    /// Opens one on loopback.
    pub async fn open() -> Result<Self> {
        let cannot = "cannot listen on loopback";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context(cannot)?;
        let address = listener.local_addr().context(cannot)?;
        Ok(Self { listener, address })
    }

    /// The next connection of the member.
    async fn next(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                // Too many open files, say: the next may fare better, but not at once.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Turns the member away while there is nobody to connect it to.
    async fn closed(&self) -> std::convert::Infallible {
        loop {
            drop(self.next().await);
        }
    }
}

/// When the line will be tried again, for whoever shows it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Retry(Arc<AtomicU64>);

impl Retry {
    /// That time, in milliseconds from the start of the books, if there is something to wait for.
    pub fn at(&self) -> Option<u64> {
        // Relaxed: the number is all there is.
        match self.0.load(Relaxed) {
            0 => None,
            at => Some(at),
        }
    }

    fn set(&self, at: Option<Duration>) {
        let millis = |at: Duration| u64::try_from(at.as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.store(at.map_or(0, millis), Relaxed);
    }
}

/// How a connection came to nothing.
#[derive(Debug)]
enum Loss {
    /// There was none.
    Unreachable(io::Error),
    /// Nobody accepted it in time.
    NoConnection(Duration),
    /// It was accepted, and then nothing was said.
    NoHandshake(Duration),
    /// It was closed before a handshake.
    Closed,
    /// What came was no handshake.
    NotBitTorrent,
    /// The handshake was for another torrent.
    OtherTorrent,
    /// After the handshake came something that is no message.
    Garbage,
    /// It ended after the handshake.
    Gone,
    /// We ended it: a piece was wrong, or nothing is missing any more.
    Ours,
}

impl Loss {
    /// Whether another attempt would come to the same.
    fn is_final(&self) -> bool {
        matches!(self, Self::NotBitTorrent | Self::OtherTorrent)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_duration;
        match self {
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::NoConnection(patience) => {
                write!(f, "cannot be reached: no answer in {}", time(*patience))
            }
            Self::NoHandshake(patience) => {
                write!(f, "did not answer the BitTorrent handshake in {}", time(*patience))
            }
            Self::Closed => f.write_str("closed the connection instead of answering the handshake"),
            Self::NotBitTorrent => {
                f.write_str("answered with something that is no BitTorrent handshake")
            }
            Self::OtherTorrent => f.write_str("answered the handshake for another torrent"),
            Self::Garbage => {
                f.write_str("sent something after the handshake that is no BitTorrent message")
            }
            Self::Gone => f.write_str("closed the connection"),
            Self::Ours => f.write_str("was disconnected, as what it sent was wrong"),
        }
    }
}

/// What has been heard of the peer on a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    handshake: Option<Id20>,
    payload: bool,
    nonsense: bool,
}

/// The connection to a peer, made again whenever it is lost.
pub struct Line {
    /// Where the member comes.
    pub door: Door,
    /// The peer.
    pub peer: SocketAddr,
    /// How long it may take to accept a connection, and again to answer the handshake.
    pub patience: Duration,
    /// The info hash of the torrent.
    pub torrent: Id20,
    /// What sees the wire, if anything does.
    pub tap: Option<Tap>,
    /// Makes the member connect again.
    pub redial: Redial,
    /// Where it says when it tries again.
    pub retry: Retry,
    /// When the books were opened.
    pub opened: Instant,
}

impl Line {
    /// Keeps the connection up, until that is hopeless: says why.
    pub async fn keep(self) -> Error {
        let start = Instant::now();
        // When payload came last.
        let mut fed = None;
        let mut wait = FIRST_WAIT;
        let mut first = Some(self.door.next().await);
        loop {
            let is_first = first.is_some();
            let loss = match self.reach(&mut first).await {
                Ok((near, far)) => {
                    let before = self.redial.have();
                    let (loss, has_fed) = self.pass(near, far).await;
                    // What was wrong feeds nobody.
                    let is_wrong = matches!(loss, Loss::Ours) && self.redial.have() <= before;
                    if has_fed && !is_wrong {
                        fed = Some(Instant::now());
                        wait = FIRST_WAIT;
                    }
                    loss
                }
                Err(loss) => loss,
            };
            let is_refused =
                is_first && matches!(loss, Loss::Unreachable(_) | Loss::NoConnection(_));
            // Who never sent anything has as long as a first answer may take.
            let is_late = match fed {
                None => start.elapsed() >= self.patience,
                Some(fed) => fed.elapsed() >= STALL,
            };
            if is_refused || loss.is_final() || is_late {
                return anyhow!("the peer {} {loss}", self.peer);
            }
            self.rest(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits, and says until when.
    async fn rest(&self, wait: Duration) {
        self.retry.set(Some(self.opened.elapsed() + wait));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            never = self.door.closed() => match never {},
        }
    }

    /// A connection to the peer, and the member's that is to be led to it.
    async fn reach(&self, first: &mut Option<TcpStream>) -> Result<(TcpStream, TcpStream), Loss> {
        let connecting = timeout(self.patience, TcpStream::connect(self.peer));
        let far = match first.take() {
            Some(near) => return Ok((near, connected(connecting.await, self.patience)?)),
            None => tokio::select! {
                far = connecting => connected(far, self.patience)?,
                never = self.door.closed() => match never {},
            },
        };
        self.retry.set(None);
        // The member gives up what it had, and connects at once.
        self.redial.again().await.map_err(|_| Loss::Ours)?;
        Ok((self.door.next().await, far))
    }

    /// Passes on what both say. Says how that ended, and whether any payload came.
    async fn pass(&self, near: TcpStream, far: TcpStream) -> (Loss, bool) {
        // Only what is small would be sent later.
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let name: Arc<str> = self.peer.to_string().into();
        let meeting = self.tap.as_ref().map(|tap| Meeting::new(tap, name));
        let heard = Cell::new(Heard::default());
        let saw = |back, seen| {
            if let Some(meeting) = &meeting {
                meeting.saw(back, seen);
            }
            if back {
                let mut now = heard.get();
                match seen {
                    Seen::Handshake { torrent, .. } => now.handshake = Some(torrent),
                    Seen::Piece { .. } => now.payload = true,
                    Seen::Nonsense => now.nonsense = true,
                    _ => {}
                }
                heard.set(now);
            }
        };
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        let silence = async {
            tokio::time::sleep(self.patience).await;
            if heard.get().handshake.is_some() {
                std::future::pending::<()>().await;
            }
        };
        let is_listener = |end: &End| matches!(end, End::Listener(_));
        let far_ended = tokio::select! {
            biased;
            end = pass(far_in, near_out, |seen| saw(true, seen)) => !is_listener(&end),
            end = pass(near_in, far_out, |seen| saw(false, seen)) => is_listener(&end),
            () = silence => return (Loss::NoHandshake(self.patience), false),
        };
        let Heard { handshake, payload, nonsense } = heard.get();
        let loss = match handshake {
            None if nonsense => Loss::NotBitTorrent,
            None => Loss::Closed,
            Some(torrent) if torrent != self.torrent => Loss::OtherTorrent,
            Some(_) if nonsense => Loss::Garbage,
            Some(_) if far_ended => Loss::Gone,
            Some(_) => Loss::Ours,
        };
        (loss, payload)
    }
}

fn connected(
    far: Result<io::Result<TcpStream>, tokio::time::error::Elapsed>,
    patience: Duration,
) -> Result<TcpStream, Loss> {
    match far {
        Err(_) => Err(Loss::NoConnection(patience)),
        Ok(far) => far.map_err(Loss::Unreachable),
    }
}
